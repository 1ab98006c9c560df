// A whole core around our functions: an NRF, the AUSF and UDM that were there before, and an AMF, each scripted, over real sockets.
#include <catch2/catch.hpp>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "lib/aka/authentication_vector.hpp"
#include "lib/aka/key_hierarchy.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/scenarios/scripted_amf.hpp"
#include "tests/support/fake_nrf.hpp"

using namespace test;

namespace {

const std::string kHomeSuci = "suci-0-001-01-0-0-0-7700000001";
const std::string kHomeSupi = "imsi-001017700000001";
const std::string kHomeRes(32, 'a');
const std::string kHomeKseaf(64, 'b');

service::Registration registration(const std::string& type, const profile::Plmn& plmn) {
  service::Registration out;
  out.instance.nf_type = type;
  out.instance.host = "127.0.0.1";
  out.instance.services = core::services_of_nf_type(type);
  out.instance.plmns = {plmn};
  return out;
}

/// The AUSF and the UDM of the home network, at one port: one subscriber, registered only after the AUSF has told the UDM.
struct HomeCore {
  HomeCore() : port(free_port()) {
    peer = std::make_unique<FakePeer>(FakePeer::Http::v2, port, "*", "/{rest...}", [this](const sbi::Request& request) { return serve(request); });
  }
  sbi::Response serve(const sbi::Request& request) {
    const std::string root = "http://127.0.0.1:" + std::to_string(port);
    const std::string context = "/nausf-auth/v1/ue-authentications";
    if (request.method == "POST" && request.target == context) {
      if (json::parse(request.body)["supiOrSuci"] != kHomeSuci) return problem(404, "USER_NOT_FOUND");
      const json body{{"authType", "5G_AKA"},
                      {"5gAuthData", {{"rand", std::string(32, '1')}, {"hxresStar", std::string(32, '2')}, {"autn", std::string(32, '3')}}},
                      {"_links", {{"5g-aka", {{"href", root + context + "/1/5g-aka-confirmation"}}}}}};
      return sbi::Response(201, sbi::kHalJson, body.dump()).with("location", root + context + "/1");
    }
    if (request.target == context + "/1/5g-aka-confirmation") {
      if (request.method == "DELETE") return sbi::Response(204);
      if (json::parse(request.body)["resStar"] != kHomeRes) return problem(400, "");
      is_authenticated = true;
      return {200, sbi::kJson, json{{"authResult", "AUTHENTICATION_SUCCESS"}, {"supi", kHomeSupi}, {"kseaf", kHomeKseaf}}.dump()};
    }
    if (request.target == "/nudm-uecm/v1/" + kHomeSupi + "/registrations/amf-3gpp-access") {
      if (!is_authenticated) return problem(404, "CONTEXT_NOT_FOUND");
      return sbi::Response(201, sbi::kJson, request.body).with("location", root + request.target);
    }
    return problem(404, "USER_NOT_FOUND");
  }
  static sbi::Response problem(int status, const std::string& cause) {
    json body{{"status", status}};
    if (!cause.empty()) body["cause"] = cause;
    return {status, sbi::kProblemJson, body.dump()};
  }

  std::uint16_t port;
  bool is_authenticated = false;
  std::unique_ptr<FakePeer> peer;
};

struct CoreFixture : Lab {
  CoreFixture() {
    FakeNrf::Options options;
    options.serves = {{{"mcc", "001"}, {"mnc", "01"}}, {{"mcc", "901"}, {"mnc", "70"}}};
    options.second = std::chrono::milliseconds(100);
    nrf = std::make_unique<FakeNrf>(options);
  }

  core::NrfSettings nrf_settings() const {
    core::NrfSettings settings;
    settings.uris = {nrf->parsed_uri()};
    settings.first_pause = std::chrono::milliseconds(20);
    settings.longest_pause = std::chrono::milliseconds(100);
    settings.second = std::chrono::milliseconds(100);
    settings.heartbeat_s = 1;
    return settings;
  }

