#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "lib/service/run.hpp"

namespace service {

/// `backup --to FILE` and `restore --from FILE`: the database that the configuration names, by store::back_up and store::restore, recorded in its audit
/// log (service::recorded); and `verify-audit`. `read` is what main() gets; `schema` is the function's, and outlives the commands.
std::vector<Command> upkeep_commands(const Program& program, const std::function<Function(const YamlDocument&)>& read, std::string_view schema);

}  // namespace service
