#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace sbi {

/// How much of an import is read in one go: slices that begin small and grow while all lines are good. A wrong line costs as much as ten good
/// ones: all imports that have some share a tenth of the loop's time for them. Of one import.
class ImportPace {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::size_t kFewestOctets = 64;
  static constexpr std::size_t kFirstOctets = 256;  ///< they may all be wrong lines
  static constexpr int kTenth = 10;

  explicit ImportPace(std::size_t most_octets) : most_(most_octets) {}

  /// Takes the next slice from the front of `octets`, which are not empty. Its time runs from now on.
  std::string_view begin(std::string_view& octets, Clock::time_point now) {
    began_ = now;
    const std::string_view slice = octets.substr(0, octets_);
    octets.remove_prefix(slice.size());
    return slice;
  }

  /// The slice is read. How long the import is to pause before the next one, if `running` imports run; zero: not at all.
  Clock::duration end(bool had_wrong_lines, std::size_t running, Clock::time_point now) {
    if (!had_wrong_lines) {
      octets_ = std::min(most_, octets_ * 2);
      return {};
    }
    octets_ = std::max(kFewestOctets, octets_ / 4);
    return (now - began_) * kTenth * static_cast<Clock::rep>(running);
  }

 private:
  std::size_t most_;
  std::size_t octets_ = kFirstOctets;
  Clock::time_point began_{};
};

}  // namespace sbi
