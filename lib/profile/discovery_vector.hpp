#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lib/base/secret.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/profile/identity.hpp"

/// The vector that carries an IMSI to a device, made in step (1) and opened in step (7) (PROTOCOL.md, section 7).
/// Throws CryptoError only if OpenSSL itself fails.
namespace profile {

struct EncryptionKeyTag;
struct IntegrityKeyTag;
struct ReceiptTag;
/// eKc: hides the IMSI in RAND.
using EncryptionKey = base::SecretKey<EncryptionKeyTag, 16>;
/// eKi: authenticates it in AUTN, and the receipt.
using IntegrityKey = base::SecretKey<IntegrityKeyTag, 16>;
/// The AUTS with which the device says that it took the IMSI, 14 octets. Secret until the device sends it: who has it
/// can claim a receipt. Compared in constant time.
using Receipt = base::SecretKey<ReceiptTag, 14>;
/// SHA-256 of the receipt, as the D-AUSF is told beforehand. Not secret.
using ReceiptHash = crypto::Sha256Digest;

using Rand = std::array<std::uint8_t, 16>;
using Autn = std::array<std::uint8_t, 16>;

/// RAND = output_1, AUTN = output_2.
struct DiscoveryVector {
  Rand rand;
  Autn autn;
  bool operator==(const DiscoveryVector&) const = default;
};

/// eKc = KDF("eKc", TBCD(dIMSI)) under eK (section 7.1).
EncryptionKey derive_encryption_key(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi);
/// eKi = KDF("eKi", TBCD(dIMSI)) under eK (section 7.1).
IntegrityKey derive_integrity_key(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi);

/// Step (1), sections 7.2 and 7.3. `mnc_length` is that of the IMSI's MNC, 2 or 3 digits; for any other it throws
/// std::invalid_argument.
DiscoveryVector make_discovery_vector(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi,
                                      const Imsi& imsi, std::uint8_t mnc_length);

/// The receipt that a device answers to the vector of the same arguments (section 7.5). Throws as
/// make_discovery_vector does.
Receipt make_receipt(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi, const Imsi& imsi,
                     std::uint8_t mnc_length);

/// receiptHash = SHA-256(AUTS) (section 7.5).
ReceiptHash receipt_hash(const Receipt& receipt);
/// The same of the 14 octets as they came, at the D-AUSF. Compare with base::equal_in_constant_time.
ReceiptHash receipt_hash(std::span<const std::uint8_t, 14> auts);

/// What a device takes out of a vector.
struct OpenedVector {
  Imsi imsi;
  std::uint8_t mnc_length;  ///< 2 or 3, for EF_AD
  Receipt receipt;
};

/// Step (7), section 7.4: nothing unless `autn` but for its AMF (octets 7 and 8) is output_2 of the block in `rand`,
/// and that block is 6 to 15 digits, F to the end, and CTV. The AMF is not looked at: the ME checks its separation
/// bit.
std::optional<OpenedVector> open_discovery_vector(const EphemeralKey& ephemeral_key,
                                                  const DiscoveryImsi& discovery_imsi, const Rand& rand,
                                                  const Autn& autn);

/// As above on 2G, which has no AUTN: CTV and the form of the digits alone decide (section 7.4). Without the key, a
/// RAND passes with a chance below 2^-63; all the same, never use it where there is an AUTN.
std::optional<OpenedVector> open_discovery_vector_2g(const EphemeralKey& ephemeral_key,
                                                     const DiscoveryImsi& discovery_imsi, const Rand& rand);

}  // namespace profile
