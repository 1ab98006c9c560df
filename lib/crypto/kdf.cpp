#include "lib/crypto/kdf.hpp"

#include <openssl/core_names.h>

#include <algorithm>
#include <array>

#include "lib/crypto/cipher.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/crypto/openssl.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

// Fetching an algorithm costs more than using it: each is fetched once and kept as long as the process lives.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = check_not_null(EVP_MD_fetch(nullptr, "SHA256", nullptr), "SHA-256");
  return algorithm;
}

openssl::KdfContext new_context(EVP_KDF* algorithm) {
  return openssl::KdfContext(check_not_null(EVP_KDF_CTX_new(algorithm), "a key derivation"));
}

// OpenSSL takes inputs through pointers to what it does not write.
OSSL_PARAM octets_parameter(const char* name, base::BytesView octets) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(octets.data()), octets.size());
}

OSSL_PARAM text_parameter(const char* name, const char* text) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

constexpr std::size_t kHashBlock = 64;  ///< of SHA-256

// H(key ^ pad || data): half of an HMAC.
void hash_padded(std::array<std::uint8_t, kHashBlock> key, std::uint8_t pad, base::BytesView data, std::uint8_t* out) {
  for (std::uint8_t& octet : key) octet ^= pad;
  const openssl::DigestContext context(check_not_null(EVP_MD_CTX_new(), "SHA-256"));
  const bool is_done = EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1 &&
                       EVP_DigestUpdate(context.get(), key.data(), key.size()) == 1 &&
                       EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1 &&
                       EVP_DigestFinal_ex(context.get(), out, nullptr) == 1;
  base::wipe(key);
  check(is_done, "SHA-256");
}

}  // namespace

Sha256Digest sha256(base::BytesView data) {
  Sha256Digest out;
  check(EVP_Digest(data.data(), data.size(), out.data(), nullptr, sha256_algorithm(), nullptr) == 1, "SHA-256");
  return out;
}

// By its definition (RFC 2104): OpenSSL's own HMAC spends twice the time, and nine allocations, on being keyed.
void hmac_sha256(base::BytesView key, base::BytesView data, std::span<std::uint8_t, 32> out) {
  std::array<std::uint8_t, kHashBlock> padded_key{};
  Sha256Digest inner = key.size() > kHashBlock ? sha256(key) : Sha256Digest{};
  const base::BytesView used = key.size() > kHashBlock ? base::BytesView(inner) : key;
  std::copy(used.begin(), used.end(), padded_key.begin());
  hash_padded(padded_key, 0x36, data, inner.data());
  hash_padded(padded_key, 0x5C, inner, out.data());
  base::wipe(padded_key);
  base::wipe(inner);
}

void x963_kdf(base::BytesView shared_secret, base::BytesView shared_info, std::span<std::uint8_t> out) {
  if (out.size() > 255 * 32) throw CryptoError("X9.63 KDF: too many octets are asked for");
  static EVP_KDF* const algorithm = check_not_null(EVP_KDF_fetch(nullptr, "X963KDF", nullptr), "X9.63 KDF");
  const std::array parameters{text_parameter(OSSL_KDF_PARAM_DIGEST, "SHA256"),
                              octets_parameter(OSSL_KDF_PARAM_KEY, shared_secret),
                              octets_parameter(OSSL_KDF_PARAM_INFO, shared_info), OSSL_PARAM_construct_end()};
  const auto context = new_context(algorithm);
  check(EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) == 1, "X9.63 KDF");
}

// OpenSSL's own KBKDF looks up MAC and cipher by their names at each call. One block of output is one CMAC (SP 800-108, 4.1).
void kbkdf_cmac(const Cmac& prf, std::string_view label, base::BytesView context, std::span<std::uint8_t, 16> out) {
  static constexpr std::array<std::uint8_t, 4> kCounter{0, 0, 0, 1};
  static constexpr std::array<std::uint8_t, 1> kSeparator{0};
  static constexpr std::array<std::uint8_t, 4> kBits{0, 0, 0, 128};
  Block derived = prf(base::concatenate(kCounter, base::as_bytes(label), kSeparator, context, kBits));
  std::copy(derived.begin(), derived.end(), out.begin());
  base::wipe(derived);
}

void kbkdf_cmac(std::span<const std::uint8_t, 16> key, std::string_view label, base::BytesView context,
                std::span<std::uint8_t, 16> out) {
  kbkdf_cmac(Cmac(key), label, context, out);
}

}  // namespace crypto
