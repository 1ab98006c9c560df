#include "nf-ausf-ext/subscribers.hpp"

#include "lib/base/error.hpp"

namespace ausf_ext {

bool is_subscriber(store::Database& reader, const profile::Imsi& imsi) {
  const auto device = find_device_by_imsi(reader, imsi);
  return device && is_subscriber(*device);
}

std::shared_ptr<const Subscriber> require_subscriber(store::Database& reader, const KeyBox& keys, const profile::Imsi& imsi) {
  const auto device = find_device_by_imsi(reader, imsi);
  if (!device || !is_subscriber(*device)) {
    throw base::Error(base::ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device");
  }
  const profile::EphemeralKey key = keys.open(device->sealed_key, device->dimsi);
  return std::make_shared<const Subscriber>(
      Subscriber{device->dimsi, imsi, device->epoch, profile::derive_subscriber_keys(key, device->dimsi, imsi)});
}

}  // namespace ausf_ext
