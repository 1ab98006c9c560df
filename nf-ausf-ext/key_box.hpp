#pragma once

#include <memory>

#include "lib/crypto/cipher.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"

namespace ausf_ext {

/// Seals eK for the store: AES-256-GCM under the key-encryption key, bound to the dIMSI. Immutable.
class KeyBox {
 public:
  explicit KeyBox(std::shared_ptr<const crypto::KeyEncryptionKey> key) : key_(std::move(key)) {}

  [[nodiscard]] base::Bytes seal(const profile::EphemeralKey& key, const profile::DiscoveryImsi& dimsi) const;
  /// Throws std::runtime_error if it was sealed under another key-encryption key, or for another dIMSI.
  [[nodiscard]] profile::EphemeralKey open(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const;

  /// A known text, sealed: what is_own_canary() knows again.
  [[nodiscard]] base::Bytes seal_canary() const;
  [[nodiscard]] bool is_own_canary(base::BytesView sealed) const;

 private:
  std::shared_ptr<const crypto::KeyEncryptionKey> key_;
};

/// At the start: throws std::runtime_error unless the keys in the database were sealed with this key-encryption key, so that a wrong
/// one is found before a device is.
void require_key_of(store::Database& database, const KeyBox& keys);

}  // namespace ausf_ext
