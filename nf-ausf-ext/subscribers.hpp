#pragma once

#include <memory>

#include "lib/profile/subscriber_keys.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/key_box.hpp"

namespace ausf_ext {

/// A device seen as a subscriber: its allocated IMSI and the Milenage keys from its eK (PROTOCOL.md, section 9).
struct Subscriber {
  profile::DiscoveryImsi dimsi;
  profile::Imsi imsi;
  std::int64_t epoch;  ///< of the device: what began before is dropped after another offer or a retire
  profile::SubscriberKeys keys;
};

/// True if the IMSI is allocated to a device that may authenticate: its eK is here, and it did not fail.
bool is_subscriber(store::Database& reader, const profile::Imsi& imsi);

/// The subscriber of an IMSI. Throws Error{not_found, USER_NOT_FOUND}, and std::runtime_error if eK cannot be opened.
std::shared_ptr<const Subscriber> require_subscriber(store::Database& reader, const KeyBox& keys, const profile::Imsi& imsi);

}  // namespace ausf_ext
