// SUPIs and SUCIs: what parses is written again as the same text, what is concealed comes out, and what was changed on its way does not.
#include "lib/aka/suci_concealment.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using crypto::EciesPrivateKey;
using crypto::EciesProfile;

EciesPrivateKey key(EciesProfile profile, std::uint8_t fill) { return EciesPrivateKey::from_octets(profile, base::Bytes(32, fill)); }

const aka::HomeNetworkKeys& keys() {
  static const aka::HomeNetworkKeys made = [] {
    std::map<std::uint8_t, EciesPrivateKey> all;
    all.emplace(std::uint8_t{1}, key(EciesProfile::a, 0x17));
    all.emplace(std::uint8_t{2}, key(EciesProfile::b, 0x17));
    return aka::HomeNetworkKeys(std::move(all));
  }();
  return made;
}

std::string conceal(EciesProfile profile, const profile::Imsi& imsi, const profile::Plmn& home_network) {
  const std::uint8_t id = profile == EciesProfile::a ? 1 : 2;
  return aka::conceal(imsi, home_network, "0", {id, key(profile, 0x17).public_key()}, key(profile, 0x29));
}

std::string text_of(const aka::Suci& suci) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return "suci-0-" + suci.home_network.mcc + "-" + suci.home_network.mnc + "-" + suci.routing_indicator + "-" + kDigits[suci.scheme] + "-" +
         std::to_string(suci.home_network_key) + "-" + suci.output;
}

/// Hex digits, and no other letter, are read in either case.
std::string in_lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
  return text;
}

std::optional<profile::Imsi> opened(const aka::Suci& suci) {
  try {
    return keys().deconceal(suci);
  } catch (const aka::SuciError&) {
  } catch (const aka::IdentityError&) {
    fuzz::require(suci.scheme == aka::kNullScheme, "only the null scheme has an IMSI that is none");
  }
  return std::nullopt;
}

void read(const std::string& text) {
  try {
    const auto identity = aka::parse_supi_or_suci(text);
    if (const auto* imsi = std::get_if<profile::Imsi>(&identity)) {
      fuzz::require(aka::to_supi(*imsi) == text, "a SUPI is written as it was read");
      return;
    }
    const auto& suci = std::get<aka::Suci>(identity);
    fuzz::require(in_lower_case(text_of(suci)) == in_lower_case(text), "a SUCI is written as it was read");
    const auto imsi = opened(suci);
    fuzz::require(!imsi || suci.home_network.is_home_of(*imsi), "the IMSI is of the SUCI's home network");
  } catch (const aka::IdentityError&) {
  }
}

/// Conceals an IMSI that the input names, and changes an octet of what comes out as it says.
void change(fuzz::Input input) {
  const auto profile = input.octet() % 2 == 0 ? EciesProfile::a : EciesProfile::b;
  std::string digits = "00101";
  for (std::size_t size = 1 + input.octet() % 10U; size > 0; --size) digits += static_cast<char>('0' + input.octet() % 10);
  const auto imsi = profile::Imsi::from_digits(digits).value();
  aka::Suci suci = aka::parse_suci(conceal(profile, imsi, {"001", "01"}));
  fuzz::require(opened(suci) == imsi, "what is concealed comes out");
  base::Bytes output = base::from_hex(suci.output).value();
  const std::uint8_t difference = input.octet();
  output[input.octet() % output.size()] ^= difference;
  suci.output = base::to_hex(output);
  fuzz::require(difference == 0 || !opened(suci), "a SUCI that was changed opens to nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.octet() == '!') {
    change(input);
  } else {
    read(std::string(base::as_text({data, size})));
  }
  return 0;
}
