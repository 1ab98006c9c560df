#include "lib/sbi/http1_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pistache/http.h>
#include <pistache/peer.h>
#include <pistache/transport.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cctype>
#include <future>
#include <thread>

#include "lib/base/log.hpp"
#include "lib/sbi/http1_gate.hpp"
#include "lib/sbi/http1_listener.hpp"
#include "lib/sbi/http1_sockets.hpp"
#include "lib/sbi/problem.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
namespace Http = Pistache::Http;
namespace Tcp = Pistache::Tcp;

constexpr std::size_t kMaxAnswerBytes = 16 * 1024 * 1024;
constexpr std::chrono::seconds kAnswerTimeout{60};
constexpr std::chrono::milliseconds kEndCheckEach{100};
constexpr std::size_t kMaxPassedOver = std::size_t{256} * 1024;  ///< octets that are read behind a refusal, so that it is read too
constexpr std::size_t kRequestLineBytes = 8 * 1024;  ///< that a head may have beside its fields; what separates these is among them

/// Any header field: Pistache writes typed headers only.
class TextHeader final : public Http::Header::Header {
 public:
  TextHeader(std::string name, std::string value) : name_(std::move(name)), value_(std::move(value)) {}
  const char* name() const override { return name_.c_str(); }
  std::uint64_t hash() const override { return std::hash<std::string>()(name_); }
  void parse(const std::string& text) override { value_ = text; }
  void write(std::ostream& out) const override { out << value_; }

 private:
  std::string name_;
  std::string value_;
};

/// A body that is there already, for the routes that read it piece by piece.
class WholeBody final : public BodyReader {
 public:
  explicit WholeBody(std::string body) : body_(std::move(body)) {}
  asio::awaitable<std::optional<std::string>> next() override {
    if (taken_ == body_.size()) co_return std::nullopt;
    std::string piece = body_.substr(taken_, kPieceBytes);
    taken_ += piece.size();
    co_return std::move(piece);
  }

 private:
  static constexpr std::size_t kPieceBytes = 64 * 1024;
  std::string body_;
  std::size_t taken_ = 0;
};

/// A request on its way through the loop; the waiting thread and the coroutine share it, for the thread may give up first.
struct Pending {
  Request request;
  std::promise<Response> response;
};

/// Reads an answer that comes in pieces: Pistache sends whole ones.
asio::awaitable<void> collect(Response& response) {
  const std::shared_ptr<BodyReader> source = std::exchange(response.stream, nullptr);
  while (true) {
    const std::optional<std::string> piece = co_await source->next();
    if (!piece) break;
    if (response.body.size() + piece->size() > kMaxAnswerBytes) {
      throw base::Error(base::ErrorKind::bad_gateway, "", "the answer is too long for HTTP/1.1; ask over HTTP/2");
    }
    response.body += *piece;
  }
}

asio::awaitable<void> serve_pending(std::shared_ptr<Pending> pending, const Router& router) {
  Response response;
  std::exception_ptr failure;
  const Route* route = nullptr;
  try {
    route = &router.admit(pending->request);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    response = refusal(pending->request, failure);
  } else {
    std::shared_ptr<BodyReader> body;
    if (std::holds_alternative<StreamingHandler>(route->handler)) {
      body = std::make_shared<WholeBody>(std::exchange(pending->request.body, std::string()));
    }
    response = co_await serve(*route, pending->request, body);
  }
  if (response.stream) {
    try {
      co_await collect(response);
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure) response = refusal(pending->request, failure);
  }
  pending->response.set_value(std::move(response));
}

std::string address_of(const Pistache::Address& address) {
  return address.host() + ":" + std::to_string(static_cast<unsigned>(address.port()));
}

Request to_request(const Http::Request& from) {
  Request request;
  request.method = Http::methodString(from.method());
  request.target = from.resource() + from.query().as_str();
  request.body = from.body();
  request.peer.address = address_of(from.address());
  for (const auto& [key, raw] : from.headers().rawList()) {
    std::string name = raw.name();
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers.add(std::move(name), raw.value());
  }
  request.authority = request.headers.find("host").value_or("");
  return request;
}

/// What both front ends refuse alike, before a handler sees it.
void require_sound(const Request& request, const ServerLimits& limits) {
  using base::Error;
  using base::ErrorKind;
  if (request.headers.fields().size() > limits.http2.max_headers || request.headers.bytes() > limits.http2.max_header_bytes) {
    throw Error(ErrorKind::headers_too_large, "", "the request has too many header fields, or too long ones");
  }
  if (!is_authority(request.authority)) {
    throw Error(ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the request's authority is missing or malformed",
                {{"header host", "is missing or malformed"}});
  }
  const auto type = request.headers.find("content-type");
  const bool is_streamed = type && type->starts_with(kNdjson);
  if (!is_streamed && request.body.size() > limits.max_body_bytes) {
    throw Error(ErrorKind::too_large, "", "the body is longer than " + std::to_string(limits.max_body_bytes) + " octets");
  }
}

