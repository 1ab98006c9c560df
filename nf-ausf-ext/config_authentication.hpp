#pragma once

#include <string>
#include <vector>

#include "lib/core/ueau.hpp"
#include "lib/core/plmn_routing.hpp"
#include "lib/service/config.hpp"
#include "lib/service/yaml.hpp"

namespace ausf_ext {

/// How a subscriber is authenticated in 5G (TS 33.501, 6.1.3).
enum class Method { aka_5g, eap_aka_prime };

/// The section `authentication`.
struct AuthenticationConfig {
  Method method = Method::aka_5g;  ///< of those that no range names
  struct Exception {
    core::ImsiRange imsis;
    Method method;
  };
  std::vector<Exception> methods;  ///< the first one that holds the IMSI
  bool has_result_indications = false;               ///< AT_RESULT_IND in EAP-AKA'
  std::vector<std::string> serving_networks;         ///< that may authenticate our subscribers (core::key_binding); empty: any
  core::ProvisioningServers provisioning_servers;    ///< pvsInfo
  bool tells_servers_always = false;                 ///< else only when onboardingInd asks for it
  std::vector<sbi::Uri> auth_event_udms;             ///< a UDM that is told of every result, in fail-over order; empty: none

  [[nodiscard]] Method method_of(const profile::Imsi& imsi) const;
  /// `network`: a serving network's name, or what else keys are bound to (core::key_binding).
  [[nodiscard]] bool admits(const std::string& network) const;
  /// Throws Error{forbidden, SERVING_NETWORK_NOT_AUTHORIZED} unless admits(network).
  void require_admitted(const std::string& network) const;
};

/// `common` says how UDMs may be reached (service::check_peer_uri). Faults are noted in the section's document.
AuthenticationConfig read_authentication(const service::Section& section, const service::CommonConfig& common);

}  // namespace ausf_ext
