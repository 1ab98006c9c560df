#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace ue_sim {

/// How far a long work is, on stderr, at most once a second; short works say nothing.
class Progress {
 public:
  /// `total` 0: not known.
  Progress(std::string what, std::size_t total);
  /// Notes that one more of `total` is done.
  void step(std::size_t count = 1);
  [[nodiscard]] std::size_t done() const noexcept { return done_; }
  [[nodiscard]] double seconds() const;

 private:
  using Steady = std::chrono::steady_clock;
  std::string what_;
  std::size_t total_;
  std::size_t done_ = 0;
  Steady::time_point begun_ = Steady::now();
  Steady::time_point said_ = begun_;
};

}  // namespace ue_sim
