#pragma once

#include <optional>

#include "lib/service/yaml.hpp"
#include "nf-ausf-ext/bootstrap_subscription.hpp"

namespace ausf_ext {

/// Reads `bootstrap_subscription` of the function's section; nothing if it is not there. Faults are noted in the document.
std::optional<BootstrapSubscription> read_bootstrap_subscription(const service::Section& function);

}  // namespace ausf_ext
