#pragma once

#include "lib/core/subscriber_routes.hpp"
#include "lib/service/access.hpp"
#include "lib/service/audit.hpp"
#include "nf-ausf-ext/authenticate.hpp"

namespace ausf_ext {

/// Nausf_UEAuthentication (TS 29.509) and Nudm_UEAuthentication (TS 29.503) of allocated IMSIs: JSON to types and back, nothing else.
/// Whoever is not ours goes where the PLMN routing table says. One a loop.
class AuthenticationApi {
 public:
  struct Parts {
    const AuthenticationConfig& config;
    const service::Access& access;
    const aka::HomeNetworkKeys& home_network_keys;
    store::Database& reader;
    store::Committer& committer;
    Subscribers& subscribers;
    Authenticate& authenticate;
    ProvideVectors& vectors;
    std::function<void()> on_attached;  ///< a device is ATTACHED: the RSMF is to be told
    base::Clock clock;
    service::Audit audit;
  };

  explicit AuthenticationApi(Parts parts) : parts_(std::move(parts)) {}

  void add_routes(core::SubscriberRoutes& routes);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  void add_ausf_routes(core::SubscriberRoutes& routes);
  void add_udm_routes(core::SubscriberRoutes& routes);

  Answer authenticate(const sbi::Request& request);
  std::optional<sbi::Response> authenticate_at_once(const sbi::Request& request);
  Answer confirm(const sbi::Request& request);
  std::optional<sbi::Response> confirm_at_once(const sbi::Request& request);
  Answer continue_eap(const sbi::Request& request);
  Answer end_context(const sbi::Request& request, std::string auth_type);
  [[nodiscard]] sbi::Response deregister(const sbi::Request& request) const;

  Answer generate_auth_data(const sbi::Request& request);
  Answer generate_av(const sbi::Request& request);
  /// Before the keys leave.
  boost::asio::awaitable<void> record(const sbi::Request& request, service::AuditAction action, profile::Imsi imsi, std::string detail);
  Answer take_auth_event(const sbi::Request& request);
  [[nodiscard]] sbi::Response remove_auth_event(const sbi::Request& request) const;

  Parts parts_;
};

}  // namespace ausf_ext
