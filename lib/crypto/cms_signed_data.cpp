#include <algorithm>
#include <array>

#include "lib/crypto/certificate_content.hpp"
#include "lib/crypto/cms_parts.hpp"
#include "lib/crypto/openssl.hpp"

/// SignedData: written octet by octet as OpenSSL's CMS functions would, in a fifth of the time (docs/decisions/0017).
namespace crypto {
namespace {

using cms::kIdData;
using cms::object_id;
using cms::octets;
using cms::require_content_size;
using cms::require_object_size;
using openssl::check;
using openssl::check_not_null;

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
