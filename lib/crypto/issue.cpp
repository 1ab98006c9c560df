#include "lib/crypto/certificate.hpp"
#include "lib/crypto/certificate_content.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/crypto/der.hpp"
#include "lib/crypto/openssl.hpp"

/// Making certificates and revocation lists, for labs and tests.
namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

constexpr std::size_t kSerialSize = 16;

using BasicConstraints = openssl::Handle<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>;
using BitString = openssl::Handle<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using GeneralName = openssl::Handle<GENERAL_NAME, GENERAL_NAME_free>;
using GeneralNameList = openssl::Handle<GENERAL_NAMES, GENERAL_NAMES_free>;
using Integer = openssl::Handle<ASN1_INTEGER, ASN1_INTEGER_free>;
using KeyIdentifier = openssl::Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using Name = openssl::Handle<X509_NAME, X509_NAME_free>;
using NameConstraintList = openssl::Handle<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;
using ObjectId = openssl::Handle<ASN1_OBJECT, ASN1_OBJECT_free>;
using ObjectIdList = openssl::Handle<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using OctetString = openssl::Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Subtree = openssl::Handle<GENERAL_SUBTREE, GENERAL_SUBTREE_free>;

void add_attribute(X509_NAME& name, int nid, const std::string& value) {
  if (value.empty()) return;
  const auto* text = reinterpret_cast<const unsigned char*>(value.data());
  check(X509_NAME_add_entry_by_NID(&name, nid, MBSTRING_UTF8, text, static_cast<int>(value.size()), -1, 0) == 1,
        "an attribute of the subject");
}

ObjectId object_id(const std::string& dotted) {
  return ObjectId(check_not_null(OBJ_txt2obj(dotted.c_str(), 1), "an object identifier"));
}

OctetString octet_string(BytesView octets) {
  OctetString out(check_not_null(ASN1_OCTET_STRING_new(), "an octet string"));
  check(ASN1_OCTET_STRING_set(out.get(), octets.data(), static_cast<int>(octets.size())) == 1, "an octet string");
  return out;
}

void add_extension(X509& x509, int nid, void* value, bool critical) {
  check(X509_add1_ext_i2d(&x509, nid, value, critical ? 1 : 0, X509V3_ADD_APPEND) == 1, "an extension");
}

void add_basic_constraints(X509& x509, const CertificateTemplate& wanted) {
  if (!wanted.is_ca) {
    if (wanted.path_length) throw CryptoError("a path length is for a CA only");
    return;
  }
  const BasicConstraints constraints(check_not_null(BASIC_CONSTRAINTS_new(), "basicConstraints"));
  constraints->ca = 0xff;
  if (wanted.path_length) {
    constraints->pathlen = check_not_null(ASN1_INTEGER_new(), "basicConstraints");
    check(ASN1_INTEGER_set_uint64(constraints->pathlen, *wanted.path_length) == 1, "basicConstraints");
  }
  add_extension(x509, NID_basic_constraints, constraints.get(), true);
}

// The number of a KeyUsage in the extension's BIT STRING (RFC 5280, 4.2.1.3).
int bit_number(KeyUsage usage) {
  switch (usage) {
    case KeyUsage::digital_signature: return 0;
    case KeyUsage::key_agreement: return 4;
    case KeyUsage::key_cert_sign: return 5;
    case KeyUsage::crl_sign: return 6;
  }
  throw CryptoError("no such key usage");
}

void add_key_usages(X509& x509, const CertificateTemplate& wanted) {
  if (!wanted.key_usages.empty()) {
    const BitString bits(check_not_null(ASN1_BIT_STRING_new(), "keyUsage"));
    for (const KeyUsage usage : wanted.key_usages) {
      check(ASN1_BIT_STRING_set_bit(bits.get(), bit_number(usage), 1) == 1, "keyUsage");
    }
    add_extension(x509, NID_key_usage, bits.get(), true);
  }
  if (!wanted.extended_key_usages.empty()) {
    const ObjectIdList list(check_not_null(EXTENDED_KEY_USAGE_new(), "extendedKeyUsage"));
    for (const auto& oid : wanted.extended_key_usages) {
      ObjectId object = object_id(oid);
      check(sk_ASN1_OBJECT_push(list.get(), object.get()) > 0, "extendedKeyUsage");
      static_cast<void>(object.release());
    }
    add_extension(x509, NID_ext_key_usage, list.get(), false);
  }
}

void add_text_names(GENERAL_NAMES& list, int type, const std::vector<std::string>& texts) {
  for (const auto& text : texts) {
    GeneralName name(check_not_null(GENERAL_NAME_new(), "subjectAltName"));
    auto* value = check_not_null(ASN1_IA5STRING_new(), "subjectAltName");
    GENERAL_NAME_set0_value(name.get(), type, value);
    check(ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1, "subjectAltName");
    check(sk_GENERAL_NAME_push(&list, name.get()) > 0, "subjectAltName");
    static_cast<void>(name.release());
  }
}

