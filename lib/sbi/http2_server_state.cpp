#include "lib/sbi/http2_server_state.hpp"

#include <algorithm>
#include <unordered_map>

#include "lib/base/log.hpp"
#include "lib/sbi/http2_connection.hpp"
#include "lib/sbi/transport.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// Some at a time, for a new connection waits for all that came before it; not all, for they keep coming.
constexpr int kAcceptsATurn = 64;
/// Connections of debtors that are yet to be taken in: as many as the kernel would hold.
constexpr std::size_t kArrivalsWaiting = 1024;
/// TLS handshakes that wait to begin, but for those of debtors. Beyond it the crowd waits where it costs nothing and nobody has to give way
/// to it.
constexpr std::size_t kHellosWaiting = 32;
constexpr int kLookedAt = 64;  ///< connections, the oldest, for one that gives way
constexpr std::chrono::milliseconds kCrowdLookEach{10};
constexpr std::size_t kCrowdLeaves = 16;  ///< connections that give way at once
constexpr int kSweptATurn = 256;  ///< connections whose deadlines are looked at
constexpr int kEndedATurn = 16;   ///< of them; an end costs a hundred times a look
constexpr std::size_t kWipedATurn = std::size_t{1} << 20U;  ///< octets of bodies that nobody will read
/// Of what a peer has too much of: what it held in bodies is let go then, and more than max_buffered_bytes / kUnreadPart at a time would be wiped at once.
constexpr std::size_t kRelievedPart = 4;
constexpr std::size_t kUnreadPart = 2;  ///< of max_buffered_bytes they may be; what is more is wiped at once, whoever waits
/// Of the time of the loop, when others are served: at least this, and a part of what they take, so that it is never forgotten.
constexpr std::chrono::microseconds kBackShare{250};
constexpr int kBackPart = 4;
/// What is written waits for company while there is more to read, but no longer; less where one peer's would wait for what another has to say.
constexpr std::chrono::milliseconds kMaxUnsettled{10};
constexpr std::chrono::milliseconds kMaxUnsettledOfMany{1};

}  // namespace

Http2Server::State::State(asio::io_context& io, const Router& routes, const ServerLimits& allowed)
    : loop(io), router(routes), limits(allowed), round(allowed.max_wait), rates(allowed.max_requests_per_second), tick_(io), pace_(io),
      arrivals_(kArrivalsWaiting) {
  if (limits.max_handshakes_per_second > 0) handshake_rate_.emplace(static_cast<double>(limits.max_handshakes_per_second));
}

void Http2Server::State::accept(const std::shared_ptr<State>& self, std::size_t index) {
  listeners[index].acceptor.async_wait(tcp::acceptor::wait_read, [self, index](ErrorCode error) {
    if (self->is_draining || error) return;
    Listener& listener = self->listeners[index];
    try {
      self->accept_some(self, index);
    } catch (const boost::system::system_error& fault) {
      base::log::warning("accept failed: {}", fault.code().message());
      listener.is_stalled = true;
      return;
    }
    listener.is_held = self->has_enough_hellos(listener);
    if (!listener.is_held) self->accept(self, index);
  });
}

bool Http2Server::State::has_enough_hellos(const Listener& listener) const { return listener.tls != nullptr && hellos_.others() >= kHellosWaiting; }

/// Once half of those that waited have begun, the listeners that they held up go on.
void Http2Server::State::let_in(const std::shared_ptr<State>& self) {
  if (is_draining || hellos_.others() > kHellosWaiting / 2) return;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (std::exchange(listeners[i].is_held, false)) accept(self, i);
  }
}

/// Those that have come already, up to a number. To accept them is their peers' debt too, whether they are taken in or not.
void Http2Server::State::accept_some(const std::shared_ptr<State>& self, std::size_t index) {
  Instant began = now();
  for (int i = 0; i < kAcceptsATurn && !has_enough_hellos(listeners[index]); ++i) {
    auto arrival = accept_one(listeners[index].acceptor.native_handle(), index);
    if (!arrival) return;
    const std::string peer = arrival->remote.address().to_string();
    const auto share = shares.share_of(peer);
    if (shares.is_in_debt(*share, began)) {
      stand_outside(self, peer, std::move(*arrival));
    } else {
      take_in(self, std::move(*arrival));
    }
    const Instant ended = now();
    shares.took(*share, ended, ended - began);
    began = ended;
  }
}

