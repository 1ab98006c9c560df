#include "lib/service/yaml.hpp"

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.hpp"

using service::ConfigError;
using service::Section;
using service::YamlDocument;

namespace {

/// The problems of a document that `read` reads; empty if there are none.
template <class Read>
std::string problems_of(const std::string& text, const Read& read) {
  try {
    const auto document = YamlDocument::parse(text, "x.yaml");
    read(document.root());
    document.finish();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("Values are read by type", "[service][yaml]") {
  const auto document = YamlDocument::parse(
      "text: some text\nnumber: 7\nyes: on\nno: 'false'\nlist: [a, b]\none: a\nmap:\n  key: value\nmaps:\n  - key: 1\n  - key: 2\n", "x.yaml");
  const Section& root = document.root();
  CHECK(root.text("text") == "some text");
  CHECK(root.text("number") == "7");
  CHECK(root.text("absent", "otherwise") == "otherwise");
  CHECK(root.integer("number", 0, 9) == 7);
  CHECK(root.integer("absent", 0, 9, 5) == 5);
  CHECK(root.boolean("yes", false));
  CHECK_FALSE(root.boolean("no", true));
  CHECK(root.boolean("absent", true));
  CHECK(root.texts("list") == std::vector<std::string>{"a", "b"});
  CHECK(root.texts("one") == std::vector<std::string>{"a"});
  CHECK(root.texts("absent").empty());
  CHECK(root.section("map").text("key") == "value");
  CHECK(root.section("absent").text("key", "x") == "x");
  REQUIRE(root.sections("maps").size() == 2);
  CHECK(root.sections("maps")[0].integer("key", 0, 9) == 1);
  CHECK(root.sections("maps")[1].integer("key", 0, 9) == 2);
  CHECK(root.sections("map").size() == 1);
  CHECK_FALSE(root.has("absent"));
  CHECK_NOTHROW(document.finish());
}

TEST_CASE("Every problem is told at once, by file, line, column and key, in order", "[service][yaml]") {
  const std::string problems = problems_of("port: 99999\nname:\n  - a\nserver:\n  adress: x\n  on: maybe\n", [](const Section& root) {
    const Section server = root.section("server");
    (void)server.text("address");
    (void)server.boolean("on", true);
    (void)root.text("name");
    (void)root.integer("port", 1, 65535);
  });
  CHECK(problems ==
        "x.yaml:1:7: port: 99999 is too large (at most 65535)\n"
        "x.yaml:3:3: name: is not a single value\n"
        "x.yaml:5:3: server.address: is missing\n"
        "x.yaml:5:3: server.adress: is not known here; did you mean address?\n"
        "x.yaml:6:7: server.on: maybe is neither true nor false");
}

TEST_CASE("An unknown key is an error with the nearest known one as a hint", "[service][yaml]") {
  const auto read = [](const Section& root) {
    (void)root.text("database", "");
    (void)root.text("workers", "");
  };
  CHECK(problems_of("databse: x\n", read) == "x.yaml:1:1: databse: is not known here; did you mean database?");
  CHECK(problems_of("worker: x\n", read) == "x.yaml:1:1: worker: is not known here; did you mean workers?");
  CHECK(problems_of("quite_another: x\n", read) == "x.yaml:1:1: quite_another: is not known here");
  CHECK(problems_of("[a]: x\n", read) == "x.yaml:1:1: (not a text): is not known here");
}

TEST_CASE("The nearest candidate is near, or none", "[service][yaml]") {
  CHECK(service::nearest("adress", {"port", "address"}) == "address");
  CHECK(service::nearest("prot", {"port", "address"}) == "port");
  CHECK(service::nearest("PORT", {"port"}).empty());
  CHECK(service::nearest("x", {}).empty());
  CHECK(service::nearest("", {"ab", "abc"}) == "ab");
}

TEST_CASE("A key without a value is an error, be it of a map, a list or a text, and one that is absent is none", "[service][yaml]") {
  const auto read = [](const Section& root) {
    const Section map = root.section("map");
    if (map.has("inner")) (void)map.section("inner").texts("list");
    (void)root.text("text", "");
  };
  CHECK(problems_of("map: {inner: {list: [a]}}\ntext: a\n", read).empty());
  CHECK(problems_of("map: {}\n", read).empty());
  CHECK(problems_of("map:\n  inner:\n  #  list: [a]\ntext: a\n", read) == "x.yaml:2:3: map.inner: has no value: give it one, or take the key out");
  CHECK(problems_of("map: {inner: {list: ~}}\n", read) == "x.yaml:1:15: map.inner.list: has no value: give it one, or take the key out");
  CHECK(problems_of("text:\nmap: null\n", read) ==
        "x.yaml:1:1: text: has no value: give it one, or take the key out\nx.yaml:2:1: map: has no value: give it one, or take the key out");
}

TEST_CASE("A key that stands twice is an error", "[service][yaml]") {
  const auto read = [](const Section& root) { (void)root.section("a").text("b"); };
  CHECK(problems_of("a:\n  b: 1\n  b: 2\n", read) == "x.yaml:3:3: a.b: stands twice");
  CHECK(problems_of("a: {b: 1}\n", read).empty());
}

TEST_CASE("Integers have a range, one below and one above", "[service][yaml]") {
  const auto problem_of = [](const std::string& value) {
    return problems_of("n: " + value + "\n", [](const Section& root) { (void)root.integer("n", -2, 10); });
  };
  for (const char* const value : {"-2", "0", "10", "'7'"}) CHECK(problem_of(value).empty());
  CHECK(problem_of("-3") == "x.yaml:1:4: n: -3 is too small (at least -2)");
  CHECK(problem_of("11") == "x.yaml:1:4: n: 11 is too large (at most 10)");
  CHECK_THAT(problem_of("99999999999999999999"), Catch::Contains("too large"));
  CHECK_THAT(problem_of("-99999999999999999999"), Catch::Contains("too small"));
  for (const char* const value : {"1.5", "1x", "0x1", "x", "''", "+1", "1 2", "1_0", "true"}) {
    CAPTURE(value);
    CHECK_THAT(problem_of(value), Catch::Contains("is not a whole number"));
  }
  CHECK_THAT(problem_of("[1]"), Catch::Contains("is not a single value"));
  CHECK_THAT(problem_of(""), Catch::Contains("n: is missing"));
}

TEST_CASE("A value of the wrong type is an error", "[service][yaml]") {
  const auto read = [](const Section& root) {
    (void)root.section("map");
    (void)root.sections("maps");
    (void)root.texts("texts");
    (void)root.text("text", "");
    (void)root.boolean("boolean", false);
  };
  CHECK(problems_of("map: {}\nmaps: []\ntexts: []\ntext: x\nboolean: no\n", read).empty());
  CHECK_THAT(problems_of("map: 1\n", read), Catch::Contains("map: is not a map of keys and values"));
  CHECK_THAT(problems_of("map: [1]\n", read), Catch::Contains("map: is not a map of keys and values"));
  CHECK_THAT(problems_of("maps: 1\n", read), Catch::Contains("maps: is not a list"));
  CHECK_THAT(problems_of("maps: [{}, 1]\n", read), Catch::Contains("x.yaml:1:12: maps[1]: is not a map of keys and values"));
  CHECK_THAT(problems_of("texts: {a: 1}\n", read), Catch::Contains("texts: is not a list of texts"));
  CHECK_THAT(problems_of("texts: [a, [b]]\n", read), Catch::Contains("x.yaml:1:12: texts: has an item that is not a text"));
  CHECK_THAT(problems_of("texts: ['']\n", read), Catch::Contains("texts: has an item that is not a text"));
  CHECK_THAT(problems_of("text: ''\n", read), Catch::Contains("text: is empty"));
  CHECK_THAT(problems_of("boolean: 1\n", read), Catch::Contains("boolean: 1 is neither true nor false"));
}

TEST_CASE("Which form a value has can be asked", "[service][yaml]") {
  const auto document = YamlDocument::parse("a: {map: {}, list: [], text: x}\n", "x.yaml");
  const Section a = document.root().section("a");
  CHECK((a.is_map("map") && a.is_list("list")));
  CHECK_FALSE((a.is_map("list") || a.is_list("map") || a.is_map("text") || a.is_list("text") || a.is_list("absent")));
  CHECK(a.name("text") == "a.text");
  CHECK_NOTHROW(document.finish());
}

TEST_CASE("What is required and absent is an error", "[service][yaml]") {
  CHECK(problems_of("", [](const Section& root) { (void)root.text("a"); }) == "x.yaml:1:1: a: is missing");
  CHECK(problems_of("", [](const Section& root) { (void)root.section("a", true); }) == "x.yaml:1:1: a: is missing");
  CHECK(problems_of("", [](const Section& root) { (void)root.sections("a", true); }) == "x.yaml:1:1: a: is missing");
  CHECK_THAT(problems_of("a: []", [](const Section& root) { (void)root.sections("a", true); }), Catch::Contains("a: is empty"));
  CHECK(problems_of("", [](const Section& root) { (void)root.section("a"); }).empty());
}

TEST_CASE("What is not YAML is refused with its place", "[service][yaml]") {
  const auto read = [](const Section&) {};
  CHECK_THAT(problems_of("a: [1\nb: 2\n", read), Catch::StartsWith("x.yaml:2:"));
  CHECK_THAT(problems_of("a: 1\n\tb: 2\n", read), Catch::StartsWith("x.yaml:2:"));
  CHECK_THAT(problems_of("a: 'x\n", read), Catch::StartsWith("x.yaml:"));
  CHECK(problems_of("[1, 2]\n", read) == "x.yaml:1:1: is not a map of keys and values");
  CHECK(problems_of("text\n", read) == "x.yaml:1:1: is not a map of keys and values");
}

TEST_CASE("A file is read, or named if it cannot be", "[service][yaml]") {
  const test::TemporaryFolder folder;
  CHECK(YamlDocument::load(folder.write("x.yaml", "a: b\n")).root().text("a") == "b");
  CHECK_THROWS_WITH(YamlDocument::load(folder / "absent.yaml"), folder / "absent.yaml" + ":1:1: cannot be read");
  CHECK_THROWS_AS(YamlDocument::load(folder / "."), ConfigError);
}