void send_response(const Response& response, Http::ResponseWriter& writer) {
  for (const Header& header : response.headers.fields()) {
    if (header.name == "content-length") continue;  // of an answer that was relayed: Pistache writes its own
    writer.headers().add(std::make_shared<TextHeader>(header.name, header.value));
  }
  writer.send(static_cast<Http::Code>(response.status), response.body);
}

/// Whole requests to the router, and its answers back.
class FrontEnd : public Http::Handler {
 public:
  HTTP_PROTOTYPE(FrontEnd)

  FrontEnd(asio::io_context& loop, const Router& router, ServerLimits limits, std::shared_ptr<Http1Sockets> sockets)
      : sockets_(std::move(sockets)), loop_(&loop), router_(&router), limits_(limits) {}

  void onRequest(const Http::Request& from, Http::ResponseWriter writer) override {
    const auto pending = std::make_shared<Pending>();
    pending->request = to_request(from);
    const Response response = answer_to(pending);
    base::log::debug("{} {} {} -> {} (HTTP/1.1)", pending->request.peer.address, pending->request.method,
                     pending->request.target, response.status);
    send_response(response, writer);
  }

 protected:
  [[nodiscard]] const ServerLimits& limits() const { return limits_; }

  std::shared_ptr<Http1Sockets> sockets_;

 private:
  Response answer_to(const std::shared_ptr<Pending>& pending) const {
    try {
      require_sound(pending->request, limits_);
      auto answered = pending->response.get_future();
      asio::co_spawn(*loop_, serve_pending(pending, *router_), asio::detached);
      const auto deadline = std::chrono::steady_clock::now() + kAnswerTimeout;
      while (answered.wait_for(kEndCheckEach) != std::future_status::ready) {  // nobody is left who would be told, once all has ended
        if (!sockets_->has_ended() && std::chrono::steady_clock::now() < deadline) continue;
        throw base::Error(base::ErrorKind::unavailable, "NF_CONGESTION", "the answer took too long");
      }
      return answered.get();
    } catch (...) {
      return refusal(pending->request, std::current_exception());
    }
  }

  asio::io_context* loop_;
  const Router* router_;
  ServerLimits limits_;
};

/// What is kept with a peer of Pistache's. It goes with the peer.
struct Connection {
  Connection(int number, Http1Gate::Limits limits) : socket(number), gate(limits) {}

  const int socket;
  Http1Gate gate;
  bool has_asked = false;    ///< a head of it was whole
  bool is_answered = false;  ///< some request of it
  bool is_refused = false;   ///< what still comes is passed over
  std::size_t passed_over = 0;
};

/// The front end behind a gate for each connection (Http1Gate).
class GatedFrontEnd final : public FrontEnd {
 public:
  HTTP_PROTOTYPE(GatedFrontEnd)

  GatedFrontEnd(asio::io_context& loop, const Router& router, ServerLimits limits, std::shared_ptr<Http1Sockets> sockets)
      : FrontEnd(loop, router, limits, std::move(sockets)) {}

