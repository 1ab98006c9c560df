#include "lib/crypto/certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "lib/crypto/certificate_content.hpp"
#include "lib/crypto/der.hpp"
#include "lib/crypto/files.hpp"
#include "lib/crypto/openssl.hpp"
#include "lib/crypto/strict_certificate.hpp"

namespace crypto {
namespace {

using openssl::check;
using openssl::check_not_null;

constexpr std::string_view kCertificatePemBegin = "-----BEGIN CERTIFICATE-----";

using AuthorityKeyId = openssl::Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using Asn1String = openssl::Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using GeneralNameList = openssl::Handle<GENERAL_NAMES, GENERAL_NAMES_free>;
using NameConstraintList = openssl::Handle<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;
using ObjectIdList = openssl::Handle<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;

BytesView view_of(const ASN1_STRING& string) {
  return {ASN1_STRING_get0_data(&string), static_cast<std::size_t>(ASN1_STRING_length(&string))};
}

// An extension in its parsed form; null if it is not there. Throws if it does not parse or stands there twice.
template <class Owned>
Owned find_extension(const X509& x509, int nid) {
  int position = -1;
  void* found = X509_get_ext_d2i(&x509, nid, &position, nullptr);
  if (found == nullptr && position != -1) openssl::fail("an extension of the certificate does not parse or is doubled");
  return Owned(static_cast<typename Owned::pointer>(found));
}

std::string utf8_of(const ASN1_STRING& string) {
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, &string);
  if (size < 0) openssl::fail("an attribute of a name is not text");
  std::string out(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return out;
}

std::vector<std::string> attributes_of(const X509_NAME& name, int nid) {
  std::vector<std::string> out;
  for (int at = X509_NAME_get_index_by_NID(&name, nid, -1); at >= 0; at = X509_NAME_get_index_by_NID(&name, nid, at)) {
    out.push_back(utf8_of(*X509_NAME_ENTRY_get_data(X509_NAME_get_entry(&name, at))));
  }
  return out;
}

std::string text_of(const X509_NAME& name) {
  const openssl::Bio out(check_not_null(BIO_new(BIO_s_mem()), "a memory BIO"));
  check(X509_NAME_print_ex(out.get(), &name, 0, XN_FLAG_RFC2253) >= 0, "a name");
  return std::string(base::as_text(openssl::octets_of(*out)));
}

std::string dotted(const ASN1_OBJECT& object) {
  std::array<char, 256> text{};
  const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), &object, 1);
  if (size <= 0 || static_cast<std::size_t>(size) >= text.size()) openssl::fail("an object identifier is too long");
  return {text.data(), static_cast<std::size_t>(size)};
}

// The extensions that this library reads, or may disregard (certificatePolicies, see check_issued_by).
bool is_understood(int nid) {
  switch (nid) {
    case NID_basic_constraints:
    case NID_key_usage:
    case NID_ext_key_usage:
    case NID_subject_alt_name:
    case NID_name_constraints:
    case NID_certificate_policies:
    case NID_subject_key_identifier:
    case NID_authority_key_identifier: return true;
    default: return false;
  }
}

// Also refuses an extension that stands there twice, known or not (RFC 5280, 4.2).
bool finds_unknown_critical_extension(const X509& x509) {
  bool found = false;
  const int count = X509_get_ext_count(&x509);
  for (int i = 0; i < count; ++i) {
    X509_EXTENSION* extension = X509_get_ext(&x509, i);
    ASN1_OBJECT* object = X509_EXTENSION_get_object(extension);
    if (X509_get_ext_by_OBJ(&x509, object, i) != -1) throw CryptoError("the certificate has an extension twice");
    if (X509_EXTENSION_get_critical(extension) == 1 && !is_understood(OBJ_obj2nid(object))) found = true;
  }
  return found;
}

