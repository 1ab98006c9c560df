#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lib/crypto/keys.hpp"

/// JSON Web Signatures in compact serialization (RFC 7515, 3.1): the octets only. JSON is for those who read it.
namespace crypto {

/// ECDSA and RSASSA-PKCS1-v1_5 with SHA-2 (RFC 7518, 3.3 and 3.4). None of them takes a shared secret, and `none` is not among them.
enum class JwsAlgorithm { es256, es384, rs256, rs384, rs512 };

/// As the header's `alg` has it: `ES256`.
std::string_view name(JwsAlgorithm algorithm);

/// The inverse, letter for letter; nothing for any other text.
std::optional<JwsAlgorithm> jws_algorithm_from_name(std::string_view name);

/// An RSA key has no fewer bits.
inline constexpr int kMinRsaBits = 2048;

/// A public key and the one algorithm for which it is trusted: that comes from the configuration, never from a token.
/// Immutable; cheap to copy; safe to share between threads.
class JwsVerifyingKey {
 public:
  /// From a text that has one PEM block, a public key (SubjectPublicKeyInfo) or a certificate, whose dates and issuer are not looked
  /// at: whoever configures it trusts its key. Throws CryptoError if there is no such block, if several are there, or if the key does not
  /// fit: P-256 for ES256, P-384 for ES384, RSA of at least kMinRsaBits for the others.
  static JwsVerifyingKey from_pem(std::string_view pem, JwsAlgorithm algorithm);
  /// As above; the message names the file.
  static JwsVerifyingKey load(const std::string& path, JwsAlgorithm algorithm);

  [[nodiscard]] JwsAlgorithm algorithm() const noexcept { return algorithm_; }

  /// True if `signature` is the key's over `signing_input` (ASCII, RFC 7515, 2). An ECDSA signature is `r || s` of exactly twice the
  /// field's length, an RSA one has exactly the modulus' length.
  [[nodiscard]] bool verify(std::string_view signing_input, BytesView signature) const;

 private:
  using RsaKey = std::shared_ptr<evp_pkey_st>;
  JwsVerifyingKey(JwsAlgorithm algorithm, std::variant<PublicKey, RsaKey> key) : algorithm_(algorithm), key_(std::move(key)) {}
  JwsAlgorithm algorithm_;
  std::variant<PublicKey, RsaKey> key_;
};

/// A token signed with ECDSA and the hash of the key's curve, in compact serialization: for tests and labs. Header and payload are
/// taken as they are; the header's `alg` is for the caller to say.
std::string sign_jws(const PrivateKey& key, std::string_view header_json, std::string_view payload_json);

}  // namespace crypto
