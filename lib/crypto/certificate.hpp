#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/base/clock.hpp"
#include "lib/crypto/keys.hpp"

struct x509_st;

/// X.509 certificates, the checks of a chain, revocation lists, and making certificates for a lab (PROTOCOL.md, section
/// 3).
namespace crypto {

/// What a certificate allows its key to do (RFC 5280, 4.2.1.3); those that the profile knows.
enum class KeyUsage { digital_signature, key_agreement, key_cert_sign, crl_sign };

/// A subjectKeyIdentifier of the usual length: SHA-1 of the public point (RFC 5280, 4.2.1.2, method 1).
using KeyId = std::array<std::uint8_t, 20>;

/// An X.509 v3 certificate. Immutable; cheap to copy; safe to share between threads.
class Certificate {
 public:
  /// Reads DER. Throws CryptoError if it is not a v3 certificate, if an extension does not parse or stands there twice,
  /// or if octets follow. The key may be of any kind: public_key() and the chain checks say whether it is one of the
  /// profile.
  /// What has the plain form of a certificate of an SE is read without OpenSSL's parser (strict_certificate.hpp), with the same result.
  static Certificate from_der(BytesView der);
  /// As from_der, always by OpenSSL's parser: for tests that hold from_der against it.
  static Certificate parse_by_openssl(BytesView der);
  /// Reads the one certificate of a PEM text; text around it is ignored. Throws CryptoError, also if there are several.
  static Certificate from_pem(std::string_view pem);
  /// Reads a file, PEM or DER. Throws CryptoError, whose message names the file.
  static Certificate load(const std::string& path);

  [[nodiscard]] const Bytes& der() const noexcept;
  [[nodiscard]] std::string pem() const;

  /// The subject's key. Throws CryptoError if it is not a point of one of the three curves, given by name.
  [[nodiscard]] const PublicKey& public_key() const;
  /// True if public_key() does not throw.
  [[nodiscard]] bool has_usable_key() const noexcept;

  /// Nothing if there is none, or one of another length than 20 octets.
  [[nodiscard]] const std::optional<KeyId>& subject_key_id() const noexcept;
  [[nodiscard]] base::Time not_before() const noexcept;
  /// The last second in which the certificate is valid; up to the year 9999.
  [[nodiscard]] base::Time not_after() const noexcept;

  /// Each organizationName of the subject, in UTF-8, in order.
  [[nodiscard]] const std::vector<std::string>& organizations() const noexcept;
  /// The subject's serialNumber attribute (an EID in GSMA's certificates); nothing unless there is exactly one.
  [[nodiscard]] std::optional<std::string> subject_serial_number() const;
  /// The subject's distinguished name for logs, RFC 2253, control octets escaped.
  [[nodiscard]] const std::string& subject() const;
  /// The certificate's own serial number: the content octets of the INTEGER.
  [[nodiscard]] const Bytes& serial_number() const noexcept;
  /// DER of IssuerAndSerialNumber (RFC 5652, 10.2.4), by which CMS names a recipient.
  [[nodiscard]] const Bytes& issuer_and_serial() const noexcept;

  /// URIs and DNS names of the subjectAltName, in order. They may hold any octet, a zero as well: compare, do not cut.
  [[nodiscard]] const std::vector<std::string>& uris() const noexcept;
  [[nodiscard]] const std::vector<std::string>& dns_names() const noexcept;

  /// True if the keyUsage extension is there and allows it.
  [[nodiscard]] bool has_key_usage(KeyUsage usage) const noexcept;
  /// True if the extendedKeyUsage extension names this object identifier, in dotted decimal.
  [[nodiscard]] bool has_extended_key_usage(std::string_view oid) const noexcept;
  /// basicConstraints with cA.
  [[nodiscard]] bool is_ca() const noexcept;
  /// pathLenConstraint of a CA: how many CAs may follow.
  [[nodiscard]] std::optional<unsigned> path_length() const noexcept;

  /// Equal if the DER is.
  friend bool operator==(const Certificate& a, const Certificate& b) noexcept { return a.der() == b.der(); }

  /// As from_der, of what OpenSSL has parsed; shares it. Of use to the files of lib/crypto only, like content().
  static Certificate from_handle(x509_st& x509);
  struct Content;
  [[nodiscard]] const Content& content() const noexcept { return *content_; }

 private:
  explicit Certificate(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  static std::optional<PublicKey> read_key(Content& content);
  std::shared_ptr<const Content> content_;
};

/// Why a certificate does not verify under its issuer; the first that holds, in this order.
enum class ChainFault {
  none,
  unsupported_key,      ///< the key of subject or issuer is not of one of the three curves, given by name
  critical_extension,   ///< subject or issuer has a critical extension, or a form of name constraint, that is not
                        ///< understood
  wrong_issuer,         ///< the issuer's name, or its key identifier, is not the one in the certificate
  not_a_ca,             ///< the issuer lacks basicConstraints cA or keyUsage keyCertSign
  signature_algorithm,  ///< not ECDSA with the hash of the issuer's curve
  bad_signature,        ///< the issuer did not sign it
  path_length,          ///< more CAs than the issuer's pathLenConstraint allows
  name_constraint,      ///< SGP.22's rule: another organization, or a serialNumber that begins otherwise
  key_usage,            ///< keyUsage is missing, or does not allow what is asked for
  not_yet_valid,
  expired,
  revocation_list_invalid,  ///< the issuer's list is not signed by it, of the future, or of a form not understood
  revocation_list_expired,  ///< the issuer's list is past its nextUpdate
  revoked,
};

/// The fault in words, for logs and details: `the issuer may not sign certificates`.
std::string_view describe(ChainFault fault);

class KnownCertificates;

/// A CRL (RFC 5280, section 5). Immutable; cheap to copy; safe to share between threads.
class RevocationList {
 public:
  /// Reads DER; throws CryptoError if it is not a complete list of one issuer, or octets follow.
  static RevocationList from_der(BytesView der);
  /// Reads a file: one list in DER, or one or several in PEM, of which none is passed over. Throws CryptoError, whose message names the file.
  static std::vector<RevocationList> load_all(const std::string& path);

