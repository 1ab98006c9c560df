#pragma once

#include <string_view>

namespace sbi {

/// True for a name as it stands, and for `*.example.org`; an asterisk anywhere else is none.
bool is_name_pattern(std::string_view text);

/// True if the name is the pattern, octet for octet, as names of peers are compared everywhere; or has one label (letters, digits, `-`, `_`)
/// in the place of its asterisk: `*.example.org` is for `a.example.org`, and neither for `example.org` nor for `b.a.example.org`
/// (RFC 6125, 6.4.3).
bool matches_name(std::string_view pattern, std::string_view name);

}  // namespace sbi
