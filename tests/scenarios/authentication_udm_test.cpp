// Steps (8) to (10) at nf-ausf-ext, as a UDM and beside one: over HTTP, with the UE's own computations on the other side.
#include <catch2/catch.hpp>
#include <mutex>
#include <set>

#include "lib/aka/key_hierarchy.hpp"
#include "tests/scenarios/authentication_lab.hpp"

using namespace test;

TEST_CASE_METHOD(AuthenticationFixture, "As a UDM it gives the AUSF what the UE computes itself", "[ausf-ext][nudm-ueau]") {
  const bool is_eap = GENERATE(false, true);
  Ue ue = start(is_eap ? eap() : ausf_ext::AuthenticationConfig());
  const bool by_suci = GENERATE(true, false);
  const Answer given = generate(by_suci ? ue.suci() : ue.supi());
  REQUIRE(given.status == 200);
  const json content = given.content();
  CHECK(content["supi"] == ue.supi());
  const json vector = content["authenticationVector"];
  auto answer = ue.answer(vector);
  const auto& done = std::get<aka::Authenticated>(answer);
  if (is_eap) {
    CHECK(content["authType"] == "EAP_AKA_PRIME");
    CHECK(vector["avType"] == "EAP_AKA_PRIME");
    CHECK(vector["xres"] == base::to_hex(done.res.reveal()));
    const auto prime = aka::derive_prime_keys(done.ck, done.ik, kServingNetwork, aka::sqn_xor_ak(octets<16>(vector["autn"])));
    CHECK(vector["ckPrime"] == base::to_hex(prime.ck.reveal()));
    CHECK(vector["ikPrime"] == base::to_hex(prime.ik.reveal()));
  } else {
    CHECK(content["authType"] == "5G_AKA");
    CHECK(vector["avType"] == "5G_HE_AKA");
    CHECK(vector["xresStar"] == base::to_hex(done.res_star.reveal()));
    CHECK(vector["kausf"] == base::to_hex(done.kausf.reveal()));
  }
  CHECK(generate("imsi-001010009999999").verdict() == "404 USER_NOT_FOUND");
  CHECK(generate("imsi-001010009999999", {{"resynchronizationInfo", {{"rand", std::string(32, '0')}, {"auts", std::string(28, '0')}}}})
            .verdict() == "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(AuthenticationFixture, "An existing AUSF's word of a success attaches the device; a failure, or one that no vector was for, does not",
                 "[ausf-ext][nudm-ueau]") {
  const Ue ue = start();
  const std::string path = "/nudm-ueau/v1/" + ue.supi() + "/auth-events";
  CHECK(to_ausf("POST", path, event(true)).status == 201);
  CHECK(state() == "PRELOADED");  // nobody was given a vector
  REQUIRE(generate(ue.suci()).status == 200);
  CHECK(to_ausf("POST", path, event(false)).status == 201);
  CHECK(state() == "PRELOADED");
  const Answer told = to_ausf("POST", path, event(true));
  CHECK(told.status == 201);
  CHECK(told.content() == event(true));
  CHECK(told.header("location").find(path + "/") != std::string::npos);
  CHECK(state() == "ATTACHED");
  json removal = event(true);
  removal["authRemovalInd"] = true;
  CHECK(to_ausf("PUT", path, removal).status == 204);
  CHECK(to_ausf("PUT", path + "/1", removal).status == 204);
  CHECK(state() == "ATTACHED");
  CHECK(to_ausf("POST", "/nudm-ueau/v1/imsi-001010009999999/auth-events", event(true)).verdict() == "404 USER_NOT_FOUND");
  CHECK(to_ausf("POST", "/nudm-ueau/v1/" + ue.suci() + "/auth-events", event(true)).params() == std::vector<std::string>{"{supi}"});
}

TEST_CASE_METHOD(AuthenticationFixture, "Vectors of every kind of an HSS, one to five, with the keys that the UE computes", "[ausf-ext][nudm-ueau][hss]") {
  struct Row {
    std::string in_uri, type;
    bool is_separated;
  };
  const auto row = GENERATE(values<Row>({{"eps-aka", "EPS_AKA", true},
                                         {"umts-aka", "UMTS_AKA", false},
                                         {"ims-aka", "IMS_AKA", false},
                                         {"gba-aka", "GBA_AKA", false},
                                         {"eap-aka", "EAP_AKA", false},
                                         {"eap-aka-prime", "EAP_AKA_PRIME", true}}));
  const int count = GENERATE(1, 5);
  Ue ue = start();
  json body{{"hssAuthType", row.type}, {"numOfRequestedVectors", count}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}}};
  if (row.type == "EAP_AKA_PRIME") body["anId"] = "WLAN";
  const Answer given = generate_av(ue, row.in_uri, body);
  REQUIRE(given.status == 200);
  const json vectors = given.content()["hssAuthenticationVectors"];
  REQUIRE(vectors.size() == static_cast<std::size_t>(count));
  std::set<std::string> rands;
  for (const json& vector : vectors) {
    rands.insert(vector["rand"]);
    CHECK(vector["avType"] == row.type);
    const auto autn = octets<16>(vector["autn"]);
    CHECK(aka::has_separation_bit(autn) == row.is_separated);
    auto answer = ue.answer(vector);  // every one is fresh, in order
    REQUIRE(std::holds_alternative<aka::Authenticated>(answer));
    const auto& done = std::get<aka::Authenticated>(answer);
    CHECK(vector["xres"] == base::to_hex(done.res.reveal()));
    if (row.type == "EPS_AKA") {
      const auto kasme = aka::derive_kasme(done.ck, done.ik, {0x00, 0xF1, 0x10}, aka::sqn_xor_ak(autn));
      CHECK(vector["kasme"] == base::to_hex(kasme.reveal()));
    } else if (row.type != "EAP_AKA_PRIME") {
      CHECK(vector["ck"] == base::to_hex(done.ck.reveal()));
      CHECK(vector["ik"] == base::to_hex(done.ik.reveal()));
    } else {
      CHECK(vector["ckPrime"] == base::to_hex(aka::derive_prime_keys(done.ck, done.ik, "WLAN", aka::sqn_xor_ak(autn)).ck.reveal()));
    }
  }
  CHECK(rands.size() == static_cast<std::size_t>(count));
}