void Http2Server::State::take_in(const std::shared_ptr<State>& self, Arrival arrival) {
  if (is_full() && !make_room(arrival.remote.address().to_string())) return refuse(arrival);
  ErrorCode error;
  const std::string address = arrival.remote.address().to_string() + ":" + std::to_string(arrival.remote.port());
  tcp::socket socket(loop);
  socket.assign(arrival.remote.protocol(), arrival.socket.get(), error);
  if (error) return refuse(arrival);
  (void)arrival.socket.release();
  socket.set_option(tcp::no_delay(true), error);
  const auto& tls = listeners[arrival.listener].tls;
  auto connection = std::make_shared<Connection>(self, tls ? Transport(std::move(socket), tls) : Transport(std::move(socket)), address);
  connections.insert(connection);
  connection->start();
}

void Http2Server::State::stand_outside(const std::shared_ptr<State>& self, const std::string& peer, Arrival arrival) {
  if (is_full() && !close_one_gone()) return refuse(arrival);  // nobody gives way to who has had more than others
  if (!arrivals_.push(peer, std::move(arrival))) counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
  serve_back_later(self);
}

void Http2Server::State::refuse(const Arrival& arrival) {
  counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
  if (ends.admits(now())) base::log::info("{}: closed, for there are too many like it", arrival.remote.address().to_string());
}

void Http2Server::State::stand_back(const std::shared_ptr<State>& self, std::shared_ptr<Connection> connection, bool begins_handshake) {
  Row& row = begins_handshake ? hellos_ : back_row_;
  // Those that gave way stand there still, and nothing takes them out while their rate does not allow it.
  if (begins_handshake && row.size() > 2 * limits.max_handshakes) row.drop_if([](const auto& each) { return each->is_closed(); });
  const Instant at = now();
  const bool gives_way = connection->is_gone() || shares.is_in_debt(connection->share(), at);
  row.push(std::move(connection), at, gives_way);
  serve_back_later(self);
}

void Http2Server::State::let_go(const std::shared_ptr<State>& self, std::string body) {
  unread_octets_ += body.size();
  unread_.push_back(std::move(body));
  while (unread_octets_ > limits.max_buffered_bytes / kUnreadPart) wipe_first();
  if (!unread_.empty() && !std::exchange(is_wiping_, true)) asio::post(loop, [self] { self->wipe_some(self); });
}

void Http2Server::State::wipe_first() {
  unread_octets_ -= unread_.front().size();
  base::wipe(unread_.front());
  unread_.pop_front();
}

void Http2Server::State::wipe_some(const std::shared_ptr<State>& self) {
  const std::size_t until = unread_octets_ - std::min(unread_octets_, kWipedATurn);
  while (unread_octets_ > until) wipe_first();
  is_wiping_ = !unread_.empty();
  if (is_wiping_) asio::post(loop, [self] { self->wipe_some(self); });
}

void Http2Server::State::settle_later(const std::shared_ptr<State>& self, const PeerShares::Share& peer) {
  if (std::exchange(is_unsettled_, true)) {
    if (unsettled_peer_ != &peer) unsettled_peer_ = nullptr;
    return;
  }
  unsettled_since_ = clock;
  unsettled_peer_ = &peer;
  settle_behind(self);
}

/// Behind all that are ready, and behind those that are ready then, until there are none or it has lasted long enough.
void Http2Server::State::settle_behind(const std::shared_ptr<State>& self) {
  asio::post(loop, [self, seen = turns] {
    if (self->is_ended_) return;
    const auto most = self->unsettled_peer_ == nullptr ? kMaxUnsettledOfMany : kMaxUnsettled;
    if (self->turns != seen && now() - self->unsettled_since_ < most) return self->settle_behind(self);
    self->is_unsettled_ = false;
    self->router.batch().settle();
  });
}

