#include "nf-ausf-ext/retire.hpp"

#include "lib/base/error.hpp"
#include "nf-ausf-ext/imsi_pools.hpp"
#include "nf-ausf-ext/registrations.hpp"

namespace ausf_ext {

void abandon_offer(store::Database& database, Device& device) {
  const auto offered = find_offer(database, device.dimsi);
  const bool had_key = device.arpf_position.has_value();
  for (std::size_t i = 0; i < offered.size(); ++i) {
    // Without a key at hand, an ARPF may still have released one whose answer was lost: each of them is asked.
    const bool is_source = !had_key || *device.arpf_position == static_cast<std::int64_t>(i);
    if (is_source) add_cleanup(database, device.dimsi, {Cleanup::Kind::token, offered[i].uri, std::nullopt, had_key});
  }
  if (device.imsi) {
    add_cleanup(database, device.dimsi, {Cleanup::Kind::vector, "", device.imsi});
    hold_imsi(database, *device.imsi);
    remove_registrations(database, *device.imsi);
  }
  device.sealed_key.clear();
  device.imsi.reset();
}

void retire(store::Database& database, const profile::DiscoveryImsi& dimsi, base::Time now) {
  auto device = find_device(database, dimsi);
  if (!device) throw base::Error(base::ErrorKind::not_found, "USER_NOT_FOUND", "this dIMSI was never offered here");
  if (device->state == State::retired) return;
  begin_epoch(database, *device);
  abandon_offer(database, *device);
  device->state = State::retired;
  device->problem.reset();
  device->attempts = 0;
  device->due_at = now;
  device->notify_network.reset();
  update_device(database, *device, now);
}

}  // namespace ausf_ext
