#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/certificate.hpp"

namespace arpf {

/// A certificate of this ARPF, as step (0-a) gives it out.
struct PublishedCertificate {
  std::string key_id;  ///< hex of the subjectKeyIdentifier
  std::string usage;   ///< `ECKA` or `ECDSA`
  crypto::Certificate certificate;
};

/// Step (0-a): what a service provider fetches, CERT.ARPF.ECKA above all (PROTOCOL.md, section 8.1). Immutable.
class PublishCertificates {
 public:
  /// Throws std::invalid_argument if one has no subjectKeyIdentifier of 20 octets.
  PublishCertificates(const std::vector<crypto::Certificate>& agreement, const crypto::Certificate& endorsement);

  [[nodiscard]] const std::vector<PublishedCertificate>& all() const noexcept { return certificates_; }
  /// By key id, in either case; throws Error{not_found, CONTEXT_NOT_FOUND}.
  [[nodiscard]] const PublishedCertificate& find(std::string_view key_id) const;

 private:
  std::vector<PublishedCertificate> certificates_;
};

}  // namespace arpf
