#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/profile/identity.hpp"
#include "lib/sbi/client.hpp"

namespace ausf_ext {

/// Tells an existing UDM, which does not authenticate our subscribers itself, that one is authenticated (TS 33.501, 6.1.4.1a;
/// Nudm_UEAuthentication_ResultConfirmation): without it the UDM refuses the AMF's registration. One a loop.
class TellUdm {
 public:
  struct Settings {
    std::vector<sbi::Uri> udms;  ///< in fail-over order; empty: nobody is told
    std::string nf_instance_id;  ///< of this AUSF
    std::chrono::milliseconds timeout{10000};
  };

  TellUdm(sbi::Client& client, Settings settings) : client_(client), settings_(std::move(settings)) {}

  [[nodiscard]] bool is_wanted() const noexcept { return !settings_.udms.empty(); }

  struct Event {
    profile::Imsi imsi;
    std::string auth_type;  ///< `5G_AKA`, `EAP_AKA_PRIME`
    std::string serving_network_name;
    base::Time at;
    bool is_success = true;
  };
  /// Returns when the UDM has taken it. Throws Error{gateway_timeout, TARGET_NF_NOT_REACHABLE} if none does: the AMF would be refused
  /// there next, and may try again.
  boost::asio::awaitable<void> authenticated(Event event);
  /// The UE was not authenticated; the UDM need not take it.
  boost::asio::awaitable<void> failed(Event event);
  /// The result is void (TS 29.503, authRemovalInd). What the UDM makes of it goes to the log.
  boost::asio::awaitable<void> removed(Event event);

 private:
  /// The status of the first UDM that answers; 0 if none does.
  boost::asio::awaitable<int> send(std::string method, Event event, bool is_removal);

  sbi::Client& client_;
  Settings settings_;
};

}  // namespace ausf_ext
