#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/core/access_token.hpp"
#include "lib/service/access.hpp"
#include "lib/service/yaml.hpp"

namespace service {

/// `sbi: oauth2:` of a function (TS 33.501, 13.4.1; TS 29.500, 6.7.3).
struct TokenPolicy {
  bool is_required = false;          ///< else a request without a token is its TLS peer's
  bool is_bound_to_certificate = true;  ///< the token's `sub` must be a `urn:uuid:` of the client certificate, where there is one
  core::AccessTokenVerifier::Settings verifier;
};

/// Nothing for `mode: off`, or without the section. Keys and issuer must be there. `own`: the audiences that are ours anyway, as the NRF knows us.
std::optional<TokenPolicy> read_token_policy(const Section& sbi, const std::vector<std::string>& own);

/// Finds out who sent a request by its access token. One a loop.
class TokenGuard {
 public:
  TokenGuard(TokenPolicy policy, base::Clock clock)
      : is_required_(policy.is_required),
        is_bound_(policy.is_bound_to_certificate),
        verifier_(std::move(policy.verifier)),
        clock_(std::move(clock)) {}

  /// Puts the token's subject in the peer's place, unless the peer has a certificate that bears it: then the certificate's name stays.
  /// `rule`: of the request's route; one that is for everybody asks for no token. Throws sbi::Challenge: 401 with `invalid_token`, or
  /// without an error if a token is missing, and 403 with `insufficient_scope` (RFC 6750, section 3).
  void identify(const AccessRule& rule, sbi::Request& request);

 private:
  [[nodiscard]] core::AccessToken verify(const sbi::Request& request, const std::string& service);
  void require_bound(const core::AccessToken& token, const sbi::Peer& peer) const;

  bool is_required_;
  bool is_bound_;
  core::AccessTokenVerifier verifier_;
  base::Clock clock_;
};

}  // namespace service
