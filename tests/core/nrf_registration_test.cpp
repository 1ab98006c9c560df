#include "lib/core/nrf_registration.hpp"

#include "tests/core/nrf_fixture.hpp"
#include "tests/support/json_schema.hpp"

using nlohmann::json;
using test::FakeNrf;
using test::json_answer;
using test::Kind;
using test::kOwnId;
using test::NrfFixture;
using namespace std::chrono_literals;

TEST_CASE_METHOD(NrfFixture, "An instance registers, says that it lives, and leaves", "[core][nrf]") {
  start();
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::heartbeat) >= 3; }));
  CHECK(nrf.count(Kind::enrol) == 1);
  const json profile = *nrf.profile(kOwnId);
  CHECK(profile["heartBeatTimer"] == 2);
  CHECK(profile["nfServices"][0]["ipEndPoints"][0]["port"] == port);
  if (const auto* schema = test::shared_schema("TS29510_Nnrf_NFManagement.NFProfile")) CHECK(schema->fault_of(profile).empty());
  const auto beat = nrf.requests(Kind::heartbeat).at(0);
  CHECK(beat.headers.find("content-type") == std::optional<std::string_view>("application/json-patch+json"));
  CHECK(beat.headers.find("user-agent") == std::optional<std::string_view>("AUSF"));
  stop();
  CHECK_FALSE(is_registered());
  CHECK(nrf.count(Kind::leave) == 1);
}

TEST_CASE_METHOD(NrfFixture, "An instance that the NRF forgot registers again", "[core][nrf]") {
  start();
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  SECTION("because it lost its memory") { nrf.forget(); }
  SECTION("because it was restarted") {
    nrf.go_away();
    nrf.forget();
    nrf.come_back();
  }
  CHECK(FakeNrf::eventually([&] { return is_registered(); }));
  const int before = nrf.count(Kind::heartbeat);
  CHECK(FakeNrf::eventually([&] { return nrf.count(Kind::heartbeat) > before + 1; }));
}

TEST_CASE_METHOD(NrfFixture, "An NRF that is not there at the start is registered at when it comes", "[core][nrf]") {
  nrf.go_away();
  start();
  nrf.come_back();
  CHECK(FakeNrf::eventually([&] { return is_registered(); }));
}

TEST_CASE_METHOD(NrfFixture, "Whatever the NRF answers, the registration is kept up", "[core][nrf]") {
  const auto [kind, status, body] = GENERATE(table<Kind, int, std::string>({
      {Kind::enrol, 400, R"({"title":"PLMN is not served"})"},
      {Kind::enrol, 403, ""},
      {Kind::enrol, 404, "garbage"},
      {Kind::enrol, 429, ""},
      {Kind::enrol, 500, ""},
      {Kind::enrol, 503, "[]"},
      {Kind::enrol, 307, ""},
      {Kind::enrol, 204, ""},
      {Kind::enrol, 201, ""},
      {Kind::enrol, 201, "garbage"},
      {Kind::enrol, 201, "[]"},
      {Kind::enrol, 201, R"({"heartBeatTimer":0})"},
      {Kind::enrol, 201, R"({"heartBeatTimer":-10})"},
      {Kind::enrol, 201, R"({"heartBeatTimer":"10"})"},
      {Kind::enrol, 201, R"({"heartBeatTimer":1e300})"},
      {Kind::enrol, 201, R"({"heartBeatTimer":{}})"},
      {Kind::heartbeat, 400, ""},
      {Kind::heartbeat, 404, "garbage"},
      {Kind::heartbeat, 500, ""},
      {Kind::heartbeat, 200, "garbage"},
      {Kind::heartbeat, 200, R"({"heartBeatTimer":-1})"},
  }));
  CAPTURE(status, body);
  nrf.answer_next(kind, json_answer(status, body));
  start();
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(kind) >= 2; }));
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  const int before = nrf.count(Kind::heartbeat);
  CHECK(FakeNrf::eventually([&] { return nrf.count(Kind::heartbeat) > before + 1; }));
}

