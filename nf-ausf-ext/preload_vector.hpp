#pragma once

#include <boost/asio/awaitable.hpp>

#include "lib/sbi/client.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/peer_answer.hpp"
#include "nf-ausf-ext/prepare_vector.hpp"
#include "nf-ausf-ext/silent_peers.hpp"

namespace ausf_ext {

/// Step (2): puts a device's vector at the Discovery AUSF. One a loop.
class PreloadVector {
 public:
  /// All outlive it.
  PreloadVector(const Config& config, sbi::Client& client, const SilentPeers& silent) : config_(config), client_(client), silent_(silent) {}

  /// Returns once the D-AUSF says that it has it, which makes it durable. Throws PeerRefused (status 502 for a success that is no such word) and
  /// PeerUnavailable.
  boost::asio::awaitable<void> operator()(profile::DiscoveryImsi dimsi, profile::Imsi imsi, PreparedVector prepared);

  /// Deletes it again, step (11). Nothing if it is gone: 204, or a 404 that says so; else why it may not be.
  boost::asio::awaitable<std::optional<Problem>> remove(profile::DiscoveryImsi dimsi);

 private:
  boost::asio::awaitable<sbi::Response> send(std::string method, profile::DiscoveryImsi dimsi, std::string body);

  const Config& config_;
  sbi::Client& client_;
  const SilentPeers& silent_;
};

}  // namespace ausf_ext
