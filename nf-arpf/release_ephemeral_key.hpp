#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <exception>
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

/// What the operator gets: CMS AuthEnvelopedData and CMS SignedData, DER.
struct ReleasedKey {
  base::Bytes encrypted_key;
  base::Bytes endorsement;
  std::string operator_id;
  std::optional<base::Time> claimed_since = std::nullopt;  ///< the operator's claim; nothing: it took the dIMSI with this key
  std::exception_ptr not_sealed = nullptr;  ///< why there is no key though the dIMSI is claimed: an HSM that is out of reach
};

/// Step (0-e): verifies the SE credentials of a device and releases the key of its dIMSI to an operator. One a loop.
class ReleaseEphemeralKey {
 public:
  /// `known`: the loop's; it saves verifying signatures over certificates of part numbers and operators, and over lists, again.
  ReleaseEphemeralKey(std::shared_ptr<const Trust> trust, Claims& claims, crypto::KnownCertificates& known, base::Clock clock);

  /// Makes the checks of PROTOCOL.md, section 6, in their order, claims the dIMSI, and seals eK for the operator.
  /// `claimant` is the operator that the peer was authenticated as; nothing where callers are not told apart.
  /// Throws Error whose cause names the first check that fails.
  boost::asio::awaitable<ReleasedKey> operator()(profile::DiscoveryImsi dimsi, SeCredentials credentials,
                                                 crypto::Certificate operator_certificate, Claimant claimant);

 private:
  /// A token whose every statement is verified, and the key of ours that it was made for.
  struct VerifiedToken {
    profile::AttachToken token;
    const OwnKey& agreement_key;
    crypto::PublicKey ephemeral_key;
  };

  void verify_chain(const SeCredentials& credentials, base::Time at) const;
  [[nodiscard]] VerifiedToken verify_token(const profile::DiscoveryImsi& dimsi, const SeCredentials& credentials) const;
  /// The operator id in a certificate that chains to a trusted operator CA.
  [[nodiscard]] std::string verify_operator(const crypto::Certificate& certificate, base::Time at) const;
  [[nodiscard]] ReleasedKey seal_and_endorse(const VerifiedToken& verified, const crypto::Certificate& operator_certificate,
                                             base::Time at) const;

  std::shared_ptr<const Trust> trust_;
  Claims& claims_;
  crypto::KnownCertificates& known_;
  base::Clock clock_;
};

}  // namespace arpf
