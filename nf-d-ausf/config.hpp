#pragma once

#include "lib/service/config.hpp"

namespace d_ausf {

struct Config {
  service::CommonConfig common;
};

/// Reads config/d-ausf.yaml; faults are noted in its document.
Config read_config(const service::Section& root);

}  // namespace d_ausf
