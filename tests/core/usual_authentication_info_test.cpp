#include "lib/core/usual_authentication_info.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/core/ueau.hpp"
#include "tests/support/mutations.hpp"

using core::read_usual_authentication_info;
using nlohmann::json;

namespace {

const std::string kUsual =
    R"({"supiOrSuci":"imsi-901700000000001","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"})";

sbi::Request request_of(std::string body) {
  sbi::Request request;
  request.body = std::move(body);
  return request;
}

/// What the reader makes of a body, as text: the subscriber and the network, or the refusal.
std::string verdict_of(const std::string& body) {
  try {
    const auto info = core::read_authentication_info(request_of(body), aka::HomeNetworkKeys());
    return info.subscriber.imsi.digits() + (info.subscriber.came_as_suci ? " SUCI " : " SUPI ") + info.serving_network_name +
           (info.resynchronization ? " AUTS" : "") + (info.is_onboarding ? " onboarding" : "");
  } catch (const base::Error& error) {
    return error.cause() + ": " + error.what();
  }
}

/// The same body with a member more, which nobody reads: so it goes past the fast path, if it is an object at all.
std::string with_unread_member(const std::string& body) {
  const std::size_t brace = body.find('{');
  if (brace == std::string::npos) return body;
  const std::size_t next = body.find_first_not_of(" \t\r\n", brace + 1);
  const bool is_empty = next != std::string::npos && body[next] == '}';
  return body.substr(0, brace + 1) + (is_empty ? R"("unread":0)" : R"("unread":0,)") + body.substr(brace + 1);
}

}  // namespace

TEST_CASE("AuthenticationInfo as AMFs write it takes the fast path, in either order and with white space", "[core][ueau]") {
  for (const std::string& body :
       {kUsual, std::string("\r\n{ \"servingNetworkName\" :\t\"5G:mnc001.mcc001.3gppnetwork.org\" , \"supiOrSuci\":\"imsi-901700000000001\" } \n")}) {
    const auto info = read_usual_authentication_info(body);
    REQUIRE(info);
    CHECK(info->supi_or_suci == "imsi-901700000000001");
    CHECK(info->serving_network_name == "5G:mnc001.mcc001.3gppnetwork.org");
    CHECK(verdict_of(body) == "901700000000001 SUPI 5G:mnc001.mcc001.3gppnetwork.org");
  }
}

TEST_CASE("What is not just that is left to the document reader", "[core][ueau]") {
  const std::string network = R"("servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org")";
  for (const std::string& body : std::vector<std::string>{
           std::string(), std::string("{}"), std::string("null"), std::string("["), kUsual + "x", kUsual.substr(0, kUsual.size() - 1),
           "{" + network + "}", "{" + network + "," + network + "}", R"({"supiOrSuci":"","servingNetworkName":"x"})",
           R"({"supiOrSuci":"imsi-90170\u0030000000001",)" + network + "}", R"({"supiOrSuci":1,)" + network + "}",
           R"({"supiOrSuci":"imsi-901700000000001",,)" + network + "}", R"({"supiOrSuci":"imsi-901700000000001" )" + network + "}",
           R"({"supiOrSuci":"imsi-901700000000001",)" + network + R"(,"onboardingInd":true})",
           std::string(R"({"supiOrSuci":"imsi-901700000000001","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork"})"),
           R"({"supiOrSuci":")" + std::string(1025, '1') + R"(",)" + network + "}", std::string("\xEF\xBB\xBF") + kUsual}) {
    CAPTURE(body);
    CHECK_FALSE(read_usual_authentication_info(body));
  }
}

TEST_CASE("The fast path comes to what the document reader comes to, of 200,000 mutated bodies", "[core][ueau]") {
  const std::string suci = R"({"supiOrSuci":"suci-0-901-70-0-0-0-0000000001","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"})";
  const std::string alphabet = "\"\\{}[]:,. 0159imsucgGnN-\x7f\x01\xc3\n";
  test::Mutations mutations({kUsual, suci}, alphabet);
  int taken = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string body = mutations.next();
    if (!read_usual_authentication_info(body)) continue;
    ++taken;
    const std::string plain = with_unread_member(body);
    REQUIRE_FALSE(read_usual_authentication_info(plain));
    CAPTURE(body);
    REQUIRE(verdict_of(body) == verdict_of(plain));
  }
  CHECK(taken > 10000);
}

TEST_CASE("UEAuthenticationCtx, written as text, is the JSON that it should be", "[core][ueau]") {
  sbi::Request request;
  request.scheme = "https";
  request.authority = "[::1]:7777";
  core::Challenge challenge{};
  for (std::size_t i = 0; i < 16; ++i) {
    challenge.rand[i] = static_cast<std::uint8_t>(i * 16 + i);
    challenge.autn[i] = static_cast<std::uint8_t>(255 - i);
    challenge.hxres_star[i] = static_cast<std::uint8_t>(i);
  }
  const sbi::Response response = core::ue_authentication_context(request, "c0ffee", challenge);
  const std::string uri = "https://[::1]:7777/nausf-auth/v1/ue-authentications/c0ffee";
  CHECK(response.status == 201);
  CHECK(response.headers.find("location") == uri);
  CHECK(response.headers.find("content-type") == sbi::kHalJson);
  const json wanted{{"authType", "5G_AKA"},
                    {"5gAuthData",
                     {{"rand", "00112233445566778899aabbccddeeff"},
                      {"hxresStar", "000102030405060708090a0b0c0d0e0f"},
                      {"autn", "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"}}},
                    {"_links", {{"5g-aka", {{"href", uri + "/5g-aka-confirmation"}}}}}};
  CHECK(json::parse(response.body) == wanted);
}
