#include "lib/crypto/cipher.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <limits>

#include "lib/crypto/keys.hpp"
#include "lib/crypto/openssl.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;


openssl::CipherContext new_cipher_context() {
  return openssl::CipherContext(check_not_null(EVP_CIPHER_CTX_new(), "a cipher"));
}

EVP_CIPHER* aes128_ecb() {
  static EVP_CIPHER* const algorithm = check_not_null(EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr), "AES-128");
  return algorithm;
}

// One block, without padding, either way.
Block aes128_block(std::span<const std::uint8_t, 16> key, const Block& block, int encrypt) {
  const auto context = new_cipher_context();
  Block out;
  int size = 0;
  check(EVP_CipherInit_ex2(context.get(), aes128_ecb(), key.data(), nullptr, encrypt, nullptr) == 1 &&
            EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
            EVP_CipherUpdate(context.get(), out.data(), &size, block.data(), static_cast<int>(block.size())) == 1 &&
            size == static_cast<int>(out.size()),
        "AES-128");
  return out;
}

EVP_CIPHER* aes256_gcm() {
  static EVP_CIPHER* const algorithm = check_not_null(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), "AES-256-GCM");
  return algorithm;
}

int size_for_openssl(base::BytesView octets) {
  if (octets.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw CryptoError("the input is too large");
  return static_cast<int>(octets.size());
}

void xor_into(Block& block, base::BytesView octets) {
  for (std::size_t i = 0; i < octets.size(); ++i) block[i] ^= octets[i];
}

/// A block doubled in GF(2^128): from L to K1, from K1 to K2 (RFC 4493, 2.3).
void double_block(Block& block) {
  const unsigned overflow = block[0] >> 7U;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const unsigned next = i + 1 < block.size() ? block[i + 1] : 0U;
    block[i] = static_cast<std::uint8_t>(static_cast<unsigned>(block[i]) << 1U | next >> 7U);
  }
  block.back() ^= static_cast<std::uint8_t>(0x87U * overflow);  // without a branch: the subkeys are secret
}

// Feeds additional data; OpenSSL takes the absence of data for the end, so that none is passed.
bool authenticate(EVP_CIPHER_CTX* context, base::BytesView additional) {
  int size = 0;
  return additional.empty() ||
         EVP_CipherUpdate(context, nullptr, &size, additional.data(), size_for_openssl(additional)) == 1;
}

bool transform(EVP_CIPHER_CTX* context, base::BytesView in, std::span<std::uint8_t> out) {
  int size = 0;
  return in.empty() || EVP_CipherUpdate(context, out.data(), &size, in.data(), size_for_openssl(in)) == 1;
}

}  // namespace

Block aes128_encrypt(std::span<const std::uint8_t, 16> key, const Block& block) { return aes128_block(key, block, 1); }

Block aes128_decrypt(std::span<const std::uint8_t, 16> key, const Block& block) { return aes128_block(key, block, 0); }

void aes128_ctr(std::span<const std::uint8_t, 16> key, std::span<const std::uint8_t, 16> initial_counter, base::BytesView in,
                std::span<std::uint8_t> out) {
  static EVP_CIPHER* const algorithm = check_not_null(EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr), "AES-128-CTR");
  if (out.size() != in.size()) throw CryptoError("AES-128-CTR: output and input differ in size");
  const auto context = new_cipher_context();
  check(EVP_CipherInit_ex2(context.get(), algorithm, key.data(), initial_counter.data(), 1, nullptr) == 1 &&
            transform(context.get(), in, out),
        "AES-128-CTR");
}

Aes128::Aes128(std::span<const std::uint8_t, 16> key) : context_(new_cipher_context().release()) {
  const bool is_keyed = EVP_CipherInit_ex2(context_, aes128_ecb(), key.data(), nullptr, 1, nullptr) == 1 &&
                        EVP_CIPHER_CTX_set_padding(context_, 0) == 1;
  if (is_keyed) return;
  EVP_CIPHER_CTX_free(context_);
  openssl::fail("AES-128");
}

Aes128::~Aes128() { EVP_CIPHER_CTX_free(context_); }

void Aes128::encrypt(base::BytesView in, std::span<std::uint8_t> out) const {
  int size = 0;
  check(out.size() == in.size() && EVP_CipherUpdate(context_, out.data(), &size, in.data(), size_for_openssl(in)) == 1 &&
            static_cast<std::size_t>(size) == out.size(),
        "AES-128");
}

