#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "lib/sbi/request_rates.hpp"

namespace service {

/// How many refusals the audit log tells of, so that nobody fills the disk with what is refused to him: so many a second of each peer, a second's worth
/// at once, and so many of all. What goes beyond it is counted. One a loop; of one thread.
class RefusalPace {
 public:
  using Instant = sbi::RequestRates::Instant;

  static constexpr std::size_t kOfOne = 10;        ///< a second, of one peer
  static constexpr std::size_t kOfAll = 100;       ///< a second, of all peers together
  static constexpr std::size_t kMaxPeers = 1024;   ///< that are told apart at once; those beyond it count as one

  /// True if a refusal of that peer is to be recorded. `at` does not go back.
  bool admits(const std::string& peer, Instant at);
  /// How many were not, since this was asked last.
  std::size_t take_left_out() noexcept { return std::exchange(left_out_, 0); }

 private:
  sbi::RequestRates rates_{kOfOne};
  sbi::RequestRates::Bucket all_{static_cast<double>(kOfAll)};
  Instant swept_{};
  std::size_t left_out_ = 0;
};

}  // namespace service
