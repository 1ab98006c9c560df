#include "nf-arpf/release_ephemeral_key.hpp"

#include <algorithm>
#include <array>

#include "lib/base/error.hpp"
#include "lib/crypto/cms.hpp"

namespace arpf {
namespace {

using base::Error;
using base::ErrorKind;
using base::require;
using crypto::ChainFault;

/// Refuses a certificate of the SE's chain; dates and revocation have causes of their own.
[[noreturn]] void refuse_certificate(const char* cause, const char* member, ChainFault fault) {
  const std::string why(crypto::describe(fault));
  const bool is_dates = fault == ChainFault::expired || fault == ChainFault::not_yet_valid;
  if (is_dates) cause = "CERTIFICATE_EXPIRED";
  if (fault == ChainFault::revoked) cause = "CERTIFICATE_REVOKED";
  throw Error(ErrorKind::forbidden, cause, std::string(member) + ": " + why, {{member, why}});
}

profile::AttachToken parse_token(base::BytesView der) {
  try {
    return profile::AttachToken::parse(der);
  } catch (const profile::TokenError& error) {
    throw Error(ErrorKind::forbidden, "TOKEN_INVALID", std::string("the token is malformed: ") + error.what());
  }
}

/// PK.SE.ECDHE as a point of our key's curve (PROTOCOL.md, section 4.2: never one off the curve, nor infinity).
crypto::PublicKey point_on_curve(crypto::Curve curve, base::BytesView point) {
  try {
    return crypto::PublicKey::from_point(curve, point);
  } catch (const crypto::CryptoError&) {
    throw Error(ErrorKind::forbidden, "TOKEN_INVALID",
                "the token's ephemeral key is not a point of " + std::string(crypto::name(curve)));
  }
}

}  // namespace

ReleaseEphemeralKey::ReleaseEphemeralKey(std::shared_ptr<const Trust> trust, Claims& claims, crypto::KnownCertificates& known,
                                         base::Clock clock)
    : trust_(std::move(trust)), claims_(claims), known_(known), clock_(std::move(clock)) {}

boost::asio::awaitable<ClaimedKey> ReleaseEphemeralKey::claim(profile::DiscoveryImsi dimsi, SeCredentials credentials,
                                                              crypto::Certificate operator_certificate, Claimant claimant) {
  const base::Time now = clock_();
  verify_chain(credentials, now);
  VerifiedToken verified = verify_token(dimsi, credentials);
  std::string operator_id = verify_operator(operator_certificate, now);
  require(!claimant || *claimant == operator_id, "NOT_OWNER", "the caller is not the operator of this certificate");

  if (trust_->offer_signers) {
    check_offer_authorization(credentials.authorization, *trust_->offer_signers, verified.token, operator_id, now);
  }

  ClaimRequest wanted{dimsi, operator_id, crypto::sha256(verified.token.ephemeral_point), crypto::sha256(verified.ephemeral_key.mirrored_point()),
                      PartNumber(credentials.part_number.public_key())};
  const auto claimed_since = co_await claims_.claim(std::move(wanted));
  co_return ClaimedKey{std::move(verified), std::move(operator_certificate), std::move(operator_id), now, claimed_since};
}

void ReleaseEphemeralKey::verify_chain(const SeCredentials& credentials, base::Time at) const {
  const auto& agreed = trust_->agreed_issuers;
  require(std::find(agreed.begin(), agreed.end(), credentials.issuer) != agreed.end(), "CI_NOT_AGREED",
          "the CI's certificate is not one that this ARPF agreed on");
  // As the trust anchor it is nobody's subject in the chain, where the dates of the others are looked at.
  const ChainFault dates = crypto::check_dates(credentials.issuer, at);
  if (dates != ChainFault::none) refuse_certificate("CI_NOT_AGREED", "/seCredentials/ciCertificate", dates);
  const std::array chain{credentials.issuer, credentials.part_number, credentials.secure_element};
  const auto lists = trust_->revocation_lists->current();
  const auto verdict = crypto::check_chain(chain, at, crypto::KeyUsage::digital_signature, *lists, &known_);
  if (verdict.fault == ChainFault::none) return;
  if (verdict.position == 2) refuse_certificate("SE_CERTIFICATE_INVALID", "/seCredentials/seCertificate", verdict.fault);
  refuse_certificate("PN_CERTIFICATE_INVALID", "/seCredentials/pnCertificate", verdict.fault);
}

VerifiedToken ReleaseEphemeralKey::verify_token(const profile::DiscoveryImsi& dimsi, const SeCredentials& credentials) const {
  profile::AttachToken token = parse_token(credentials.token);
  require(token.is_signed_by(credentials.secure_element.public_key()), "TOKEN_SIGNATURE_INVALID",
          "the token is not signed by the key of the SE's certificate");
  require(token.discovery_imsi == dimsi, "DIMSI_MISMATCH", "the token is for another dIMSI");
  const auto& keys = trust_->agreement_keys;
  const auto key = std::find_if(keys.begin(), keys.end(), [&token](const OwnKey& own) {
    return own.certificate.subject_key_id() == token.arpf_key_id;
  });
  require(key != keys.end(), "ARPF_KEY_UNKNOWN", "the token was made for a key that is none of this ARPF's");
  crypto::PublicKey ephemeral_key = point_on_curve(key->key->curve(), token.ephemeral_point);
  return {std::move(token), *key, std::move(ephemeral_key)};
}

std::string ReleaseEphemeralKey::verify_operator(const crypto::Certificate& certificate, base::Time at) const {
  const auto& issuers = trust_->operator_issuers;
  const auto lists = trust_->revocation_lists->current();
  ChainFault fault = ChainFault::wrong_issuer;
  const bool is_trusted = std::any_of(issuers.begin(), issuers.end(), [&](const crypto::Certificate& issuer) {
    ChainFault found = crypto::check_issued_by(certificate, issuer, at, crypto::KeyUsage::key_agreement, *lists, &known_);
    if (found == ChainFault::none) found = crypto::check_dates(issuer, at);
    if (found != ChainFault::wrong_issuer) fault = found;
    return found == ChainFault::none;
  });
  if (!is_trusted) {
    throw Error(ErrorKind::forbidden, "OPERATOR_NOT_TRUSTED",
                "the operator's certificate, or its CA's, does not verify: " + std::string(crypto::describe(fault)));
  }
  require(certificate.organizations().size() == 1, "OPERATOR_NOT_TRUSTED",
          "the operator's certificate does not have exactly one organizationName, the operator id");
  return certificate.organizations().front();
}

ReleasedKey ReleaseEphemeralKey::seal_and_endorse(const ClaimedKey& claimed) const {
  const VerifiedToken& verified = claimed.verified;
  const base::SecretBytes shared_secret = crypto::agree(*verified.agreement_key.key, verified.ephemeral_key);
  const profile::EphemeralKey ephemeral_key =
      profile::derive_ephemeral_key(shared_secret, verified.token.discovery_imsi, verified.token.arpf_key_id);

  const profile::TbcdImsi tbcd = verified.token.discovery_imsi.tbcd();
  base::SecretBytes content(tbcd.size() + ephemeral_key.kSize);
  std::copy(tbcd.begin(), tbcd.end(), content.writable().begin());
  std::ranges::copy(ephemeral_key.reveal(), content.writable().begin() + tbcd.size());

  ReleasedKey released;
  released.encrypted_key = crypto::envelop(content.reveal(), claimed.operator_certificate);
  released.endorsement =
      crypto::sign_detached(base::concatenate(verified.token.der, released.encrypted_key),
                            trust_->endorsement_key.certificate, *trust_->endorsement_key.key, claimed.at);
  return released;
}

}  // namespace arpf
