#include "ue-sim/offer_authorizer.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/clock.hpp"
#include "lib/crypto/cms.hpp"
#include "lib/profile/attach_token.hpp"
#include "lib/profile/offer_authorization.hpp"

namespace ue_sim {

OfferAuthorizer::OfferAuthorizer(const AuthorizationRequest& request)
    : certificate_(crypto::Certificate::load(request.certificate)),
      key_(std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::load(request.private_key))),
      operator_id_(request.operator_id),
      lifetime_(request.lifetime) {}

base::Bytes OfferAuthorizer::authorize(base::BytesView token) const {
  const profile::AttachToken parsed = profile::AttachToken::parse(token);
  const base::Time now = base::system_now();
  const profile::OfferAuthorization word{parsed.discovery_imsi, crypto::sha256(parsed.ephemeral_point), operator_id_, now + lifetime_};
  return crypto::sign_attached(word.encode(), certificate_, *key_, now);
}

void OfferAuthorizer::authorize_offer(nlohmann::ordered_json& offer) const {
  for (auto& arpf : offer.at("arpfs")) {
    const auto token = base::from_base64(arpf.at("seCredentials").at("token").get<std::string>());
    if (!token) throw std::runtime_error("the ledger has a token that is not base64");
    arpf["authorization"] = base::to_base64(authorize(*token));
  }
}

}  // namespace ue_sim
