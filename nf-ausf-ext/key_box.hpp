#pragma once

#include <memory>

#include "lib/crypto/cipher.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"

namespace ausf_ext {

/// Seals eK for the store: AES-256-GCM under the key-encryption key, bound to the dIMSI. Immutable, safe to share.
class KeyBox {
 public:
  using Key = std::shared_ptr<const crypto::KeyEncryptionKey>;
  /// `former`: opens what was sealed before the key changed; null if there is none.
  explicit KeyBox(Key key, Key former = nullptr) : key_(std::move(key)), former_(std::move(former)) {}

  [[nodiscard]] base::Bytes seal(const profile::EphemeralKey& key, const profile::DiscoveryImsi& dimsi) const;
  /// Throws std::runtime_error if it was sealed under neither key-encryption key, or for another dIMSI.
  [[nodiscard]] profile::EphemeralKey open(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const;

  /// True if it is sealed under the present key for this dIMSI.
  [[nodiscard]] bool is_sealed_anew(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const;

  /// True if open() opens it.
  [[nodiscard]] bool opens(base::BytesView sealed, const profile::DiscoveryImsi& dimsi) const { return unseal(sealed, dimsi.tbcd()).has_value(); }

  /// A known text, sealed: what is_own_canary() knows again.
  [[nodiscard]] base::Bytes seal_canary() const;
  /// By either key.
  [[nodiscard]] bool is_own_canary(base::BytesView sealed) const;

 private:
  [[nodiscard]] std::optional<base::SecretBytes> unseal(base::BytesView sealed, base::BytesView bound_to) const;

  Key key_;
  Key former_;
};

/// At the start: throws std::runtime_error unless the keys in the database were sealed with this key-encryption key, so that a wrong
/// one is found before a device is.
void require_key_of(store::Database& database, const KeyBox& keys);

/// From now on the present key is the one that require_key_of() asks for.
void put_canary(store::Database& database, const KeyBox& keys);

}  // namespace ausf_ext
