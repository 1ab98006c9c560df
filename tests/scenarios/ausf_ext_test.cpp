#include <atomic>
#include <catch2/catch.hpp>

#include "lib/aka/key_hierarchy.hpp"
#include "tests/scenarios/lab.hpp"

using namespace test;

namespace {

struct AusfExtFixture : Lab {
  Answer put(const SecureElement& device) { return to_ausf("PUT", kDevices + device.dimsi, offer(device)); }

  Answer authenticate(std::uint16_t port, const std::string& imsi) {
    const json body{{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}};
    return caller.send(port, "POST", "/nausf-auth/v1/ue-authentications", body.dump());
  }
  static aka::Rand octets_of(const Answer& challenge, const char* member) {
    return base::from_hex_exactly<16>(challenge.content()["5gAuthData"][member].get<std::string>()).value();
  }
  static std::string confirmation_of(const Answer& challenge) {
    return sbi::Uri::parse(challenge.content()["_links"]["5g-aka"]["href"].get<std::string>()).path;
  }
  Answer confirm(const std::string& path, const std::string& res_star) { return to_ausf("PUT", path, {{"resStar", res_star}}); }
};

}  // namespace

TEST_CASE_METHOD(AusfExtFixture, "A device goes through both attaches with the key that it derived itself", "[ausf-ext][attach]") {
  std::atomic<int> told = 0;
  const FakePeer rsmf(FakePeer::Http::v1, rsmf_port, "POST", "/notifications",
                      [&told](const sbi::Request&) { return sbi::Response(++told == 1 ? 503 : 204); });
  start_all();
  const SecureElement se = make_device(kDimsi);
  const Answer offered = put(se);
  REQUIRE(offered.status == 201);
  REQUIRE(offered.content()["state"] == "PRELOADED");
  const std::string imsi = offered.content()["imsi"];
  CHECK(put(se).status == 200);
  const SecureElement other = make_device(kDimsi);
  CHECK(put(other).verdict() == "409 DEVICE_EXISTS");

  ue_sim::Device device = se.device();
  const Answer discovery = authenticate(d_ausf_port, kDimsi);
  REQUIRE(ue_sim::take_imsi(device, octets_of(discovery, "rand"), octets_of(discovery, "autn")));
  CHECK(device.subscription->imsi.digits() == imsi);

  const Answer challenge = authenticate(ausf_port, imsi);
  REQUIRE(challenge.status == 201);
  const auto answer = ue_sim::answer_challenge(device, octets_of(challenge, "rand"), octets_of(challenge, "autn"), kServingNetwork);
  REQUIRE(std::holds_alternative<ue_sim::UeAnswer>(answer));
  const auto& ue = std::get<ue_sim::UeAnswer>(answer);
  const std::string res_star = base::to_hex(ue.res_star.reveal());

  SECTION("the right answer gives the same KSEAF, and the RSMF is told until it answers 2xx") {
    const Answer confirmed = confirm(confirmation_of(challenge), res_star);
    CHECK(confirmed.content()["authResult"] == "AUTHENTICATION_SUCCESS");
    CHECK(confirmed.content()["kseaf"] == base::to_hex(ue.kseaf.reveal()));
    wait_for(kDimsi, [&told](const json&) { return told >= 2; });
    CHECK(wait_for_state(kDimsi, "ATTACHED")["state"] == "ATTACHED");
    CHECK(told == 2);
  }
  SECTION("after a wrong answer the right one comes too late") {
    CHECK(confirm(confirmation_of(challenge), std::string(32, '0')).content()["authResult"] == "AUTHENTICATION_FAILURE");
    CHECK(confirm(confirmation_of(challenge), res_star).verdict() == "404 CONTEXT_NOT_FOUND");
  }
  SECTION("retired, it is unknown, and a new offer starts anew with another IMSI") {
    CHECK(to_ausf("POST", kDevices + kDimsi + "/retire").status == 204);
    CHECK(wait_for_state(kDimsi, "RETIRED")["state"] == "RETIRED");
    CHECK(authenticate(ausf_port, imsi).verdict() == "404 USER_NOT_FOUND");
    CHECK(authenticate(d_ausf_port, kDimsi).verdict() == "404 USER_NOT_FOUND");
    CHECK(retrieve(se, key_request(se)).verdict() == "403 TOKEN_SPENT");
    const Answer anew = put(other);
    CHECK(anew.content()["state"] == "PRELOADED");
    CHECK(anew.content()["imsi"] != imsi);
  }
}