void Http2Server::State::serve_back_later(const std::shared_ptr<State>& self) {
  if (std::exchange(is_back_due_, true)) return;
  back_due_ = now();
  asio::post(loop, [self] { self->serve_back(self); });
}

/// Behind all that were ready when it was asked for.
void Http2Server::State::serve_back(const std::shared_ptr<State>& self) {
  is_back_due_ = is_paced_ = false;
  const Instant began = now();
  const Instant until = began + std::max<Instant::duration>(kBackShare, (began - back_due_) / kBackPart);
  Instant at = began;
  while (serve_one_back(self, at) && (at = now()) < until) continue;
  if (is_ended_) return;
  let_in(self);
  if (!back_row_.empty() || !arrivals_.empty() || (!hellos_.empty() && !is_paced_)) return serve_back_later(self);
  if (!is_paced_) return;
  pace_.expires_after(std::chrono::milliseconds(1 + 1000 / limits.max_handshakes_per_second));
  pace_.async_wait([self](ErrorCode error) {
    if (!error) self->serve_back_later(self);
  });
}

/// Handshakes that begin have every second turn, those that are yet to be taken in every fourth.
bool Http2Server::State::serve_one_back(const std::shared_ptr<State>& self, Instant at) {
  ++back_turns_;
  std::optional<Row::Place> next;
  if (back_turns_ % 2 == 0 || (back_row_.empty() && arrivals_.empty())) next = next_hello(at);
  if (!next && !arrivals_.empty() && (back_turns_ % 4 == 1 || back_row_.empty())) {
    take_in_first(self, at);
    return true;
  }
  if (!next && back_row_.empty()) return false;
  if (!next) next = back_row_.pop();
  next->waiter->have_turn(next->since);
  return true;
}

/// Of those that are yet to be taken in.
void Http2Server::State::take_in_first(const std::shared_ptr<State>& self, Instant at) {
  Arrival arrival = arrivals_.pop();
  const auto share = shares.share_of(arrival.remote.address().to_string());
  take_in(self, std::move(arrival));
  const Instant ended = now();
  shares.took(*share, ended, ended - at);
}

std::optional<Http2Server::State::Row::Place> Http2Server::State::next_hello(Instant at) {
  while (!hellos_.empty() && !is_paced_) {
    auto hello = hellos_.pop();
    if (hello.waiter->is_closed() || hello.waiter->ends_if_gone()) continue;  // uses up nothing of the rate
    if (!handshake_rate_ || handshake_rate_->take(at)) return hello;
    const bool is_debtor = shares.is_in_debt(hello.waiter->share(), at);
    hellos_.push(std::move(hello.waiter), hello.since, is_debtor);
    is_paced_ = true;
    counters.handshakes_delayed.fetch_add(1, std::memory_order_relaxed);
  }
  return std::nullopt;
}

