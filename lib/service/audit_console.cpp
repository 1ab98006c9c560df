#include "lib/service/audit_console.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "lib/base/clock.hpp"

namespace service {
namespace {

constexpr const char* kConsole = "console";  ///< in the place of a peer's address, which never looks like that

std::string name_of_user(uid_t id) {
  std::array<char, 16 * 1024> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const bool is_known = getpwuid_r(id, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return is_known ? std::string(found->pw_name) : "uid " + std::to_string(id);
}

/// Kept by the kernel over su and sudo; nothing if nobody logged in, as in a job of cron.
std::optional<uid_t> login_user() {
  constexpr uid_t kNobody = static_cast<uid_t>(-1);
  std::ifstream file("/proc/self/loginuid");
  uid_t id = kNobody;
  if (!(file >> id) || id == kNobody) return std::nullopt;
  return id;
}

/// `backup --to lab/arpf.bak`
std::string text_of(const std::string& name, const Command::Given& given, const std::vector<CommandOption>& options) {
  std::string out = name;
  for (const CommandOption& option : options) {
    const auto found = given.find(option.name);
    if (found == given.end()) continue;
    out += " --" + option.name;
    if (!option.is_flag) out += " " + found->second;
  }
  return out;
}

/// The lines of one run of a command.
class ConsoleAudit {
 public:
  ConsoleAudit(std::string file, AuditAction action, std::string what) : file_(std::move(file)), action_(action), what_(std::move(what)) {}

  void begins() const { append(AuditOutcome::done, "begins: "); }
  /// Whatever it was, it is done: that it is not told is an error of its own.
  void ends() const {
    try {
      append(AuditOutcome::done, "ended: ");
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(std::string("it is done, and the audit log does not tell of the end: ") + error.what());
    }
  }
  /// What went wrong is what the caller is told of.
  void fails() const {
    try {
      append(AuditOutcome::refused, "failed: ");
    } catch (const std::runtime_error& error) {
      std::cerr << error.what() << "\n";
    }
  }

 private:
  void append(AuditOutcome outcome, const char* how) const {
    AuditEvent event;
    event.action = action_;
    event.outcome = outcome;
    event.peer = console_user();
    event.address = kConsole;
    event.detail = how + what_;
    append_to_audit_log(file_, event, base::system_now());
  }

  std::string file_;
  AuditAction action_;
  std::string what_;
};

}  // namespace

std::string audit_file_of(const std::string& config_path, const std::string& section) {
  if (!std::filesystem::exists(config_path)) return {};
  const YamlDocument document = YamlDocument::load(config_path);
  const Section function = document.root().section(section);
  if (!function.has("audit")) return {};
  std::string file = function.section("audit").text("file");
  if (file.empty()) throw ConfigError(config_path + ": " + section + ".audit.file is missing: the audit log");
  return file;
}

std::string console_user() {
  const uid_t id = getuid();
  const auto login = login_user();
  return name_of_user(id) + (login && *login != id ? " (logged in as " + name_of_user(*login) + ")" : "");
}

Command recorded(Command command, AuditAction action, const std::string& section) {
  const auto run = [inner = command.run, name = command.name, options = command.options, action, section](const std::string& config_path,
                                                                                                       const Command::Given& given) {
    const std::string file = audit_file_of(config_path, section);
    if (file.empty()) return inner(config_path, given);
    const ConsoleAudit audit(file, action, text_of(name, given, options));
    audit.begins();
    int status = 1;
    try {
      status = inner(config_path, given);
    } catch (const std::exception&) {
      audit.fails();
      throw;
    }
    if (status == 0) {
      audit.ends();
    } else {
      audit.fails();
    }
    return status;
  };
  command.run = run;
  return command;
}

}  // namespace service
