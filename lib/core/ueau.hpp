#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/aka/auts.hpp"
#include "lib/aka/eap_aka_prime.hpp"
#include "lib/aka/key_hierarchy.hpp"
#include "lib/aka/milenage.hpp"
#include "lib/aka/suci_concealment.hpp"
#include "lib/aka/supi_or_suci.hpp"
#include "lib/profile/identity.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/message.hpp"

/// The messages of Nausf_UEAuthentication (TS 29.509) and Nudm_UEAuthentication (TS 29.503), read and written: what
/// nf-d-ausf and nf-ausf-ext share.
namespace core {

/// A subscriber as a peer names it.
struct Subscriber {
  profile::Imsi imsi;
  bool came_as_suci = false;  ///< then the answer tells the SUPI (TS 33.501, 6.1.3.2.0)
};

/// What a peer names a subscriber by, before anything is deconcealed: enough to route by.
using Identity = std::variant<profile::Imsi, aka::Suci>;

/// Reads a SUPI or a SUCI, of whatever scheme; `param` names it in the error. Throws Error: 400 for what is neither.
Identity read_identity(std::string_view text, const std::string& param);

/// The subscriber of an identity, its SUCI deconcealed. Throws Error, with `param`: 403 INVALID_HN_PUBLIC_KEY_IDENTIFIER, 403
/// INVALID_SCHEME_OUTPUT, 501 UNSUPPORTED_PROTECTION_SCHEME (aka::SuciError), and 400 for a null scheme of no IMSI.
Subscriber subscriber_of(const Identity& identity, const std::string& param, const aka::HomeNetworkKeys& keys);

/// The two above, one after the other.
Subscriber read_subscriber(const std::string& text, const std::string& param, const aka::HomeNetworkKeys& keys);

/// ResynchronizationInfo (TS 29.503, 6.1.6.2.4).
struct Resynchronization {
  aka::Rand rand;
  aka::Auts auts;
};
/// The member resynchronizationInfo of a body, if it is there. Throws Error{bad_request} with the member named.
std::optional<Resynchronization> read_resynchronization(const sbi::JsonObject& object);

/// AuthenticationInfo (TS 29.509, 6.1.6.2.2) and AuthenticationInfoRequest (TS 29.503, 6.3.6.2.2): what both need.
struct AuthenticationRequest {
  Subscriber subscriber;
  std::string serving_network_name;
  std::optional<Resynchronization> resynchronization;
  bool is_onboarding = false;    ///< onboardingInd: the UE wants to be led to its provisioning server
  std::string ausf_instance_id;  ///< of generate-auth-data
};

/// Where a device finds its provisioning server (TS 29.571, ServerAddressingInfo): in 5G onboarding, the RSMF. At least one of
/// the lists has an entry.
struct ProvisioningServer {
  std::vector<std::string> ipv4_addresses;
  std::vector<std::string> ipv6_addresses;
  std::vector<std::string> fqdns;
};
/// pvsInfo; empty: it is left out.
using ProvisioningServers = std::vector<ProvisioningServer>;

/// The body of POST ue-authentications. Throws Error{bad_request} with the member named; what subscriber_of throws, last of all.
AuthenticationRequest read_authentication_info(const sbi::Request& request, const aka::HomeNetworkKeys& keys);
/// The body and path of POST {supiOrSuci}/security-information/generate-auth-data; as above.
AuthenticationRequest read_generate_auth_data(const sbi::Request& request, const aka::HomeNetworkKeys& keys);

/// A 5G AKA challenge for the SEAF.
struct Challenge {
  aka::Rand rand;
  std::array<std::uint8_t, 16> autn;
  aka::HresStar hxres_star;
};

/// The absolute URI of an authentication context: {apiRoot}/nausf-auth/v1/ue-authentications/{authCtxId}.
std::string context_uri(const sbi::Request& request, const std::string& context_id);

/// 201 UEAuthenticationCtx (TS 29.509, 6.1.6.2.3), whose links are absolute and of one origin with Location.
sbi::Response ue_authentication_context(const sbi::Request& request, const std::string& context_id, const Challenge& challenge);

/// ConfirmationData: the 16 octets of RES*; nothing if it is null. Throws Error{bad_request}.
std::optional<aka::ResStar> read_confirmation(const sbi::Request& request);

/// 200 ConfirmationDataResponse with AUTHENTICATION_FAILURE.
sbi::Response authentication_failure();

/// 200 ConfirmationDataResponse with AUTHENTICATION_SUCCESS, KSEAF, and the SUPI if the peer may know it.
sbi::Response authentication_success(const std::optional<profile::Imsi>& supi, const aka::Kseaf& kseaf,
                                     const ProvisioningServers& servers);

/// A 5G HE AV, its keys seen where they are.
struct HomeEnvironmentVectorView {
  aka::Rand rand;
  std::array<std::uint8_t, 16> autn;
  const aka::ResStar& xres_star;
  const aka::Kausf& kausf;
};
/// 200 AuthenticationInfoResult (TS 29.503) with 5G_AKA.
sbi::Response authentication_info_result(const profile::Imsi& supi, const HomeEnvironmentVectorView& vector,
                                         const ProvisioningServers& servers = {});
/// 200 AuthenticationInfoResult with EAP_AKA_PRIME.
sbi::Response authentication_info_result(const profile::Imsi& supi, const aka::TransformedVector& vector,
                                         const ProvisioningServers& servers);

/// The variable {supi} of a path, which is no SUCI. Throws Error{bad_request} that names it.
profile::Imsi read_supi(const sbi::Request& request);

/// DeregistrationInfo (TS 29.509), the body of POST ue-authentications/deregister: whose keys are to be forgotten.
/// Throws Error{bad_request} with the member named, for a SUCI too.
profile::Imsi read_deregistration_info(const sbi::Request& request);

/// AuthEvent (TS 29.503, 6.3.6.2.7): what an AUSF says of an authentication.
struct AuthEvent {
  profile::Imsi imsi;  ///< {supi} of the path
  bool is_success = false;
  bool is_removal = false;
  std::string serving_network_name;
};
/// Throws Error{bad_request} with the member named.
AuthEvent read_auth_event(const sbi::Request& request);
/// The answer to an event: 201 with the event and its Location. It is checked by form; the caller has read {supi}.
sbi::Response auth_event_created(const sbi::Request& request);
/// The same event, taken back with authRemovalInd, checked by form; the answer is 204.
sbi::Response auth_event_removed(const sbi::Request& request);

}  // namespace core
