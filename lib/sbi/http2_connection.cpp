#include "lib/sbi/http2_connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <stdexcept>
#include <vector>

#include "lib/base/log.hpp"
#include "lib/sbi/tls.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxTurnOctets = std::size_t{256} * 1024;  ///< of one connection; then the others have their turn
constexpr std::size_t kMinTurnOctets = 1024;
constexpr std::size_t kDebtorsTurnOctets = std::size_t{64} * 1024;  ///< while others have less of the loop: whoever comes meanwhile waits for it
/// A turn that took longer is shorter the next time, as much as it would take for kFittingTurn; one that took less than half of that, longer.
constexpr std::chrono::microseconds kLongTurn{1000};
constexpr std::chrono::microseconds kFittingTurn{500};

/// What would have taken kFittingTurn.
std::size_t fitting(std::size_t octets, Instant::duration taken) {
  return static_cast<std::size_t>(static_cast<double>(octets) * (std::chrono::duration<double>(kFittingTurn) / taken));
}

}  // namespace

Http2Server::Connection::Connection(std::shared_ptr<State> server, Transport transport, std::string address)
    : server_(std::move(server)), transport_(std::move(transport)), address_(std::move(address)) {
  peer_.address = address_;
  share_ = server_->shares.share_of(peer_key());
  turn_octets_ = share_->turn_octets;
}

void Http2Server::Connection::start() {
  deadline_ = now() + server_->limits.first_byte_timeout;
  stand_in(transport_.is_tls() ? &server_->handshaking : &server_->silent);
  if (transport_.is_tls()) {
    if (server_->handshaking.size() > server_->limits.max_handshakes) server_->give_way(server_->handshaking);
    if (is_closed_) return;  // it was this one
    transport_.begin_handshake(Transport::Side::server);
  }
  wait(Transport::Next::readable);  // the client speaks first, with TLS and without
}

void Http2Server::Connection::wait(Transport::Next next) {
  transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
    if (self->is_closed_) return;  // it gave way meanwhile
    if (!error) return self->on_ready();
    self->is_gone_ = true;  // a crowd that leaves in one moment is closed a few at a time
    self->stand_in(&self->server_->gone);
    self->server_->stand_back(self->server_, self, false);
  });
}

void Http2Server::Connection::on_ready() {
  if (is_closed_) return;
  const Instant at = now();
  const bool sends_requests = session_ && idle_turns_ < kIdleTurns;
  if (sends_requests && !server_->shares.is_in_debt(*share_, at)) return on_readable(at, at);
  const bool begins_handshake = transport_.is_tls() && !has_said_hello_;
  server_->stand_back(server_, shared_from_this(), begins_handshake);
}

void Http2Server::Connection::have_turn(Instant since) {
  if (is_closed_) return;
  if (is_gone_) return close();
  if (!session_) {
    if (transport_.is_tls() && !have_hands_shaken()) return;
    begin();
  }
  on_readable(since, now());  // with TLS, the first octets may have come along with the handshake's last ones
}

bool Http2Server::Connection::have_hands_shaken() {
  const Instant began = now();
  const bool is_done = shake_hands();
  const Instant ended = now();
  server_->shares.took(*share_, ended, ended - began);
  return is_done;
}

bool Http2Server::Connection::shake_hands() {
  has_said_hello_ = true;
  const Transport::Moved moved = transport_.shake_hands();
  if (moved.next == Transport::Next::ended) {
    if (const auto fault = certificate_fault(transport_.ssl())) server_->router.turned_away(peer_, "its certificate is not verified: " + *fault);
    end_saying("TLS handshake failed: " + moved.error.message());
  } else if (moved.next != Transport::Next::more) {
    wait(moved.next);
  } else if (!chose_http2(transport_.ssl())) {
    end_saying("does not ask for HTTP/2 (ALPN h2)");
  } else if (!learn_peer()) {
    close();
  } else {
    stand_in(&server_->silent);
    return true;
  }
  return false;
}

