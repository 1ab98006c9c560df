#include "lib/crypto/cms.hpp"

#include <algorithm>
#include <array>

#include "lib/crypto/certificate_content.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/crypto/der.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/crypto/openssl.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

// Room for what surrounds the content: certificates, names, algorithms.
constexpr std::size_t kMaxCmsObject = kMaxCmsContent + 65536;

void require_content_size(BytesView content) {
  if (content.size() > kMaxCmsContent) throw CryptoError("the content is too large for a CMS object");
}

void require_object_size(BytesView der) {
  if (der.size() > kMaxCmsObject) throw CryptoError("the CMS object is too large");
}

// ---- AuthEnvelopedData. Written and read here octet by octet: OpenSSL's CMS functions leave the content, a key, in
// buffers that they do not wipe, and accept far more than the profile.

template <std::size_t N>
constexpr std::array<std::uint8_t, N> octets(const std::uint8_t (&values)[N]) {
  return std::to_array(values);
}

// Contents of OBJECT IDENTIFIERs.
constexpr auto kIdData = octets({0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01});  // 1.2.840.113549.1.7.1
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
constexpr std::array<std::uint8_t, 1> kNoUnusedBits{0};
constexpr std::array<std::uint8_t, 4> kKeyEncryptionKeyBits{0, 0, 1, 0};  // 256
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kWrappedKeySize = 40;

struct ContentKeyTag;
/// AES-256 keys of one envelope: of its content, and the one that wraps that one.
using ContentKey = base::SecretKey<ContentKeyTag, 32>;
struct WrappingKeyTag;
using WrappingKey = base::SecretKey<WrappingKeyTag, 32>;

Bytes object_id(BytesView content) { return der::encode(der::kObjectIdentifier, {content}); }

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
  const Bytes originator_point = der::encode(der::kBitString, {kNoUnusedBits, ephemeral_point});
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
  if (out.nonce.size() != kNonceSize) throw CryptoError("the envelope's nonce does not have 12 octets");
  if (out.tag.size() != kTagSize) throw CryptoError("the envelope's tag does not have 16 octets");
  return out;
}

// ---- SignedData: written octet by octet as OpenSSL's CMS functions would, in a fifth of the time (docs/decisions/0017).

constexpr std::array<std::uint8_t, 1> kSignedDataVersion{1};
constexpr std::array<std::uint8_t, 1> kSignerVersion{1};
constexpr auto kIdSignedData = octets({0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02});     // 1.2.840.113549.1.7.2
constexpr auto kIdContentType = octets({0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03});    // 1.2.840.113549.1.9.3
constexpr auto kIdMessageDigest = octets({0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04});  // 1.2.840.113549.1.9.4
constexpr auto kIdSigningTime = octets({0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05});    // 1.2.840.113549.1.9.5
constexpr auto kIdSha256 = octets({0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01});         // 2.16.840.1.101.3.4.2.1
constexpr auto kIdSha384 = octets({0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02});         // 2.16.840.1.101.3.4.2.2
constexpr auto kIdEcdsaWithSha256 = octets({0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02});      // 1.2.840.10045.4.3.2
constexpr auto kIdEcdsaWithSha384 = octets({0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03});      // 1.2.840.10045.4.3.3

// AlgorithmIdentifiers of the curve's hash and of ECDSA with it, without parameters (RFC 5754, sections 2 and 3.3).
Bytes digest_algorithm(Curve curve) {
  return der::encode(der::kSequence, {curve == Curve::p384 ? object_id(kIdSha384) : object_id(kIdSha256)});
}
Bytes ecdsa_algorithm(Curve curve) {
  return der::encode(der::kSequence, {curve == Curve::p384 ? object_id(kIdEcdsaWithSha384) : object_id(kIdEcdsaWithSha256)});
}

Bytes attribute(BytesView id, BytesView value) {
  return der::encode(der::kSequence, {object_id(id), der::encode(der::kSet, {value})});
}

// The signed attributes (RFC 5652, 5.3), one after the other. As DER sorts a SET by its elements' octets, and these differ in their
// lengths, the order is always this one.
Bytes encode_signed_attributes(BytesView digest, base::Time signing_time) {
  const auto time = to_asn1_time(signing_time);
  const BytesView text{ASN1_STRING_get0_data(time.get()), static_cast<std::size_t>(ASN1_STRING_length(time.get()))};
  const auto time_tag = static_cast<std::uint8_t>(ASN1_STRING_type(time.get()));
  return base::concatenate(attribute(kIdContentType, object_id(kIdData)), attribute(kIdSigningTime, der::encode(time_tag, {text})),
                           attribute(kIdMessageDigest, der::encode(der::kOctetString, {digest})));
}

