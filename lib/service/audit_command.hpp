#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "lib/service/run.hpp"

namespace service {

/// What is to be verified of an audit log (docs/AUDIT.md). Hashes are 64 digits of lower-case hex.
struct AuditVerification {
  std::vector<std::string> files;    ///< the oldest first
  std::optional<std::string> after;  ///< the hash of the last line before these files
  std::optional<std::string> head;   ///< a hash that was noted elsewhere: it must be that of one of the lines
};

/// Reads the files line by line, in memory of one line, and writes to `out` what they are, or the first fault as `FILE:LINE: what was expected`.
/// Returns 0 if the chain is whole, else 1. A last line without its newline is told, and is no fault: a crash leaves one, and so does a look while
/// it is being written. Nor is a first line that goes on from another file a fault, without `after`: it is told as well.
int verify_audit(const AuditVerification& what, std::ostream& out);

/// `verify-audit [--file FILE]... [--after HASH] [--head HASH]`, to standard output. `file_of` names the audit log of a configuration, empty if
/// there is none; it is asked without --file.
Command audit_command(const std::function<std::string(const std::string& config_path)>& file_of);

}  // namespace service
