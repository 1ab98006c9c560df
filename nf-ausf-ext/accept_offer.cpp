#include "nf-ausf-ext/accept_offer.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "nf-ausf-ext/retire.hpp"

namespace ausf_ext {
namespace {

/// True if the device has this offer already. A new word of the service provider for the same keys counts as another offer while the key
/// is not there: the one before may have run out.
bool is_same(store::Database& database, const Device& present, const Offer& offer) {
  if (!std::ranges::equal(present.offer_hash, offer.hash)) return false;
  if (present.state != State::offered && present.state != State::failed) return true;
  const auto stored = find_offer(database, offer.dimsi);
  return std::ranges::equal(stored, offer.arpfs, {}, &OfferedArpf::authorization, &OfferedArpf::authorization);
}

}  // namespace

std::string_view describe(OfferVerdict verdict) {
  return verdict == OfferVerdict::known ? "known already" : verdict == OfferVerdict::replaced ? "in the place of another offer" : "";
}

OfferVerdict accept_offer(store::Database& database, const Offer& offer, const Config& config, base::Time now) {
  config.providers.require_right(offer.offered_by, offer.dimsi);
  auto present = find_device(database, offer.dimsi);
  const bool replaces = present && present->state != State::retired;
  if (present) {
    const bool is_of_another = offer.offered_by && present->offered_by != offer.offered_by;
    base::require(!is_of_another || present->state == State::retired, "NOT_OWNER", "another service provider offered this dIMSI");
    if (!is_of_another && is_same(database, *present, offer)) return OfferVerdict::known;
    const bool may_replace =
        present->state == State::offered || present->state == State::failed || present->state == State::retired;
    if (!may_replace) {
      throw base::Error(base::ErrorKind::conflict, "DEVICE_EXISTS",
                        "this dIMSI is on its way with another offer (" + std::string(name(present->state)) + "); retire it first");
    }
    // A key that arrived is spent before another is fetched; an ARPF that gave none must not hold up an offer that avoids it.
    const bool has_key = present->arpf_position && present->state != State::retired;
    if (has_key) abandon_offer(database, *present);
  }
  put_offer(database, offer, present, now, now + config.device_lifetime);
  return replaces ? OfferVerdict::replaced : OfferVerdict::taken;
}

Offer only_trusted(Offer offer, const Config& config) {
  std::erase_if(offer.arpfs, [&config](const OfferedArpf& offered) {
    return std::none_of(config.arpfs.begin(), config.arpfs.end(),
                        [&offered](const TrustedArpf& trusted) { return trusted.uri == offered.uri; });
  });
  if (offer.arpfs.empty()) {
    throw base::Error(base::ErrorKind::bad_request, "MANDATORY_IE_INCORRECT",
                      "/arpfs names no ARPF that this function is configured for", {{"/arpfs", "has no ARPF that is configured here"}});
  }
  return offer;
}

}  // namespace ausf_ext
