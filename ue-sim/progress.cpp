#include "ue-sim/progress.hpp"

#include <fmt/core.h>

#include <cstdio>

namespace ue_sim {

using namespace std::chrono_literals;

Progress::Progress(std::string what, std::size_t total) : what_(std::move(what)), total_(total) {}

void Progress::step(std::size_t count) {
  done_ += count;
  const auto now = Steady::now();
  if (now - said_ < 1s) return;
  said_ = now;
  const std::string of = total_ == 0 ? "" : fmt::format(" of {}", total_);
  fmt::print(stderr, "{}: {}{}, {:.0f} a second\n", what_, done_, of, static_cast<double>(done_) / seconds());
}

double Progress::seconds() const { return std::chrono::duration<double>(Steady::now() - begun_).count(); }

}  // namespace ue_sim
