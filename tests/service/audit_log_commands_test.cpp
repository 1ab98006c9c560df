#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "tests/service/audit_log_fixture.hpp"

/// What commands at a console write into the log, beside a function that runs or without one.

using namespace audit_test;

TEST_CASE_METHOD(AuditLogFixture, "A command's line is on disk when it returns, in a chain of its own if there is none, and the function goes on behind it",
                 "[audit][console]") {
  service::append_to_audit_log(path, event_of("of a command"), clock(), std::chrono::milliseconds(0));
  REQUIRE(lines().size() == 1);
  CHECK_THAT(text(), Catch::StartsWith(R"({"seq":1,"at":"2026-11-24T00:04:27.123Z","action":"CLAIM","outcome":"done",)"));
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  {
    AuditLog log(path, clock);
    CHECK(is_recorded(log, "1"));
  }
  service::append_to_audit_log(path, event_of("of another"), clock(), std::chrono::milliseconds(0));
  CHECK(details() == std::vector<std::string>{"of a command", "1", "of another"});
  CHECK(is_whole({path}, service::hash_of_audit_line(lines().back())));
}

TEST_CASE_METHOD(AuditLogFixture, "A command's line comes between those of a function that runs, and the chain is whole", "[audit][console]") {
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  const std::string said = log_of([&] {
    service::append_to_audit_log(path, event_of("of a command"), clock());
    service::append_to_audit_log(path, event_of("of another"), clock());
    CHECK(is_recorded(log, "2"));
  });
  CHECK(said.empty());  // nobody else has changed the file
  CHECK(details() == std::vector<std::string>{"1", "of a command", "of another", "2"});
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "What a command that was killed left of a line is cut off by the function that runs, and the chain is whole", "[audit][console]") {
  const bool has_whole_line = GENERATE(false, true);
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  if (has_whole_line) service::append_to_audit_log(path, event_of("of a command"), clock());
  std::ofstream(path, std::ios::app) << R"({"seq":2,"at":"2026-11-24T00:)";
  const std::string said = log_of([&] { CHECK(is_recorded(log, "2")); });
  CHECK_THAT(said, Catch::Contains("29 octets of a line that a command did not end were cut off"));
  CHECK(is_recorded(log, "3"));
  CHECK(details() == (has_whole_line ? std::vector<std::string>{"1", "of a command", "2", "3"} : std::vector<std::string>{"1", "2", "3"}));
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "Commands and a function that write at the same time make one chain", "[audit][console]") {
  constexpr int kCommands = 4;
  constexpr int kLines = 10;
  AuditLog log(path, base::system_now);
  CHECK(is_recorded(log, "first"));
  std::vector<std::future<void>> commands;
  for (int i = 0; i < kCommands; ++i) {
    commands.push_back(std::async(std::launch::async, [this] {
      for (int line = 0; line < kLines; ++line) service::append_to_audit_log(path, event_of("of a command"), base::system_now());
    }));
  }
  for (int i = 0; i < kLines; ++i) CHECK(is_recorded(log, "of the function"));
  for (auto& command : commands) CHECK_NOTHROW(command.get());
  CHECK(is_recorded(log, "last"));
  CHECK(lines().size() == kCommands * kLines + kLines + 2);
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "A command waits for the file of a rotation that is under way", "[audit][console]") {
  const std::string old = folder / "test.audit.1";
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  std::filesystem::rename(path, old);
  if (GENERATE(false, true)) REQUIRE(folder.write("test.audit", "") == path);  // as `create` of logrotate does
  auto command = std::async(std::launch::async, [this] { service::append_to_audit_log(path, event_of("of a command"), clock(), test::kDeadline); });
  CHECK(is_recorded(log, "2"));  // nobody has told of the rotation yet
  log.reopen();
  CHECK_NOTHROW(command.get());
  CHECK(is_recorded(log, "3"));
  CHECK(details() == std::vector<std::string>{"goes on from line 2 of another file", "of a command", "3"});
  CHECK(is_whole({old, path}, log.head()));
}