// One permitted name: RDNs of one attribute each, one organization and at most one serialNumber.
bool read_permitted_name(const GENERAL_SUBTREE& subtree, NameConstraints& out) {
  const bool has_distances =
      (subtree.minimum != nullptr && ASN1_INTEGER_get(subtree.minimum) != 0) || subtree.maximum != nullptr;
  if (has_distances || subtree.base->type != GEN_DIRNAME) return false;
  const X509_NAME& name = *subtree.base->d.directoryName;
  const auto organizations = attributes_of(name, NID_organizationName);
  const auto serial_numbers = attributes_of(name, NID_serialNumber);
  if (organizations.size() != 1 || serial_numbers.size() > 1) return false;
  if (static_cast<std::size_t>(X509_NAME_entry_count(&name)) != organizations.size() + serial_numbers.size())
    return false;
  out.permitted.push_back({organizations[0], serial_numbers.empty() ? std::string() : serial_numbers[0]});
  return true;
}

std::optional<NameConstraints> read_name_constraints(const X509& x509) {
  const auto found = find_extension<NameConstraintList>(x509, NID_name_constraints);
  if (!found) return std::nullopt;
  NameConstraints out;
  out.is_understood = found->excludedSubtrees == nullptr && sk_GENERAL_SUBTREE_num(found->permittedSubtrees) > 0;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(found->permittedSubtrees); ++i) {
    const GENERAL_SUBTREE* subtree = sk_GENERAL_SUBTREE_value(found->permittedSubtrees, i);
    out.is_understood = read_permitted_name(*subtree, out) && out.is_understood;
  }
  return out;
}

void read_alternative_names(const X509& x509, Certificate::Content& out) {
  const auto names = find_extension<GeneralNameList>(x509, NID_subject_alt_name);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) out.uris.emplace_back(base::as_text(view_of(*name->d.uniformResourceIdentifier)));
    if (name->type == GEN_DNS) out.dns_names.emplace_back(base::as_text(view_of(*name->d.dNSName)));
  }
}

void read_authority_key_id(const X509& x509, Certificate::Content& out) {
  const auto id = find_extension<AuthorityKeyId>(x509, NID_authority_key_identifier);
  out.has_authority_key_id = id != nullptr;
  if (id == nullptr || id->keyid == nullptr || id->issuer != nullptr || id->serial != nullptr) return;
  const BytesView octets = view_of(*id->keyid);
  if (octets.size() == KeyId{}.size()) std::ranges::copy(octets, out.authority_key_id.emplace().begin());
}

void read_extensions(X509& x509, Certificate::Content& out) {
  const std::uint32_t flags = X509_get_extension_flags(&x509);
  if ((flags & EXFLAG_INVALID) != 0) openssl::fail("the certificate's extensions are not valid");
  out.has_unknown_critical_extension = finds_unknown_critical_extension(x509);
  out.key_usage_bits = (flags & EXFLAG_KUSAGE) != 0 ? X509_get_key_usage(&x509) : 0;
  out.is_ca = (flags & EXFLAG_CA) != 0;
  if (const long length = X509_get_pathlen(&x509); out.is_ca && length >= 0)
    out.path_length = static_cast<unsigned>(length);
  if (const auto id = find_extension<Asn1String>(x509, NID_subject_key_identifier)) {
    const BytesView octets = view_of(*id);
    if (octets.size() == KeyId{}.size()) std::ranges::copy(octets, out.subject_key_id.emplace().begin());
  }
  read_authority_key_id(x509, out);
  const auto usages = find_extension<ObjectIdList>(x509, NID_ext_key_usage);
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    out.extended_key_usages.push_back(dotted(*sk_ASN1_OBJECT_value(usages.get(), i)));
  }
  read_alternative_names(x509, out);
  out.name_constraints = read_name_constraints(x509);
}

void read_fields(X509& x509, Certificate::Content& out) {
  out.signature_nid = X509_get_signature_nid(&x509);
  out.not_before = from_asn1_time(*X509_get0_notBefore(&x509));
  out.not_after = from_asn1_time(*X509_get0_notAfter(&x509));
  const X509_NAME& subject = *X509_get_subject_name(&x509);
  out.organizations = attributes_of(subject, NID_organizationName);
  out.subject_serial_numbers = attributes_of(subject, NID_serialNumber);
  out.subject_name = openssl::to_der(&subject, i2d_X509_NAME, "a name");
  const Bytes serial = openssl::to_der(X509_get0_serialNumber(&x509), i2d_ASN1_INTEGER, "a serial number");
  out.issuer_name = openssl::to_der(X509_get_issuer_name(&x509), i2d_X509_NAME, "a name");
  out.issuer_and_serial = der::encode(der::kSequence, {out.issuer_name, serial});
  const BytesView content = der::Reader(serial).take(der::kInteger);
  out.serial_number.assign(content.begin(), content.end());
}

}  // namespace

