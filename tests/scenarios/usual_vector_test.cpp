// The fast readers of a vector, alone and in a line of a bulk load, held against those that read a document.
#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "nf-d-ausf/api_read_vector.hpp"
#include "tests/support/mutations.hpp"

namespace {

const std::string kShortLine = R"({"dimsi":"901700000000001","rand":"00112233445566778899aabbccddeeff",)"
                               R"("autn":"FFEEDDCCBBAA99887766554433221100","imsi":"001010000000001"})";
const std::string kLongLine = "{ \"imsi\":\"00101123456\" , \"autn\":\"ffeeddccbbaa99887766554433221100\",\"rand\":\"00112233445566778899aabbccddeeff\",\t"
                              "\"receiptHash\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\", \"notificationUri\":\"https://a.example/receipts\","
                              "\"note\":\"unread\",\"dimsi\":\"901700\"}";

std::string in_words(const d_ausf::Vector& vector) {
  return base::to_hex(vector.challenge.rand) + " " + base::to_hex(vector.challenge.autn) + " " + vector.imsi.digits() + " " +
         (vector.receipt_hash ? base::to_hex(*vector.receipt_hash) : "none") + " " + vector.notification_uri.value_or("none");
}
std::string in_words(const d_ausf::VectorLine& line) {
  return std::to_string(line.number) + " " + line.dimsi.digits() + " " + in_words(line.vector);
}

/// What the document readers make of it.
std::string vector_of_document(const std::string& body) {
  try {
    const nlohmann::json document = sbi::parse_json(body);
    return in_words(d_ausf::read_vector(sbi::JsonObject(document)));
  } catch (const base::Error& error) {
    return error.cause() + ": " + error.what();
  }
}
std::string line_of_document(const std::string& line) {
  std::string dimsi;
  try {
    return in_words(d_ausf::read_any_line(7, line, dimsi));
  } catch (const base::Error& error) {
    return dimsi + " " + error.cause() + ": " + error.what();
  }
}

std::optional<std::string> usual_vector_in(const std::string& body) {
  const auto flat = sbi::FlatObject::read(body);
  const auto vector = flat ? d_ausf::read_usual_vector(*flat) : std::nullopt;
  return vector ? std::optional(in_words(*vector)) : std::nullopt;
}
std::optional<std::string> usual_line_in(const std::string& line) {
  const auto usual = d_ausf::read_usual_line(7, line);
  return usual ? std::optional(in_words(*usual)) : std::nullopt;
}

}  // namespace

TEST_CASE("Vectors and lines as target AUSFs write them take the fast path", "[d-ausf][step-2]") {
  for (const std::string& line : {kShortLine, kLongLine}) {
    CHECK(usual_vector_in(line) == vector_of_document(line));
    CHECK(usual_line_in(line) == line_of_document(line));
  }
}

TEST_CASE("A vector that is not as it should be is left to the document reader, which names the member", "[d-ausf][step-2]") {
  const auto with = [](const std::string& member) { return kShortLine.substr(0, kShortLine.size() - 1) + "," + member + "}"; };
  for (const std::string& line :
       {with(R"("receiptHash":"00")"), with(R"("receiptHash":7)"), with(R"("receiptHash":"")"), with(R"("notificationUri":"ftp://a.example/")"),
        with(R"("notificationUri":"http://)" + std::string(1018, 'a') + R"(")"), with(R"("imsi":"001010000000001")"), with("\"note\":\"\xc3\xa4\"")}) {
    CAPTURE(line);
    CHECK_FALSE(usual_vector_in(line));
    CHECK_FALSE(usual_line_in(line));
  }
  const std::string longest = with(R"("notificationUri":"http://)" + std::string(1017, 'a') + R"(")");
  CHECK(usual_vector_in(longest) == vector_of_document(longest));
}

TEST_CASE("The fast paths of a vector and of a line come to what the document readers come to, of 200,000 mutated lines", "[d-ausf][step-2]") {
  test::Mutations mutations({kShortLine, kLongLine}, "\"\\{}[]:,. 0159abfAFgGhtp/dimsirandautn-\x7f\x01\xc3\n");
  int vectors = 0;
  int lines = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string line = mutations.next();
    const auto vector = usual_vector_in(line);
    const auto usual_line = usual_line_in(line);
    if (!vector && !usual_line) continue;
    CAPTURE(line);
    if (vector) REQUIRE(*vector == vector_of_document(line));
    if (usual_line) REQUIRE(*usual_line == line_of_document(line));
    vectors += vector ? 1 : 0;
    lines += usual_line ? 1 : 0;
  }
  CHECK(vectors > 2000);
  CHECK(lines > 2000);
}
