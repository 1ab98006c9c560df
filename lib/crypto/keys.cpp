#include "lib/crypto/keys.hpp"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "lib/crypto/der.hpp"
#include "lib/crypto/files.hpp"
#include "lib/crypto/openssl.hpp"
#include "lib/crypto/token_key.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

struct CurveFacts {
  Curve curve;
  std::string_view name;
  const char* group_name;  // OpenSSL's
  int nid;
  std::size_t field_size;
};

constexpr std::array<CurveFacts, 3> kCurves{{
    {Curve::p256, "P-256", "prime256v1", NID_X9_62_prime256v1, 32},
    {Curve::brainpool_p256r1, "brainpoolP256r1", "brainpoolP256r1", NID_brainpoolP256r1, 32},
    {Curve::p384, "P-384", "secp384r1", NID_secp384r1, 48},
}};

const CurveFacts& facts(Curve curve) { return kCurves.at(static_cast<std::size_t>(curve)); }

constexpr std::size_t kMaxDigestSize = 48;

// Of a DER signature: two INTEGERs of 49 octets at most, each with tag and length, in a SEQUENCE.
constexpr std::size_t kMaxSignatureSize = 128;

// The first octet of a compressed point (SEC 1, 2.3.3).
constexpr std::uint8_t kEvenY = 2;
constexpr std::uint8_t kOddY = 3;

// The group of a curve; made once, as that is slow, and read only afterwards.
const EC_GROUP& group(Curve curve) {
  static const std::array<EC_GROUP*, 3> groups = [] {
    std::array<EC_GROUP*, 3> made{};
    for (const auto& each : kCurves) {
      made.at(static_cast<std::size_t>(each.curve)) = check_not_null(EC_GROUP_new_by_curve_name(each.nid), each.name);
    }
    return made;
  }();
  return *groups.at(static_cast<std::size_t>(curve));
}

const EVP_MD* digest(Curve curve) {
  static EVP_MD* const sha256 = check_not_null(EVP_MD_fetch(nullptr, "SHA256", nullptr), "SHA-256");
  static EVP_MD* const sha384 = check_not_null(EVP_MD_fetch(nullptr, "SHA384", nullptr), "SHA-384");
  return curve == Curve::p384 ? sha384 : sha256;
}

// The curve of an OpenSSL key; throws unless it is one of the three, given by name.
Curve curve_of(const EVP_PKEY& key) {
  std::array<char, 64> group_name{};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(&key, "EC") != 1 ||
      EVP_PKEY_get_group_name(&key, group_name.data(), group_name.size(), &size) != 1) {
    openssl::fail("the key is not an elliptic-curve key of a known curve");
  }
  int is_explicit = 0;
  if (EVP_PKEY_get_int_param(&key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) == 1 &&
      is_explicit != 0) {
    throw CryptoError("the key's curve is not given by name");
  }
  const auto found = std::find_if(kCurves.begin(), kCurves.end(), [&](const CurveFacts& each) {
    return std::string_view(group_name.data(), size) == each.group_name;
  });
  if (found == kCurves.end()) throw CryptoError("the key's curve is not P-256, brainpoolP256r1 or P-384");
  return found->curve;
}

// A key of each curve without a point, made once. Keys of points are copies of it: EVP_PKEY_fromdata, which looks the group up by its
// name each time, takes four times as long.
const EVP_PKEY* key_without_point(Curve curve) {
  static const std::array<EVP_PKEY*, 3> keys = [] {
    std::array<EVP_PKEY*, 3> made{};
    for (const auto& each : kCurves) {
      const openssl::KeyContext context(check_not_null(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), "an EC context"));
      check(EVP_PKEY_paramgen_init(context.get()) == 1 && EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), each.nid) == 1 &&
                EVP_PKEY_paramgen(context.get(), &made.at(static_cast<std::size_t>(each.curve))) == 1,
            each.name);
    }
    return made;
  }();
  return keys.at(static_cast<std::size_t>(curve));
}

openssl::Key new_key(Curve curve) {
  return openssl::Key(check_not_null(EVP_PKEY_dup(const_cast<EVP_PKEY*>(key_without_point(curve))), "an EC key"));
}

// `point`: `04 || X || Y`.
void set_point(EVP_PKEY* key, BytesView point) {
  if (EVP_PKEY_set1_encoded_public_key(key, point.data(), point.size()) != 1) openssl::fail("the octets are not a key of the curve");
}

