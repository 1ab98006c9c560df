#include "nf-ausf-ext/key_box.hpp"

#include <stdexcept>

namespace ausf_ext {

base::Bytes KeyBox::seal(const profile::EphemeralKey& key, const profile::DiscoveryImsi& dimsi) const {
  return crypto::seal(*key_, key.reveal(), dimsi.tbcd());
}

profile::EphemeralKey KeyBox::open(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const {
  const auto octets = crypto::unseal(*key_, sealed, dimsi.tbcd());
  if (!octets || octets->size() != profile::EphemeralKey::kSize) {
    throw std::runtime_error("a sealed key cannot be opened: is key_encryption_key the one that it was sealed with?");
  }
  return profile::EphemeralKey(octets->reveal().first<profile::EphemeralKey::kSize>());
}

}  // namespace ausf_ext
