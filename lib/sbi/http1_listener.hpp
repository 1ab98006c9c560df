#pragma once

#include <pistache/http.h>
#include <pistache/reactor.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "lib/base/descriptor.hpp"
#include "lib/sbi/http1_sockets.hpp"
#include "lib/sbi/server_limits.hpp"

namespace sbi {

/// Listens at an address, and gives Pistache's threads the connections that there is room for. It stands in the place of Pistache's own
/// endpoint, which accepts whatever comes, whether its threads get round to it or not, until there are no descriptors left, and then tries again
/// without a pause.
class Http1Listener {
 public:
  /// Starts the threads. `handler` calls Http1Sockets::let_go() for each connection that goes. Throws std::system_error if the address
  /// cannot be had.
  Http1Listener(const std::string& address, std::uint16_t port, const std::shared_ptr<Pistache::Http::Handler>& handler,
                const ServerLimits& limits, std::shared_ptr<Http1Sockets> sockets);
  /// Only after Http1Sockets::end_all(). Waits for the threads; sockets that are left are in Http1Sockets.
  ~Http1Listener();
  Http1Listener(const Http1Listener&) = delete;
  Http1Listener& operator=(const Http1Listener&) = delete;

  [[nodiscard]] std::uint16_t port() const;

 private:
  static constexpr std::size_t kThreads = 4;

  void accept_all();
  void take_in(int socket, const sockaddr_storage& from);
  std::size_t* hand_over(int socket, sockaddr_storage from);

  const std::shared_ptr<Http1Sockets> sockets_;
  base::Descriptor listening_;
  std::array<std::size_t, kThreads> connections_{};  ///< of each of Pistache's threads; Http1Sockets counts them
  Pistache::Aio::Reactor reactor_;  ///< these threads, which its end waits for
  Pistache::Aio::Reactor::Key transports_;
  std::thread accepting_;
};

}  // namespace sbi
