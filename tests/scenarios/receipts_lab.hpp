#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/profile/discovery_vector.hpp"
#include "lib/store/database.hpp"
#include "nf-d-ausf/receipts.hpp"
#include "tests/scenarios/lab.hpp"

/// What the tests of receipts (PROTOCOL.md, section 7.5) share: a vector of the test's own, or a device with one, and its synchronisation failure.
namespace test {

inline const std::string kImsi = "001010000000001";
inline const std::string kReceipts = "/nausfext-onboarding/v1/receipts";
inline const std::string kRand(32, 'a');
inline const std::string kAuts(28, '5');

/// SHA-256 of the octets of kAuts.
inline std::string hash_of_auts() {
  return base::to_hex(profile::receipt_hash(base::from_hex_exactly<14>(kAuts).value()));
}

struct ReceiptFixture : Lab {
  static json failure_of(const std::string& challenge, const std::string& answer) {
    return {{"supiOrSuci", kDimsiSupi},
            {"servingNetworkName", kServingNetwork},
            {"resynchronizationInfo", {{"rand", challenge}, {"auts", answer}}}};
  }
  Answer send(const std::string& challenge, const std::string& answer) {
    return to_d_ausf("POST", kContexts, failure_of(challenge, answer));
  }

  /// A vector of our own whose owner is at `port`; 0: nobody is told.
  Answer put_vector(std::uint16_t port, const std::string& challenge = kRand) {
    json body{{"rand", challenge}, {"autn", std::string(32, 'b')}, {"imsi", kImsi}, {"receiptHash", hash_of_auts()}};
    if (port != 0) body["notificationUri"] = "http://127.0.0.1:" + std::to_string(port) + "/told";
    return to_d_ausf("PUT", kVector, body);
  }
  /// A vector of another dIMSI whose owner is to be told at `uri`, and its receipt, which is due at once.
  void receive(const std::string& dimsi, const std::string& uri) {
    const json body{{"rand", kRand}, {"autn", std::string(32, 'b')}, {"imsi", kImsi}, {"receiptHash", hash_of_auts()}, {"notificationUri", uri}};
    REQUIRE(to_d_ausf("PUT", kVectors + "/" + dimsi, body).status == 201);
    json failure = failure_of(kRand, kAuts);
    failure["supiOrSuci"] = "imsi-" + dimsi;
    CHECK(to_d_ausf("POST", kContexts, failure).verdict() == "504 NETWORK_FAILURE");
  }
  bool is_recorded() { return to_d_ausf("GET", kVector).content().contains("receivedAt"); }

  /// Receipts whose owner is not told yet.
  std::size_t pending() const {
    auto database = store::Database::open(folder / "d-ausf.db", store::Database::Mode::read_only);
    return d_ausf::find_due_receipts(database, base::system_now() + std::chrono::hours(24), 100).size();
  }
  static bool wait_until(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  /// Onboards a device; `receipt` is the AUTS that it answers to the challenge `rand`.
  void onboard() {
    se = std::make_unique<SecureElement>(make_device(kDimsi));
    const Answer offered = to_ausf("PUT", kDevice, offer(*se));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    take_challenge();
  }
  void take_challenge() {
    device = std::make_unique<ue_sim::Device>(se->device());
    const Answer challenge = to_d_ausf("POST", kContexts, {{"supiOrSuci", kDimsiSupi}, {"servingNetworkName", kServingNetwork}});
    REQUIRE(challenge.status == 201);
    const json data = challenge.content()["5gAuthData"];
    rand = data["rand"];
    const auto taken = ue_sim::take_imsi(*device, octets(data["rand"]), octets(data["autn"]));
    REQUIRE(taken);
    auts = base::to_hex(taken->reveal());
    imsi = device->subscription->imsi.digits();
  }
  static aka::Rand octets(const json& hex) { return base::from_hex_exactly<16>(hex.get<std::string>()).value(); }

  /// The second attach, to its end.
  void attach() {
    const json wanted{{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}};
    const json challenge = to_ausf("POST", kContexts, wanted).content();
    const json data = challenge["5gAuthData"];
    const auto answer = ue_sim::answer_challenge(*device, octets(data["rand"]), octets(data["autn"]), kServingNetwork);
    const std::string path = sbi::Uri::parse(challenge["_links"]["5g-aka"]["href"].get<std::string>()).path;
    const std::string res_star = base::to_hex(std::get<ue_sim::UeAnswer>(answer).res_star.reveal());
    REQUIRE(to_ausf("PUT", path, {{"resStar", res_star}}).content()["authResult"] == "AUTHENTICATION_SUCCESS");
  }
  std::string state() { return to_ausf("GET", kDevice).content()["state"]; }
  std::vector<std::string> history() {
    const json shown = to_ausf("GET", kDevice).content();
    std::vector<std::string> out;
    for (const json& entry : shown["history"]) out.push_back(entry["state"]);
    return out;
  }
  json report() const {
    return {{"dimsi", kDimsi}, {"imsi", imsi}, {"auts", auts}, {"receivedAt", "2026-11-25T07:02:11.912Z"}, {"servingNetworkName", kServingNetwork}};
  }

  std::unique_ptr<SecureElement> se;
  std::unique_ptr<ue_sim::Device> device;
  std::string rand, auts, imsi;
};

/// The text with another digit at `i`.
inline std::string altered(std::string hex, std::size_t i) {
  hex[i] = hex[i] == '0' ? '1' : '0';
  return hex;
}

}  // namespace test
