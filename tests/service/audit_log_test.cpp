#include "lib/service/audit_log.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>

#include "tests/service/audit_log_fixture.hpp"

using namespace audit_test;

namespace {

/// Lines that are taken and, every third of them, refused.
std::vector<AuditItem> items_of(std::size_t count) {
  std::vector<AuditItem> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].action = i % 3 == 2 ? AuditAction::refusal : AuditAction::preload;
    out[i].outcome = i % 3 == 2 ? AuditOutcome::refused : AuditOutcome::done;
    if (i % 3 == 2) out[i].cause = "NOT_OWNER";
    out[i].detail = "line " + std::to_string(i + 1);
  }
  return out;
}

boost::asio::awaitable<void> record_many(AuditLog& log, int loop, int count) {
  for (int i = 0; i < count; ++i) {
    AuditEvent event = event_of(std::to_string(loop) + " " + std::to_string(i));
    co_await log.record(std::move(event));
  }
}

}  // namespace

TEST_CASE_METHOD(AuditLogFixture, "A line is on disk when it returns: its members in their order, and the hash of the line before", "[audit]") {
  AuditLog log(path, clock);
  CHECK(log.head() == service::kNoAuditLine);
  log.record_and_wait({.action = AuditAction::release,
                       .outcome = AuditOutcome::refused,
                       .peer = "ausf-ext.lab",
                       .address = "127.0.0.40:50000",
                       .operator_id = "Example MNO",
                       .dimsi = "901700000000001",
                       .imsi = "001010000000001",
                       .target = "POST /narpf-keys/v1/release",
                       .cause = "TOKEN_SPENT",
                       .detail = "once only"});
  const std::string first =
      R"({"seq":1,"at":"2026-11-24T00:04:27.123Z","action":"RELEASE","outcome":"refused","peer":"ausf-ext.lab","address":"127.0.0.40:50000",)"
      R"("operator":"Example MNO","dimsi":"901700000000001","imsi":"001010000000001","target":"POST /narpf-keys/v1/release","cause":"TOKEN_SPENT",)"
      R"("detail":"once only","prev":"0000000000000000000000000000000000000000000000000000000000000000"})";
  REQUIRE(text() == first + "\n");
  CHECK(log.head() == service::hash_of_audit_line(first));
  log.record_and_wait({.action = AuditAction::stop});
  const std::string second = R"({"seq":2,"at":"2026-11-24T00:04:27.123Z","action":"STOP","outcome":"done","peer":"anonymous","address":"","prev":")" +
                             service::hash_of_audit_line(first) + R"("})";
  REQUIRE(text() == first + "\n" + second + "\n");
  CHECK(log.head() == service::hash_of_audit_line(second));
  CHECK(is_whole(log));
}

