#include "lib/sbi/client_connection.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "lib/sbi/tls.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr int kReadsATurn = 4;  ///< of one connection; then the others have their turn

}  // namespace

Client::Connection::Connection(std::shared_ptr<State> client, const Uri& uri)
    : client_(std::move(client)),
      uri_(uri),
      resolver_(client_->loop),
      connect_timer_(client_->loop),
      transport_(uri.scheme == "https" ? Transport(tcp::socket(client_->loop), client_->tls)
                                       : Transport(tcp::socket(client_->loop))),
      session_(Http2Session::Role::client, client_->limits.http2, events()) {}

void Client::Connection::add(const std::shared_ptr<Call>& call) {
  call->connection = weak_from_this();
  if (!is_ready_) return waiting_.push_back(call);
  submit(call);
  schedule_flush();
}

void Client::Connection::connect() {
  connect_timer_.expires_after(client_->limits.connect_timeout);
  connect_timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
    const auto self = weak.lock();
    if (!error && self) self->close(Call::Outcome::failed, "cannot connect: no answer in time");
  });
  resolver_.async_resolve(uri_.host, uri_.port, [self = shared_from_this()](ErrorCode error, const auto& found) {
    if (error) return self->close(Call::Outcome::failed, "cannot resolve " + self->uri_.host + ": " + error.message());
    asio::async_connect(self->transport_.socket(), found, [self](ErrorCode failed, const tcp::endpoint&) {
      if (failed) return self->close(Call::Outcome::failed, "cannot connect: " + failed.message());
      ErrorCode ignored;
      self->transport_.socket().set_option(tcp::no_delay(true), ignored);
      self->secure();
    });
  });
}

void Client::Connection::abandon(StreamId stream) {
  calls_.erase(stream);
  if (is_closed_) return;
  if (is_silent_ && calls_.empty()) close_in_time();
  session_.reset(stream, Http2Error::cancel);
  schedule_flush();
}

void Client::Connection::doubt(Instant since) {
  if (last_received_ >= since) return;
  is_silent_ = true;
  is_leaving_ = true;
}

void Client::Connection::send(StreamId stream, const std::optional<std::string>& octets) {
  if (is_closed_) return;
  if (octets) {
    session_.send(stream, *octets);
  } else {
    session_.finish(stream);
  }
  schedule_flush();
}

void Client::Connection::consumed(StreamId stream, std::size_t octets) {
  if (is_closed_) return;
  session_.consume(stream, octets);
  schedule_flush();
}

void Client::Connection::close(Call::Outcome outcome, const std::string& why) {
  if (is_closed_) return;
  is_closed_ = true;
  connect_timer_.cancel();
  resolver_.cancel();
  if (is_silent_ || !calls_.empty()) transport_.drop_unsent();  // a request that failed must not be carried out minutes later
  transport_.close();
  const auto self = shared_from_this();
  const auto known = client_->connections.find(uri_.origin());
  if (known != client_->connections.end() && known->second == self) client_->connections.erase(known);
  for (const auto& call : waiting_) fail(call, outcome, why);
  for (const auto& [id, call] : calls_) fail(call, outcome, why);
  waiting_.clear();
  calls_.clear();
}

/// Closes at the latest when a new connection would have failed: a peer that has gone without a word takes no last words either,
/// and TCP alone would wait for minutes.
void Client::Connection::close_in_time() {
  connect_timer_.expires_after(client_->limits.connect_timeout);
  connect_timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
    const auto self = weak.lock();
    if (!error && self) self->close(Call::Outcome::failed, "the peer is silent");
  });
}

Http2Session::Events Client::Connection::events() {
  return {.head = [this](StreamId id, Http2Session::Head& head) { on_head(id, head); },
          .data = [this](StreamId id, std::string_view octets) { on_data(id, octets); },
          .end = [this](StreamId id) { on_end(id); },
          .closed = [this](StreamId id, std::uint32_t error) { on_closed(id, error); },
          .goaway = [this](StreamId last, std::uint32_t) { on_goaway(last); }};
}

void Client::Connection::fail(const std::shared_ptr<Call>& call, Call::Outcome outcome, const std::string& why) {
  call->failure = why;
  call->finish(outcome);
}

void Client::Connection::secure() {
  if (!transport_.is_tls()) return begin();
  if (!expect_server_name(transport_.ssl(), uri_.host)) {
    return close(Call::Outcome::failed, "the peer's certificate cannot be held against the name " + uri_.host);
  }
  transport_.handshake(Transport::Side::client, [self = shared_from_this()](ErrorCode error) {
    if (error) return self->close(Call::Outcome::failed, "TLS handshake failed: " + error.message());
    if (!chose_http2(self->transport_.ssl())) {
      return self->close(Call::Outcome::failed, "the peer does not speak HTTP/2 (ALPN h2)");
    }
    self->begin();
  });
}

void Client::Connection::begin() {
  if (is_closed_) return;
  is_ready_ = true;
  connect_timer_.cancel();
  for (const auto& call : std::exchange(waiting_, {})) {
    if (call->outcome == Call::Outcome::none) submit(call);
  }
  on_readable();  // with TLS, the peer's first octets may have come along with the handshake's last ones
}