TEST_CASE_METHOD(AuthenticationFixture, "generate-av refuses what it cannot give, with the member named", "[ausf-ext][nudm-ueau][hss]") {
  const Ue ue = start();
  const json good{{"hssAuthType", "EPS_AKA"}, {"numOfRequestedVectors", 1}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}}};
  const auto with = [&good](const char* name, const json& value) {
    json body = good;
    if (value.is_null()) {
      body.erase(name);
    } else {
      body[name] = value;
    }
    return body;
  };
  CHECK(generate_av(ue, "eps-aka", good).status == 200);
  CHECK(generate_av(ue, "ims-aka", good).status == 400);
  CHECK(generate_av(ue, "x-aka", good).status == 501);
  for (const json& count : {json(0), json(6), json(-1), json("1"), json(1.5), json(nullptr)}) {
    CAPTURE(count);
    CHECK(generate_av(ue, "eps-aka", with("numOfRequestedVectors", count)).params() == std::vector<std::string>{"/numOfRequestedVectors"});
  }
  CHECK(generate_av(ue, "eps-aka", with("servingNetworkId", nullptr)).params() == std::vector<std::string>{"/servingNetworkId"});
  CHECK(generate_av(ue, "eps-aka", with("hssAuthType", nullptr)).params() == std::vector<std::string>{"/hssAuthType"});
}

