#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace bench {

/// Counts of durations in nanoseconds, log-linear: 64 steps a power of two, so a quantile is at most 1.6 % too large. No heap.
class Histogram {
 public:
  void add(std::uint64_t nanoseconds) noexcept {
    ++counts_[index_of(nanoseconds)];
    ++total_;
    max_ = std::max(max_, nanoseconds);
  }

  /// The duration that a share `quantile` (0 to 1) of all does not exceed, in microseconds; 0 if there are none.
  [[nodiscard]] double microseconds_at(double quantile) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(quantile * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return static_cast<double>(std::min(end_of(i), max_)) / 1000.0;
    }
    return max_microseconds();
  }
  [[nodiscard]] double max_microseconds() const noexcept { return static_cast<double>(max_) / 1000.0; }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::uint64_t kSteps = 1U << kBits;

  static std::size_t index_of(std::uint64_t value) noexcept {
    if (value < kSteps) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
    return (static_cast<std::size_t>(shift + 1) << kBits) + ((value >> shift) - kSteps);
  }
  static std::uint64_t end_of(std::size_t index) noexcept {
    if (index < kSteps) return index;
    const std::size_t shift = (index >> kBits) - 1;
    return (((index & (kSteps - 1)) + kSteps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kSteps> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bench
