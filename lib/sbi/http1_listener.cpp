#include "lib/sbi/http1_listener.hpp"

#include <pistache/peer.h>
#include <pistache/transport.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <chrono>
#include <deque>
#include <mutex>
#include <system_error>
#include <utility>

#include "lib/base/log.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
namespace Aio = Pistache::Aio;
namespace Http = Pistache::Http;
namespace Polling = Pistache::Polling;
namespace Tcp = Pistache::Tcp;

constexpr int kHttp1Backlog = 1024;
constexpr int kAcceptsATurn = 64;                        ///< before the next is taken in
constexpr std::chrono::milliseconds kAcceptPause{100};   ///< when there are no descriptors
/// From one that gives way to the next. Without it a crowd had 14,000 a second taken in and closed, and requests behind them took 40 ms each.
constexpr std::chrono::microseconds kGiveWayPause{500};
constexpr timespec kLateCheckEach{0, 500 * 1000 * 1000};

base::Descriptor event() {
  base::Descriptor made(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!made.is_open()) throw std::system_error(errno, std::generic_category());
  return made;
}

/// What a thread of Pistache's has, and the time that a peer may take: until the first request's head is whole, until its body is, and from an
/// answer until the next request is. Who has been told nothing yet is told 408.
class TimedTransport final : public Tcp::Transport {
 public:
  TimedTransport(const std::shared_ptr<Tcp::Handler>& handler, const ServerLimits& limits)
      : Tcp::Transport(handler), handler_(handler), limits_(limits) {}
  TimedTransport(const TimedTransport&) = delete;
  TimedTransport& operator=(const TimedTransport&) = delete;

  [[nodiscard]] std::shared_ptr<Aio::Handler> clone() const override { return std::make_shared<TimedTransport>(handler_->clone(), limits_); }

  void registerPoller(Polling::Epoll& poller) override {
    Tcp::Transport::registerPoller(poller);
    timer_ = base::Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    const itimerspec each{kLateCheckEach, kLateCheckEach};
    if (!timer_.is_open() || ::timerfd_settime(timer_.get(), 0, &each, nullptr) != 0) throw std::system_error(errno, std::generic_category());
    arrival_ = event();
    for (const auto* own : {&timer_, &arrival_}) poller.addFd(own->get(), Pistache::Flags<Polling::NotifyOn>(Polling::NotifyOn::Read), tag_of(*own));
  }

  void onReady(const Aio::FdSet& ready) override {
    std::uint64_t times = 0;
    if (has(ready, timer_) && ::read(timer_.get(), &times, sizeof times) > 0) end_late_ones();
    if (has(ready, arrival_) && ::eventfd_read(arrival_.get(), &times) == 0) take_arrived();
    Tcp::Transport::onReady(ready);
  }

  /// From any thread. Pistache's own queue may forget a peer until the next comes: it takes the word of one that comes just when it has found nothing.
  void hand_over(std::shared_ptr<Tcp::Peer> peer) {
    const std::lock_guard guard(mutex_);
    arrived_.push_back(std::move(peer));
    (void)::eventfd_write(arrival_.get(), 1);
  }

 private:
  using Instant = std::chrono::steady_clock::time_point;

  [[nodiscard]] static Polling::Tag tag_of(const base::Descriptor& own) { return Polling::Tag(static_cast<std::uint64_t>(own.get())); }
  [[nodiscard]] static bool has(const Aio::FdSet& ready, const base::Descriptor& own) {
    return std::any_of(ready.begin(), ready.end(), [&own](const Aio::FdSet::Entry& entry) { return entry.getTag() == tag_of(own); });
  }

  /// On its own thread, where Pistache takes them in at once.
  void take_arrived() {
    std::deque<std::shared_ptr<Tcp::Peer>> arrived;
    {
      const std::lock_guard guard(mutex_);
      arrived.swap(arrived_);
    }
    for (const auto& peer : arrived) handleNewPeer(peer);
  }

  /// Pistache takes them away when it reads the end: in here it still holds them.
  void end_late_ones() {
    const Instant now = std::chrono::steady_clock::now();
    for (const auto& [socket, peer] : peers) {
      if (!is_late(peer, now)) continue;
      if (!peer->isIdle()) {
        Http::ResponseWriter writer(Http::Version::Http11, this, static_cast<Http::Handler*>(handler_.get()), peer);
        writer.send(Http::Code::Request_Timeout);
        flush();
      }
      ::shutdown(socket, SHUT_RDWR);
    }
  }

  [[nodiscard]] bool is_late(const std::shared_ptr<Tcp::Peer>& peer, Instant now) const {
    const auto parser = Http::Handler::getParser(peer);
    const auto taken = now - parser->time();
    // A peer is idle once something was sent to it.
    if (peer->isIdle() || parser->step()->id() == Http::Private::BodyStep::Id) return taken > limits_.request_timeout;
    return taken > std::min(limits_.first_byte_timeout, limits_.request_timeout);
  }

  std::shared_ptr<Tcp::Handler> handler_;
  ServerLimits limits_;
  base::Descriptor timer_;
  base::Descriptor arrival_;  ///< there are some in arrived_
  std::mutex mutex_;
  std::deque<std::shared_ptr<Tcp::Peer>> arrived_;
};

