#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// A point of civil time in milliseconds, UTC.
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Where civil time comes from: an argument everywhere, so that tests set it.
using Clock = std::function<Time()>;

/// The machine's clock.
Time system_now();

/// RFC 3339 in UTC with milliseconds, as `2026-11-24T00:04:27.123Z` (TS 29.571, DateTime).
std::string to_rfc3339(Time time);

/// Milliseconds since 1970, the form in which times are stored.
inline std::int64_t to_unix_ms(Time time) { return time.time_since_epoch().count(); }
inline Time from_unix_ms(std::int64_t ms) { return Time(std::chrono::milliseconds(ms)); }

}  // namespace base
