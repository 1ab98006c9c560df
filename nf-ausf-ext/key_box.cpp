#include "nf-ausf-ext/key_box.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "lib/store/secrets.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {
namespace {

constexpr std::string_view kCanary = "key-encryption-key";  ///< its name in the database, and its text

std::runtime_error cannot_open_own(std::string_view name) {
  return std::runtime_error("the function's own secret " + std::string(name) + " cannot be opened: is key_encryption_key the one that it was sealed with?");
}

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

base::Bytes KeyBox::seal_own(base::BytesView secret, std::string_view name) const { return crypto::seal(*key_, secret, base::as_bytes(name)); }

std::optional<base::SecretBytes> KeyBox::open_own(base::BytesView sealed, std::string_view name) const { return unseal(sealed, base::as_bytes(name)); }

void require_key_of(store::Database& database, const KeyBox& keys) {
  const bool is_new = !store::find_secret(database, kCanary);
  const auto device = is_new ? find_sealed(database) : std::nullopt;  // of a version without a canary
  if (device) (void)keys.open(device->sealed_key, device->dimsi);
  const base::SecretBytes sealed = store::load_or_put_secret(database, kCanary, base::SecretBytes(keys.seal_own(base::as_bytes(kCanary), kCanary)));
  const auto canary = keys.open_own(sealed.reveal(), kCanary);
  if (canary && base::as_text(canary->reveal()) == kCanary) return;
  throw std::runtime_error("key_encryption_key is not the one that the keys in " + database.path() + " were sealed with");
}

base::SecretBytes load_or_make_own_key(store::Database& database, const KeyBox& keys, std::string_view name, std::size_t octets) {
  base::SecretBytes fresh(octets);
  crypto::fill_random(fresh.writable());
  const base::SecretBytes sealed = store::load_or_put_secret(database, name, base::SecretBytes(keys.seal_own(fresh.reveal(), name)));
  auto key = keys.open_own(sealed.reveal(), name);
  if (!key || key->size() != octets) throw cannot_open_own(name);
  return std::move(*key);
}

void rotate_own_secrets(store::Database& database, const KeyBox& keys) {
  for (const std::string& name : store::names_of_secrets(database)) {
    const auto sealed = store::find_secret(database, name);
    const auto secret = sealed ? keys.open_own(sealed->reveal(), name) : std::nullopt;
    if (!secret) throw cannot_open_own(name);
    store::put_secret(database, name, base::SecretBytes(keys.seal_own(secret->reveal(), name)));
  }
}

}  // namespace ausf_ext
