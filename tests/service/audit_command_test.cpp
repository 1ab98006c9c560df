#include "lib/service/audit_command.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "lib/service/audit_log.hpp"
#include "tests/support/temporary_folder.hpp"

using service::AuditAction;
using service::AuditLog;
using service::AuditVerification;

namespace {

const std::string kZeros(service::kNoAuditLine);

struct Verified {
  int status;
  std::string text;
};

Verified verify(const AuditVerification& what) {
  std::ostringstream out;
  const int status = service::verify_audit(what, out);
  return {status, out.str()};
}

/// A log of three lines.
struct AuditCommandFixture {
  AuditCommandFixture() {
    AuditLog log(path, clock);
    log.record_and_wait({.action = AuditAction::start});
    log.record_and_wait({.action = AuditAction::claim, .peer = "ausf-ext.lab", .address = "127.0.0.40:50000", .dimsi = "901700000000001"});
    log.record_and_wait({.action = AuditAction::stop, .detail = "the last one"});
    head = log.head();
    sound = test::read_text(path);
    std::istringstream in(sound);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
  }
  /// Makes the file what these lines are.
  void put(const std::vector<std::string>& content) const {
    std::string text;
    for (const std::string& line : content) text += line + "\n";
    (void)folder.write("test.audit", text);
  }
  [[nodiscard]] Verified verified(std::optional<std::string> noted = std::nullopt) const { return verify({{path}, std::nullopt, std::move(noted)}); }

  test::TemporaryFolder folder;
  std::string path = folder / "test.audit";
  base::Clock clock = [this] { return base::from_unix_ms(1795478667123 + 1000 * ticks++); };
  int ticks = 0;
  std::string head;
  std::string sound;
  std::vector<std::string> lines;
};

/// The lines with their hashes made anew, as one would who may write the file.
std::vector<std::string> chained(std::vector<std::string> lines) {
  std::string prev = kZeros;
  for (std::string& line : lines) {
    line = line.substr(0, line.size() - 66) + prev + R"("})";
    prev = service::hash_of_audit_line(line);
  }
  return lines;
}

/// A line of that many octets, the first of a chain.
std::string line_of_size(std::size_t size) {
  const std::string begin = R"({"seq":1,"at":"x","action":"CLAIM","outcome":"done","peer":"p","address":"a","detail":")";
  const std::string end = R"(","prev":")" + kZeros + R"("})";
  return begin + std::string(size - begin.size() - end.size(), 'x') + end;
}

/// What the command prints, and its status.
Verified run(const service::Command& command, const service::Command::Given& given) {
  std::ostringstream out;
  std::streambuf* const before = std::cout.rdbuf(out.rdbuf());
  int status = -1;
  try {
    status = command.run("arpf.yaml", given);
  } catch (...) {
    std::cout.rdbuf(before);
    throw;
  }
  std::cout.rdbuf(before);
  return {status, out.str()};
}

}  // namespace

TEST_CASE_METHOD(AuditCommandFixture, "A chain that is whole is told with its lines, its times and its head", "[audit]") {
  const auto [status, text] = verified();
  CHECK(status == 0);
  CHECK(text == "3 lines, from 2026-11-24T00:04:27.123Z to 2026-11-24T00:04:29.123Z, chain whole, head " + head + "\n");
}

