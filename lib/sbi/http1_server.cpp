#include "lib/sbi/http1_server.hpp"

#include <pistache/endpoint.h>
#include <pistache/http.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cctype>
#include <future>

#include "lib/base/log.hpp"
#include "lib/sbi/problem.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
namespace Http = Pistache::Http;

constexpr int kThreads = 4;
constexpr int kBacklog = 1024;
constexpr std::size_t kMaxAnswerBytes = 16 * 1024 * 1024;
constexpr std::chrono::seconds kAnswerTimeout{60};

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

Request to_request(const Http::Request& from) {
  Request request;
  request.method = Http::methodString(from.method());
  request.target = from.resource() + from.query().as_str();
  request.body = from.body();
  request.peer.address = from.address().host() + ":" + std::to_string(static_cast<unsigned>(from.address().port()));
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
  if (request.headers.find("transfer-encoding")) {
    throw Error(ErrorKind::length_required, "", "this front end takes bodies with a content-length only");
  }
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

class FrontEnd final : public Http::Handler {
 public:
  HTTP_PROTOTYPE(FrontEnd)

  FrontEnd(asio::io_context& loop, const Router& router, ServerLimits limits)
      : loop_(&loop), router_(&router), limits_(limits) {}

  void onRequest(const Http::Request& from, Http::ResponseWriter writer) override {
    const auto pending = std::make_shared<Pending>();
    pending->request = to_request(from);
    Response response = answer_to(pending);
    base::log::debug("{} {} {} -> {} (HTTP/1.1)", pending->request.peer.address, pending->request.method,
                     pending->request.target, response.status);
    for (const Header& header : response.headers.fields()) {
      if (header.name == "content-length") continue;  // of an answer that was relayed: Pistache writes its own
      writer.headers().add(std::make_shared<TextHeader>(header.name, header.value));
    }
    writer.send(static_cast<Http::Code>(response.status), response.body);
  }

 private:
  Response answer_to(const std::shared_ptr<Pending>& pending) const {
    try {
      require_sound(pending->request, limits_);
      auto answered = pending->response.get_future();
      asio::co_spawn(*loop_, serve_pending(pending, *router_), asio::detached);
      if (answered.wait_for(kAnswerTimeout) == std::future_status::ready) return answered.get();
      throw base::Error(base::ErrorKind::unavailable, "NF_CONGESTION", "the answer took too long");
    } catch (...) {
      return refusal(pending->request, std::current_exception());
    }
  }

  asio::io_context* loop_;
  const Router* router_;
  ServerLimits limits_;
};

}  // namespace

struct Http1Server::State {
  asio::io_context& loop;
  const Router& router;
  ServerLimits limits;
  std::vector<std::unique_ptr<Http::Endpoint>> endpoints;
};

Http1Server::Http1Server(asio::io_context& loop, const Router& router, ServerLimits limits)
    : state_(new State{loop, router, limits, {}}) {}

Http1Server::~Http1Server() { stop(); }

std::uint16_t Http1Server::listen(const std::string& address, std::uint16_t port) {
  try {
    auto endpoint = std::make_unique<Http::Endpoint>(Pistache::Address(address, port));
    endpoint->init(Http::Endpoint::options()
                       .threads(kThreads)
                       .flags(Pistache::Tcp::Options::ReuseAddr | Pistache::Tcp::Options::NoDelay)
                       .maxRequestSize(state_->limits.max_http1_bytes)
                       .maxResponseSize(kMaxAnswerBytes)
                       .backlog(kBacklog)
                       .headerTimeout(state_->limits.first_byte_timeout)
                       .bodyTimeout(state_->limits.request_timeout)
                       .keepaliveTimeout(state_->limits.request_timeout));
    endpoint->setHandler(std::make_shared<FrontEnd>(state_->loop, state_->router, state_->limits));
    endpoint->serveThreaded();
    const auto bound = static_cast<std::uint16_t>(endpoint->getPort());
    state_->endpoints.push_back(std::move(endpoint));
    return bound;
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot listen at " + address + ":" + std::to_string(port) + " (HTTP/1.1): " + error.what());
  }
}

void Http1Server::stop() {
  for (const auto& endpoint : state_->endpoints) endpoint->shutdown();
  state_->endpoints.clear();
}

}  // namespace sbi
