#include "nf-d-ausf/config.hpp"

#include "lib/service/home_network_keys.hpp"

namespace d_ausf {

Config read_config(const service::Section& root) {
  Config config;
  config.common = service::read_common(root, "d_ausf");
  config.home_network_keys = service::read_home_network_keys(root.section("d_ausf"));
  return config;
}

}  // namespace d_ausf
