#include "lib/sbi/http2_exchange.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/sbi/http2_connection.hpp"

namespace sbi {

namespace asio = boost::asio;

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

Http2Server::StreamedBody::~StreamedBody() {
  if (waiting_.empty()) return;
  if (const auto connection = connection_.lock()) connection->consumed(stream_, waiting_.size());
}

asio::awaitable<std::optional<std::string>> Http2Server::StreamedBody::next() {
  const auto keep_alive = connection_.lock();
  const auto deadline = now() + (keep_alive ? keep_alive->request_timeout() : std::chrono::seconds(0));
  while (waiting_.empty() && !is_ended_) {
    wake_.expires_at(deadline);
    boost::system::error_code ignored;
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

}  // namespace sbi
