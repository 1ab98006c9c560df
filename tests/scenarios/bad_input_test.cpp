#include <catch2/catch.hpp>

#include "tests/scenarios/lab.hpp"

/// Every class of bad input on every route, over HTTP/2 and HTTP/1.1: the same 4xx with the member named, and the next request served.

namespace {

using test::Answer;
using test::HeaderList;
using test::kContexts;
using test::kDevice;
using test::kVector;
using test::Lab;

const HeaderList kJson{{"content-type", "application/json"}};
const HeaderList kNoType{};

struct Bad {
  std::string method;
  std::string target;
  std::string body;
  std::string param;  ///< of invalidParams; empty: none is demanded
};

std::string repeated(const std::string& text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

/// Bodies that are no JSON object at all, whatever the route.
std::vector<std::string> broken_bodies() {
  return {"",
          "{",
          "nonsense",
          "[]",
          "null",
          "\"text\"",
          "{\"a\":1,\"a\":2}",
          "{\"a\":" + repeated("[", 40) + repeated("]", 40) + "}",
          repeated("[", 20000),
          "{\"a\":\"\xFF\xFE\"}",
          "{\"a\":1} trailing",
          std::string("{\"a\":\0}", 7),
          "{\"a\":1e99999}"};
}

const std::string kRetrieve = "/narpf-keys/v1/devices/901700000000001/retrieve-key";
const std::string kHex32 = repeated("0a", 16);

std::string authentication(const std::string& identity, const std::string& network = test::kServingNetwork) {
  return test::json{{"supiOrSuci", identity}, {"servingNetworkName", network}}.dump();
}

std::string vector_with(const std::string& member, const test::json& value) {
  test::json body{{"rand", kHex32}, {"autn", kHex32}, {"imsi", "001010000000001"}};
  body[member] = value;
  return body.dump();
}

/// Targets that no function has, or that are none.
std::vector<std::string> bad_targets() {
  return {"/",           "//",           "/nowhere",           "/narpf-keys/v2/claims/901700000000001",
          "/%00",        "/a%0Ab",       "/%zz",               "/%",
          "/narpf-keys/v1/claims/%00",   "//narpf-keys/v1/claims/901700000000001", "/ndausf-vectors/v1/vectors/",
          "/ndausf-vectors//v1/vectors", "/" + repeated("a", 2000)};
}

class BadInput : public Lab {
 public:
  BadInput() { start_all(); }

  /// Sends it over both front ends: the same refusal. Its status.
  int refused(service::Running& function, const Bad& bad, const HeaderList& headers = kJson) {
    INFO(bad.method << " " << bad.target << " " << bad.body.substr(0, 200));
    const Answer h2 = caller.send_raw(function.http2_ports().front(), bad.method, bad.target, bad.body, headers);
    const Answer h1 = test::send_http1(function.http1_ports().front(), bad.method, bad.target, bad.body, headers);
    CHECK(h2.status >= 400);
    CHECK(h2.status < 500);
    CHECK(h2.content_type == "application/problem+json");
    CHECK(h1.status == h2.status);
    CHECK(h1.content_type == h2.content_type);
    CHECK(h1.body == h2.body);
    if (!bad.param.empty()) {
      const auto params = h2.params();
      CHECK(std::find(params.begin(), params.end(), bad.param) != params.end());
    }
    return h2.status;
  }
};

}  // namespace

TEST_CASE_METHOD(BadInput, "A body that is no JSON object is 400 on every route that takes one, over both front ends", "[bad-input]") {
  for (const std::string& body : broken_bodies()) {
    CHECK(refused(*arpf, {"POST", kRetrieve, body, ""}) == 400);
    CHECK(refused(*d_ausf, {"PUT", kVector, body, ""}) == 400);
    CHECK(refused(*d_ausf, {"POST", kContexts, body, ""}) == 400);
    CHECK(refused(*d_ausf, {"POST", "/nudm-ueau/v1/imsi-901700000000001/security-information/generate-auth-data", body, ""}) == 400);
    CHECK(refused(*d_ausf, {"POST", kContexts + "/deregister", body, ""}) == 400);
    CHECK(refused(*d_ausf, {"POST", "/nudm-ueau/v1/imsi-901700000000001/hss-security-information/eps-aka/generate-av", body, ""}) == 400);
    CHECK(refused(*d_ausf, {"POST", "/nudm-ueau/v1/imsi-901700000000001/auth-events", body, ""}) == 400);
    CHECK(refused(*d_ausf, {"PUT", "/nudm-ueau/v1/imsi-901700000000001/auth-events/1", body, ""}) == 400);
    CHECK(refused(*ausf, {"POST", "/nausfext-onboarding/v1/receipts", body, ""}) == 400);
    CHECK(refused(*ausf, {"PUT", kDevice, body, ""}) == 400);
    CHECK(refused(*ausf, {"POST", kContexts, body, ""}) == 400);
  }
}

TEST_CASE_METHOD(BadInput, "A member at fault is named", "[bad-input]") {
  for (const char* member : {"rand", "autn"}) {
    for (const test::json& value : {test::json(1), test::json(nullptr), test::json(""), test::json("0"), test::json(kHex32 + "0"),
                                    test::json(kHex32.substr(2)), test::json("zz" + kHex32.substr(2)), test::json::array()}) {
      CHECK(refused(*d_ausf, {"PUT", kVector, vector_with(member, value), std::string("/") + member}) == 400);
    }
  }
  for (const test::json& value : {test::json("12345"), test::json("0010100000000012"), test::json("00101000000000x"), test::json(1)}) {
    CHECK(refused(*d_ausf, {"PUT", kVector, vector_with("imsi", value), "/imsi"}) == 400);
  }
  CHECK(refused(*d_ausf, {"PUT", kVector, vector_with("receiptHash", "00"), "/receiptHash"}) == 400);
  CHECK(refused(*d_ausf, {"PUT", kVector, vector_with("notificationUri", "ftp://x"), "/notificationUri"}) == 400);
  CHECK(refused(*d_ausf, {"PUT", "/ndausf-vectors/v1/vectors/12345", vector_with("rand", kHex32), "{dimsi}"}) == 400);
  CHECK(refused(*arpf, {"GET", "/narpf-keys/v1/claims/9017000000000011", "", "{dimsi}"}, kNoType) == 400);
  CHECK(refused(*arpf, {"POST", kRetrieve, "{}", "/seCredentials"}) == 400);
  CHECK(refused(*arpf, {"POST", kRetrieve, R"({"seCredentials":{"token":"!!"}})", "/seCredentials/token"}) == 400);
  CHECK(refused(*ausf, {"PUT", kDevice, R"({"arpfs":[]})", "/arpfs"}) == 400);
  CHECK(refused(*ausf, {"PUT", kDevice, R"({"arpfs":[1]})", "/arpfs/0"}) == 400);
  CHECK(refused(*ausf, {"PUT", kDevice, R"({"arpfs":[{"uri":"x"}]})", "/arpfs/0/seCredentials"}) == 400);
  CHECK(refused(*ausf, {"GET", "/nausfext-onboarding/v1/devices?limit=0", "", "query limit"}, kNoType) == 400);
  CHECK(refused(*ausf, {"GET", "/nausfext-onboarding/v1/devices?limit=1001", "", "query limit"}, kNoType) == 400);
  CHECK(refused(*ausf, {"GET", "/nausfext-onboarding/v1/devices?state=LOST", "", "query state"}, kNoType) == 400);
  CHECK(refused(*ausf, {"GET", "/nausfext-onboarding/v1/devices?from=zz", "", "query from"}, kNoType) == 400);
}

TEST_CASE_METHOD(BadInput, "An identity or a serving network that is none is 400, with the member named", "[bad-input]") {
  const std::vector<std::string> identities{"", "imsi-", "imsi-12345", "imsi-0010100000000012", "imsi-00101000000000x", "001010000000001",
                                            "suci-0------", "suci-0-901-70-0000-0-0", "suci-0-901-70-0000-0-0-0000000001-1",
                                            "suci-1-901-70-0000-0-0-0000000001", "suci-0-901-7-0000-0-0-0000000001",
                                            "suci-0-901-70-0000-0-0-00000000000001", "suci-0-901-70-00000-0-0-0000000001",
                                            "nai-x@y", "suci-0-901-70-0000-0-0-", repeated("9", 5000)};
  for (service::Running* function : {d_ausf.get(), ausf.get()}) {
    for (const std::string& identity : identities) {
      CHECK(refused(*function, {"POST", kContexts, authentication(identity), "/supiOrSuci"}) == 400);
    }
    for (const char* network : {"", "5G:", "5G:mnc01.mcc001.3gppnetwork.org", "4G:mnc001.mcc001.3gppnetwork.org"}) {
      CHECK(refused(*function, {"POST", kContexts, authentication("imsi-901700000000001", network), "/servingNetworkName"}) == 400);
    }
    for (const char* res : {R"({})", R"({"resStar":1})", R"({"resStar":"00"})", R"({"resStar":"zz"})"}) {
      const std::string target = kContexts + "/" + repeated("0", 64) + "/5g-aka-confirmation";
      const int status = refused(*function, {"PUT", target, res, ""});
      CHECK((status == 400 || status == 404));
    }
  }
}

TEST_CASE_METHOD(BadInput, "A target that is none, or that nobody has, is 4xx on every function", "[bad-input]") {
  for (service::Running* function : {arpf.get(), d_ausf.get(), ausf.get()}) {
    for (const std::string& target : bad_targets()) (void)refused(*function, {"GET", target, "", ""}, kNoType);
    CHECK(refused(*function, {"DELETE", "/nowhere", "", ""}, kNoType) == 404);
  }
  CHECK(refused(*arpf, {"PUT", kRetrieve, "{}", ""}) == 405);
  CHECK(refused(*d_ausf, {"PATCH", kVector, "{}", ""}) == 405);
  CHECK(refused(*ausf, {"DELETE", kDevice, "", ""}, kNoType) == 405);
}

TEST_CASE_METHOD(BadInput, "A body of another type is 415, a body beyond the limit 413, and the function serves on", "[bad-input]") {
  const HeaderList text{{"content-type", "text/plain"}};
  CHECK(refused(*d_ausf, {"PUT", kVector, vector_with("rand", kHex32), "header content-type"}, text) == 415);
  CHECK(refused(*ausf, {"POST", "/nausfext-onboarding/v1/imports", "{}\n", "header content-type"}) == 415);
  const std::string large = vector_with("rand", repeated("0", 1024 * 1024));
  CHECK(refused(*d_ausf, {"PUT", kVector, large, ""}) == 413);
  CHECK(caller.send_raw(d_ausf_port, "PUT", kVector, vector_with("rand", kHex32), kJson).status == 201);
  CHECK(caller.send_raw(d_ausf_port, "GET", kVector, "", kNoType).status == 200);
}
