#pragma once

#include <string>

#include "nf-ausf-ext/bootstrap_subscription.hpp"

namespace ausf_ext {

/// The members of a document of Open5GS' collection `subscribers` that all devices share, as JSON without the outer braces:
/// `"schema_version":1,...,"slice":[...]`. Numbers are of 32 bits, as its reader asks for.
std::string open5gs_profile(const BootstrapSubscription& subscription);

}  // namespace ausf_ext
