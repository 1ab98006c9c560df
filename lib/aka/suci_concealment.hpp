#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/aka/supi_or_suci.hpp"
#include "lib/base/secret.hpp"
#include "lib/crypto/ecies_keys.hpp"

/// The concealment of an IMSI in a SUCI, both ways: ECIES profiles A and B, and the null scheme (TS 33.501, annex C).
namespace aka {

/// Why a well-formed SUCI cannot be opened here, in a sentence for the peer. It repeats none of the SUCI's octets.
class SuciError : public std::runtime_error {
 public:
  enum class Kind {
    unsupported_scheme,  ///< none of null scheme, profile A, profile B
    unknown_key,         ///< no home network key has that id, or the key is one of the other profile
    invalid_output,      ///< too short, no point, a wrong MAC, or no MSIN inside
  };

  SuciError(Kind kind, const char* sentence) : std::runtime_error(sentence), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// The private keys of a home network by their ids, 1 to 255; none at all is a home network with the null scheme only.
/// Immutable; safe to use from several threads at once.
class HomeNetworkKeys {
 public:
  HomeNetworkKeys() = default;
  /// Throws std::invalid_argument for the id 0, which is the null scheme's.
  explicit HomeNetworkKeys(std::map<std::uint8_t, crypto::EciesPrivateKey> keys);

  /// The IMSI in a SUCI of the null scheme, profile A or profile B. Throws SuciError; and IdentityError if MCC, MNC and MSIN of
  /// a null-scheme SUCI are not 6 to 15 digits together.
  [[nodiscard]] profile::Imsi deconceal(const Suci& suci) const;

  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

 private:
  [[nodiscard]] const crypto::EciesPrivateKey& find(std::uint8_t id, crypto::EciesProfile profile) const;
  std::map<std::uint8_t, crypto::EciesPrivateKey> keys_;
};

/// What a USIM knows of the home network's key (EF_SUCI_Calc_Info).
struct HomeNetworkPublicKey {
  std::uint8_t id;  ///< 1 to 255
  crypto::EciesPublicKey key;
};

/// The SUCI of an IMSI under the home network's key, as a UE sends it. `ephemeral` is a key made for this one SUCI, of the
/// same profile. Throws std::invalid_argument unless `home_network` is the PLMN of the IMSI and leaves it an MSIN, the routing
/// indicator is 1 to 4 digits, and the id is not 0; CryptoError if the profiles differ.
std::string conceal(const profile::Imsi& imsi, const profile::Plmn& home_network, std::string_view routing_indicator,
                    const HomeNetworkPublicKey& key, const crypto::EciesPrivateKey& ephemeral);

struct EciesEncryptionKeyTag;
struct EciesCounterBlockTag;
struct EciesMacKeyTag;

/// What ECIES derives of a shared secret (TS 33.501, C.3.4): AES-128 key, initial counter block, HMAC-SHA-256 key.
struct EciesKeys {
  base::SecretKey<EciesEncryptionKeyTag, 16> encryption_key;
  base::SecretKey<EciesCounterBlockTag, 16> counter_block;
  base::SecretKey<EciesMacKeyTag, 32> mac_key;
};

/// X9.63-KDF with SHA-256; SharedInfo1 is the UE's ephemeral public key as it stands in the scheme output.
EciesKeys derive_ecies_keys(const base::SecretBytes& shared_secret, base::BytesView ephemeral_public_key);

}  // namespace aka
