#pragma once

#include <array>

#include "lib/service/access.hpp"

namespace arpf {

/// Who may call which route of nf-arpf. An operator sees and changes its own claims only: claims.cpp.
inline constexpr std::array kAccessRules{
    service::AccessRule{"GET", "/narpf-certificates/v1/certificates", {}},
    service::AccessRule{"GET", "/narpf-certificates/v1/certificates/{keyId}", {}},
    service::AccessRule{"POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key", {service::Role::mobile_operator}},
    service::AccessRule{"GET", "/narpf-keys/v1/claims/{dimsi}", {service::Role::mobile_operator, service::Role::administrator}},
    service::AccessRule{"DELETE", "/narpf-keys/v1/claims/{dimsi}", {service::Role::mobile_operator, service::Role::administrator}},
    service::AccessRule{"GET", "/narpf-keys/v1/suspensions", {service::Role::administrator}},
    service::AccessRule{"GET", "/narpf-keys/v1/suspensions/{fingerprint}", {service::Role::administrator}},
    service::AccessRule{"PUT", "/narpf-keys/v1/suspensions/{fingerprint}", {service::Role::administrator}},
    service::AccessRule{"DELETE", "/narpf-keys/v1/suspensions/{fingerprint}", {service::Role::administrator}},
    service::AccessRule{"POST", "/narpf-keys/v1/claims/{dimsi}/retire", {service::Role::mobile_operator, service::Role::administrator}},
};

}  // namespace arpf
