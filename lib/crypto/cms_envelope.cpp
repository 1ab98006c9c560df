#include <algorithm>
#include <array>

#include "lib/crypto/cipher.hpp"
#include "lib/crypto/cms_parts.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/crypto/openssl.hpp"

/// AuthEnvelopedData. Written and read here octet by octet: OpenSSL's CMS functions leave the content, a key, in
/// buffers that they do not wipe, and accept far more than the profile.
namespace crypto {
namespace {

using cms::kIdData;
using cms::object_id;
using cms::octets;
using cms::require_content_size;
using cms::require_object_size;
using openssl::check;
using openssl::check_not_null;

// Contents of OBJECT IDENTIFIERs.
constexpr auto kIdAuthEnvelopedData =
    octets({0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17});   // 1.2.840.113549.1.9.16.1.23
constexpr auto kIdStdDhSha256Kdf = octets({0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01});  // 1.3.132.1.11.1
constexpr auto kIdAes256Wrap =
    octets({0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d});  // 2.16.840.1.101.3.4.1.45
constexpr auto kIdAes256Gcm =
    octets({0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e});                  // 2.16.840.1.101.3.4.1.46
constexpr auto kIdEcPublicKey = octets({0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01});  // 1.2.840.10045.2.1
constexpr auto kIdP256 = octets({0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07});   // 1.2.840.10045.3.1.7
constexpr auto kIdBrainpoolP256r1 =
    octets({0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07});  // 1.3.36.3.3.2.8.1.1.7
constexpr auto kIdP384 = octets({0x2b, 0x81, 0x04, 0x00, 0x22});     // 1.3.132.0.34

constexpr std::array<std::uint8_t, 1> kEnvelopeVersion{0};
constexpr std::array<std::uint8_t, 1> kKeyAgreeVersion{3};
constexpr std::array<std::uint8_t, 1> kTagLength{16};
constexpr std::array<std::uint8_t, 4> kKeyEncryptionKeyBits{0, 0, 1, 0};  // 256
constexpr std::size_t kWrappedKeySize = 40;

struct ContentKeyTag;
/// AES-256 keys of one envelope: of its content, and the one that wraps that one.
using ContentKey = base::SecretKey<ContentKeyTag, 32>;
struct WrappingKeyTag;
using WrappingKey = base::SecretKey<WrappingKeyTag, 32>;

BytesView curve_id(Curve curve) {
  switch (curve) {
    case Curve::p256: return kIdP256;
    case Curve::brainpool_p256r1: return kIdBrainpoolP256r1;
    case Curve::p384: return kIdP384;
  }
  throw CryptoError("no such curve");
}

// ECC-CMS-SharedInfo (RFC 5753, 7.2). `ukm` is empty if there is none.
WrappingKey derive_wrapping_key(const PrivateKey& own, const PublicKey& peer, BytesView wrap_algorithm, BytesView ukm) {
  const base::SecretBytes shared_secret = agree(own, peer);
  const Bytes bits = der::encode(der::constructed_tag(2), {der::encode(der::kOctetString, {kKeyEncryptionKeyBits})});
  Bytes user_info;
  if (!ukm.empty()) user_info = der::encode(der::constructed_tag(0), {der::encode(der::kOctetString, {ukm})});
  const Bytes shared_info = der::encode(der::kSequence, {wrap_algorithm, user_info, bits});
  return WrappingKey::written_by(
      [&](std::span<std::uint8_t, 32> out) { x963_kdf(shared_secret.reveal(), shared_info, out); });
}

openssl::CipherContext new_wrap_context(const WrappingKey& key, int encrypt) {
  static EVP_CIPHER* const algorithm =
      check_not_null(EVP_CIPHER_fetch(nullptr, "AES-256-WRAP", nullptr), "AES key wrap");
  openssl::CipherContext context(check_not_null(EVP_CIPHER_CTX_new(), "AES key wrap"));
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  check(EVP_CipherInit_ex2(context.get(), algorithm, key.reveal().data(), nullptr, encrypt, nullptr) == 1,
        "AES key wrap");
  return context;
}

// AES key wrap, RFC 3394.
std::array<std::uint8_t, kWrappedKeySize> wrap(const WrappingKey& key, const ContentKey& content_key) {
  const auto context = new_wrap_context(key, 1);
  std::array<std::uint8_t, kWrappedKeySize + 8> out{};  // OpenSSL may ask for a block more
  int size = 0;
  check(EVP_CipherUpdate(context.get(), out.data(), &size, content_key.reveal().data(), ContentKey::kSize) == 1 &&
            size == static_cast<int>(kWrappedKeySize),
        "AES key wrap");
  std::array<std::uint8_t, kWrappedKeySize> wrapped;
  std::copy_n(out.begin(), wrapped.size(), wrapped.begin());
  return wrapped;
}

ContentKey unwrap(const WrappingKey& key, BytesView wrapped) {
  if (wrapped.size() != kWrappedKeySize)
    throw CryptoError("the encrypted key has another length than a wrapped AES-256 key");
  const auto context = new_wrap_context(key, 0);
  base::SecretBytes out(kWrappedKeySize);
  int size = 0;
  check(EVP_CipherUpdate(context.get(), out.writable().data(), &size, wrapped.data(),
                         static_cast<int>(wrapped.size())) == 1 &&
            size == static_cast<int>(ContentKey::kSize),
        "the envelope's key does not unwrap");
  return ContentKey(out.reveal().first<ContentKey::kSize>());
}

// The one KeyAgreeRecipientInfo (RFC 5652, 6.2.2), as it stands in the SET.
Bytes encode_recipient(const Certificate& recipient, BytesView ephemeral_point, BytesView wrap_algorithm,
                       BytesView wrapped_key) {
  const Bytes originator_algorithm = der::encode(der::kSequence, {object_id(kIdEcPublicKey)});
  const Bytes originator_point = der::encode(der::kBitString, {der::kNoUnusedBits, ephemeral_point});
  const Bytes originator_key = der::encode(der::constructed_tag(1), {originator_algorithm, originator_point});
  const Bytes originator = der::encode(der::constructed_tag(0), {originator_key});
  const Bytes key_encryption = der::encode(der::kSequence, {object_id(kIdStdDhSha256Kdf), wrap_algorithm});
  const Bytes encrypted_key =
      der::encode(der::kSequence, {recipient.issuer_and_serial(), der::encode(der::kOctetString, {wrapped_key})});
  const Bytes encrypted_keys = der::encode(der::kSequence, {encrypted_key});
  return der::encode(der::constructed_tag(1),
                     {der::encode(der::kInteger, {kKeyAgreeVersion}), originator, key_encryption, encrypted_keys});
}

Bytes encode_envelope(BytesView recipient, BytesView nonce, BytesView ciphertext, BytesView tag) {
  const Bytes parameters =
      der::encode(der::kSequence, {der::encode(der::kOctetString, {nonce}), der::encode(der::kInteger, {kTagLength})});
  const Bytes algorithm = der::encode(der::kSequence, {object_id(kIdAes256Gcm), parameters});
  const Bytes encrypted_content =
      der::encode(der::kSequence, {object_id(kIdData), algorithm, der::encode(der::primitive_tag(0), {ciphertext})});
  const Bytes enveloped =
      der::encode(der::kSequence, {der::encode(der::kInteger, {kEnvelopeVersion}), der::encode(der::kSet, {recipient}),
                                   encrypted_content, der::encode(der::kOctetString, {tag})});
  return der::encode(der::kSequence,
                     {object_id(kIdAuthEnvelopedData), der::encode(der::constructed_tag(0), {enveloped})});
}

// What there is in an envelope, in place.
struct Envelope {
  BytesView ephemeral_point;
  BytesView ukm;
  BytesView wrap_algorithm;
  BytesView recipient;
  BytesView wrapped_key;
  BytesView nonce;
  BytesView ciphertext;
  BytesView tag;
};

// OriginatorPublicKey: the parameters may be absent, NULL or name the recipient's curve (RFC 5753, 3.1.1).
BytesView read_originator(der::Reader reader, Curve curve) {
  der::Reader key = reader.enter(der::constructed_tag(1));
  reader.expect_end();
  der::Reader algorithm = key.enter(der::kSequence);
  algorithm.expect(der::kObjectIdentifier, kIdEcPublicKey);
  if (algorithm.next_is(der::kNull)) {
    algorithm.expect(der::kNull, {});
  } else if (!algorithm.at_end()) {
    algorithm.expect(der::kObjectIdentifier, curve_id(curve));
  }
  algorithm.expect_end();
  const BytesView point = key.take(der::kBitString);
  key.expect_end();
  if (point.empty() || point[0] != 0) throw CryptoError("the originator's key is not in whole octets");
  return point.subspan(1);
}

void read_key_encryption(der::Reader algorithm, Envelope& out) {
  algorithm.expect(der::kObjectIdentifier, kIdStdDhSha256Kdf);
  out.wrap_algorithm = algorithm.take_whole(der::kSequence);
  algorithm.expect_end();
  der::Reader wrap_algorithm = der::Reader(out.wrap_algorithm).enter(der::kSequence);
  wrap_algorithm.expect(der::kObjectIdentifier, kIdAes256Wrap);
  wrap_algorithm.expect_end();
}

void read_recipient(der::Reader recipient, Curve curve, Envelope& out) {
  recipient.expect(der::kInteger, kKeyAgreeVersion);
  out.ephemeral_point = read_originator(recipient.enter(der::constructed_tag(0)), curve);
  if (recipient.next_is(der::constructed_tag(1))) {
    der::Reader ukm = recipient.enter(der::constructed_tag(1));
    out.ukm = ukm.take(der::kOctetString);
    ukm.expect_end();
    if (out.ukm.empty()) throw CryptoError("the envelope's ukm is empty");
  }
  read_key_encryption(recipient.enter(der::kSequence), out);
  der::Reader encrypted_keys = recipient.enter(der::kSequence);
  recipient.expect_end();
  der::Reader encrypted_key = encrypted_keys.enter(der::kSequence);
  encrypted_keys.expect_end();
  out.recipient = encrypted_key.take_whole(der::kSequence);
  out.wrapped_key = encrypted_key.take(der::kOctetString);
  encrypted_key.expect_end();
}

void read_encrypted_content(der::Reader content, Envelope& out) {
  content.expect(der::kObjectIdentifier, kIdData);
  der::Reader algorithm = content.enter(der::kSequence);
  algorithm.expect(der::kObjectIdentifier, kIdAes256Gcm);
  der::Reader parameters = algorithm.enter(der::kSequence);
  algorithm.expect_end();
  out.nonce = parameters.take(der::kOctetString);
  parameters.expect(der::kInteger, kTagLength);
  parameters.expect_end();
  out.ciphertext = content.take(der::primitive_tag(0));
  content.expect_end();
}

Envelope read_envelope(BytesView der, Curve curve) {
  der::Reader whole(der);
  der::Reader content_info = whole.enter(der::kSequence);
  whole.expect_end();
  content_info.expect(der::kObjectIdentifier, kIdAuthEnvelopedData);
  der::Reader explicit_content = content_info.enter(der::constructed_tag(0));
  content_info.expect_end();
  der::Reader enveloped = explicit_content.enter(der::kSequence);
  explicit_content.expect_end();
  enveloped.expect(der::kInteger, kEnvelopeVersion);
  der::Reader recipients = enveloped.enter(der::kSet);
  Envelope out{};
  read_recipient(recipients.enter(der::constructed_tag(1)), curve, out);
  recipients.expect_end();
  read_encrypted_content(enveloped.enter(der::kSequence), out);
  out.tag = enveloped.take(der::kOctetString);
  enveloped.expect_end();
  if (out.nonce.size() != kGcmNonceSize) throw CryptoError("the envelope's nonce does not have 12 octets");
  if (out.tag.size() != kGcmTagSize) throw CryptoError("the envelope's tag does not have 16 octets");
  return out;
}

}  // namespace

Bytes envelop(BytesView content, const Certificate& recipient) {
  require_content_size(content);
  const PublicKey& recipient_key = recipient.public_key();
  const PrivateKey ephemeral = PrivateKey::generate(recipient_key.curve());
  const Bytes wrap_algorithm = der::encode(der::kSequence, {object_id(kIdAes256Wrap)});
  const auto content_key = ContentKey::written_by([](std::span<std::uint8_t, 32> out) { fill_random(out); });
  const WrappingKey wrapping_key = derive_wrapping_key(ephemeral, recipient_key, wrap_algorithm, {});
  const auto nonce = random_octets<kGcmNonceSize>();
  const Bytes sealed = aes256_gcm_encrypt(content_key.reveal(), nonce, {}, content);
  const Bytes recipient_info =
      encode_recipient(recipient, ephemeral.public_key().point(), wrap_algorithm, wrap(wrapping_key, content_key));
  return encode_envelope(recipient_info, nonce, BytesView(sealed).first(content.size()),
                         BytesView(sealed).last(kGcmTagSize));
}

base::SecretBytes open_envelope(BytesView der, const Certificate& own, const PrivateKey& key) {
  const openssl::ErrorQueueGuard guard;
  require_object_size(der);
  const Envelope envelope = read_envelope(der, key.curve());
  if (!std::ranges::equal(envelope.recipient, own.issuer_and_serial()))
    throw CryptoError("the envelope is for another recipient");
  const PublicKey originator = PublicKey::from_point(key.curve(), envelope.ephemeral_point);
  const WrappingKey wrapping_key = derive_wrapping_key(key, originator, envelope.wrap_algorithm, envelope.ukm);
  const ContentKey content_key = unwrap(wrapping_key, envelope.wrapped_key);
  const Bytes sealed = base::concatenate(envelope.ciphertext, envelope.tag);
  auto content = aes256_gcm_decrypt(content_key.reveal(), envelope.nonce.first<kGcmNonceSize>(), {}, sealed);
  if (!content) throw CryptoError("the envelope was changed");
  return *std::move(content);
}

}  // namespace crypto
