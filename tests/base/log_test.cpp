#include "lib/base/log.hpp"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace {

/// Leaves the log as other tests expect it: on the console, warnings only.
struct LogFixture {
  ~LogFixture() { base::log::open("test", "", base::log::Level::warning); }
  test::TemporaryFolder folder;
  std::string file = folder / "test.log";
};

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

TEST_CASE("Levels have the names that YAML knows", "[base][log]") {
  const auto [name, expected] = GENERATE(table<std::string, base::log::Level>({{"trace", base::log::Level::trace},
                                                                         {"debug", base::log::Level::debug},
                                                                         {"info", base::log::Level::info},
                                                                         {"warn", base::log::Level::warning},
                                                                         {"warning", base::log::Level::warning},
                                                                         {"error", base::log::Level::error},
                                                                         {"fatal", base::log::Level::fatal},
                                                                         {"off", base::log::Level::off}}));
  CAPTURE(name);
  base::log::Level level = name == "off" ? base::log::Level::trace : base::log::Level::off;
  CHECK(base::log::level_from_name(name, level));
  CHECK(level == expected);
}

TEST_CASE("A name that is no level leaves the level as it was", "[base][log]") {
  const std::string name = GENERATE("", "INFO", "inf", "info ", "critical");
  auto level = base::log::Level::error;
  CHECK_FALSE(base::log::level_from_name(name, level));
  CHECK(level == base::log::Level::error);
}

TEST_CASE_METHOD(LogFixture, "A line bears level and domain, and only lines of the level and above are written", "[base][log]") {
  base::log::open("arpf", file, base::log::Level::info);
  base::log::debug("not {}", "this");
  base::log::info("this {}", 1);
  base::log::error("and this");
  const std::string text = test::read_text(file);
  CHECK(lines(text) == 2);
  CHECK_THAT(text, Catch::Contains("[arpf] info: this 1\n") && Catch::Contains("[arpf] error: and this\n"));
  CHECK_FALSE(base::log::is_enabled(base::log::Level::debug));
  CHECK(base::log::is_enabled(base::log::Level::info));
}

TEST_CASE_METHOD(LogFixture, "Nothing is written at the level off", "[base][log]") {
  base::log::open("arpf", file, base::log::Level::off);
  base::log::error("nothing");
  base::log::write(base::log::Level::fatal, "nothing");
  CHECK(test::read_text(file).empty());
}

TEST_CASE_METHOD(LogFixture, "No control octet reaches the log: nobody forges a line", "[base][log]") {
  base::log::open("arpf", file, base::log::Level::info);
  std::string hostile = "a\n11/24 00:00:00.000: [arpf] info: forged\r\x1b[2J\x7f";
  hostile.push_back('\0');
  for (char c = 1; c < 0x20; ++c) hostile.push_back(c);
  base::log::info("{}", hostile + "é");
  const std::string text = test::read_text(file);
  CHECK(lines(text) == 1);
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    CHECK((octet >= 0x20 && octet != 0x7F));
  }
  CHECK_THAT(text, Catch::Contains("a\\x0a11/24") && Catch::Contains("forged\\x0d\\x1b[2J\\x7f\\x00\\x01") &&
                       Catch::EndsWith("\\x1fé\n"));
}

TEST_CASE_METHOD(LogFixture, "Braces in a text are not taken for a format", "[base][log]") {
  base::log::open("arpf", file, base::log::Level::info);
  base::log::write(base::log::Level::info, "{} {dimsi} %v");
  CHECK_THAT(test::read_text(file), Catch::EndsWith("info: {} {dimsi} %v\n"));
}

TEST_CASE_METHOD(LogFixture, "After a rotation the file is made anew", "[base][log]") {
  base::log::open("arpf", file, base::log::Level::info);
  base::log::info("before");
  std::filesystem::rename(file, folder / "old.log");
  base::log::info("still the old file");
  base::log::reopen();
  base::log::info("after");
  CHECK(lines(test::read_text(folder / "old.log")) == 2);
  CHECK_THAT(test::read_text(file), Catch::EndsWith("[arpf] info: after\n"));
  CHECK(lines(test::read_text(file)) == 1);
  CHECK_FALSE(base::log::is_enabled(base::log::Level::debug));
}

TEST_CASE_METHOD(LogFixture, "A file that cannot be opened is an error that names it", "[base][log]") {
  const std::string under_a_file = folder.write("file", "") + "/test.log";
  CHECK_THROWS_AS(base::log::open("arpf", under_a_file, base::log::Level::info), std::runtime_error);
  CHECK_THROWS_WITH(base::log::open("arpf", under_a_file, base::log::Level::info), Catch::Contains(under_a_file));
}

TEST_CASE_METHOD(LogFixture, "A rotation that fails leaves the log as it is", "[base][log]") {
  const std::string inner = folder / "logs";
  std::filesystem::create_directory(inner);
  base::log::open("arpf", inner + "/test.log", base::log::Level::info);
  std::filesystem::rename(inner, folder / "moved");
  (void)folder.write("logs", "a file where the folder was");
  CHECK_NOTHROW(base::log::reopen());
  base::log::info("goes on");
  CHECK_THAT(test::read_text(folder / "moved" + "/test.log"), Catch::EndsWith("info: goes on\n"));
}

TEST_CASE_METHOD(LogFixture, "The log is opened again while other threads write", "[base][log]") {
  base::log::open("arpf", file, base::log::Level::off);  // the paths are the same, and the console stays quiet
  std::atomic<bool> is_done = false;
  std::array<std::thread, 2> writers;
  for (auto& writer : writers) {
    writer = std::thread([&is_done] {
      while (!is_done) base::log::info("a line");
    });
  }
  for (int i = 0; i < 50; ++i) base::log::reopen();
  is_done = true;
  for (auto& writer : writers) writer.join();
  CHECK_FALSE(base::log::is_enabled(base::log::Level::fatal));
}
