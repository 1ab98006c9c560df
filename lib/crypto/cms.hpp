#pragma once

#include "lib/base/bytes.hpp"
#include "lib/base/clock.hpp"
#include "lib/base/secret.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/crypto/known_certificates.hpp"

/// The CMS objects of PROTOCOL.md, section 6: encryptedKey, endorsement and authorization. All can be checked with
/// `openssl cms` alone (-verify with `-purpose any`: CERT.ARPF.ECDSA is no S/MIME certificate). Everything that comes in is DER, and nothing may follow it.
namespace crypto {

/// Contents above this, and objects above it by their own overhead, are refused with CryptoError.
inline constexpr std::size_t kMaxCmsContent = 65536;

/// `content` for `recipient`: AuthEnvelopedData (RFC 5083), AES-256-GCM with a 12-octet nonce and a 16-octet tag,
/// ICVlen written out (RFC 5084), one KeyAgreeRecipientInfo by issuer and serial number with a fresh key on the
/// recipient's curve, dhSinglePass-stdDH-sha256kdf-scheme and AES-256 key wrap (RFC 5753), id-data, no attributes. DER.
/// Throws CryptoError if the recipient's key is not of one of the three curves; its key usage is the caller's to check.
Bytes envelop(BytesView content, const Certificate& recipient);

/// The content of an envelope for `own`, whose private key is `key`. Throws CryptoError unless it is exactly what
/// envelop() makes, for this recipient, untouched. (A ukm and the originator's algorithm parameters, which RFC 5753
/// leaves open, may be there.)
base::SecretBytes open_envelope(BytesView der, const Certificate& own, const PrivateKey& key);

/// Whose signature it is and when it says that it was made. That the certificate is to be trusted is for the caller to
/// check.
struct SignedBy {
  Certificate signer;
  /// signingTime, in whole seconds.
  base::Time signing_time;
};

/// SignedData (RFC 5652) over `content`, which it does not contain: one signer by issuer and serial number, its
/// certificate included, signed attributes contentType, messageDigest and signingTime (cut to whole seconds), the hash
/// of the curve's strength. DER. Throws CryptoError if `key` is not the signer's.
Bytes sign_detached(BytesView content, const Certificate& signer, const PrivateKey& key, base::Time signing_time);

/// Verifies what sign_detached() makes: throws CryptoError unless there is exactly one signer, whose certificate is
/// included, who signed `content` with the hash of its curve's strength and a signingTime, and the object does not
/// contain a content.
SignedBy verify_detached(BytesView der, BytesView content);
/// The same, with the same verdict, and quicker for what sign_detached() wrote and a signer that is known. The signer is from `known`.
SignedBy verify_detached(BytesView der, BytesView content, KnownCertificates& known);

/// As sign_detached, but the object contains the content.
Bytes sign_attached(BytesView content, const Certificate& signer, const PrivateKey& key, base::Time signing_time);

/// What verify_attached found: the content, and who signed it.
struct SignedContent {
  Bytes content;
  SignedBy by;
};

/// As verify_detached, for an object that contains its content.
SignedContent verify_attached(BytesView der);

}  // namespace crypto