// The one SignerInfo. What is signed are the attributes as a SET; in it they are [0].
Bytes encode_signer(const Certificate& signer, BytesView attributes, BytesView signature) {
  const Curve curve = signer.public_key().curve();
  return der::encode(der::kSequence, {der::encode(der::kInteger, {kSignerVersion}), signer.issuer_and_serial(), digest_algorithm(curve),
                                      der::encode(der::constructed_tag(0), {attributes}), ecdsa_algorithm(curve),
                                      der::encode(der::kOctetString, {signature})});
}

// `attached`: the content as it is included, or nothing.
Bytes encode_signed_data(const Certificate& signer, BytesView attributes, BytesView signature, BytesView attached) {
  const Bytes signed_data = der::encode(
      der::kSequence,
      {der::encode(der::kInteger, {kSignedDataVersion}), der::encode(der::kSet, {digest_algorithm(signer.public_key().curve())}),
       der::encode(der::kSequence, {object_id(kIdData), attached}), der::encode(der::constructed_tag(0), {signer.der()}),
       der::encode(der::kSet, {encode_signer(signer, attributes, signature)})});
  return der::encode(der::kSequence, {object_id(kIdSignedData), der::encode(der::constructed_tag(0), {signed_data})});
}

Bytes sign_cms(BytesView content, const Certificate& signer, const PrivateKey& key, base::Time signing_time, bool is_detached) {
  require_content_size(content);
  if (!key.is_of(signer.public_key())) throw CryptoError("the private key is not the signer's");
  const Bytes attributes = encode_signed_attributes(digest_of(key.curve(), content), signing_time);
  Bytes attached;
  if (!is_detached) attached = der::encode(der::constructed_tag(0), {der::encode(der::kOctetString, {content})});
  return encode_signed_data(signer, attributes, sign_der(key, der::encode(der::kSet, {attributes})), attached);
}

// ---- SignedData read, the fast path: whatever sign_detached() would have written, octet for octet. What is found in the object is no more
// than what can be put together to the same object again, so that its form needs no other check.

base::Time signing_time_in(BytesView attributes) {
  der::Reader reader(attributes);
  reader.take(der::kSequence);  // contentType
  der::Reader attribute = reader.enter(der::kSequence);
  attribute.take(der::kObjectIdentifier);
  der::Reader value = attribute.enter(der::kSet);
  const int type = value.next_is(V_ASN1_UTCTIME) ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME;
  const BytesView text = value.take(static_cast<std::uint8_t>(type));
  const openssl::Handle<ASN1_STRING, ASN1_STRING_free> time(check_not_null(ASN1_STRING_type_new(type), "a time"));
  check(ASN1_STRING_set(time.get(), text.data(), static_cast<int>(text.size())) == 1, "a time");
  return from_asn1_time(*time);
}

SignedBy read_usual(BytesView der, BytesView content, KnownCertificates& known) {
  der::Reader content_info = der::Reader(der).enter(der::kSequence);
  content_info.take(der::kObjectIdentifier);
  der::Reader signed_data = content_info.enter(der::constructed_tag(0)).enter(der::kSequence);
  signed_data.take(der::kInteger);
  signed_data.take(der::kSet);
  signed_data.take(der::kSequence);
  const Certificate signer = known.read(signed_data.take(der::constructed_tag(0)));
  der::Reader signer_info = signed_data.enter(der::kSet).enter(der::kSequence);
  signer_info.take(der::kInteger);
  signer_info.take(der::kSequence);
  signer_info.take(der::kSequence);
  const base::Time signing_time = signing_time_in(signer_info.take(der::constructed_tag(0)));
  signer_info.take(der::kSequence);
  const BytesView signature = signer_info.take(der::kOctetString);

  const Bytes attributes = encode_signed_attributes(digest_of(signer.public_key().curve(), content), signing_time);
  if (!std::ranges::equal(encode_signed_data(signer, attributes, signature, {}), der)) throw CryptoError("is written otherwise");
  if (!verify_der(signer.public_key(), der::encode(der::kSet, {attributes}), signature)) throw CryptoError("does not verify");
  return {signer, signing_time};
}

