#pragma once

#include <vector>

#include "lib/crypto/certificate.hpp"
#include "lib/crypto/openssl.hpp"

/// What certificate.cpp reads and chain.cpp checks; for lib/crypto only.
namespace crypto {

/// A name constraint as SGP.22 reads it.
struct NameConstraints {
  /// False if there is anything but permitted directory names of one organization and at most one serialNumber.
  bool is_understood = true;
  /// One of these must hold.
  std::vector<PermittedNames> permitted;
};

struct Certificate::Content {
  Bytes der;
  openssl::X509Certificate x509;
  std::optional<PublicKey> key;
  std::optional<KeyId> subject_key_id;
  base::Time not_before{};
  base::Time not_after{};
  std::vector<std::string> organizations;
  std::vector<std::string> subject_serial_numbers;
  std::string subject;
  Bytes serial_number;
  Bytes issuer_and_serial;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> extended_key_usages;
  std::uint32_t key_usage_bits = 0;  // OpenSSL's KU_*; 0 without the extension
  bool is_ca = false;
  std::optional<unsigned> path_length;
  std::optional<NameConstraints> name_constraints;
  bool has_unknown_critical_extension = false;
};

/// `time` in whole seconds as UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5).
openssl::Handle<ASN1_TIME, ASN1_TIME_free> to_asn1_time(base::Time time);

/// The inverse. Throws CryptoError unless it has the form that RFC 5280 demands: seconds, and Z.
base::Time from_asn1_time(const ASN1_TIME& time);

/// OpenSSL's KU_* bits of a usage.
std::uint32_t bits_of(KeyUsage usage);

/// The OpenSSL identifier of ECDSA with the hash of the curve's strength, and that hash.
int signature_algorithm(Curve curve);
const EVP_MD* signature_digest(Curve curve);

}  // namespace crypto
