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

// An HMAC with SHA-256 under an empty key. Copies of it are keyed anew: that spares looking up the hash by its name for each.
const EVP_MAC_CTX* hmac_template() {
  static EVP_MAC_CTX* const prepared = [] {
    EVP_MAC* const algorithm = check_not_null(EVP_MAC_fetch(nullptr, "HMAC", nullptr), "HMAC");
    EVP_MAC_CTX* const context = check_not_null(EVP_MAC_CTX_new(algorithm), "HMAC");
    const std::array parameters{text_parameter(OSSL_MAC_PARAM_DIGEST, "SHA256"), OSSL_PARAM_construct_end()};
    const std::uint8_t zero = 0;
    check(EVP_MAC_init(context, &zero, sizeof zero, parameters.data()) == 1, "HMAC");
    return context;
  }();
  return prepared;
}

}  // namespace

Sha256Digest sha256(base::BytesView data) {
  Sha256Digest out;
  check(EVP_Digest(data.data(), data.size(), out.data(), nullptr, sha256_algorithm(), nullptr) == 1, "SHA-256");
  return out;
}

void hmac_sha256(base::BytesView key, base::BytesView data, std::span<std::uint8_t, 32> out) {
  const openssl::MacContext context(check_not_null(EVP_MAC_CTX_dup(hmac_template()), "HMAC"));
  static constexpr std::uint8_t kNoKey = 0;  // a null key would mean: the one that was set before
  std::size_t size = 0;
  check(EVP_MAC_init(context.get(), key.empty() ? &kNoKey : key.data(), key.size(), nullptr) == 1 &&
            EVP_MAC_update(context.get(), data.data(), data.size()) == 1 &&
            EVP_MAC_final(context.get(), out.data(), &size, out.size()) == 1 && size == out.size(),
        "HMAC");
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
void kbkdf_cmac(std::span<const std::uint8_t, 16> key, std::string_view label, base::BytesView context,
                std::span<std::uint8_t, 16> out) {
  static constexpr std::array<std::uint8_t, 4> kCounter{0, 0, 0, 1};
  static constexpr std::array<std::uint8_t, 1> kSeparator{0};
  static constexpr std::array<std::uint8_t, 4> kBits{0, 0, 0, 128};
  Block derived = aes_cmac(key, base::concatenate(kCounter, base::as_bytes(label), kSeparator, context, kBits));
  std::copy(derived.begin(), derived.end(), out.begin());
  base::wipe(derived);
}

}  // namespace crypto
