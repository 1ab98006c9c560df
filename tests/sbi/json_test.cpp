#include "lib/sbi/json.hpp"

#include <catch2/catch.hpp>

using sbi::JsonObject;
using sbi::parse_json;

namespace {

/// What `work` refuses; Catch fails the test if it refuses nothing.
template <class Work>
base::Error refusal_of(const Work& work) {
  try {
    work();
  } catch (const base::Error& error) {
    CHECK(error.kind() == base::ErrorKind::bad_request);
    return error;
  }
  FAIL("nothing was refused");
  throw std::logic_error("unreachable");
}

/// Cause and member of what `work` refuses: `MANDATORY_IE_MISSING /a`.
template <class Work>
std::string fault_of(const Work& work) {
  const auto error = refusal_of(work);
  return error.cause() + (error.invalid_params().empty() ? "" : " " + error.invalid_params().front().param);
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

}  // namespace

TEST_CASE("JSON is read", "[sbi][json]") {
  const auto document = parse_json(" {\"a\":[1,-2,3.5,true,false,null,\"\\u00e9\\n\"],\"b\":{}} ");
  CHECK(document["a"].size() == 7);
  CHECK(document["a"][6] == "é\n");
  CHECK(parse_json("7") == 7);
}

TEST_CASE("What is not JSON is refused", "[sbi][json]") {
  using namespace std::string_literals;
  const std::string text = GENERATE(as<std::string>(), "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "{\"a\" 1}", "01", "+1", ".5", "1.", "NaN", "1e999",
                                    "nul", "\"a", "\"\n\"", "\"\\x\"", "\"\\ud800\"", "{} {}", "{}x", "// c\n{}", "{}\0"s);
  CAPTURE(text);
  CHECK(fault_of([&] { parse_json(text); }) == "INVALID_MSG_FORMAT");
}

TEST_CASE("Text that is not UTF-8 is refused as such, and not repeated", "[sbi][json]") {
  const std::string octets = GENERATE(as<std::string>(), "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80");
  const auto error = refusal_of([&] { parse_json("{\"secret\":\"" + octets + "\"}"); });
  CHECK(error.cause() == "INVALID_MSG_FORMAT");
  CHECK_THAT(error.what(), Catch::Contains("invalid UTF-8") && !Catch::Contains("secret"));
}

TEST_CASE("A member that stands twice is refused by name, at any depth and however it is written", "[sbi][json]") {
  CHECK(fault_of([] { parse_json(R"({"a":1,"b":2,"a":3})"); }) == "INVALID_MSG_FORMAT a");
  CHECK(fault_of([] { parse_json(R"([{"x":{"b":1,"\u0062":1}}])"); }) == "INVALID_MSG_FORMAT b");
  CHECK_NOTHROW(parse_json(R"([{"a":1},{"a":{"a":1}}])"));
}

TEST_CASE("Nesting ends at its limit", "[sbi][json]") {
  CHECK_NOTHROW(parse_json(nested(sbi::kMaxJsonDepth)));
  CHECK(fault_of([] { parse_json(nested(sbi::kMaxJsonDepth + 1)); }) == "INVALID_MSG_FORMAT");
  CHECK(fault_of([] { parse_json(std::string(1000000, '[')); }) == "INVALID_MSG_FORMAT");
  CHECK_NOTHROW(parse_json("[" + nested(31) + "," + nested(31) + "]"));
}

TEST_CASE("Values end at their limit, wherever they stand", "[sbi][json]") {
  const auto list_of = [](std::size_t values) {  // itself counted
    std::string out = "[";
    for (std::size_t i = 2; i <= values; ++i) out += i % 2 == 0 ? "{}," : "0,";
    out.back() = ']';
    return out;
  };
  CHECK_NOTHROW(parse_json(list_of(sbi::kMaxJsonValues)));
  CHECK(fault_of([&] { parse_json(list_of(sbi::kMaxJsonValues + 1)); }) == "INVALID_MSG_FORMAT");
  CHECK_NOTHROW(parse_json(list_of(sbi::kMaxJsonValues + 1), sbi::kMaxJsonValuesOfNrf));
  CHECK_NOTHROW(parse_json(list_of(7), 7));
  CHECK(fault_of([&] { parse_json(list_of(8), 7); }) == "INVALID_MSG_FORMAT");
}

TEST_CASE("A body that is no object is refused", "[sbi][json]") {
  const std::string text = GENERATE(as<std::string>(), "[]", "\"a\"", "1", "null", "true");
  const auto document = parse_json(text);
  CHECK(fault_of([&] { JsonObject{document}; }) == "INVALID_MSG_FORMAT");
}

TEST_CASE("Members are read by type", "[sbi][json]") {
  const auto document = parse_json(R"({"t":"text","b":true,"h":"00fF","x":"Zm8=","n":null,"o":{"t":"inner"},"l":[{"t":"1"},{"t":"2"}],"more":7})");
  const JsonObject object(document);
  CHECK(object.text("t") == "text");
  CHECK(object.optional_text("t") == "text");
  CHECK(object.boolean("b"));
  CHECK(object.optional_boolean("b") == true);
  CHECK(object.hex<2>("h") == std::array<std::uint8_t, 2>{0, 255});
  CHECK(object.optional_hex<2>("h") == std::array<std::uint8_t, 2>{0, 255});
  CHECK(object.base64("x", 2) == base::Bytes{'f', 'o'});
  CHECK(object.is_null("n"));
  CHECK_FALSE(object.is_null("t"));
  CHECK(object.object("o").text("t") == "inner");
  CHECK(object.optional_object("o")->text("t") == "inner");
  REQUIRE(object.objects("l", 2).size() == 2);
  CHECK(object.objects("l", 2)[1].text("t") == "2");
}

TEST_CASE("An optional member may be absent, a mandatory one may not", "[sbi][json]") {
  const auto document = parse_json(R"({"o":{}})");
  const JsonObject object(document);
  CHECK_FALSE(object.optional_text("a"));
  CHECK_FALSE(object.optional_boolean("a"));
  CHECK_FALSE(object.optional_hex<2>("a"));
  CHECK_FALSE(object.optional_object("a"));
  CHECK(fault_of([&] { (void)object.text("a"); }) == "MANDATORY_IE_MISSING /a");
  CHECK(fault_of([&] { (void)object.boolean("a"); }) == "MANDATORY_IE_MISSING /a");
  CHECK(fault_of([&] { (void)object.hex<2>("a"); }) == "MANDATORY_IE_MISSING /a");
  CHECK(fault_of([&] { (void)object.base64("a", 9); }) == "MANDATORY_IE_MISSING /a");
  CHECK(fault_of([&] { (void)object.object("a"); }) == "MANDATORY_IE_MISSING /a");
  CHECK(fault_of([&] { (void)object.objects("a", 9); }) == "MANDATORY_IE_MISSING /a");
  CHECK(fault_of([&] { (void)object.is_null("a"); }) == "MANDATORY_IE_MISSING /a");
  CHECK(fault_of([&] { (void)object.object("o").text("b"); }) == "MANDATORY_IE_MISSING /o/b");
}

TEST_CASE("A member of the wrong type is incorrect, mandatory or optional", "[sbi][json]") {
  const std::string value = GENERATE(as<std::string>(), "1", "null", "[]", "[\"a\"]", "{\"a\":1}", "1.5");
  const auto document = parse_json("{\"a\":" + value + "}");
  const JsonObject object(document);
  CAPTURE(value);
  CHECK(fault_of([&] { (void)object.text("a"); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { (void)object.optional_text("a"); }) == "OPTIONAL_IE_INCORRECT /a");
  CHECK(fault_of([&] { (void)object.boolean("a"); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { (void)object.optional_boolean("a"); }) == "OPTIONAL_IE_INCORRECT /a");
  CHECK(fault_of([&] { (void)object.hex<2>("a"); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { (void)object.optional_hex<2>("a"); }) == "OPTIONAL_IE_INCORRECT /a");
  CHECK(fault_of([&] { (void)object.base64("a", 9); }) == "MANDATORY_IE_INCORRECT /a");
  if (value.front() != '{') {
    CHECK(fault_of([&] { (void)object.object("a"); }) == "MANDATORY_IE_INCORRECT /a");
    CHECK(fault_of([&] { (void)object.optional_object("a"); }) == "OPTIONAL_IE_INCORRECT /a");
  }
  if (value != "[\"a\"]") CHECK(fault_of([&] { (void)object.objects("a", 9); }) == "MANDATORY_IE_INCORRECT /a");
}

TEST_CASE("A whole number has its range, its ends included", "[sbi][json]") {
  const auto number = [](const std::string& value) {
    const auto document = parse_json("{\"a\":" + value + "}");
    return JsonObject(document).integer("a", -2, 5);
  };
  CHECK(number("-2") == -2);
  CHECK(number("5") == 5);
  for (const char* value : {"-3", "6", "1.0", "1e0", "\"1\"", "true", "null", "[]", "9223372036854775808", "18446744073709551615",
                            "-9223372036854775808", "99999999999999999999"}) {
    CAPTURE(value);
    CHECK(fault_of([&] { (void)number(value); }) == "MANDATORY_IE_INCORRECT /a");
  }
  const auto empty = parse_json("{}");
  CHECK(fault_of([&] { (void)JsonObject(empty).integer("a", 1, 5); }) == "MANDATORY_IE_MISSING /a");
}

TEST_CASE("A text has 1 to so many octets, and no control octet", "[sbi][json]") {
  const auto text = [](const std::string& value) {
    const nlohmann::json document{{"a", value}};
    return JsonObject(document).text("a", 4);
  };
  CHECK(text("x") == "x");
  CHECK(text("1234") == "1234");
  CHECK(fault_of([&] { text("12345"); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { text(""); }) == "MANDATORY_IE_INCORRECT /a");
  for (const char c : {'\0', '\n', '\x1f', '\x7f'}) CHECK(fault_of([&] { text(std::string("a") + c); }) == "MANDATORY_IE_INCORRECT /a");
}

TEST_CASE("Hex has exactly its size", "[sbi][json]") {
  const std::string value = GENERATE(as<std::string>(), "", "00", "000000", "0g00", "000", "00 0");
  const nlohmann::json document{{"a", value}};
  CHECK(fault_of([&] { (void)JsonObject(document).hex<2>("a"); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { (void)JsonObject(document).optional_hex<2>("a"); }) == "OPTIONAL_IE_INCORRECT /a");
}

TEST_CASE("Base64 has at most so many octets", "[sbi][json]") {
  const auto base64 = [](const std::string& value, std::size_t max_octets) {
    const nlohmann::json document{{"a", value}};
    return JsonObject(document).base64("a", max_octets);
  };
  CHECK(base64("AA==", 1).size() == 1);
  CHECK(base64("AAA=", 2).size() == 2);
  CHECK(base64("AAAA", 3).size() == 3);
  CHECK(fault_of([&] { base64("AAA=", 1); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { base64("AAAA", 2); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { base64("AAAAAA==", 3); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { base64("AA", 3); }) == "MANDATORY_IE_INCORRECT /a");
  CHECK(fault_of([&] { base64("", 3); }) == "MANDATORY_IE_INCORRECT /a");
}

TEST_CASE("A list has 1 to so many objects, and the item at fault is named", "[sbi][json]") {
  const auto document = parse_json(R"({"o":{"l":[{},{},7],"m":[{},{}],"e":[]}})");
  const auto object = JsonObject(document).object("o");
  CHECK(object.objects("m", 2).size() == 2);
  CHECK(fault_of([&] { (void)object.objects("m", 1); }) == "MANDATORY_IE_INCORRECT /o/m");
  CHECK(fault_of([&] { (void)object.objects("e", 1); }) == "MANDATORY_IE_INCORRECT /o/e");
  CHECK(fault_of([&] { (void)object.objects("l", 3); }) == "MANDATORY_IE_INCORRECT /o/l/2");
  CHECK(fault_of([&] { (void)object.objects("m", 2)[1].text("x"); }) == "MANDATORY_IE_MISSING /o/m/1/x");
}

TEST_CASE("A variable of the path is named in braces", "[sbi][json]") {
  CHECK(fault_of([] { sbi::fail_path_parameter("dimsi", "is no IMSI"); }) == "MANDATORY_IE_INCORRECT {dimsi}");
}

TEST_CASE("An object written without a document is the same JSON", "[sbi][json]") {
  CHECK(std::move(sbi::ObjectWriter()).finish() == "{}");
  const std::string odd = GENERATE(std::string(), std::string("plain"), std::string("quote\" backslash\\ line\n"), std::string("\x01\x7f"),
                                   std::string("\xC3\xA9"), std::string("a\0b", 3));
  sbi::ObjectWriter writer;
  writer.text("text", odd).hex("hex", std::array<std::uint8_t, 3>{0, 0x7f, 0xff}).integer("integer", INT64_MIN);
  const nlohmann::json wanted{{"text", odd}, {"hex", "007fff"}, {"integer", INT64_MIN}};
  CHECK(parse_json(std::move(writer).finish()) == wanted);
}

TEST_CASE("What is no UTF-8 is replaced, so that the object stays JSON", "[sbi][json]") {
  sbi::ObjectWriter writer;
  writer.text("text", "\xFF");
  CHECK(parse_json(std::move(writer).finish())["text"] == "\xEF\xBF\xBD");
}
