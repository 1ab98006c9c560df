#include "lib/aka/supi_or_suci.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/digits.hpp"

namespace aka {
namespace {

using base::are_digits;
using base::is_digit;

constexpr std::string_view kSupiPrefix = "imsi-";
constexpr std::string_view kSuciPrefix = "suci-";
/// SUPI type 0 (TS 23.003, 2.2B).
constexpr std::string_view kImsiType = "0";

/// What stands between the hyphens after `suci-`.
struct Fields {
  std::string_view supi_type, mcc, mnc, routing_indicator, scheme, home_network_key, output;
};

bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

void require_well_formed(bool holds, const char* sentence) {
  if (!holds) throw IdentityError(sentence);
}

void require_size(std::string_view text) {
  require_well_formed(text.size() <= kMaxIdentitySize, "The identity is longer than 1024 characters.");
}

Fields split(std::string_view rest) {
  std::array<std::string_view, 7> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t hyphen = rest.find('-');
    const bool is_last = i + 1 == fields.size();
    require_well_formed(is_last || hyphen != std::string_view::npos,
                        "The SUCI has fewer fields than suci-0-mcc-mnc-"
                        "routingIndicator-scheme-homeNetworkKey-output.");
    require_well_formed(!is_last || hyphen == std::string_view::npos, "The SUCI has a field too many, or a hyphen in its output.");
    fields[i] = rest.substr(0, hyphen);
    if (!is_last) rest.remove_prefix(hyphen + 1);
  }
  return {fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]};
}

std::uint8_t read_scheme(std::string_view text) {
  require_well_formed(text.size() == 1 && is_hex_digit(text[0]), "The SUCI's protection scheme is not one hex digit.");
  const char c = text[0];
  if (is_digit(c)) return static_cast<std::uint8_t>(c - '0');
  return static_cast<std::uint8_t>((c | 0x20) - 'a' + 10);
}

/// 0 to 255, without leading zeros (TS 29.571, SupiOrSuci); 0 with the null scheme and with no other.
std::uint8_t read_home_network_key(std::string_view text, std::uint8_t scheme) {
  constexpr const char* kNotANumber =
      "The SUCI's home network key is not a number from 0 to 255 without leading zeros.";
  require_well_formed(!text.empty() && text.size() <= 3 && are_digits(text), kNotANumber);
  require_well_formed(text.size() == 1 || text[0] != '0', kNotANumber);
  unsigned value = 0;
  for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
  require_well_formed(value <= 255, kNotANumber);
  require_well_formed(scheme != kNullScheme || value == 0, "The SUCI's home network key is not 0, as the null scheme asks.");
  require_well_formed(scheme == kNullScheme || value != 0,
                      "The SUCI's home network key is 0, but its scheme is not the null scheme.");
  return static_cast<std::uint8_t>(value);
}

std::string read_output(std::string_view text, std::uint8_t scheme) {
  if (scheme == kNullScheme) {
    require_well_formed(!text.empty() && text.size() <= 10 && are_digits(text),
                        "The SUCI's null-scheme output is not 1 to 10 digits.");
  } else {
    require_well_formed(!text.empty() && text.size() % 2 == 0 && std::ranges::all_of(text, is_hex_digit),
                        "The SUCI's output is not an even number of hex digits.");
  }
  return std::string(text);
}

}  // namespace

profile::Imsi parse_supi(std::string_view text) {
  require_size(text);
  require_well_formed(text.starts_with(kSupiPrefix), "The SUPI is not of the form imsi-digits.");
  const auto imsi = profile::Imsi::from_digits(text.substr(kSupiPrefix.size()));
  require_well_formed(imsi.has_value(), "The SUPI's IMSI is not 6 to 15 decimal digits.");
  return *imsi;
}

Suci parse_suci(std::string_view text) {
  require_size(text);
  require_well_formed(text.starts_with(kSuciPrefix), "The SUCI does not begin with suci-.");
  const std::string_view rest = text.substr(kSuciPrefix.size());
  require_well_formed(rest.substr(0, rest.find('-')) == kImsiType, "The SUCI's type is not 0, an IMSI.");
  const Fields fields = split(rest);
  auto home_network = profile::Plmn::from(fields.mcc, fields.mnc);
  require_well_formed(home_network.has_value(), "The SUCI's home network is not an MCC of 3 and an MNC of 2 or 3 digits.");
  const std::string_view routing_indicator = fields.routing_indicator;
  require_well_formed(!routing_indicator.empty() && routing_indicator.size() <= 4 && are_digits(routing_indicator),
                      "The SUCI's routing indicator is not 1 to 4 digits.");
  const std::uint8_t scheme = read_scheme(fields.scheme);
  const std::uint8_t home_network_key = read_home_network_key(fields.home_network_key, scheme);
  return {std::move(*home_network), std::string(routing_indicator), scheme, home_network_key,
          read_output(fields.output, scheme)};
}

std::variant<profile::Imsi, Suci> parse_supi_or_suci(std::string_view text) {
  if (text.starts_with(kSuciPrefix)) return parse_suci(text);
  require_size(text);
  require_well_formed(text.starts_with(kSupiPrefix), "The identity is neither imsi-digits nor suci-0 with its fields.");
  return parse_supi(text);
}

profile::Imsi imsi_of_null_scheme(const Suci& suci) {
  require_well_formed(suci.scheme == kNullScheme, "The SUCI's scheme is not the null scheme.");
  const auto imsi = profile::Imsi::from_digits(suci.home_network.prefix() + suci.output);
  require_well_formed(imsi.has_value(), "The SUCI's MCC, MNC and MSIN are not 6 to 15 digits together.");
  return *imsi;
}

std::string to_supi(const profile::Imsi& imsi) { return std::string(kSupiPrefix) + imsi.digits(); }

std::string to_null_scheme_suci(const profile::Imsi& imsi, const profile::Plmn& home_network) {
  if (!home_network.is_home_of(imsi)) throw std::invalid_argument("the PLMN is not that of the IMSI");
  const std::string msin = imsi.digits().substr(home_network.prefix().size());
  return "suci-0-" + home_network.mcc + "-" + home_network.mnc + "-0-0-0-" + msin;
}

}  // namespace aka
