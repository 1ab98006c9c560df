// The file of an audit log: opened, opened again, left torn by a crash, somebody else's, and rotated.
#include "lib/service/audit_file.hpp"

#include <sys/stat.h>

#include <filesystem>

#include "tests/service/audit_log_fixture.hpp"

using namespace audit_test;

TEST_CASE_METHOD(AuditLogFixture, "A log that is opened again goes on with the chain", "[audit]") {
  // The end is read in pieces: lines that lie across two of them.
  const std::size_t detail_size = GENERATE(values<std::size_t>({0, 64 * 1024 - 300, 64 * 1024 - 230}));
  const auto line_of = [&](int seq, const std::string& prev) {
    return R"({"seq":)" + std::to_string(seq) + R"(,"at":"x","action":"CLAIM","outcome":"done","peer":"p","address":"a","detail":")" +
           std::string(detail_size, 'x') + R"(","prev":")" + prev + R"("})";
  };
  const std::string first = line_of(1, std::string(service::kNoAuditLine));
  const std::string second = line_of(2, service::hash_of_audit_line(first));
  REQUIRE(folder.write("test.audit", first + "\n" + second + "\n") == path);
  for (int i = 0; i < 3; ++i) {
    AuditLog log(path, clock);
    CHECK(log.head() == service::hash_of_audit_line(lines().back()));
    log.record_and_wait({.action = AuditAction::start});
    CHECK(is_whole(log));
  }
  CHECK(lines().size() == 5);
}

TEST_CASE_METHOD(AuditLogFixture, "What a crash left of a line is cut off and told, and the chain goes on, wherever it was torn", "[audit]") {
  {
    AuditLog log(path, clock);
    log.record_and_wait(event_of("1"));
    log.record_and_wait(event_of("2"));
  }
  const std::string sound = text();
  const std::size_t second = sound.find('\n') + 1;
  for (std::size_t size = 1; size < sound.size(); size += size + 5 < sound.size() ? 5 : 1) {
    if (size == second) continue;  // torn nowhere
    REQUIRE(folder.write("test.audit", sound.substr(0, size)) == path);
    const std::string said = log_of([&] {
      AuditLog log(path, clock);
      log.record_and_wait(event_of("after"));
      REQUIRE(is_whole(log));
    });
    const std::string torn = std::to_string(size < second ? size : size - second) + " octets";
    REQUIRE_THAT(said, Catch::Contains(path) && Catch::Contains("a crash left " + torn));
    auto all = details();
    if (size > second) {
      REQUIRE(all.front() == "1");
      all.erase(all.begin());
    }
    REQUIRE(all.size() == 2);
    REQUIRE_THAT(all[0], Catch::Contains("a crash left " + torn));
    REQUIRE(all[1] == "after");
    REQUIRE(std::filesystem::remove(folder / "log"));
  }
}

TEST_CASE_METHOD(AuditLogFixture, "A file that is no audit log is refused by name and left as it is", "[audit]") {
  const auto [content, reason] = GENERATE(table<std::string, std::string>({
      {"-----BEGIN PRIVATE KEY-----\n", "does not end with a line of an audit log"},
      {"\n", "does not end with a line of an audit log"},
      {R"({"seq":1})" "\n", "does not end with a line of an audit log (/at is missing)"},
      {std::string(70000, 'x') + "\n", "does not end with a line of an audit log"},
      {std::string(70000, 'x'), "is no audit log"},
      {"x", "is no audit log"},
      {R"({"seq":2)", "is no audit log"},
  }));
  REQUIRE(folder.write("test.audit", content) == path);
  CHECK_THROWS_WITH(AuditLog(path, clock), Catch::Contains(path) && Catch::Contains(reason));
  CHECK(text() == content);
}