/// False for a certificate that names nobody: who shows one is never taken for a peer without.
bool Http2Server::Connection::learn_peer() {
  try {
    const auto name = peer_name(transport_.ssl());
    peer_.is_verified = name.has_value();
    if (name) peer_.name = *name;
    if (name) peer_.certificate_uris = std::make_shared<const std::vector<std::string>>(peer_uris(transport_.ssl()));
    return true;
  } catch (const std::runtime_error& error) {
    if (server_->ends.admits(now())) base::log::warning("{}: turned away: {}", address_, error.what());
    server_->router.turned_away(peer_, error.what());
    return false;
  }
}

void Http2Server::Connection::begin() {
  session_.emplace(Http2Session::Role::server, server_->limits.http2, events());
  bucket_ = server_->rates.bucket_of(peer_key());
  if (peer_.is_verified) share_ = server_->shares.share_of(peer_key());
}

/// In one list of the server, or none: where it stands while it has no request.
void Http2Server::Connection::stand_in(std::list<Connection*>* list) {
  std::list<Connection*>* const next = list == nullptr || is_closed_ ? &aside_ : list;
  next->splice(next->end(), *list_, place_);
  list_ = next;
}

bool Http2Server::Connection::check_deadlines(Instant at) {
  if (end_if_idle(at)) return true;
  if (!session_) return false;
  session_->replenish();
  for (const auto& context : session_->contexts()) {  // a copy: answering may end a stream
    const auto exchange = std::static_pointer_cast<Exchange>(context);
    if (exchange->is_answered) check_progress(*exchange, at);
    if (exchange->is_complete || exchange->is_answered || exchange->body != nullptr || at < exchange->deadline) continue;
    refuse(exchange, base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT",
                                 "the request's body did not end in time; END_STREAM is missing"));
  }
  return false;
}

bool Http2Server::Connection::end_if_idle(Instant at) {
  const bool is_stuck = is_writing_ && at > write_deadline_;
  const bool is_idle = exchanges_ == 0 && at > deadline_;
  if (!is_stuck && !is_idle) return false;
  // Without a session there is nobody to say good-bye to. Ending already: a header block that never ends keeps it open.
  if (is_stuck || !session_ || (is_ending_ && !is_writing_)) {
    close();
  } else {
    session_->go_away();
    is_ending_ = true;
    schedule_flush();
  }
  return true;
}

void Http2Server::Connection::drain() {
  if (!session_ && transport_.is_tls()) return close();
  if (!session_) begin();  // a request may be on its way, and its client wants to know that nobody looked at it
  session_->go_away();
  is_ending_ = true;
  schedule_flush();
}

void Http2Server::Connection::close() {
  if (is_closed_) return;
  is_closed_ = true;
  stand_in(nullptr);
  transport_.close();
  if (session_) {
    for (const auto& context : session_->contexts()) abandon(static_cast<Exchange&>(*context));
  }
  server_->half_open -= half_open_;
  server_->buffered -= buffered_;
  server_->connections.erase(shared_from_this());
}

void Http2Server::Connection::end_saying(const std::string& why) {
  if (!is_closed_ && server_->ends.admits(now())) base::log::info("{}: {}", address_, why);
  close();
}

void Http2Server::Connection::give_way(Connection& connection) {
  connection.server_->counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
  connection.end_saying("closed, for there are too many like it");
}

void Http2Server::Connection::send_away(Connection& connection) {
  const auto kept = connection.shared_from_this();  // the flush may be the end of it
  connection.session_->go_away();
  connection.flush();
  give_way(connection);
}