TEST_CASE("The heartbeat is a tenth sooner than the NRF asks, within bounds", "[core][nrf]") {
  core::NrfSettings settings;
  settings.heartbeat_s = 20;
  CHECK(core::heartbeat_pause(settings, 10) == 9s);
  CHECK(core::heartbeat_pause(settings, 1) == 900ms);
  CHECK(core::heartbeat_pause(settings, 3600) == 3240s);
  CHECK(core::heartbeat_pause(settings, 3601) == 3240s);
  CHECK(core::heartbeat_pause(settings, std::numeric_limits<std::int64_t>::max()) == 3240s);
  CHECK(core::heartbeat_pause(settings, std::nullopt) == 18s);
  CHECK(core::heartbeat_pause(settings, 0) == 18s);
  CHECK(core::heartbeat_pause(settings, std::numeric_limits<std::int64_t>::min()) == 18s);
}

TEST_CASE("Pauses grow up to the longest", "[core][nrf]") {
  core::NrfSettings settings;
  settings.first_pause = 500ms;
  settings.longest_pause = 3000ms;
  std::vector<std::int64_t> pauses;
  for (const int attempts : {0, 1, 2, 3, 4, 1000000}) pauses.push_back(core::growing_pause(settings, attempts).count());
  CHECK(pauses == std::vector<std::int64_t>{500, 1000, 2000, 3000, 3000, 3000});
}

TEST_CASE_METHOD(NrfFixture, "The timer that the NRF grants is kept to, so it evicts nobody", "[core][nrf]") {
  FakeNrf::Options options;
  options.heartbeat_s = 20;
  options.second = settings.second;
  options.evicts = true;
  FakeNrf strict(options);
  settings.heartbeat_s = 3600;  // evicted, if it went by that
  settings.uris = {strict.parsed_uri()};
  start();
  CHECK(FakeNrf::eventually([&] { return strict.count(Kind::heartbeat) >= 3; }));
  CHECK(strict.count(Kind::enrol) == 1);
}

TEST_CASE_METHOD(NrfFixture, "While an NRF is silent the next one has the registration, until the first is back", "[core][nrf]") {
  FakeNrf second;
  settings.uris.push_back(second.parsed_uri());
  settings.timeout = 250ms;
  start();
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  CHECK(second.count(Kind::enrol) == 0);
  const bool hangs = GENERATE(true, false);
  if (hangs) {
    nrf.hang(Kind::heartbeat);
    nrf.hang(Kind::enrol);
  } else {
    nrf.go_away();
  }
  nrf.forget();
  REQUIRE(FakeNrf::eventually([&] { return second.profile(kOwnId).has_value(); }));
  const int before = second.count(Kind::heartbeat);
  REQUIRE(FakeNrf::eventually([&] { return second.count(Kind::heartbeat) > before; }));
  if (hangs) {
    nrf.release(Kind::heartbeat);
    nrf.release(Kind::enrol);
    nrf.forget();
  } else {
    nrf.come_back();
  }
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  stop();
  CHECK_FALSE(is_registered());
}

TEST_CASE_METHOD(NrfFixture, "An NRF that hangs does not hold up the end", "[core][nrf]") {
  settings.drain_time = 50ms;
  start();
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  SECTION("in the farewell") { nrf.hang(Kind::leave); }
  SECTION("in a heartbeat") {
    nrf.hang(Kind::heartbeat);
    const int before = nrf.count(Kind::heartbeat);
    REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::heartbeat) > before; }));
  }
  stop();  // within the deadline of a test, though the NRF's timeout is half of that
  CHECK(is_registered());
}

TEST_CASE_METHOD(NrfFixture, "An NRF that is gone does not hold up the end", "[core][nrf]") {
  start();
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  nrf.go_away();
  stop();
  CHECK(is_registered());
}
