#include "tests/bench/load.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLongestTurn = 20'000'000;  ///< nanoseconds: how late the end of a phase is seen
constexpr std::size_t kOpeningAtOnce = 64;
constexpr std::int64_t kPatience = 60;             ///< seconds, for what must come at some time

std::int64_t to_ns(double seconds) { return static_cast<std::int64_t>(seconds * static_cast<double>(kSecond)); }

}  // namespace

Load::Load(const Options& options, Work& work) : options_(options), work_(work), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (options.is_tls) tls_ = make_tls_context(options);
  if (options.rate > 0) style_ = Style::open_loop;
  if (options.trace.empty()) return;
  trace_.reset(std::fopen(options.trace.c_str(), "w"));
  if (!trace_) throw std::runtime_error("cannot write " + options.trace + ": " + std::strerror(errno));
}

Load::~Load() {
  connections_.clear();
  ::close(epoll_);
}

Moment Load::moment() const { return {now_ns(), is_stranded() ? ProcessUse{} : use_of_process(options_.pid), own_cpu_seconds()}; }

std::size_t Load::open_connections() const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), [](const auto& one) { return one->is_open(); }));
}

void Load::run() {
  if (style_ == Style::open_loop) open_all();
  schedule_begin_ns_ = now_ns();
  const std::int64_t warm_at = schedule_begin_ns_ + to_ns(options_.warm_up);
  while (now_ns() < warm_at || open_connections() == 0) {
    turn(std::min(kLongestTurn, warm_at - now_ns()));
    if (is_stranded()) throw std::runtime_error("no connection is left to " + options_.authority);
  }
  *counts_ = Counts{};
  begin_ = moment();
  while (!is_enough(now_ns())) turn(kLongestTurn);
  end_ = moment();
  if (style_ == Style::open_loop) {
    while (due_ns(offered_ + not_started_) <= end_.at_ns) ++not_started_;
  }
  drain();
}

bool Load::is_enough(std::int64_t now) const {
  if (is_stranded()) return true;
  if (options_.requests > 0) return counts_->requests >= options_.requests;
  return now - begin_.at_ns >= to_ns(options_.seconds);
}

/// Answers that are under way are waited for, uncounted, so that no server is left with half of a request.
void Load::drain() {
  is_ending_ = true;
  auto kept = std::make_unique<Counts>(*counts_);
  const std::int64_t until = now_ns() + 5 * kSecond;
  while (in_flight_ > 0 && now_ns() < until) turn(kLongestTurn);
  counts_ = std::move(kept);
}

void Load::run_idle() {
  style_ = Style::once_each;
  begin_ = moment();
  const std::int64_t until = now_ns() + kPatience * kSecond;
  while (counts_->requests < options_.connections && now_ns() < until && !is_stranded()) turn(kLongestTurn);
  const std::int64_t held_until = now_ns() + to_ns(options_.seconds);
  while (now_ns() < held_until) turn(kLongestTurn);
  end_ = moment();
}

void Load::run_once() {
  style_ = Style::once_each;
  begin_ = moment();
  while (counts_->requests == 0 && !is_stranded()) turn(kLongestTurn);
  end_ = moment();
}

/// Before anything is offered: what is due must not wait for a connection that is still to be made.
void Load::open_all() {
  const std::int64_t until = now_ns() + kPatience * kSecond;
  while (open_connections() < options_.connections && now_ns() < until && !is_stranded()) turn(kLongestTurn);
}

void Load::open_more() {
  const std::size_t under_way = style_ == Style::once_each ? in_flight_ : 0;  // thousands of connections are no burst of requests
  while (opening_ + under_way < kOpeningAtOnce && connections_.size() < options_.connections) {
    auto connection = std::make_unique<Connection>(options_, tls_.get(), static_cast<Events&>(*this), work_.wants_answers());
    if (!connection->open()) throw std::runtime_error("nobody listens at " + options_.authority + ": " + std::strerror(errno));
    ++opening_;
    watch(*connection);
    connections_.push_back(std::move(connection));
  }
}

