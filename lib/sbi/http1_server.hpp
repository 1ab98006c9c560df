#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/router.hpp"

namespace sbi {

/// The HTTP/1.1 front end, by Pistache, for `curl` without flags: the same router, the same handlers. Its threads hand each
/// request to the loop and wait for the answer. Before Pistache stands a gate (Http1Gate), and before its threads a listener that takes in no
/// more than `max_http1_connections` (Http1Listener). Loopback unless configured otherwise, never behind a proxy (docs/HTTP1.md).
class Http1Server {
 public:
  /// Loop and router must outlive the server.
  Http1Server(boost::asio::io_context& loop, const Router& router, ServerLimits limits);
  ~Http1Server();
  Http1Server(const Http1Server&) = delete;
  Http1Server& operator=(const Http1Server&) = delete;

  /// Listens at `address`; port 0 takes a free one. Returns the port. Throws std::runtime_error that names address and port.
  std::uint16_t listen(const std::string& address, std::uint16_t port);

  /// Stops listening, ends its connections and its threads, whatever peers do. A request under way is waited for, and so the loop must
  /// still run. The server does not listen again.
  void stop();

  /// Connections that were closed for `max_http1_connections`, old ones and new ones. Of any thread.
  [[nodiscard]] std::uint64_t connections_refused() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sbi
