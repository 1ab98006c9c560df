#pragma once

#include <chrono>
#include <cstddef>
#include <utility>

namespace base::log {

/// Lines of one kind that others can cause as often as they like: so many a second, and how many were left out. Belongs to one thread.
class Seldom {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  explicit Seldom(int a_second) : a_second_(a_second) {}

  /// True if the line is to be written: `if (seldom.admits(now)) base::log::info(...)`.
  bool admits(Instant at) {
    if (at - began_ >= std::chrono::seconds(1)) {
      said_ = 0;
      began_ = at;
    }
    if (said_ < a_second_) return ++said_ > 0;
    ++left_out_;
    return false;
  }

  /// How many were left out since this was asked last. Once a second, or so.
  std::size_t take_left_out() noexcept { return std::exchange(left_out_, 0); }

 private:
  int a_second_;
  int said_ = 0;
  std::size_t left_out_ = 0;
  Instant began_{};
};

}  // namespace base::log
