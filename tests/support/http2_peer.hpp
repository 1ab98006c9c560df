#pragma once

#include <poll.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "lib/sbi/http2_session.hpp"

namespace test {

/// What came in on one stream.
struct Received {
  sbi::Http2Session::Head head;
  std::string body;
  bool has_head = false;
  bool has_end = false;
  std::optional<std::uint32_t> closed;  ///< the error with which the stream ended
};

/// An Http2Session that keeps what it is told.
class RecordingSession {
 public:
  explicit RecordingSession(sbi::Http2Session::Role role, sbi::Http2Session::Limits limits = {})
      : session(role, limits,
                {.head = [this](sbi::StreamId id, sbi::Http2Session::Head& head) {
                   streams[id].head = std::move(head);
                   streams[id].has_head = true;
                   if (on_head) on_head(id);
                 },
                 .data = [this](sbi::StreamId id, std::string_view octets) {
                   streams[id].body += octets;
                   if (consumes) session.consume(id, octets.size());
                 },
                 .end = [this](sbi::StreamId id) {
                   streams[id].has_end = true;
                   if (on_end) on_end(id);
                 },
                 .closed = [this](sbi::StreamId id, std::uint32_t error) { streams[id].closed = error; },
                 .goaway = [this](sbi::StreamId last, std::uint32_t error) { goaway = std::pair(last, error); }}) {}

  std::map<sbi::StreamId, Received> streams;
  std::optional<std::pair<sbi::StreamId, std::uint32_t>> goaway;
  std::function<void(sbi::StreamId)> on_head;
  std::function<void(sbi::StreamId)> on_end;
  bool consumes = true;  ///< gives window back at once
  sbi::Http2Session session;
};

/// One side of a real connection that a test drives by hand, on its own thread. Every wait ends within 10 seconds, or its own time.
class Http2Peer {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  static constexpr std::chrono::seconds kPatience{10};

  /// Takes a connected socket.
  Http2Peer(Socket socket, sbi::Http2Session::Role role, sbi::Http2Session::Limits limits = {})
      : http(role, limits), socket_(std::move(socket)) {}

  /// Sends what is to be sent and takes what comes, until `done`; false if that takes too long or the connection ends.
  bool pump(const std::function<bool()>& done, std::chrono::milliseconds patience = kPatience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
      flush();
      if (done()) return true;
      if (is_closed) return false;
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd ready{socket_.native_handle(), POLLIN, 0};
      if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
      read();
    }
  }
  /// Until the stream has ended, either way.
  bool pump_to_end(sbi::StreamId id) {
    return pump([&] { return http.streams[id].has_end || http.streams[id].closed; });
  }
  /// Until the other side has closed the connection.
  bool pump_to_close() {
    return pump([&] { return is_closed; });
  }

  /// Sends octets past the session.
  void send_raw(std::string_view octets) {
    boost::system::error_code error;
    sent += boost::asio::write(socket_, boost::asio::buffer(octets), error);
    if (error) is_closed = true;
  }
  void flush() {
    std::string out;
    do {
      out.clear();
      http.session.take_output(out);
      if (!out.empty()) send_raw(out);
    } while (!out.empty() && !is_closed);
  }
  /// Ends the connection; `abruptly`: with a reset.
  void close(bool abruptly = false) {
    boost::system::error_code ignored;
    if (abruptly) socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
    is_closed = true;
  }

  RecordingSession http;
  std::size_t sent = 0;  ///< octets
  bool is_closed = false;
  bool is_sound = true;  ///< the other side speaks HTTP/2

 private:
  void read() {
    std::array<char, 16 * 1024> buffer;
    boost::system::error_code error;
    const std::size_t size = socket_.read_some(boost::asio::buffer(buffer), error);
    if (error) {
      is_closed = true;
    } else if (!http.session.receive(std::string_view(buffer.data(), size))) {
      is_sound = false;
      is_closed = true;
    }
  }
  Socket socket_;
};

/// A request of a test, to a server at loopback.
inline sbi::Request request(std::string method, std::string target, std::string body = {}) {
  sbi::Request out;
  out.method = std::move(method);
  out.target = std::move(target);
  out.authority = "127.0.0.1";
  out.body = std::move(body);
  return out;
}

}  // namespace test