/// Nothing for any object that is not as usual, sound or not: that is for OpenSSL to judge.
std::optional<SignedBy> verify_usual(BytesView der, BytesView content, KnownCertificates& known) {
  const openssl::ErrorQueueGuard guard;
  try {
    require_object_size(der);
    return read_usual(der, content, known);
  } catch (const CryptoError&) {
    return std::nullopt;
  }
}

// ---- SignedData read, by OpenSSL's CMS functions.

// What OpenSSL does not look at: both versions are 1, as they are for id-data and a signer by issuer and serial number
// (RFC 5652, 5.1 and 5.3), and no revocation lists are included.
void require_profile_of_signed_data(BytesView der) {
  constexpr std::array<std::uint8_t, 1> kVersion{1};
  der::Reader content_info = der::Reader(der).enter(der::kSequence);
  content_info.take(der::kObjectIdentifier);
  der::Reader signed_data = content_info.enter(der::constructed_tag(0)).enter(der::kSequence);
  signed_data.expect(der::kInteger, kVersion);
  signed_data.take(der::kSet);
  signed_data.take(der::kSequence);
  if (signed_data.next_is(der::constructed_tag(0))) signed_data.take(der::constructed_tag(0));
  signed_data.enter(der::kSet).enter(der::kSequence).expect(der::kInteger, kVersion);
  signed_data.expect_end();
}

openssl::CmsContentInfo parse_signed_data(BytesView der) {
  require_object_size(der);
  const std::uint8_t* in = der.data();
  openssl::CmsContentInfo cms(d2i_CMS_ContentInfo(nullptr, &in, static_cast<long>(der.size())));
  check_not_null(cms.get(), "the octets are not a CMS object");
  if (openssl::to_der(cms.get(), i2d_CMS_ContentInfo, "a CMS object") != Bytes(der.begin(), der.end())) {
    throw CryptoError("the CMS object is not in DER");
  }
  if (OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed) throw CryptoError("the CMS object is not SignedData");
  if (OBJ_obj2nid(CMS_get0_eContentType(cms.get())) != NID_pkcs7_data)
    throw CryptoError("the signed content is not id-data");
  require_profile_of_signed_data(der);
  return cms;
}

CMS_SignerInfo& only_signer(CMS_ContentInfo& cms) {
  STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(&cms);
  if (signers == nullptr || sk_CMS_SignerInfo_num(signers) != 1)
    throw CryptoError("the CMS object does not have one signer");
  return *sk_CMS_SignerInfo_value(signers, 0);
}

void free_certificates(STACK_OF(X509) * certificates) { sk_X509_pop_free(certificates, X509_free); }

// The included certificate that the signer names.
Certificate certificate_of(CMS_ContentInfo& cms, CMS_SignerInfo& signer) {
  const openssl::Handle<STACK_OF(X509), free_certificates> included(CMS_get1_certs(&cms));
  for (int i = 0; i < sk_X509_num(included.get()); ++i) {
    X509* const x509 = sk_X509_value(included.get(), i);
    if (CMS_SignerInfo_cert_cmp(&signer, x509) == 0) return Certificate::from_handle(*x509);
  }
  throw CryptoError("the CMS object does not include its signer's certificate");
}

// signingTime: there once, with one value (RFC 5652, 11.3).
base::Time signing_time_of(const CMS_SignerInfo& signer) {
  const int position = CMS_signed_get_attr_by_NID(&signer, NID_pkcs9_signingTime, -1);
  if (position < 0 || CMS_signed_get_attr_by_NID(&signer, NID_pkcs9_signingTime, position) >= 0) {
    throw CryptoError("the signature does not have one signingTime");
  }
  X509_ATTRIBUTE* attribute = CMS_signed_get_attr(&signer, position);
  if (X509_ATTRIBUTE_count(attribute) != 1) throw CryptoError("the signature does not have one signingTime");
  const ASN1_TYPE* value = X509_ATTRIBUTE_get0_type(attribute, 0);
  if (value->type == V_ASN1_UTCTIME) return from_asn1_time(*value->value.utctime);
  if (value->type == V_ASN1_GENERALIZEDTIME) return from_asn1_time(*value->value.generalizedtime);
  throw CryptoError("the signingTime is not a time");
}

