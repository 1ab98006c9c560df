#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lib/crypto/certificate.hpp"

/// The service provider's word for its offers (PROTOCOL.md, section 6, "Offer authorisation").
namespace ue_sim {

struct AuthorizationRequest {
  std::string certificate;  ///< PEM file of the service provider, which the ARPF knows
  std::string private_key;  ///< PEM file
  std::string operator_id;  ///< who may have the keys: organizationName of CERT.MNO
  std::chrono::seconds lifetime{86400};
};

/// Immutable.
class OfferAuthorizer {
 public:
  /// Throws CryptoError that names the file at fault.
  explicit OfferAuthorizer(const AuthorizationRequest& request);

  /// The CMS SignedData for a token, DER. Throws profile::TokenError if it is none.
  [[nodiscard]] base::Bytes authorize(base::BytesView token) const;

  /// Puts `authorization` beside `seCredentials` of each of an offer's `arpfs`.
  void authorize_offer(nlohmann::ordered_json& offer) const;

 private:
  crypto::Certificate certificate_;
  std::shared_ptr<const crypto::PrivateKey> key_;
  std::string operator_id_;
  std::chrono::seconds lifetime_;
};

}  // namespace ue_sim
