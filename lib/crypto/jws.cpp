#include "lib/crypto/jws.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <array>

#include "lib/crypto/certificate.hpp"
#include "lib/crypto/files.hpp"
#include "lib/crypto/openssl.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

struct AlgorithmFacts {
  JwsAlgorithm algorithm;
  std::string_view name;
  std::optional<Curve> curve;  ///< of ECDSA; nothing for RSA
  const char* digest;          ///< of RSA, OpenSSL's name; ECDSA has the curve's
};

constexpr std::array<AlgorithmFacts, 5> kAlgorithms{{
    {JwsAlgorithm::es256, "ES256", Curve::p256, ""},
    {JwsAlgorithm::es384, "ES384", Curve::p384, ""},
    {JwsAlgorithm::rs256, "RS256", std::nullopt, "SHA256"},
    {JwsAlgorithm::rs384, "RS384", std::nullopt, "SHA384"},
    {JwsAlgorithm::rs512, "RS512", std::nullopt, "SHA512"},
}};

const AlgorithmFacts& facts(JwsAlgorithm algorithm) { return kAlgorithms.at(static_cast<std::size_t>(algorithm)); }

constexpr std::string_view kBlockBegin = "-----BEGIN ";
constexpr std::string_view kPublicKeyBegin = "-----BEGIN PUBLIC KEY-----";
constexpr std::string_view kCertificateBegin = "-----BEGIN CERTIFICATE-----";

/// True for a certificate, false for a public key.
bool is_certificate(std::string_view pem) {
  const std::size_t begin = pem.find(kBlockBegin);
  if (begin == std::string_view::npos) throw CryptoError("there is no PEM in the text");
  if (pem.find(kBlockBegin, begin + 1) != std::string_view::npos) throw CryptoError("there are several keys or certificates in the text");
  const std::string_view block = pem.substr(begin);
  if (block.starts_with(kCertificateBegin)) return true;
  if (block.starts_with(kPublicKeyBegin)) return false;
  throw CryptoError("the PEM is neither a public key nor a certificate");
}

PublicKey read_ec_key(std::string_view pem, const AlgorithmFacts& algorithm) {
  PublicKey key = is_certificate(pem) ? Certificate::from_pem(pem).public_key() : PublicKey::from_pem(base::as_bytes(pem));
  if (key.curve() != *algorithm.curve) {
    throw CryptoError(std::string(algorithm.name) + " wants a key on " + std::string(name(*algorithm.curve)) + ", not on " +
                      std::string(name(key.curve())));
  }
  return key;
}

/// A key of any kind.
std::shared_ptr<EVP_PKEY> read_any_key(std::string_view pem) {
  const openssl::Bio in = openssl::read_from(base::as_bytes(pem));
  if (!is_certificate(pem)) {
    return {check_not_null(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr), "no public key in PEM"), EVP_PKEY_free};
  }
  const openssl::X509Certificate x509(
      check_not_null(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), "no certificate in PEM"));
  return {check_not_null(X509_get_pubkey(x509.get()), "the certificate has no usable key"), EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> read_rsa_key(std::string_view pem, const AlgorithmFacts& algorithm) {
  const openssl::ErrorQueueGuard guard;  // the decoder leaves the failures of what it tried first
  std::shared_ptr<EVP_PKEY> key = read_any_key(pem);
  if (EVP_PKEY_is_a(key.get(), "RSA") != 1) throw CryptoError(std::string(algorithm.name) + " wants an RSA key");
  if (EVP_PKEY_get_bits(key.get()) < kMinRsaBits) {
    throw CryptoError("the RSA key has fewer than " + std::to_string(kMinRsaBits) + " bits");
  }
  return key;
}

bool verify_rsa(EVP_PKEY* key, const AlgorithmFacts& algorithm, BytesView message, BytesView signature) {
  const openssl::ErrorQueueGuard guard;
  const openssl::Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(check_not_null(EVP_MD_CTX_new(), "a digest context"));
  EVP_PKEY_CTX* of_key = nullptr;  // the context's own
  check(EVP_DigestVerifyInit_ex(context.get(), &of_key, algorithm.digest, nullptr, nullptr, key, nullptr) == 1 &&
            EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PADDING) == 1,
        "an RSA verification");
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace

std::string_view name(JwsAlgorithm algorithm) { return facts(algorithm).name; }

std::optional<JwsAlgorithm> jws_algorithm_from_name(std::string_view name) {
  const auto found = std::find_if(kAlgorithms.begin(), kAlgorithms.end(), [&](const AlgorithmFacts& each) { return each.name == name; });
  if (found == kAlgorithms.end()) return std::nullopt;
  return found->algorithm;
}

JwsVerifyingKey JwsVerifyingKey::from_pem(std::string_view pem, JwsAlgorithm algorithm) {
  const AlgorithmFacts& wanted = facts(algorithm);
  if (wanted.curve) return {algorithm, read_ec_key(pem, wanted)};
  return {algorithm, read_rsa_key(pem, wanted)};
}

JwsVerifyingKey JwsVerifyingKey::load(const std::string& path, JwsAlgorithm algorithm) {
  return read_named_file(path, [&](BytesView pem) { return from_pem(base::as_text(pem), algorithm); });
}

bool JwsVerifyingKey::verify(std::string_view signing_input, BytesView signature) const {
  const BytesView message = base::as_bytes(signing_input);
  if (const auto* ec = std::get_if<PublicKey>(&key_)) return crypto::verify(*ec, message, signature);
  return verify_rsa(std::get<RsaKey>(key_).get(), facts(algorithm_), message, signature);
}

std::string sign_jws(const PrivateKey& key, std::string_view header_json, std::string_view payload_json) {
  const std::string input = base::to_base64url(base::as_bytes(header_json)) + "." + base::to_base64url(base::as_bytes(payload_json));
  return input + "." + base::to_base64url(sign(key, base::as_bytes(input)));
}

}  // namespace crypto
