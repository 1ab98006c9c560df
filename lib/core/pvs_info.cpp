#include "lib/core/pvs_info.hpp"

#include <nlohmann/json.hpp>

namespace core {

using nlohmann::ordered_json;

ordered_json write_pvs_info(const ProvisioningServers& servers) {
  ordered_json out = ordered_json::array();
  for (const ProvisioningServer& server : servers) {
    ordered_json one = ordered_json::object();
    if (!server.ipv4_addresses.empty()) one["ipv4Addresses"] = server.ipv4_addresses;
    if (!server.ipv6_addresses.empty()) one["ipv6Addresses"] = server.ipv6_addresses;
    if (!server.fqdns.empty()) one["fqdnList"] = server.fqdns;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace core
