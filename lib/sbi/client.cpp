#include "lib/sbi/client.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <set>
#include <unordered_map>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/sbi/tls.hpp"
#include "lib/sbi/transport.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Instant = std::chrono::steady_clock::time_point;
using Kind = ClientError::Kind;

constexpr std::size_t kReadBufferBytes = 64 * 1024;  ///< one for all connections of a loop
constexpr int kReadsATurn = 4;                      ///< of one connection; then the others have their turn
constexpr std::size_t kMaxAheadBytes = 256 * 1024;  ///< of a request's body that comes in pieces: what waits for the peer
constexpr int kMaxTries = 2;  ///< a request that the peer refused without looking at it goes out once more

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos &&
         std::stoul(std::string(text)) - 1 < 65535;
}

/// The first segment of the path behind the API root.
std::string service_of(const Uri& uri, const Request& request) {
  std::string_view path(request.target);
  if (path.starts_with(uri.path)) path.remove_prefix(uri.path.size());
  if (path.starts_with('/')) path.remove_prefix(1);
  return std::string(path.substr(0, path.find_first_of("/?")));
}

}  // namespace

Uri Uri::parse(std::string_view text) {
  Uri uri;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) throw std::invalid_argument("is not an absolute URI (http://host:port)");
  uri.scheme = text.substr(0, scheme_end);
  if (uri.scheme != "http" && uri.scheme != "https") throw std::invalid_argument("is neither http nor https");
  text.remove_prefix(scheme_end + 3);
  const std::size_t path_begin = text.find('/');
  std::string_view authority = text.substr(0, path_begin);
  uri.path = path_begin == std::string_view::npos ? "" : text.substr(path_begin);
  while (uri.path.ends_with('/')) uri.path.pop_back();
  if (!is_authority(authority)) throw std::invalid_argument("has no host, or one with characters that a host cannot have");
  for (const char c : uri.path) {
    if (c <= ' ' || c == '?' || c == '#' || c == 0x7F) throw std::invalid_argument("has a query, a fragment or white space");
  }
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) throw std::invalid_argument("has a [ without ]");
  if (authority.find_first_of("[]", bracket + 1) != std::string_view::npos) throw std::invalid_argument("has a bracket too many");
  const std::size_t colon = authority.find(':', bracket);
  if (bracket != 0 && bracket + 1 != std::min(colon, authority.size())) {
    throw std::invalid_argument("has characters between ] and the port");
  }
  uri.host = bracket != 0 ? authority.substr(1, bracket - 1) : authority.substr(0, colon);
  if (uri.host.empty()) throw std::invalid_argument("has no host");
  uri.port = colon == std::string_view::npos ? (uri.scheme == "https" ? "443" : "80") : authority.substr(colon + 1);
  if (!is_port(uri.port)) throw std::invalid_argument("has a port that is not a number from 1 to 65535");
  return uri;
}

std::string Uri::authority() const {
  const bool is_default = (scheme == "https" && port == "443") || (scheme == "http" && port == "80");
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return is_default ? name : name + ":" + port;
}

Request make_request(std::string method, const Uri& uri, std::string_view suffix, std::string json_body) {
  Request request;
  request.method = std::move(method);
  request.scheme = uri.scheme;
  request.authority = uri.authority();
  request.target = uri.path + std::string(suffix);
  if (!json_body.empty()) request.headers.add("content-type", kJson);
  request.headers.add("accept", "application/json,application/problem+json");
  request.body = std::move(json_body);
  return request;
}

/// A request under way; it outlives its stream and its connection.
struct Client::Call {
  Call(asio::io_context& io, Instant deadline) : loop(io), timer(io, deadline), room(io, Instant::max()) {}

  enum class Outcome { none, answered, refused, failed };

  /// The head of a streamed answer, or the end of any. For a streamed one the body may still fail afterwards.
  void finish(Outcome how) {
    if (outcome == Outcome::none) outcome = how;
    if (how != Outcome::answered) is_broken = true;
    timer.cancel();
    room.cancel();
  }

  asio::io_context& loop;
  Request request;
  Response response;
  bool is_streamed = false;   ///< finished by its head; the body is read through AnswerBody
  bool is_piecewise = false;  ///< the request's body comes through a BodyReader
  Outcome outcome = Outcome::none;
  bool is_body_complete = false;  ///< of a streamed answer
  bool is_broken = false;         ///< no more of it will come
  std::string failure;
  asio::steady_timer timer;  ///< deadline and wake-up in one
  asio::steady_timer room;   ///< cancelled when the peer has taken some of a request's body
  std::weak_ptr<Connection> connection;
  StreamId stream = 0;
  Instant sent_at;  ///< once it has a stream
};