// An OpenSSL key with this point, the thread's own; until the next call. A copy for each point, to be used once, would take a fifth of
// what the point is used for.
EVP_PKEY* borrowed_key(Curve curve, BytesView point) {
  thread_local std::array<openssl::Key, 3> keys;
  openssl::Key& key = keys.at(static_cast<std::size_t>(curve));
  if (key == nullptr) key = new_key(curve);
  set_point(key.get(), point);
  return key.get();
}

// Throws unless `04 || X || Y` is on the curve.
void require_on_curve(Curve curve, BytesView point) {
  const openssl::ErrorQueueGuard guard;
  const openssl::EcPoint found(check_not_null(EC_POINT_new(&group(curve)), "a point"));
  check(EC_POINT_oct2point(&group(curve), found.get(), point.data(), point.size(), nullptr) == 1, "the octets are not a key of the curve");
}

// An OpenSSL key from `04 || X || Y` and the scalar in the machine's order of octets.
std::shared_ptr<EVP_PKEY> private_key_of(Curve curve, std::span<std::uint8_t> point, std::span<std::uint8_t> native_scalar) {
  const openssl::KeyContext context(
      check_not_null(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), "an EC context"));
  check(EVP_PKEY_fromdata_init(context.get()) == 1, "an EC key");
  std::array parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(facts(curve).group_name), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native_scalar.data(), native_scalar.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.data()) != 1) {
    openssl::fail("the octets are not a key of the curve");
  }
  return {key, EVP_PKEY_free};
}

// Prepared for new keys of a curve; one a thread, as it changes while it makes one. EVP_PKEY_Q_keygen makes its own each time, which
// takes longer than the key.
EVP_PKEY_CTX* generation_context(Curve curve) {
  thread_local std::array<openssl::KeyContext, 3> contexts;
  openssl::KeyContext& context = contexts.at(static_cast<std::size_t>(curve));
  if (context == nullptr) {
    openssl::KeyContext made(check_not_null(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), "an EC context"));
    check(EVP_PKEY_keygen_init(made.get()) == 1 &&
              EVP_PKEY_CTX_set_ec_paramgen_curve_nid(made.get(), facts(curve).nid) == 1,
          "a new key");
    context = std::move(made);
  }
  return context.get();
}

openssl::BigNumber number_of(const EVP_PKEY& key, const char* parameter) {
  BIGNUM* number = nullptr;
  check(EVP_PKEY_get_bn_param(&key, parameter, &number) == 1, "a number of the key");
  return openssl::BigNumber(number);
}

void write_number(const BIGNUM& number, std::span<std::uint8_t> out) {
  const auto size = static_cast<int>(out.size());
  check(BN_bn2binpad(&number, out.data(), size) == size, "a number that is too long");
}

// `04 || X || Y`.
Bytes octets_of_point(Curve curve, const EC_POINT& point, BN_CTX& context) {
  Bytes octets(1 + 2 * field_size(curve));
  const auto size = EC_POINT_point2oct(&group(curve), &point, POINT_CONVERSION_UNCOMPRESSED, octets.data(),
                                       octets.size(), &context);
  check(size == octets.size(), "a public point");
  return octets;
}

// The public point of a secret scalar; throws unless 0 < scalar < order.
Bytes point_of_scalar(Curve curve, const BIGNUM& scalar) {
  const EC_GROUP& of_curve = group(curve);
  if (BN_is_zero(&scalar) == 1 || BN_cmp(&scalar, EC_GROUP_get0_order(&of_curve)) >= 0) {
    throw CryptoError("the scalar is not between 0 and the order of the curve");
  }
  const openssl::BigNumberContext context(check_not_null(BN_CTX_secure_new(), "a BN context"));
  const openssl::EcPoint point(check_not_null(EC_POINT_new(&of_curve), "a point"));
  check(EC_POINT_mul(&of_curve, point.get(), &scalar, nullptr, nullptr, context.get()) == 1, "a public point");
  return octets_of_point(curve, *point, *context);
}

struct Digest {
  std::array<std::uint8_t, kMaxDigestSize> octets{};
  unsigned size = 0;
};

Digest digest_for(Curve curve, BytesView message) {
  Digest out;
  check(EVP_Digest(message.data(), message.size(), out.octets.data(), &out.size, digest(curve), nullptr) == 1,
        "a digest");
  return out;
}