TEST_CASE("The hash of a line is the one that sha256sum prints", "[audit]") {
  CHECK(service::hash_of_audit_line("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
}

TEST_CASE_METHOD(AuditLogFixture, "Whatever octets a peer's texts have, they are one line that shows them", "[audit]") {
  const auto [given, written] = GENERATE(table<std::string, std::string>({
      {"a\nb\r\t", R"(a\nb\r\t)"},
      {R"("},{"seq":7)", R"(\"},{\"seq\":7)"},
      {std::string("\0\x1B[2K", 5), R"(\u0000\u001b[2K)"},
      {"del\x7F", R"(del\u007f)"},
      {"\xC2\x9B", R"(\u009b)"},  // CSI
      {"\xC2\xA0\xC3\x96sterreich", "\xC2\xA0\xC3\x96sterreich"},
      {"\xE2\x80\xA8\xE2\x80\xAE\xE2\x81\xA6", R"(\u2028\u202e\u2066)"},  // a line separator, and changes of direction
      {"\xE2\x80\xA7\xE2\x80\xAF", "\xE2\x80\xA7\xE2\x80\xAF"},
      {"\xF0\x9F\x94\x91", "\xF0\x9F\x94\x91"},
      {"\xFF.\xC3", "\xEF\xBF\xBD.\xEF\xBF\xBD"},                // no UTF-8
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // half a surrogate pair
      {"\xC0\x8A", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // an overlong newline
  }));
  CAPTURE(given);
  AuditLog log(path, clock);
  log.record_and_wait({.peer = given, .detail = given});
  REQUIRE(lines().size() == 1);
  CHECK_THAT(text(), Catch::Contains(R"("peer":")" + written + R"(",)") && Catch::Contains(R"("detail":")" + written + R"(",)"));
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "A text that is too long is cut between two characters", "[audit]") {
  AuditLog log(path, clock);
  const std::string longest(service::kMaxAuditText, 'x');
  log.record_and_wait({.detail = longest});
  log.record_and_wait({.detail = longest + "x"});
  log.record_and_wait({.detail = longest.substr(4) + "\xF0\x9F\x94\x91\xF0\x9F\x94\x91"});
  CHECK(details() == std::vector<std::string>{longest, longest.substr(3) + "...", longest.substr(4) + "..."});
}

TEST_CASE_METHOD(AuditLogFixture, "A line with the longest members, of what takes most room, is one that the verifier takes", "[audit]") {
  const std::string longest(service::kMaxAuditText, '\x01');
  AuditLog log(path, clock);
  log.record_and_wait({.peer = longest, .address = longest, .operator_id = longest, .dimsi = longest, .imsi = longest, .target = longest,
                       .cause = longest, .detail = longest});
  CHECK(text().size() > 40000);
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "Of a target no query is recorded", "[audit]") {
  AuditLog log(path, clock);
  log.record_and_wait({.target = "GET /a/b?token=1?2"});
  CHECK_THAT(text(), Catch::Contains(R"("target":"GET /a/b",)"));
}

TEST_CASE_METHOD(AuditLogFixture, "Writers of many loops and threads make one chain, with every event of each in its order", "[audit]") {
  std::vector<std::unique_ptr<test::Loop>> loops;
  AuditLog log(path, base::system_now);
  std::vector<std::future<void>> writers;
  constexpr int kLoops = 4;
  constexpr int kCoroutines = 8;
  constexpr int kEvents = 25;
  for (int i = 0; i < kLoops; ++i) loops.push_back(std::make_unique<test::Loop>());
  for (int i = 0; i < kLoops * kCoroutines; ++i) writers.push_back(loops[static_cast<std::size_t>(i % kLoops)]->start(record_many(log, i, kEvents)));
  for (int i = 0; i < 50; ++i) log.note(event_of("note " + std::to_string(i)));
  for (auto& writer : writers) CHECK_NOTHROW(test::get(writer));
  log.record_and_wait(event_of("last 0"));
  std::map<std::string, int> next;
  int faults = 0;
  for (const std::string& detail : details()) {
    const std::size_t space = detail.find(' ');
    faults += detail.substr(space + 1) == std::to_string(next[detail.substr(0, space)]++) ? 0 : 1;
  }
  CHECK(faults == 0);
  CHECK(lines().size() == kLoops * kCoroutines * kEvents + 50 + 1);
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "A coroutine goes on, on its own loop, once its line is on disk", "[audit]") {
  test::Loop loop;
  AuditLog log(path, clock);
  Gate gate(log);
  auto writer = loop.start(log.record(event_of("a")));
  loop.run([] {});
  CHECK(writer.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  gate.release();
  CHECK_NOTHROW(test::get(writer));
  CHECK(details().back() == "a");
}

TEST_CASE_METHOD(AuditLogFixture, "What waits is one write and one sync", "[audit]") {
  test::Loop loop;
  AuditLog log(path, clock);
  Gate gate(log);
  std::vector<std::future<void>> writers;
  for (int i = 0; i < 50; ++i) writers.push_back(loop.start(log.record(event_of(std::to_string(i)))));
  loop.run([] {});  // all wait at the log now
  const int before = disk.syncs;
  gate.release();
  for (auto& writer : writers) CHECK_NOTHROW(test::get(writer));
  CHECK(disk.syncs == before + 1);
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "What waits is bounded; what was dropped is told by one line", "[audit]") {
  test::Loop loop;
  AuditLog log(path, clock, 8);
  Gate gate(log);
  for (int i = 0; i < 4; ++i) log.note(event_of(std::to_string(i)));
  for (int i = 0; i < 3; ++i) log.note(event_of("too many"));  // above half
  std::vector<std::future<void>> writers;
  for (int i = 4; i < 8; ++i) writers.push_back(loop.start(log.record(event_of(std::to_string(i)))));
  auto beyond = loop.start(log.record(event_of("beyond")));
  CHECK(cause_of([&] { test::get(beyond); }) == "NF_CONGESTION");  // at once, though the log is held
  CHECK(cause_of([&] { log.record_and_wait(event_of("beyond")); }) == "NF_CONGESTION");
  gate.release();
  for (auto& writer : writers) CHECK_NOTHROW(test::get(writer));
  CHECK(is_recorded(log, "8"));
  CHECK(details() == std::vector<std::string>{"", "0", "1", "2", "3", "4", "5", "6", "7", "events that were not recorded: 3", "8"});
  CHECK_THAT(lines()[9], Catch::Contains(R"("action":"DROPPED","outcome":"done","peer":"anonymous","address":"")"));
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "What waits at the end is written, also more than one group holds", "[audit]") {
  const int count = GENERATE(1, 2048, 2049, 5000);
  {
    AuditLog log(path, clock);
    Gate gate(log);
    for (int i = 0; i < count; ++i) log.note(event_of(""));
    gate.release();
  }
  CHECK(lines().size() == static_cast<std::size_t>(count) + 1);
  CHECK(is_whole({path}, service::hash_of_audit_line(lines().back())));
}

TEST_CASE_METHOD(AuditLogFixture, "A full disk refuses the whole group, and nothing of it stays; once there is space it goes on",
                 "[audit][faults]") {
  test::Loop loop;
  AuditLog log(path, clock);
  for (int i = 0; i < 100; ++i) log.note(event_of("filler"));
  CHECK(is_recorded(log, "before"));
  const std::string before = text();
  const std::string head = log.head();
  const std::size_t room = GENERATE(values<std::size_t>({0, 1, 300, 1000}));  // octets
  std::vector<std::future<void>> writers;
  std::string stays;
  const std::string said = log_of([&] {
    Gate gate(log);
    for (int i = 0; i < 10; ++i) writers.push_back(loop.start(log.record(event_of(std::to_string(i)))));
    for (int i = 0; i < 5; ++i) log.note(event_of("lost"));
    loop.run([] {});
    stays = text();  // with the gate's own line
    const Full full(stays.size() + room);
    gate.release();
    for (auto& writer : writers) writer.wait_for(test::kDeadline);
  });
  for (auto& writer : writers) CHECK(cause_of([&] { test::get(writer); }) == "INSUFFICIENT_RESOURCES");
  CAPTURE(said);
  CHECK_THAT(said, Catch::Contains(path) && Catch::Contains("15 lines were not written") && Catch::Contains("File too large"));
  CHECK(std::count(said.begin(), said.end(), '\n') == 1);
  CHECK(text() == stays);
  CHECK(stays.starts_with(before));
  CHECK(log.head() != head);
  CHECK(is_whole(log));
  CHECK(is_recorded(log, "after"));
  const auto all = details();
  CHECK(std::vector<std::string>(all.end() - 3, all.end()) == std::vector<std::string>{"", "after", "events that were not recorded: 5"});
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "What was lost with a disk is told at the end, if not before", "[audit][faults]") {
  {
    AuditLog log(path, clock);
    disk.sync_error = EIO;
    log.note(event_of("lost"));
    CHECK_FALSE(is_recorded(log, "refused"));
    CHECK_FALSE(is_recorded(log, "refused"));
    disk.sync_error = 0;
  }
  CHECK(details() == std::vector<std::string>{"events that were not recorded: 1"});
}

TEST_CASE_METHOD(AuditLogFixture, "A sync that failed is never taken for done, also if what it left could not be cut off", "[audit][faults]") {
  const int truncate_error = GENERATE(0, EIO);
  std::string head;
  {
    AuditLog log(path, clock);
    CHECK(is_recorded(log, "1"));
    head = log.head();
    disk.sync_error = EIO;
    disk.truncate_error = truncate_error;
    CHECK_FALSE(is_recorded(log, "2"));
    CHECK(log.head() == head);
    CHECK(lines().size() == (truncate_error == 0 ? 1 : 2));
    disk.sync_error = 0;
    CHECK(is_recorded(log, "3") == (truncate_error == 0));
    disk.truncate_error = 0;
    CHECK(is_recorded(log, "4"));
    head = log.head();
  }
  CHECK(details() == (truncate_error == 0 ? std::vector<std::string>{"1", "3", "4"} : std::vector<std::string>{"1", "4"}));
  CHECK(is_whole({path}, head));
}

TEST_CASE_METHOD(AuditLogFixture, "What somebody else does to the file is not undone: the log says so, goes on, and the chain shows it", "[audit]") {
  AuditLog log(path, clock);
  for (int i = 0; i < 3; ++i) CHECK(is_recorded(log, std::to_string(i)));
  std::size_t expected = 4;
  SECTION("lines are cut off, as copytruncate of logrotate does") {
    std::filesystem::resize_file(path, 0);
    expected = 1;
  }
  SECTION("a line is added") {
    std::ofstream(path, std::ios::app) << lines().back() << "\n";
    expected = 5;
  }
  const std::string said = log_of([&] { CHECK(is_recorded(log, "after")); });
  CHECK_THAT(said, Catch::Contains("somebody else has changed the audit log " + path));
  CHECK(lines().size() == expected);
  CHECK(log.head() == service::hash_of_audit_line(lines().back()));
  if (expected == 5) CHECK_FALSE(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "Many events of one request are as many lines, in their order, in one write and one sync", "[audit]") {
  test::Loop loop;
  AuditLog log(path, clock);
  const std::size_t count = GENERATE(values<std::size_t>({1, 2, 2048, service::kMaxAuditItems}));
  Gate gate(log);
  auto writer = loop.start(log.record_all({.peer = "one.example", .address = "127.0.0.1:1", .dimsi = "of nobody", .target = "POST /all?x"}, items_of(count)));
  loop.run([] {});
  CHECK(writer.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  const int before = disk.syncs;
  gate.release();
  CHECK_NOTHROW(test::get(writer));
  CHECK(disk.syncs == before + 1);
  const auto all = lines();
  REQUIRE(all.size() == count + 1);
  int faults = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string refused = i % 3 == 2 ? R"("cause":"NOT_OWNER",)" : "";
    const std::string action = i % 3 == 2 ? R"("REFUSAL","outcome":"refused")" : R"("PRELOAD","outcome":"done")";
    const std::string wanted = R"("action":)" + action + R"(,"peer":"one.example","address":"127.0.0.1:1","target":"POST /all",)" + refused +
                               R"("detail":"line )" + std::to_string(i + 1) + R"(","prev")";
    faults += all[i + 1].find(wanted) == std::string::npos ? 1 : 0;
  }
  CHECK(faults == 0);
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "Many events of one request are not refused for what waits, nor are others for them", "[audit]") {
  test::Loop loop;
  AuditLog log(path, clock, 8);
  Gate gate(log);
  std::vector<std::future<void>> writers;
  for (int i = 0; i < 3; ++i) writers.push_back(loop.start(log.record_all({}, items_of(service::kMaxAuditItems))));
  for (int i = 0; i < 8; ++i) writers.push_back(loop.start(log.record(event_of(std::to_string(i)))));
  auto beyond = loop.start(log.record(event_of("beyond")));
  CHECK(cause_of([&] { test::get(beyond); }) == "NF_CONGESTION");
  writers.push_back(loop.start(log.record_all({}, items_of(1))));
  loop.run([] {});
  gate.release();
  for (auto& writer : writers) CHECK_NOTHROW(test::get(writer));
  const auto all = details();
  REQUIRE(all.size() == 1 + 8 + 3 * service::kMaxAuditItems + 1);
  CHECK(all[8] == "7");  // they go before: a group has these first
  CHECK(all[9] == "line 1");
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "Of many events of one request all are written, or none", "[audit][faults]") {
  test::Loop loop;
  AuditLog log(path, clock);
  CHECK(is_recorded(log, "1"));
  const std::string before = text();
  disk.sync_error = EIO;
  const std::string said = log_of([&] {
    auto writer = loop.start(log.record_all({}, items_of(100)));
    CHECK(cause_of([&] { test::get(writer); }) == "INSUFFICIENT_RESOURCES");
  });
  CHECK_THAT(said, Catch::Contains("100 lines were not written"));
  CHECK(text() == before);
  disk.sync_error = 0;
  CHECK(is_recorded(log, "2"));
  CHECK(details() == std::vector<std::string>{"1", "2"});
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "Two lines that tell of one thing are written one behind the other, both or none", "[audit][faults]") {
  test::Loop loop;
  AuditLog log(path, clock);
  std::vector<AuditItem> two(2);
  two[0].detail = "first";
  two[1].detail = "second";
  std::vector<std::string> expected{"before", "first", "second", "after"};
  CHECK(is_recorded(log, "before"));
  SECTION("a sound disk") {}
  SECTION("a disk that fails") {
    disk.sync_error = EIO;
    expected = {"before", "after"};
  }
  auto writer = loop.start(log.record_together({.operator_id = "Example MNO"}, two));
  CHECK(cause_of([&] { test::get(writer); }) == (disk.sync_error == 0 ? "" : "INSUFFICIENT_RESOURCES"));
  disk.sync_error = 0;
  CHECK(is_recorded(log, "after"));
  CHECK(details() == expected);  // and no DROPPED: their writer was told
  CHECK(is_whole(log));
}

TEST_CASE_METHOD(AuditLogFixture, "Two lines that tell of one thing are refused, as one is, where too much is waiting", "[audit][faults]") {
  test::Loop loop;
  AuditLog log(path, clock, 8);
  Gate gate(log);
  std::vector<std::future<void>> writers;
  for (int i = 0; i < 7; ++i) writers.push_back(loop.start(log.record(event_of(std::to_string(i)))));
  writers.push_back(loop.start(log.record_together({}, std::vector<AuditItem>(2))));
  auto beyond = loop.start(log.record_together({}, std::vector<AuditItem>(2)));
  CHECK(cause_of([&] { test::get(beyond); }) == "NF_CONGESTION");
  gate.release();
  for (auto& writer : writers) CHECK_NOTHROW(test::get(writer));
  CHECK(lines().size() == 1 + 7 + 2);
  CHECK(is_whole(log));
}
