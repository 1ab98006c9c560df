#include "tests/support/raw_peer.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <mutex>

#include "tests/support/loop.hpp"

namespace test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// True if an HTTP/1.1 request has come with its whole body: a connection that is closed before would be reset, and its answer lost.
bool is_whole(std::string request) {
  std::transform(request.begin(), request.end(), request.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::size_t end = request.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  constexpr std::string_view kLength = "\r\ncontent-length: ";
  const std::size_t length = request.find(kLength);
  if (length == std::string::npos || length > end) return true;
  return request.size() >= end + 4 + std::stoul(request.substr(length + kLength.size()));
}

}  // namespace

struct RawPeer::State {
  State(Answer first, std::uint16_t port) : answer(std::move(first)), acceptor(loop.io(), {asio::ip::make_address("127.0.0.1"), port}) {}

  void accept() {
    acceptor.async_accept([this](ErrorCode error, tcp::socket socket) {
      if (error) return;
      asio::co_spawn(loop.io(), serve(std::move(socket)), asio::detached);
      accept();
    });
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    std::string request;
    std::array<char, 16384> piece{};
    ErrorCode error;
    while (!is_whole(request)) {
      const std::size_t size = co_await socket.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      request.append(piece.data(), size);
    }
    ++asked;
    const Answer mine = current();
    co_await asio::async_write(socket, asio::buffer(mine.octets), asio::redirect_error(asio::use_awaitable, error));
    while (!error && !mine.repeated.empty()) {
      const std::size_t size = co_await asio::async_write(socket, asio::buffer(mine.repeated), asio::redirect_error(asio::use_awaitable, error));
      given += size;
    }
    while (!error && !mine.closes) {  // until the other end has had enough
      co_await socket.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    }
  }

  Answer current() {
    const std::lock_guard lock(mutex);
    return answer;
  }

  std::mutex mutex;
  Answer answer;
  std::atomic<std::size_t> asked{0};
  std::atomic<std::size_t> given{0};
  Loop loop;
  tcp::acceptor acceptor;
};

RawPeer::RawPeer(Answer answer, std::uint16_t port) : state_(std::make_unique<State>(std::move(answer), port)) {
  state_->loop.run([this] { state_->accept(); });
}
RawPeer::~RawPeer() { state_->loop.stop(); }

void RawPeer::set_answer(Answer answer) {
  const std::lock_guard lock(state_->mutex);
  state_->answer = std::move(answer);
}
std::uint16_t RawPeer::port() const { return state_->acceptor.local_endpoint().port(); }
std::size_t RawPeer::times_asked() const { return state_->asked; }
std::size_t RawPeer::octets_given() const { return state_->given; }

}  // namespace test
