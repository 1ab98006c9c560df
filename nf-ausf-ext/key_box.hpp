#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "lib/crypto/cipher.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"

namespace ausf_ext {

/// Seals what must rest in the store and be no good to who steals it: AES-256-GCM under the key-encryption key. eK is bound to its dIMSI, a secret of the
/// function's own to its name. Immutable, safe to share.
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

  /// A secret of the function's own. `name` is longer than the 8 octets of a dIMSI.
  [[nodiscard]] base::Bytes seal_own(base::BytesView secret, std::string_view name) const;
  /// Nothing if it was sealed under neither key-encryption key, or by another name.
  [[nodiscard]] std::optional<base::SecretBytes> open_own(base::BytesView sealed, std::string_view name) const;

 private:
  [[nodiscard]] std::optional<base::SecretBytes> unseal(base::BytesView sealed, base::BytesView bound_to) const;

  Key key_;
  Key former_;
};

/// At the start: throws std::runtime_error unless the keys in the database were sealed with this key-encryption key, so that a wrong
/// one is found before a device is.
void require_key_of(store::Database& database, const KeyBox& keys);

/// A key of the function's own, which all its instances share and which rests sealed beside those of devices: the stored one, or `octets` random ones that are
/// stored then. Throws StoreError, or std::runtime_error if it opens under neither key-encryption key. After require_key_of().
base::SecretBytes load_or_make_own_key(store::Database& database, const KeyBox& keys, std::string_view name, std::size_t octets);

/// Seals all secrets of the function's own under the present key-encryption key, which is the one that require_key_of() asks for from then on. In a transaction of
/// the caller's. Throws as load_or_make_own_key() does.
void rotate_own_secrets(store::Database& database, const KeyBox& keys);

}  // namespace ausf_ext
