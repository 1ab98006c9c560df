#include "lib/sbi/http2_exchange.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <utility>
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

void Http2Server::StreamedBody::put(std::string_view octets) {
  if (octets.empty()) return;
  if (waiting_.empty() || waiting_.back().size() + octets.size() > kPieceOctets) waiting_.emplace_back();
  waiting_.back().append(octets);
  wake_.cancel();
}

void Http2Server::StreamedBody::end(bool complete) {
  is_ended_ = true;
  is_complete_ = complete;
  if (!complete) give_back(drop());
  wake_.cancel();
}

std::size_t Http2Server::StreamedBody::drop() {
  std::size_t octets = 0;
  for (const std::string& piece : waiting_) octets += piece.size();
  waiting_.clear();
  return octets;
}

void Http2Server::StreamedBody::give_back(std::size_t octets) {
  if (octets == 0) return;
  if (const auto connection = connection_.lock()) connection->consumed(stream_, octets);
}

/// Or until something comes.
asio::awaitable<void> Http2Server::StreamedBody::wait_until(Instant at) {
  wake_.expires_at(at);
  boost::system::error_code ignored;
  co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<std::optional<std::string>> Http2Server::StreamedBody::next() {
  const auto keep_alive = connection_.lock();
  give_back(std::exchange(handed_, 0));
  co_await wait_for_more(keep_alive ? keep_alive->request_timeout() : std::chrono::seconds(0));
  if (waiting_.empty()) {
    if (!is_complete_) throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the peer gave up its request");
    co_return std::nullopt;
  }
  std::string taken = std::move(waiting_.front());
  waiting_.pop_front();
  handed_ = taken.size();
  patience_ += std::chrono::milliseconds(1000 * handed_ / kLeastOctetsPerSecond);
  co_return std::move(taken);
}

/// Until there is a piece, or the end. What the handler takes of the time is its own.
asio::awaitable<void> Http2Server::StreamedBody::wait_for_more(std::chrono::seconds most) {
  patience_ = std::min<Clock::duration>(patience_, most);
  const Instant began = now();
  while (waiting_.empty() && !is_ended_) {
    co_await wait_until(began + patience_);
    if (waiting_.empty() && !is_ended_ && now() >= began + patience_) {
      throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT",
                        "the body stopped before its end, or comes at less than " + std::to_string(kLeastOctetsPerSecond) + " octets a second");
    }
  }
  patience_ -= now() - began;
}

asio::awaitable<bool> Http2Server::StreamedBody::pause(std::chrono::steady_clock::duration time) {
  const auto keep_alive = connection_.lock();
  const Instant until = now() + time;
  const auto is_given_up = [this] { return is_ended_ && !is_complete_; };
  while (!is_given_up() && now() < until) co_await wait_until(until);
  co_return !is_given_up();
}

}  // namespace sbi
