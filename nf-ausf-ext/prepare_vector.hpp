#pragma once

#include "lib/profile/discovery_vector.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "nf-ausf-ext/imsi_pools.hpp"

namespace ausf_ext {

/// What the D-AUSF is given for a device.
struct PreparedVector {
  profile::DiscoveryVector vector;
  profile::ReceiptHash receipt_hash;
};

/// Step (1): encrypts the allocated IMSI into RAND and authenticates it in AUTN. The same arguments give the same vector, so
/// that a crash between here and step (2) costs nothing.
PreparedVector prepare_vector(const profile::EphemeralKey& ephemeral_key, const profile::DiscoveryImsi& dimsi,
                              const AllocatedImsi& allocated);

}  // namespace ausf_ext