TEST_CASE_METHOD(AuditLogFixture, "A command's line in a file that was moved away is part of the chain of the next", "[audit][console]") {
  const std::string old = folder / "test.audit.1";
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  service::append_to_audit_log(path, event_of("of a command"), clock());
  std::filesystem::rename(path, old);
  log.reopen();
  CHECK(is_recorded(log, "2"));
  CHECK(details() == std::vector<std::string>{"goes on from line 2 of another file", "2"});
  CHECK(is_whole({old, path}, log.head()));
}

TEST_CASE_METHOD(AuditLogFixture, "A command cuts off what a crash left of a line, and tells it", "[audit][console]") {
  {
    AuditLog log(path, clock);
    CHECK(is_recorded(log, "1"));
  }
  REQUIRE(folder.write("test.audit", text() + R"({"seq":2,)") == path);
  service::append_to_audit_log(path, event_of("of a command"), clock());
  const auto all = details();
  REQUIRE(all.size() == 3);
  CHECK_THAT(all[1], Catch::Contains("a crash left 9 octets"));
  CHECK(all[2] == "of a command");
  CHECK(is_whole({path}, service::hash_of_audit_line(lines().back())));
}

TEST_CASE_METHOD(AuditLogFixture, "A command leaves alone what its function could not bring to the disk", "[audit][console][faults]") {
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  disk.truncate_error = EIO;
  SECTION("half of a line: it is refused") {
    const std::size_t whole = text().size();
    {
      const Full full(whole + 20);
      CHECK_FALSE(is_recorded(log, "lost"));
    }
    CHECK_THROWS_WITH(service::append_to_audit_log(path, event_of("of a command"), clock()),
                      Catch::Contains(path) && Catch::Contains("its function could not bring a line to the disk"));
    CHECK(text().size() == whole + 20);
    disk.truncate_error = 0;
    CHECK(is_recorded(log, "2"));
    CHECK(details() == std::vector<std::string>{"1", "2"});
  }
  SECTION("a whole line, which was not acknowledged: it goes on behind it") {
    disk.sync_error = EIO;
    CHECK_FALSE(is_recorded(log, "not acknowledged"));
    disk.sync_error = 0;
    service::append_to_audit_log(path, event_of("of a command"), clock());
    disk.truncate_error = 0;
    CHECK(is_recorded(log, "2"));
    CHECK(details() == std::vector<std::string>{"1", "not acknowledged", "of a command", "2"});
  }
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "A command that cannot record says why, and changes nothing", "[audit][console]") {
  SECTION("the file is no audit log") {
    REQUIRE(folder.write("test.audit", "something\n") == path);
    CHECK_THROWS_WITH(service::append_to_audit_log(path, event_of(""), clock()), Catch::Contains(path) && Catch::Contains("does not end with a line"));
    CHECK(text() == "something\n");
  }
  SECTION("there is no folder") {
    const std::string none = folder / "none/test.audit";
    CHECK_THROWS_WITH(service::append_to_audit_log(none, event_of(""), clock(), std::chrono::milliseconds(0)),
                      Catch::Contains(none) && Catch::Contains("its folder must exist"));
  }
  SECTION("the disk refuses it") {
    disk.sync_error = ENOSPC;
    CHECK_THROWS_WITH(service::append_to_audit_log(path, event_of(""), clock(), std::chrono::milliseconds(0)),
                      Catch::Contains(path) && Catch::Contains("No space left on device"));
    CHECK(text().empty());
  }
}

TEST_CASE_METHOD(AuditLogFixture, "What somebody adds that does not go on with the chain is no command's line", "[audit][console]") {
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  const std::string head = log.head();
  const auto line_with = [](const std::string& seq, const std::string& prev) {
    return R"({"seq":)" + seq + R"(,"at":"x","action":"CLAIM","outcome":"done","peer":"p","address":"console","prev":")" + prev + R"("})";
  };
  std::string added;
  SECTION("another number") { added = line_with("3", head) + "\n"; }
  SECTION("another hash") { added = line_with("2", std::string(64, 'a')) + "\n"; }
  SECTION("a good line, and another behind it") { added = line_with("2", head) + "\nx\n"; }
  std::ofstream(path, std::ios::app) << added;
  const std::string said = log_of([&] { CHECK(is_recorded(log, "after")); });
  CHECK_THAT(said, Catch::Contains("somebody else has changed the audit log " + path));
  CHECK_FALSE(is_whole(log));
}
