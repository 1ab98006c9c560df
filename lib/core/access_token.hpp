#pragma once

#include <array>
#include <chrono>
#include <list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/crypto/jws.hpp"
#include "lib/crypto/kdf.hpp"

/// The producer's side of authorization between network functions: the NRF's access tokens (TS 33.501, 13.4.1; TS 29.510, 6.3).
namespace core {

/// The longest value of an authorization header that is looked at, in octets.
inline constexpr std::size_t kMaxAuthorizationSize = 8192;
/// So many verified tokens are remembered; beyond, the one not seen for longest goes.
inline constexpr std::size_t kMaxVerifiedTokens = 512;

/// AccessTokenClaims that were verified.
struct AccessToken {
  std::string subject;                 ///< `sub`: the NF instance id of the consumer
  std::vector<std::string> audiences;  ///< `aud`: one NF type, or NF instance ids
  std::vector<std::string> scopes;     ///< `scope`: names of services, or of parts of them (TS 29.510, 6.3.5.2.4)
  base::Time expires_at;               ///< `exp`
  std::string issuer;                  ///< `iss`: the NF instance id of the NRF

  /// True if one element of the scope is `service`, letter for letter.
  [[nodiscard]] bool has_scope(std::string_view service) const;
};

/// Why a token is refused, fit to be sent as error_description (RFC 6750, section 3): none of the token's octets are in it.
class TokenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Verifies what a consumer shows. One object a loop; of that loop's thread.
class AccessTokenVerifier {
 public:
  struct Settings {
    std::vector<crypto::JwsVerifyingKey> keys;  ///< of the NRF; several while they change: each of the header's `alg` is tried
    std::string issuer;                         ///< NF instance id, or URI, of the NRF; empty: no token is taken
    std::vector<std::string> audiences;         ///< our NF instance ids and NF types
    std::chrono::seconds skew{5};               ///< by which the NRF's clock may differ from ours
  };
  explicit AccessTokenVerifier(Settings settings) : settings_(std::move(settings)) {}

  /// `authorization`: the header's value, `Bearer` and a JWS in compact serialization. Throws TokenError unless one of the keys signed it
  /// with its own algorithm, iss, sub, aud, scope and exp are there, each of its type, the issuer is the one expected, one of `aud` is ours
  /// (NF types letter for letter, instance ids in either case), and it is valid at `now`: not before `nbf`, if it has one, and
  /// before `exp`. Whether the scope is enough, and the subject the one at the other end of the connection, is for the caller to
  /// look at. Claims that narrow a token to PLMNs, slices or NF sets (producerSnssaiList and the like) are not looked at.
  ///
  /// The signature of a token is verified once: those that are remembered are known by their SHA-256, an expired one as well, and of
  /// these only the time is looked at.
  AccessToken verify(std::string_view authorization, base::Time now);

  [[nodiscard]] std::size_t remembered() const noexcept { return tokens_.size(); }

 private:
  /// A token that is ours, but for the time.
  struct Verified {
    crypto::Sha256Digest digest{};
    AccessToken token;
    base::Time not_before{};
  };
  /// A digest is as good a hash as any: its first octets.
  struct DigestHash {
    std::size_t operator()(const crypto::Sha256Digest& digest) const noexcept;
  };
  using Tokens = std::list<Verified>;

  [[nodiscard]] std::string verified_payload(std::string_view token) const;
  [[nodiscard]] bool is_signed(std::string_view algorithm, std::string_view signing_input, base::BytesView signature) const;
  [[nodiscard]] bool is_ours(const AccessToken& token) const;
  void check_time(const Verified& verified, base::Time now) const;
  const Verified& remember(Verified verified);

  Settings settings_;
  Tokens tokens_;  ///< the one seen last in front
  std::unordered_map<crypto::Sha256Digest, Tokens::iterator, DigestHash> by_digest_;
};

/// The value of WWW-Authenticate (RFC 6750, section 3): `Bearer error="...", error_description="...", scope="..."`, without those that are
/// empty, and `Bearer realm="sbi"` if all are: for who showed no token. `error`: invalid_request (400), invalid_token (401) or
/// insufficient_scope (403). What may not stand in such a value becomes `?`.
std::string www_authenticate(std::string_view error, std::string_view description, std::string_view scope);

}  // namespace core
