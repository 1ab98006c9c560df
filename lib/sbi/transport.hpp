#pragma once

#include <openssl/ssl.h>

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace sbi {

/// A TCP connection, with or without TLS. Reading and writing never wait: they move what can be moved now, and say what to wait for
/// before the next try; so the octets need a buffer only while there are some. Belongs to its loop, and stays where it is once it waits.
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

  /// TLS, on a connected socket: comes before shake_hands().
  void begin_handshake(Side side);
  /// As much of the TLS handshake as goes now. `more`: it is done.
  Moved shake_hands();
  /// All of the TLS handshake, on a connected socket. `done` is called once, from the loop; it keeps whoever owns the transport alive.
  void handshake(Side side, std::function<void(Error)> done);

  /// What is there now, up to the buffer's size; of TLS no more than so many octets of the socket and kOverheadOctets, for not all of them are the caller's: a
  /// KeyUpdate (RFC 8446, 4.6.3) costs more to carry out than to send, and OpenSSL goes on with them as long as there are any. Who sends more of such messages than
  /// kMessages, and one for each kOctetsAMessage of data, has ended.
  Moved read(std::span<char> into);
  /// As much as the peer takes now. What was not taken is to be given again, the same octets, when `next` has come.
  Moved write(std::string_view octets);

  /// Calls `done(Error)` from the loop when `next` (readable or writable) has come, or the connection has ended. One wait of each kind at a
  /// time; whoever waits to read has read all that there was. `done` keeps the transport's owner alive.
  template <class Done>
  void wait(Next next, Done&& done) {
    if (next == Next::writable) return socket_.async_wait(Socket::wait_write, std::forward<Done>(done));
    if (is_reading_ahead_) return socket_.async_wait(Socket::wait_read, std::forward<Done>(done));  // a write that waits for the peer
    // To wait for octets and then to read them is a call of the kernel more (Asio's epoll_ctl) than to have some read.
    is_reading_ahead_ = true;
    socket_.async_read_some(boost::asio::buffer(ahead_), [this, done = std::forward<Done>(done)](Error error, std::size_t octets) mutable {
      is_reading_ahead_ = false;
      ahead_begin_ = 0;
      ahead_end_ = octets;
      is_drained_ = octets < ahead_.size();
      done(error);
    });
  }

  /// What was written and has not come to the peer is dropped when it is closed, instead of being sent on for minutes (SO_LINGER, 0).
  void drop_unsent() {
    Error ignored;
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  }
  /// Ends it at once; who waits gets an error.
  void close() {
    Error ignored;
    socket_.close(ignored);  // nobody else has the descriptor: to shut it down first would say nothing more
  }
  Socket& socket() { return socket_; }
  /// The peer has reset the connection; what it sent before may still be there to be read.
  [[nodiscard]] bool is_gone() const {
    Error error;
    (void)socket_.remote_endpoint(error);
    return error.failed();
  }

 private:
  static constexpr std::size_t kOverheadOctets = std::size_t{16} * 1024;
  static constexpr std::size_t kHandshakeOctets = std::size_t{64} * 1024;  ///< of the socket, for one step of a handshake
  static constexpr std::int64_t kMessages = 32;
  static constexpr std::int64_t kOctetsAMessage = std::int64_t{64} * 1024;

  struct SocketBio;
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  /// recv(2) without waiting, from what was read ahead as long as there is some.
  ssize_t receive(char* into, std::size_t size);
  void shake_hands_to_the_end(std::function<void(Error)> done);
  /// OpenSSL has read or written a message of TLS.
  static void on_message(int is_sent, int version, int type, const void* octets, std::size_t size, SSL* ssl, void* transport);
  /// What OpenSSL's refusal of a call that returned `result` means.
  Moved interpret(int result, std::size_t octets);
  Moved read_plain(std::span<char> into);
  Moved write_plain(std::string_view octets);

  Socket socket_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::array<char, 1024> ahead_;  ///< what came when it waited: a request of the usual size is all there
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;
  bool is_reading_ahead_ = false;
  bool is_drained_ = false;  ///< there was no more when `ahead_` was read
  std::size_t socket_octets_ = 0;  ///< that OpenSSL may read yet, this time
  bool is_established_ = false;    ///< TLS is
  std::int64_t message_credit_ = kMessages * kOctetsAMessage;  ///< for messages of TLS after the handshake
};

}  // namespace sbi
