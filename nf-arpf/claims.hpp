#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "lib/base/clock.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/committer.hpp"
#include "nf-arpf/suspensions.hpp"

namespace arpf {

/// SHA-256 of PK.SE.ECDHE (`04 || X || Y`): what names an ephemeral key, for its token's octets do not (ECDSA is malleable).
using PointHash = crypto::Sha256Digest;

/// What an operator asks for, whose right to it has been looked at.
struct ClaimRequest {
  profile::DiscoveryImsi dimsi;
  std::string operator_id;
  PointHash key;
  PointHash mirrored_key;  ///< of the other point with the same X, which leads to the same eK
  PartNumber part_number;
};

struct Claim {
  std::string operator_id;
  base::Time claimed_at;
  std::int64_t retrievals = 0;
};

/// Who asks for a claim's change: the operator, or nothing for one who owns everything (the administrator; anyone in a lab
/// without TLS).
using Claimant = std::optional<std::string>;

/// The ledger of claims and spent keys. One a loop; what it answers is durable.
class Claims {
 public:
  /// Reader and committer are of the same database and outlive it.
  Claims(store::Database& reader, store::Committer& committer, base::Clock clock)
      : reader_(reader), committer_(committer), clock_(std::move(clock)) {}

  /// Claims the dIMSI for the operator, or counts another retrieval, and notes which key is released.
  /// Throws Error{forbidden, TOKEN_SPENT}, Error{conflict, DEVICE_CLAIMED}, and Error{forbidden, CERTIFICATE_REVOKED} if the part number is
  /// suspended, be it since the request came.
  /// Since when the operator has held it; nothing if nobody held it before.
  boost::asio::awaitable<std::optional<base::Time>> claim(ClaimRequest wanted);

  [[nodiscard]] std::optional<Claim> find(const profile::DiscoveryImsi& dimsi) const;

  /// Spends the keys that were released under the claim, and keeps it. Again: no change. The claim under which they were spent.
  /// Throws Error{not_found, USER_NOT_FOUND} and Error{forbidden, NOT_OWNER}.
  boost::asio::awaitable<Claim> retire(profile::DiscoveryImsi dimsi, Claimant claimant);

  /// The claim that release() would give up: asked behind all that was written before. Throws as retire(), and changes nothing.
  boost::asio::awaitable<Claim> require_releasable(profile::DiscoveryImsi dimsi, Claimant claimant);

  /// As retire, and gives the dIMSI free for another operator. `seen`: what require_releasable() answered; without it the claim goes that there is.
  /// Throws Error{conflict, DEVICE_CLAIMED} besides, and changes nothing, if that is another one than `seen`: another operator's, or made anew.
  boost::asio::awaitable<void> release(profile::DiscoveryImsi dimsi, Claimant claimant, std::optional<Claim> seen);

 private:
  store::Database& reader_;
  store::Committer& committer_;
  base::Clock clock_;
};

}  // namespace arpf
