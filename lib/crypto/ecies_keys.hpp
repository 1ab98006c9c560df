#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"
#include "lib/crypto/keys.hpp"

/// The keys of ECIES as SUCIs use it (TS 33.501, annex C.3.4), whichever of its two profiles they are of.
namespace crypto {

/// Profile A: X25519 (RFC 7748). Profile B: ECDH on P-256 with compressed points (SEC 1).
enum class EciesProfile { a, b };

/// Octets of a public key as it stands in a SUCI: 32, or 33 for profile B.
std::size_t public_key_size(EciesProfile profile);

/// The octets of every shared secret: a coordinate, in both profiles.
inline constexpr std::size_t kEciesSharedSecretSize = 32;

/// A public key of either profile. Cheap to copy; safe to share between threads.
class EciesPublicKey {
 public:
  /// Reads 32 octets (RFC 7748, 5) or a compressed point of P-256. Nothing for another size or form, or an X of no point.
  static std::optional<EciesPublicKey> from_octets(EciesProfile profile, BytesView octets);
  /// SubjectPublicKeyInfo in PEM. Throws CryptoError for anything else, a key of the other profile included.
  static EciesPublicKey from_pem(EciesProfile profile, BytesView pem);
  /// As above; the message names the file.
  static EciesPublicKey load(EciesProfile profile, const std::string& path);

  [[nodiscard]] EciesProfile profile() const noexcept { return profile_; }
  [[nodiscard]] const Bytes& octets() const noexcept { return octets_; }
  /// SubjectPublicKeyInfo in PEM.
  [[nodiscard]] std::string to_pem() const;
  [[nodiscard]] evp_pkey_st* handle() const noexcept { return key_.get(); }

 private:
  friend class EciesPrivateKey;
  EciesPublicKey(EciesProfile profile, Bytes octets, std::shared_ptr<evp_pkey_st> key)
      : profile_(profile), octets_(std::move(octets)), key_(std::move(key)) {}
  EciesProfile profile_;
  Bytes octets_;
  std::shared_ptr<evp_pkey_st> key_;
};

/// A private key of either profile: a home network's, or the ephemeral one of a UE. Held by OpenSSL, which wipes it. Moved,
/// never copied. Safe to use from several threads at once.
class EciesPrivateKey {
 public:
  static EciesPrivateKey generate(EciesProfile profile);
  /// From 32 octets: of RFC 7748, 5, or the scalar, big-endian. Throws CryptoError for another size, or a scalar that is not
  /// between 0 and the order of P-256.
  static EciesPrivateKey from_octets(EciesProfile profile, BytesView octets);
  /// PKCS#8 in PEM, not encrypted; SEC 1 too for profile B. Throws CryptoError for anything else, a key of the other profile
  /// included.
  static EciesPrivateKey from_pem(EciesProfile profile, BytesView pem);
  /// As above; the message names the file.
  static EciesPrivateKey load(EciesProfile profile, const std::string& path);

  EciesPrivateKey(EciesPrivateKey&&) noexcept = default;
  EciesPrivateKey& operator=(EciesPrivateKey&&) noexcept = default;
  EciesPrivateKey(const EciesPrivateKey&) = delete;
  EciesPrivateKey& operator=(const EciesPrivateKey&) = delete;
  ~EciesPrivateKey() = default;

  [[nodiscard]] EciesProfile profile() const noexcept { return public_key_.profile(); }
  [[nodiscard]] const EciesPublicKey& public_key() const noexcept { return public_key_; }
  /// PKCS#8 PEM, to be written to a file of mode 0600.
  [[nodiscard]] base::SecretBytes to_pem() const;
  [[nodiscard]] evp_pkey_st* handle() const noexcept { return key_.get(); }

 private:
  EciesPrivateKey(EciesPublicKey public_key, std::shared_ptr<evp_pkey_st> key)
      : public_key_(std::move(public_key)), key_(std::move(key)) {}
  static EciesPrivateKey from_x25519(std::shared_ptr<evp_pkey_st> key);
  static EciesPrivateKey from_p256(const PrivateKey& key);
  EciesPublicKey public_key_;  ///< made anew, so that what is handed out holds no private half
  std::shared_ptr<evp_pkey_st> key_;
};

/// The shared secret: kEciesSharedSecretSize octets, an x-coordinate (profile B) or a u-coordinate (profile A). Nothing if
/// it would be zero, as with a point of low order (RFC 7748, 6.1). Throws CryptoError if the profiles differ.
std::optional<base::SecretBytes> agree(const EciesPrivateKey& own, const EciesPublicKey& peer);

}  // namespace crypto
