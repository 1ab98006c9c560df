#include <catch2/catch.hpp>

#include "lib/core/access_token.hpp"
#include "lib/profile/discovery_vector.hpp"
#include "nf-d-ausf/receipts.hpp"
#include "tests/scenarios/routing_lab.hpp"
#include "tests/scenarios/token_lab.hpp"
#include "tests/support/fake_nrf.hpp"

/// Access tokens of an NRF at both ends, over real sockets (TS 33.501, 13.4.1): the target AUSF asks for them, the D-AUSF and the ARPF for its.

using namespace test;

namespace {

/// Beside an NRF that gives tokens.
struct NrfLab : TokenLab {
  NrfLab() {
    FakeNrf::Options options;
    options.token_key = nrf_party.key;
    nrf = std::make_unique<FakeNrf>(options);
  }

  [[nodiscard]] ausf_ext::Config consumer() const {
    auto config = ausf_ext_config();
    config.common.sends_tokens = true;
    config.common.nrf.uris = {nrf->parsed_uri()};
    return config;
  }
  [[nodiscard]] std::string consumer_id() const { return service::nf_instance_id(consumer().common, "AUSF"); }

  std::unique_ptr<FakeNrf> nrf;
};

}  // namespace

TEST_CASE_METHOD(NrfLab, "A device is onboarded where ARPF and D-AUSF demand tokens, which the target AUSF gets of the NRF", "[oauth2][step-0e][step-2]") {
  auto arpf_demands = demanding(arpf_config(), "ARPF");
  arpf_demands.operators_by_peer = {{consumer_id(), "Test Operator"}};
  start_arpf(arpf_demands);
  auto d_ausf_demands = demanding(d_ausf_config(), "AUSF");
  d_ausf_demands.owners = d_ausf::Owners({{consumer_id(), std::nullopt, {}}});
  start_d_ausf(d_ausf_demands);
  auto config = consumer();
  config.notification_uri.reset();
  start_ausf_ext(config);

  for (const char* dimsi : {"901700000000001", "901700000000002"}) {
    const SecureElement device = make_device(dimsi);
    CHECK(to_ausf("PUT", std::string("/nausfext-onboarding/v1/devices/") + dimsi, offer(device)).content()["state"] == "PRELOADED");
  }
  CHECK(nrf->count(FakeNrf::Kind::token) == 2);  // one for each of the two services, and kept

  const Answer stranger = to_d_ausf("GET", "/ndausf-vectors/v1/vectors/901700000000001");
  CHECK(stranger.status == 401);
  CHECK(stranger.header("www-authenticate") == "Bearer realm=\"sbi\"");
  const Answer forged = to_d_ausf("GET", "/ndausf-vectors/v1/vectors/901700000000001", nullptr, {{"authorization", "Bearer a.b.c"}});
  CHECK(forged.status == 401);
  CHECK_THAT(forged.header("www-authenticate"), Catch::Contains("invalid_token"));
  CHECK(to_arpf("GET", "/narpf-certificates/v1/certificates").status == 200);  // for everybody
}

TEST_CASE_METHOD(NrfLab, "A scope alone does not open another's subscribers: the peer needs its role", "[oauth2][access]") {
  auto config = demanding(ausf_ext_config(), "UDM");
  config.access.add("11111111-1111-4111-8111-111111111111", service::Role::ausf);
  start_ausf_ext(config);
  const auto ask_as = [&](const std::string& subject, const std::string& scope) {
    const json body{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", subject}};
    const HeaderList headers{{"authorization", bearer(subject, "UDM", scope)}};
    return to_ausf("POST", "/nudm-ueau/v1/imsi-001010000000001/security-information/generate-auth-data", body, headers).verdict();
  };
  CHECK(ask_as("11111111-1111-4111-8111-111111111111", "nudm-ueau") == "404 USER_NOT_FOUND");
  CHECK(ask_as("22222222-2222-4222-8222-222222222222", "nudm-ueau") == "403 NOT_OWNER");
  CHECK(ask_as("11111111-1111-4111-8111-111111111111", "nudm-sdm") == "403 INSUFFICIENT_SCOPE");
}

TEST_CASE_METHOD(NrfLab, "A D-AUSF tells of a receipt with its own token where the target AUSF demands one", "[oauth2][access][receipt][step-7]") {
  auto telling = d_ausf_config();
  telling.common.sends_tokens = true;
  telling.common.nrf.uris = {nrf->parsed_uri()};
  const std::string own_id = service::nf_instance_id(telling.common, "AUSF");
  auto demands = demanding(ausf_ext_config(), "AUSF");
  bool is_taken = false;
  bool is_demanded = true;
  SECTION("and goes without one where the NRF gives none and none is demanded") {
    is_taken = true;
    is_demanded = false;
    nrf->answer_next(FakeNrf::Kind::token, sbi::Response(400, sbi::kJson, R"({"error":"unauthorized_client"})"));
  }
  SECTION("and it has the role") {
    is_taken = true;
    demands.access.add(own_id, service::Role::d_ausf);
  }
  SECTION("but with another role it is refused, and tries again") { demands.access.add(own_id, service::Role::core_function); }
  SECTION("but without one it is refused, and tries again") {
    telling.common.sends_tokens = false;
    demands.access.add(own_id, service::Role::d_ausf);
  }
  start_ausf_ext(is_demanded ? demands : ausf_ext_config());
  start_d_ausf(telling);

  const std::string rand(32, 'a');
  const std::string auts(28, '5');
  const json body{{"rand", rand},
                  {"autn", std::string(32, 'b')},
                  {"imsi", "001010000000001"},
                  {"receiptHash", base::to_hex(profile::receipt_hash(base::from_hex_exactly<14>(auts).value()))},
                  {"notificationUri", "http://127.0.0.1:" + std::to_string(ausf_port) + "/nausfext-onboarding/v1/receipts"}};
  REQUIRE(to_d_ausf("PUT", kVector, body).status == 201);
  const json failure{{"supiOrSuci", kDimsiSupi}, {"servingNetworkName", kServingNetwork}, {"resynchronizationInfo", {{"rand", rand}, {"auts", auts}}}};
  CHECK(to_d_ausf("POST", kContexts, failure).verdict() == "504 NETWORK_FAILURE");
  const auto waiting = [this] {
    auto database = store::Database::open(folder / "d-ausf.db", store::Database::Mode::read_only);
    return d_ausf::find_due_receipts(database, base::system_now() + std::chrono::hours(24), 10);
  };
  const auto is_refused = [&waiting] {
    const auto left = waiting();
    return !left.empty() && left.front().attempts > 1;
  };
  if (is_taken) {
    CHECK(FakeNrf::eventually([&waiting] { return waiting().empty(); }));
  } else {
    CHECK(FakeNrf::eventually(is_refused));
  }
  CHECK(nrf->count(FakeNrf::Kind::token) == (telling.common.sends_tokens ? 1 : 0));
}

TEST_CASE_METHOD(NrfLab, "Without a token from the NRF nothing is asked, and the device waits", "[oauth2]") {
  start_arpf();
  start_d_ausf();
  auto config = consumer();
  config.offer_wait = std::chrono::milliseconds(200);
  nrf->go_away();
  start_ausf_ext(config);
  const SecureElement device = make_device("901700000000001");
  const std::string path = "/nausfext-onboarding/v1/devices/" + device.dimsi;
  CHECK(to_ausf("PUT", path, offer(device)).status == 202);
  nrf->come_back();
  CHECK(wait_for_state(device.dimsi, "PRELOADED")["state"] == "PRELOADED");
}
