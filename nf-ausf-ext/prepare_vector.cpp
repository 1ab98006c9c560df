#include "nf-ausf-ext/prepare_vector.hpp"

namespace ausf_ext {

PreparedVector prepare_vector(const profile::EphemeralKey& ephemeral_key, const profile::DiscoveryImsi& dimsi,
                              const AllocatedImsi& allocated) {
  const auto [imsi, mnc_length] = allocated;
  const profile::Receipt receipt = profile::make_receipt(ephemeral_key, dimsi, imsi, mnc_length);
  return {profile::make_discovery_vector(ephemeral_key, dimsi, imsi, mnc_length), profile::receipt_hash(receipt)};
}

}  // namespace ausf_ext
