// The receipt of PROTOCOL.md, section 7.5, from the device's synchronisation failure to the target AUSF: what that believes, and what becomes of
// the device.
#include <catch2/catch.hpp>
#include <cctype>
#include <chrono>
#include <string>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/profile/discovery_vector.hpp"
#include "lib/store/database.hpp"
#include "tests/scenarios/receipts_lab.hpp"

using namespace test;

TEST_CASE_METHOD(ReceiptFixture, "A device's receipt goes through the access network to the vector's owner", "[receipt][step-7]") {
  start_all();
  onboard();
  SECTION("by nausf-auth") { CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE"); }
  SECTION("by nudm-ueau") {
    const json wanted{{"servingNetworkName", kServingNetwork},
                      {"ausfInstanceId", "4947a69a-f61b-4bc1-b9da-47c9c5d14b64"},
                      {"resynchronizationInfo", {{"rand", rand}, {"auts", auts}}}};
    const std::string target = "/nudm-ueau/v1/suci-0-901-70-0-0-0-0000000001/security-information/generate-auth-data";
    CHECK(to_d_ausf("POST", target, wanted).verdict() == "504 NETWORK_FAILURE");
  }
  SECTION("by the HSS's vectors, from a network that names itself or not") {
    const json network = GENERATE(json(nullptr), json({{"mcc", "001"}, {"mnc", "01"}}));
    json wanted{{"hssAuthType", "IMS_AKA"}, {"numOfRequestedVectors", 1}, {"resynchronizationInfo", {{"rand", rand}, {"auts", auts}}}};
    if (!network.is_null()) wanted["servingNetworkId"] = network;
    const std::string target = "/nudm-ueau/v1/" + kDimsiSupi + "/hss-security-information/ims-aka/generate-av";
    CHECK(to_d_ausf("POST", target, wanted).verdict() == "504 NETWORK_FAILURE");
  }
  CHECK(is_recorded());
  CHECK(wait_for_state(kDimsi, "RECEIVED")["state"] == "RECEIVED");
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "RECEIVED"});
  attach();
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "RECEIVED", "ATTACHED"});
}

TEST_CASE_METHOD(ReceiptFixture, "A receipt reaches a target AUSF that was down, and over a restart of the D-AUSF", "[receipt][recovery]") {
  start_arpf();
  start_d_ausf();
  const auto config = ausf_ext_config();
  start_ausf_ext(config);
  onboard();
  ausf.reset();
  CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE");
  CHECK(pending() == 1);
  SECTION("as it is") {}
  SECTION("restarted") {
    d_ausf.reset();
    start_d_ausf();
    CHECK(pending() == 1);
  }
  start_ausf_ext(config);
  CHECK(wait_for_state(kDimsi, "RECEIVED")["state"] == "RECEIVED");
  CHECK(wait_until([&] { return pending() == 0; }));
}

TEST_CASE_METHOD(ReceiptFixture, "A late receipt moves nothing back", "[receipt][ausf-ext]") {
  start_all();
  onboard();
  attach();
  const auto before = history();
  CHECK(before.back() == "ATTACHED");
  CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE");
  REQUIRE(wait_until([&] { return pending() == 0; }));
  CHECK(history() == before);

  SECTION("nor for a device that is retired") {
    CHECK(to_ausf("POST", kDevice + "/retire").status == 204);
    CHECK(to_ausf("POST", kReceipts, report()).status == 204);
    CHECK(state() == "RETIRED");
  }
  SECTION("nor for one that was offered anew with another token") {
    CHECK(to_ausf("POST", kDevice + "/retire").status == 204);
    const SecureElement other = make_device(kDimsi);
    REQUIRE(to_ausf("PUT", kDevice, offer(other)).content()["state"] == "PRELOADED");
    CHECK(to_ausf("POST", kReceipts, report()).status == 204);
    CHECK(state() == "PRELOADED");
  }
}

TEST_CASE_METHOD(ReceiptFixture, "The target AUSF believes the AUTS alone", "[receipt][ausf-ext]") {
  start_all();
  onboard();
  const auto reported = [this](const std::string& member, const std::string& value) {
    json body = report();
    body[member] = value;
    return to_ausf("POST", kReceipts, body).status;
  };
  for (std::size_t i = 0; i < auts.size(); ++i) CHECK(reported("auts", altered(auts, i)) == 204);
  CHECK(reported("imsi", "001010000009999") == 204);
  CHECK(reported("dimsi", "901700000000009") == 204);
  CHECK(state() == "PRELOADED");

  json body = report();
  SECTION("in either case of its digits") {
    for (char& c : auts) c = static_cast<char>(std::toupper(c));
    body["auts"] = auts;
  }
  SECTION("without the name of a network") { body.erase("servingNetworkName"); }
  CHECK(to_ausf("POST", kReceipts, body).status == 204);
  CHECK(state() == "RECEIVED");
  const auto before = history();
  CHECK(to_ausf("POST", kReceipts, body).status == 204);
  CHECK(history() == before);
}

