#pragma once

#include <string>

#include "lib/base/bytes.hpp"
#include "lib/base/clock.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/profile/identity.hpp"

namespace profile {

/// A service provider's word that an operator may have the key of a device, until a time (PROTOCOL.md, section 6, "Offer authorisation"):
/// what the CMS SignedData in `authorization` contains.
///
///   SEQUENCE { dimsi OCTET STRING (SIZE (8)), ephemeralKeyHash OCTET STRING (SIZE (32)), operatorId UTF8String, notAfter GeneralizedTime }
struct OfferAuthorization {
  DiscoveryImsi discovery_imsi;              ///< in TBCD
  crypto::Sha256Digest ephemeral_key_hash;  ///< SHA-256 of PK.SE.ECDHE, `04 || X || Y`
  std::string operator_id;                   ///< 1 to 256 octets
  base::Time not_after;                      ///< whole seconds

  /// Reads DER strictly: what it takes, encode() gives again, octet for octet. Throws OfferAuthorizationError.
  static OfferAuthorization parse(base::BytesView der);
  /// Fractions of a second in `not_after` are cut. Throws OfferAuthorizationError for an operator id of another size, or a year beyond 9999.
  [[nodiscard]] base::Bytes encode() const;
};

/// The octets are no such thing. The text holds none of them.
class OfferAuthorizationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace profile
