#pragma once

#include <memory>

#include "lib/aka/suci_concealment.hpp"
#include "lib/service/config.hpp"

namespace d_ausf {

struct Config {
  service::CommonConfig common;
  /// What SUCIs of dIMSIs are concealed to; never null.
  std::shared_ptr<const aka::HomeNetworkKeys> home_network_keys = std::make_shared<const aka::HomeNetworkKeys>();
};

/// Reads config/d-ausf.yaml; faults are noted in its document.
Config read_config(const service::Section& root);

}  // namespace d_ausf