  /// nf-d-ausf is the AUSF of 901/70; nf-ausf-ext is AUSF and UDM of 001/01, in front of those that were there before.
  void start() {
    const auto dimsis = *profile::Plmn::from("901", "70");
    const auto home_plmn = *profile::Plmn::from("001", "01");
    auto discovery = d_ausf_config();
    discovery.common.nrf = nrf_settings();
    discovery.common.http2.front().registration = registration("AUSF", dimsis);
    auto target = ausf_ext_config();
    key_encryption_key = target.key_encryption_key;
    target.common.nrf = nrf_settings();
    target.common.http2.front().registration = registration("AUSF", home_plmn);
    service::Listener udm{"127.0.0.1", 0, std::nullopt, std::nullopt};
    udm.registration = registration("UDM", home_plmn);
    udm.registration->instance.services = {{"nudm-ueau", "v1"}, {"nudm-sdm", "v2"}, {"nudm-uecm", "v1"}};
    target.common.http2.push_back(udm);
    const auto there_before = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(home.port));
    const core::ImsiRange ours{target.pools.front().from, target.pools.front().to};
    target.routing = core::PlmnRouting({{home_plmn, ours, std::nullopt, core::ServedHere()},
                                        {dimsis, std::nullopt, std::nullopt, core::ServedByDiscovery()}},
                                       core::ServedByPeers{{there_before}, {there_before}});
    target.bootstrap_subscription.emplace();
    target.bootstrap_subscription->slices.emplace_back();
    target.bootstrap_subscription->slices.front().snssai.sst = 1;
    start_arpf();
    start_d_ausf(std::move(discovery));
    start_ausf_ext(std::move(target));
    REQUIRE(FakeNrf::eventually([this] { return is_joined(); }));
  }
  bool is_joined() {
    int known = 0;
    for (const char* name : {"d-ausf.db.nf-instance-id", "ausf-ext.db.nf-instance-id", "ausf-ext.db.nf-instance-id-1"}) {
      std::ifstream file(folder / name);
      std::string id;
      if (std::getline(file, id) && nrf->profile(id)) ++known;
    }
    return known == 3;
  }

  HomeCore home;
  std::unique_ptr<FakeNrf> nrf;
  std::shared_ptr<const crypto::KeyEncryptionKey> key_encryption_key;  ///< that instances share
};

}  // namespace

TEST_CASE_METHOD(CoreFixture, "A device goes from its dIMSI to a registration in a core that was there before", "[core][nrf][attach]") {
  start();
  const bool has_nrf_restarted = GENERATE(false, true);
  if (has_nrf_restarted) {  // in the middle: it forgets everybody, and has them again by their heartbeats
    nrf->go_away();
    nrf->forget();
    nrf->come_back();
    REQUIRE(FakeNrf::eventually([this] { return is_joined(); }));
  }
  ScriptedAmf amf(caller, nrf->port(), *profile::Plmn::from("001", "01"));
  const SecureElement element = make_device("901700000000001");
  REQUIRE(to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + element.dimsi, offer(element)).content()["state"] == "PRELOADED");
  ue_sim::Device device = element.device();
  const auto octets = [](const json& vector, const char* name) { return base::from_hex_exactly<16>(vector[name].get<std::string>()).value(); };

  // Steps (3) to (7): the first attach ends with the receipt; the AMF lets the device register again (cause 90).
  const auto secure_element = [&](const json& vector) {
    const auto receipt = ue_sim::take_imsi(device, octets(vector, "rand"), octets(vector, "autn"));
    return receipt ? ScriptedAmf::UeResponse{std::nullopt, base::to_hex(receipt->reveal())} : ScriptedAmf::UeResponse();
  };
  const auto first = amf.register_ue("suci-0-901-70-0-0-0-0000000001", secure_element);
  CHECK(first.ausf == d_ausf_port);
  CHECK_FALSE(first.is_accepted);
  CHECK(first.nas_cause == 90);
  REQUIRE(device.subscription);
  CHECK(wait_for_state(element.dimsi, "RECEIVED")["state"] == "RECEIVED");

  // Steps (8) to (10): the second one is a registration like any other.
  std::string kseaf;
  const auto usim = [&](const json& vector) {
    auto answer = ue_sim::answer_challenge(device, octets(vector, "rand"), octets(vector, "autn"), kServingNetwork);
    auto* done = std::get_if<ue_sim::UeAnswer>(&answer);
    if (done == nullptr) return ScriptedAmf::UeResponse();
    kseaf = base::to_hex(done->kseaf.reveal());
    return ScriptedAmf::UeResponse{base::to_hex(done->res_star.reveal()), std::nullopt};
  };
  const std::string imsi = device.subscription->imsi.digits();
  const auto second = amf.register_ue("suci-0-001-01-0-0-0-" + imsi.substr(5), usim);
  CHECK(second.ausf == ausf_port);
  CHECK(second.is_accepted);
  CHECK(second.supi == "imsi-" + imsi);
  CHECK(second.kseaf == kseaf);
  CHECK(amf.deregister(second) == 204);
}