  void onConnection(const std::shared_ptr<Tcp::Peer>& peer) override {
    FrontEnd ungated(*this);
    static_cast<Tcp::Handler&>(ungated).onConnection(peer);
    const Http1Gate::Limits gate{std::min(limits().http2.max_header_bytes + kRequestLineBytes, limits().max_http1_bytes),
                                 limits().max_http1_bytes};
    peer->putData(kConnection, std::make_shared<Connection>(peer->fd(), gate));
    const auto patience_ms = static_cast<unsigned>(write_timeout_ms());
    ::setsockopt(peer->fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
    constexpr int kAtOnce = 1;
    ::setsockopt(peer->fd(), IPPROTO_TCP, TCP_NODELAY, &kAtOnce, sizeof kAtOnce);
  }

  /// Pistache closes its socket behind this, and none without it (Http1Listener).
  void onDisconnection(const std::shared_ptr<Tcp::Peer>& peer) override { sockets_->let_go(peer->fd()); }

  void onInput(const char* octets, std::size_t size, const std::shared_ptr<Tcp::Peer>& peer) override {
    auto& connection = *static_cast<Connection*>(peer->getData(kConnection).get());
    // A peer is idle once something was sent to it. If that was no answer, it is the listener's 408, and the peer goes when its end is
    // read: not in here, where Pistache still holds it.
    const bool has_timed_out = peer->isIdle() && !connection.is_answered;
    if (connection.is_refused || has_timed_out || sockets_->has_ended()) return pass_over(connection, size);
    try {
      connection.gate.take({octets, size}, [&](std::string_view piece, std::size_t left) { return hand_on(connection, piece, left, peer); });
    } catch (...) {
      refuse(connection, peer, std::current_exception());
    }
  }

 private:
  static constexpr const char* kConnection = "__Connection";

  [[nodiscard]] int write_timeout_ms() const { return static_cast<int>(std::chrono::milliseconds(limits().write_timeout).count()); }

  /// Gives Pistache a head or a piece of a body, and sends what it answers. True: it waits for the rest of the body.
  bool hand_on(Connection& connection, std::string_view octets, std::size_t left, const std::shared_ptr<Tcp::Peer>& peer) {
    if (sockets_->has_ended()) return false;
    if (!std::exchange(connection.has_asked, true)) sockets_->keep(connection.socket);
    FrontEnd ungated(*this);  // Pistache's own onInput is private: it can be called only where nothing overrides it
    static_cast<Tcp::Handler&>(ungated).onInput(octets.data(), octets.size(), peer);
    const auto step = getParser(peer)->step()->id();
    if (left > 0 && step == Http::Private::BodyStep::Id) return true;
    connection.is_answered = peer->isIdle();
    send_answers(connection);
    if (step == Http::Private::RequestLineStep::Id) return false;
    throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", "where the request ends is not clear");
  }

  /// Sends the answers that Pistache has ready, in their order, once the peer has room for some. By itself it would keep them as long as the
  /// peer goes on sending, and try without a pause if the peer does not read.
  void send_answers(const Connection& connection) {
    pollfd room{connection.socket, POLLOUT, 0};
    if (::poll(&room, 1, write_timeout_ms()) <= 0) ::shutdown(connection.socket, SHUT_RDWR);
    transport()->flush();
  }

  /// Says why, and closes our side.
  void refuse(Connection& connection, const std::shared_ptr<Tcp::Peer>& peer, const std::exception_ptr& why) {
    connection.is_refused = true;
    Request request;  // nobody knows what it would have been
    request.peer.address = address_of(peer->address());
    const Response response = refusal(request, why);
    base::log::debug("{} -> {}, and closed (HTTP/1.1)", request.peer.address, response.status);
    Http::ResponseWriter writer(Http::Version::Http11, transport(), this, peer);
    writer.headers().add<Http::Header::Connection>(Http::ConnectionControl::Close);
    send_response(response, writer);
    send_answers(connection);
    ::shutdown(connection.socket, SHUT_WR);
  }

  /// Who goes on for a while still gets to read why it was refused; who does not stop is cut off.
  void pass_over(Connection& connection, std::size_t size) const {
    connection.passed_over += size;
    if (connection.passed_over > kMaxPassedOver || sockets_->has_ended()) return cut_off(connection.socket);
    std::this_thread::yield();  // others have something better to do with the core
  }

  /// With a reset, once Pistache closes it: who waits for room to send more would wait for minutes beside an end without one.
  static void cut_off(int socket) {
    constexpr linger kAtOnce{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &kAtOnce, sizeof kAtOnce);
    ::shutdown(socket, SHUT_RDWR);
  }
};

}  // namespace

struct Http1Server::State {
  asio::io_context& loop;
  const Router& router;
  ServerLimits limits;
  std::shared_ptr<Http1Sockets> sockets = std::make_shared<Http1Sockets>(limits.max_http1_connections);
  std::vector<std::unique_ptr<Http1Listener>> listeners = {};
};

Http1Server::Http1Server(asio::io_context& loop, const Router& router, ServerLimits limits)
    : state_(new State{loop, router, limits}) {}

Http1Server::~Http1Server() { stop(); }

std::uint16_t Http1Server::listen(const std::string& address, std::uint16_t port) {
  try {
    const auto handler = std::make_shared<GatedFrontEnd>(state_->loop, state_->router, state_->limits, state_->sockets);
    handler->setMaxRequestSize(state_->limits.max_http1_bytes);
    handler->setMaxResponseSize(kMaxAnswerBytes);
    state_->listeners.push_back(std::make_unique<Http1Listener>(address, port, handler, state_->limits, state_->sockets));
    return state_->listeners.back()->port();
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot listen at " + address + ":" + std::to_string(port) + " (HTTP/1.1): " + error.what());
  }
}

void Http1Server::stop() {
  state_->sockets->end_all();
  state_->listeners.clear();
  state_->sockets->close_all();
}

std::uint64_t Http1Server::connections_refused() const { return state_->sockets->refused(); }

}  // namespace sbi
