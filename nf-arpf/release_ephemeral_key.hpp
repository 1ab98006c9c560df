#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/crypto/known_certificates.hpp"
#include "lib/profile/attach_token.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/profile/identity.hpp"
#include "nf-arpf/check_offer_authorization.hpp"
#include "nf-arpf/claims.hpp"
#include "nf-arpf/revocation_lists.hpp"

namespace arpf {

/// {token, seCertificate, pnCertificate, ciCertificate}: ATK.SE.ECDHE as it came, and the chain that vouches for its signer.
struct SeCredentials {
  base::Bytes token;
  crypto::Certificate secure_element;  ///< CERT.SE.ECDSA
  crypto::Certificate part_number;     ///< CERT.PN.ECDSA
  crypto::Certificate issuer;          ///< CERT.CI.ECDSA
  base::Bytes authorization = {};      ///< of the offer, CMS SignedData; empty: none came with the request
};

/// A certificate of this ARPF and its private key.
struct OwnKey {
  crypto::Certificate certificate;
  std::shared_ptr<const crypto::PrivateKey> key;
};

/// Whom this ARPF trusts, and its own keys.
struct Trust {
  std::vector<crypto::Certificate> agreed_issuers;  ///< matched byte for byte
  std::vector<crypto::Certificate> operator_issuers;
  std::shared_ptr<RevocationLists> revocation_lists;  ///< never null
  std::vector<OwnKey> agreement_keys;  ///< CERT.ARPF.ECKA, several side by side
  OwnKey endorsement_key;              ///< CERT.ARPF.ECDSA
  std::optional<std::vector<OfferSigner>> offer_signers = std::nullopt;  ///< nothing: offers need no authorization
};

/// A token whose every statement is verified, and the key of ours that it was made for.
struct VerifiedToken {
  profile::AttachToken token;
  const OwnKey& agreement_key;
  crypto::PublicKey ephemeral_key;
};

/// A device whose key an operator is to have: all checks are passed, and the dIMSI is claimed, on the disk.
struct ClaimedKey {
  VerifiedToken verified;
  crypto::Certificate operator_certificate;
  std::string operator_id;
  base::Time at;                            ///< of the checks
  std::optional<base::Time> claimed_since;  ///< the operator's claim; nothing: it took the dIMSI with this key
};

/// What the operator gets: CMS AuthEnvelopedData and CMS SignedData, DER.
struct ReleasedKey {
  base::Bytes encrypted_key;
  base::Bytes endorsement;
};

/// Step (0-e): verifies the SE credentials of a device, claims its dIMSI for an operator, and releases its key. One a loop.
class ReleaseEphemeralKey {
 public:
  /// `known`: the loop's; it saves verifying signatures over certificates of part numbers and operators, and over lists, again.
  ReleaseEphemeralKey(std::shared_ptr<const Trust> trust, Claims& claims, crypto::KnownCertificates& known, base::Clock clock);

  /// Makes the checks of PROTOCOL.md, section 6, in their order, and claims the dIMSI.
  /// `claimant` is the operator that the peer was authenticated as; nothing where callers are not told apart.
  /// Throws Error whose cause names the first check that fails.
  boost::asio::awaitable<ClaimedKey> claim(profile::DiscoveryImsi dimsi, SeCredentials credentials,
                                           crypto::Certificate operator_certificate, Claimant claimant);

  /// Seals eK for the operator and endorses it. Behind the claim: nothing is sealed that is refused, and a batch that sealed before it wrote would be a
  /// smaller one. Throws CryptoError if an HSM is out of reach; the claim stands.
  [[nodiscard]] ReleasedKey seal_and_endorse(const ClaimedKey& claimed) const;

 private:
  void verify_chain(const SeCredentials& credentials, base::Time at) const;
  [[nodiscard]] VerifiedToken verify_token(const profile::DiscoveryImsi& dimsi, const SeCredentials& credentials) const;
  /// The operator id in a certificate that chains to a trusted operator CA.
  [[nodiscard]] std::string verify_operator(const crypto::Certificate& certificate, base::Time at) const;

  std::shared_ptr<const Trust> trust_;
  Claims& claims_;
  crypto::KnownCertificates& known_;
  base::Clock clock_;
};

}  // namespace arpf