/// One wait, and all that it brought.
void Load::turn(std::int64_t longest_ns) {
  open_more();
  std::int64_t wait = std::max<std::int64_t>(longest_ns, 0);
  if (style_ == Style::open_loop && !is_ending_ && schedule_begin_ns_ != 0) {
    const std::int64_t now = now_ns();
    offer_due(now);
    if (!resting_.empty()) wait = std::clamp<std::int64_t>(due_ns(offered_) - now, 0, wait);
  }
  std::array<epoll_event, 256> events;
  const timespec timeout{wait / kSecond, wait % kSecond};
  const int found = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  if (found < 0 && errno != EINTR) throw std::runtime_error(std::string("epoll: ") + std::strerror(errno));
  for (int i = 0; i < found; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    handle(*static_cast<Connection*>(event.data.ptr), (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0);
  }
}

void Load::handle(Connection& connection, bool is_readable) {
  if (connection.socket() < 0) return;
  const bool was_open = connection.is_open();
  bool is_alive = connection.handle(is_readable);
  if (!was_open && (connection.is_open() || !is_alive)) --opening_;
  const auto is_active = [](const Exchange& exchange) { return exchange.is_active; };
  auto& exchanges = connection.exchanges();
  if (is_alive && connection.is_open() && !connection.can_request()) is_alive = std::any_of(exchanges.begin(), exchanges.end(), is_active);
  if (is_alive) {
    watch(connection);
  } else {
    replace(connection);
  }
}

/// Tells epoll what is waited for, if that has changed.
void Load::watch(Connection& connection) {
  const bool is_new = !connection.is_open() && !connection.is_watched_for_writing;
  if (!is_new && connection.wants_to_write() == connection.is_watched_for_writing) return;
  connection.is_watched_for_writing = connection.wants_to_write();
  epoll_event event{};
  event.events = EPOLLIN | (connection.is_watched_for_writing ? EPOLLOUT : 0U);
  event.data.ptr = &connection;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket(), &event) == 0) return;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket(), &event);
}

/// The connection is over: what was in flight is lost, and another takes its place.
void Load::replace(Connection& connection) {
  for (Exchange& exchange : connection.exchanges()) {
    if (!exchange.is_active) continue;
    exchange.is_active = false;
    --in_flight_;
    ++counts_->requests;
    ++counts_->lost;
  }
  std::erase_if(resting_, [&connection](const Exchange* exchange) { return exchange->connection == &connection; });
  std::erase(dirty_, &connection);
  connection.close();
  if (is_ending_) return;
  ++counts_->reconnects;
  if (connection.open()) {
    ++opening_;
    watch(connection);
  } else {
    ++dead_;
  }
}

void Load::opened(Connection& connection) {
  const std::int64_t now = now_ns();
  for (Exchange& exchange : connection.exchanges()) {
    if (style_ == Style::open_loop) {
      resting_.push_back(&exchange);
    } else {
      work_.begin(exchange);
      send(exchange, now, now);
    }
  }
}

void Load::send(Exchange& exchange, std::int64_t started_ns, std::int64_t now) {
  ++in_flight_;
  exchange.sent_ns = now;
  exchange.connection->submit(exchange, started_ns);
}

void Load::finished(Exchange& exchange, std::uint32_t error_code, std::int64_t now) {
  --in_flight_;
  const bool is_ok = count(exchange, error_code, now);
  if (is_ending_ || !exchange.connection->can_request()) return;
  if (is_ok && work_.go_on(exchange)) return send(exchange, now, now);
  if (is_ok) ++counts_->exchanges;
  if (style_ == Style::open_loop) resting_.push_back(&exchange);
  if (style_ != Style::closed_loop) return;
  work_.begin(exchange);
  send(exchange, now, now);
}

/// True if the answer is the right one.
bool Load::count(Exchange& exchange, std::uint32_t error_code, std::int64_t now) {
  ++counts_->requests;
  if (error_code != NGHTTP2_NO_ERROR || exchange.status == 0) {
    ++counts_->reset;
    return false;
  }
  ++counts_->by_status[std::min<std::size_t>(exchange.status, counts_->by_status.size() - 1)];
  const auto since = [now](std::int64_t begin) { return static_cast<std::uint64_t>(std::max<std::int64_t>(now - begin, 0)); };
  if (trace_) {
    std::fprintf(trace_.get(), "%lld %.1f %u\n", static_cast<long long>(exchange.started_ns),
                 static_cast<double>(since(exchange.started_ns)) / 1000.0, exchange.status);
  }
  const bool is_success = exchange.status >= 200 && exchange.status <= 299;
  (is_success ? counts_->latency : counts_->refusal).add(since(exchange.started_ns));
  if (!is_success) return false;
  if (style_ == Style::open_loop) counts_->since_sent.add(since(exchange.sent_ns));
  const bool is_right = work_.is_right(exchange);
  ++(is_right ? counts_->ok : counts_->wrong);
  return is_right;
}

std::int64_t Load::due_ns(std::uint64_t number) const {
  return schedule_begin_ns_ + to_ns(static_cast<double>(number) / options_.rate);
}

/// Open loop: sends what is due, each on the stream that rested longest; its latency counts from when it was due.
void Load::offer_due(std::int64_t now) {
  while (!resting_.empty() && due_ns(offered_) <= now) {
    Exchange& exchange = *resting_.front();
    resting_.pop_front();
    if (!exchange.connection->can_request()) continue;  // it rests again once the connection is replaced
    work_.begin(exchange);
    send(exchange, due_ns(offered_++), now);
    if (exchange.connection->is_dirty) continue;
    exchange.connection->is_dirty = true;
    dirty_.push_back(exchange.connection);
  }
  const std::vector<Connection*> dirty = std::exchange(dirty_, {});
  for (Connection* connection : dirty) handle(*connection, false);
}

}  // namespace bench
