#pragma once

#include <mutex>
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

/// Where in a certificate that was read strictly (strict_certificate.hpp) its TBSCertificate and its signature are; the latter, in DER,
/// ends the certificate.
struct SignedPart {
  std::size_t begin;
  std::size_t size;
  std::size_t signature_size;
};

struct Certificate::Content {
  Bytes der;
  int signature_nid = 0;                  // OpenSSL's number of the signature's algorithm
  std::optional<SignedPart> signed_part;  // of what was read strictly only
  std::optional<PublicKey> key;
  std::optional<KeyId> subject_key_id;
  bool has_authority_key_id = false;      // the extension is there
  std::optional<KeyId> authority_key_id;  // if it holds 20 octets of keyIdentifier and nothing else
  base::Time not_before{};
  base::Time not_after{};
  std::vector<std::string> organizations;
  std::vector<std::string> subject_serial_numbers;
  Bytes subject_name;  // DER, as it stands in the certificate, and so is issuer_name
  Bytes issuer_name;
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

  /// OpenSSL's object; of what was read strictly it is made when it is first asked for. From any thread.
  [[nodiscard]] X509& x509() const;
  /// The subject for logs, made like x509().
  [[nodiscard]] const std::string& subject() const;
  /// Takes what OpenSSL has parsed; before the content is shared.
  void set_x509(X509& x509);

 private:
  void parse_once() const;
  void keep(openssl::X509Certificate x509) const;
  mutable std::once_flag once_;
  mutable openssl::X509Certificate x509_;
  mutable std::string subject_;
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