TEST_CASE_METHOD(AuthenticationFixture, "An existing UDM knows of a success before the AMF does, and of a removal", "[ausf-ext][nausf-auth][udm]") {
  std::mutex mutex;
  std::vector<std::pair<std::string, json>> told;
  int status = 201;
  const auto take = [&](const sbi::Request& request) {
    const std::lock_guard lock(mutex);
    told.emplace_back(request.method + " " + request.target, json::parse(request.body));
    return sbi::Response(request.method == "POST" ? status : 204, "application/json", request.method == "POST" ? request.body : "");
  };
  const std::uint16_t port = free_port();
  const FakePeer udm(FakePeer::Http::v2, port, "*", "/nudm-ueau/v1/{supi}/auth-events", take);
  ausf_ext::AuthenticationConfig config;
  const bool has_dead_one = GENERATE(false, true);
  if (has_dead_one) config.auth_event_udms.push_back(sbi::Uri::parse("http://127.0.0.1:" + std::to_string(free_port())));
  config.auth_event_udms.push_back(sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port)));
  Ue ue = start(config);
  const std::string path = "/nudm-ueau/v1/" + ue.supi() + "/auth-events";

  const Answer challenge = authenticate(ue.suci());
  auto answer = ue.answer(challenge.content()["5gAuthData"]);
  const auto& done = std::get<aka::Authenticated>(answer);
  SECTION("in this order") {
    CHECK(confirm(challenge, done.res_star).content()["authResult"] == "AUTHENTICATION_SUCCESS");
    REQUIRE(told.size() == 1);
    CHECK(told[0].first == "POST " + path);
    CHECK(told[0].second["success"] == true);
    CHECK(told[0].second["authType"] == "5G_AKA");
    CHECK(told[0].second["servingNetworkName"] == kServingNetwork);
    CHECK(told[0].second["nfInstanceId"].get<std::string>().size() == 36);
    CHECK(to_ausf("DELETE", link(challenge, "5g-aka")).status == 204);
    REQUIRE(told.size() == 2);
    CHECK(told[1].first == "PUT " + path);
    CHECK(told[1].second["authRemovalInd"] == true);
    CHECK(told[1].second["servingNetworkName"] == kServingNetwork);
  }
  SECTION("a failure is told as one") {
    CHECK(to_ausf("PUT", link(challenge, "5g-aka"), {{"resStar", nullptr}}).content()["authResult"] == "AUTHENTICATION_FAILURE");
    REQUIRE(told.size() == 1);
    CHECK(told[0].second["success"] == false);
  }
  SECTION("if it does not take it the AMF is not told of a success, and may ask again") {
    status = 500;
    CHECK(confirm(challenge, done.res_star).verdict() == "504 TARGET_NF_NOT_REACHABLE");
    status = 201;
    CHECK(confirm(challenge, done.res_star).content()["authResult"] == "AUTHENTICATION_SUCCESS");
  }
}

TEST_CASE_METHOD(AuthenticationFixture, "If an existing UDM does not take a success over EAP, the AMF may ask again", "[ausf-ext][nausf-auth][udm][eap]") {
  std::atomic<int> status = 500;
  const std::uint16_t port = free_port();
  const FakePeer udm(FakePeer::Http::v2, port, "*", "/nudm-ueau/v1/{supi}/auth-events",
                     [&status](const sbi::Request& request) { return sbi::Response(status, "application/json", request.body); });
  auto config = eap();
  config.auth_event_udms.push_back(sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port)));
  Ue ue = start(config);
  const Answer challenge = authenticate(ue.suci());
  auto peer = peer_of(ue);
  const auto response = peer.respond(base::from_base64(challenge.content()["5gAuthData"].get<std::string>()).value(), ue.keys, ue.sequence).value();
  const json body{{"eapPayload", base::to_base64(response)}};
  CHECK(to_ausf("POST", link(challenge, "eap-session"), body).verdict() == "504 TARGET_NF_NOT_REACHABLE");
  status = 201;
  const Answer done = to_ausf("POST", link(challenge, "eap-session"), body);
  CHECK(done.content()["authResult"] == "AUTHENTICATION_SUCCESS");
  CHECK(done.content().contains("kSeaf"));
}
