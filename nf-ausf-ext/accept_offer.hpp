#pragma once

#include <string_view>

#include "lib/store/database.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {

/// What became of an offer. `replaced`: it stands in the place of another, and of its key, if one had come.
enum class OfferVerdict { taken, replaced, known };

/// What an audit log says of it; empty for one that is simply taken.
std::string_view describe(OfferVerdict verdict);

/// Step (0-d), inside the caller's transaction: takes a new offer, or one that replaces another while that is OFFERED or FAILED, or
/// begins anew after RETIRED. The same offer again is `known`. Throws Error{conflict, DEVICE_EXISTS}, and Error{forbidden, NOT_OWNER} for a dIMSI that the
/// provider may not offer, or that another one offered.
OfferVerdict accept_offer(store::Database& database, const Offer& offer, const Config& config, base::Time now);

/// The offer without the ARPFs that the configuration does not name: they are never called. It stays the same offer.
/// Throws Error{bad_request, MANDATORY_IE_INCORRECT} at /arpfs if none is left.
Offer only_trusted(Offer offer, const Config& config);

}  // namespace ausf_ext