TEST_CASE_METHOD(AuditCommandFixture, "Any octet of any line that is changed is found", "[audit]") {
  const std::size_t last_line = sound.size() - lines.back().size() - 1;
  for (std::size_t at = 0; at < sound.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = sound;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      (void)folder.write("test.audit", changed);
      CAPTURE(at, bit);
      REQUIRE(verified(head).status == 1);
      if (at >= last_line) continue;  // the last line's hash stands nowhere yet: it is known to who noted the head
      const auto [status, text] = verified();
      REQUIRE(status == 1);
      const std::string line = path + ":" + std::to_string(1 + std::count(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
      const std::string next = path + ":" + std::to_string(2 + std::count(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
      REQUIRE((text.starts_with(line + ": expected ") || text.starts_with(next + ": expected ")));
    }
  }
  (void)folder.write("test.audit", sound);
  CHECK(verified(head).status == 0);
}

TEST_CASE_METHOD(AuditCommandFixture, "Lines that are removed, exchanged, inserted or doubled are found", "[audit]") {
  using Lines = std::vector<std::string>;
  const auto [content, place] = GENERATE_COPY(table<Lines, std::string>({
      {{lines[1], lines[2]}, ":2: expected"},  // that it begins in the middle is told, and the last line fits; see below
      {{lines[0], lines[2]}, ":2: expected seq 2, found 3"},
      {{lines[1], lines[0], lines[2]}, ":2: expected seq 3, found 1"},
      {{lines[0], lines[2], lines[1]}, ":2: expected seq 2, found 3"},
      {{lines[0], lines[0], lines[1], lines[2]}, ":2: expected seq 2, found 1"},
      {{lines[0], lines[1], lines[2], lines[2]}, ":4: expected seq 4, found 3"},
      {{lines[0], "", lines[1], lines[2]}, ":2: expected a line of an audit log: the line is empty"},
      {{lines[0], " ", lines[1], lines[2]}, ":2: expected a line of an audit log: the line is not JSON"},
      {{"", lines[0], lines[1], lines[2]}, ":1: expected a line of an audit log"},
      {{lines[0], lines[1], lines[2], ""}, ":4: expected a line of an audit log"},
      {{lines[0], lines[1] + lines[2]}, ":2: expected a line of an audit log: the line is not JSON"},
  }));
  put(content);
  const auto [status, text] = verified();
  CAPTURE(text);
  if (content.front() == lines[1] && content.size() == 2) {
    CHECK(status == 0);
    CHECK_THAT(text, Catch::StartsWith("goes on from an older file: its first prev is " + service::hash_of_audit_line(lines[0])));
    CHECK(verify({{path}, kZeros, std::nullopt}).status == 1);
  } else {
    CHECK(status == 1);
    CHECK_THAT(text, Catch::StartsWith(path + place));
  }
}

TEST_CASE_METHOD(AuditCommandFixture, "Lines that are cut off at the end, and a chain made anew, are found by a hash that was noted elsewhere",
                 "[audit]") {
  SECTION("cut off") { put({lines[0], lines[1]}); }
  SECTION("made anew") {
    lines[1].replace(lines[1].find("901700000000001"), 15, "901700000000002");
    put(chained(lines));
  }
  CHECK(verified().status == 0);  // which the chain alone cannot know
  const auto [status, text] = verified(head);
  CHECK(status == 1);
  CHECK_THAT(text, Catch::StartsWith("expected a line with the hash " + head));
}

TEST_CASE_METHOD(AuditCommandFixture, "A hash that was noted may be that of any line: the log has grown since", "[audit]") {
  const std::size_t noted = GENERATE(values<std::size_t>({0, 1, 2}));
  const auto [status, text] = verified(service::hash_of_audit_line(lines[noted]));
  CHECK(status == 0);
  CHECK_THAT(text, Catch::StartsWith(path + ":" + std::to_string(noted + 1) + ": has the hash that was noted\n"));
  CHECK(verified(kZeros).status == 1);
}

TEST_CASE_METHOD(AuditCommandFixture, "A torn last line is told and is no fault; anywhere else it is one", "[audit]") {
  for (std::size_t size = sound.find('\n') + 2; size < sound.size(); ++size) {
    if (sound[size - 1] == '\n') continue;
    (void)folder.write("test.audit", sound.substr(0, size));
    const auto [status, text] = verified();
    CAPTURE(size, text);
    REQUIRE(status == 0);
    const std::string line = std::to_string(size > lines[0].size() + lines[1].size() + 2 ? 3 : 2);
    REQUIRE(text.starts_with(path + ":" + line + ": torn line"));
    REQUIRE(text.find("chain whole") != std::string::npos);
  }
  const std::string next = folder.write("next", lines[2] + "\n");
  (void)folder.write("test.audit", lines[0] + "\n" + lines[1] + "\n{\"seq\"");
  const auto [status, text] = verify({{path, next}, std::nullopt, std::nullopt});
  CHECK(status == 1);
  CHECK_THAT(text, Catch::StartsWith(path + ":3: expected a newline"));
}

TEST_CASE_METHOD(AuditCommandFixture, "A chain goes on over the files of a rotation, the oldest first", "[audit]") {
  const std::string first = folder.write("1", lines[0] + "\n");
  const std::string second = folder.write("2", lines[1] + "\n");
  const std::string third = folder.write("3", lines[2] + "\n");
  CHECK(verify({{first, second, third}, std::nullopt, head}).status == 0);
  SECTION("an empty file between them is none") {
    CHECK(verify({{first, folder.write("empty", ""), second, third}, std::nullopt, std::nullopt}).status == 0);
  }
  SECTION("another order, a gap, or a file twice is found") {
    CHECK_THAT(verify({{second, first, third}, std::nullopt, std::nullopt}).text, Catch::StartsWith(first + ":1: expected seq 3, found 1"));
    CHECK_THAT(verify({{first, third}, std::nullopt, std::nullopt}).text, Catch::StartsWith(third + ":1: expected seq 2, found 3"));
    CHECK(verify({{first, first, second, third}, std::nullopt, std::nullopt}).status == 1);
  }
  SECTION("without the oldest it is told where it begins, and checked if that is given") {
    const std::string before = service::hash_of_audit_line(lines[0]);
    const auto told = verify({{second, third}, std::nullopt, std::nullopt});
    CHECK(told.status == 0);
    CHECK_THAT(told.text, Catch::StartsWith("goes on from an older file: its first prev is " + before));
    CHECK(verify({{second, third}, before, std::nullopt}).status == 0);
    const auto other = verify({{second, third}, head, std::nullopt});
    CHECK(other.status == 1);
    CHECK_THAT(other.text, Catch::StartsWith(second + ":1: expected prev " + head + " (--after), found " + before));
  }
}

TEST_CASE_METHOD(AuditCommandFixture, "A line that is none of an audit log is told with what is wrong with it", "[audit]") {
  const auto [from, to, reason] = GENERATE(table<std::string, std::string, std::string>({
      {R"({"seq":1,)", "{", "/seq is missing"},
      {R"("seq":1,)", R"("seq":"1",)", "/seq is not a whole number"},
      {R"("seq":1,)", R"("seq":0,)", "/seq is not from 1"},
      {R"("seq":1,)", R"("seq":1.0,)", "/seq is not a whole number"},
      {R"("seq":1,)", R"("seq":2,)", "expected seq 1 with a prev of zeros, found 2"},
      {R"("seq":1,)", R"("seq": 1,)", "does not begin with seq and at"},
      {R"("at":)", R"("when":)", "/at is missing"},
      {R"("action":"START",)", "", "/action is missing"},
      {R"("action":"START")", R"("action":7)", "/action is not a string"},
      {R"("outcome":"done",)", "", "/outcome is missing"},
      {R"("outcome":"done")", R"("outcome":"half")", "/outcome is neither done nor refused"},
      {R"("peer":"anonymous",)", "", "/peer is missing"},
      {R"("address":"",)", "", "/address is missing"},
      {R"("prev":)", R"("next":)", "/prev is missing"},
      {R"("prev":"0)", R"("prev":")", "/prev is not 64 hex digits"},
      {R"("prev":"0)", R"("prev":"A)", "does not begin with seq and at"},
      {R"("prev":"0)", R"("prev":"a)", "expected a prev of zeros with seq 1"},
      {R"(0"})", R"(0" })", "does not begin with seq and at and end with prev"},
      {R"(0"})", R"(0","z":1})", "does not begin with seq and at and end with prev"},
      {R"(0"})", R"(0"}})", "the line is not JSON"},
      {R"("address":"",)", R"("address":"","address":"",)", "the line has a member twice"},
  }));
  CAPTURE(from, to);
  const std::size_t at = lines[0].find(from);
  REQUIRE(at != std::string::npos);
  put({lines[0].replace(at, from.size(), to)});
  const auto [status, text] = verified();
  CHECK(status == 1);
  CHECK_THAT(text, Catch::StartsWith(path + ":1: expected") && Catch::Contains(reason));
}

