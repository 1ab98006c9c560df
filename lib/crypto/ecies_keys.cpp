#include "lib/crypto/ecies_keys.hpp"

#include <openssl/pem.h>

#include "lib/crypto/files.hpp"
#include "lib/crypto/openssl.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

constexpr const char* kX25519 = "X25519";
constexpr std::size_t kX25519Size = 32;
constexpr const char* kNotX25519 = "the key is not an X25519 key, as profile A asks";
constexpr const char* kNotP256 = "the key is not a P-256 key, as profile B asks";

// Another owner of the same OpenSSL key.
std::shared_ptr<EVP_PKEY> share(EVP_PKEY* key) {
  check(EVP_PKEY_up_ref(key) == 1, "a key");
  return {key, EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> owned(EVP_PKEY* key, std::string_view what) {
  return {check_not_null(key, what), EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> x25519_public_key(BytesView octets) {
  return owned(EVP_PKEY_new_raw_public_key_ex(nullptr, kX25519, nullptr, octets.data(), octets.size()), "an X25519 key");
}

Bytes x25519_public_octets(const EVP_PKEY& key) {
  Bytes out(kX25519Size);
  std::size_t size = out.size();
  check(EVP_PKEY_get_raw_public_key(&key, out.data(), &size) == 1 && size == out.size(), "an X25519 key");
  return out;
}

void require_x25519(const EVP_PKEY& key) {
  if (EVP_PKEY_is_a(&key, kX25519) != 1) throw CryptoError(kNotX25519);
}

bool is_ec(const EVP_PKEY& key) { return EVP_PKEY_is_a(&key, "EC") == 1; }

std::shared_ptr<EVP_PKEY> read_private_pem(BytesView pem) {
  const openssl::ErrorQueueGuard guard;  // the decoder leaves the failures of what it tried first
  const openssl::Bio in = openssl::read_from(pem);
  return owned(PEM_read_bio_PrivateKey(in.get(), nullptr, openssl::no_passphrase, nullptr), "no unencrypted private key in PEM");
}

std::shared_ptr<EVP_PKEY> read_public_pem(BytesView pem) {
  const openssl::ErrorQueueGuard guard;
  const openssl::Bio in = openssl::read_from(pem);
  return owned(PEM_read_bio_PUBKEY(in.get(), nullptr, openssl::no_passphrase, nullptr), "no public key in PEM");
}

}  // namespace

std::size_t public_key_size(EciesProfile profile) {
  return profile == EciesProfile::a ? kX25519Size : 1 + field_size(Curve::p256);
}

std::optional<EciesPublicKey> EciesPublicKey::from_octets(EciesProfile profile, BytesView octets) {
  if (octets.size() != public_key_size(profile)) return std::nullopt;
  Bytes copy(octets.begin(), octets.end());
  if (profile == EciesProfile::a) return EciesPublicKey(profile, std::move(copy), x25519_public_key(octets));
  const auto point = PublicKey::from_compressed_point(Curve::p256, octets);
  if (!point) return std::nullopt;
  return EciesPublicKey(profile, std::move(copy), share(point->handle()));
}

EciesPublicKey EciesPublicKey::from_pem(EciesProfile profile, BytesView pem) {
  std::shared_ptr<EVP_PKEY> key = read_public_pem(pem);
  if (profile == EciesProfile::a) {
    require_x25519(*key);
    Bytes octets = x25519_public_octets(*key);
    return {profile, std::move(octets), std::move(key)};
  }
  if (!is_ec(*key)) throw CryptoError(kNotP256);
  const PublicKey point = PublicKey::from_pem(pem);
  if (point.curve() != Curve::p256) throw CryptoError(kNotP256);
  return {profile, point.compressed_point(), std::move(key)};
}

EciesPublicKey EciesPublicKey::load(EciesProfile profile, const std::string& path) {
  return read_named_file(path, [profile](BytesView pem) { return from_pem(profile, pem); });
}

std::string EciesPublicKey::to_pem() const {
  const openssl::Bio out(check_not_null(BIO_new(BIO_s_mem()), "a memory BIO"));
  check(PEM_write_bio_PUBKEY(out.get(), key_.get()) == 1, "a public key in PEM");
  return std::string(base::as_text(openssl::octets_of(*out)));
}

EciesPrivateKey EciesPrivateKey::from_x25519(std::shared_ptr<evp_pkey_st> key) {
  Bytes octets = x25519_public_octets(*key);
  auto public_half = x25519_public_key(octets);
  return {EciesPublicKey(EciesProfile::a, std::move(octets), std::move(public_half)), std::move(key)};
}

EciesPrivateKey EciesPrivateKey::from_p256(const PrivateKey& key) {
  if (key.curve() != Curve::p256) throw CryptoError(kNotP256);
  const PublicKey point = key.public_key();
  return {EciesPublicKey(EciesProfile::b, point.compressed_point(), share(point.handle())), share(key.handle())};
}

EciesPrivateKey EciesPrivateKey::generate(EciesProfile profile) {
  if (profile == EciesProfile::b) return from_p256(PrivateKey::generate(Curve::p256));
  return from_x25519(owned(EVP_PKEY_Q_keygen(nullptr, nullptr, kX25519), "a new key"));
}

EciesPrivateKey EciesPrivateKey::from_octets(EciesProfile profile, BytesView octets) {
  if (profile == EciesProfile::b) return from_p256(PrivateKey::from_scalar(Curve::p256, octets));
  if (octets.size() != kX25519Size) throw CryptoError("an X25519 private key does not have 32 octets");
  return from_x25519(owned(
      EVP_PKEY_new_raw_private_key_ex(nullptr, kX25519, nullptr, octets.data(), octets.size()), "an X25519 key"));
}

EciesPrivateKey EciesPrivateKey::from_pem(EciesProfile profile, BytesView pem) {
  std::shared_ptr<EVP_PKEY> key = read_private_pem(pem);
  if (profile == EciesProfile::a) {
    require_x25519(*key);
    return from_x25519(std::move(key));
  }
  if (!is_ec(*key)) throw CryptoError(kNotP256);
  return from_p256(PrivateKey::from_pem(pem));
}

EciesPrivateKey EciesPrivateKey::load(EciesProfile profile, const std::string& path) {
  return read_named_file(path, [profile](BytesView pem) { return from_pem(profile, pem); });
}

base::SecretBytes EciesPrivateKey::to_pem() const {
  const openssl::Bio out(check_not_null(BIO_new(BIO_s_mem()), "a memory BIO"));
  check(PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "a private key in PEM");
  return base::SecretBytes(openssl::octets_of(*out));
}

std::optional<base::SecretBytes> agree(const EciesPrivateKey& own, const EciesPublicKey& peer) {
  if (own.profile() != peer.profile()) throw CryptoError("the two keys are not of the same ECIES profile");
  const openssl::ErrorQueueGuard guard;
  const openssl::KeyContext context(
      check_not_null(EVP_PKEY_CTX_new_from_pkey(nullptr, own.handle(), nullptr), "a key context"));
  check(EVP_PKEY_derive_init(context.get()) == 1, "a key agreement");
  // Without OpenSSL's own check of the peer's key, as in keys.cpp: the point was found to be on the curve when it was read.
  check(EVP_PKEY_derive_set_peer_ex(context.get(), peer.handle(), 0) == 1, "a key agreement");
  base::SecretBytes out(kEciesSharedSecretSize);
  std::size_t size = out.size();
  // OpenSSL's X25519 fails, in constant time, when the secret comes out as zero.
  if (EVP_PKEY_derive(context.get(), out.writable().data(), &size) != 1) return std::nullopt;
  check(size == out.size(), "a key agreement");
  return out;
}

}  // namespace crypto
