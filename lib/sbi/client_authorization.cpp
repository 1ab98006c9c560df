#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/sbi/client_connection.hpp"

/// A client's access tokens (TS 29.500, 6.7.3).

namespace sbi {
namespace {

namespace asio = boost::asio;
using Kind = ClientError::Kind;

/// The first segment of the path behind the API root.
std::string service_of(const Uri& uri, const Request& request) {
  std::string_view path(request.target);
  if (path.starts_with(uri.path)) path.remove_prefix(uri.path.size());
  if (path.starts_with('/')) path.remove_prefix(1);
  return std::string(path.substr(0, path.find_first_of("/?")));
}

}  // namespace

asio::awaitable<std::shared_ptr<Client::Call>> Client::exchange_authorized(std::shared_ptr<State> state, Uri uri, Request request,
                                                                           std::string service, std::chrono::milliseconds deadline) {
  const std::shared_ptr<BodyReader> no_body;
  const auto until = now() + deadline;
  for (bool is_first = true;; is_first = false) {
    std::string token;
    try {
      token = co_await state->authorizer->authorization(service);
    } catch (const base::Error& error) {
      throw ClientError(Kind::unreachable, uri.origin() + ": " + error.what());
    }
    Request authorized(request);
    if (!token.empty()) authorized.headers.add("authorization", token);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - now());
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

void Client::authorize_by(Authorizer& authorizer) { state_->authorizer = &authorizer; }

}  // namespace sbi
