#include <array>

#include "lib/service/access.hpp"

namespace service {
namespace {

constexpr Roles kAccessNetwork{Role::access_network};
constexpr Roles kAusf{Role::ausf};
constexpr Roles kCore{Role::core_function};

constexpr std::array kRules{
    // nausf-auth: challenges, and KSEAF for who has the answer to one.
    AccessRule{"POST", "/nausf-auth/v1/ue-authentications", kAccessNetwork},
    AccessRule{"POST", "/nausf-auth/v1/ue-authentications/deregister", {Role::access_network, Role::ausf, Role::core_function}},
    AccessRule{"PUT", "/nausf-auth/v1/ue-authentications/{authCtxId}/5g-aka-confirmation", kAccessNetwork},
    AccessRule{"DELETE", "/nausf-auth/v1/ue-authentications/{authCtxId}/5g-aka-confirmation", kAccessNetwork},
    AccessRule{"POST", "/nausf-auth/v1/ue-authentications/{authCtxId}/eap-session", kAccessNetwork},
    AccessRule{"DELETE", "/nausf-auth/v1/ue-authentications/{authCtxId}/eap-session", kAccessNetwork},
    AccessRule{"*", "/nausf-auth/{rest...}", kAccessNetwork},
    AccessRule{"*", "/nausf-sorprotection/{rest...}", kCore},
    AccessRule{"*", "/nausf-upuprotection/{rest...}", kCore},
    // nudm-ueau: vectors with their keys.
    AccessRule{"POST", "/nudm-ueau/v1/{supiOrSuci}/security-information/generate-auth-data", kAusf},
    AccessRule{"POST", "/nudm-ueau/v1/{supi}/hss-security-information/{hssAuthType}/generate-av", kAusf},
    AccessRule{"POST", "/nudm-ueau/v1/{supi}/auth-events", kAusf},
    AccessRule{"PUT", "/nudm-ueau/v1/{supi}/auth-events/{authEventId}", kAusf},
    AccessRule{"PUT", "/nudm-ueau/v1/{supi}/auth-events", kAusf},
    AccessRule{"*", "/nudm-ueau/{rest...}", kAusf},
    // What AMF and SMF ask of a UDM.
    AccessRule{"GET", "/nudm-sdm/v2/{supi}", kCore},
    AccessRule{"GET", "/nudm-sdm/v2/{supi}/nssai", kCore},
    AccessRule{"GET", "/nudm-sdm/v2/{supi}/am-data", kCore},
    AccessRule{"GET", "/nudm-sdm/v2/{supi}/smf-select-data", kCore},
    AccessRule{"GET", "/nudm-sdm/v2/{supi}/ue-context-in-smf-data", kCore},
    AccessRule{"GET", "/nudm-sdm/v2/{supi}/sm-data", kCore},
    AccessRule{"POST", "/nudm-sdm/v2/{supi}/sdm-subscriptions", kCore},
    AccessRule{"DELETE", "/nudm-sdm/v2/{supi}/sdm-subscriptions/{subscriptionId}", kCore},
    AccessRule{"*", "/nudm-sdm/{rest...}", kCore},
    AccessRule{"GET", "/nudm-uecm/v1/{ueId}/registrations/amf-3gpp-access", kCore},
    AccessRule{"PUT", "/nudm-uecm/v1/{ueId}/registrations/amf-3gpp-access", kCore},
    AccessRule{"PATCH", "/nudm-uecm/v1/{ueId}/registrations/amf-3gpp-access", kCore},
    AccessRule{"GET", "/nudm-uecm/v1/{ueId}/registrations/smf-registrations/{pduSessionId}", kCore},
    AccessRule{"PUT", "/nudm-uecm/v1/{ueId}/registrations/smf-registrations/{pduSessionId}", kCore},
    AccessRule{"DELETE", "/nudm-uecm/v1/{ueId}/registrations/smf-registrations/{pduSessionId}", kCore},
    AccessRule{"*", "/nudm-uecm/{rest...}", kCore},
    AccessRule{"*", "/nudm-ee/{rest...}", kCore},
    AccessRule{"*", "/nudm-pp/{rest...}", kCore},
    AccessRule{"*", "/nudm-mt/{rest...}", kCore},
    AccessRule{"*", "/nudm-niddau/{rest...}", kCore},
    AccessRule{"*", "/nudm-rsds/{rest...}", kCore},
    AccessRule{"*", "/nudm-ssau/{rest...}", kCore},
    AccessRule{"*", "/nudm-ueid/{rest...}", kCore},
    // Every function: its URI of 128 random bits is told to the NRF alone; health and metrics name nobody and hold no key.
    AccessRule{"POST", "/nf-status-notify/v1/{subscription}", {}},
    AccessRule{"GET", "/health", {}},
    AccessRule{"GET", "/metrics", {}},
};

}  // namespace

std::span<const AccessRule> core_rules() { return kRules; }

}  // namespace service