void Http2Server::Connection::on_readable(Instant since, Instant began) {
  server_->begin_turn(server_, began, since, last_round_);
  ++idle_turns_;
  take_turn();
  const auto taken = server_->end_turn(began);
  server_->shares.took(*share_, began + taken, taken);
  if (taken > kLongTurn) turn_octets_ = std::max(kMinTurnOctets, fitting(turn_octets_, taken));
  if (taken < kFittingTurn / 2) turn_octets_ = std::min(kMaxTurnOctets, turn_octets_ * 2);
  share_->turn_octets = std::min(turn_octets_, PeerShares::kFirstTurnOctets);
}

void Http2Server::Connection::take_turn() {
  is_in_turn_ = true;
  Transport::Moved moved;
  const bool is_debtor = server_->shares.is_in_debt(*share_, server_->time());
  std::size_t left = is_debtor ? std::min(turn_octets_, kDebtorsTurnOctets) : turn_octets_;
  for (; left > 0 && moved.next == Transport::Next::more && !is_broken_ && !is_closed_; left -= moved.octets) {
    moved = transport_.read(std::span(server_->read_buffer).first(std::min(left, server_->read_buffer.size())));
    receive({server_->read_buffer.data(), moved.octets});
  }
  is_in_turn_ = false;
  if (moved.next == Transport::Next::ended) return close();
  flush();
  if (is_closed_ || is_broken_) return;
  if (moved.next != Transport::Next::more) return wait(moved.next);
  asio::post(server_->loop, [self = shared_from_this()] { self->on_ready(); });
}

/// Serves the requests that `octets` complete.
void Http2Server::Connection::receive(std::span<char> octets) {
  if (octets.empty()) return;
  const Router::Batch& batch = server_->router.batch();
  if (batch.begin) batch.begin();
  if (!session_->receive({octets.data(), octets.size()})) is_broken_ = true;
  if (batch.end && batch.end()) server_->settle_later(server_, *share_);
  base::wipe(std::span(reinterpret_cast<std::uint8_t*>(octets.data()), octets.size()));
}

/// Output goes out once a turn of the loop, not once a response. A turn of this connection ends with a flush in any case.
void Http2Server::Connection::schedule_flush() {
  if (is_flush_scheduled_ || is_closed_ || is_in_turn_) return;
  is_flush_scheduled_ = true;
  asio::post(server_->loop, [self = shared_from_this()] {
    self->is_flush_scheduled_ = false;
    self->flush();
  });
}

void Http2Server::Connection::flush() {
  std::string& out = server_->out;
  while (!is_writing_ && !is_closed_) {
    session_->take_output(out);
    if (out.empty()) {
      const bool is_done = is_ending_ && session_->open_streams() == 0;
      if (is_broken_ || is_done || !session_->is_alive()) close();
      return;
    }
    const Transport::Moved moved = transport_.write(out);
    if (moved.octets < out.size() && moved.next != Transport::Next::ended) keep_unwritten(out, moved);
    base::wipe(out);
    if (moved.next == Transport::Next::ended) return close();
    if (!is_writing_) wake_sources();
  }
}

/// The peer does not take more now.
void Http2Server::Connection::keep_unwritten(std::string_view out, const Transport::Moved& moved) {
  unwritten_ = out.substr(moved.octets);
  is_writing_ = true;
  write_deadline_ = now() + server_->limits.write_timeout;
  write_on(moved.next);
}

void Http2Server::Connection::write_on(Transport::Next next) {
  transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
    if (error || self->is_closed_) return self->close();
    self->on_writable();
  });
}

void Http2Server::Connection::on_writable() {
  const Transport::Moved moved = transport_.write(unwritten_);
  if (moved.next == Transport::Next::ended) return close();
  base::wipe(std::span(reinterpret_cast<std::uint8_t*>(unwritten_.data()), moved.octets));
  unwritten_.erase(0, moved.octets);
  if (!unwritten_.empty()) return write_on(moved.next);
  std::string().swap(unwritten_);  // an idle connection holds no buffer
  is_writing_ = false;
  wake_sources();
  flush();
}

}  // namespace sbi