TEST_CASE_METHOD(AuditLogFixture, "A second holder of the file is refused by name, and may have it afterwards", "[audit]") {
  {
    AuditLog log(path, clock);
    CHECK_THROWS_WITH(AuditLog(path, clock), Catch::Contains(path) && Catch::Contains("in use by another process"));
    CHECK(is_recorded(log, "1"));
  }
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "2"));
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "What cannot be opened is named, with what to do", "[audit]") {
  CHECK_THROWS_WITH(AuditLog(folder / "none/test.audit", clock), Catch::Contains("none/test.audit") && Catch::Contains("its folder must exist"));
  CHECK_THROWS_WITH(AuditLog(folder / "", clock), Catch::Contains("cannot be opened"));
  CHECK_THROWS_WITH(AuditLog("/dev/full", clock), Catch::Contains("/dev/full is no ordinary file"));
  const bool leads_somewhere = GENERATE(true, false);  // whoever may write the folder leads root's commands nowhere
  const std::string other = leads_somewhere ? folder.write("other", "precious") : folder / "other";
  std::filesystem::create_symlink(other, folder / "linked.audit");
  CHECK_THROWS_WITH(AuditLog(folder / "linked.audit", clock), Catch::Contains("linked.audit cannot be opened: it is a link"));
  if (leads_somewhere) {
    std::filesystem::create_hard_link(other, folder / "other.audit");
    CHECK_THROWS_WITH(AuditLog(folder / "other.audit", clock), Catch::Contains("other.audit has another name besides"));
    CHECK(test::read_text(other) == "precious");
  }
  CHECK(std::filesystem::exists(other) == leads_somewhere);
}

TEST_CASE_METHOD(AuditLogFixture, "The file is its owner's alone", "[audit]") {
  if (GENERATE(false, true)) {
    REQUIRE(folder.write("test.audit", "") == path);
    REQUIRE(chmod(path.c_str(), 0644) == 0);
  }
  AuditLog log(path, clock);
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE_METHOD(AuditLogFixture, "After a rotation the chain goes on in a new file", "[audit]") {
  const std::string old = folder / "test.audit.1";
  std::string last;
  {
    AuditLog log(path, clock);
    CHECK(is_recorded(log, "1"));
    std::filesystem::rename(path, old);
    CHECK(is_recorded(log, "2"));  // nobody has said so yet
    CHECK_FALSE(std::filesystem::exists(path));
    last = log.head();
    if (GENERATE(false, true)) REQUIRE(folder.write("test.audit", "") == path);  // as `create` of logrotate does
    log.reopen();
    SECTION("with a line") {
      CHECK(is_recorded(log, "4"));
      CHECK(details() == std::vector<std::string>{"goes on from line 2 of another file", "4"});
    }
    SECTION("or none") {}
  }
  REQUIRE_FALSE(lines().empty());
  CHECK_THAT(lines()[0], Catch::StartsWith(R"({"seq":3,)") && Catch::Contains(R"("action":"ROTATE")") && Catch::Contains(last));
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "5"));
  CHECK(is_whole({old, path}, log.head()));
}

TEST_CASE_METHOD(AuditLogFixture, "Told of a rotation that there was not, the log goes on in its file", "[audit]") {
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  log.reopen();
  CHECK(is_recorded(log, "2"));
  CHECK(details() == std::vector<std::string>{"1", "2"});
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "A rotation that cannot be made leaves the log in its file, says why, and may be told again", "[audit]") {
  const std::string old = folder / "test.audit.1";
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  std::filesystem::rename(path, old);
  std::string reason;
  SECTION("another file is there") {
    REQUIRE(folder.write("test.audit", "something\n") == path);
    reason = "is another file, and not empty";
  }
  SECTION("there can be no file") {
    std::filesystem::create_directory(path);
    reason = "cannot be opened";
  }
  SECTION("another process has it") {
    REQUIRE(folder.write("test.audit", "") == path);
    reason = "in use by another process";
  }
  SECTION("its first line cannot be written") {
    disk.sync_error = ENOSPC;
    reason = "No space left on device";
  }
  const std::string said = log_of([&] {
    std::unique_ptr<AuditLog> other;
    if (reason.starts_with("in use")) other = std::make_unique<AuditLog>(path, clock);
    log.reopen();
    CHECK(is_recorded(log, "2") == (disk.sync_error == 0));
  });
  CHECK_THAT(said, Catch::Contains("goes on in the file that was open") && Catch::Contains(path) && Catch::Contains(reason));
  disk.sync_error = 0;
  CHECK(is_recorded(log, "3"));
  CHECK(is_whole({old}, log.head()));
  std::filesystem::remove(path);
  log.reopen();
  CHECK(is_recorded(log, "4"));
  CHECK(is_whole({old, path}, log.head()));
}
