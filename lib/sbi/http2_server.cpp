#include "lib/sbi/http2_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <list>
#include <set>
#include <unordered_map>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/sbi/problem.hpp"
#include "lib/sbi/request_rates.hpp"
#include "lib/sbi/tls.hpp"
#include "lib/sbi/transport.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Instant = std::chrono::steady_clock::time_point;
using ErrorCode = boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::size_t kReadBufferBytes = 64 * 1024;  ///< one for all connections of a loop
constexpr unsigned kAsksATime = 32;                 ///< of the clock, within one turn: some eight requests
constexpr std::size_t kMaxTurnOctets = 4 * kReadBufferBytes;  ///< of one connection; then the others have their turn
constexpr std::size_t kMinTurnOctets = 1024;
constexpr std::size_t kFirstTurnOctets = 16 * 1024;
constexpr std::chrono::milliseconds kLongTurn{1};
constexpr std::size_t kMaxAheadBytes = 256 * 1024;  ///< of a body that comes in pieces: what waits for the peer to take it

Instant now() { return std::chrono::steady_clock::now(); }

base::Error too_large(std::size_t limit) {
  return {base::ErrorKind::too_large, "", "the body is longer than " + std::to_string(limit) + " octets"};
}

/// How long the connections that are ready wait for their turn. A round begins with the first of those that the loop found ready together,
/// and ends when all of them had their turn. A loop that was idle before a turn has no one waiting: that turn is a round of its own.
class Round {
 public:
  /// A connection has its turn. True if end() is to be called behind all that are ready now.
  bool begin_turn(Instant at) {
    ++turns_;
    if (is_marked_) return false;
    if (!goes_on_) began_ = at;
    goes_on_ = false;
    is_marked_ = at - last_turn_ < kIdle;
    return is_marked_;
  }
  void end_turn(Instant at) { last_turn_ = at; }
  void end() {
    goes_on_ = turns_ >= kManyTurns;
    is_marked_ = false;
    turns_ = 0;
  }
  /// Since the round began, at a time within a turn.
  [[nodiscard]] Instant::duration age(Instant at) const { return at - began_; }

 private:
  /// As many as the loop finds ready at a time, or nearly: there are more, which wait since the same time.
  static constexpr int kManyTurns = 100;
  /// Longer than from one turn to the next that was ready with it.
  static constexpr std::chrono::microseconds kIdle{20};

  Instant began_;
  Instant last_turn_;  ///< its end
  int turns_ = 0;
  bool is_marked_ = false;
  bool goes_on_ = false;
};

/// The answer to a request that waited too long: made once, for it is given when there is no time.
Response congestion() {
  static const Response answer =
      to_problem(base::Error(base::ErrorKind::unavailable, "NF_CONGESTION", "more requests have come than can be served now"));
  return answer;
}

}  // namespace

/// What the connections of one server share, so that none of them needs the server itself.
struct Http2Server::State {
  State(asio::io_context& io, const Router& routes, ServerLimits allowed)
      : loop(io), router(routes), limits(allowed), tick(io), rates(allowed.max_requests_per_second) {}

  void accept(const std::shared_ptr<State>& self, std::size_t listener);
  void run_tick(const std::shared_ptr<State>& self);

  /// The time now, as far as deadlines need it: within a turn it stands still for some requests, for asking the clock costs each of them.
  Instant time() {
    if (!is_in_turn || ++asked % kAsksATime == 0) clock = now();
    return clock;
  }
  Instant begin_turn(const std::shared_ptr<State>& self) {
    const Instant began = clock = now();
    is_in_turn = true;
    if (round.begin_turn(clock)) asio::post(loop, [self] { self->round.end(); });
    return began;
  }
  /// How long the turn was.
  Instant::duration end_turn(Instant began) {
    is_in_turn = false;
    const Instant ended = now();
    round.end_turn(ended);
    return ended - began;
  }

  /// Closes connections of the peer that has most of what there is too much of, those with most first, until half of it is gone.
  void relieve(std::size_t Connection::*most);
  /// Room for one more connection, at the expense of one that has sent nothing yet; false if there is none.
  bool make_room();

  struct Listener {
    tcp::acceptor acceptor;
    std::shared_ptr<asio::ssl::context> tls;
    bool is_stalled = false;  ///< the last accept failed (out of descriptors, most likely): the next tick tries again
  };

