#include "ue-sim/home_network_key.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>

namespace ue_sim {
namespace {

/// A USIM without one sends 0 (TS 23.003, 2.2B).
constexpr const char* kRoutingIndicator = "0";

/// 1 to 255; 0 for anything else.
std::uint8_t read_id(std::string_view text) {
  std::uint8_t id = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), id);
  return fault == std::errc() && end == text.data() + text.size() ? id : std::uint8_t{0};
}

}  // namespace

std::optional<aka::HomeNetworkPublicKey> read_home_network_key(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string::npos ? first : text.find(':', first + 1);
  const bool has_parts = second != std::string::npos;
  const std::uint8_t id = has_parts ? read_id(std::string_view(text).substr(0, first)) : std::uint8_t{0};
  const std::string scheme = has_parts ? text.substr(first + 1, second - first - 1) : "";
  if (id == 0 || (scheme != "A" && scheme != "B")) {
    throw std::runtime_error(text + " is not ID:SCHEME:FILE, as 1:A:lab/pki/hn-a.pem");
  }
  const auto profile = scheme == "A" ? crypto::EciesProfile::a : crypto::EciesProfile::b;
  return aka::HomeNetworkPublicKey{id, crypto::EciesPublicKey::load(profile, text.substr(second + 1))};
}

std::string suci_of(const profile::Imsi& imsi, std::size_t mnc_length, const std::optional<aka::HomeNetworkPublicKey>& key) {
  const std::string digits = imsi.digits();
  if (digits.size() <= 3 + mnc_length) throw std::runtime_error("the IMSI has no MSIN");
  const auto home = profile::Plmn::from(digits.substr(0, 3), digits.substr(3, mnc_length));
  if (!home) throw std::runtime_error("an MNC has 2 or 3 digits");
  if (!key) return aka::to_null_scheme_suci(imsi, *home);
  return aka::conceal(imsi, *home, kRoutingIndicator, *key, crypto::EciesPrivateKey::generate(key->key.profile()));
}

}  // namespace ue_sim
