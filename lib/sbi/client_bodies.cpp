#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "lib/sbi/client_connection.hpp"

/// Bodies that a client sends or reads as they come.

namespace sbi {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Kind = ClientError::Kind;

constexpr std::size_t kMaxRequestAheadBytes = 256 * 1024;  ///< of a request's body that comes in pieces: what waits for the peer

}  // namespace

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
    const Instant until = now() + patience_;
    while (call->response.body.empty() && !call->is_body_complete && !call->is_broken) {
      call->timer.expires_at(until);
      ErrorCode ignored;
      co_await call->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      const bool is_late = now() >= until;
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
      const bool must_wait = call->stream == 0 || connection->unsent(call->stream) > kMaxRequestAheadBytes;
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
