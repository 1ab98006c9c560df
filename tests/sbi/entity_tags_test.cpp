#include "lib/sbi/entity_tags.hpp"

#include <catch2/catch.hpp>

#include "lib/base/error.hpp"

using sbi::EntityTags;

namespace {

std::optional<EntityTags> read(const std::vector<std::string>& lines) {
  sbi::Request request;
  request.headers.add("if-none-match", "\"of another field\"");
  for (const std::string& line : lines) request.headers.add("if-match", line);
  return EntityTags::of(request, "if-match");
}

const std::optional<std::string> kCurrent = "\"a\"";

}  // namespace

TEST_CASE("Without the field there are no entity tags", "[sbi][entity-tags]") { CHECK_FALSE(read({})); }

TEST_CASE("A list of entity tags, on one line or several, names each of them whole", "[sbi][entity-tags]") {
  const auto lines = GENERATE(values<std::vector<std::string>>({{"\"a\""},
                                                                {"\"b\",\"a\""},
                                                                {"\"b\" ,\t \"a\" "},
                                                                {"\"b\"", "\"a\""},
                                                                {"W/\"b\", \"a\""}}));
  const auto tags = read(lines);
  REQUIRE(tags);
  CHECK(tags->match_strongly(kCurrent));
  CHECK(tags->match_weakly(kCurrent));
  CHECK_FALSE(tags->match_strongly("\"c\""));
  CHECK_FALSE(tags->match_strongly("\"\""));
  CHECK_FALSE(tags->match_weakly(std::nullopt));
}

TEST_CASE("A tag that contains another one is another one", "[sbi][entity-tags]") {
  CHECK_FALSE(read({"\"xa\""})->match_weakly(kCurrent));
  CHECK_FALSE(read({"\"ax\""})->match_weakly(kCurrent));
  CHECK(read({"\"b,W/c\""})->match_strongly("\"b,W/c\""));
}

TEST_CASE("A weak tag matches in a weak comparison only", "[sbi][entity-tags]") {
  CHECK_FALSE(read({"W/\"a\""})->match_strongly(kCurrent));
  CHECK(read({"W/\"a\""})->match_weakly(kCurrent));
}

TEST_CASE("A star matches whatever there is", "[sbi][entity-tags]") {
  CHECK(read({"*"})->match_strongly(kCurrent));
  CHECK(read({"*"})->match_weakly(kCurrent));
  CHECK_FALSE(read({"*"})->match_strongly(std::nullopt));
  CHECK_FALSE(read({"*"})->match_weakly(std::nullopt));
}

TEST_CASE("What is no list of entity tags is a bad request that names the field", "[sbi][entity-tags]") {
  const auto lines = GENERATE(values<std::vector<std::string>>({{""},
                                                                {" "},
                                                                {"a"},
                                                                {"\"a"},
                                                                {"a\""},
                                                                {"w/\"a\""},
                                                                {"W/ \"a\""},
                                                                {"\"a\"\"b\""},
                                                                {"\"a\" \"b\""},
                                                                {"\"a\","},
                                                                {",\"a\""},
                                                                {"\"a b\""},
                                                                {"*,\"a\""},
                                                                {"*", "\"a\""},
                                                                {"*", "*"},
                                                                {"\"a\"", ""}}));
  CAPTURE(lines);
  try {
    (void)read(lines);
    FAIL("it was taken");
  } catch (const base::Error& error) {
    CHECK(error.kind() == base::ErrorKind::bad_request);
    REQUIRE(error.invalid_params().size() == 1);
    CHECK(error.invalid_params()[0].param == "header if-match");
  }
}
