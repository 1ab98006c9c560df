#include "lib/aka/serving_network_name.hpp"

#include <algorithm>

#include "lib/base/digits.hpp"

namespace aka {
namespace {

bool is_upper_hex_digit(char c) { return base::is_digit(c) || (c >= 'A' && c <= 'F'); }

/// Takes `what` from the front of `text`, then three decimal digits; false if they are not there.
bool take_with_digits(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  const std::string_view digits = text.substr(what.size(), 3);
  text.remove_prefix(what.size() + digits.size());
  return digits.size() == 3 && base::are_digits(digits);
}

}  // namespace

bool is_serving_network_name(std::string_view name) {
  constexpr std::string_view kEnd = ".3gppnetwork.org";
  if (!take_with_digits(name, "5G:mnc") || !take_with_digits(name, ".mcc") || !name.starts_with(kEnd)) return false;
  const std::string_view network_id = name.substr(kEnd.size());  // of a stand-alone non-public network
  return network_id.empty() || (network_id.size() == 12 && network_id.front() == ':' &&
                                std::ranges::all_of(network_id.substr(1), is_upper_hex_digit));
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
