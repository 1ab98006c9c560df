#pragma once

#include <nlohmann/json.hpp>

#include "lib/crypto/keys.hpp"
#include "lib/profile/attach_token.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

namespace test {

/// A case of vectors/first-attach-v1.json, as the types of the profile.
struct FirstAttachCase {
  nlohmann::json json;
  crypto::Curve curve;
  profile::DiscoveryImsi discovery_imsi;
  profile::Imsi imsi;
  std::uint8_t mnc_length;
  profile::ArpfKeyId arpf_key_id;

  [[nodiscard]] std::string hex(const char* member) const { return json.at(member).get<std::string>(); }
  [[nodiscard]] profile::EphemeralKey ephemeral_key() const { return key<profile::EphemeralKey>(hex("ek")); }
  [[nodiscard]] crypto::PrivateKey private_key(const char* member) const {
    return crypto::PrivateKey::from_scalar(curve, bytes(hex(member)));
  }
  [[nodiscard]] crypto::PublicKey public_key(const char* member) const {
    return crypto::PublicKey::from_point(curve, bytes(hex(member)));
  }
};

/// All cases, one a curve; none (and a warning) where the file is not.
inline std::vector<FirstAttachCase> first_attach_cases() {
  std::vector<FirstAttachCase> cases;
  if (!have_shared_vectors()) return cases;
  const nlohmann::json file = load_shared_json("first-attach-v1.json");
  for (const auto& json : file.at("cases")) {
    cases.push_back({json, crypto::curve_from_name(json.at("curve").get<std::string>()),
                     profile::DiscoveryImsi::from_digits(json.at("dimsi").get<std::string>()).value(),
                     profile::Imsi::from_digits(json.at("imsi").get<std::string>()).value(),
                     json.at("mncLength").get<std::uint8_t>(), octets<20>(json.at("arpfKeyId").get<std::string>())});
  }
  return cases;
}

}  // namespace test
