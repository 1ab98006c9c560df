#include "lib/service/audit_console.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "lib/base/clock.hpp"
#include "lib/sbi/json.hpp"
#include "lib/service/audit_command.hpp"
#include "tests/support/temporary_folder.hpp"

using service::Command;

namespace {

struct ConsoleFixture {
  ConsoleFixture() { config = folder.write("arpf.yaml", "arpf:\n  audit: {file: \"" + path + "\"}\n  unknown: here\n"); }

  /// A command that notes that it ran, and how many lines the audit log had then.
  Command command() {
    Command out{"work", "works", {{"to", "where", false}, {"now", "at once", true}}, {}};
    out.run = [this](const std::string& config_path, const Command::Given&) {
      CHECK(config_path == config);
      lines_before = static_cast<int>(lines().size());
      if (status < 0) throw std::runtime_error("with a secret");
      return status;
    };
    return service::recorded(std::move(out), service::AuditAction::backup, "arpf");
  }
  [[nodiscard]] std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> out;
    if (!std::filesystem::exists(path)) return out;
    std::istringstream in(test::read_text(path));
    for (std::string line; std::getline(in, line);) out.push_back(sbi::parse_json(line));
    return out;
  }
  /// `done begins: work`
  [[nodiscard]] std::vector<std::string> summary() const {
    std::vector<std::string> out;
    for (const nlohmann::json& line : lines()) out.push_back(line["outcome"].get<std::string>() + " " + line["detail"].get<std::string>());
    return out;
  }
  [[nodiscard]] bool is_whole() const {
    std::ostringstream out;
    return service::verify_audit({{path}, std::nullopt, std::nullopt}, out) == 0;
  }

  test::TemporaryFolder folder;
  std::string path = folder / "arpf.audit";
  std::string config;
  int status = 0;
  int lines_before = -1;  ///< of the audit log; -1: the command has not run
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(ConsoleFixture, "A command is recorded before it begins and when it has ended, with who ran it and how", "[audit][console]") {
  service::append_to_audit_log(path, {.action = service::AuditAction::stop, .detail = "of the function"}, base::system_now(), std::chrono::milliseconds(0));
  CHECK(command().run(config, {{"to", "a file"}, {"now", "true"}}) == 0);
  CHECK(lines_before == 2);
  CHECK(summary() == Lines{"done of the function", "done begins: work --to a file --now", "done ended: work --to a file --now"});
  for (const std::size_t i : {1U, 2U}) {
    CHECK(lines()[i]["action"] == "BACKUP");
    CHECK(lines()[i]["peer"] == service::console_user());
    CHECK(lines()[i]["address"] == "console");
  }
  CHECK(is_whole());
}

TEST_CASE_METHOD(ConsoleFixture, "A command is recorded while the function runs", "[audit][console]") {
  service::AuditLog log(path, base::system_now);
  log.record_and_wait({.action = service::AuditAction::start, .detail = "of the function"});
  CHECK(command().run(config, {}) == 0);
  log.record_and_wait({.action = service::AuditAction::stop, .detail = "of the function"});
  CHECK(summary() == Lines{"done of the function", "done begins: work", "done ended: work", "done of the function"});
  CHECK(is_whole());
}

TEST_CASE_METHOD(ConsoleFixture, "A command that fails is recorded as such, without what it says", "[audit][console]") {
  service::append_to_audit_log(path, {.action = service::AuditAction::stop, .detail = "of the function"}, base::system_now(), std::chrono::milliseconds(0));
  status = GENERATE(-1, 2);
  if (status < 0) {
    CHECK_THROWS_WITH(command().run(config, {}), "with a secret");
  } else {
    CHECK(command().run(config, {}) == status);
  }
  CHECK(summary() == Lines{"done of the function", "done begins: work", "refused failed: work"});
  CHECK(is_whole());
}

TEST_CASE_METHOD(ConsoleFixture, "A command that cannot be recorded does not begin", "[audit][console]") {
  REQUIRE(folder.write("arpf.audit", "something\n") == path);
  CHECK_THROWS_WITH(command().run(config, {}), Catch::Contains(path));
  CHECK(lines_before == -1);
  CHECK(test::read_text(path) == "something\n");
}

TEST_CASE_METHOD(ConsoleFixture, "Without an audit log a command runs as it is", "[audit][console]") {
  SECTION("the configuration has none") { config = folder.write("arpf.yaml", "arpf: {database: x}\nd_ausf: {audit: {file: " + path + "}}\n"); }
  SECTION("there is no configuration") { config = folder / "none.yaml"; }
  CHECK(command().run(config, {}) == 0);
  CHECK(lines_before == 0);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE_METHOD(ConsoleFixture, "An audit log that is configured wrongly keeps a command from running", "[audit][console]") {
  config = folder.write("arpf.yaml", GENERATE("arpf: {audit: {}}\n", "arpf: {audit: {file: [a, b]}}\n", "arpf: {audit: {file: \"\"}}\n", "arpf: [\n"));
  CHECK_THROWS_AS(command().run(config, {}), service::ConfigError);
  CHECK(lines_before == -1);
}
