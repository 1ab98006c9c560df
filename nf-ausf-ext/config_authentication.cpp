#include "nf-ausf-ext/config_authentication.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/core/hss_ueau.hpp"
#include "lib/service/access.hpp"
#include "lib/service/peer_uris.hpp"
#include "lib/service/routing_config.hpp"

namespace ausf_ext {
namespace {

Method read_method(const service::Section& section, const std::string& otherwise) {
  const std::string name = otherwise.empty() ? section.text("method") : section.text("method", otherwise);
  if (name == "EAP_AKA_PRIME") return Method::eap_aka_prime;
  if (name != "5G_AKA" && !name.empty()) section.problem("method", name + " is neither 5G_AKA nor EAP_AKA_PRIME");
  return Method::aka_5g;
}

core::ProvisioningServers read_servers(const service::Section& authentication) {
  core::ProvisioningServers servers;
  for (const service::Section& section : authentication.sections("provisioning_servers")) {
    core::ProvisioningServer server{section.texts("ipv4"), section.texts("ipv6"), section.texts("fqdn")};
    if (server.ipv4_addresses.empty() && server.ipv6_addresses.empty() && server.fqdns.empty()) {
      section.problem("fqdn", "is missing: a provisioning server has at least one of fqdn, ipv4, ipv6");
      continue;
    }
    servers.push_back(std::move(server));
  }
  return servers;
}

}  // namespace

Method AuthenticationConfig::method_of(const profile::Imsi& imsi) const {
  const auto found = std::find_if(methods.begin(), methods.end(), [&imsi](const Exception& exception) { return exception.imsis.contains(imsi); });
  return found == methods.end() ? method : found->method;
}

bool AuthenticationConfig::admits(const std::string& network) const {
  return serving_networks.empty() || std::find(serving_networks.begin(), serving_networks.end(), network) != serving_networks.end();
}

void AuthenticationConfig::require_admitted(const std::string& network) const {
  base::require(admits(network), "SERVING_NETWORK_NOT_AUTHORIZED",
                "this serving network may not authenticate our subscribers (with bare CK and IK every one could)");
}

AuthenticationConfig read_authentication(const service::Section& section, const service::CommonConfig& common) {
  AuthenticationConfig config;
  config.method = read_method(section, "5G_AKA");
  for (const service::Section& exception : section.sections("methods")) {
    const auto range = service::read_imsi_range(exception);
    const Method method = read_method(exception, "");
    if (range) config.methods.push_back({*range, method});
  }
  config.has_result_indications = section.boolean("result_indications", false);
  for (const std::string& name : section.texts("serving_networks")) {
    if (!core::is_key_binding(name)) section.problem("serving_networks", name + service::kNoKeyBinding);
    config.serving_networks.push_back(name);
  }
  if (config.serving_networks.empty() && section.has("serving_networks")) {
    section.problem("serving_networks", "is empty: leave it out for every serving network");
  }
  config.provisioning_servers = read_servers(section);
  config.tells_servers_always = section.boolean("provisioning_servers_always", false);
  for (const std::string& text : section.texts("auth_events")) {
    try {
      config.auth_event_udms.push_back(sbi::Uri::parse(text));
      service::check_peer_uri(section, "auth_events", config.auth_event_udms.back(), common);
    } catch (const std::invalid_argument& error) {
      section.problem("auth_events", text + " " + error.what());
    }
  }
  return config;
}

}  // namespace ausf_ext