void Client::Connection::submit(const std::shared_ptr<Call>& call) {
  using Source = Http2Session::BodySource;
  const StreamId id = session_.request(call->request, call->is_piecewise ? Source::pieces : Source::whole);
  if (id < 0) {
    is_leaving_ = true;
    return fail(call, Call::Outcome::refused, "the connection has no streams left");
  }
  call->stream = id;
  call->sent_at = now();
  calls_.emplace(id, call);
  if (!call->is_piecewise) return;
  piecewise_.push_back(id);
  call->room.cancel();  // its body may follow
}

void Client::Connection::on_head(StreamId id, Http2Session::Head& head) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (head.too_large) return give_up(id, "the answer's header is too large");
  found->second->response.status = head.status;
  found->second->response.headers = std::move(head.headers);
  if (found->second->is_streamed) found->second->finish(Call::Outcome::answered);
}

void Client::Connection::on_data(StreamId id, std::string_view octets) {
  const auto found = calls_.find(id);
  if (found != calls_.end() && found->second->is_streamed) {
    found->second->response.body.append(octets);
    found->second->timer.cancel();
    return;
  }
  session_.consume(id, octets.size());
  if (found == calls_.end()) return;
  std::string& body = found->second->response.body;
  if (body.size() + octets.size() > client_->limits.max_body_bytes) return give_up(id, "the answer's body is too large");
  body.append(octets);
}

void Client::Connection::give_up(StreamId id, const char* why) {
  const auto call = calls_.at(id);
  abandon(id);
  fail(call, Call::Outcome::failed, why);
}

void Client::Connection::on_end(StreamId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const auto call = found->second;
  // A request whose body is still on its way keeps its place: the peer may want the rest of it.
  call->is_body_complete = true;
  calls_.erase(found);
  call->finish(Call::Outcome::answered);
}

void Client::Connection::on_closed(StreamId id, std::uint32_t error) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const auto call = found->second;
  calls_.erase(found);
  const bool refused = error == static_cast<std::uint32_t>(Http2Error::refused_stream);
  fail(call, refused ? Call::Outcome::refused : Call::Outcome::failed,
       "the peer reset the stream (HTTP/2 error " + std::to_string(error) + ")");
}

/// What the peer will not look at goes out again on another connection; the rest is answered on this one.
void Client::Connection::on_goaway(StreamId last) {
  is_leaving_ = true;
  const auto calls = calls_;
  for (const auto& [id, call] : calls) {
    if (id <= last) continue;
    calls_.erase(id);
    fail(call, Call::Outcome::refused, "the peer is going away");
  }
}

void Client::Connection::read(Transport::Next next) {
  transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
    if (error) return self->close(Call::Outcome::failed, "the connection broke: " + error.message());
    self->on_readable();
  });
}

void Client::Connection::on_readable() {
  Transport::Moved moved;
  for (int i = 0; i < kReadsATurn && moved.next == Transport::Next::more && !is_closed_; ++i) {
    moved = transport_.read(client_->read_buffer);
    receive({client_->read_buffer.data(), moved.octets});
  }
  if (is_closed_) return;
  if (moved.next == Transport::Next::ended) {
    return close(Call::Outcome::failed, "the connection broke: " + moved.error.message());
  }
  schedule_flush();
  if (moved.next != Transport::Next::more) return read(moved.next);
  asio::post(client_->loop, [self = shared_from_this()] {
    if (!self->is_closed_) self->on_readable();
  });
}

void Client::Connection::receive(std::span<char> octets) {
  if (octets.empty()) return;
  last_received_ = now();
  const bool is_sound = session_.receive({octets.data(), octets.size()});
  base::wipe(std::span(reinterpret_cast<std::uint8_t*>(octets.data()), octets.size()));
  if (!is_sound) close(Call::Outcome::failed, "the peer does not speak HTTP/2");
}

void Client::Connection::schedule_flush() {
  if (is_flush_scheduled_ || is_closed_) return;
  is_flush_scheduled_ = true;
  asio::post(client_->loop, [self = shared_from_this()] {
    self->is_flush_scheduled_ = false;
    self->flush();
  });
}

void Client::Connection::flush() {
  while (!is_writing_ && !is_closed_ && is_ready_) {
    if (out_.empty()) session_.take_output(out_);
    if (out_.empty()) {
      if (!session_.is_alive() || (is_leaving_ && calls_.empty())) close(Call::Outcome::failed, "the connection ended");
      return;
    }
    const Transport::Moved moved = transport_.write(out_);
    if (moved.next == Transport::Next::ended) {
      return close(Call::Outcome::failed, "the connection broke: " + moved.error.message());
    }
    base::wipe(std::span(reinterpret_cast<std::uint8_t*>(out_.data()), moved.octets));
    out_.erase(0, moved.octets);
    out_.empty() ? wake_bodies() : wait_to_write(moved.next);
  }
}

void Client::Connection::wait_to_write(Transport::Next next) {
  is_writing_ = true;
  transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
    self->is_writing_ = false;
    if (error) return self->close(Call::Outcome::failed, "the connection broke: " + error.message());
    self->flush();
  });
}

/// After a write: requests whose body comes in pieces may go on.
void Client::Connection::wake_bodies() {
  std::erase_if(piecewise_, [this](StreamId id) { return !calls_.contains(id); });
  for (const StreamId id : piecewise_) calls_.at(id)->room.cancel();
}

}  // namespace sbi
