#include "lib/base/clock.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace base {

Time system_now() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

std::string to_rfc3339(Time time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 40> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto ms = static_cast<int>((since_epoch - seconds).count());
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", ms);
  return text.data();
}

}  // namespace base
