#pragma once

#include <array>
#include <optional>

#include "lib/base/bytes.hpp"
#include "lib/base/locked_secret.hpp"
#include "lib/base/secret.hpp"

struct evp_cipher_ctx_st;  // OpenSSL's EVP_CIPHER_CTX

/// Block ciphers, MACs, authenticated encryption and random numbers. Throws CryptoError (keys.hpp) only if OpenSSL
/// itself fails.
namespace crypto {

using Block = std::array<std::uint8_t, 16>;

/// AES-128 of one block.
Block aes128_encrypt(std::span<const std::uint8_t, 16> key, const Block& block);
Block aes128_decrypt(std::span<const std::uint8_t, 16> key, const Block& block);

/// AES-128 in counter mode (SP 800-38A, 6.5), which encrypts and decrypts alike; all 128 bits of the counter count. `out` has
/// the size of `in`.
void aes128_ctr(std::span<const std::uint8_t, 16> key, std::span<const std::uint8_t, 16> initial_counter, base::BytesView in,
                std::span<std::uint8_t> out);

/// AES-128 under one key, which is kept ready: to key OpenSSL's cipher costs 40 blocks. One thread at a time.
class Aes128 {
 public:
  explicit Aes128(std::span<const std::uint8_t, 16> key);
  ~Aes128();
  Aes128(const Aes128&) = delete;
  Aes128& operator=(const Aes128&) = delete;

  /// Whole blocks, each by itself. `out` has the size of `in`, and may be the same octets.
  void encrypt(base::BytesView in, std::span<std::uint8_t> out) const;

 private:
  evp_cipher_ctx_st* context_;
};

/// AES-CMAC (RFC 4493) under one key, which is kept ready. One thread at a time.
class Cmac {
 public:
  explicit Cmac(std::span<const std::uint8_t, 16> key);
  ~Cmac() { base::wipe(subkey_); }
  Cmac(const Cmac&) = delete;
  Cmac& operator=(const Cmac&) = delete;

  /// 16 octets, of a message of any length.
  [[nodiscard]] Block operator()(base::BytesView message) const;

 private:
  Aes128 cipher_;
  Block subkey_{};  ///< K1 of RFC 4493, 2.3
};

/// The same of one message.
Block aes_cmac(std::span<const std::uint8_t, 16> key, base::BytesView message);

/// What AES-GCM takes and gives here (SP 800-38D, 8.2.1 and 5.2.1.2).
inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

/// AES-256-GCM with a nonce that the caller never uses twice under one key: `ciphertext || tag`, the tag of 16 octets.
base::Bytes aes256_gcm_encrypt(std::span<const std::uint8_t, 32> key, std::span<const std::uint8_t, kGcmNonceSize> nonce,
                               base::BytesView additional, base::BytesView plaintext);

/// The inverse; nothing if the tag does not match.
std::optional<base::SecretBytes> aes256_gcm_decrypt(std::span<const std::uint8_t, 32> key,
                                                    std::span<const std::uint8_t, kGcmNonceSize> nonce, base::BytesView additional,
                                                    base::BytesView ciphertext_and_tag);

struct KeyEncryptionKeyTag;
/// The key under which keys rest in a database. It is there as long as the function runs, so it has pages of its own.
using KeyEncryptionKey = base::LockedKey<KeyEncryptionKeyTag, 32>;

/// AES-256-GCM with a random 12-octet nonce: `nonce || ciphertext || tag`. `bound_to` is authenticated, not stored:
/// the row that the sealed value belongs to.
base::Bytes seal(const KeyEncryptionKey& key, base::BytesView plaintext, base::BytesView bound_to);

/// The inverse of seal; nothing if `sealed` was not made by seal with this key and this `bound_to`.
std::optional<base::SecretBytes> unseal(const KeyEncryptionKey& key, base::BytesView sealed, base::BytesView bound_to);

/// Fills `out` from OpenSSL's random number generator.
void fill_random(std::span<std::uint8_t> out);

/// The same from a stock of this thread, which OpenSSL fills 4 KiB at a time; what is taken is wiped there. At most 64 octets.
void take_random(std::span<std::uint8_t> out);

template <std::size_t N>
std::array<std::uint8_t, N> random_octets() {
  static_assert(N <= 64);
  std::array<std::uint8_t, N> out;
  take_random(out);
  return out;
}

}  // namespace crypto
