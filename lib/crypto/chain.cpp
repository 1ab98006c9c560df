#include <openssl/pem.h>

#include <algorithm>
#include <set>

#include "lib/crypto/certificate.hpp"
#include "lib/crypto/certificate_content.hpp"
#include "lib/crypto/der.hpp"
#include "lib/crypto/files.hpp"
#include "lib/crypto/known_certificates.hpp"
#include "lib/crypto/openssl.hpp"

/// The checks of a chain, and revocation lists.
namespace crypto {

struct RevocationList::Content {
  Bytes der;
  openssl::Crl crl;
  base::Time this_update{};
  std::optional<base::Time> next_update;
  std::set<Bytes> revoked;  // DER of the serial numbers
};

namespace {

using openssl::check_not_null;

constexpr std::string_view kCrlPemBegin = "-----BEGIN X509 CRL-----";

bool begins_with_organization(const Certificate::Content& subject, const PermittedNames& permitted) {
  if (subject.organizations.size() != 1 || subject.organizations[0] != permitted.organization) return false;
  if (permitted.serial_number_prefix.empty()) return true;
  return subject.subject_serial_numbers.size() == 1 &&
         subject.subject_serial_numbers[0].starts_with(permitted.serial_number_prefix);
}

bool satisfies_name_constraints(const Certificate& subject, const Certificate& above) {
  const auto& constraints = above.content().name_constraints;
  if (!constraints) return true;
  return constraints->is_understood &&
         std::ranges::any_of(constraints->permitted, [&](const PermittedNames& permitted) {
           return begins_with_organization(subject.content(), permitted);
         });
}

bool has_what_is_not_understood(const Certificate& certificate) {
  const auto& content = certificate.content();
  return content.has_unknown_critical_extension ||
         (content.name_constraints && !content.name_constraints->is_understood);
}

// The same for the usual case, without OpenSSL: the same octets, where OpenSSL would also accept another spelling. False says nothing.
bool is_named_issuer_by_octets(const Certificate::Content& subject, const Certificate::Content& issuer) {
  if (subject.issuer_name != issuer.subject_name) return false;
  return !subject.has_authority_key_id || (subject.authority_key_id && subject.authority_key_id == issuer.subject_key_id);
}

// Names chain, and the authorityKeyIdentifier, where there is one, does not point elsewhere.
bool is_named_issuer(const Certificate& subject, const Certificate& issuer) {
  if (is_named_issuer_by_octets(subject.content(), issuer.content())) return true;
  X509* const of_subject = &subject.content().x509();
  X509* const of_issuer = &issuer.content().x509();
  if (X509_NAME_cmp(X509_get_issuer_name(of_subject), X509_get_subject_name(of_issuer)) != 0) return false;
  const openssl::Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free> key_id(
      static_cast<AUTHORITY_KEYID*>(X509_get_ext_d2i(of_subject, NID_authority_key_identifier, nullptr, nullptr)));
  return key_id == nullptr || X509_check_akid(of_issuer, key_id.get()) == X509_V_OK;
}

bool verify_signature(const Certificate& subject, const Certificate& issuer) {
  const auto& content = subject.content();
  if (!content.signed_part) return X509_verify(&content.x509(), issuer.public_key().handle()) == 1;
  const BytesView der = content.der;
  return verify_der(issuer.public_key(), der.subspan(content.signed_part->begin, content.signed_part->size),
                    der.last(content.signed_part->signature_size));
}

ChainFault check_signature(const Certificate& subject, const Certificate& issuer, KnownCertificates* known) {
  if (subject.content().signature_nid != signature_algorithm(issuer.public_key().curve())) return ChainFault::signature_algorithm;
  if (known != nullptr && known->is_signed_by(subject, issuer)) return ChainFault::none;
  if (!verify_signature(subject, issuer)) return ChainFault::bad_signature;
  if (known != nullptr) known->note_signed_by(subject, issuer);
  return ChainFault::none;
}

ChainFault check_rights(const Certificate& subject, const Certificate& issuer, KeyUsage needed) {
  if (issuer.path_length() == 0U && subject.is_ca() && !(subject == issuer)) return ChainFault::path_length;
  if (!satisfies_name_constraints(subject, issuer)) return ChainFault::name_constraint;
  return subject.has_key_usage(needed) ? ChainFault::none : ChainFault::key_usage;
}

// The extensions of a list that change what it means are refused, unless they merely say which certificates it is
// about.
bool is_understood(const X509_CRL& crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(&crl); ++i) {
    X509_EXTENSION* extension = X509_CRL_get_ext(&crl, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (nid == NID_delta_crl) return false;
    if (X509_EXTENSION_get_critical(extension) == 1 && nid != NID_issuing_distribution_point &&
        nid != NID_authority_key_identifier && nid != NID_crl_number) {
      return false;
    }
  }
  int position = -1;
  const openssl::Handle<ISSUING_DIST_POINT, ISSUING_DIST_POINT_free> point(
      static_cast<ISSUING_DIST_POINT*>(X509_CRL_get_ext_d2i(&crl, NID_issuing_distribution_point, &position, nullptr)));
  return point != nullptr ? point->indirectCRL <= 0 : position == -1;
}

bool is_understood(const X509_REVOKED& entry) {
  for (int i = 0; i < X509_REVOKED_get_ext_count(&entry); ++i) {
    if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(&entry, i)) == 1) return false;
  }
  return true;
}

