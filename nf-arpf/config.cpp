#include "nf-arpf/config.hpp"

#include <algorithm>

#include "lib/service/key_files.hpp"
#include "lib/service/routing_config.hpp"

namespace arpf {
namespace {

/// The extended key usage of CERT.ARPF.ECDSA (PROTOCOL.md, section 3).
constexpr std::string_view kEndorsementUsage = "2.25.166299093133829758407982659247061036885";

void check_agreement(const service::Section& section, const service::KeyPair& pair) {
  if (!pair.certificate.has_key_usage(crypto::KeyUsage::key_agreement)) {
    section.problem("certificate", "CERT.ARPF.ECKA must have the key usage keyAgreement");
  }
  if (!pair.certificate.subject_key_id()) {
    section.problem("certificate", "CERT.ARPF.ECKA must have a subjectKeyIdentifier of 20 octets");
  }
}

void check_endorsement(const service::Section& section, const service::KeyPair& pair, const std::string& uri) {
  const auto& certificate = pair.certificate;
  if (!certificate.has_key_usage(crypto::KeyUsage::digital_signature)) {
    section.problem("certificate", "CERT.ARPF.ECDSA must have the key usage digitalSignature");
  }
  if (!certificate.has_extended_key_usage(kEndorsementUsage)) {
    section.problem("certificate", "CERT.ARPF.ECDSA must have the extended key usage " + std::string(kEndorsementUsage));
  }
  if (!certificate.subject_key_id()) {
    section.problem("certificate", "CERT.ARPF.ECDSA must have a subjectKeyIdentifier of 20 octets, by which it is published");
  }
  if (std::find(certificate.uris().begin(), certificate.uris().end(), uri) == certificate.uris().end()) {
    section.problem("certificate", "CERT.ARPF.ECDSA must have the subjectAltName URI " + uri);
  }
}

std::shared_ptr<const Trust> read_trust(const service::Section& arpf, const service::Tokens& tokens) {
  std::vector<OwnKey> agreement_keys;
  for (const service::Section& section : arpf.sections("agreement_keys", true)) {
    // One whose certificate has expired still opens the tokens that were made for it.
    const auto pair = service::read_key_pair(section, service::Dates::do_not_matter, tokens);
    if (!pair) continue;
    check_agreement(section, *pair);
    agreement_keys.push_back({pair->certificate, pair->key});
  }
  const service::Section endorsement = arpf.section("endorsement_key", true);
  const auto pair = service::read_key_pair(endorsement, service::Dates::matter, tokens);
  const std::string uri = arpf.text("uri");
  if (pair) check_endorsement(endorsement, *pair, uri);

  auto agreed_issuers = service::read_certificates(arpf, "agreed_issuers");
  if (!arpf.has("agreed_issuers")) arpf.problem("agreed_issuers", "is missing: no device would be accepted");
  auto operator_issuers = service::read_certificates(arpf, "operator_issuers");
  if (!arpf.has("operator_issuers")) arpf.problem("operator_issuers", "is missing: no operator would be trusted");
  auto lists = std::make_shared<RevocationLists>(arpf.texts("revocation_lists"),
                                                 service::read_revocation_lists(arpf, "revocation_lists"));
  const auto is_named_for_one_of = [](const crypto::RevocationList& list, const std::vector<crypto::Certificate>& issuers) {
    return std::any_of(issuers.begin(), issuers.end(), [&list](const auto& issuer) { return list.is_named_for(issuer); });
  };
  for (const auto& list : *lists->current()) {
    if (is_named_for_one_of(list, agreed_issuers) || is_named_for_one_of(list, operator_issuers)) continue;
    arpf.warning("revocation_lists", "one of them is a list of none of agreed_issuers and operator_issuers: of use only if its issuer stands below one of these");
  }
  auto offer_signers = read_offer_signers(arpf);
  if (!pair) return nullptr;
  return std::make_shared<const Trust>(Trust{std::move(agreed_issuers), std::move(operator_issuers), std::move(lists),
                                             std::move(agreement_keys), OwnKey{pair->certificate, pair->key}, std::move(offer_signers)});
}

}  // namespace

std::optional<std::vector<OfferSigner>> read_offer_signers(const service::Section& arpf) {
  if (!arpf.has("offer_authorization")) return std::nullopt;
  const service::Section section = arpf.section("offer_authorization");
  if (!section.has("service_providers")) section.problem("service_providers", "is missing: no key would be released");
  std::vector<OfferSigner> signers;
  if (section.has_maps("service_providers")) {
    for (const service::Section& entry : section.sections("service_providers")) {
      auto certificate = service::read_certificate(entry, "certificate", service::Dates::matter);
      auto ranges = service::read_imsi_ranges(entry, "dimsi_ranges", "leave it out for a provider that may authorize any dIMSI");
      if (certificate) signers.push_back({*std::move(certificate), std::move(ranges)});
    }
  } else {
    for (auto& certificate : service::read_certificates(section, "service_providers")) signers.push_back({std::move(certificate)});
  }
  for (const OfferSigner& signer : signers) {
    if (signer.certificate.has_key_usage(crypto::KeyUsage::digital_signature)) continue;
    section.problem("service_providers", "a service provider's certificate must have the key usage digitalSignature");
  }
  return signers;
}

service::Access access_of(const Config& config) {
  service::Access access;
  for (const auto& [peer, operator_id] : config.operators_by_peer) access.add(peer, service::Role::mobile_operator);
  for (const std::string& peer : config.administrators) access.add(peer, service::Role::administrator);
  return access;
}

Config read_config(const service::Section& root) {
  Config config;
  config.common = service::read_common(root, "arpf");
  const service::Section arpf = root.section("arpf");
  config.trust = read_trust(arpf, service::read_tokens(root));
  for (const service::Section& peer : arpf.sections("operators")) {
    const auto [entry, is_new] = config.operators_by_peer.emplace(peer.text("peer"), peer.text("operator"));
    if (!is_new) peer.problem("peer", entry->first + " has an entry already");
  }
  const auto administrators = arpf.texts("administrators");
  config.administrators.insert(administrators.begin(), administrators.end());
  const bool is_open = config.administrators.contains("*") || config.operators_by_peer.contains("*");
  if (is_open) arpf.problem(config.administrators.contains("*") ? "administrators" : "operators", "* stands for nobody here: name the peers");
  for (const char* key : {"operators", "administrators"}) service::require_known_peers(arpf, key, config.common);
  if (config.common.knows_peers) service::require_somebody(arpf, "operators", access_of(config), {service::Role::mobile_operator});
  return config;
}

}  // namespace arpf
