#pragma once

#include "lib/service/run.hpp"
#include "nf-d-ausf/config.hpp"

namespace d_ausf {

inline const service::Program kProgram{"nf-d-ausf", "d_ausf", "AUSF",
                                       "The Discovery AUSF: keeps preloaded vectors and serves them to any access network"};

/// The whole function, put together from its steps; main() runs it, and so do the tests.
service::Function make_function(Config config);

/// Reads the configuration and makes the function. Throws service::ConfigError with all that is wrong.
service::Function make_function(const service::YamlDocument& document);

/// What the program does besides serving: backup, restore.
std::vector<service::Command> commands();

}  // namespace d_ausf