base::Descriptor listening_socket(const std::string& address, std::uint16_t port) {
  const asio::ip::tcp::endpoint at(asio::ip::make_address(address), port);
  base::Descriptor socket(::socket(at.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  constexpr int kYes = 1;
  if (socket.is_open() && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &kYes, sizeof kYes) == 0 &&
      ::bind(socket.get(), at.data(), static_cast<socklen_t>(at.size())) == 0 && ::listen(socket.get(), kHttp1Backlog) == 0) {
    return socket;
  }
  throw std::system_error(errno, std::generic_category());
}

}  // namespace

Http1Listener::Http1Listener(const std::string& address, std::uint16_t port, const std::shared_ptr<Http::Handler>& handler,
                             const ServerLimits& limits, std::shared_ptr<Http1Sockets> sockets)
    : sockets_(std::move(sockets)), listening_(listening_socket(address, port)), told_(event()) {
  reactor_.init(Aio::AsyncContext(kThreads));
  transports_ = reactor_.addHandler(std::make_shared<TimedTransport>(handler, limits));
  reactor_.run();
  accepting_ = std::thread([this] { accept_all(); });
}

Http1Listener::~Http1Listener() {
  ::shutdown(listening_.get(), SHUT_RDWR);  // ends the wait for another one
  accepting_.join();
  reactor_.shutdown();
}

std::uint16_t Http1Listener::port() const {
  asio::ip::tcp::endpoint bound;
  auto size = static_cast<socklen_t>(bound.capacity());
  if (::getsockname(listening_.get(), bound.data(), &size) != 0) throw std::system_error(errno, std::generic_category());
  return bound.port();
}

void Http1Listener::accept_all() {
  while (!sockets_->has_ended()) {
    try {
      await_one();
      if (!is_held_) take_in_next();
      accept_some();
    } catch (const std::exception& error) {
      if (!std::exchange(is_stalled_, true) && !sockets_->has_ended()) base::log::warning("accept failed (HTTP/1.1): {}", error.what());
      (void)waiting_.drop();
    }
  }
}

/// Until it is time for the next of those that wait, or there is a new one.
void Http1Listener::await_one() {
  using std::chrono::nanoseconds;
  const nanoseconds pace = turn_ - std::chrono::steady_clock::now();
  const bool is_paced = pace > nanoseconds::zero();
  const bool has_one = !is_held_ && (next_ || !waiting_.empty());
  const bool is_timed = is_paced || has_one || is_stalled_;
  const nanoseconds most = is_paced ? pace : has_one ? nanoseconds::zero() : nanoseconds(kAcceptPause);
  const timespec pause{most.count() / 1000000000, most.count() % 1000000000};
  const bool may_accept = !is_paced && !is_stalled_;
  std::array<pollfd, 2> ready{{{may_accept ? listening_.get() : -1, POLLIN, 0}, {is_paced ? -1 : told_.get(), POLLIN, 0}}};
  (void)::ppoll(ready.data(), ready.size(), is_timed ? &pause : nullptr, nullptr);
  eventfd_t times = 0;
  if (ready[1].revents != 0 && ::eventfd_read(told_.get(), &times) == 0) is_held_ = false;
}

void Http1Listener::take_in_next() {
  if (!next_ && waiting_.empty()) return;
  if (!next_) next_ = waiting_.pop();
  try {
    using Place = Http1Sockets::Place;
    const Place place = sockets_->take_in(next_->socket.get(), [this] { return hand_over(*next_); }, told_.get());
    is_held_ = place == Place::later;
    is_crowded_ = is_held_ || place == Place::another_ones;
    if (is_held_) return;
    if (place != Place::none) (void)next_->socket.release();
    if (is_crowded_) turn_ = std::chrono::steady_clock::now() + kGiveWayPause;
  } catch (const std::exception& error) {
    base::log::warning("a connection over HTTP/1.1 is closed: {}", error.what());
  }
  next_.reset();
}

/// As many as there is room for, and more where all places are taken.
void Http1Listener::accept_some() {
  for (int i = 0; i < kAcceptsATurn && (is_crowded_ || waiting_.size() < kMostWaiting); ++i) {
    auto arrival = accept_one(listening_.get(), 0);
    is_stalled_ = false;
    if (!arrival) return;
    const std::string peer = arrival->remote.address().to_string();
    if (!waiting_.push(peer, std::move(*arrival))) sockets_->count_refused();
  }
}

/// To the thread that has fewest: while a request waits for its answer, its thread's other connections wait with it.
std::size_t* Http1Listener::hand_over(Arrival& arrival) {
  const auto fewest = std::min_element(connections_.begin(), connections_.end());
  const auto thread = static_cast<std::size_t>(fewest - connections_.begin());
  const auto transport = std::static_pointer_cast<TimedTransport>(reactor_.handlers(transports_)[thread]);
  transport->hand_over(Tcp::Peer::Create(arrival.socket.get(), Pistache::Address::fromUnix(arrival.remote.data())));
  return &*fewest;
}

}  // namespace sbi
