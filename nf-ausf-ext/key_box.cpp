#include "nf-ausf-ext/key_box.hpp"

#include <stdexcept>

#include "lib/store/secrets.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {
namespace {

constexpr std::string_view kCanary = "key-encryption-key";  ///< its name in the database, its text, and what it is bound to

}  // namespace

base::Bytes KeyBox::seal(const profile::EphemeralKey& key, const profile::DiscoveryImsi& dimsi) const {
  return crypto::seal(*key_, key.reveal(), dimsi.tbcd());
}

profile::EphemeralKey KeyBox::open(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const {
  const auto octets = unseal(sealed, dimsi.tbcd());
  if (!octets || octets->size() != profile::EphemeralKey::kSize) {
    throw std::runtime_error("a sealed key cannot be opened: is key_encryption_key the one that it was sealed with?");
  }
  return profile::EphemeralKey(octets->reveal().first<profile::EphemeralKey::kSize>());
}

std::optional<base::SecretBytes> KeyBox::unseal(base::BytesView sealed, base::BytesView bound_to) const {
  auto octets = crypto::unseal(*key_, sealed, bound_to);
  if (!octets && former_) octets = crypto::unseal(*former_, sealed, bound_to);
  return octets;
}

bool KeyBox::is_sealed_anew(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const {
  return crypto::unseal(*key_, sealed, dimsi.tbcd()).has_value();
}

base::Bytes KeyBox::seal_canary() const { return crypto::seal(*key_, base::as_bytes(kCanary), base::as_bytes(kCanary)); }

bool KeyBox::is_own_canary(base::BytesView sealed) const {
  const auto octets = unseal(sealed, base::as_bytes(kCanary));
  return octets && base::as_text(octets->reveal()) == kCanary;
}

void require_key_of(store::Database& database, const KeyBox& keys) {
  const bool is_new = !store::has_secret(database, kCanary);
  const auto device = is_new ? find_sealed(database) : std::nullopt;  // of a version without a canary
  if (device) (void)keys.open(device->sealed_key, device->dimsi);
  const base::SecretBytes stored = store::load_or_put_secret(database, kCanary, base::SecretBytes(keys.seal_canary()));
  if (keys.is_own_canary(stored.reveal())) return;
  throw std::runtime_error("key_encryption_key is not the one that the keys in " + database.path() + " were sealed with");
}

void put_canary(store::Database& database, const KeyBox& keys) { store::put_secret(database, kCanary, base::SecretBytes(keys.seal_canary())); }

}  // namespace ausf_ext