TEST_CASE_METHOD(ReceiptFixture, "A report of a receipt that is malformed is named", "[receipt][ausf-ext]") {
  start_all();
  onboard();
  const auto fault_at = [this](const char* member, const json& value, const std::string& verdict) {
    json body = report();
    body[member] = value;
    const Answer answer = to_ausf("POST", kReceipts, body);
    CAPTURE(member, value);
    CHECK(answer.verdict() == verdict);
    CHECK(answer.params() == std::vector<std::string>{std::string("/") + member});
  };
  fault_at("dimsi", "12345", "400 MANDATORY_IE_INCORRECT");
  fault_at("imsi", "0010100000000012", "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", std::string(26, '0'), "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", std::string(30, '0'), "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", std::string(28, 'g'), "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", 7, "400 MANDATORY_IE_INCORRECT");
  fault_at("receivedAt", 0, "400 MANDATORY_IE_INCORRECT");
  fault_at("servingNetworkName", "5G:", "400 OPTIONAL_IE_INCORRECT");
  for (const char* member : {"dimsi", "imsi", "auts", "receivedAt"}) {
    json body = report();
    body.erase(member);
    CHECK(to_ausf("POST", kReceipts, body).verdict() == "400 MANDATORY_IE_MISSING");
  }
  CHECK(state() == "PRELOADED");
}

TEST_CASE_METHOD(ReceiptFixture, "A receipt may come before the D-AUSF's answer to the vector did", "[receipt][ausf-ext]") {
  start_arpf();
  auto config = ausf_ext_config();
  config.offer_wait = std::chrono::milliseconds(0);
  start_ausf_ext(config);
  const SecureElement own = make_device(kDimsi);
  CHECK(to_ausf("PUT", kDevice, offer(own)).status == 202);
  imsi = wait_for_state(kDimsi, "KEY_RETRIEVED")["imsi"];
  const auto dimsi = *profile::DiscoveryImsi::from_digits(kDimsi);
  auts = base::to_hex(profile::make_receipt(*own.ephemeral_key, dimsi, *profile::Imsi::from_digits(imsi), 2).reveal());
  CHECK(to_ausf("POST", kReceipts, report()).status == 204);
  CHECK(state() == "RECEIVED");
  start_d_ausf();  // whatever its preloading was about to do, the state stays
  const SecureElement second = make_device("901700000000002");
  CHECK(to_ausf("PUT", "/nausfext-onboarding/v1/devices/901700000000002", offer(second)).status < 300);
  CHECK(wait_for_state("901700000000002", "PRELOADED")["state"] == "PRELOADED");
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "RECEIVED"});
}

TEST_CASE_METHOD(ReceiptFixture, "A device that is RECEIVED counts as one that is on its way", "[receipt][ausf-ext]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext();
  onboard();
  CHECK(to_ausf("POST", kReceipts, report()).status == 204);
  SECTION("another offer is refused, retiring is not, and the lists know it") {
    CHECK(to_ausf("PUT", kDevice, offer(make_device(kDimsi))).verdict() == "409 DEVICE_EXISTS");
    CHECK(to_ausf("GET", "/nausfext-onboarding/v1/devices?state=RECEIVED").content()["devices"].size() == 1);
    CHECK(to_ausf("POST", kDevice + "/retire").status == 204);
    CHECK(wait_for_state(kDimsi, "RETIRED")["state"] == "RETIRED");
    CHECK(to_d_ausf("GET", kVector).verdict() == "404 USER_NOT_FOUND");
  }
  SECTION("it expires as others do") {
    auto database = store::Database::open(folder / "ausf-ext.db");
    database.run("UPDATE devices SET expires_at = 1, due_at = 1");
    CHECK(wait_for_state(kDimsi, "RETIRED")["state"] == "RETIRED");
    CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "RECEIVED", "RETIRED"});
  }
}

TEST_CASE_METHOD(ReceiptFixture, "Without a notification URI the vector has none, and the device attaches all the same", "[receipt][ausf-ext]") {
  start_arpf();
  start_d_ausf();
  auto config = ausf_ext_config();
  config.notification_uri.reset();
  start_ausf_ext(config);
  onboard();
  CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE");
  CHECK(is_recorded());
  CHECK(pending() == 0);
  attach();
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "ATTACHED"});
}