TEST_CASE_METHOD(AuditCommandFixture, "A line may have 64 KiB and no octet more", "[audit]") {
  put({line_of_size(service::kMaxAuditLine)});
  CHECK(verified().status == 0);
  put({line_of_size(service::kMaxAuditLine + 1)});
  CHECK(verified().status == 1);
  CHECK_THAT(verified().text, Catch::StartsWith(path + ":1: expected a line of at most 65536 octets"));
  (void)folder.write("test.audit", std::string(1000000, 'x'));
  CHECK_THAT(verified().text, Catch::StartsWith(path + ":1: expected a line of at most 65536 octets"));
}

TEST_CASE_METHOD(AuditCommandFixture, "A file that has no line, is none or cannot be read is a fault", "[audit]") {
  put({});
  CHECK(verified().status == 1);
  CHECK_THAT(verify({{folder / "none"}, std::nullopt, std::nullopt}).text, Catch::StartsWith(folder / "none") && Catch::Contains("cannot be opened"));
  CHECK_THAT(verify({{folder / ""}, std::nullopt, std::nullopt}).text, Catch::Contains("cannot be read"));
}

TEST_CASE_METHOD(AuditCommandFixture, "A log may be verified while it is written", "[audit]") {
  AuditLog log(path, clock);
  log.record_and_wait({.action = AuditAction::start});
  CHECK(verified(log.head()).status == 0);
}

