#include "lib/aka/serving_network_name.hpp"

#include <algorithm>

namespace aka {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper_hex_digit(char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); }

/// True if `text` has the form of `pattern`, where `#` stands for a decimal digit and `X` for an upper-case hex digit.
bool has_form(std::string_view text, std::string_view pattern) {
  return std::ranges::equal(text, pattern, [](char c, char p) {
    return p == '#' ? is_digit(c) : p == 'X' ? is_upper_hex_digit(c) : c == p;
  });
}

}  // namespace

bool is_serving_network_name(std::string_view name) {
  return has_form(name, "5G:mnc###.mcc###.3gppnetwork.org") ||
         has_form(name, "5G:mnc###.mcc###.3gppnetwork.org:XXXXXXXXXXX");
}

std::string serving_network_name(const profile::Plmn& plmn) {
  const std::string mnc = plmn.mnc.size() == 2 ? "0" + plmn.mnc : plmn.mnc;
  return "5G:mnc" + mnc + ".mcc" + plmn.mcc + ".3gppnetwork.org";
}

}  // namespace aka
