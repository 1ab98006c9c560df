#pragma once

#include <array>

#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"
#include "lib/crypto/cipher.hpp"

/// Key derivation and hashing. Throws CryptoError (keys.hpp) only if OpenSSL itself fails.
namespace crypto {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// SHA-256 of `data`.
Sha256Digest sha256(base::BytesView data);

/// HMAC-SHA-256 of `data`; the key may have any length. Writes 32 octets to `out`.
void hmac_sha256(base::BytesView key, base::BytesView data, std::span<std::uint8_t, 32> out);

/// X9.63 KDF with SHA-256 (BSI TR-03111, 4.3.3): fills `out`, at most 255 * 32 octets.
void x963_kdf(base::BytesView shared_secret, base::BytesView shared_info, std::span<std::uint8_t> out);

/// SP 800-108 KDF in counter mode, PRF AES-128-CMAC, 32-bit counter and 32-bit L, 128 bits out (PROTOCOL.md, section
/// 7): CMAC(key, 00000001 || label || 00 || context || 00000080). Fills `out`.
void kbkdf_cmac(std::span<const std::uint8_t, 16> key, std::string_view label, base::BytesView context,
                std::span<std::uint8_t, 16> out);
/// The same, for several derivations from one key.
void kbkdf_cmac(const Cmac& prf, std::string_view label, base::BytesView context, std::span<std::uint8_t, 16> out);

}  // namespace crypto
