#pragma once

#include <string>

#include "lib/service/audit_log.hpp"
#include "lib/service/run.hpp"

namespace service {

/// The `audit: file` of the function's section of a configuration; empty if it has none, or if there is no such file. Nothing else of it is looked
/// at: keys that can be read only once stay unread. Throws ConfigError.
std::string audit_file_of(const std::string& config_path, const std::string& section);

/// Who runs this process, by the operating system: the name of the real user id, and, where that is another one, as whom he logged in:
/// `root (logged in as alice)`.
std::string console_user();

/// The command, with two lines in the audit log of its configuration, if that has one: one before it begins, without which it does not begin, and one
/// when it has ended or failed. Their detail is its name and its options, as they were given: of a recorded command none may be secret. The function
/// may run meanwhile, if the command's own rules say so. `section`: of the configuration, as Program has it.
Command recorded(Command command, AuditAction action, const std::string& section);

}  // namespace service
