#include "nf-arpf/check_offer_authorization.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/crypto/cms.hpp"
#include "lib/profile/offer_authorization.hpp"

namespace arpf {
namespace {

constexpr const char* kCause = "AUTHORIZATION_INVALID";

[[noreturn]] void refuse(const std::string& why) {
  throw base::Error(base::ErrorKind::forbidden, kCause, "the offer's authorization: " + why, {{"/authorization", why}});
}

crypto::SignedContent verify(base::BytesView authorization) {
  try {
    return crypto::verify_attached(authorization);
  } catch (const crypto::CryptoError& error) {
    refuse(error.what());
  }
}

profile::OfferAuthorization parse(base::BytesView content) {
  try {
    return profile::OfferAuthorization::parse(content);
  } catch (const profile::OfferAuthorizationError& error) {
    refuse(error.what());
  }
}

const OfferSigner& find_signer(const crypto::Certificate& signer, const std::vector<OfferSigner>& signers, base::Time now) {
  const auto found = std::find_if(signers.begin(), signers.end(), [&signer](const OfferSigner& one) { return one.certificate == signer; });
  if (found == signers.end()) refuse("its signer is no service provider that this ARPF knows");
  const auto dates = crypto::check_dates(signer, now);
  if (dates != crypto::ChainFault::none) refuse("the service provider's certificate: " + std::string(crypto::describe(dates)));
  if (!signer.has_key_usage(crypto::KeyUsage::digital_signature)) refuse("the service provider's certificate lacks the key usage digitalSignature");
  return *found;
}

/// PROTOCOL.md says of a signer only that the ARPF knows it: a provider that has got hold of another's tokens would do.
void check_range(const OfferSigner& signer, const profile::DiscoveryImsi& dimsi) {
  const auto& ranges = signer.dimsi_ranges;
  if (ranges.empty()) return;
  const auto has_it = [&dimsi](const core::ImsiRange& range) { return range.contains(dimsi.imsi()); };
  if (std::none_of(ranges.begin(), ranges.end(), has_it)) refuse("its signer authorizes no device with this dIMSI here");
}

}  // namespace

void check_offer_authorization(base::BytesView authorization, const std::vector<OfferSigner>& signers,
                               const profile::AttachToken& token, const std::string& operator_id, base::Time now) {
  if (authorization.empty()) refuse("is missing, and this ARPF releases no key without one");
  const crypto::SignedContent said = verify(authorization);
  const OfferSigner& signer = find_signer(said.by.signer, signers, now);
  const profile::OfferAuthorization word = parse(said.content);
  if (!(word.discovery_imsi == token.discovery_imsi)) refuse("is for another dIMSI");
  check_range(signer, token.discovery_imsi);
  if (word.ephemeral_key_hash != crypto::sha256(token.ephemeral_point)) refuse("is for another ephemeral key");
  if (word.operator_id != operator_id) refuse("is for another operator");
  if (word.not_after < now) refuse("has run out");
}

}  // namespace arpf
