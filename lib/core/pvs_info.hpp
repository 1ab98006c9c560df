#pragma once

#include <nlohmann/json_fwd.hpp>

#include "lib/core/ueau.hpp"

namespace core {

/// pvsInfo: an array of ServerAddressingInfo without empty members. Not for an empty list, which is left out.
nlohmann::ordered_json write_pvs_info(const ProvisioningServers& servers);

}  // namespace core
