#pragma once

#include <boost/asio/awaitable.hpp>

#include "lib/base/clock.hpp"
#include "lib/core/subscriber_routes.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/bootstrap_subscription.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/registrations.hpp"

namespace ausf_ext {

/// Nudm_SDM and Nudm_UECM (TS 29.503) for the IMSIs that were allocated here; all others go where the PLMN routing table says: JSON to types and back. One a loop.
///
/// Each handler takes the SUPI as the path parameter {supi} (nudm-sdm) or {ueId} (nudm-uecm), and throws Error{not_found,
/// USER_NOT_FOUND} for a subscriber that is not ours, in one place: require_subscriber().
class BootstrapApi {
 public:
  struct Parts {
    const BootstrapSubscription& subscription;
    store::Database& reader;
    store::Committer& committer;
  };
  using Answer = boost::asio::awaitable<sbi::Response>;

  explicit BootstrapApi(Parts parts) : parts_(parts) {}

  void add_routes(core::SubscriberRoutes& routes);

  // Nudm_SDM
  [[nodiscard]] sbi::Response get_data_sets(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_am_data(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_nssai(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_smf_select_data(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_sm_data(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get_ue_context_in_smf(const sbi::Request& request) const;
  Answer subscribe(const sbi::Request& request);
  Answer unsubscribe(const sbi::Request& request);

  // Nudm_UECM
  [[nodiscard]] sbi::Response get_amf_registration(const sbi::Request& request) const;
  Answer put_amf_registration(const sbi::Request& request);
  Answer patch_amf_registration(const sbi::Request& request);
  [[nodiscard]] sbi::Response get_smf_registration(const sbi::Request& request) const;
  Answer put_smf_registration(const sbi::Request& request);
  Answer remove_smf_registration(const sbi::Request& request);

 private:
  void add_sdm_routes(core::SubscriberRoutes& routes);
  void add_uecm_routes(core::SubscriberRoutes& routes);
  /// The subscriber that the path parameter names. Throws Error: 400 for a SUPI that is none, 404 USER_NOT_FOUND.
  [[nodiscard]] profile::Imsi require_ours(const sbi::Request& request, const char* parameter) const;

  Parts parts_;
};

}  // namespace ausf_ext
