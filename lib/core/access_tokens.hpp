#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/sbi/client.hpp"

namespace core {

/// The most access tokens that are kept; beyond, the one that ends first goes.
inline constexpr std::size_t kMaxAccessTokens = 100;
/// A token is renewed when less than a tenth of its lifetime is left, or less than this, but never while half of it is left.
inline constexpr std::int64_t kMinRenewalS = 5;
/// The lifetime of a token whose expires_in is missing, and the longest that is believed, in seconds.
inline constexpr std::int64_t kUsualTokenLifetimeS = 60;
inline constexpr std::int64_t kMaxTokenLifetimeS = 86400;
/// So long after an NRF refused a token, or none answered, nobody asks again; who asks meanwhile is told the same. In seconds.
inline constexpr std::int64_t kTokenPauseS = 1;

/// AccessTokenRsp (TS 29.510, 6.3.5.2.3), as far as it is of use.
struct TokenGrant {
  std::string authorization;            ///< the value of an authorization header, `Bearer <token>`, at most kMaxAuthorizationSize octets
  std::chrono::milliseconds lifetime{}; ///< at least a second, at most kMaxTokenLifetimeS
  std::optional<std::string> scope;     ///< if the NRF says which it grants
};

/// What the answer of the NRF at `nrf` to a request for a token means. `target_nf_type` and `scope`: what was asked for. Throws Error:
/// forbidden ACCESS_TOKEN_DENIED for 4xx, and for less than that scope; bad_gateway ACCESS_TOKEN_FAILURE for any other answer but 200, and
/// for one that is no AccessTokenRsp.
TokenGrant read_token_answer(const sbi::Response& answer, const std::string& nrf, const std::string& target_nf_type, const std::string& scope);

/// The consumer's side of authorization between network functions: access tokens from the NRF (TS 33.501, 13.4.1; TS 29.510, 5.4.2.2 and
/// 6.3). One object a loop; of that loop's thread.
class AccessTokens {
 public:
  struct Settings {
    std::vector<sbi::Uri> nrfs;                ///< in the order of preference
    std::string nf_instance_id;                ///< our own, as the NRF knows us
    std::string nf_type;                       ///< our own
    std::chrono::milliseconds timeout{3000};   ///< of one NRF's answer
    base::Clock clock = base::system_now;      ///< for lifetimes
    /// Before an NRF that was silent is asked again; doubled each time up to the longest.
    std::chrono::milliseconds first_pause{500};
    std::chrono::milliseconds longest_pause{5000};
  };

  /// The client must outlive this object, which goes before the loop does.
  AccessTokens(sbi::Client& client, Settings settings);
  /// No further NRF is asked by what is under way, which may end later than this object.
  ~AccessTokens();
  AccessTokens(const AccessTokens&) = delete;
  AccessTokens& operator=(const AccessTokens&) = delete;

  /// The value of an authorization header for a service of that NF type: `Bearer <token>`. `scope`: one or more names of services,
  /// separated by blanks. A token is kept for its lifetime; towards its end it is renewed while it still serves, and to its end it serves
  /// while no NRF gives another. Those who ask at once share one request. The NRFs are asked in turn until one answers; none that was
  /// silent a moment ago.
  ///
  /// Throws Error: forbidden ACCESS_TOKEN_DENIED, if an NRF answered 4xx or grants less than `scope`; gateway_timeout
  /// NRF_NOT_REACHABLE, if none answered; bad_gateway ACCESS_TOKEN_FAILURE, if the answer is no AccessTokenRsp; unavailable
  /// INSUFFICIENT_RESOURCES, if kMaxAccessTokens requests are under way.
  boost::asio::awaitable<std::string> authorization(std::string target_nf_type, std::string scope);

  /// A peer answered 401: that token is not used again. With `authorization`, the value that was refused, nothing happens if there is a
  /// newer one by now, as when many were refused at once.
  void forget(const std::string& target_nf_type, const std::string& scope, std::string_view authorization = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace core
