#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace sbi {

/// How much of an import is read in one go: slices that begin small and grow while all lines are good. Behind one with wrong lines the import
/// pauses for a multiple of the time that it took, and longer if other imports run: all that have some share a part of the loop's time for them.
/// Of one import.
class ImportPace {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::size_t kFewestOctets = 64;
  static constexpr std::size_t kFirstOctets = 256;  ///< they may all be wrong lines

  /// `pauses`: that multiple.
  ImportPace(std::size_t most_octets, int pauses) : most_(most_octets), pauses_(pauses) {}

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
    return (now - began_) * pauses_ * static_cast<Clock::rep>(running);
  }

 private:
  std::size_t most_;
  int pauses_;
  std::size_t octets_ = kFirstOctets;
  Clock::time_point began_{};
};

}  // namespace sbi
