#include "lib/core/usual_confirmation.hpp"

#include <catch2/catch.hpp>

#include "lib/base/bytes.hpp"
#include "lib/base/error.hpp"
#include "lib/core/ueau.hpp"
#include "tests/support/mutations.hpp"

namespace {

const std::string kRightConfirmation = R"({"resStar":"00112233445566778899aAbBcCdDeEfF"})";
const std::string kWithMore = "{ \"supportedFeatures\":\"0f\",\t\"resStar\" : \"ffeeddccbbaa99887766554433221100\" }\n";

/// What the reader makes of a body, as text: RES*, null, or the refusal.
std::string confirmation_in(const std::string& body) {
  sbi::Request request;
  request.body = body;
  try {
    const auto res_star = core::read_confirmation(request);
    return res_star ? base::to_hex(res_star->reveal()) : "null";
  } catch (const base::Error& error) {
    return error.cause() + ": " + error.what();
  }
}

/// The same object with a member more, which nobody reads and which is no text: it goes past the fast path.
std::string past_the_fast_path(const std::string& body) {
  const std::size_t brace = body.find('{');
  return body.substr(0, brace + 1) + R"("unread":0,)" + body.substr(brace + 1);
}

}  // namespace

TEST_CASE("ConfirmationData as SEAFs write it takes the fast path, in capitals, with white space and with other texts", "[core][ueau]") {
  for (const std::string& body : {kRightConfirmation, kWithMore}) {
    const auto usual = core::read_usual_confirmation(body);
    REQUIRE(usual);
    CHECK(base::to_hex(usual->reveal()) == confirmation_in(past_the_fast_path(body)));
    CHECK(base::to_hex(usual->reveal()) == confirmation_in(body));
  }
}

TEST_CASE("ConfirmationData without a RES* that is one is left to the document reader", "[core][ueau]") {
  for (const std::string& body : std::vector<std::string>{
           "", "{}", "null", "[]", "{", kRightConfirmation + "x", kRightConfirmation.substr(0, kRightConfirmation.size() - 1),
           R"({"resStar":null})",
           R"({"resStar":0})", R"({"resStar":""})", R"({"resStar":"00112233445566778899aabbccddee"})", R"({"resStar":"00112233445566778899aabbccddeeffff"})",
           R"({"resStar":"0x112233445566778899aabbccddeeff"})", R"({"resStar":"\u00300112233445566778899aabbccddeeff"})",
           R"({"RESSTAR":"00112233445566778899aabbccddeeff"})",
           R"({"resStar":"00112233445566778899aabbccddeeff","resStar":"00112233445566778899aabbccddeeff"})"}) {
    CAPTURE(body);
    CHECK_FALSE(core::read_usual_confirmation(body));
  }
  CHECK(confirmation_in(R"({"resStar":null})") == "null");
}

TEST_CASE("The fast path of ConfirmationData comes to what the document reader comes to, of 200,000 mutated bodies", "[core][ueau]") {
  test::Mutations mutations({kRightConfirmation, kWithMore}, "\"\\{}[]:,. 0159abfAFgGresStar-\x7f\x01\xc3\n");
  int taken = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string body = mutations.next();
    const auto usual = core::read_usual_confirmation(body);
    if (!usual) continue;
    ++taken;
    const std::string plain = past_the_fast_path(body);
    CAPTURE(body);
    REQUIRE_FALSE(core::read_usual_confirmation(plain));
    REQUIRE(base::to_hex(usual->reveal()) == confirmation_in(plain));
  }
  CHECK(taken > 2000);
}
