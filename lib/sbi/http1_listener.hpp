#pragma once

#include <pistache/http.h>
#include <pistache/reactor.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "lib/base/descriptor.hpp"
#include "lib/sbi/arrivals.hpp"
#include "lib/sbi/http1_sockets.hpp"
#include "lib/sbi/server_limits.hpp"

namespace sbi {

/// Listens at an address, and gives Pistache's threads the connections that there is room for. It stands in the place of Pistache's own
/// endpoint, which accepts whatever comes, whether its threads get round to it or not, until there are no descriptors left, and then tries again
/// without a pause.
///
/// Where all places are taken one gives way at a time, and what comes meanwhile does not wait in the kernel's one line for all, but in one for each
/// peer's address: a crowd holds up itself, and Pistache's threads, which have all requests to read, are not busy with it alone.
class Http1Listener {
 public:
  /// Of all peers, beside the one that is taken in next. One more while places are taken, and the last of the longest line is closed.
  static constexpr std::size_t kMostWaiting = 128;

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
  void await_one();
  void accept_some();
  void take_in_next();
  std::size_t* hand_over(Arrival& arrival);

  const std::shared_ptr<Http1Sockets> sockets_;
  base::Descriptor listening_;
  base::Descriptor told_;           ///< by Http1Sockets: who came too early may try again
  Arrivals waiting_{kMostWaiting};  ///< this and the next five are of the thread that accepts
  std::optional<Arrival> next_;     ///< of them
  bool is_crowded_ = false;         ///< for the last of them there was no place until another one gave way
  bool is_held_ = false;            ///< until told_
  bool is_stalled_ = false;         ///< for want of descriptors
  std::chrono::steady_clock::time_point turn_;  ///< nobody is taken in before
  std::array<std::size_t, kThreads> connections_{};  ///< of each of Pistache's threads; Http1Sockets counts them
  Pistache::Aio::Reactor reactor_;  ///< these threads, which its end waits for
  Pistache::Aio::Reactor::Key transports_;
  std::thread accepting_;
};

}  // namespace sbi
