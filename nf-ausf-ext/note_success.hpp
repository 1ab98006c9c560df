#pragma once

#include <boost/asio/awaitable.hpp>

#include "lib/base/clock.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {

/// True if the device is ATTACHED with this IMSI: then a success more changes nothing.
bool is_attached(store::Database& reader, const profile::DiscoveryImsi& dimsi, const profile::Imsi& imsi);

/// Step (10), durably: a device has authenticated with its IMSI. The first time it becomes ATTACHED, and the RSMF is to be told (section 10).
/// True if it was the first time. Throws Error{not_found, USER_NOT_FOUND} if the IMSI is not the device's any more.
boost::asio::awaitable<bool> note_success(store::Committer& committer, profile::DiscoveryImsi dimsi, profile::Imsi imsi,
                                          std::string serving_network_name, base::Time now);

}  // namespace ausf_ext
