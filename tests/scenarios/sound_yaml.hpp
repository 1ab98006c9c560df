#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "nf-arpf/config.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-d-ausf/config.hpp"
#include "tests/support/read_yaml.hpp"
#include "tests/support/temporary_folder.hpp"
#include "ue-sim/pki.hpp"

namespace test {

/// The text with `what`, which stands in it once, replaced.
inline std::string changed(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  REQUIRE(text.find(what, at + 1) == std::string::npos);
  return text.replace(at, what.size(), by);
}

/// Configurations in which nothing is wrong, in a lab without TLS, and files that they name; to be changed in one place. The function's name is
/// line 1, `sbi` is line 2, `client` line 3, and each key that tests change has a line of its own behind them.
struct SoundYaml : TemporaryFolder {
  SoundYaml() {
    ue_sim::PkiRequest request;
    request.directory = *this / "pki";
    (void)ue_sim::make_pki(request);
  }
  /// A file of the lab's certificates and keys, as tls-ca.pem.
  [[nodiscard]] std::string pki(const std::string& name) const { return *this / ("pki/" + name); }

  inline static const std::string kSbi = "  sbi: {server: {address: 127.0.0.1}}\n";
  inline static const std::string kClient = "  client: {timeout_ms: 1000}\n";

  /// `tls` of a listener, with these members besides: `ca: ...`.
  [[nodiscard]] std::string listener_tls(const std::string& more) const {
    return "tls: {certificate: " + pki("tls-arpf.pem") + ", private_key: " + pki("tls-arpf.key") + more + "}";
  }
  /// `sbi` whose listener asks for certificates, and demands none.
  [[nodiscard]] std::string asking_sbi() const { return changed(verifying_sbi(), "verify_client: true", "verify_client: false"); }
  /// `sbi` whose listener demands certificates.
  [[nodiscard]] std::string verifying_sbi() const {
    return "  sbi: {server: {address: 127.0.0.1, " + listener_tls(", ca: " + pki("tls-ca.pem") + ", verify_client: true") + "}}\n";
  }
  /// `sbi` with access tokens in that mode.
  [[nodiscard]] std::string token_sbi(const std::string& mode) const {
    return "  sbi: {server: {address: 127.0.0.1}, oauth2: {mode: " + mode + ", issuer: nrf, audiences: [TEST], keys: [{file: " + pki("tls-ca.pem") +
           ", algorithm: ES256}]}}\n";
  }

  /// `more` is line 4 and what follows, in each.
  [[nodiscard]] std::string arpf_yaml(const std::string& more, const std::string& sbi = kSbi) const {
    return "arpf:\n" + sbi + kClient + more + "  uri: http://127.0.0.30:7777\n  database: x.db\n  agreement_keys: {certificate: " + pki("arpf-ecka.pem") +
           ", private_key: " + pki("arpf-ecka.key") + "}\n  endorsement_key: {certificate: " + pki("arpf-ecdsa.pem") + ", private_key: " +
           pki("arpf-ecdsa.key") + "}\n  agreed_issuers: [" + pki("ci.pem") + "]\n  operator_issuers: [" + pki("operator-ca.pem") + "]\n";
  }
  [[nodiscard]] static std::string d_ausf_yaml(const std::string& more, const std::string& sbi = kSbi) {
    return "d_ausf:\n" + sbi + kClient + more + "  database: x.db\n";
  }
  [[nodiscard]] std::string ausf_ext_yaml(const std::string& more, const std::string& sbi = kSbi) const {
    return "ausf_ext:\n" + sbi + kClient + more + "  database: x.db\n  key_encryption_key: " + pki("kek.hex") + "\n  operator: {certificate: " +
           pki("operator.pem") + ", private_key: " + pki("operator.key") + "}\n  imsi_pools: {mcc: '001', mnc: '01', from: '001010000000001', " +
           "to: '001010000000009'}\n  arpfs: {uri: 'http://127.0.0.30:7777', issuer: " + pki("ci.pem") +
           "}\n  d_ausf: {uri: 'http://127.0.0.40:7777'}\n  rsmf: {uri: 'http://127.0.0.60:8080/notifications'}\n";
  }

  static std::string arpf_problems(const std::string& text) { return read_yaml(text, arpf::read_config).problems; }
  static std::string d_ausf_problems(const std::string& text) { return read_yaml(text, d_ausf::read_config).problems; }
  static std::string ausf_ext_problems(const std::string& text) { return read_yaml(text, ausf_ext::read_config).problems; }
};

}  // namespace test
