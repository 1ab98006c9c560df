#pragma once

#include "lib/service/run.hpp"
#include "nf-arpf/config.hpp"

namespace arpf {

inline const service::Program kProgram{"nf-arpf", "arpf", "ARPF",
                                       "The third-party ARPF: releases the ephemeral keys of devices to operators"};

/// The whole function, put together from its steps; main() runs it, and so do the tests.
service::Function make_function(Config config);

/// Reads the configuration and makes the function. Throws service::ConfigError with all that is wrong.
service::Function make_function(const service::YamlDocument& document);

/// What the program does besides serving: backup, restore.
std::vector<service::Command> commands();

}  // namespace arpf