Bytes serial_of(const ASN1_INTEGER& serial) { return openssl::to_der(&serial, i2d_ASN1_INTEGER, "a serial number"); }

void read_entries(X509_CRL& crl, std::set<Bytes>& out) {
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(&crl);
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    if (!is_understood(*entry))
      throw CryptoError("an entry of the revocation list is of a form that is not understood");
    out.insert(serial_of(*X509_REVOKED_get0_serialNumber(entry)));
  }
}

std::vector<RevocationList> read_lists(BytesView octets) {
  const std::string_view text = base::as_text(octets);
  std::vector<RevocationList> out;
  for (std::size_t at = text.find(kCrlPemBegin); at != std::string_view::npos; at = text.find(kCrlPemBegin, at + 1)) {
    const openssl::Bio in = openssl::read_from(octets.subspan(at));
    const openssl::Crl crl(PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr));
    out.push_back(RevocationList::from_der(openssl::to_der(check_not_null(crl.get(), "no revocation list in PEM"), i2d_X509_CRL, "a list")));
  }
  if (out.empty()) out.push_back(RevocationList::from_der(octets));
  return out;
}

// Path lengths and name constraints of what stands above the direct issuer of the certificate at `position`.
ChainFault check_ancestors(std::span<const Certificate> chain, std::size_t position) {
  for (std::size_t above = 0; above + 1 < position; ++above) {
    const auto limit = chain[above].path_length();
    if (limit && chain[position].is_ca() && position - above > *limit) return ChainFault::path_length;
    if (!satisfies_name_constraints(chain[position], chain[above])) return ChainFault::name_constraint;
  }
  return ChainFault::none;
}

}  // namespace

std::string_view describe(ChainFault fault) {
  switch (fault) {
    case ChainFault::none: return "no fault";
    case ChainFault::unsupported_key: return "a key is not on P-256, brainpoolP256r1 or P-384";
    case ChainFault::critical_extension: return "a critical extension is not understood";
    case ChainFault::wrong_issuer: return "another certificate issued it";
    case ChainFault::not_a_ca: return "the issuer may not sign certificates";
    case ChainFault::signature_algorithm:
      return "the signature algorithm is not ECDSA with the hash of the issuer's curve";
    case ChainFault::bad_signature: return "the issuer's signature does not verify";
    case ChainFault::path_length: return "the chain is longer than a path length constraint allows";
    case ChainFault::name_constraint: return "the subject is not among those that the issuer may name";
    case ChainFault::key_usage: return "the key usage does not allow this use";
    case ChainFault::not_yet_valid: return "the certificate is not valid yet";
    case ChainFault::expired: return "the certificate has expired";
    case ChainFault::revocation_list_invalid: return "the issuer's revocation list does not verify";
    case ChainFault::revocation_list_expired: return "the issuer's revocation list is out of date";
    case ChainFault::revoked: return "the certificate is revoked";
  }
  return "an unknown fault";
}

RevocationList RevocationList::from_der(BytesView der) {
  if (der.size() > kMaxFileSize) throw CryptoError("the revocation list is too large");
  const openssl::ErrorQueueGuard guard;
  const std::uint8_t* in = der.data();
  auto content = std::make_shared<Content>();
  content->crl.reset(d2i_X509_CRL(nullptr, &in, static_cast<long>(der.size())));
  X509_CRL* crl = check_not_null(content->crl.get(), "the octets are not a revocation list");
  content->der.assign(der.begin(), der.end());
  if (openssl::to_der(crl, i2d_X509_CRL, "a list") != content->der)
    throw CryptoError("the revocation list is not in DER");
  if (!is_understood(*crl)) throw CryptoError("the revocation list is of a form that is not understood");
  content->this_update = from_asn1_time(*X509_CRL_get0_lastUpdate(crl));
  if (const auto* next = X509_CRL_get0_nextUpdate(crl); next != nullptr) content->next_update = from_asn1_time(*next);
  read_entries(*crl, content->revoked);
  return RevocationList(std::move(content));
}