struct Client::State {
  State(asio::io_context& io, std::string agent, std::shared_ptr<asio::ssl::context> context, ClientLimits allowed)
      : loop(io), name(std::move(agent)), tls(std::move(context)), limits(allowed) {}

  asio::io_context& loop;
  std::string name;
  std::shared_ptr<asio::ssl::context> tls;
  Authorizer* authorizer = nullptr;
  ClientLimits limits;
  std::optional<Uri> scp;
  std::set<std::string> direct;  ///< origins that are not reached through the SCP
  std::map<std::string, std::shared_ptr<Connection>> connections;  ///< by origin
  std::vector<char> read_buffer = std::vector<char>(kReadBufferBytes);  ///< holds octets within one turn only
};

class Client::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<State> client, const Uri& uri)
      : client_(std::move(client)),
        uri_(uri),
        resolver_(client_->loop),
        connect_timer_(client_->loop),
        transport_(uri.scheme == "https" ? Transport(tcp::socket(client_->loop), client_->tls)
                                         : Transport(tcp::socket(client_->loop))),
        session_(Http2Session::Role::client, client_->limits.http2, events()) {}

  /// Takes the call as soon as it is connected.
  void add(const std::shared_ptr<Call>& call) {
    call->connection = weak_from_this();
    if (!is_ready_) return waiting_.push_back(call);
    submit(call);
    schedule_flush();
  }

  [[nodiscard]] bool takes_calls() const { return !is_closed_ && !is_leaving_; }

  void connect() {
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

  void abandon(StreamId stream) {
    calls_.erase(stream);
    if (is_closed_) return;
    if (is_silent_ && calls_.empty()) close_in_time();
    session_.reset(stream, Http2Error::cancel);
    schedule_flush();
  }

  /// After a wait that was in vain: if the peer sent nothing at all since it began, the connection is taken for dead. It gets no more
  /// calls, and closes after the last one that it has.
  void doubt(Instant since) {
    if (last_received_ >= since) return;
    is_silent_ = true;
    is_leaving_ = true;
  }

  /// The next octets of a request's body that comes in pieces; nothing ends it.
  void send(StreamId stream, const std::optional<std::string>& octets) {
    if (is_closed_) return;
    if (octets) {
      session_.send(stream, *octets);
    } else {
      session_.finish(stream);
    }
    schedule_flush();
  }
  [[nodiscard]] std::size_t unsent(StreamId stream) const { return is_closed_ ? 0 : session_.unsent(stream); }

  /// Gives window back for octets of a streamed answer that its reader has taken.
  void consumed(StreamId stream, std::size_t octets) {
    if (is_closed_) return;
    session_.consume(stream, octets);
    schedule_flush();
  }

  void close(Call::Outcome outcome, const std::string& why) {
    if (is_closed_) return;
    is_closed_ = true;
    connect_timer_.cancel();
    resolver_.cancel();
    transport_.close();
    const auto self = shared_from_this();
    const auto known = client_->connections.find(uri_.origin());
    if (known != client_->connections.end() && known->second == self) client_->connections.erase(known);
    for (const auto& call : waiting_) fail(call, outcome, why);
    for (const auto& [id, call] : calls_) fail(call, outcome, why);
    waiting_.clear();
    calls_.clear();
  }

 private:
  /// Closes at the latest when a new connection would have failed: a peer that has gone without a word takes no last words either,
  /// and TCP alone would wait for minutes.
  void close_in_time() {
    connect_timer_.expires_after(client_->limits.connect_timeout);
    connect_timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
      const auto self = weak.lock();
      if (!error && self) self->close(Call::Outcome::failed, "the peer is silent");
    });
  }

  Http2Session::Events events() {
    return {.head = [this](StreamId id, Http2Session::Head& head) { on_head(id, head); },
            .data = [this](StreamId id, std::string_view octets) { on_data(id, octets); },
            .end = [this](StreamId id) { on_end(id); },
            .closed = [this](StreamId id, std::uint32_t error) { on_closed(id, error); },
            .goaway = [this](StreamId last, std::uint32_t) { on_goaway(last); }};
  }

  static void fail(const std::shared_ptr<Call>& call, Call::Outcome outcome, const std::string& why) {
    call->failure = why;
    call->finish(outcome);
  }

  void secure() {
    if (!transport_.is_tls()) return begin();
    expect_server_name(transport_.ssl(), uri_.host);
    transport_.handshake(Transport::Side::client, [self = shared_from_this()](ErrorCode error) {
      if (error) return self->close(Call::Outcome::failed, "TLS handshake failed: " + error.message());
      if (!chose_http2(self->transport_.ssl())) {
        return self->close(Call::Outcome::failed, "the peer does not speak HTTP/2 (ALPN h2)");
      }
      self->begin();
    });
  }

  void begin() {
    if (is_closed_) return;
    is_ready_ = true;
    connect_timer_.cancel();
    for (const auto& call : std::exchange(waiting_, {})) {
      if (call->outcome == Call::Outcome::none) submit(call);
    }
    on_readable();  // with TLS, the peer's first octets may have come along with the handshake's last ones
  }

  void submit(const std::shared_ptr<Call>& call) {
    using Source = Http2Session::BodySource;
    const StreamId id = session_.request(call->request, call->is_piecewise ? Source::pieces : Source::whole);
    if (id < 0) {
      is_leaving_ = true;
      return fail(call, Call::Outcome::refused, "the connection has no streams left");
    }
    call->stream = id;
    call->sent_at = std::chrono::steady_clock::now();
    calls_.emplace(id, call);
    if (!call->is_piecewise) return;
    piecewise_.push_back(id);
    call->room.cancel();  // its body may follow
  }

  void on_head(StreamId id, Http2Session::Head& head) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    if (head.too_large) return give_up(id, "the answer's header is too large");
    found->second->response.status = head.status;
    found->second->response.headers = std::move(head.headers);
    if (found->second->is_streamed) found->second->finish(Call::Outcome::answered);
  }

  void on_data(StreamId id, std::string_view octets) {
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

  void give_up(StreamId id, const char* why) {
    const auto call = calls_.at(id);
    abandon(id);
    fail(call, Call::Outcome::failed, why);
  }

  void on_end(StreamId id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const auto call = found->second;
    // A request whose body is still on its way keeps its place: the peer may want the rest of it.
    call->is_body_complete = true;
    calls_.erase(found);
    call->finish(Call::Outcome::answered);
  }

  void on_closed(StreamId id, std::uint32_t error) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const auto call = found->second;
    calls_.erase(found);
    const bool refused = error == static_cast<std::uint32_t>(Http2Error::refused_stream);
    fail(call, refused ? Call::Outcome::refused : Call::Outcome::failed,
         "the peer reset the stream (HTTP/2 error " + std::to_string(error) + ")");
  }

  /// What the peer will not look at goes out again on another connection; the rest is answered on this one.
  void on_goaway(StreamId last) {
    is_leaving_ = true;
    const auto calls = calls_;
    for (const auto& [id, call] : calls) {
      if (id <= last) continue;
      calls_.erase(id);
      fail(call, Call::Outcome::refused, "the peer is going away");
    }
  }

  void read(Transport::Next next = Transport::Next::readable) {
    transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
      if (error) return self->close(Call::Outcome::failed, "the connection broke: " + error.message());
      self->on_readable();
    });
  }

  void on_readable() {
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

  void receive(std::span<char> octets) {
    if (octets.empty()) return;
    last_received_ = std::chrono::steady_clock::now();
    const bool is_sound = session_.receive({octets.data(), octets.size()});
    base::wipe(std::span(reinterpret_cast<std::uint8_t*>(octets.data()), octets.size()));
    if (!is_sound) close(Call::Outcome::failed, "the peer does not speak HTTP/2");
  }

  void schedule_flush() {
    if (is_flush_scheduled_ || is_closed_) return;
    is_flush_scheduled_ = true;
    asio::post(client_->loop, [self = shared_from_this()] {
      self->is_flush_scheduled_ = false;
      self->flush();
    });
  }

  void flush() {
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

  void wait_to_write(Transport::Next next) {
    is_writing_ = true;
    transport_.wait(next, [self = shared_from_this()](ErrorCode error) {
      self->is_writing_ = false;
      if (error) return self->close(Call::Outcome::failed, "the connection broke: " + error.message());
      self->flush();
    });
  }

  /// After a write: requests whose body comes in pieces may go on.
  void wake_bodies() {
    std::erase_if(piecewise_, [this](StreamId id) { return !calls_.contains(id); });
    for (const StreamId id : piecewise_) calls_.at(id)->room.cancel();
  }

  std::shared_ptr<State> client_;
  Uri uri_;
  tcp::resolver resolver_;
  asio::steady_timer connect_timer_;  ///< of the connecting, later of the closing
  Transport transport_;
  Http2Session session_;
  std::vector<std::shared_ptr<Call>> waiting_;  ///< for the connection
  std::unordered_map<StreamId, std::shared_ptr<Call>> calls_;
  std::vector<StreamId> piecewise_;  ///< calls whose request body comes in pieces; some may have ended
  std::string out_;  ///< what the peer did not take yet
  bool is_ready_ = false;
  Instant last_received_;
  bool is_leaving_ = false;  ///< takes no more calls
  bool is_silent_ = false;   ///< leaving because the peer is taken for dead
  bool is_writing_ = false;
  bool is_flush_scheduled_ = false;
  bool is_closed_ = false;
};

void Client::authorize_by(Authorizer& authorizer) { state_->authorizer = &authorizer; }

void Client::use_tls(std::shared_ptr<asio::ssl::context> tls) { state_->tls = std::move(tls); }

Client::Client(asio::io_context& loop, std::string name, std::shared_ptr<asio::ssl::context> tls, ClientLimits limits)
    : state_(std::make_shared<State>(loop, std::move(name), std::move(tls), limits)) {}

Client::~Client() { close(); }

void Client::close() {
  const auto connections = state_->connections;
  for (const auto& [origin, connection] : connections) connection->close(Call::Outcome::failed, "the client was closed");
}

void Client::use_scp(Uri scp, const std::vector<Uri>& direct) {
  state_->direct = {scp.origin()};
  for (const Uri& uri : direct) state_->direct.insert(uri.origin());
  state_->scp = std::move(scp);
}

/// The rest of a streamed answer. Dropped before its end, it tells the peer to stop.
class Client::AnswerBody final : public BodyReader {
 public:
  AnswerBody(std::shared_ptr<Call> call, std::chrono::milliseconds patience) : call_(std::move(call)), patience_(patience) {}
  AnswerBody(const AnswerBody&) = delete;
  AnswerBody& operator=(const AnswerBody&) = delete;
  ~AnswerBody() override {
    const auto connection = call_->connection.lock();
    if (!connection) return;
    connection->consumed(call_->stream, call_->response.body.size());
    if (!call_->is_body_complete && !call_->is_broken) connection->abandon(call_->stream);
  }

  asio::awaitable<std::optional<std::string>> next() override {
    const auto call = call_;
    const Instant until = std::chrono::steady_clock::now() + patience_;
    while (call->response.body.empty() && !call->is_body_complete && !call->is_broken) {
      call->timer.expires_at(until);
      ErrorCode ignored;
      co_await call->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      const bool is_late = std::chrono::steady_clock::now() >= until;
      if (is_late && call->response.body.empty() && !call->is_body_complete) {
        if (const auto connection = call->connection.lock()) connection->doubt(until - patience_);
        throw ClientError(Kind::timeout, "the answer's body stopped before its end");
      }
    }
    if (!call->response.body.empty()) {
      std::string taken = std::exchange(call->response.body, std::string());
      if (const auto connection = call->connection.lock()) connection->consumed(call->stream, taken.size());
      co_return std::move(taken);
    }
    if (!call->is_body_complete) throw ClientError(Kind::broken, call->failure);
    co_return std::nullopt;
  }

 private:
  std::shared_ptr<Call> call_;
  std::chrono::milliseconds patience_;
};

/// Sends a request's body as its reader gives it, once the request has a stream.
asio::awaitable<void> Client::pass_on(std::shared_ptr<Call> call, std::shared_ptr<BodyReader> body) {
  try {
    while (!call->is_broken) {
      const auto connection = call->connection.lock();
      if (!connection) break;
      if (call->is_body_complete) {  // answered before its end (RFC 9113, 8.1)
        connection->abandon(call->stream);
        break;
      }
      const bool must_wait = call->stream == 0 || connection->unsent(call->stream) > kMaxAheadBytes;
      if (must_wait) {
        call->room.expires_at(Instant::max());
        ErrorCode ignored;
        co_await call->room.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        continue;
      }
      const std::optional<std::string> piece = co_await body->next();
      connection->send(call->stream, piece);
      if (!piece) break;
    }
  } catch (const std::exception& error) {  // our own peer gave its request up
    const auto connection = call->connection.lock();
    if (connection && call->stream > 0) connection->abandon(call->stream);
    call->failure = error.what();
    call->finish(Call::Outcome::failed);
  }
}

/// Sends the request and waits for its answer, or for the head of a streamed one. A request that the peer refused unseen goes out
/// once more, unless its body has begun to flow. Throws ClientError.
asio::awaitable<std::shared_ptr<Client::Call>> Client::exchange(std::shared_ptr<State> state, Uri uri, Request request,
                                                                std::shared_ptr<BodyReader> body, bool is_streamed,
                                                                std::chrono::milliseconds deadline) {
  const std::string target = uri.origin();
  if (state->scp && !state->direct.contains(target)) {
    request.headers.add("3gpp-sbi-target-apiroot", target);
    uri = *state->scp;
    request.scheme = uri.scheme;
    request.authority = uri.authority();
    request.target = uri.path + request.target;
  }
  const std::string origin = uri.origin();
  if (uri.scheme == "https" && !state->tls) {
    throw ClientError(Kind::unreachable, origin + ": https is not configured (client: tls)");
  }
  if (!request.headers.find("user-agent")) request.headers.add("user-agent", state->name);
  const auto until = std::chrono::steady_clock::now() + deadline;
  for (int tries = 1;; ++tries) {
    auto& slot = state->connections[origin];
    if (!slot || !slot->takes_calls()) {
      slot = std::make_shared<Connection>(state, uri);
      slot->connect();
    }
    const auto call = std::make_shared<Call>(state->loop, until);
    call->request = request;
    call->is_streamed = is_streamed;
    call->is_piecewise = body != nullptr;
    slot->add(call);
    if (body) asio::co_spawn(state->loop, pass_on(call, body), asio::detached);
    if (call->outcome == Call::Outcome::none) {
      ErrorCode ignored;
      co_await call->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (call->outcome == Call::Outcome::answered) co_return call;
    const bool was_sent = call->stream > 0;
    if (call->outcome == Call::Outcome::none) {
      call->failure = "no answer within " + std::to_string(deadline.count()) + " ms";
      if (const auto connection = call->connection.lock(); connection && was_sent) {
        connection->doubt(call->sent_at);
        connection->abandon(call->stream);
      }
      call->finish(Call::Outcome::failed);  // nobody else finishes it now
      throw ClientError(was_sent ? Kind::timeout : Kind::unreachable, origin + ": " + call->failure);
    }
    if (call->outcome == Call::Outcome::refused && tries < kMaxTries && !body) continue;
    throw ClientError(was_sent ? Kind::broken : Kind::unreachable, origin + ": " + call->failure);
  }
}

asio::awaitable<std::shared_ptr<Client::Call>> Client::exchange_authorized(std::shared_ptr<State> state, Uri uri, Request request,
                                                                           std::string service, std::chrono::milliseconds deadline) {
  const std::shared_ptr<BodyReader> no_body;
  const auto until = std::chrono::steady_clock::now() + deadline;
  for (bool is_first = true;; is_first = false) {
    std::string token;
    try {
      token = co_await state->authorizer->authorization(service);
    } catch (const base::Error& error) {
      throw ClientError(Kind::unreachable, uri.origin() + ": " + error.what());
    }
    Request authorized(request);
    if (!token.empty()) authorized.headers.add("authorization", token);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) throw ClientError(Kind::unreachable, uri.origin() + ": no access token in time");
    auto call = co_await exchange(state, uri, std::move(authorized), no_body, false, left);
    const bool is_refused = call->response.status == 401 && !token.empty();
    if (is_refused) state->authorizer->refused(service, token);
    if (!is_refused || !is_first) co_return std::move(call);
  }
}

asio::awaitable<Response> Client::send(Uri uri, Request request, std::chrono::milliseconds deadline) {
  const auto state = state_;  // the client may be closed meanwhile
  const bool needs_token = state->authorizer != nullptr && !request.headers.find("authorization");
  if (needs_token) {
    std::string service = service_of(uri, request);
    const auto call = co_await exchange_authorized(state, std::move(uri), std::move(request), std::move(service), deadline);
    co_return std::move(call->response);
  }
  const std::shared_ptr<BodyReader> no_body;
  const auto call = co_await exchange(state, std::move(uri), std::move(request), no_body, false, deadline);
  co_return std::move(call->response);
}

asio::awaitable<Response> Client::open(Uri uri, Request request, std::shared_ptr<BodyReader> body,
                                       std::chrono::milliseconds deadline) {
  const auto state = state_;
  const auto call = co_await exchange(state, std::move(uri), std::move(request), std::move(body), true, deadline);
  Response response(call->response.status);
  response.headers = std::move(call->response.headers);
  response.stream = std::make_shared<AnswerBody>(call, deadline);
  co_return std::move(response);
}

}  // namespace sbi
