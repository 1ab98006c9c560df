#include "lib/sbi/transport.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <cstdint>
#include <new>
#include <stdexcept>

namespace sbi {
namespace {

namespace asio = boost::asio;

Transport::Error from_errno(int number) { return {number, boost::system::system_category()}; }

bool is_try_again(int number) { return number == EAGAIN || number == EWOULDBLOCK || number == EINTR; }

/// OpenSSL's way to the socket. Its own socket BIO would raise SIGPIPE, and would wait on a socket that may block.
struct SocketBio {
  static int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const auto got = ::recv(socket_of(bio), into, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (got < 0 && is_try_again(errno)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
  }
  static int write(BIO* bio, const char* octets, int size) {
    BIO_clear_retry_flags(bio);
    const auto sent = ::send(socket_of(bio), octets, static_cast<std::size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
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
  static BIO* make(int socket) {
    static BIO_METHOD* const method = make_method();
    BIO* const bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
    BIO_set_init(bio, 1);
    return bio;
  }
};

}  // namespace

void Transport::handshake(Side side, std::function<void(Error)> done) {
  BIO* const bio = SocketBio::make(socket_.native_handle());
  SSL_set_bio(ssl_.get(), bio, bio);
  side == Side::server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  shake_hands(std::move(done));
}

void Transport::shake_hands(std::function<void(Error)> done) {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const Moved moved = result == 1 ? Moved() : interpret(result, 0);
  if (moved.next == Next::more || moved.next == Next::ended) {
    asio::post(socket_.get_executor(), [done = std::move(done), error = moved.error] { done(error); });
    return;
  }
  wait(moved.next, [this, done = std::move(done)](Error error) mutable {
    if (error) return done(error);
    shake_hands(std::move(done));
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
  std::size_t all = 0;
  while (all < into.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + all, into.size() - all, &got);
    if (result != 1) return interpret(result, all);
    all += got;
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

Transport::Moved Transport::read_plain(std::span<char> into) {
  const auto got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
  if (got == 0) return {0, Next::ended, asio::error::eof};
  if (got < 0) return is_try_again(errno) ? Moved{0, Next::readable, {}} : Moved{0, Next::ended, from_errno(errno)};
  const auto octets = static_cast<std::size_t>(got);
  return {octets, octets == into.size() ? Next::more : Next::readable, {}};
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
