#include "nf-arpf/publish_certificates.hpp"

#include <stdexcept>

#include "lib/base/bytes.hpp"
#include "lib/base/error.hpp"

namespace arpf {
namespace {

PublishedCertificate published(const crypto::Certificate& certificate, const char* usage) {
  const auto& id = certificate.subject_key_id();
  if (!id) throw std::invalid_argument(certificate.subject() + " has no subjectKeyIdentifier of 20 octets");
  return {base::to_hex(*id), usage, certificate};
}

}  // namespace

PublishCertificates::PublishCertificates(const std::vector<crypto::Certificate>& agreement,
                                         const crypto::Certificate& endorsement) {
  for (const auto& certificate : agreement) certificates_.push_back(published(certificate, "ECKA"));
  certificates_.push_back(published(endorsement, "ECDSA"));
}

const PublishedCertificate& PublishCertificates::find(std::string_view key_id) const {
  const auto octets = base::from_hex(key_id);
  const std::string wanted = octets ? base::to_hex(*octets) : "";
  for (const auto& published : certificates_) {
    if (published.key_id == wanted) return published;
  }
  throw base::Error(base::ErrorKind::not_found, "CONTEXT_NOT_FOUND", "this ARPF has no certificate of that key id");
}

}  // namespace arpf
