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

std::array<std::uint8_t, 3> plmn_octets(const profile::Plmn& plmn) {
  const auto digit = [](char c) { return static_cast<unsigned>(c - '0'); };
  const auto octet = [](unsigned high, unsigned low) { return static_cast<std::uint8_t>(high << 4 | low); };
  const unsigned third = plmn.mnc.size() == 3 ? digit(plmn.mnc[2]) : 0xF;
  return {octet(digit(plmn.mcc[1]), digit(plmn.mcc[0])), octet(third, digit(plmn.mcc[2])), octet(digit(plmn.mnc[1]), digit(plmn.mnc[0]))};
}

}  // namespace aka
