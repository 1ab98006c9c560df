// The value of an authorization header: verified, or refused with a text that is fit to be sent; remembered, it is judged the same. The first
// octet says whether the rest is the value itself, or claims, or header and claims, that the NRF's key signs.
#include <optional>

#include "lib/core/access_token.hpp"
#include "tests/fuzz/input.hpp"

namespace {

const base::Time kNow = base::from_unix_ms(1795478667000);

const crypto::PrivateKey& nrf_key() {
  static const crypto::PrivateKey key = crypto::PrivateKey::from_scalar(crypto::Curve::p256, base::Bytes(32, 0x17));
  return key;
}

core::AccessTokenVerifier make_verifier() {
  static const std::string pem = [] {
    const std::string der = base::to_base64(nrf_key().public_key().subject_public_key_info());
    return "-----BEGIN PUBLIC KEY-----\n" + der.substr(0, 64) + "\n" + der.substr(64) + "\n-----END PUBLIC KEY-----\n";
  }();
  static const auto key = crypto::JwsVerifyingKey::from_pem(pem, crypto::JwsAlgorithm::es256);
  return core::AccessTokenVerifier({{key}, "nrf", {"AUSF"}, std::chrono::seconds(5)});
}

/// The subject, or `refused: ` and why.
std::string verdict(core::AccessTokenVerifier& verifier, const std::string& value) {
  try {
    const core::AccessToken token = verifier.verify(value, kNow);
    fuzz::require(!token.subject.empty() && !token.scopes.empty() && !token.audiences.empty(), "a token that is taken has its claims");
    fuzz::require(token.expires_at > kNow - std::chrono::seconds(5), "a token that is taken has not run out");
    return token.subject;
  } catch (const core::TokenError& error) {
    const std::string header = core::www_authenticate("invalid_token", error.what(), "");
    fuzz::require(std::all_of(header.begin(), header.end(), [](char c) { return c >= 0x20 && c <= 0x7E; }), "a refusal can be sent");
    return std::string("refused: ") + error.what();
  }
}

std::string value_of(fuzz::Input& input) {
  switch (input.octet() % 3) {
    case 0:
      return input.text();
    case 1:
      return "Bearer " + crypto::sign_jws(nrf_key(), R"({"alg":"ES256"})", input.text());
    default: {
      const std::string header(base::as_text(input.part()));
      return "Bearer " + crypto::sign_jws(nrf_key(), header, input.text());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string value = value_of(input);
  core::AccessTokenVerifier verifier = make_verifier();
  const std::string first = verdict(verifier, value);
  fuzz::require(verdict(verifier, value) == first, "remembered or not, the verdict is the same");
  return 0;
}
