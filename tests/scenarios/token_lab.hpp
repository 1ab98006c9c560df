#pragma once

#include <string>

#include "lib/crypto/jws.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/fake_nrf.hpp"

namespace test {

/// Functions that know their peers by the access tokens of one NRF (TS 33.501, 13.4.1), at listeners without client certificates.
struct TokenLab : Lab {
  template <class Config>
  Config demanding(Config config, const std::string& audience) const {
    service::TokenPolicy policy;
    policy.is_required = true;
    policy.verifier.keys = {crypto::JwsVerifyingKey::from_pem(nrf_party.certificate.pem(), crypto::JwsAlgorithm::es256)};
    policy.verifier.issuer = FakeNrf::Options().id;
    policy.verifier.audiences = {audience};
    config.common.tokens = std::move(policy);
    config.common.knows_peers = true;
    return config;
  }
  /// The value of an authorization header: a token of the NRF's, good for a minute.
  [[nodiscard]] std::string bearer(const std::string& subject, const std::string& audience, const std::string& scope) const {
    return bearer_of(nrf_party, subject, audience, scope);
  }
  /// The same, but for whose signature it has.
  [[nodiscard]] static std::string bearer_of(const Party& signer, const std::string& subject, const std::string& audience, const std::string& scope) {
    const json claims{{"iss", FakeNrf::Options().id}, {"sub", subject}, {"aud", audience}, {"scope", scope}, {"exp", base::to_unix_ms(base::system_now()) / 1000 + 60}};
    return "Bearer " + crypto::sign_jws(*signer.key, R"({"alg":"ES256"})", claims.dump());
  }

  Party nrf_party = make_party(wanted_leaf("NRF", crypto::KeyUsage::digital_signature));
};

}  // namespace test
