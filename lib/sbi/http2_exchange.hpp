#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/turns.hpp"

/// Internal to the HTTP/2 server: a request and its answer, and a request's body that is read as it comes.

namespace sbi {

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
  std::optional<boost::asio::steady_timer> room;  ///< cancelled when the peer has taken some of it, or has gone
  bool is_closed = false;                         ///< the stream, or the connection, is gone

 private:
  struct Recycle;
  void clear();
};

/// A body that the handler takes piece by piece; flow control holds the peer back meanwhile. A piece counts, for the peer's window and for
/// max_buffered_bytes, until the handler asks for the next one: it is done with it then. Of a request that was given up nothing more is handed out.
/// The peer is waited for as long as request_timeout, and each octet makes up for the time in which kLeastOctetsPerSecond has it come: who drips does not hold a
/// place of an import.
class Http2Server::StreamedBody final : public BodyReader {
 public:
  StreamedBody(std::weak_ptr<Connection> connection, StreamId stream, boost::asio::io_context& loop)
      : connection_(std::move(connection)), stream_(stream), wake_(loop, Instant::max()) {}
  /// What the handler never took goes back to the connection's window, which other streams need.
  ~StreamedBody() override { give_back(handed_ + drop()); }
  StreamedBody(const StreamedBody&) = delete;
  StreamedBody& operator=(const StreamedBody&) = delete;

  boost::asio::awaitable<std::optional<std::string>> next() override;
  boost::asio::awaitable<bool> pause(std::chrono::steady_clock::duration time) override;
  void put(std::string_view octets);
  void end(bool complete);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kPieceOctets = std::size_t{32} * 1024;  ///< handed out at a time
  static constexpr std::size_t kLeastOctetsPerSecond = 500;            ///< as Apache's mod_reqtimeout has it

  /// Forgets what waits. How much that was.
  std::size_t drop();
  void give_back(std::size_t octets);
  boost::asio::awaitable<void> wait_until(Instant at);
  boost::asio::awaitable<void> wait_for_more(std::chrono::seconds most);

  std::weak_ptr<Connection> connection_;
  StreamId stream_;
  boost::asio::steady_timer wake_;
  std::deque<std::string> waiting_;  ///< none is empty
  std::size_t handed_ = 0;           ///< octets of the piece that the handler is at
  Clock::duration patience_ = Clock::duration::max();  ///< how much longer the peer is waited for
  bool is_ended_ = false;
  bool is_complete_ = false;
};

}  // namespace sbi
