#pragma once

#include <atomic>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "lib/service/audit_command.hpp"
#include "tests/scenarios/tls_lab.hpp"

namespace test {

/// An error of fdatasync() for every file whose name ends with `.audit`; 0: none. audit_disk.cpp stands in front of the C library in the whole program;
/// databases are not touched.
extern std::atomic<int> audit_disk_error;

/// What the next fdatasync() of such a file does first, on the audit log's thread: what happens meanwhile to those who wait for the line. It must not throw;
/// empty: nothing.
void at_next_audit_sync(std::function<void()> work);
/// True once it has done so.
bool has_audit_sync_come();

/// The lines of an audit log.
inline std::vector<json> audit_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<json> out;
  for (std::string line; std::getline(file, line);) out.push_back(json::parse(line));
  return out;
}

/// Functions that have audit logs, on a disk that fails on command.
struct AuditLab : TlsLab {
  AuditLab() { audit_disk_error = 0; }
  ~AuditLab() {
    audit_disk_error = 0;
    at_next_audit_sync({});
  }
  AuditLab(const AuditLab&) = delete;
  AuditLab& operator=(const AuditLab&) = delete;

  template <class Config>
  Config audited(Config config, const std::string& name) const {
    config.common.audit_file = folder / name;
    return config;
  }
  std::string verified(const std::string& name) {
    std::ostringstream out;
    const int status = service::verify_audit({{folder / name}, std::nullopt, std::nullopt}, out);
    return std::to_string(status) + " " + out.str();
  }
};

}  // namespace test
