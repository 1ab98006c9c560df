#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace sbi {

/// A TCP connection, with or without TLS; one read and one write at a time. Belongs to its loop.
class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Error = boost::system::error_code;
  enum class Side { client, server };

  explicit Transport(Socket socket) : stream_(std::move(socket)) {}
  /// The transport shares the TLS context: it may be replaced while connections live.
  Transport(Socket socket, std::shared_ptr<boost::asio::ssl::context> tls)
      : tls_(std::move(tls)), stream_(std::in_place_type<Tls>, std::move(socket), *tls_) {}

  [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
  /// Only of a TLS transport.
  [[nodiscard]] SSL* ssl() { return std::get<Tls>(stream_).native_handle(); }

  void handshake(Side side, std::function<void(Error)> done) {
    const auto type = side == Side::server ? boost::asio::ssl::stream_base::server : boost::asio::ssl::stream_base::client;
    std::get<Tls>(stream_).async_handshake(type, std::move(done));
  }
  void read_some(boost::asio::mutable_buffer into, std::function<void(Error, std::size_t)> done) {
    std::visit([&](auto& stream) { stream.async_read_some(into, std::move(done)); }, stream_);
  }
  void write(boost::asio::const_buffer from, std::function<void(Error, std::size_t)> done);
  /// Ends it at once; what is under way comes back with an error.
  void close() {
    Error ignored;
    socket().shutdown(Socket::shutdown_both, ignored);
    socket().close(ignored);
  }
  Socket& socket() {
    if (auto* plain = std::get_if<Socket>(&stream_)) return *plain;
    return std::get<Tls>(stream_).next_layer();
  }

 private:
  using Tls = boost::asio::ssl::stream<Socket>;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  std::variant<Socket, Tls> stream_;
};

}  // namespace sbi
