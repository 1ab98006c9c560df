#include "lib/service/upkeep_commands.hpp"

#include <iostream>

#include "lib/service/audit_command.hpp"
#include "lib/service/audit_console.hpp"
#include "lib/store/backup.hpp"

namespace service {
namespace {

using Read = std::function<Function(const YamlDocument&)>;

std::string database_of(const Read& read, const std::string& config_path) {
  const YamlDocument document = YamlDocument::load(config_path);
  return read(document).common.database;
}

std::string file_of(const Command::Given& given, const char* option) {
  const auto found = given.find(option);
  if (found == given.end() || found->second.empty()) throw ConfigError("--" + std::string(option) + " FILE is missing");
  return found->second;
}

}  // namespace

std::vector<Command> upkeep_commands(const Program& program, const Read& read, std::string_view schema) {
  const auto back_up = [read](const std::string& config_path, const Command::Given& given) {
    const std::string to = file_of(given, "to");
    const std::string database = database_of(read, config_path);
    store::back_up(database, to);
    std::cerr << database << " is backed up, checked, in " << to << "\n";
    return 0;
  };
  const auto restore = [read, schema](const std::string& config_path, const Command::Given& given) {
    const std::string from = file_of(given, "from");
    const std::string database = database_of(read, config_path);
    const std::string aside = store::restore(database, from, schema);
    std::cerr << database << " is what " << from << " holds";
    if (!aside.empty()) std::cerr << "; what was there before is " << aside;
    std::cerr << "\n";
    return 0;
  };
  const std::string& section = program.section;
  return {recorded({"backup", "copies the database to a new file, checked, while the function runs",
                    {{"to", "the file to make, of mode 0600", false}}, back_up},
                   AuditAction::backup, section),
          recorded({"restore", "puts a backup in the place of the database, which is kept aside; the function must not run",
                    {{"from", "the backup", false}}, restore},
                   AuditAction::restore, section),
          audit_command([section](const std::string& config_path) { return audit_file_of(config_path, section); })};
}

}  // namespace service
