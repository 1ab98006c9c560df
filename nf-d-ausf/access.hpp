#pragma once

#include <array>

#include "lib/service/access.hpp"

namespace d_ausf {

/// Who may call which route of nf-d-ausf, beside those of nausf-* and nudm-* (service::core_rules). A target AUSF writes in its ranges,
/// and reads, replaces and deletes what is its own: owners.cpp, accept_vector.cpp.
inline constexpr std::array kAccessRules{
    service::AccessRule{"PUT", "/ndausf-vectors/v1/vectors/{dimsi}", {service::Role::target_ausf}},
    service::AccessRule{"GET", "/ndausf-vectors/v1/vectors/{dimsi}", {service::Role::target_ausf}},
    service::AccessRule{"DELETE", "/ndausf-vectors/v1/vectors/{dimsi}", {service::Role::target_ausf}},
    service::AccessRule{"POST", "/ndausf-vectors/v1/vectors", {service::Role::target_ausf}},
};

}  // namespace d_ausf
