#pragma once

#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/sbi/json.hpp"
#include "lib/service/audit_command.hpp"
#include "lib/service/audit_log.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temporary_folder.hpp"

/// An audit log on a disk that fails on command, for the tests of the log and of what commands write into it.
namespace audit_test {

using service::AuditAction;
using service::AuditEvent;
using service::AuditItem;
using service::AuditLog;
using service::AuditOutcome;

/// A disk that fails, or holds its writers, on command. audit_log_fixture.cpp stands in front of the C library in the whole program.
struct Disk {
  std::atomic<int> sync_error = 0;
  std::atomic<int> truncate_error = 0;
  std::atomic<int> syncs = 0;
  std::atomic<bool> is_held = false;
  std::atomic<bool> has_reached = false;
};
extern Disk disk;

void wait_until(const std::atomic<bool>& flag, bool value);

/// Holds the log in the sync of one line, so that what comes meanwhile is one group; goes on when it is released.
class Gate {
 public:
  explicit Gate(AuditLog& log) {
    disk.has_reached = false;
    disk.is_held = true;
    log.note({.action = AuditAction::start});
    wait_until(disk.has_reached, true);
  }
  ~Gate() { release(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  void release() { disk.is_held = false; }
};

/// No file of this process may be longer than that, as long as it lives: a write is cut short there, and the next one fails.
class Full {
 public:
  explicit Full(std::uint64_t octets) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = octets;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~Full() { end(); }
  Full(const Full&) = delete;
  Full& operator=(const Full&) = delete;
  void end() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

struct AuditLogFixture {
  AuditLogFixture() { disk.sync_error = disk.truncate_error = 0; }
  ~AuditLogFixture() { disk.sync_error = disk.truncate_error = 0; }

  [[nodiscard]] std::string text() const { return test::read_text(path); }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::istringstream in(text());
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  /// The details of all lines, in their order; empty for those without.
  [[nodiscard]] std::vector<std::string> details() const {
    std::vector<std::string> out;
    for (const std::string& line : lines()) out.push_back(sbi::parse_json(line).value("detail", ""));
    return out;
  }
  /// True if the chain of the files is whole and ends with what the log says.
  static bool is_whole(const std::vector<std::string>& files, const std::string& head) {
    std::ostringstream out;
    const int status = service::verify_audit({files, std::nullopt, std::nullopt}, out);
    UNSCOPED_INFO(out.str());
    return status == 0 && out.str().ends_with("head " + head + "\n") && out.str().find("torn") == std::string::npos;
  }
  [[nodiscard]] bool is_whole(const AuditLog& log) const { return is_whole({path}, log.head()); }
  /// What the function's log said while `work` ran, of warnings and errors.
  template <class Work>
  std::string log_of(const Work& work) {
    const std::string log = folder / "log";
    base::log::open("service", log, base::log::Level::warning);
    work();
    base::log::open("service", "", base::log::Level::info);
    return test::read_text(log);
  }

  test::TemporaryFolder folder;
  std::string path = folder / "test.audit";
  base::Clock clock = [] { return base::from_unix_ms(1795478667123); };
};

inline AuditEvent event_of(const std::string& detail) { return {.action = AuditAction::claim, .detail = detail}; }

/// The cause of the base::Error that `work` throws; empty if it throws none.
template <class Work>
std::string cause_of(const Work& work) {
  try {
    work();
  } catch (const base::Error& error) {
    REQUIRE(error.kind() == base::ErrorKind::unavailable);
    return error.cause();
  }
  return "";
}

inline bool is_recorded(AuditLog& log, const std::string& detail) {
  const std::string cause = cause_of([&] { log.record_and_wait(event_of(detail)); });
  if (!cause.empty()) REQUIRE(cause == "INSUFFICIENT_RESOURCES");
  return cause.empty();
}

}  // namespace audit_test