openssl::KeyContext context_of(EVP_PKEY* key) {
  return openssl::KeyContext(check_not_null(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), "a key context"));
}

// `04 || X || Y` of an OpenSSL key, of which only the public half is looked at.
Bytes point_of(Curve curve, const EVP_PKEY& key) {
  const std::size_t half = field_size(curve);
  Bytes octets(1 + 2 * half);
  std::size_t size = 0;
  const bool is_whole = EVP_PKEY_get_octet_string_param(&key, OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size(), &size) == 1 &&
                        size == octets.size() && octets[0] == POINT_CONVERSION_UNCOMPRESSED;
  if (is_whole) return octets;
  // A key that came in compressed goes out compressed.
  octets[0] = POINT_CONVERSION_UNCOMPRESSED;
  const auto coordinates = std::span(octets).subspan(1);
  write_number(*number_of(key, OSSL_PKEY_PARAM_EC_PUB_X), coordinates.first(half));
  write_number(*number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y), coordinates.last(half));
  return octets;
}

// A number without sign as the content of an INTEGER: the shortest form.
Bytes integer_of(BytesView number) {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  Bytes out;
  if (number[0] >= 0x80) out.push_back(0);
  out.insert(out.end(), number.begin(), number.end());
  return der::encode(der::kInteger, {out});
}

// Ecdsa-Sig-Value of `r || s`.
Bytes signature_in_der(BytesView signature) {
  const std::size_t half = signature.size() / 2;
  return der::encode(der::kSequence, {integer_of(signature.first(half)), integer_of(signature.last(half))});
}

// OpenSSL's own writer costs as much as a signature: it looks for an encoder among all that it has.
Bytes key_info(Curve curve, BytesView point) {
  static constexpr std::array<std::uint8_t, 7> kEcPublicKey{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};  // RFC 5480, 2.1.1
  static constexpr std::array<std::uint8_t, 8> kP256{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
  static constexpr std::array<std::uint8_t, 5> kP384{0x2B, 0x81, 0x04, 0x00, 0x22};
  static constexpr std::array<std::uint8_t, 9> kBrainpoolP256r1{0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07};  // RFC 5639, 4
  const BytesView named = curve == Curve::p256 ? BytesView(kP256) : curve == Curve::p384 ? BytesView(kP384) : BytesView(kBrainpoolP256r1);
  const Bytes algorithm = der::encode(der::kSequence, {der::encode(der::kObjectIdentifier, {kEcPublicKey}), der::encode(der::kObjectIdentifier, {named})});
  return der::encode(der::kSequence, {algorithm, der::encode(der::kBitString, {der::kNoUnusedBits, point})});
}

}  // namespace

std::size_t field_size(Curve curve) { return facts(curve).field_size; }

std::string_view name(Curve curve) { return facts(curve).name; }

Curve curve_from_name(std::string_view name) {
  const auto found =
      std::find_if(kCurves.begin(), kCurves.end(), [&](const CurveFacts& each) { return each.name == name; });
  if (found == kCurves.end()) throw std::invalid_argument("no such curve: " + std::string(name));
  return found->curve;
}

struct PublicKey::Content {
  Bytes point;
  mutable std::once_flag once;
  mutable std::shared_ptr<EVP_PKEY> key;  // null until it is asked for
};

PublicKey::PublicKey(Curve curve, Bytes point) : curve_(curve) {
  auto content = std::make_shared<Content>();
  content->point = std::move(point);
  content_ = std::move(content);
}

evp_pkey_st* PublicKey::handle() const {
  std::call_once(content_->once, [this] {
    if (content_->key != nullptr) return;
    openssl::Key key = new_key(curve_);
    set_point(key.get(), content_->point);
    content_->key = std::move(key);
  });
  return content_->key.get();
}

bool operator==(const PublicKey& a, const PublicKey& b) noexcept {
  return a.curve_ == b.curve_ && a.content_->point == b.content_->point;
}

PublicKey PublicKey::from_point(Curve curve, BytesView point) {
  if (point.size() != 1 + 2 * field_size(curve) || point[0] != POINT_CONVERSION_UNCOMPRESSED) {
    throw CryptoError("the octets are not an uncompressed point of the curve's length");
  }
  require_on_curve(curve, point);
  return {curve, Bytes(point.begin(), point.end())};
}

