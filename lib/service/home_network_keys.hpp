#pragma once

#include <memory>

#include "lib/aka/suci_concealment.hpp"
#include "lib/service/yaml.hpp"

namespace service {

/// `home_network_keys` of a function's section: a list of `{id: 1 to 255, scheme: A or B, private_key: file}`, the file of mode
/// 0600 or stricter. Never null: without the list there is only the null scheme. Notes a problem with each fault.
std::shared_ptr<const aka::HomeNetworkKeys> read_home_network_keys(const Section& function);

}  // namespace service
