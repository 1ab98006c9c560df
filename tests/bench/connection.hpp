#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <vector>

#include "tests/bench/exchange.hpp"
#include "tests/bench/tls.hpp"

namespace bench {

/// Who is told what happens on a connection.
class Events {
 public:
  virtual ~Events() = default;
  /// Requests may be sent.
  virtual void opened(Connection& connection) = 0;
  /// The answer is here, or, with an error code of RFC 9113, it never will be. The exchange may be sent again at once.
  virtual void finished(Exchange& exchange, std::uint32_t error_code, std::int64_t now_ns) = 0;
};

/// One HTTP/2 connection of the load, with its exchanges. Reads and writes a turn's frames in as few system calls as possible.
class Connection {
 public:
  /// `options` and `events` outlive it; `tls` may be null.
  Connection(const Options& options, SSL_CTX* tls, Events& events, bool keeps_answers);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }

  /// Connects the socket, blocking; TLS and HTTP/2 follow in handle(). False if nobody listens.
  bool open();
  void close();
  /// Sends the request with the next flush(). The exchange is one of this connection's.
  void submit(Exchange& exchange, std::int64_t started_ns);
  /// What epoll reported: reads, hands answers out, writes. False if the connection is over.
  bool handle(bool is_readable);
  /// Writes what is to be written. False if the connection is over.
  bool flush();

  [[nodiscard]] int socket() const noexcept { return socket_; }
  [[nodiscard]] bool is_open() const noexcept { return is_open_; }
  [[nodiscard]] bool wants_to_write() const noexcept { return out_begin_ < out_.size() || is_write_wanted_by_tls_; }
  /// False once the server has said that it takes no more.
  [[nodiscard]] bool can_request() const { return is_open_ && nghttp2_session_check_request_allowed(session_) != 0; }
  std::vector<Exchange>& exchanges() noexcept { return exchanges_; }

  bool is_watched_for_writing = false;  ///< of the loop: what epoll was told
  bool is_dirty = false;                ///< of the loop: has requests that are not flushed

 private:
  friend struct Callbacks;
  void start_session();
  bool shake_hands();
  bool read_all();
  bool collect();
  bool write_out();
  /// Octets; 0 at the end of the connection, -1 if there are none now.
  long receive(char* to, std::size_t room);
  long send(const char* from, std::size_t size);
  long tls_result(int result);

  const Options& options_;
  SSL_CTX* tls_context_;
  Events& events_;
  bool keeps_answers_;
  int socket_ = -1;
  SSL* tls_ = nullptr;
  nghttp2_session* session_ = nullptr;
  bool is_open_ = false;
  bool is_write_wanted_by_tls_ = false;
  std::int64_t now_ns_ = 0;  ///< when what is being handled was read
  std::vector<Exchange> exchanges_;
  std::vector<char> out_;
  std::size_t out_begin_ = 0;
};

}  // namespace bench
