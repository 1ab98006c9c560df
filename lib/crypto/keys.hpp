#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"

struct evp_pkey_st;

/// Elliptic-curve keys, ECDSA and the key agreement ECKA-EG (PROTOCOL.md, sections 3 and 4; BSI TR-03111).
namespace crypto {

using base::Bytes;
using base::BytesView;

/// The curves of the profile. Signatures use the hash of the curve's strength: SHA-256, and SHA-384 for P-384.
enum class Curve { p256, brainpool_p256r1, p384 };

/// Octets of a field element: 32, or 48 for P-384.
std::size_t field_size(Curve curve);

/// `P-256`, `brainpoolP256r1`, `P-384`.
std::string_view name(Curve curve);

/// The curve of a name as above; throws std::invalid_argument for any other.
Curve curve_from_name(std::string_view name);

/// A fault of a key, a certificate or a CMS object: of what came in, or of OpenSSL itself. The text holds nothing
/// secret.
class CryptoError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A point on one of the curves. Cheap to copy; safe to share between threads.
class PublicKey {
 public:
  /// Reads `04 || X || Y`. Throws CryptoError if it is not a point of the curve, or is the point at infinity.
  static PublicKey from_point(Curve curve, BytesView point);
  /// Reads `02 || X` or `03 || X` (SEC 1, 2.3.4); nothing for any other octets, or if no point of the curve has that X.
  static std::optional<PublicKey> from_compressed_point(Curve curve, BytesView point);
  /// SubjectPublicKeyInfo in PEM. Throws CryptoError for anything else, or another curve.
  static PublicKey from_pem(BytesView pem);

  [[nodiscard]] Curve curve() const noexcept { return curve_; }
  /// `04 || X || Y`, 65 or 97 octets.
  [[nodiscard]] Bytes point() const;
  /// `02 || X` or `03 || X`, 33 or 49 octets.
  [[nodiscard]] Bytes compressed_point() const;
  /// `04 || X || p - Y`: the other point of the curve with this X, with which every key agreement comes to the same, for it uses x-coordinates alone.
  [[nodiscard]] Bytes mirrored_point() const;
  /// SubjectPublicKeyInfo (RFC 5280, 4.1.2.7), DER, the point not compressed: what `openssl pkey -pubin -ec_conv_form uncompressed -outform DER` writes.
  [[nodiscard]] Bytes subject_public_key_info() const;
  /// The same with the point compressed, as it may stand in a certificate (RFC 5480, 2.2).
  [[nodiscard]] Bytes compressed_subject_public_key_info() const;
  /// OpenSSL's key, made when it is first asked for: verify() and agree() do without, as most points are used once.
  [[nodiscard]] evp_pkey_st* handle() const;

  /// Equal if curve and point are.
  friend bool operator==(const PublicKey& a, const PublicKey& b) noexcept;

 private:
  friend class PrivateKey;
  friend class Certificate;
  friend bool verify_der(const PublicKey& key, BytesView message, BytesView signature);
  friend base::SecretBytes agree(const class PrivateKey& own, const PublicKey& peer);
  struct Content;
  /// A point that was found to be on the curve, `04 || X || Y`.
  PublicKey(Curve curve, Bytes point);
  /// Takes an OpenSSL key of any kind; throws CryptoError unless it is of one of the three curves.
  static PublicKey from_handle(std::shared_ptr<evp_pkey_st> key);
  Curve curve_;
  std::shared_ptr<const Content> content_;
};

class TokenKey;
class TokenModule;

/// A private key, held by OpenSSL, which wipes it, or by a PKCS#11 token, which it never leaves. Moved, never copied. Safe to use from
/// several threads at once.
class PrivateKey {
 public:
  static PrivateKey generate(Curve curve);
  /// From the scalar, big-endian, of the field's length. Throws CryptoError unless 0 < scalar < order.
  static PrivateKey from_scalar(Curve curve, BytesView scalar);
  /// PKCS#8 or SEC 1 in PEM, not encrypted. Throws CryptoError for anything else, or another curve.
  static PrivateKey from_pem(BytesView pem);
  /// As above; the message names the file.
  static PrivateKey load(const std::string& path);
  /// One that stays in a token, by its RFC 7512 URI: `pkcs11:token=arpf;object=ecka;type=private`, or with `id=%01`. Its public half is what
  /// the token tells of it, or else `certified`, if that is not null; that both belong together is for a first use to show. Every operation
  /// may throw CryptoError: the token may be out of reach. Throws CryptoError, which names the URI and says what to do, if there is none.
  static PrivateKey from_token(const std::string& uri, std::shared_ptr<const TokenModule> module, const PublicKey* certified = nullptr);

  PrivateKey(PrivateKey&&) noexcept = default;
  PrivateKey& operator=(PrivateKey&&) noexcept = default;
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;
  ~PrivateKey() = default;

  [[nodiscard]] Curve curve() const noexcept { return curve_; }
  [[nodiscard]] const PublicKey& public_key() const noexcept { return public_key_; }
  /// True if `key` is its public half.
  [[nodiscard]] bool is_of(const PublicKey& key) const noexcept { return public_key_ == key; }
  /// PKCS#8 PEM, to be written to a file of mode 0600. Throws CryptoError for a token's key.
  [[nodiscard]] base::SecretBytes to_pem() const;
  /// The scalar, of the field's length. Throws CryptoError for a token's key.
  [[nodiscard]] base::SecretBytes scalar() const;
  /// Null unless a token holds the key.
  [[nodiscard]] const TokenKey* token() const noexcept { return token_.get(); }
  /// OpenSSL's key. Throws CryptoError for a token's key: sign(), sign_der() and agree() are for either.
  [[nodiscard]] evp_pkey_st* handle() const;

 private:
  PrivateKey(Curve curve, std::shared_ptr<evp_pkey_st> key);
  PrivateKey(std::shared_ptr<const TokenKey> token, PublicKey public_key);
  Curve curve_;
  std::shared_ptr<evp_pkey_st> key_;        ///< null if the token holds it
  std::shared_ptr<const TokenKey> token_;
  PublicKey public_key_;
};

/// The hash of the curve's strength: 32 octets, or 48 for P-384.
Bytes digest_of(Curve curve, BytesView message);

/// ECDSA over `message` with the hash of the curve's strength: `r || s`, each of the field's length.
Bytes sign(const PrivateKey& key, BytesView message);

/// The same signature as Ecdsa-Sig-Value in DER, as certificates and CMS have it (RFC 3279, 2.2.3).
Bytes sign_der(const PrivateKey& key, BytesView message);

/// True if `signature`, in DER as above, is the signer's over `message`.
bool verify_der(const PublicKey& key, BytesView message, BytesView signature);

/// True if `signature`, `r || s` of exactly twice the field's length, is the signer's over `message`.
bool verify(const PublicKey& key, BytesView message, BytesView signature);

/// ECKA-EG: the x-coordinate of the shared point, of the field's length (PROTOCOL.md, section 4.2).
/// Throws CryptoError if the curves differ.
base::SecretBytes agree(const PrivateKey& own, const PublicKey& peer);

}  // namespace crypto
