#include "lib/sbi/transport.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <cstdint>
#include <new>
#include <stdexcept>

#include "lib/base/secret.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;

Transport::Error from_errno(int number) { return {number, boost::system::system_category()}; }

bool is_try_again(int number) { return number == EAGAIN || number == EWOULDBLOCK || number == EINTR; }

}  // namespace

/// OpenSSL's way to the socket. Its own socket BIO would raise SIGPIPE, and would wait on a socket that may block.
struct Transport::SocketBio {
  static Transport& transport_of(BIO* bio) { return *static_cast<Transport*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    Transport& transport = transport_of(bio);
    if (transport.socket_octets_ == 0 && transport.ahead_begin_ == transport.ahead_end_) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto got = transport.receive(into, static_cast<std::size_t>(size));
    if (got < 0 && is_try_again(errno)) BIO_set_retry_read(bio);
    if (got > 0) transport.socket_octets_ -= std::min(transport.socket_octets_, static_cast<std::size_t>(got));
    return static_cast<int>(got);
  }
  static int write(BIO* bio, const char* octets, int size) {
    BIO_clear_retry_flags(bio);
    const auto sent = ::send(transport_of(bio).socket_.native_handle(), octets, static_cast<std::size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && is_try_again(errno)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* make_method() {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of a loop");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(method, &read);
    BIO_meth_set_write(method, &write);
    BIO_meth_set_ctrl(method, &control);
    return method;
  }
  static BIO* make(Transport* transport) {
    static BIO_METHOD* const method = make_method();
    BIO* const bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, transport);
    BIO_set_init(bio, 1);
    return bio;
  }
};

void Transport::begin_handshake(Side side) {
  BIO* const bio = SocketBio::make(this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_msg_callback(ssl_.get(), &on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
  side == Side::server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
}

Transport::Moved Transport::shake_hands() {
  ERR_clear_error();
  errno = 0;
  socket_octets_ = kHandshakeOctets;
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return interpret(result, 0);
  is_established_ = true;
  return {};
}

void Transport::on_message(int is_sent, int, int type, const void*, std::size_t, SSL* ssl, void* transport) {
  auto& of = *static_cast<Transport*>(transport);
  if (is_sent != 0 || type != SSL3_RT_HANDSHAKE || !of.is_established_) return;
  of.message_credit_ -= kOctetsAMessage;
  if (of.message_credit_ < 0) SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);  // nothing more is read
}

void Transport::handshake(Side side, std::function<void(Error)> done) {
  begin_handshake(side);
  shake_hands_to_the_end(std::move(done));
}

void Transport::shake_hands_to_the_end(std::function<void(Error)> done) {
  const Moved moved = shake_hands();
  if (moved.next == Next::more || moved.next == Next::ended) {
    asio::post(socket_.get_executor(), [done = std::move(done), error = moved.error] { done(error); });
    return;
  }
  wait(moved.next, [this, done = std::move(done)](Error error) mutable {
    if (error) return done(error);
    shake_hands_to_the_end(std::move(done));
  });
}

Transport::Moved Transport::interpret(int result, std::size_t octets) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {octets, Next::readable, {}};
    case SSL_ERROR_WANT_WRITE:
      return {octets, Next::writable, {}};
    case SSL_ERROR_SSL: {
      const auto reason = static_cast<int>(ERR_get_error());
      ERR_clear_error();
      return {octets, Next::ended, Error(reason, asio::error::get_ssl_category())};
    }
    case SSL_ERROR_SYSCALL:
      if (errno != 0) return {octets, Next::ended, from_errno(errno)};
      [[fallthrough]];
    default:
      return {octets, Next::ended, asio::error::eof};
  }
}

Transport::Moved Transport::read(std::span<char> into) {
  if (!ssl_) return read_plain(into);
  socket_octets_ = into.size() + kOverheadOctets;
  std::size_t all = 0;
  while (all < into.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + all, into.size() - all, &got);
    if (message_credit_ < 0) return {all, Next::ended, from_errno(EPROTO)};
    if (result != 1) return interpret(result, all);
    all += got;
    message_credit_ = std::min(message_credit_ + static_cast<std::int64_t>(got), kMessages * kOctetsAMessage);
  }
  return {all, Next::more, {}};
}

Transport::Moved Transport::write(std::string_view octets) {
  if (!ssl_) return write_plain(octets);
  std::size_t all = 0;
  while (all < octets.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t sent = 0;
    const int result = SSL_write_ex(ssl_.get(), octets.data() + all, octets.size() - all, &sent);
    if (result != 1) return interpret(result, all);
    all += sent;
  }
  return {all, Next::more, {}};
}

ssize_t Transport::receive(char* into, std::size_t size) {
  if (ahead_begin_ < ahead_end_) {
    const auto taken = std::span(ahead_).subspan(ahead_begin_, std::min(size, ahead_end_ - ahead_begin_));
    std::copy(taken.begin(), taken.end(), into);
    base::wipe(std::span(reinterpret_cast<std::uint8_t*>(taken.data()), taken.size()));
    ahead_begin_ += taken.size();
    return static_cast<ssize_t>(taken.size());
  }
  if (std::exchange(is_drained_, false)) {
    errno = EAGAIN;
    return -1;
  }
  return ::recv(socket_.native_handle(), into, size, MSG_DONTWAIT);
}

Transport::Moved Transport::read_plain(std::span<char> into) {
  std::size_t all = 0;
  while (all < into.size()) {
    const bool is_ahead = ahead_begin_ < ahead_end_;
    const std::size_t room = into.size() - all;
    const auto got = receive(into.data() + all, room);
    if (got == 0) return {all, Next::ended, asio::error::eof};
    if (got < 0) return is_try_again(errno) ? Moved{all, Next::readable, {}} : Moved{all, Next::ended, from_errno(errno)};
    all += static_cast<std::size_t>(got);
    if (!is_ahead && static_cast<std::size_t>(got) < room) return {all, Next::readable, {}};
  }
  return {all, Next::more, {}};
}

Transport::Moved Transport::write_plain(std::string_view octets) {
  std::size_t all = 0;
  while (all < octets.size()) {
    const auto sent = ::send(socket_.native_handle(), octets.data() + all, octets.size() - all, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return is_try_again(errno) ? Moved{all, Next::writable, {}} : Moved{all, Next::ended, from_errno(errno)};
    all += static_cast<std::size_t>(sent);
  }
  return {all, Next::more, {}};
}

}  // namespace sbi
