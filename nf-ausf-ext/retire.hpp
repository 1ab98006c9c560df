#pragma once

#include "lib/store/database.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {

/// Step (11), inside the caller's transaction: wipes eK and all that came from it, gives the IMSI up, and notes what is left
/// to do at D-AUSF and ARPF: the IMSI begins to rest when the D-AUSF has no vector with it. From any state; again: no change. Throws Error{not_found, USER_NOT_FOUND}.
void retire(store::Database& database, const profile::DiscoveryImsi& dimsi, base::Time now);

/// Notes that vector and token of the present offer are to be removed, and holds its IMSI until then: for a retire, and before another
/// offer takes its place.
void abandon_offer(store::Database& database, Device& device);

}  // namespace ausf_ext