TEST_CASE_METHOD(AuditCommandFixture, "verify-audit takes the files that it is given, or that of the configuration", "[audit]") {
  std::string asked;
  std::string configured = path;
  const service::Command command = service::audit_command([&](const std::string& config_path) {
    asked = config_path;
    return configured;
  });
  CHECK(command.name == "verify-audit");
  const std::string first = folder.write("1", lines[0] + "\n" + lines[1] + "\n");
  const std::string second = folder.write("2", lines[2] + "\n");
  SECTION("that of the configuration") {
    CHECK_THAT(run(command, {}).text, Catch::StartsWith("3 lines"));
    CHECK(asked == "arpf.yaml");
  }
  SECTION("the configuration has none") {
    configured = "";
    CHECK_THROWS_WITH(run(command, {}), Catch::Contains("arpf.yaml: names no audit log"));
  }
  SECTION("several, in their order") {
    CHECK(run(command, {{"file", first + "\n" + second}}).status == 0);
    CHECK(run(command, {{"file", second + "\n" + first}}).status == 1);
    CHECK(asked.empty());
  }
  SECTION("with hashes") {
    std::string capitals = head;
    for (char& c : capitals) c = static_cast<char>(std::toupper(c));
    CHECK(run(command, {{"file", second}, {"after", service::hash_of_audit_line(lines[1])}, {"head", capitals}}).status == 0);
    CHECK(run(command, {{"file", second}, {"after", head}}).status == 1);
    CHECK(run(command, {{"file", first}, {"head", head}}).status == 1);
  }
  SECTION("what is no hash is refused") {
    const std::string option = GENERATE("after", "head");
    const std::string value = GENERATE("", "00", "g", "zeros");
    CHECK_THROWS_AS(run(command, {{option, value}}), service::ConfigError);
  }
}
