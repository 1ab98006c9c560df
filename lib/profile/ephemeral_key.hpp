#pragma once

#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"
#include "lib/profile/arpf_key_id.hpp"
#include "lib/profile/identity.hpp"

/// The ephemeral key that the Secure Element and the ARPF agree on, steps (0-c) and (0-e) (PROTOCOL.md, section 4).
namespace profile {

struct EphemeralKeyTag;
/// eK: AES-128, for one onboarding; from it the vector and the keys of the second attach are derived.
using EphemeralKey = base::SecretKey<EphemeralKeyTag, 16>;

/// SharedInfo = 88 || 10 || 08 || TBCD(dIMSI) || 14 || arpfKeyId: 32 octets, not secret (PROTOCOL.md, section 4.3).
base::Bytes shared_info(const DiscoveryImsi& discovery_imsi, const ArpfKeyId& arpf_key_id);

/// eK = X9.63-KDF(SHA-256, SHS, SharedInfo, 16 octets). `shared_secret` is SHS as crypto::agree returns it, of the
/// field's length: 32 or 48 octets; throws std::invalid_argument for any other. Throws CryptoError if OpenSSL
/// itself fails, and only then.
EphemeralKey derive_ephemeral_key(const base::SecretBytes& shared_secret, const DiscoveryImsi& discovery_imsi,
                                  const ArpfKeyId& arpf_key_id);

}  // namespace profile
