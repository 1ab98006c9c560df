#pragma once

#include <cstdint>

namespace bench {

/// What the kernel says of a process at one moment; all 0 without a process.
struct ProcessUse {
  double cpu_seconds = 0;  ///< user and system, of all its threads, in steps of 10 ms
  std::int64_t rss_kb = 0;
  std::int64_t rss_anon_kb = 0;
};

/// Reads /proc/PID/stat and /proc/PID/status; `pid` 0: nothing. Throws std::runtime_error if there is no such process.
ProcessUse use_of_process(int pid);

/// CPU seconds of this program.
double own_cpu_seconds();

/// Nanoseconds of a clock that only goes forward.
std::int64_t now_ns();

}  // namespace bench
