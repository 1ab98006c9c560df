#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/sbi/router.hpp"
#include "lib/sbi/server_limits.hpp"

namespace boost::asio::ssl {
class context;
}

namespace sbi {

/// The HTTP/2 front end of one loop: cleartext with prior knowledge, or TLS. All methods on the loop's thread, or before it runs.
class Http2Server {
 public:
  /// The router must outlive the server.
  Http2Server(boost::asio::io_context& loop, const Router& router, ServerLimits limits);
  /// Closes everything at once.
  ~Http2Server();
  Http2Server(const Http2Server&) = delete;
  Http2Server& operator=(const Http2Server&) = delete;

  /// Listens at `address`; `tls` null: cleartext.
  /// Port 0 takes a free one. Returns the port. Throws std::runtime_error that names address and port.
  std::uint16_t listen(const std::string& address, std::uint16_t port, std::shared_ptr<boost::asio::ssl::context> tls);

  /// Stops listening and sends GOAWAY; connections end once their streams are done.
  void drain();

  [[nodiscard]] std::size_t open_connections() const;
  /// Requests whose handlers wait for something, those of connections that have gone among them: what was written for one is yet to be told of.
  [[nodiscard]] std::size_t handlers_at_work() const;
  [[nodiscard]] const ServerCounters& counters() const;

  /// New connections at the listener (by order of listen()) use this context; those that are open go on with theirs. On the loop.
  void replace_tls(std::size_t listener, std::shared_ptr<boost::asio::ssl::context> tls);

 private:
  struct State;
  class Connection;
  class StreamedBody;
  struct Exchange;
  std::shared_ptr<State> state_;
};

}  // namespace sbi
