#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/core/ueau.hpp"

/// The messages of Nausf_UEAuthentication that carry EAP (TS 29.509): the context, the session, its end; and pvsInfo.
namespace core {

/// Where a device finds its provisioning server (TS 29.571, ServerAddressingInfo): in 5G onboarding, the RSMF. At least one of
/// the lists has an entry.
struct ProvisioningServer {
  std::vector<std::string> ipv4_addresses;
  std::vector<std::string> ipv6_addresses;
  std::vector<std::string> fqdns;
};
using ProvisioningServers = std::vector<ProvisioningServer>;

/// 201 UEAuthenticationCtx with EAP_AKA_PRIME and the first EAP request.
sbi::Response eap_authentication_context(const sbi::Request& request, const std::string& context_id, base::BytesView packet);

/// The EAP packet of an EapSession; empty if eapPayload is null or empty. Throws Error{bad_request}.
base::Bytes read_eap_session(const sbi::Request& request);

/// 200 EapSession with the next EAP request, AUTHENTICATION_ONGOING.
sbi::Response eap_session_ongoing(const sbi::Request& request, const std::string& context_id, base::BytesView packet);
/// 200 EapSession with EAP-Failure.
sbi::Response eap_session_failure(base::BytesView packet);
/// 200 EapSession with EAP-Success, KSEAF (spelled kSeaf here), and the SUPI if the peer may know it.
sbi::Response eap_session_success(base::BytesView packet, const std::optional<profile::Imsi>& supi, const aka::Kseaf& kseaf,
                                  const ProvisioningServers& servers);

/// The SUPI of a DeregistrationInfo. Throws Error{bad_request}.
profile::Imsi read_deregistration(const sbi::Request& request);

/// True if `onboardingInd` is set in the body of ue-authentications.
bool is_onboarding(const sbi::Request& request);

}  // namespace core