openssl::Handle<ASN1_TIME, ASN1_TIME_free> to_asn1_time(base::Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  return openssl::Handle<ASN1_TIME, ASN1_TIME_free>(check_not_null(ASN1_TIME_set(nullptr, seconds), "a time"));
}

base::Time from_asn1_time(const ASN1_TIME& time) {
  const int size = ASN1_STRING_length(&time);
  const bool is_whole = size == (ASN1_STRING_type(&time) == V_ASN1_UTCTIME ? 13 : 15);
  std::tm civil{};
  if (!is_whole || ASN1_STRING_get0_data(&time)[size - 1] != 'Z' || ASN1_TIME_to_tm(&time, &civil) != 1) {
    openssl::fail("a time is not of the form that RFC 5280 demands");
  }
  const std::chrono::year_month_day day{std::chrono::year(civil.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(civil.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(civil.tm_mday))};
  // In milliseconds throughout: the clock's own nanoseconds end in the year 2262.
  const auto days = std::chrono::sys_days(day).time_since_epoch();
  return base::Time(std::chrono::milliseconds(days) + std::chrono::hours(civil.tm_hour) +
                    std::chrono::minutes(civil.tm_min) + std::chrono::seconds(civil.tm_sec));
}

std::uint32_t bits_of(KeyUsage usage) {
  switch (usage) {
    case KeyUsage::digital_signature: return KU_DIGITAL_SIGNATURE;
    case KeyUsage::key_agreement: return KU_KEY_AGREEMENT;
    case KeyUsage::key_cert_sign: return KU_KEY_CERT_SIGN;
    case KeyUsage::crl_sign: return KU_CRL_SIGN;
  }
  throw CryptoError("no such key usage");
}

int signature_algorithm(Curve curve) { return curve == Curve::p384 ? NID_ecdsa_with_SHA384 : NID_ecdsa_with_SHA256; }

const EVP_MD* signature_digest(Curve curve) { return curve == Curve::p384 ? EVP_sha384() : EVP_sha256(); }

void Certificate::Content::keep(openssl::X509Certificate x509) const {
  // Lets OpenSSL read and keep what it wants of the extensions now, before threads share the object.
  static_cast<void>(X509_get_extension_flags(x509.get()));
  subject_ = text_of(*X509_get_subject_name(x509.get()));
  x509_ = std::move(x509);
}

void Certificate::Content::set_x509(X509& x509) {
  check(X509_up_ref(&x509) == 1, "a certificate");
  keep(openssl::X509Certificate(&x509));
}

void Certificate::Content::parse_once() const {
  std::call_once(once_, [this] {
    if (x509_ != nullptr) return;
    const openssl::ErrorQueueGuard guard;
    const std::uint8_t* in = der.data();
    openssl::X509Certificate x509(d2i_X509(nullptr, &in, static_cast<long>(der.size())));
    check_not_null(x509.get(), "the octets are not a certificate");
    keep(std::move(x509));
  });
}

X509& Certificate::Content::x509() const {
  parse_once();
  return *x509_;
}

const std::string& Certificate::Content::subject() const {
  parse_once();
  return subject_;
}

std::optional<PublicKey> Certificate::read_key(Content& content) {
  const openssl::ErrorQueueGuard guard;
  std::shared_ptr<EVP_PKEY> key(X509_get_pubkey(&content.x509()), EVP_PKEY_free);
  if (key == nullptr) return std::nullopt;
  try {
    return PublicKey::from_handle(std::move(key));
  } catch (const CryptoError&) {
    return std::nullopt;
  }
}

Certificate Certificate::from_handle(x509_st& x509) {
  const openssl::ErrorQueueGuard guard;
  auto content = std::make_shared<Content>();
  content->set_x509(x509);
  content->der = openssl::to_der(&x509, i2d_X509, "a certificate");
  if (X509_get_version(&x509) != X509_VERSION_3) throw CryptoError("the certificate is not of version 3");
  read_fields(x509, *content);
  read_extensions(x509, *content);
  content->key = read_key(*content);
  return Certificate(std::move(content));
}

Certificate Certificate::from_der(BytesView der) {
  if (der.size() > kMaxFileSize) throw CryptoError("the certificate is too large");
  auto content = std::make_shared<Content>();
  return read_strictly(der, *content) ? Certificate(std::move(content)) : parse_by_openssl(der);
}

Certificate Certificate::parse_by_openssl(BytesView der) {
  if (der.size() > kMaxFileSize) throw CryptoError("the certificate is too large");
  const openssl::ErrorQueueGuard guard;
  const std::uint8_t* in = der.data();
  const openssl::X509Certificate x509(d2i_X509(nullptr, &in, static_cast<long>(der.size())));
  Certificate certificate = from_handle(*check_not_null(x509.get(), "the octets are not a certificate"));
  // What is signed is kept as it came; this finds other octets that stand for the same, and trailing ones.
  if (!std::ranges::equal(certificate.der(), der)) throw CryptoError("the certificate is not in DER");
  return certificate;
}

Certificate Certificate::from_pem(std::string_view pem) {
  const openssl::ErrorQueueGuard guard;
  const auto begin = pem.find(kCertificatePemBegin);
  if (begin == std::string_view::npos) throw CryptoError("there is no certificate in the text");
  if (pem.find(kCertificatePemBegin, begin + 1) != std::string_view::npos)
    throw CryptoError("there are several certificates in the text");
  const openssl::Bio in = openssl::read_from(base::as_bytes(pem.substr(begin)));
  unsigned char* der = nullptr;
  long size = 0;
  check(PEM_bytes_read_bio(&der, &size, nullptr, PEM_STRING_X509, in.get(), nullptr, nullptr) == 1,
        "no certificate in PEM");
  const Bytes octets(der, der + size);
  OPENSSL_free(der);
  return from_der(octets);
}

Certificate Certificate::load(const std::string& path) {
  return read_named_file(path, [](BytesView octets) {
    const std::string_view text = base::as_text(octets);
    return text.find(kCertificatePemBegin) != std::string_view::npos ? from_pem(text) : from_der(octets);
  });
}

const Bytes& Certificate::der() const noexcept { return content_->der; }

std::string Certificate::pem() const {
  const openssl::Bio out(check_not_null(BIO_new(BIO_s_mem()), "a memory BIO"));
  check(PEM_write_bio_X509(out.get(), &content_->x509()) == 1, "a certificate in PEM");
  return std::string(base::as_text(openssl::octets_of(*out)));
}

const PublicKey& Certificate::public_key() const {
  if (!content_->key) throw CryptoError("the certificate's key is not on P-256, brainpoolP256r1 or P-384");
  return *content_->key;
}

bool Certificate::has_usable_key() const noexcept { return content_->key.has_value(); }
const std::optional<KeyId>& Certificate::subject_key_id() const noexcept { return content_->subject_key_id; }
base::Time Certificate::not_before() const noexcept { return content_->not_before; }
base::Time Certificate::not_after() const noexcept { return content_->not_after; }
const std::vector<std::string>& Certificate::organizations() const noexcept { return content_->organizations; }
const std::string& Certificate::subject() const { return content_->subject(); }
const Bytes& Certificate::serial_number() const noexcept { return content_->serial_number; }
const Bytes& Certificate::issuer_and_serial() const noexcept { return content_->issuer_and_serial; }
const std::vector<std::string>& Certificate::uris() const noexcept { return content_->uris; }
const std::vector<std::string>& Certificate::dns_names() const noexcept { return content_->dns_names; }
bool Certificate::is_ca() const noexcept { return content_->is_ca; }
std::optional<unsigned> Certificate::path_length() const noexcept { return content_->path_length; }

std::optional<std::string> Certificate::subject_serial_number() const {
  if (content_->subject_serial_numbers.size() != 1) return std::nullopt;
  return content_->subject_serial_numbers[0];
}

bool Certificate::has_key_usage(KeyUsage usage) const noexcept {
  return (content_->key_usage_bits & bits_of(usage)) != 0;
}

bool Certificate::has_extended_key_usage(std::string_view oid) const noexcept {
  const auto& usages = content_->extended_key_usages;
  return std::find(usages.begin(), usages.end(), oid) != usages.end();
}

}  // namespace crypto