void require_algorithms_of_curve(CMS_SignerInfo& signer, Curve curve) {
  X509_ALGOR* digest = nullptr;
  X509_ALGOR* signature = nullptr;
  CMS_SignerInfo_get0_algs(&signer, nullptr, nullptr, &digest, &signature);
  if (OBJ_obj2nid(digest->algorithm) != EVP_MD_get_type(signature_digest(curve)) ||
      OBJ_obj2nid(signature->algorithm) != signature_algorithm(curve)) {
    throw CryptoError("the signature is not ECDSA with the hash of the signer's curve");
  }
}

// Verifies the one signature. `detached`: the content, if the object does not contain it; `content`: where it is
// written to.
SignedBy verify_signed_data(CMS_ContentInfo& cms, BIO* detached, BIO* content) {
  CMS_SignerInfo& signer = only_signer(cms);
  const Certificate certificate = certificate_of(cms, signer);
  require_algorithms_of_curve(signer, certificate.public_key().curve());
  const base::Time signing_time = signing_time_of(signer);
  constexpr unsigned kFlags = CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY;
  check(CMS_verify(&cms, nullptr, nullptr, detached, content, kFlags) == 1, "the CMS signature does not verify");
  return {certificate, signing_time};
}

}  // namespace

Bytes envelop(BytesView content, const Certificate& recipient) {
  require_content_size(content);
  const PublicKey& recipient_key = recipient.public_key();
  const PrivateKey ephemeral = PrivateKey::generate(recipient_key.curve());
  const Bytes wrap_algorithm = der::encode(der::kSequence, {object_id(kIdAes256Wrap)});
  const auto content_key = ContentKey::written_by([](std::span<std::uint8_t, 32> out) { fill_random(out); });
  const WrappingKey wrapping_key = derive_wrapping_key(ephemeral, recipient_key, wrap_algorithm, {});
  const auto nonce = random_octets<kNonceSize>();
  const Bytes sealed = aes256_gcm_encrypt(content_key.reveal(), nonce, {}, content);
  const Bytes recipient_info =
      encode_recipient(recipient, ephemeral.public_key().point(), wrap_algorithm, wrap(wrapping_key, content_key));
  return encode_envelope(recipient_info, nonce, BytesView(sealed).first(content.size()),
                         BytesView(sealed).last(kTagSize));
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
  auto content = aes256_gcm_decrypt(content_key.reveal(), envelope.nonce.first<kNonceSize>(), {}, sealed);
  if (!content) throw CryptoError("the envelope was changed");
  return *std::move(content);
}

Bytes sign_detached(BytesView content, const Certificate& signer, const PrivateKey& key, base::Time signing_time) {
  return sign_cms(content, signer, key, signing_time, true);
}

SignedBy verify_detached(BytesView der, BytesView content, KnownCertificates& known) {
  if (auto usual = verify_usual(der, content, known)) return *std::move(usual);
  const SignedBy by = verify_detached(der, content);
  return {known.read(by.signer.der()), by.signing_time};
}

SignedBy verify_detached(BytesView der, BytesView content) {
  const openssl::ErrorQueueGuard guard;
  const auto cms = parse_signed_data(der);
  if (CMS_is_detached(cms.get()) != 1) throw CryptoError("the CMS signature is not detached");
  // CMS_verify copies a memory BIO, and forgets the copy if the object names a digest that it does not know (OpenSSL 3.0);
  // what stands behind a filter it reads where it is.
  const openssl::Bio in(check_not_null(BIO_new(BIO_f_null()), "a BIO"));
  BIO_push(in.get(), openssl::read_from(content).release());
  const openssl::Bio nowhere(check_not_null(BIO_new(BIO_s_null()), "a BIO"));
  return verify_signed_data(*cms, in.get(), nowhere.get());
}

Bytes sign_attached(BytesView content, const Certificate& signer, const PrivateKey& key, base::Time signing_time) {
  return sign_cms(content, signer, key, signing_time, false);
}

SignedContent verify_attached(BytesView der) {
  const openssl::ErrorQueueGuard guard;
  const auto cms = parse_signed_data(der);
  if (CMS_is_detached(cms.get()) == 1) throw CryptoError("the CMS signature does not contain its content");
  const openssl::Bio out(check_not_null(BIO_new(BIO_s_mem()), "a memory BIO"));
  const SignedBy by = verify_signed_data(*cms, nullptr, out.get());
  const BytesView content = openssl::octets_of(*out);
  return {Bytes(content.begin(), content.end()), by};
}

}  // namespace crypto
