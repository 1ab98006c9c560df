#include <catch2/catch.hpp>
#include <set>

#include "tests/scenarios/lab.hpp"

/// What the D-AUSF offers of TS 29.509 and TS 29.503 besides a challenge for the SEAF (PROTOCOL.md, section 8.2).

using namespace test;

namespace {

const std::string kUnknown = "imsi-901700000000002";

struct ServicesFixture : Lab {
  ServicesFixture() {
    start_d_ausf();
    REQUIRE(to_d_ausf("PUT", kVector, {{"rand", std::string(32, 'a')}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}}).status == 201);
  }

  static json wanted(const std::string& type, int count = 1) {
    return {{"hssAuthType", type}, {"numOfRequestedVectors", count}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}}};
  }
  Answer generate_av(const std::string& in_uri, const json& body, const std::string& supi = kDimsiSupi) {
    return to_d_ausf("POST", "/nudm-ueau/v1/" + supi + "/hss-security-information/" + in_uri + "/generate-av", body);
  }

  static json event(bool is_removal = false) {
    json out{{"nfInstanceId", "d3536f9c-c8a9-41f0-b345-abcdef012345"},
             {"success", false},
             {"timeStamp", "2026-11-23T21:59:41.634605+00:00"},
             {"authType", "5G_AKA"},
             {"servingNetworkName", kServingNetwork}};
    if (is_removal) out["authRemovalInd"] = true;
    return out;
  }
  static std::string events_of(const std::string& supi) { return "/nudm-ueau/v1/" + supi + "/auth-events"; }
};

using Faults = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(ServicesFixture, "A dIMSI is deregistered, for there is nothing to forget", "[d-ausf][deregister]") {
  const std::string target = kContexts + "/deregister";
  CHECK(to_d_ausf("POST", target, {{"supi", kDimsiSupi}}).status == 204);
  CHECK(to_d_ausf("POST", target, {{"supi", kDimsiSupi}, {"supportedFeatures", "0"}}).status == 204);
  CHECK(to_d_ausf("POST", target, {{"supi", kUnknown}}).verdict() == "404 USER_NOT_FOUND");
  CHECK(to_d_ausf("POST", target, json::object()).verdict() == "400 MANDATORY_IE_MISSING");
  for (const json& supi : {json("suci-0-901-70-0-0-0-0000000001"), json("imsi-"), json("imsi-12345"), json("901700000000001"), json(""),
                           json(1), json("imsi-9017000000000011"), json("nai-x@y")}) {
    const Answer answer = to_d_ausf("POST", target, {{"supi", supi}});
    CAPTURE(supi);
    CHECK(answer.verdict() == "400 MANDATORY_IE_INCORRECT");
    CHECK(answer.params() == Faults{"/supi"});
  }
  CHECK(to_d_ausf("GET", target).status == 405);
  CHECK(to_d_ausf("GET", kVector).status == 200);  // the vector is the owner's to delete
}

TEST_CASE_METHOD(ServicesFixture, "A vector cannot carry EAP: there is no such session", "[d-ausf][eap]") {
  for (const char* method : {"POST", "DELETE"}) {
    const int status = to_d_ausf(method, kContexts + "/" + std::string(64, '0') + "/eap-session").status;
    CHECK((status == 404 || status == 405));
  }
}

TEST_CASE_METHOD(ServicesFixture, "Every older access network gets the preloaded challenge, in the shape of its type", "[d-ausf][hss]") {
  using Row = std::tuple<std::string, std::string, std::string>;
  const auto [in_uri, in_body, key_names] = GENERATE(values<Row>({{"eps-aka", "EPS_AKA", "kasme"},
                                                                 {"eap-aka", "EAP_AKA", "ck ik"},
                                                                 {"eap-aka-prime", "EAP_AKA_PRIME", "ckPrime ikPrime"},
                                                                 {"ims-aka", "IMS_AKA", "ck ik"},
                                                                 {"gba-aka", "GBA_AKA", "ck ik"},
                                                                 {"umts-aka", "UMTS_AKA", "ck ik"}}));
  std::set<std::string> secrets;
  for (int count = 1; count <= 5; ++count) {
    const Answer answer = generate_av(in_uri, wanted(in_body, count));
    REQUIRE(answer.status == 200);
    REQUIRE(answer.content()["hssAuthenticationVectors"].size() == 1);
    json vector = answer.content()["hssAuthenticationVectors"][0];
    CHECK(vector["avType"] == in_body);
    CHECK(vector["rand"] == std::string(32, 'a'));
    CHECK(vector["autn"] == std::string(32, 'b'));
    secrets.insert(vector["xres"].get<std::string>());
    for (const char* known : {"avType", "rand", "autn", "xres"}) vector.erase(known);
    std::string names;
    for (const auto& [name, key] : vector.items()) {
      names += (names.empty() ? "" : " ") + name;
      secrets.insert(key.get<std::string>());
    }
    CHECK(names == key_names);
  }
  const std::size_t keys = key_names.find(' ') == std::string::npos ? 1 : 2;
  CHECK(secrets.size() == 5 * (1 + keys));  // none was seen twice

  CHECK(generate_av(in_uri, wanted(in_body), kUnknown).verdict() == "404 USER_NOT_FOUND");
  CHECK(generate_av(in_uri, wanted("NO_AKA")).params() == Faults{"/hssAuthType"});
  for (const int count : {0, 6, -1}) {
    const Answer answer = generate_av(in_uri, wanted(in_body, count));
    CHECK(answer.verdict() == "400 MANDATORY_IE_INCORRECT");
    CHECK(answer.params() == Faults{"/numOfRequestedVectors"});
  }
}

