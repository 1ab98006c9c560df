#pragma once

#include <memory>

#include "lib/crypto/cipher.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/profile/identity.hpp"

namespace ausf_ext {

/// Seals eK for the store: AES-256-GCM under the key-encryption key, bound to the dIMSI. Immutable.
class KeyBox {
 public:
  explicit KeyBox(std::shared_ptr<const crypto::KeyEncryptionKey> key) : key_(std::move(key)) {}

  [[nodiscard]] base::Bytes seal(const profile::EphemeralKey& key, const profile::DiscoveryImsi& dimsi) const;
  /// Throws std::runtime_error if it was sealed under another key-encryption key, or for another dIMSI.
  [[nodiscard]] profile::EphemeralKey open(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const;

 private:
  std::shared_ptr<const crypto::KeyEncryptionKey> key_;
};

}  // namespace ausf_ext
