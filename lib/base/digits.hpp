#pragma once

#include <algorithm>
#include <string_view>

/// Decimal digits as they stand in identities, whatever the locale.
namespace base {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// True of the empty text too.
constexpr bool are_digits(std::string_view text) { return std::ranges::all_of(text, is_digit); }

}  // namespace base
