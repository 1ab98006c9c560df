#pragma once

#include <stdexcept>

#include "lib/base/bytes.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/profile/arpf_key_id.hpp"
#include "lib/profile/identity.hpp"

/// The token that a Secure Element signs in step (0-c) and the ARPF verifies in step (0-e) (PROTOCOL.md, section 5).
namespace profile {

using base::Bytes;
using base::BytesView;

/// A token that is not of the one form that PROTOCOL.md, section 5 allows. The text says where, and quotes none of it.
class TokenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// ATK.SE.ECDHE, by form: whether it is signed, and whether its point is on a curve, is checked with the keys at hand.
struct AttachToken {
  DiscoveryImsi discovery_imsi;
  ArpfKeyId arpf_key_id;
  Bytes ephemeral_point;  ///< PK.SE.ECDHE: `04 || X || Y`, 65 or 97 octets
  Bytes tbs_der;          ///< what is signed
  Bytes signature;        ///< r || s, 64 or 96 octets: the curve of CERT.SE, which need not be that of the point
  Bytes der;              ///< the whole token

  /// Reads a token. Throws TokenError for any deviation: an octet missing, in excess, or not in its one DER form.
  static AttachToken parse(BytesView der);

  /// Step (0-c), at the SE: makes the token and signs it with SK.SE.ECDSA.
  static AttachToken make(const DiscoveryImsi& discovery_imsi, const ArpfKeyId& arpf_key_id,
                          const crypto::PublicKey& ephemeral_key, const crypto::PrivateKey& signing_key);

  /// True if the signature over DER(tbs) is that of the key of CERT.SE.ECDSA.
  [[nodiscard]] bool is_signed_by(const crypto::PublicKey& secure_element) const;
};

/// DER(AttachTokenTbs). Throws TokenError unless the point has the form `04 || X || Y` of 65 or 97 octets.
Bytes encode_tbs(const DiscoveryImsi& discovery_imsi, const ArpfKeyId& arpf_key_id, BytesView ephemeral_point);

/// DER(AttachToken) of DER(tbs) and a signature r || s. Throws TokenError unless the signature has 64 or 96 octets.
Bytes encode_token(BytesView tbs_der, BytesView signature);

}  // namespace profile
