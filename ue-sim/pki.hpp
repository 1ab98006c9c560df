#pragma once

#include <string>
#include <vector>

#include "lib/crypto/certificate.hpp"
#include "lib/crypto/keys.hpp"

/// The certificates of a lab (PROTOCOL.md, section 3).
namespace ue_sim {

struct PkiRequest {
  std::string directory;
  crypto::Curve curve = crypto::Curve::p256;  ///< of the profile's keys; TLS is always P-256
  std::string operator_id = "Example MNO";    ///< organizationName of CERT.MNO
  std::string arpf_uri = "http://127.0.0.30:7777";
  bool overwrite = false;
};

/// Makes NAME.pem and NAME.key of every certificate, kek.hex, and the home network keys hn-a and hn-b, whose NAME.pem is the
/// public key; returns the paths. Throws std::runtime_error, before
/// it writes anything, if one of the files is there already and shall not be overwritten.
std::vector<std::string> make_pki(const PkiRequest& request);

/// What vouches for a Secure Element: the product line's certificate, under a CI.
struct PartNumber {
  crypto::Certificate issuer;       ///< CERT.CI.ECDSA
  crypto::Certificate certificate;  ///< CERT.PN.ECDSA
  crypto::PrivateKey key;           ///< SK.PN.ECDSA
};

/// Reads ci.pem, pn.pem and pn.key of a directory made by make_pki. Throws crypto::CryptoError that names the file.
PartNumber load_part_number(const std::string& directory);

}  // namespace ue_sim