TEST_CASE_METHOD(AusfExtFixture, "A refusal by the ARPF fails the device, and another offer replaces it", "[ausf-ext][step-0e]") {
  start_all();
  const Party stranger = make_party(wanted_ca("PN"));
  const Answer refused = put(make_device(kDimsi, stranger, make_se(stranger)));
  CHECK(refused.status == 201);
  CHECK(refused.content()["state"] == "FAILED");
  CHECK(refused.content()["problem"]["cause"] == "PN_CERTIFICATE_INVALID");
  CHECK(put(make_device(kDimsi)).content()["state"] == "PRELOADED");
}

TEST_CASE_METHOD(AusfExtFixture, "An endorsement that is not the configured ARPF's is refused", "[ausf-ext][step-0e]") {
  const Party other_ci = make_party(wanted_ca("CI"));
  std::string reason;
  auto config = arpf_config();
  auto trust = *config.trust;
  SECTION("by an SE") {
    const Party se = make_se(pn);
    trust.endorsement_key = {se.certificate, se.key};
    reason = "the endorsement's certificate is not of the configured CI";
  }
  SECTION("by an ARPF of another URI") {
    const Party other = make_endorser("http://127.0.0.1:1", ci);
    trust.endorsement_key = {other.certificate, other.key};
    reason = "another ARPF made the endorsement";
  }
  SECTION("by an ARPF of another CI") {
    const Party other = make_endorser(arpf_uri, other_ci);
    trust.endorsement_key = {other.certificate, other.key};
    reason = "the endorsement's certificate is not of the configured CI";
  }
  SECTION("by one of the configured CI that is no ARPF") {
    auto wanted = wanted_leaf("Server", crypto::KeyUsage::digital_signature);
    wanted.uris = {arpf_uri};
    const Party other = make_party(wanted, &ci);
    trust.endorsement_key = {other.certificate, other.key};
    reason = "the endorsement's signer is no ARPF";
  }
  config.trust = std::make_shared<const arpf::Trust>(trust);
  start_arpf(config);
  start_d_ausf();
  start_ausf_ext();
  const Answer answer = put(make_device(kDimsi));
  CHECK(answer.status == 201);
  CHECK(answer.content()["state"] == "FAILED");
  CHECK(answer.content()["problem"]["status"] == 403);
  CHECK(answer.content()["problem"]["cause"] == "AUTHENTICATION_REJECTED");
  CHECK_THAT(answer.content()["problem"]["detail"].get<std::string>(), Catch::Contains(reason));
}

TEST_CASE_METHOD(AusfExtFixture, "A device waits for a D-AUSF that is down", "[ausf-ext][recovery]") {
  start_arpf();
  auto config = ausf_ext_config();
  config.offer_wait = std::chrono::milliseconds(200);
  start_ausf_ext(config);
  const Answer answer = put(make_device(kDimsi));
  CHECK(answer.status == 202);
  CHECK(wait_for_state(kDimsi, "KEY_RETRIEVED")["state"] == "KEY_RETRIEVED");
  start_d_ausf();
  CHECK(wait_for_state(kDimsi, "PRELOADED")["state"] == "PRELOADED");
}

TEST_CASE_METHOD(AusfExtFixture, "A device waits for a free IMSI", "[ausf-ext][pool]") {
  start_arpf();
  start_d_ausf();
  auto config = ausf_ext_config();
  config.pools.front().to = config.pools.front().from;
  config.quarantine = std::chrono::seconds(0);
  start_ausf_ext(config);
  CHECK(put(make_device(kDimsi)).content()["state"] == "PRELOADED");
  const SecureElement second = make_device("901700000000002");
  const Answer waiting = put(second);
  CHECK(waiting.status == 202);
  CHECK(waiting.content()["state"] == "OFFERED");
  CHECK(waiting.content()["problem"]["cause"] == "IMSI_POOL_EXHAUSTED");
  CHECK(to_ausf("POST", kDevices + kDimsi + "/retire").status == 204);
  CHECK(wait_for_state(second.dimsi, "PRELOADED")["state"] == "PRELOADED");
}