std::optional<PublicKey> PublicKey::from_compressed_point(Curve curve, BytesView point) {
  const bool is_compressed = point.size() == 1 + field_size(curve) && (point[0] == kEvenY || point[0] == kOddY);
  if (!is_compressed) return std::nullopt;
  const openssl::ErrorQueueGuard guard;
  const EC_GROUP& of_curve = group(curve);
  const openssl::BigNumberContext context(check_not_null(BN_CTX_new(), "a BN context"));
  const openssl::EcPoint found(check_not_null(EC_POINT_new(&of_curve), "a point"));
  if (EC_POINT_oct2point(&of_curve, found.get(), point.data(), point.size(), context.get()) != 1) return std::nullopt;
  return PublicKey(curve, octets_of_point(curve, *found, *context));
}

PublicKey PublicKey::from_pem(BytesView pem) {
  const openssl::ErrorQueueGuard guard;  // the decoder leaves the failures of what it tried first
  const openssl::Bio in = openssl::read_from(pem);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PUBKEY(in.get(), nullptr, openssl::no_passphrase, nullptr), EVP_PKEY_free);
  check_not_null(key.get(), "no public key in PEM");
  return from_handle(std::move(key));
}

PublicKey PublicKey::from_handle(std::shared_ptr<evp_pkey_st> key) {
  const Curve curve = curve_of(*key);
  auto content = std::make_shared<Content>();
  content->point = point_of(curve, *key);
  content->key = std::move(key);
  PublicKey out(curve, {});
  out.content_ = std::move(content);
  return out;
}

Bytes PublicKey::point() const { return content_->point; }

Bytes PublicKey::mirrored_point() const {
  Bytes octets = point();
  const auto y = std::span(octets).last(field_size(curve_));
  const openssl::BigNumber mirrored(check_not_null(BN_bin2bn(y.data(), static_cast<int>(y.size()), nullptr), "a coordinate"));
  check(BN_sub(mirrored.get(), EC_GROUP_get0_field(&group(curve_)), mirrored.get()) == 1, "a coordinate's inverse");
  write_number(*mirrored, y);
  return octets;
}

Bytes PublicKey::subject_public_key_info() const { return key_info(curve_, content_->point); }

Bytes PublicKey::compressed_subject_public_key_info() const { return key_info(curve_, compressed_point()); }

Bytes PublicKey::compressed_point() const {
  Bytes octets = point();
  octets[0] = (octets.back() & 1) == 0 ? kEvenY : kOddY;
  octets.resize(1 + field_size(curve_));
  return octets;
}

// The public half is made anew, so that what is handed out holds no private one.
PrivateKey::PrivateKey(Curve curve, std::shared_ptr<evp_pkey_st> key)
    : curve_(curve), key_(std::move(key)), public_key_(curve, point_of(curve, *key_)) {}

PrivateKey::PrivateKey(std::shared_ptr<const TokenKey> token, PublicKey public_key)
    : curve_(token->curve()), token_(std::move(token)), public_key_(std::move(public_key)) {}

PrivateKey PrivateKey::generate(Curve curve) {
  EVP_PKEY* key = nullptr;
  check(EVP_PKEY_generate(generation_context(curve), &key) == 1, "a new key");
  return {curve, std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free)};
}

PrivateKey PrivateKey::from_scalar(Curve curve, BytesView scalar) {
  if (scalar.size() != field_size(curve)) throw CryptoError("the scalar does not have the field's length");
  const openssl::BigNumber number(check_not_null(BN_secure_new(), "a number"));
  check_not_null(BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), number.get()), "a number");
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  Bytes point = point_of_scalar(curve, *number);
  base::SecretBytes native(scalar.size());
  check(BN_bn2nativepad(number.get(), native.writable().data(), static_cast<int>(native.size())) > 0, "a scalar");
  return {curve, private_key_of(curve, point, native.writable())};
}

PrivateKey PrivateKey::from_pem(BytesView pem) {
  const openssl::ErrorQueueGuard guard;  // the decoder leaves the failures of what it tried first
  const openssl::Bio in = openssl::read_from(pem);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, openssl::no_passphrase, nullptr), EVP_PKEY_free);
  check_not_null(key.get(), "no unencrypted private key in PEM");
  const Curve curve = curve_of(*key);
  check(EVP_PKEY_check(context_of(key.get()).get()) == 1, "the private key is not consistent");
  return {curve, std::move(key)};
}

PrivateKey PrivateKey::load(const std::string& path) {
  return read_named_file(path, [](BytesView pem) { return from_pem(pem); });
}

