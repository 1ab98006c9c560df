#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace sbi {

/// A TCP connection, with or without TLS. Reading and writing never wait: they move what can be moved now, and say what to wait for
/// before the next try; so the octets need a buffer only while there are some. Belongs to its loop.
class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Error = boost::system::error_code;
  enum class Side { client, server };

  /// What is to come before the next try. `more`: nothing; `ended`: there will be none.
  enum class Next { more, readable, writable, ended };
  struct Moved {
    std::size_t octets = 0;
    Next next = Next::more;
    Error error;  ///< why it ended
  };

  explicit Transport(Socket socket) : socket_(std::move(socket)) {}
  /// The transport shares the TLS context: it may be replaced while connections live.
  Transport(Socket socket, std::shared_ptr<boost::asio::ssl::context> tls)
      : socket_(std::move(socket)), tls_(std::move(tls)), ssl_(SSL_new(tls_->native_handle())) {}

  [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
  /// Only of a TLS transport.
  [[nodiscard]] SSL* ssl() { return ssl_.get(); }

  /// TLS, on a connected socket. `done` is called once, from the loop; it keeps whoever owns the transport alive.
  void handshake(Side side, std::function<void(Error)> done);

  /// What is there now, up to the buffer's size.
  Moved read(std::span<char> into);
  /// As much as the peer takes now. What was not taken is to be given again, the same octets, when `next` has come.
  Moved write(std::string_view octets);

  /// Calls `done(Error)` from the loop when `next` (readable or writable) has come. One wait of each kind at a time.
  template <class Done>
  void wait(Next next, Done&& done) {
    socket_.async_wait(next == Next::writable ? Socket::wait_write : Socket::wait_read, std::forward<Done>(done));
  }

  /// Ends it at once; who waits gets an error.
  void close() {
    Error ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
  }
  Socket& socket() { return socket_; }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  void shake_hands(std::function<void(Error)> done);
  /// What OpenSSL's refusal of a call that returned `result` means.
  Moved interpret(int result, std::size_t octets);
  Moved read_plain(std::span<char> into);
  Moved write_plain(std::string_view octets);

  Socket socket_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace sbi
