// The tests that documents name as their proof, held against the tests that there are.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

const std::filesystem::path kRoot(FIRST_ATTACH_SOURCE_DIR);

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The names of the cases in a source: what stands between the first two quotation marks behind each TEST_CASE.
void note_names(const std::string& source, std::set<std::string>& out) {
  constexpr std::string_view kCase = "TEST_CASE";
  for (std::size_t at = source.find(kCase); at != std::string::npos; at = source.find(kCase, at + kCase.size())) {
    const std::size_t begin = source.find('"', at);
    const std::size_t end = begin == std::string::npos ? begin : source.find('"', begin + 1);
    if (end != std::string::npos) out.insert(source.substr(begin + 1, end - begin - 1));
  }
}

/// The tests in the sources below tests/ whose path ends so.
std::set<std::string> tests_of(const std::string& end_of_path) {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / "tests")) {
    if (entry.path().generic_string().ends_with(end_of_path)) note_names(text_of(entry.path()), out);
  }
  return out;
}

std::set<std::string> existing_tests() { return tests_of(".cpp"); }

/// A document without its code, which is full of quotation marks of its own: `spans` and fenced blocks.
std::string without_code(const std::string& document) {
  std::string out;
  bool is_code = false;
  for (const char c : document) {
    if (c == '`') {
      is_code = !is_code;
    } else if (!is_code) {
      out += c;
    }
  }
  return out;
}

/// The sentences in quotation marks: a test is named by one, four words at least.
std::vector<std::string> quoted_sentences(const std::string& document) {
  const std::string text = without_code(document);
  std::vector<std::string> out;
  for (std::size_t begin = text.find('"'); begin != std::string::npos;) {
    const std::size_t end = text.find('"', begin + 1);
    if (end == std::string::npos) break;
    std::string quoted = text.substr(begin + 1, end - begin - 1);
    if (std::count(quoted.begin(), quoted.end(), ' ') >= 3) out.push_back(std::move(quoted));
    begin = text.find('"', end + 1);
  }
  return out;
}

/// The cells of a table's row, without the spaces around them; none of any other line. A | in code does not separate.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> out;
  if (!line.starts_with('|')) return out;
  std::string cell;
  bool is_code = false;
  for (const char c : line.substr(1)) {
    if (c == '`') is_code = !is_code;
    if (c != '|' || is_code) {
      cell += c;
      continue;
    }
    const std::size_t first = cell.find_first_not_of(' ');
    out.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    cell.clear();
  }
  return out;
}

/// The files of tests that a text names in code, with or without their folder: `sbi/tls_test`.
std::vector<std::string> named_files(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = text.find('`'); begin != std::string::npos;) {
    const std::size_t end = text.find('`', begin + 1);
    if (end == std::string::npos) break;
    std::string code = text.substr(begin + 1, end - begin - 1);
    if (code.ends_with("_test")) out.push_back(std::move(code));
    begin = text.find('`', end + 1);
  }
  return out;
}

}  // namespace

TEST_CASE("The tests that documents name are there", "[architecture][documents]") {
  const std::set<std::string> tests = existing_tests();
  REQUIRE(tests.contains("The tests that documents name are there"));
  for (const char* document : {"docs/ACCESS.md", "docs/HTTP1.md", "docs/THREAT_MODEL.md"}) {
    const std::vector<std::string> named = quoted_sentences(text_of(kRoot / document));
    CAPTURE(document);
    CHECK_FALSE(named.empty());
    for (const std::string& name : named) {
      CAPTURE(name);
      CHECK(tests.contains(name));
    }
  }
}

TEST_CASE("Each row of docs/ACCESS.md that asks for more than a role says which test proves it", "[architecture][documents]") {
  std::ifstream document(kRoot / "docs/ACCESS.md");
  std::size_t rows = 0;
  bool has_test_above = false;
  for (std::string line; std::getline(document, line);) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != 4 || !cells[0].starts_with('`')) continue;  // route, who, and then, test
    CAPTURE(line);
    ++rows;
    const std::string& test = cells[3];
    CHECK(cells[2].empty() == test.empty());
    const bool has_test = !quoted_sentences(test).empty() || (test == "the same" && has_test_above);
    CHECK((test.empty() || has_test));
    has_test_above = has_test;
  }
  CHECK(rows > 50);
}

TEST_CASE("Each row of what holds in docs/THREAT_MODEL.md names files of tests, and tests that are in them", "[architecture][documents]") {
  std::ifstream document(kRoot / "docs/THREAT_MODEL.md");
  std::size_t rows = 0;
  for (std::string line; std::getline(document, line);) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != 4 || !cells[0].starts_with('*')) continue;  // word, what, in, shown by
    CAPTURE(line);
    ++rows;
    std::set<std::string> tests;
    for (const std::string& file : named_files(cells[3])) {
      CAPTURE(file);
      const std::set<std::string> in_file = tests_of("/" + file + ".cpp");
      CHECK_FALSE(in_file.empty());
      tests.insert(in_file.begin(), in_file.end());
    }
    CHECK_FALSE(tests.empty());
    for (const std::string& name : quoted_sentences(cells[3])) {
      CAPTURE(name);
      CHECK(tests.contains(name));
    }
  }
  CHECK(rows > 20);
}

TEST_CASE("A test that a document names by a slip is not found", "[architecture][documents]") {
  std::set<std::string> tests;
  note_names("TEST_CASE(\"A door opens with its key\", \"[door]\") {}\nTEST_CASE_METHOD(House, \"No other key opens a door\",\n\"[x]\")", tests);
  CHECK(tests == std::set<std::string>{"A door opens with its key", "No other key opens a door"});
  const auto named = quoted_sentences("See \"A door opens with its key\" of `\"not this one at all\"`, \"who\", and \"A door opens without its key\".");
  REQUIRE(named == std::vector<std::string>{"A door opens with its key", "A door opens without its key"});
  CHECK(tests.contains(named[0]));
  CHECK_FALSE(tests.contains(named[1]));
  const auto files = named_files("`house/door_test`: \"A door opens with its key\", `lib/door.cpp`, `key_test`");
  CHECK(files == std::vector<std::string>{"house/door_test", "key_test"});
  CHECK(tests_of("/architecture/named_tests_test.cpp").contains("The tests that documents name are there"));
  CHECK(tests_of("/no_such_test.cpp").empty());
  CHECK(cells_of("| `a|b` | one |  | \"x\" |") == std::vector<std::string>{"`a|b`", "one", "", "\"x\""});
}
