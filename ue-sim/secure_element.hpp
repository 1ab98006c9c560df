#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lib/aka/authentication_vector.hpp"
#include "lib/base/clock.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/profile/attach_token.hpp"
#include "lib/profile/discovery_vector.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "ue-sim/pki.hpp"

/// The device: a Secure Element that derives everything from what it was given and believes nothing else, and its ME.
namespace ue_sim {

/// Fault of CERT.ARPF.ECKA under a CI: empty if the SE may agree on a key with it (PROTOCOL.md, section 4.1).
std::string fault_of_agreement_certificate(const crypto::Certificate& certificate, const crypto::Certificate& issuer,
                                           base::Time now);

/// After so many failed attaches with the IMSI the SE goes back to its dIMSI (PROTOCOL.md, section 7.6).
inline constexpr unsigned kMaxFailedAttaches = 3;

/// What the device took out of its vector, and the USIM's memory of sequence numbers.
struct Subscription {
  profile::Imsi imsi;
  std::uint8_t mnc_length;
  aka::UsimSequence sequence;
  bool has_authenticated = false;  ///< the USIM accepted a challenge of this IMSI's home network
  unsigned failed_attaches = 0;    ///< with this IMSI, one after the other

  /// True once the SE is back at its dIMSI. The sequence numbers are kept all the same: the same vector may come again, and with it the
  /// same K, for which no old challenge must be fresh.
  [[nodiscard]] bool is_given_up() const noexcept { return failed_attaches >= kMaxFailedAttaches; }
};

/// A device of the lab. It holds eK, for it is the Secure Element: moved, never copied, never printed.
struct Device {
  profile::DiscoveryImsi dimsi;
  base::Bytes se_certificate;  ///< CERT.SE.ECDSA, DER
  base::Bytes token;           ///< ATK.SE.ECDHE, DER
  profile::EphemeralKey ephemeral_key;
  std::optional<Subscription> subscription;

  /// True if the device attaches with the IMSI that it took; else with its dIMSI.
  [[nodiscard]] bool uses_imsi() const noexcept { return subscription && !subscription->is_given_up(); }
};

/// The SE's factory: each SE has a key of its own and a certificate by the part number. Usable from several threads.
class Factory {
 public:
  /// Throws std::runtime_error unless CERT.ARPF.ECKA verifies under the part number's CI.
  Factory(PartNumber part_number, crypto::Certificate agreement_certificate, base::Time now);

  /// Steps (0-b) and (0-c): hands the dIMSI and CERT.ARPF.ECKA to a new SE, which computes eK and its token.
  [[nodiscard]] Device personalise(const profile::DiscoveryImsi& dimsi) const;

  [[nodiscard]] const PartNumber& part_number() const noexcept { return part_number_; }
  [[nodiscard]] const crypto::Certificate& agreement_certificate() const noexcept { return agreement_certificate_; }

 private:
  PartNumber part_number_;
  crypto::Certificate agreement_certificate_;
  base::Time now_;
};

/// Step (7): the ME looks at the separation bit, the SE checks AUTN before it believes RAND, then takes the IMSI and
/// has its receipt ready. Nothing, and no change, if AUTN is wrong. The same challenge is answered in the same way until the device has
/// authenticated with the IMSI; from then on, and until that IMSI is given up, it takes no vector. The sequence numbers of the same IMSI
/// are kept, and its failed attaches unless it was given up. (There is one eK in this SE: none is left to erase.)
std::optional<profile::Receipt> take_imsi(Device& device, const profile::Rand& rand, const profile::Autn& autn);

/// Step (7) once more, the other way round: the vector that eK gives for the IMSI taken. Throws std::logic_error
/// without IMSI.
profile::DiscoveryVector recompute_vector(const Device& device);

/// What the ME and its USIM make of a challenge of the second attach.
struct UeAnswer {
  aka::ResStar res_star;
  aka::Kseaf kseaf;
};
struct NoSeparationBit {};
using ChallengeAnswer = std::variant<UeAnswer, NoSeparationBit, aka::MacFailure, aka::SynchronisationFailure>;

/// What became of an attach with the IMSI (PROTOCOL.md, section 7.6). Throw std::logic_error if the device has no IMSI.
void note_attached(Device& device);
void note_failed_attach(Device& device);

/// Steps (8) to (10) at the UE (TS 33.501, 6.1.3.2). Throws std::logic_error if the device has no IMSI.
ChallengeAnswer answer_challenge(Device& device, const aka::Rand& rand, const aka::Autn& autn,
                                 std::string_view serving_network_name);

}  // namespace ue_sim