std::vector<RevocationList> RevocationList::load_all(const std::string& path) {
  const openssl::ErrorQueueGuard guard;
  return read_named_file(path, read_lists);
}

const Bytes& RevocationList::der() const noexcept { return content_->der; }

bool RevocationList::is_named_for(const Certificate& issuer) const {
  return X509_NAME_cmp(X509_CRL_get_issuer(content_->crl.get()), X509_get_subject_name(&issuer.content().x509())) ==
         0;
}

ChainFault RevocationList::check(const Certificate& subject, const Certificate& issuer, base::Time at,
                                 KnownCertificates* known) const {
  const openssl::ErrorQueueGuard guard;
  X509_CRL* const crl = content_->crl.get();
  if (!is_named_for(issuer) || !issuer.has_usable_key() || !issuer.has_key_usage(KeyUsage::crl_sign)) {
    return ChainFault::revocation_list_invalid;
  }
  const PublicKey& key = issuer.public_key();
  if (X509_CRL_get_signature_nid(crl) != signature_algorithm(key.curve())) return ChainFault::revocation_list_invalid;
  if (known == nullptr || !known->is_signed_by(*this, issuer)) {
    if (X509_CRL_verify(crl, key.handle()) != 1) return ChainFault::revocation_list_invalid;
    if (known != nullptr) known->note_signed_by(*this, issuer);
  }
  const ChainFault dates = check_dates(*this, at);
  if (dates == ChainFault::revocation_list_invalid) return dates;
  if (content_->revoked.contains(der::encode(der::kInteger, {subject.serial_number()}))) return ChainFault::revoked;
  return dates;
}

ChainFault check_dates(const RevocationList& list, base::Time at) {
  const RevocationList::Content& content = *list.content();
  if (at < content.this_update) return ChainFault::revocation_list_invalid;
  const bool is_current = content.next_update && at < *content.next_update + std::chrono::seconds(1);
  return is_current ? ChainFault::none : ChainFault::revocation_list_expired;
}

ChainFault check_dates(const Certificate& certificate, base::Time at) {
  if (at < certificate.not_before()) return ChainFault::not_yet_valid;
  return at < certificate.not_after() + std::chrono::seconds(1) ? ChainFault::none : ChainFault::expired;
}

ChainFault check_issued_by(const Certificate& subject, const Certificate& issuer, base::Time at, KeyUsage needed,
                           std::span<const RevocationList> lists, KnownCertificates* known) {
  const openssl::ErrorQueueGuard guard;
  if (!subject.has_usable_key() || !issuer.has_usable_key()) return ChainFault::unsupported_key;
  if (has_what_is_not_understood(subject) || has_what_is_not_understood(issuer)) return ChainFault::critical_extension;
  if (!is_named_issuer(subject, issuer)) return ChainFault::wrong_issuer;
  if (!issuer.is_ca() || !issuer.has_key_usage(KeyUsage::key_cert_sign)) return ChainFault::not_a_ca;
  if (const auto fault = check_signature(subject, issuer, known); fault != ChainFault::none) return fault;
  if (const auto fault = check_rights(subject, issuer, needed); fault != ChainFault::none) return fault;
  if (const auto fault = check_dates(subject, at); fault != ChainFault::none) return fault;
  for (const RevocationList& list : lists) {
    if (!list.is_named_for(issuer)) continue;
    if (const auto fault = list.check(subject, issuer, at, known); fault != ChainFault::none) return fault;
  }
  return ChainFault::none;
}

ChainVerdict check_chain(std::span<const Certificate> chain, base::Time at, KeyUsage needed,
                         std::span<const RevocationList> lists, KnownCertificates* known) {
  if (chain.size() < 2) return {ChainFault::wrong_issuer, 0};
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const auto above = chain.first(i);
    if (std::find(above.begin(), above.end(), chain[i]) != above.end()) return {ChainFault::wrong_issuer, i};
    const KeyUsage needed_here = i + 1 == chain.size() ? needed : KeyUsage::key_cert_sign;
    if (const auto fault = check_issued_by(chain[i], chain[i - 1], at, needed_here, lists, known); fault != ChainFault::none) {
      return {fault, i};
    }
    if (const auto fault = check_ancestors(chain, i); fault != ChainFault::none) return {fault, i};
  }
  return {};
}

}  // namespace crypto
