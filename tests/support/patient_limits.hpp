#pragma once

#include <chrono>

#include "lib/sbi/server_limits.hpp"

namespace test {

/// The limits of a server in a test that is not about overload: a machine that does other things too, or a slow build, is none. All others
/// are those in force.
inline sbi::ServerLimits patient_limits() {
  sbi::ServerLimits limits;
  limits.max_wait = std::chrono::seconds(20);
  return limits;
}

}  // namespace test