Cmac::Cmac(std::span<const std::uint8_t, 16> key) : cipher_(key) {
  cipher_.encrypt(subkey_, subkey_);
  double_block(subkey_);
}

Block Cmac::operator()(base::BytesView message) const {
  Block chained{};
  while (message.size() > chained.size()) {
    xor_into(chained, message.first(chained.size()));
    cipher_.encrypt(chained, chained);
    message = message.subspan(chained.size());
  }
  xor_into(chained, message);
  Block subkey = subkey_;
  if (message.size() < chained.size()) {  // the last block is padded, and K2 is due
    chained[message.size()] ^= 0x80U;
    double_block(subkey);
  }
  xor_into(chained, subkey);
  cipher_.encrypt(chained, chained);
  base::wipe(subkey);
  return chained;
}

Block aes_cmac(std::span<const std::uint8_t, 16> key, base::BytesView message) { return Cmac(key)(message); }

base::Bytes aes256_gcm_encrypt(std::span<const std::uint8_t, 32> key, std::span<const std::uint8_t, kGcmNonceSize> nonce,
                               base::BytesView additional, base::BytesView plaintext) {
  const auto context = new_cipher_context();
  base::Bytes out(plaintext.size() + kGcmTagSize);
  const auto tag = std::span(out).last(kGcmTagSize);
  int size = 0;
  check(EVP_CipherInit_ex2(context.get(), aes256_gcm(), key.data(), nonce.data(), 1, nullptr) == 1 &&
            authenticate(context.get(), additional) && transform(context.get(), plaintext, out) &&
            EVP_CipherFinal_ex(context.get(), tag.data(), &size) == 1 &&
            EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data()) == 1,
        "AES-256-GCM");
  return out;
}

std::optional<base::SecretBytes> aes256_gcm_decrypt(std::span<const std::uint8_t, 32> key,
                                                    std::span<const std::uint8_t, kGcmNonceSize> nonce, base::BytesView additional,
                                                    base::BytesView ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < kGcmTagSize) return std::nullopt;
  const auto ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - kGcmTagSize);
  Block tag;
  std::copy_n(ciphertext_and_tag.end() - static_cast<std::ptrdiff_t>(kGcmTagSize), kGcmTagSize, tag.begin());
  const openssl::ErrorQueueGuard guard;
  const auto context = new_cipher_context();
  base::SecretBytes out(ciphertext.size());
  check(EVP_CipherInit_ex2(context.get(), aes256_gcm(), key.data(), nonce.data(), 0, nullptr) == 1 &&
            EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag.data()) == 1 &&
            authenticate(context.get(), additional) && transform(context.get(), ciphertext, out.writable()),
        "AES-256-GCM");
  int size = 0;
  Block rest;
  if (EVP_CipherFinal_ex(context.get(), rest.data(), &size) != 1) return std::nullopt;
  return out;
}

base::Bytes seal(const KeyEncryptionKey& key, base::BytesView plaintext, base::BytesView bound_to) {
  const auto nonce = random_octets<kGcmNonceSize>();
  return base::concatenate(nonce, aes256_gcm_encrypt(key.reveal(), nonce, bound_to, plaintext));
}

std::optional<base::SecretBytes> unseal(const KeyEncryptionKey& key, base::BytesView sealed, base::BytesView bound_to) {
  if (sealed.size() < kGcmNonceSize + kGcmTagSize) return std::nullopt;
  return aes256_gcm_decrypt(key.reveal(), sealed.first<kGcmNonceSize>(), bound_to, sealed.subspan(kGcmNonceSize));
}

void fill_random(std::span<std::uint8_t> out) {
  check(RAND_bytes_ex(nullptr, out.data(), out.size(), 0) == 1, "random numbers");
}

void take_random(std::span<std::uint8_t> out) {
  struct Stock {
    std::array<std::uint8_t, 4096> octets;
    std::size_t taken = sizeof octets;
    ~Stock() { base::wipe(octets); }
  };
  static thread_local Stock stock;
  if (stock.octets.size() - stock.taken < out.size()) {
    fill_random(stock.octets);
    stock.taken = 0;
  }
  const auto drawn = std::span(stock.octets).subspan(stock.taken, out.size());
  std::copy(drawn.begin(), drawn.end(), out.begin());
  base::wipe(drawn);
  stock.taken += out.size();
}

}  // namespace crypto
