#include "lib/crypto/cipher.hpp"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <limits>

#include "lib/crypto/keys.hpp"
#include "lib/crypto/openssl.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;

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

// A CMAC with AES-128 under a key of zeros. Copies of it are keyed anew: that spares fetching the cipher for each.
const EVP_MAC_CTX* cmac_template() {
  static EVP_MAC_CTX* const prepared = [] {
    EVP_MAC* algorithm = check_not_null(EVP_MAC_fetch(nullptr, "CMAC", nullptr), "CMAC");
    EVP_MAC_CTX* context = check_not_null(EVP_MAC_CTX_new(algorithm), "CMAC");
    std::string cipher = "AES-128-CBC";
    const std::array parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher.data(), cipher.size()),
                                OSSL_PARAM_construct_end()};
    const std::array<std::uint8_t, 16> zeros{};
    check(EVP_MAC_init(context, zeros.data(), zeros.size(), parameters.data()) == 1, "CMAC");
    return context;
  }();
  return prepared;
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

Block aes_cmac(std::span<const std::uint8_t, 16> key, base::BytesView message) {
  const openssl::MacContext context(check_not_null(EVP_MAC_CTX_dup(cmac_template()), "CMAC"));
  Block out;
  std::size_t size = 0;
  check(EVP_MAC_init(context.get(), key.data(), key.size(), nullptr) == 1 &&
            EVP_MAC_update(context.get(), message.data(), message.size()) == 1 &&
            EVP_MAC_final(context.get(), out.data(), &size, out.size()) == 1 && size == out.size(),
        "CMAC");
  return out;
}

struct BlockCmac::Keyed {
  ~Keyed() { base::wipe(subkey); }

  Block encrypt(const Block& block) const {
    Block out;
    int size = 0;
    check(EVP_CipherUpdate(context.get(), out.data(), &size, block.data(), static_cast<int>(block.size())) == 1, "AES-128");
    return out;
  }

  openssl::CipherContext context = new_cipher_context();
  Block subkey{};  ///< K1 of RFC 4493, 2.3
};

BlockCmac::BlockCmac(std::span<const std::uint8_t, 16> key) : keyed_(std::make_unique<Keyed>()) {
  check(EVP_CipherInit_ex2(keyed_->context.get(), aes128_ecb(), key.data(), nullptr, 1, nullptr) == 1 &&
            EVP_CIPHER_CTX_set_padding(keyed_->context.get(), 0) == 1,
        "AES-128");
  Block doubled = keyed_->encrypt(Block{});
  const bool overflows = (doubled[0] & 0x80U) != 0;
  for (std::size_t i = 0; i < doubled.size(); ++i) {
    const unsigned next = i + 1 < doubled.size() ? doubled[i + 1] : 0U;
    keyed_->subkey[i] = static_cast<std::uint8_t>(doubled[i] << 1U | next >> 7U);
  }
  if (overflows) keyed_->subkey.back() ^= 0x87U;
  base::wipe(doubled);
}

BlockCmac::~BlockCmac() = default;

Block BlockCmac::operator()(const Block& message) const {
  Block last;
  for (std::size_t i = 0; i < last.size(); ++i) last[i] = message[i] ^ keyed_->subkey[i];
  return keyed_->encrypt(last);
}

base::Bytes aes256_gcm_encrypt(std::span<const std::uint8_t, 32> key, std::span<const std::uint8_t, 12> nonce,
                               base::BytesView additional, base::BytesView plaintext) {
  const auto context = new_cipher_context();
  base::Bytes out(plaintext.size() + kTagSize);
  const auto tag = std::span(out).last(kTagSize);
  int size = 0;
  check(EVP_CipherInit_ex2(context.get(), aes256_gcm(), key.data(), nonce.data(), 1, nullptr) == 1 &&
            authenticate(context.get(), additional) && transform(context.get(), plaintext, out) &&
            EVP_CipherFinal_ex(context.get(), tag.data(), &size) == 1 &&
            EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data()) == 1,
        "AES-256-GCM");
  return out;
}

std::optional<base::SecretBytes> aes256_gcm_decrypt(std::span<const std::uint8_t, 32> key,
                                                    std::span<const std::uint8_t, 12> nonce, base::BytesView additional,
                                                    base::BytesView ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < kTagSize) return std::nullopt;
  const auto ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - kTagSize);
  Block tag;
  std::copy_n(ciphertext_and_tag.end() - static_cast<std::ptrdiff_t>(kTagSize), kTagSize, tag.begin());
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
  const auto nonce = random_octets<kNonceSize>();
  return base::concatenate(nonce, aes256_gcm_encrypt(key.reveal(), nonce, bound_to, plaintext));
}

std::optional<base::SecretBytes> unseal(const KeyEncryptionKey& key, base::BytesView sealed, base::BytesView bound_to) {
  if (sealed.size() < kNonceSize + kTagSize) return std::nullopt;
  return aes256_gcm_decrypt(key.reveal(), sealed.first<kNonceSize>(), bound_to, sealed.subspan(kNonceSize));
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