TEST_CASE_METHOD(ServicesFixture, "A vector that was asked for in another way is refused", "[d-ausf][hss]") {
  CHECK(generate_av("eps-aka", wanted("IMS_AKA")).verdict() == "400 MANDATORY_IE_INCORRECT");
  CHECK(generate_av("ims-aka", wanted("EPS_AKA")).verdict() == "400 MANDATORY_IE_INCORRECT");
  CHECK(generate_av("no-aka", wanted("EPS_AKA")).status == 501);
  CHECK(generate_av("EPS_AKA", wanted("EPS_AKA")).status == 501);
  json body = wanted("EPS_AKA");
  body.erase("servingNetworkId");
  CHECK(generate_av("eps-aka", body).verdict() == "400 MANDATORY_IE_MISSING");
  CHECK(generate_av("eps-aka", body).params() == Faults{"/servingNetworkId"});
  for (const json& count : {json("1"), json(1.5), json(nullptr), json(true)}) {
    body = wanted("EPS_AKA");
    body["numOfRequestedVectors"] = count;
    CHECK(generate_av("eps-aka", body).params() == Faults{"/numOfRequestedVectors"});
  }
  for (const char* supi : {"suci-0-901-70-0-0-0-0000000001", "imsi-", "901700000000001", "imsi-12345"}) {
    CHECK(generate_av("eps-aka", wanted("EPS_AKA"), supi).params() == Faults{"{supi}"});
  }
}

TEST_CASE_METHOD(ServicesFixture, "Serving is counted, with the network where one was named", "[d-ausf][hss]") {
  const auto record_served = [this](int times) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (true) {
      json record = to_d_ausf("GET", kVector).content();
      if (record["served"] == times || std::chrono::steady_clock::now() > deadline) return record;
      std::this_thread::yield();
    }
  };
  CHECK(generate_av("eps-aka", wanted("EPS_AKA")).status == 200);
  CHECK(record_served(1)["lastServingNetwork"] == kServingNetwork);
  json body = wanted("IMS_AKA");
  body.erase("servingNetworkId");
  CHECK(generate_av("ims-aka", body).status == 200);
  CHECK_FALSE(record_served(2).contains("lastServingNetwork"));
}

TEST_CASE_METHOD(ServicesFixture, "What an AUSF says of an authentication is acknowledged", "[d-ausf][auth-events]") {
  const std::string target = events_of(kDimsiSupi);
  const Answer created = to_d_ausf("POST", target, event());
  REQUIRE(created.status == 201);
  CHECK(created.content() == event());
  const std::string location = created.header("location");
  const std::string root = "http://127.0.0.1:" + std::to_string(d_ausf_port) + target + "/";
  REQUIRE(location.starts_with(root));
  REQUIRE(location.size() > root.size());

  CHECK(to_d_ausf("PUT", sbi::Uri::parse(location).path, event(true)).status == 204);
  CHECK(to_d_ausf("PUT", target, event(true)).status == 204);  // as Open5GS sends it
  CHECK(to_d_ausf("POST", events_of(kUnknown), event()).verdict() == "404 USER_NOT_FOUND");
  CHECK(to_d_ausf("PUT", events_of(kUnknown), event(true)).verdict() == "404 USER_NOT_FOUND");
  CHECK(to_d_ausf("PUT", events_of(kUnknown) + "/1", event(true)).verdict() == "404 USER_NOT_FOUND");

  for (const char* supi : {"suci-0-901-70-0-0-0-0000000001", "imsi-", "imsi-12345", "901700000000001", "imsi-9017000000000011", "x"}) {
    CHECK(to_d_ausf("POST", events_of(supi), event()).params() == Faults{"{supi}"});
    CHECK(to_d_ausf("PUT", events_of(supi), event(true)).params() == Faults{"{supi}"});
    CHECK(to_d_ausf("PUT", events_of(supi) + "/1", event(true)).params() == Faults{"{supi}"});
  }
  for (const char* member : {"nfInstanceId", "success", "timeStamp", "authType", "servingNetworkName"}) {
    json body = event(true);
    body.erase(member);
    CHECK(to_d_ausf("POST", target, body).params() == Faults{std::string("/") + member});
    CHECK(to_d_ausf("PUT", target, body).params() == Faults{std::string("/") + member});
    body[member] = json::array();
    CHECK(to_d_ausf("POST", target, body).verdict() == "400 MANDATORY_IE_INCORRECT");
    CHECK(to_d_ausf("PUT", target + "/1", body).params() == Faults{std::string("/") + member});
  }
  json body = event();
  body["authRemovalInd"] = "true";
  CHECK(to_d_ausf("PUT", target, body).verdict() == "400 OPTIONAL_IE_INCORRECT");
}
