#pragma once

#include "lib/crypto/known_certificates.hpp"
#include "lib/sbi/router.hpp"
#include "lib/service/audit.hpp"
#include "nf-arpf/api_key_request.hpp"
#include "nf-arpf/claims.hpp"
#include "nf-arpf/config.hpp"
#include "nf-arpf/publish_certificates.hpp"
#include "nf-arpf/release_ephemeral_key.hpp"

namespace arpf {

/// The routes of PROTOCOL.md, section 8.1: JSON to types and back, nothing else. One a loop.
class Api {
 public:
  Api(const Config& config, const PublishCertificates& certificates, ReleaseEphemeralKey& release, Claims& claims,
      crypto::KnownCertificates& known, service::Audit audit)
      : config_(config), certificates_(certificates), release_(release), claims_(claims), known_(known), audit_(audit) {}

  void add_routes(sbi::Router& router);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  [[nodiscard]] sbi::Response list_certificates(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_certificate(const sbi::Request& request) const;
  [[nodiscard]] KeyRequest read_retrieval(const sbi::Request& request);
  [[nodiscard]] sbi::Response get_claim(const sbi::Request& request) const;
  Answer retrieve_key(const sbi::Request& request);
  boost::asio::awaitable<void> record_release(const sbi::Request& request, profile::DiscoveryImsi dimsi, const ClaimedKey& claimed, bool is_released);
  Answer retire(const sbi::Request& request);
  Answer release_claim(const sbi::Request& request);

  /// The operator that the peer is; nothing for an anonymous one, in a lab. Throws Error{forbidden, NOT_OWNER} for a stranger.
  [[nodiscard]] Claimant operator_of(const sbi::Peer& peer) const;
  /// The same, and nothing for an administrator, who changes every claim.
  [[nodiscard]] Claimant claimant_of(const sbi::Peer& peer) const;

  const Config& config_;
  const PublishCertificates& certificates_;
  ReleaseEphemeralKey& release_;
  Claims& claims_;
  crypto::KnownCertificates& known_;  ///< what release_ has too
  service::Audit audit_;
};

}  // namespace arpf
