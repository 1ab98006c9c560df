#pragma once

#include <optional>
#include <string>

#include "lib/crypto/certificate.hpp"
#include "lib/profile/discovery_vector.hpp"
#include "lib/sbi/message.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/tell_udm.hpp"

/// The JSON that nf-ausf-ext sends to its peers, and reads from them.
namespace ausf_ext {

/// The body of retrieve-key at an ARPF (PROTOCOL.md, section 8.1).
std::string write_key_request(const OfferedArpf& offered, const crypto::Certificate& operator_certificate);

/// The answer to it: both DER.
struct KeyAnswer {
  base::Bytes encrypted_key;
  base::Bytes endorsement;
};
/// Throws base::Error{bad_request} that names the member at fault.
KeyAnswer read_key_answer(const std::string& body);

/// The body of PUT vectors/{dimsi} at the D-AUSF (section 8.2). `notification_uri`: where it is to tell of the receipt, if anywhere.
std::string write_vector(const profile::DiscoveryVector& vector, const profile::Imsi& imsi, const profile::ReceiptHash& receipt_hash,
                         const std::optional<std::string>& notification_uri);

/// Why a 2xx to it does not say that the D-AUSF has the vector; empty if it does: 200 or 201, with the vector's ETag. The record may be left out
/// of the body; what is there and is no JSON object is somebody else's, a proxy's page, which may well have an ETag.
std::string fault_of_vector_answer(const sbi::Response& answer);

/// The notification of the RSMF (section 10).
std::string write_notification(const profile::DiscoveryImsi& dimsi, const profile::Imsi& imsi,
                               const std::string& serving_network_name, base::Time at);

/// AuthEvent for an existing UDM (TS 29.503, 6.3.6.2.7).
std::string write_auth_event(const std::string& nf_instance_id, const TellUdm::Event& event, bool is_removal);

}  // namespace ausf_ext
