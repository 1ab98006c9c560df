#include "lib/profile/ephemeral_key.hpp"

#include <stdexcept>

#include "lib/crypto/kdf.hpp"

namespace profile {
namespace {

/// Key type AES, as in GlobalPlatform, Amendment E, scenario 3.
constexpr std::uint8_t kKeyTypeAes = 0x88;

template <std::size_t N>
base::Bytes with_length(const std::array<std::uint8_t, N>& value) {
  static_assert(N < 0x80);
  return base::concatenate(std::array{static_cast<std::uint8_t>(N)}, value);
}

}  // namespace

base::Bytes shared_info(const DiscoveryImsi& discovery_imsi, const ArpfKeyId& arpf_key_id) {
  const std::array<std::uint8_t, 2> key{kKeyTypeAes, EphemeralKey::kSize};
  return base::concatenate(key, with_length(discovery_imsi.tbcd()), with_length(arpf_key_id));
}

EphemeralKey derive_ephemeral_key(const base::SecretBytes& shared_secret, const DiscoveryImsi& discovery_imsi,
                                  const ArpfKeyId& arpf_key_id) {
  if (shared_secret.size() != 32 && shared_secret.size() != 48) {
    throw std::invalid_argument("the shared secret is not a field element of 32 or 48 octets");
  }
  const base::Bytes info = shared_info(discovery_imsi, arpf_key_id);
  return EphemeralKey::written_by(
      [&](std::span<std::uint8_t, EphemeralKey::kSize> out) { crypto::x963_kdf(shared_secret.reveal(), info, out); });
}

}  // namespace profile