PrivateKey PrivateKey::from_token(const std::string& uri, std::shared_ptr<const TokenModule> module, const PublicKey* certified) {
  auto token = std::make_shared<const TokenKey>(uri, std::move(module));
  if (token->public_key()) certified = &*token->public_key();
  if (certified == nullptr) {
    throw CryptoError(uri + ": the token does not tell the key's public half: store it there as an object of the same id");
  }
  if (certified->curve() != token->curve()) throw CryptoError(uri + ": the key is not of the certificate's curve");
  PublicKey public_key = *certified;
  return {std::move(token), std::move(public_key)};
}

evp_pkey_st* PrivateKey::handle() const {
  if (key_ == nullptr) throw CryptoError("the private key does not leave its token");
  return key_.get();
}

base::SecretBytes PrivateKey::to_pem() const {
  const openssl::Bio out(check_not_null(BIO_new(BIO_s_mem()), "a memory BIO"));
  check(PEM_write_bio_PKCS8PrivateKey(out.get(), handle(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "a private key in PEM");
  return base::SecretBytes(openssl::octets_of(*out));
}

base::SecretBytes PrivateKey::scalar() const {
  base::SecretBytes out(field_size(curve_));
  write_number(*number_of(*handle(), OSSL_PKEY_PARAM_PRIV_KEY), out.writable());
  return out;
}

Bytes digest_of(Curve curve, BytesView message) {
  const Digest digest = digest_for(curve, message);
  return {digest.octets.begin(), digest.octets.begin() + digest.size};
}

Bytes sign_der(const PrivateKey& key, BytesView message) {
  if (key.token() != nullptr) return signature_in_der(sign(key, message));
  const Digest digest = digest_for(key.curve(), message);
  const openssl::KeyContext context = context_of(key.handle());
  check(EVP_PKEY_sign_init(context.get()) == 1, "an ECDSA signature");
  Bytes der(kMaxSignatureSize);
  std::size_t size = der.size();
  check(EVP_PKEY_sign(context.get(), der.data(), &size, digest.octets.data(), digest.size) == 1, "an ECDSA signature");
  der.resize(size);
  return der;
}

Bytes sign(const PrivateKey& key, BytesView message) {
  if (key.token() != nullptr) return key.token()->sign(digest_of(key.curve(), message));
  const Bytes der = sign_der(key, message);
  const std::uint8_t* in = der.data();
  const openssl::EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  check_not_null(signature.get(), "an ECDSA signature");
  const std::size_t half = field_size(key.curve());
  Bytes out(2 * half);
  write_number(*ECDSA_SIG_get0_r(signature.get()), std::span(out).first(half));
  write_number(*ECDSA_SIG_get0_s(signature.get()), std::span(out).last(half));
  return out;
}

bool verify_der(const PublicKey& key, BytesView message, BytesView signature) {
  const openssl::ErrorQueueGuard guard;
  const Digest digest = digest_for(key.curve(), message);
  const openssl::KeyContext context = context_of(borrowed_key(key.curve(), key.content_->point));
  check(EVP_PKEY_verify_init(context.get()) == 1, "an ECDSA verification");
  return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.octets.data(), digest.size) == 1;
}

bool verify(const PublicKey& key, BytesView message, BytesView signature) {
  const std::size_t half = field_size(key.curve());
  if (signature.size() != 2 * half) return false;
  return verify_der(key, message, signature_in_der(signature));
}

base::SecretBytes agree(const PrivateKey& own, const PublicKey& peer) {
  if (own.curve() != peer.curve()) throw CryptoError("the two keys are not on the same curve");
  if (own.token() != nullptr) return own.token()->agree(peer.content_->point);
  const openssl::KeyContext context = context_of(own.handle());
  check(EVP_PKEY_derive_init(context.get()) == 1, "a key agreement");
  // Without OpenSSL's own check of the peer's key, which multiplies by the order: from_point and the certificate parser
  // have found the point to be on the curve, and the curves' cofactor is 1.
  check(EVP_PKEY_derive_set_peer_ex(context.get(), borrowed_key(peer.curve(), peer.content_->point), 0) == 1, "a key agreement");
  base::SecretBytes out(field_size(own.curve()));
  std::size_t size = out.size();
  check(EVP_PKEY_derive(context.get(), out.writable().data(), &size) == 1 && size == out.size(), "a key agreement");
  return out;
}

}  // namespace crypto