TEST_CASE_METHOD(CoreFixture, "A home subscriber never notices that we stand in front of its AUSF and UDM", "[core][nrf][routing]") {
  start();
  ScriptedAmf amf(caller, nrf->port(), *profile::Plmn::from("001", "01"));
  const auto ue = [](const json&) { return ScriptedAmf::UeResponse{kHomeRes, std::nullopt}; };
  const auto registered = amf.register_ue(kHomeSuci, ue);
  CHECK(registered.ausf == ausf_port);
  CHECK(registered.is_accepted);
  CHECK(registered.supi == kHomeSupi);
  CHECK(registered.kseaf == kHomeKseaf);
  CHECK(registered.context.find("127.0.0.1:" + std::to_string(ausf_port)) != std::string::npos);
  CHECK(amf.deregister(registered) == 204);
  const auto stranger = amf.register_ue("suci-0-001-01-0-0-0-7700000002", ue);
  CHECK(stranger.nas_cause == 7);
}

TEST_CASE_METHOD(CoreFixture, "A dIMSI that comes to the target AUSF goes to the D-AUSF that the NRF names", "[core][nrf][routing]") {
  start();
  const SecureElement element = make_device("901700000000001");
  REQUIRE(to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + element.dimsi, offer(element)).content()["state"] == "PRELOADED");
  const json body{{"supiOrSuci", "suci-0-901-70-0-0-0-0000000001"}, {"servingNetworkName", kServingNetwork}};
  const Answer direct = caller.send(d_ausf_port, "POST", "/nausf-auth/v1/ue-authentications", body.dump());
  const Answer relayed = to_ausf("POST", "/nausf-auth/v1/ue-authentications", body);
  CHECK(relayed.status == 201);
  CHECK(relayed.content()["5gAuthData"]["rand"] == direct.content()["5gAuthData"]["rand"]);
  CHECK(relayed.content()["5gAuthData"]["autn"] == direct.content()["5gAuthData"]["autn"]);
  const auto href = sbi::Uri::parse(relayed.content()["_links"]["5g-aka"]["href"].get<std::string>());
  CHECK(href.port == std::to_string(ausf_port));
  CHECK(to_ausf("PUT", href.path, {{"resStar", std::string(32, '0')}}).content()["authResult"] == "AUTHENTICATION_FAILURE");
}

TEST_CASE_METHOD(CoreFixture, "Two instances that share a database use no sequence number twice", "[core][sqn]") {
  start();
  auto second_config = ausf_ext_config();
  second_config.common.http2.front().port = 0;
  const SecureElement element = make_device("901700000000001");
  const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + element.dimsi, offer(element));
  const std::string imsi = offered.content()["imsi"];
  const auto keys = profile::derive_subscriber_keys(*element.ephemeral_key, *profile::DiscoveryImsi::from_digits(element.dimsi),
                                                    *profile::Imsi::from_digits(imsi));
  second_config.key_encryption_key = key_encryption_key;
  service::Running second(ausf_ext::kProgram, ausf_ext::make_function(second_config));
  std::mutex mutex;
  std::set<std::uint64_t> seen;
  int answers = 0;
  const auto ask = [&](std::uint16_t port) {
    Caller own;
    for (int i = 0; i < 100; ++i) {
      const json body{{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}};
      const Answer challenge = own.send_raw(port, "POST", "/nausf-auth/v1/ue-authentications", body.dump(), {});
      const std::lock_guard lock(mutex);
      if (challenge.status != 201) continue;
      ++answers;
      const json vector = challenge.content()["5gAuthData"];
      const auto rand = base::from_hex_exactly<16>(vector["rand"].get<std::string>()).value();
      const auto autn = base::from_hex_exactly<16>(vector["autn"].get<std::string>()).value();
      seen.insert(aka::reveal_sqn(aka::sqn_xor_ak(autn), aka::f2345(keys, rand).ak).value());
    }
  };
  std::thread one(ask, ausf_port);
  std::thread other(ask, second.http2_ports().front());
  one.join();
  other.join();
  CHECK(answers == 200);
  CHECK(seen.size() == 200);
}
