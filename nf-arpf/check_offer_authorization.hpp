#pragma once

#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/core/plmn_routing.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/profile/attach_token.hpp"

namespace arpf {

/// A service provider that may sign authorizations.
struct OfferSigner {
  crypto::Certificate certificate;                 ///< matched byte for byte
  std::vector<core::ImsiRange> dimsi_ranges = {};  ///< of the devices that it may authorize; empty: all
};

/// PROTOCOL.md, section 6, "Offer authorisation": the ledger of a service provider, stolen, or another operator that the ARPF trusts, gets
/// nothing without the provider's signed word for this key and this operator.
///
/// `authorization`: CMS SignedData, DER, with its content; empty: none came. `signers`: who may sign one, each for its dIMSIs; of their
/// certificates the dates count, and the key usage digitalSignature.
/// Throws Error{forbidden, AUTHORIZATION_INVALID} that says what does not fit.
void check_offer_authorization(base::BytesView authorization, const std::vector<OfferSigner>& signers,
                               const profile::AttachToken& token, const std::string& operator_id, base::Time now);

}  // namespace arpf