void add_alternative_names(X509& x509, const CertificateTemplate& wanted) {
  if (wanted.uris.empty() && wanted.dns_names.empty() && wanted.ip_addresses.empty()) return;
  const GeneralNameList list(check_not_null(GENERAL_NAMES_new(), "subjectAltName"));
  add_text_names(*list, GEN_URI, wanted.uris);
  add_text_names(*list, GEN_DNS, wanted.dns_names);
  for (const auto& text : wanted.ip_addresses) {
    GeneralName name(check_not_null(GENERAL_NAME_new(), "subjectAltName"));
    ASN1_OCTET_STRING* address = check_not_null(a2i_IPADDRESS(text.c_str()), "the text is not an IP address");
    GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address);
    check(sk_GENERAL_NAME_push(list.get(), name.get()) > 0, "subjectAltName");
    static_cast<void>(name.release());
  }
  add_extension(x509, NID_subject_alt_name, list.get(), false);
}

void add_name_constraints(X509& x509, const PermittedNames& permitted) {
  Name name(check_not_null(X509_NAME_new(), "nameConstraints"));
  add_attribute(*name, NID_organizationName, permitted.organization);
  add_attribute(*name, NID_serialNumber, permitted.serial_number_prefix);
  Subtree subtree(check_not_null(GENERAL_SUBTREE_new(), "nameConstraints"));
  GENERAL_NAME_set0_value(subtree->base, GEN_DIRNAME, name.release());
  const NameConstraintList constraints(check_not_null(NAME_CONSTRAINTS_new(), "nameConstraints"));
  constraints->permittedSubtrees = check_not_null(sk_GENERAL_SUBTREE_new_null(), "nameConstraints");
  check(sk_GENERAL_SUBTREE_push(constraints->permittedSubtrees, subtree.get()) > 0, "nameConstraints");
  static_cast<void>(subtree.release());
  add_extension(x509, NID_name_constraints, constraints.get(), true);
}

void add_raw_extension(X509& x509, const RawExtension& wanted) {
  const ObjectId object = object_id(wanted.oid);
  const OctetString value = octet_string(wanted.value);
  const openssl::Handle<X509_EXTENSION, X509_EXTENSION_free> extension(check_not_null(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), wanted.critical ? 1 : 0, value.get()), "an extension"));
  check(X509_add_ext(&x509, extension.get(), -1) == 1, "an extension");
}

// SHA-1 of the key's BIT STRING, here of the point.
KeyId key_id_of(const X509& x509) {
  KeyId id{};
  unsigned size = 0;
  check(X509_pubkey_digest(&x509, EVP_sha1(), id.data(), &size) == 1 && size == id.size(), "a key identifier");
  return id;
}

void add_key_identifiers(X509& x509, const Certificate* issuer) {
  const KeyId own = key_id_of(x509);
  add_extension(x509, NID_subject_key_identifier, octet_string(own).get(), false);
  if (issuer != nullptr && !issuer->subject_key_id()) throw CryptoError("the issuer has no subjectKeyIdentifier");
  const KeyIdentifier authority(check_not_null(AUTHORITY_KEYID_new(), "authorityKeyIdentifier"));
  authority->keyid = octet_string(issuer != nullptr ? *issuer->subject_key_id() : own).release();
  add_extension(x509, NID_authority_key_identifier, authority.get(), false);
}

// Positive, and of exactly 16 octets: the first one is 1 to 7f.
void set_random_serial(X509& x509) {
  auto octets = random_octets<kSerialSize>();
  octets[0] = static_cast<std::uint8_t>(octets[0] & 0x7fU);
  if (octets[0] == 0) octets[0] = 1;
  const openssl::BigNumber number(check_not_null(BN_bin2bn(octets.data(), kSerialSize, nullptr), "a serial number"));
  const Integer serial(check_not_null(BN_to_ASN1_INTEGER(number.get(), nullptr), "a serial number"));
  check(X509_set_serialNumber(&x509, serial.get()) == 1, "a serial number");
}

void set_fields(X509& x509, const CertificateTemplate& wanted, const PublicKey& subject_key,
                const Certificate* issuer) {
  check(X509_set_version(&x509, X509_VERSION_3) == 1, "a version");
  set_random_serial(x509);
  const Name subject(check_not_null(X509_NAME_new(), "a subject"));
  for (const auto& organization : wanted.organizations) add_attribute(*subject, NID_organizationName, organization);
  add_attribute(*subject, NID_serialNumber, wanted.serial_number);
  add_attribute(*subject, NID_commonName, wanted.common_name);
  const X509_NAME* issuer_name =
      issuer != nullptr ? X509_get_subject_name(&issuer->content().x509()) : subject.get();
  check(X509_set_subject_name(&x509, subject.get()) == 1 && X509_set_issuer_name(&x509, issuer_name) == 1, "a name");
  check(X509_set1_notBefore(&x509, to_asn1_time(wanted.not_before).get()) == 1 &&
            X509_set1_notAfter(&x509, to_asn1_time(wanted.not_after).get()) == 1,
        "dates");
  check(X509_set_pubkey(&x509, subject_key.handle()) == 1, "a public key");
}