  [[nodiscard]] const Bytes& der() const noexcept;
  /// True if the list's issuer has this certificate's name.
  [[nodiscard]] bool is_named_for(const Certificate& issuer) const;
  /// The verdict on a certificate of `issuer`, whose signature over the list, and whose right to sign lists, are
  /// checked. With `known` a right signature is looked for there first, and remembered.
  [[nodiscard]] ChainFault check(const Certificate& subject, const Certificate& issuer, base::Time at,
                                 KnownCertificates* known = nullptr) const;

  struct Content;
  /// For lib/crypto: two lists that share it are the same.
  [[nodiscard]] const std::shared_ptr<const Content>& content() const noexcept { return content_; }

 private:
  explicit RevocationList(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

/// The dates of one certificate: none, not_yet_valid or expired.
ChainFault check_dates(const Certificate& certificate, base::Time at);
/// Those of a list: none, revocation_list_invalid (it is of later) or revocation_list_expired (its next one is due, or it does not say when).
ChainFault check_dates(const RevocationList& list, base::Time at);

/// Whether `issuer` issued `subject`, which is valid at `at` for the use `needed` (PROTOCOL.md, section 3).
///
/// The issuer's own dates and issuer are not looked at: check it under its own issuer, or match it with an anchor. Each
/// of `lists` that bears the issuer's name must verify and not name the subject; if none does, nobody asked for
/// revocation. certificatePolicies are understood in the sense that every policy is accepted, as SGP.22's chains mark
/// them critical.
/// With `known`, signatures that were found to be right are remembered there and not verified again; all else is looked at each time.
ChainFault check_issued_by(const Certificate& subject, const Certificate& issuer, base::Time at, KeyUsage needed,
                           std::span<const RevocationList> lists = {}, KnownCertificates* known = nullptr);

/// The verdict on a chain: the first fault, and the position in the chain of the certificate that is at fault.
struct ChainVerdict {
  ChainFault fault = ChainFault::none;
  std::size_t position = 0;
};

/// Checks a chain from the trust anchor (which the caller has matched byte for byte) to the end entity: each
/// certificate under the one before it, path lengths and name constraints of all that stand above it; the same
/// certificate twice is refused as wrong_issuer, and so is a chain of fewer than two. All but the last need
/// keyCertSign, the last one `needed`. The anchor's dates are not looked at.
ChainVerdict check_chain(std::span<const Certificate> chain, base::Time at, KeyUsage needed,
                         std::span<const RevocationList> lists = {}, KnownCertificates* known = nullptr);

/// extendedKeyUsage of TLS servers and clients (RFC 5280, 4.2.1.12).
inline constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
inline constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";

/// The critical name constraint of a GSMA EUM certificate (SGP.22, 4.5.2.1): which subjects it may issue for.
struct PermittedNames {
  std::string organization;
  /// How the subject's serialNumber must begin; empty: any.
  std::string serial_number_prefix;
};

/// An extension as it is, for what the template has no member for.
struct RawExtension {
  std::string oid;  ///< dotted decimal
  bool critical = false;
  Bytes value;  ///< DER
};

/// What a certificate of a lab or a test shall say. Empty members are left out of it.
struct CertificateTemplate {
  std::string common_name;
  std::vector<std::string> organizations;
  /// The subject's serialNumber attribute; printable ASCII.
  std::string serial_number;
  base::Time not_before{};
  base::Time not_after{};
  bool is_ca = false;
  /// Of a CA only.
  std::optional<unsigned> path_length;
  std::vector<KeyUsage> key_usages;
  /// Object identifiers in dotted decimal.
  std::vector<std::string> extended_key_usages;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  /// IPv4 or IPv6, in text.
  std::vector<std::string> ip_addresses;
  std::optional<PermittedNames> permitted_names;
  std::vector<RawExtension> extensions;
};

/// A new certificate with a random positive serial number of 16 octets, a subjectKeyIdentifier and an
/// authorityKeyIdentifier. `issuer`: null for a self-signed one. Throws CryptoError if the template cannot be
/// expressed, if `issuer_key` is not the key of the issuer (of the subject, if self-signed), or if the issuer has no
/// subjectKeyIdentifier.
Certificate issue(const CertificateTemplate& wanted, const PublicKey& subject_key, const PrivateKey& issuer_key,
                  const Certificate* issuer);

/// A new list of `issuer` that revokes `revoked`. Throws CryptoError if `issuer_key` is not the issuer's, or a token's.
RevocationList issue_revocation_list(const Certificate& issuer, const PrivateKey& issuer_key,
                                     std::span<const Certificate> revoked, base::Time this_update,
                                     base::Time next_update);

}  // namespace crypto
