#include "lib/sbi/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "lib/sbi/client_connection.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Kind = ClientError::Kind;

constexpr int kMaxTries = 2;  ///< a request that the peer refused without looking at it goes out once more

}  // namespace

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
  if (uri.scheme == "http" && !state->limits.may_call_in_clear && !uri.is_at_loopback()) {
    throw ClientError(Kind::unreachable, origin + ": is beyond loopback and in clear, and client: insecure_beyond_loopback is not set");
  }
  if (!request.headers.find("user-agent")) request.headers.add("user-agent", state->name);
  const auto until = now() + deadline;
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

}  // namespace sbi
