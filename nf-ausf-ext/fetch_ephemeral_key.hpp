#pragma once

#include <boost/asio/awaitable.hpp>

#include "lib/crypto/known_certificates.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/sbi/client.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/peer_answer.hpp"
#include "nf-ausf-ext/silent_peers.hpp"

namespace ausf_ext {

/// Step (0-e), the target AUSF's side: gets eK from an ARPF, and believes it only if the ARPF that the configuration pins
/// endorsed this very token (PROTOCOL.md, section 6). One a loop.
class FetchEphemeralKey {
 public:
  /// All outlive it.
  FetchEphemeralKey(const Config& config, sbi::Client& client, const SilentPeers& silent, base::Clock clock)
      : config_(config), client_(client), silent_(silent), clock_(std::move(clock)) {}

  /// Throws PeerRefused for a 4xx or an answer that does not verify, PeerUnavailable if the ARPF gave no answer, or is
  /// silent and being asked already.
  boost::asio::awaitable<profile::EphemeralKey> operator()(profile::DiscoveryImsi dimsi, OfferedArpf offered);

  /// Spends the token of the dIMSI at an ARPF, step (11). Nothing if it is done (204), or there is no key of ours; else why not yet.
  boost::asio::awaitable<std::optional<Problem>> spend(profile::DiscoveryImsi dimsi, Cleanup cleanup);

 private:
  [[nodiscard]] const TrustedArpf& trusted(const std::string& uri) const;
  boost::asio::awaitable<sbi::Response> post(std::string uri, std::string suffix, std::string body);
  [[nodiscard]] profile::EphemeralKey open_answer(const profile::DiscoveryImsi& dimsi, const OfferedArpf& offered,
                                                  const std::string& body);
  void verify_endorsement(const TrustedArpf& arpf, base::BytesView endorsement, base::BytesView endorsed);

  const Config& config_;
  sbi::Client& client_;
  const SilentPeers& silent_;
  base::Clock clock_;
  crypto::KnownCertificates known_;  ///< the ARPFs' own, which come with each answer
};

}  // namespace ausf_ext