  asio::io_context& loop;
  const Router& router;
  ServerLimits limits;
  asio::steady_timer tick;
  Round round;
  Instant clock;
  unsigned asked = 0;
  bool is_in_turn = false;
  bool is_draining = false;
  std::vector<Listener> listeners;
  std::set<std::shared_ptr<Connection>> connections;
  std::list<Connection*> handshaking;  ///< the oldest first
  std::list<Connection*> silent;       ///< without a first request; the oldest first
  std::size_t half_open = 0;
  std::size_t buffered = 0;
  RequestRates rates;
  std::vector<char> read_buffer = std::vector<char>(kReadBufferBytes);  ///< holds octets within one turn only
  std::string out;                                                    ///< the same for what goes out
  ServerCounters counters;
};

/// One request and its answer. The coroutine that serves it and the connection share it; either may end first.
struct Http2Server::Exchange final : Http2Session::Context {
  /// One that was used before on this thread, if there is any: its texts have their memory already.
  static std::shared_ptr<Exchange> take();

  StreamId stream = 0;
  Request request;
  const Route* route = nullptr;
  std::shared_ptr<StreamedBody> body;  ///< of a route that reads it as it comes
  Instant deadline;                    ///< for the rest of the request; once answered, for the peer to take more of the answer
  bool is_complete = false;            ///< the request is
  bool is_half_open = false;           ///< and counts as such
  std::size_t buffered = 0;            ///< octets of its body that count
  bool is_answered = false;
  std::size_t unsent = 0;              ///< of the answer, when last looked at
  std::shared_ptr<BodyReader> source;  ///< of an answer whose body comes in pieces
  std::optional<asio::steady_timer> room;  ///< cancelled when the peer has taken some of it, or has gone
  bool is_closed = false;                  ///< the stream, or the connection, is gone

 private:
  struct Recycle;
  void clear();
};

/// Puts an exchange that nobody holds any more among those of this thread that may be used again.
struct Http2Server::Exchange::Recycle {
  static constexpr std::size_t kMaxSpare = 1024;

  static std::vector<std::unique_ptr<Exchange>>& spare() {
    static thread_local std::vector<std::unique_ptr<Exchange>> exchanges;
    return exchanges;
  }

  void operator()(Exchange* exchange) const {
    std::unique_ptr<Exchange> used(exchange);
    used->clear();
    if (spare().size() < kMaxSpare) spare().push_back(std::move(used));
  }
};

std::shared_ptr<Http2Server::Exchange> Http2Server::Exchange::take() {
  auto& spare = Recycle::spare();
  if (spare.empty()) return {new Exchange(), Recycle()};
  Exchange* const used = spare.back().release();
  spare.pop_back();
  return {used, Recycle()};
}

void Http2Server::Exchange::clear() {
  stream = 0;
  request.clear();
  route = nullptr;
  body.reset();
  source.reset();
  room.reset();
  unsent = buffered = 0;
  is_complete = is_half_open = is_answered = is_closed = false;
}

/// A body that the handler takes piece by piece; flow control holds the peer back meanwhile.
class Http2Server::StreamedBody final : public BodyReader {
 public:
  StreamedBody(std::weak_ptr<Connection> connection, StreamId stream, asio::io_context& loop)
      : connection_(std::move(connection)), stream_(stream), wake_(loop, Instant::max()) {}
  /// What the handler never took goes back to the connection's window, which other streams need.
  ~StreamedBody() override;
  StreamedBody(const StreamedBody&) = delete;
  StreamedBody& operator=(const StreamedBody&) = delete;

  asio::awaitable<std::optional<std::string>> next() override;
  void put(std::string_view octets) {
    waiting_.append(octets);
    wake_.cancel();
  }
  void end(bool complete) {
    is_ended_ = true;
    is_complete_ = complete;
    wake_.cancel();
  }

 private:
  std::weak_ptr<Connection> connection_;
  StreamId stream_;
  asio::steady_timer wake_;
  std::string waiting_;
  bool is_ended_ = false;
  bool is_complete_ = false;
};

