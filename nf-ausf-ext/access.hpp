#pragma once

#include <array>

#include "lib/service/access.hpp"

namespace ausf_ext {

/// Who may call which route of nf-ausf-ext, beside those of nausf-* and nudm-* (service::core_rules). A service provider sees the devices
/// that it offered, and no others: owner.hpp. Whoever tells of a receipt
/// proves it with the AUTS besides.
inline constexpr std::array kAccessRules{
    service::AccessRule{"PUT", "/nausfext-onboarding/v1/devices/{dimsi}", {service::Role::service_provider}},
    service::AccessRule{"POST", "/nausfext-onboarding/v1/imports", {service::Role::service_provider}},
    service::AccessRule{"GET", "/nausfext-onboarding/v1/imports/{importId}", {service::Role::service_provider, service::Role::administrator}},
    service::AccessRule{"GET", "/nausfext-onboarding/v1/imports/{importId}/problems", {service::Role::service_provider, service::Role::administrator}},
    service::AccessRule{"GET", "/nausfext-onboarding/v1/devices/{dimsi}",
                        {service::Role::service_provider, service::Role::rsmf, service::Role::administrator}},
    service::AccessRule{"GET", "/nausfext-onboarding/v1/devices",
                        {service::Role::service_provider, service::Role::rsmf, service::Role::administrator}},
    service::AccessRule{"POST", "/nausfext-onboarding/v1/devices/{dimsi}/retire", {service::Role::rsmf, service::Role::administrator}},
    service::AccessRule{"GET", "/nausfext-onboarding/v1/imsi-pools", {service::Role::rsmf, service::Role::administrator}},
    service::AccessRule{"POST", "/nausfext-onboarding/v1/receipts", {service::Role::d_ausf}},
};

}  // namespace ausf_ext
