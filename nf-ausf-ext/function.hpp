#pragma once

#include "lib/service/run.hpp"
#include "nf-ausf-ext/config.hpp"

namespace ausf_ext {

inline const service::Program kProgram{"nf-ausf-ext", "ausf_ext", "AUSF",
                                       "The target AUSF's extension: takes devices on and authenticates them"};

/// The whole function, put together from its steps; main() runs it, and so do the tests.
service::Function make_function(Config config);

/// Reads the configuration and makes the function. Throws service::ConfigError with all that is wrong.
service::Function make_function(const service::YamlDocument& document);

/// What the program does besides serving: backup, restore, export-open5gs, wrap-key.
std::vector<service::Command> commands();

}  // namespace ausf_ext