class Http2Server::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<State> server, Transport transport, std::string address)
      : server_(std::move(server)),
        transport_(std::move(transport)),
        session_(Http2Session::Role::server, server_->limits.http2, events()),
        address_(std::move(address)) {
    peer_.address = address_;
  }

  void start() {
    deadline_ = now() + server_->limits.first_byte_timeout;
    stand_in(transport_.is_tls() ? &server_->handshaking : &server_->silent);
    if (!transport_.is_tls()) return begin();
    if (server_->handshaking.size() > server_->limits.max_handshakes) give_way(*server_->handshaking.front());
    transport_.handshake(Transport::Side::server, [self = shared_from_this()](ErrorCode error) {
      if (self->is_closed_) return;  // it gave way, its handshake done or not
      if (error) {
        base::log::info("{}: TLS handshake failed: {}", self->address_, error.message());
        return self->close();
      }
      if (!chose_http2(self->transport_.ssl())) {
        base::log::info("{}: does not ask for HTTP/2 (ALPN h2)", self->address_);
        return self->close();
      }
      if (!self->learn_peer()) return self->close();
      self->stand_in(&self->server_->silent);
      self->begin();
    });
  }

  /// Once a second: ends what has waited too long.
  void check_deadlines(Instant at) {
    session_.replenish();
    if (is_writing_ && at > write_deadline_) return close();
    if (exchanges_ == 0 && at > deadline_) {
      // Not ready: TLS is not there to say good-bye. Ending already: a header block that never ends keeps it open.
      if (!is_ready_ || (is_ending_ && !is_writing_)) return close();
      session_.go_away();
      is_ending_ = true;
      return schedule_flush();
    }
    for (const auto& context : session_.contexts()) {  // a copy: answering may end a stream
      const auto exchange = std::static_pointer_cast<Exchange>(context);
      if (exchange->is_answered) check_progress(*exchange, at);
      if (exchange->is_complete || exchange->is_answered || exchange->body != nullptr || at < exchange->deadline) continue;
      refuse(exchange, base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT",
                                   "the request's body did not end in time; END_STREAM is missing"));
    }
  }

  void drain() {
    if (!is_ready_) return close();
    session_.go_away();
    is_ending_ = true;
    schedule_flush();
  }

  void close() {
    if (is_closed_) return;
    is_closed_ = true;
    stand_in(nullptr);
    transport_.close();
    for (const auto& context : session_.contexts()) release(static_cast<Exchange&>(*context));
    server_->half_open -= half_open_;
    server_->buffered -= buffered_;
    server_->connections.erase(shared_from_this());
  }

  /// Gives window back for octets of a streamed body that the handler has taken.
  void consumed(StreamId stream, std::size_t octets) {
    if (is_closed_) return;
    uncount(octets);
    session_.consume(stream, octets);
    schedule_flush();
  }

  /// By which connections belong together: the name in the certificate, else the address.
  [[nodiscard]] std::string peer_key() const { return peer_.is_verified ? peer_.name : address_.substr(0, address_.rfind(':')); }

  /// Closed for a limit.
  static void give_way(Connection& connection) {
    connection.server_->counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
    base::log::info("{}: closed, for there are too many like it", connection.address_);
    connection.close();
  }

  std::size_t half_open_ = 0;  ///< requests that have begun and not ended
  std::size_t buffered_ = 0;   ///< octets of bodies

  [[nodiscard]] std::chrono::seconds request_timeout() const { return server_->limits.request_timeout; }

 private:
  /// False for a certificate that names nobody: who shows one is never taken for a peer without.
  bool learn_peer() {
    try {
      const auto name = peer_name(transport_.ssl());
      peer_.is_verified = name.has_value();
      if (name) peer_.name = *name;
      if (name) peer_.certificate_uris = std::make_shared<const std::vector<std::string>>(peer_uris(transport_.ssl()));
      return true;
    } catch (const std::runtime_error& error) {
      base::log::warning("{}: turned away: {}", address_, error.what());
      return false;
    }
  }

  void begin() {
    is_ready_ = true;
    bucket_ = server_->rates.bucket_of(peer_key());
    on_readable();  // with TLS, the first octets may have come along with the handshake's last ones
  }

  /// In one list of the server, or none: where it stands until it has sent a request.
  void stand_in(std::list<Connection*>* list) {
    if (list_ != nullptr) list_->erase(place_);
    list_ = is_closed_ ? nullptr : list;
    if (list_ != nullptr) place_ = list_->insert(list_->end(), this);
  }

  void count_half_open(Exchange& exchange) {
    exchange.is_half_open = true;
    ++half_open_;
    if (++server_->half_open > server_->limits.max_half_open_streams) server_->relieve(&Connection::half_open_);
  }
  void uncount_half_open(Exchange& exchange) {
    if (is_closed_) return;  // then none of its counts
    if (!std::exchange(exchange.is_half_open, false)) return;
    --half_open_;
    --server_->half_open;
  }
  void count(std::size_t octets) {
    buffered_ += octets;
    server_->buffered += octets;
    if (server_->buffered > server_->limits.max_buffered_bytes) server_->relieve(&Connection::buffered_);
  }
  void uncount(std::size_t octets) {
    if (is_closed_) return;
    buffered_ -= octets;
    server_->buffered -= octets;
  }

  /// Ends what waits for a stream that is gone.
  static void release(Exchange& exchange) {
    exchange.is_closed = true;
    if (exchange.body != nullptr) exchange.body->end(exchange.is_complete);
    if (exchange.room) exchange.room->cancel();
  }

  /// Resets the stream of a peer that takes nothing of its answer: a window that it keeps shut would hold the answer here.
  void check_progress(Exchange& exchange, Instant at) {
    const std::size_t left = session_.unsent(exchange.stream);
    const bool waits_for_source = exchange.source != nullptr && left == 0;
    if (left < exchange.unsent || waits_for_source) {
      exchange.unsent = left;
      exchange.deadline = at + server_->limits.write_timeout;
    } else if (at > exchange.deadline) {
      session_.reset(exchange.stream, Http2Error::cancel);
      schedule_flush();
    }
  }

  Http2Session::Events events() {
    return {.head = [this](StreamId id, Http2Session::Head& head) { on_head(id, head); },
            .data = [this](StreamId id, std::string_view octets) { on_data(id, octets); },
            .end = [this](StreamId id) { on_end(id); },
            .closed = [this](StreamId id, std::uint32_t) { on_closed(id); },
            .goaway = [this](StreamId, std::uint32_t) { is_ending_ = true; }};
  }

  [[nodiscard]] std::shared_ptr<Exchange> exchange_of(StreamId id) const {
    return std::static_pointer_cast<Exchange>(session_.context(id));
  }

  void on_head(StreamId id, Http2Session::Head& head) {
    if (is_closed_) return;  // it gave way to another connection within this turn
    auto exchange = Exchange::take();
    exchange->stream = id;
    exchange->deadline = server_->time() + server_->limits.request_timeout;
    Request& request = exchange->request;
    request.method.swap(head.method);
    request.scheme = transport_.is_tls() ? "https" : "http";
    request.authority.swap(head.authority);
    request.target.swap(head.target);
    request.headers.swap(head.headers);
    request.peer = peer_;
    session_.keep(id, exchange);
    if (exchanges_++ == 0 && list_ != nullptr) stand_in(nullptr);
    if (!head.is_last) count_half_open(*exchange);
    if (is_closed_) return;
    try {
      accept_head(*exchange, head.too_large);
    } catch (...) {
      answer(exchange, refusal(request, std::current_exception()));
      return;
    }
    if (std::holds_alternative<StreamingHandler>(exchange->route->handler)) {
      exchange->body = std::make_shared<StreamedBody>(weak_from_this(), id, server_->loop);
      dispatch(exchange);
    }
  }

  /// Finds the route and refuses what no body can mend.
  void accept_head(Exchange& exchange, bool headers_too_large) {
    Request& request = exchange.request;
    if (bucket_ != nullptr && !bucket_->take(server_->time())) {
      throw base::Error(base::ErrorKind::too_many_requests, "NF_CONGESTION_RISK", "this peer sends more requests a second than it may");
    }
    if (headers_too_large) {
      throw base::Error(base::ErrorKind::headers_too_large, "", "the request has too many header fields, or too long ones");
    }
    if (!is_authority(request.authority)) {
      throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the request's authority is missing or malformed",
                        {{"header :authority", "is missing or malformed"}});
    }
    exchange.route = &server_->router.admit(request);
    const auto length = request.headers.find("content-length");
    if (!length || std::holds_alternative<StreamingHandler>(exchange.route->handler)) return;
    std::size_t octets = 0;
    std::from_chars(length->data(), length->data() + length->size(), octets);
    if (octets > server_->limits.max_body_bytes) throw too_large(server_->limits.max_body_bytes);
  }

  void on_data(StreamId id, std::string_view octets) {
    if (is_closed_) return;
    const auto exchange = exchange_of(id);
    if (exchange == nullptr || exchange->is_answered) {
      session_.consume(id, octets.size());  // the connection's window is shared: others need it
      return;
    }
    count(octets.size());
    if (is_closed_) return;
    if (exchange->body != nullptr) return exchange->body->put(octets);
    exchange->buffered += octets.size();
    session_.consume(id, octets.size());
    if (exchange->request.body.size() + octets.size() > server_->limits.max_body_bytes) {
      return refuse(exchange, too_large(server_->limits.max_body_bytes));
    }
    exchange->request.body.append(octets);
  }

  void on_end(StreamId id) {
    const auto exchange = exchange_of(id);
    if (exchange == nullptr || is_closed_) return;
    exchange->is_complete = true;
    uncount_half_open(*exchange);
    if (exchange->body != nullptr) return exchange->body->end(true);
    if (!exchange->is_answered) dispatch(exchange);
  }

  void on_closed(StreamId id) {
    if (const auto exchange = exchange_of(id)) {
      release(*exchange);
      uncount_half_open(*exchange);
      uncount(exchange->buffered);
      --exchanges_;
    }
    if (exchanges_ == 0) deadline_ = server_->time() + server_->limits.idle_timeout;
  }

  void dispatch(const std::shared_ptr<Exchange>& exchange) {
    if (server_->round.age(server_->time()) > server_->limits.max_wait) {
      server_->counters.requests_shed.fetch_add(1, std::memory_order_relaxed);
      return answer(exchange, congestion());
    }
    if (auto response = serve_at_once(*exchange->route, exchange->request)) return answer(exchange, std::move(*response));
    asio::co_spawn(server_->loop, serve_and_answer(shared_from_this(), exchange), asio::detached);
  }

  static asio::awaitable<void> serve_and_answer(std::shared_ptr<Connection> self, std::shared_ptr<Exchange> exchange) {
    Response response = co_await serve_waiting(*exchange->route, exchange->request, exchange->body);
    self->answer(exchange, std::move(response));
  }

  void refuse(const std::shared_ptr<Exchange>& exchange, const base::Error& error) { answer(exchange, to_problem(error)); }

  void answer(const std::shared_ptr<Exchange>& exchange, Response response) {
    if (exchange->is_answered || is_closed_) return;
    exchange->is_answered = true;
    exchange->deadline = server_->time() + server_->limits.write_timeout;
    exchange->unsent = response.body.size();
    base::log::debug("{} {} {} -> {}", address_, exchange->request.method, exchange->request.target, response.status);
    server_->counters.count(response.status);
    const bool is_head = exchange->request.method == "HEAD";
    const bool is_piecewise = response.stream != nullptr && !is_head;
    using Source = Http2Session::BodySource;
    const std::shared_ptr<BodyReader> source = response.stream;
    session_.respond(exchange->stream, std::move(response), is_head ? Source::none : is_piecewise ? Source::pieces : Source::whole);
    schedule_flush();
    if (!is_piecewise) return;
    exchange->source = source;
    exchange->room.emplace(server_->loop);
    ++sources_;
    asio::co_spawn(server_->loop, pass_on(shared_from_this(), exchange), asio::detached);
  }

  /// Sends a body as its source gives it; no more than kMaxAheadBytes wait here for the peer.
  static asio::awaitable<void> pass_on(std::shared_ptr<Connection> self, std::shared_ptr<Exchange> exchange) {
    const StreamId stream = exchange->stream;
    try {
      while (!exchange->is_closed) {
        const std::optional<std::string> piece = co_await exchange->source->next();
        if (exchange->is_closed) break;
        if (!piece) {
          self->session_.finish(stream);
          break;
        }
        self->session_.send(stream, *piece);
        exchange->unsent = self->session_.unsent(stream);
        self->schedule_flush();
        co_await self->wait_for_room(exchange);
      }
    } catch (const std::exception& error) {
      base::log::info("{} {} {}: the answer broke off: {}", self->address_, exchange->request.method, exchange->request.target,
                      error.what());
      if (!exchange->is_closed) self->session_.reset(stream, Http2Error::internal_error);
    }
    exchange->source.reset();
    --self->sources_;
    self->schedule_flush();
  }

  asio::awaitable<void> wait_for_room(std::shared_ptr<Exchange> exchange) {
    while (!exchange->is_closed && session_.unsent(exchange->stream) > kMaxAheadBytes) {
      exchange->room->expires_at(Instant::max());
      ErrorCode ignored;
      co_await exchange->room->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  /// After a write: sources may go on.
  void wake_sources() {
    if (sources_ == 0) return;
    for (const auto& context : session_.contexts()) {
      auto& exchange = static_cast<Exchange&>(*context);
      if (exchange.source != nullptr) exchange.room->cancel();
    }
  }

  void read(Transport::Next next = Transport::Next::readable) {
    transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
      if (error) return self->close();
      self->on_readable();
    });
  }

  void on_readable() {
    const Instant began = server_->begin_turn(server_);
    take_turn();
    const auto taken = server_->end_turn(began);
    // Less at a time where it costs much, so that the others have their turn.
    if (taken > kLongTurn) turn_octets_ = std::max(kMinTurnOctets, turn_octets_ / 4);
    if (taken < kLongTurn / 8) turn_octets_ = std::min(kMaxTurnOctets, turn_octets_ * 2);
  }

  void take_turn() {
    is_in_turn_ = true;
    Transport::Moved moved;
    for (std::size_t left = turn_octets_; left > 0 && moved.next == Transport::Next::more && !is_broken_ && !is_closed_; left -= moved.octets) {
      moved = transport_.read(std::span(server_->read_buffer).first(std::min(left, server_->read_buffer.size())));
      receive({server_->read_buffer.data(), moved.octets});
    }
    is_in_turn_ = false;
    if (moved.next == Transport::Next::ended) return close();
    flush();
    if (is_closed_ || is_broken_) return;
    if (moved.next != Transport::Next::more) return read(moved.next);
    asio::post(server_->loop, [self = shared_from_this()] {
      if (!self->is_closed_) self->on_readable();
    });
  }

  /// Serves the requests that `octets` complete.
  void receive(std::span<char> octets) {
    if (octets.empty()) return;
    const Router::Batch& batch = server_->router.batch();
    if (batch.begin) batch.begin();
    if (!session_.receive({octets.data(), octets.size()})) is_broken_ = true;
    if (batch.end) batch.end();
    base::wipe(std::span(reinterpret_cast<std::uint8_t*>(octets.data()), octets.size()));
  }

  /// Output goes out once a turn of the loop, not once a response. A turn of this connection ends with a flush in any case.
  void schedule_flush() {
    if (is_flush_scheduled_ || is_closed_ || is_in_turn_) return;
    is_flush_scheduled_ = true;
    asio::post(server_->loop, [self = shared_from_this()] {
      self->is_flush_scheduled_ = false;
      self->flush();
    });
  }

  void flush() {
    std::string& out = server_->out;
    while (!is_writing_ && !is_closed_ && is_ready_) {
      session_.take_output(out);
      if (out.empty()) {
        const bool is_done = is_ending_ && session_.open_streams() == 0;
        if (is_broken_ || is_done || !session_.is_alive()) close();
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
  void keep_unwritten(std::string_view out, const Transport::Moved& moved) {
    unwritten_ = out.substr(moved.octets);
    is_writing_ = true;
    write_deadline_ = now() + server_->limits.write_timeout;
    write_on(moved.next);
  }

  void write_on(Transport::Next next) {
    transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
      if (error || self->is_closed_) return self->close();
      self->on_writable();
    });
  }

  void on_writable() {
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

  std::shared_ptr<State> server_;
  Transport transport_;
  Http2Session session_;
  std::string address_;
  Peer peer_;
  std::size_t exchanges_ = 0;  ///< open: a header block that has not ended is none
  std::string unwritten_;      ///< what the peer did not take yet
  Instant deadline_;  ///< while there are no exchanges
  Instant write_deadline_;
  std::size_t sources_ = 0;  ///< answers whose body comes in pieces
  std::size_t turn_octets_ = kFirstTurnOctets;   ///< read in a turn
  std::shared_ptr<RequestRates::Bucket> bucket_;  ///< null: no limit
  std::list<Connection*>* list_ = nullptr;        ///< in which it stands, if any
  std::list<Connection*>::iterator place_;
  bool is_ready_ = false;  ///< TLS, if any, is there
  bool is_writing_ = false;
  bool is_in_turn_ = false;
  bool is_flush_scheduled_ = false;
  bool is_ending_ = false;  ///< closes after the last stream
  bool is_broken_ = false;  ///< closes after the last octet
  bool is_closed_ = false;
};

Http2Server::StreamedBody::~StreamedBody() {
  if (waiting_.empty()) return;
  if (const auto connection = connection_.lock()) connection->consumed(stream_, waiting_.size());
}

asio::awaitable<std::optional<std::string>> Http2Server::StreamedBody::next() {
  const auto keep_alive = connection_.lock();
  const auto deadline = now() + (keep_alive ? keep_alive->request_timeout() : std::chrono::seconds(0));
  while (waiting_.empty() && !is_ended_) {
    wake_.expires_at(deadline);
    ErrorCode ignored;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (waiting_.empty() && !is_ended_ && now() >= deadline) {
      throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the body stopped before its end");
    }
  }
  if (waiting_.empty()) {
    if (!is_complete_) throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the peer gave up its request");
    co_return std::nullopt;
  }
  if (keep_alive) keep_alive->consumed(stream_, waiting_.size());
  std::string taken = std::move(waiting_);
  waiting_.clear();
  co_return std::move(taken);
}

void Http2Server::State::accept(const std::shared_ptr<State>& self, std::size_t index) {
  listeners[index].acceptor.async_accept([self, index](ErrorCode error, tcp::socket socket) {
    if (self->is_draining || error == asio::error::operation_aborted) return;
    if (error) {
      base::log::warning("accept failed: {}", error.message());
      self->listeners[index].is_stalled = true;
      return;
    }
    if (self->connections.size() >= self->limits.max_connections && !self->make_room()) {
      self->counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
    } else {
      ErrorCode ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      const auto remote = socket.remote_endpoint(ignored);
      const std::string address = remote.address().to_string() + ":" + std::to_string(remote.port());
      const auto& tls = self->listeners[index].tls;
      auto connection = std::make_shared<Connection>(
          self, tls ? Transport(std::move(socket), tls) : Transport(std::move(socket)), address);
      self->connections.insert(connection);
      connection->start();
    }
    self->accept(self, index);
  });
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
  for (auto one = own.begin(); one != own.end() && freed * 2 < worst->second; ++one) {
    freed += (**one).*most;
    Connection::give_way(**one);
  }
}

bool Http2Server::State::make_room() {
  auto& list = silent.empty() ? handshaking : silent;
  if (list.empty()) return false;
  Connection::give_way(*list.front());
  return true;
}

void Http2Server::State::run_tick(const std::shared_ptr<State>& self) {
  tick.expires_after(std::chrono::seconds(1));
  tick.async_wait([self](ErrorCode error) {
    if (error) return;
    const auto at = now();
    const auto all = self->connections;  // a connection that ends leaves the set
    for (const auto& connection : all) connection->check_deadlines(at);
    self->rates.sweep(at);
    for (std::size_t i = 0; i < self->listeners.size(); ++i) {
      if (std::exchange(self->listeners[i].is_stalled, false)) self->accept(self, i);
    }
    self->run_tick(self);
  });
}

Http2Server::Http2Server(asio::io_context& loop, const Router& router, ServerLimits limits)
    : state_(std::make_shared<State>(loop, router, limits)) {
  state_->run_tick(state_);
}

Http2Server::~Http2Server() {
  state_->is_draining = true;
  state_->tick.cancel();
  state_->listeners.clear();
  const auto connections = state_->connections;
  for (const auto& connection : connections) connection->close();
}

std::uint16_t Http2Server::listen(const std::string& address, std::uint16_t port,
                                  std::shared_ptr<asio::ssl::context> tls) {
  try {
    const tcp::endpoint endpoint(asio::ip::make_address(address), port);
    tcp::acceptor acceptor(state_->loop);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    if (state_->limits.share_port) acceptor.set_option(ReusePort(true));
    acceptor.bind(endpoint);
    acceptor.listen(1024);
    const std::uint16_t bound = acceptor.local_endpoint().port();
    state_->listeners.push_back({std::move(acceptor), std::move(tls)});
    state_->accept(state_, state_->listeners.size() - 1);
    return bound;
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen at " + address + ":" + std::to_string(port) + ": " + error.code().message());
  }
}

void Http2Server::drain() {
  state_->is_draining = true;
  state_->listeners.clear();
  const auto connections = state_->connections;
  for (const auto& connection : connections) connection->drain();
}

std::size_t Http2Server::open_connections() const { return state_->connections.size(); }

const ServerCounters& Http2Server::counters() const { return state_->counters; }

void Http2Server::replace_tls(std::size_t listener, std::shared_ptr<asio::ssl::context> tls) { state_->listeners.at(listener).tls = std::move(tls); }

}  // namespace sbi
