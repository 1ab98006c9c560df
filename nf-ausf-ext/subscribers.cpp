#include "nf-ausf-ext/subscribers.hpp"

#include "lib/base/error.hpp"

namespace ausf_ext {

std::shared_ptr<const Subscriber> Subscribers::require(const profile::Imsi& imsi) {
  const std::uint64_t counter = batch_value_ ? *batch_value_ : counter_.value();  // first this, then the row: see provide_vectors.cpp
  snapshot_.use();
  const auto stored = find_subscriber(reader_, imsi);
  if (!stored) throw base::Error(base::ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device");
  const profile::EphemeralKey key = keys_.open(stored->sealed_key, stored->dimsi);
  return std::make_shared<const Subscriber>(
      Subscriber{stored->dimsi, imsi, stored->sequence, counter, profile::derive_subscriber_keys(key, stored->dimsi, imsi)});
}

bool Subscribers::has(const profile::Imsi& imsi) {
  snapshot_.use();
  return find_subscriber(reader_, imsi).has_value();
}

}  // namespace ausf_ext
