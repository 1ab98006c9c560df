#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/profile/identity.hpp"
#include "lib/sbi/client.hpp"

namespace core {

/// How a function deals with its NRF (YAML: `client: nrf:` and `nrf:`).
struct NrfSettings {
  std::vector<sbi::Uri> uris;              ///< in the order of preference; empty: there is no NRF
  std::string requester_type;              ///< the NF type as which we discover and subscribe
  std::vector<profile::Plmn> plmns;        ///< our own, told with a discovery for another one
  std::chrono::milliseconds timeout{3000};  ///< of one answer
  /// Before an NRF that was silent, or refused us, is asked again; doubled each time up to the longest.
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{30000};
  std::int64_t heartbeat_s = 10;       ///< wished for, and used where the NRF grants none that is usable
  std::int64_t subscription_s = 3600;  ///< wished for, and used where the NRF grants none that is usable
  std::chrono::milliseconds drain_time{1500};  ///< for the farewell: deregistration and end of subscriptions

  /// How long a second of the NRF's timers takes; tests have shorter ones.
  std::chrono::milliseconds second{1000};
  base::Clock clock = base::system_now;  ///< for validityTime
  std::function<std::chrono::steady_clock::time_point()> instant = std::chrono::steady_clock::now;  ///< for validityPeriod
  std::function<std::uint64_t()> random;  ///< spreads requests by capacity; empty: the machine's
};

/// The heartBeatTimer that is kept to lies between these, in seconds.
inline constexpr std::int64_t kMinHeartbeatS = 1;
inline constexpr std::int64_t kMaxHeartbeatS = 3600;
/// So does the validityPeriod of a discovery.
inline constexpr std::int64_t kMinValidityS = 1;
inline constexpr std::int64_t kMaxValidityS = 3600;
/// The longest time after which a subscription is renewed, in seconds.
inline constexpr std::int64_t kMaxSubscriptionS = 86400;

/// The pause before attempt `attempts` + 1: the first one doubled with each attempt, up to the longest.
inline std::chrono::milliseconds growing_pause(const NrfSettings& settings, int attempts) {
  auto pause = settings.first_pause;
  for (int i = 0; i < attempts && pause < settings.longest_pause; ++i) pause *= 2;
  return pause < settings.longest_pause ? pause : settings.longest_pause;
}

}  // namespace core
