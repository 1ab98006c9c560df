#include "nf-d-ausf/config.hpp"

namespace d_ausf {

Config read_config(const service::Section& root) { return {service::read_common(root, "d_ausf")}; }

}  // namespace d_ausf
