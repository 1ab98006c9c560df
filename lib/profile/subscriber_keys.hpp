#pragma once

#include "lib/base/secret.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/profile/identity.hpp"

/// The Milenage keys of the second attach, steps (8) to (10) (PROTOCOL.md, section 9).
namespace profile {

struct SubscriberKeyTag;
struct OperatorVariantTag;
/// K (TS 35.206, clause 2.3), 128 bits.
using SubscriberKey = base::SecretKey<SubscriberKeyTag, 16>;
/// OPc (TS 35.206, clause 2.3), 128 bits.
using OperatorVariant = base::SecretKey<OperatorVariantTag, 16>;

/// What the home side and a USIM share.
struct SubscriberKeys {
  SubscriberKey k;
  OperatorVariant opc;
};

/// K = KDF("K", TBCD(dIMSI) || TBCD(IMSI)), OPc = KDF("OPc", TBCD(dIMSI) || TBCD(IMSI)) under eK.
/// Throws CryptoError only if OpenSSL itself fails.
SubscriberKeys derive_subscriber_keys(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi,
                                      const Imsi& imsi);

}  // namespace profile
