#include "lib/sbi/flat_json.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "lib/base/error.hpp"
#include "lib/sbi/json.hpp"
#include "tests/support/mutations.hpp"

using sbi::FlatObject;

TEST_CASE("A flat object gives its members in place", "[sbi][json]") {
  const std::string body = "\t{ \"a\" : \"1\" ,\n\"bc\":\"x y\"}\r\n";
  const auto object = FlatObject::read(body);
  REQUIRE(object);
  CHECK(object->size() == 2);
  CHECK(object->text("a") == "1");
  CHECK(object->text("bc") == "x y");
  CHECK(object->text("b").empty());
}

TEST_CASE("Sixteen members are flat, seventeen are for the document reader", "[sbi][json]") {
  const auto with_members = [](int count) {
    std::string body = "{";
    for (int i = 0; i < count; ++i) body += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"x\"";
    return body + "}";
  };
  CHECK(FlatObject::read(with_members(16)));
  CHECK_FALSE(FlatObject::read(with_members(17)));
}

TEST_CASE("Whatever is no flat object of texts is left alone", "[sbi][json]") {
  for (const char* body : {"", " ", "{", "{}", "[]", "\"a\"", "{\"a\"}", "{\"a\":}", "{\"a\":1}", "{\"a\":null}", "{\"a\":\"\"}", "{\"a\":\"1\"",
                           "{\"a\":\"1\",}", "{\"a\":\"1\"}}", "{\"a\":\"1\"}x", "{\"a\":\"1\",\"a\":\"2\"}", "{\"a\":\"\\n\"}", "{\"a\":\"\xC3\xA9\"}",
                           "{\"a\":\"\x7F\"}", "{\"a\":\"\n\"}", "{\"a\":{\"b\":\"1\"}}", "{\"a\":[\"1\"]}", "{a:\"1\"}", "{'a':'1'}", "{\"a\"=\"1\"}"}) {
    CAPTURE(body);
    CHECK_FALSE(FlatObject::read(body));
  }
}

TEST_CASE("What is flat means the same to the document reader, of 200,000 mutated bodies", "[sbi][json]") {
  const std::string sound = R"({"dimsi":"901700000000001","rand":"00112233445566778899aabbccddeeff","imsi":"001010000000001"})";
  const std::string alphabet = "\"\\{}[]:,. 019aimf-\x7f\x01\xc3\n";
  test::Mutations mutations({sound}, alphabet);
  int flat = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string body = mutations.next();
    const auto object = FlatObject::read(body);
    if (!object) continue;
    ++flat;
    CAPTURE(body);
    const nlohmann::json document = sbi::parse_json(body);  // does not throw
    REQUIRE(document.size() == object->size());
    for (const auto& [name, value] : document.items()) REQUIRE(object->text(name) == value.get<std::string>());
  }
  CHECK(flat > 10000);
}

TEST_CASE("An object with one flat object in it gives the members of both", "[sbi][json]") {
  const auto objects = FlatObject::read_with("se", R"({"a":"1", "se" : {"token":"x","a":"2"} ,"b":"3"})");
  REQUIRE(objects);
  CHECK(objects->first.size() == 2);
  CHECK(objects->first.text("a") == "1");
  CHECK(objects->first.text("b") == "3");
  CHECK(objects->second.size() == 2);
  CHECK(objects->second.text("token") == "x");
  CHECK(objects->second.text("a") == "2");
  CHECK(FlatObject::read_with("se", R"({"se":{"a":"2"}})"));
  for (const char* body : {R"({"a":"1"})", R"({"se":"1"})", R"({"se":{}})", R"({"se":{"a":"1"},"se":{"b":"1"}})", R"({"se":{"a":"1"},"se":"1"})",
                           R"({"se":"1","se":{"a":"1"}})", R"({"se":{"a":"1"},"x":{"b":"1"}})", R"({"se":{"se":{"a":"1"}}})",
                           R"({"se":{"a":"1","a":"1"}})", R"({"se":{"a":"1"})", R"({"se":{"a":"1"}}})", R"({"se":[{"a":"1"}]})"}) {
    CAPTURE(body);
    CHECK_FALSE(FlatObject::read_with("se", body));
  }
}

TEST_CASE("What is flat with one object in it means the same to the document reader, of 200,000 mutated bodies", "[sbi][json]") {
  const std::string sound = R"({"se":{"token":"MDA=","ci":"Zm9v"},"mno":"YmFy"})";
  const std::string alphabet = "\"\\{}[]:,. se019aimf-\x7f\x01\xc3\n";
  std::mt19937 random(20261126);
  const auto below = [&random](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int flat = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string body = sound;
    for (std::size_t n = 1 + below(2); n > 0; --n) {
      const std::size_t at = below(body.size());
      switch (below(3)) {
        case 0: body[at] = alphabet[below(alphabet.size())]; break;
        case 1: body.erase(at, 1); break;
        default: body.insert(at, 1, alphabet[below(alphabet.size())]);
      }
    }
    const auto objects = FlatObject::read_with("se", body);
    if (!objects) continue;
    ++flat;
    CAPTURE(body);
    const nlohmann::json document = sbi::parse_json(body);  // does not throw
    REQUIRE(document.size() == objects->first.size() + 1);
    REQUIRE(document["se"].size() == objects->second.size());
    for (const auto& [name, value] : document["se"].items()) REQUIRE(objects->second.text(name) == value.get<std::string>());
    for (const auto& [name, value] : document.items()) {
      if (name != "se") REQUIRE(objects->first.text(name) == value.get<std::string>());
    }
  }
  CHECK(flat > 10000);
}
