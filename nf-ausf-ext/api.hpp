#pragma once

#include <boost/asio/io_context.hpp>

#include "lib/sbi/import_places.hpp"
#include "lib/sbi/router.hpp"
#include "lib/service/audit.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/imports.hpp"
#include "nf-ausf-ext/onboarding.hpp"

namespace ausf_ext {

/// The routes of PROTOCOL.md, section 8.3, onboarding: JSON to types and back, nothing else. One a loop; onboarding, which they
/// share, lives on the first loop.
class Api {
 public:
  struct Parts {
    const Config& config;
    store::Database& reader;
    store::Committer& committer;
    boost::asio::io_context& onboarding_loop;
    Onboarding& onboarding;
    base::Clock clock;
    service::Audit audit;
  };

  explicit Api(Parts parts) : parts_(std::move(parts)), imports_(parts_.config.common.limits) {}

  void add_routes(sbi::Router& router);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  Answer put_device(const sbi::Request& request);
  Answer retire_device(const sbi::Request& request);
  Answer import_offers(const sbi::Request& request, sbi::BodyReader& body);
  [[nodiscard]] sbi::Response get_device(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response list_devices(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_import(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_import_problems(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response list_pools(const sbi::Request& request) const;

  /// Whose devices the peer sees: its own; nothing for the RSMF, administrators and anonymous peers, who see all.
  [[nodiscard]] Provider sees_only(const sbi::Peer& peer) const;
  [[nodiscard]] Device require_visible(const sbi::Request& request) const;
  [[nodiscard]] ImportStatus require_visible_import(const sbi::Request& request) const;

  /// Drives the device on the onboarding's loop and waits for it there.
  boost::asio::awaitable<bool> settle(profile::DiscoveryImsi dimsi, std::chrono::milliseconds wait);

  Parts parts_;
  sbi::ImportPlaces imports_;
};

}  // namespace ausf_ext