void Http2Server::State::relieve(std::size_t Connection::*most) {
  std::unordered_map<std::string, std::size_t> sums;
  for (const auto& connection : connections) sums[connection->peer_key()] += (*connection).*most;
  const auto worst = std::max_element(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<std::shared_ptr<Connection>> own;
  for (const auto& connection : connections) {
    if ((*connection).*most > 0 && connection->peer_key() == worst->first) own.push_back(connection);
  }
  std::sort(own.begin(), own.end(), [most](const auto& a, const auto& b) { return (*a).*most > (*b).*most; });
  std::size_t freed = 0;
  for (auto one = own.begin(); one != own.end() && freed * kRelievedPart < worst->second; ++one) {
    freed += (**one).*most;
    Connection::give_way(**one);
  }
}

bool Http2Server::State::close_one_gone() {
  if (gone.empty()) return false;
  gone.front()->close();
  return true;
}

bool Http2Server::State::make_room(const std::string& peer) {
  if (close_one_gone()) return true;
  if (arrivals_.drop()) {
    counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  const std::size_t own = shares.connections_of(peer);
  const auto may_go = [own](const Connection* one) { return one != nullptr && one->siblings() >= own; };
  Connection* const calm = one_of(silent.empty() ? handshaking : silent);
  if (may_go(calm)) {
    Connection::give_way(*calm);
    return true;
  }
  Connection* const at_rest = idle_of_most();
  const bool is_of_crowd = at_rest != nullptr && at_rest->siblings() > limits.max_connections / 2;
  if (!is_of_crowd && crowd_gives_way(peer)) return true;
  if (!may_go(at_rest)) return false;
  Connection::send_away(*at_rest);
  return true;
}

/// The one that is so for longest, of the peer that has most connections among the first.
Http2Server::Connection* Http2Server::State::idle_of_most() const {
  Connection* found = nullptr;
  int looked = 0;
  for (Connection* each : idle) {
    if (++looked > kLookedAt) break;
    if (!each->is_writing() && (found == nullptr || each->siblings() > found->siblings())) found = each;
  }
  return found;
}

/// Some of a peer that has more than half of all connections: whoever keeps all of its own busy shuts out itself alone.
bool Http2Server::State::crowd_gives_way(const std::string& peer) {
  const Instant at = now();
  if (at < next_crowd_look_) return false;
  next_crowd_look_ = at + kCrowdLookEach;
  const PeerShares::Crowd crowd = shares.largest();
  if (crowd.connections <= limits.max_connections / 2 || shares.is_of(crowd, peer)) return false;
  std::vector<std::shared_ptr<Connection>> leaving;
  for (const auto& each : connections) {
    if (leaving.size() == kCrowdLeaves) break;
    if (&each->share() == crowd.share && each->is_serving()) leaving.push_back(each);
  }
  for (const auto& each : leaving) Connection::send_away(*each);
  return !leaving.empty();
}

void Http2Server::State::give_way(const std::list<Connection*>& among) { Connection::give_way(*one_of(among)); }

/// Among the first: of the peer with most debt, of those without any, of the one with most connections. Null: there is none.
Http2Server::Connection* Http2Server::State::one_of(const std::list<Connection*>& among) {
  const Instant at = now();
  Connection* found = nullptr;
  std::pair<PeerShares::Duration, std::size_t> most;
  int looked = 0;
  for (Connection* each : among) {
    if (++looked > kLookedAt) break;
    const auto debt = shares.debt(each->share(), at);
    const std::pair weight(debt > PeerShares::kCredit ? debt : PeerShares::Duration::zero(), each->siblings());
    if (found != nullptr && weight <= most) continue;
    found = each;
    most = weight;
  }
  return found;
}

void Http2Server::State::run_tick(const std::shared_ptr<State>& self) {
  tick_.expires_after(std::chrono::seconds(1));
  tick_.async_wait([self](ErrorCode error) {
    if (error) return;
    self->rates.sweep(now());
    self->shares.sweep(now());
    if (const std::size_t more = self->ends.take_left_out()) base::log::info("{} more connections were closed, for one of these reasons", more);
    self->sweep(self, nullptr);
  });
}

/// Ends what has waited too long, of the connections behind `last`: some now, and the rest in the next turns of the loop.
void Http2Server::State::sweep(const std::shared_ptr<State>& self, std::shared_ptr<Connection> last) {
  if (is_ended_) return;
  const Instant at = now();
  int ended = 0;
  auto place = connections.upper_bound(last);
  for (int looked = 0; place != connections.end() && looked < kSweptATurn && ended < kEndedATurn; ++looked) {
    last = *place++;  // it may leave the set
    if (last->check_deadlines(at)) ++ended;
  }
  if (place != connections.end()) return asio::post(loop, [self, last] { self->sweep(self, last); });
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (std::exchange(listeners[i].is_stalled, false)) accept(self, i);
  }
  run_tick(self);
}

void Http2Server::State::shut_the_doors() {
  is_draining = true;
  listeners.clear();
  arrivals_.clear();
}

void Http2Server::State::end() {
  shut_the_doors();
  is_ended_ = true;
  tick_.cancel();
  pace_.cancel();
  const auto all = connections;  // a connection that ends leaves the set
  for (const auto& connection : all) connection->close();
  later->end();
  back_row_.clear();
  hellos_.clear();
  for (std::string& body : unread_) base::wipe(body);
}

}  // namespace sbi
