#pragma once

#include <optional>
#include <string>

#include "lib/base/bytes.hpp"
#include "lib/core/ueau.hpp"

/// The messages of Nausf_UEAuthentication that carry EAP (TS 29.509): the context, the session, its end.
namespace core {

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

}  // namespace core