void add_revoked(X509_CRL& crl, const Certificate& certificate, const ASN1_TIME& at) {
  openssl::Handle<X509_REVOKED, X509_REVOKED_free> entry(check_not_null(X509_REVOKED_new(), "a revoked certificate"));
  auto* serial = const_cast<ASN1_INTEGER*>(X509_get0_serialNumber(&certificate.content().x509()));
  check(X509_REVOKED_set_serialNumber(entry.get(), serial) == 1 &&
            X509_REVOKED_set_revocationDate(entry.get(), const_cast<ASN1_TIME*>(&at)) == 1 &&
            X509_CRL_add0_revoked(&crl, entry.get()) == 1,
        "a revoked certificate");
  static_cast<void>(entry.release());
}

// ECDSA with the hash of the curve's strength, in the part that is signed. OpenSSL lets it be written through X509_sign alone, which
// wants a key of its own.
void set_algorithm(const X509_ALGOR& algorithm, Curve curve) {
  check(X509_ALGOR_set0(const_cast<X509_ALGOR*>(&algorithm), OBJ_nid2obj(signature_algorithm(curve)), V_ASN1_UNDEF, nullptr) == 1,
        "a signature's algorithm");
}

// A certificate: the part that is signed, the algorithm once more, the signature (RFC 5280, 4.1.1).
Bytes sign_part(BytesView part, const PrivateKey& key) {
  const openssl::Handle<X509_ALGOR, X509_ALGOR_free> algorithm(check_not_null(X509_ALGOR_new(), "a signature's algorithm"));
  set_algorithm(*algorithm, key.curve());
  const Bytes encoded = openssl::to_der(algorithm.get(), i2d_X509_ALGOR, "a signature's algorithm");
  return der::encode(der::kSequence, {part, encoded, der::encode(der::kBitString, {der::kNoUnusedBits, sign_der(key, part)})});
}

}  // namespace

Certificate issue(const CertificateTemplate& wanted, const PublicKey& subject_key, const PrivateKey& issuer_key,
                  const Certificate* issuer) {
  const openssl::ErrorQueueGuard guard;
  if (!issuer_key.is_of(issuer != nullptr ? issuer->public_key() : subject_key)) {
    throw CryptoError("the private key is not the issuer's");
  }
  const openssl::X509Certificate x509(check_not_null(X509_new(), "a certificate"));
  set_fields(*x509, wanted, subject_key, issuer);
  add_basic_constraints(*x509, wanted);
  add_key_usages(*x509, wanted);
  add_alternative_names(*x509, wanted);
  if (wanted.permitted_names) add_name_constraints(*x509, *wanted.permitted_names);
  add_key_identifiers(*x509, issuer);
  for (const auto& extension : wanted.extensions) add_raw_extension(*x509, extension);
  set_algorithm(*X509_get0_tbs_sigalg(x509.get()), issuer_key.curve());
  const auto encode_part = [](const X509* of, unsigned char** out) { return i2d_re_X509_tbs(const_cast<X509*>(of), out); };
  return Certificate::from_der(sign_part(openssl::to_der(x509.get(), encode_part, "a certificate"), issuer_key));
}

RevocationList issue_revocation_list(const Certificate& issuer, const PrivateKey& issuer_key,
                                     std::span<const Certificate> revoked, base::Time this_update,
                                     base::Time next_update) {
  const openssl::ErrorQueueGuard guard;
  if (!issuer_key.is_of(issuer.public_key())) throw CryptoError("the private key is not the issuer's");
  const openssl::Crl crl(check_not_null(X509_CRL_new(), "a revocation list"));
  const auto at = to_asn1_time(this_update);
  check(X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
            X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(&issuer.content().x509())) == 1 &&
            X509_CRL_set1_lastUpdate(crl.get(), at.get()) == 1 &&
            X509_CRL_set1_nextUpdate(crl.get(), to_asn1_time(next_update).get()) == 1,
        "a revocation list");
  for (const Certificate& certificate : revoked) add_revoked(*crl, certificate, *at);
  check(X509_CRL_sort(crl.get()) == 1, "a revocation list");
  check(X509_CRL_sign(crl.get(), issuer_key.handle(), signature_digest(issuer_key.curve())) > 0, "a list's signature");
  return RevocationList::from_der(openssl::to_der(crl.get(), i2d_X509_CRL, "a revocation list"));
}

}  // namespace crypto
