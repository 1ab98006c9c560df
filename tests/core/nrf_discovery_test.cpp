#include "lib/core/nrf_discovery.hpp"

#include "tests/core/nrf_fixture.hpp"
#include "tests/support/json_schema.hpp"

using nlohmann::json;
using test::FakeNrf;
using test::foreign_profile;
using test::json_answer;
using test::Kind;
using test::kOtherId;
using test::kOwnId;
using test::kPeerId;
using test::NrfFixture;
using namespace std::chrono_literals;

namespace {

/// An NRF with one AUSF of somebody else.
struct DiscoveryFixture : NrfFixture {
  DiscoveryFixture() { nrf.publish(foreign_profile(kPeerId, "AUSF", "nausf-auth", 7777)); }
};

/// The other one, of this priority and capacity.
json other_profile(int priority, int capacity = 100) {
  json out = foreign_profile(kOtherId, "AUSF", "nausf-auth", 7778);
  out["priority"] = priority;
  out["capacity"] = capacity;
  return out;
}

}  // namespace

TEST_CASE_METHOD(DiscoveryFixture, "A function finds others by type, service and PLMN", "[core][nrf]") {
  nrf.publish(foreign_profile(kOtherId, "UDM", "nudm-ueau", 7778));
  open();
  const auto found = loop.await(own->discover(query()));
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == kPeerId);
  REQUIRE(found[0].api_roots.size() == 1);
  CHECK(found[0].api_roots[0].origin() == "http://127.0.0.1:7777");
  CHECK(discover(query("UDM", "nudm-ueau")) == kOtherId);
  CHECK(discover(query("UDM", "nudm-sdm")).empty());
  auto elsewhere = query();
  elsewhere.target_plmn = profile::Plmn{"901", "70"};
  CHECK(discover(elsewhere).empty());
  elsewhere.target_plmn = profile::Plmn{"001", "01"};
  CHECK(discover(elsewhere) == kPeerId);
  for (const auto& request : nrf.requests(Kind::discover)) CHECK(request.query("requester-nf-type") == std::optional<std::string_view>("AUSF"));
}

TEST_CASE_METHOD(DiscoveryFixture, "A function does not find itself", "[core][nrf]") {
  start();
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  CHECK(discover() == kPeerId);
}

TEST_CASE_METHOD(DiscoveryFixture, "An answer is kept for its validityPeriod", "[core][nrf]") {
  open();
  CHECK(discover() == kPeerId);
  pass_seconds(29);
  CHECK(discover() == kPeerId);
  CHECK(nrf.count(Kind::discover) == 1);
  auto another = query();
  another.supi = "imsi-001010000000001";
  CHECK(discover(another) == kPeerId);
  CHECK(nrf.count(Kind::discover) == 2);
  pass_seconds(1);
  CHECK(discover() == kPeerId);
  CHECK(nrf.count(Kind::discover) == 3);
}

TEST_CASE_METHOD(DiscoveryFixture, "A validityPeriod that is none, or absurd, is bounded", "[core][nrf]") {
  const auto [validity, kept_s] = GENERATE(table<std::string, std::int64_t>({
      {"0", 1}, {"-5", 1}, {"99999999999999999999", 30}, {"999999999999", 3600}, {"\"30\"", 30}, {"null", 30}, {"1", 1}, {"3600", 3600}}));
  CAPTURE(validity);
  const json list = json::array({foreign_profile(kPeerId, "AUSF", "nausf-auth", 7777)});
  nrf.answer_next(Kind::discover, json_answer(200, "{\"validityPeriod\":" + validity + ",\"nfInstances\":" + list.dump() + "}"));
  open();
  CHECK(discover() == kPeerId);
  pass_seconds(kept_s - 1);
  CHECK(discover() == kPeerId);
  CHECK(nrf.count(Kind::discover) == 1);
  pass_seconds(1);
  CHECK(discover() == kPeerId);
  CHECK(nrf.count(Kind::discover) == 2);
}

TEST_CASE_METHOD(DiscoveryFixture, "Those who ask the same at once share one request, from any loop", "[core][nrf]") {
  test::Loop elsewhere;
  open();
  nrf.hang(Kind::discover);
  std::vector<std::future<std::vector<core::DiscoveredInstance>>> all;
  for (int i = 0; i < 20; ++i) all.push_back((i % 2 == 0 ? elsewhere : loop).start(own->discover(query())));
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::discover) == 1; }));
  CHECK(all[0].wait_for(0s) == std::future_status::timeout);
  nrf.release(Kind::discover);
  for (auto& one : all) CHECK(ids(one) == kPeerId);
  CHECK(nrf.count(Kind::discover) == 1);
  loop.stop();  // as a function's loops do: all have stopped before the first one goes
  elsewhere.stop();
}

TEST_CASE_METHOD(DiscoveryFixture, "A bad answer is an error that the next good one mends", "[core][nrf]") {
  const auto [status, body, cause] = GENERATE(table<int, std::string, std::string>({
      {200, "", "NF_DISCOVERY_FAILURE"},
      {200, "garbage", "NF_DISCOVERY_FAILURE"},
      {200, "[]", "NF_DISCOVERY_FAILURE"},
      {200, "{}", "NF_DISCOVERY_FAILURE"},
      {200, R"({"nfInstances":"none"})", "NF_DISCOVERY_FAILURE"},
      {200, R"({"nfInstances":[1,"a",null,{}],"validityPeriod":30})", ""},
      {200, R"({"nfInstances":[],"validityPeriod":30})", ""},
      {204, "", "NF_DISCOVERY_FAILURE"},
      {307, "", "NF_DISCOVERY_FAILURE"},
      {400, "garbage", "NF_DISCOVERY_FAILURE"},
      {403, "", "NF_DISCOVERY_FAILURE"},
      {404, "", ""},
      {500, "", "NRF_NOT_REACHABLE"},
      {503, "", "NRF_NOT_REACHABLE"},
  }));
  CAPTURE(status, body);
  const bool was_known = GENERATE(false, true);
  open();
  if (was_known) {
    REQUIRE(discover() == kPeerId);
    pass_seconds(30);
  }
  nrf.answer_next(Kind::discover, json_answer(status, body));
  CHECK(discover() == (was_known ? kPeerId : cause));  // what was known before serves meanwhile
  nrf.publish(other_profile(0));
  const auto is_mended = [&] {
    pass_seconds(2);
    return discover() == kOtherId + " " + kPeerId;
  };
  CHECK(FakeNrf::eventually(is_mended));
}

TEST_CASE_METHOD(DiscoveryFixture, "While no NRF answers, what was known before serves", "[core][nrf]") {
  settings.timeout = 200ms;
  open();
  CHECK(discover() == kPeerId);
  const bool hangs = GENERATE(true, false);
  if (hangs) nrf.hang(Kind::discover);
  else nrf.go_away();
  pass_seconds(100000);
  CHECK(discover() == kPeerId);
  auto unknown = query();
  unknown.target_plmn = profile::Plmn{"001", "01"};
  CHECK(discover(unknown) == "NRF_NOT_REACHABLE");
  if (hangs) nrf.release(Kind::discover);
  else nrf.come_back();
  CHECK(FakeNrf::eventually([&] { return discover(unknown) == kPeerId; }));
}

TEST_CASE_METHOD(DiscoveryFixture, "Nobody waits for an NRF that hung a moment ago", "[core][nrf]") {
  settings.timeout = 100ms;
  settings.first_pause = settings.longest_pause = 60s;
  nrf.hang(Kind::discover);
  open();
  for (int i = 0; i < 3; ++i) CHECK(discover() == "NRF_NOT_REACHABLE");
  CHECK(nrf.count(Kind::discover) == 1);
}

TEST_CASE_METHOD(DiscoveryFixture, "A discovery that hangs or fails keeps no heartbeat from the NRF", "[core][nrf]") {
  const bool hangs = GENERATE(true, false);
  settings.timeout = 100ms;
  settings.first_pause = settings.longest_pause = 60s;
  start(false);
  REQUIRE(FakeNrf::eventually([&] { return is_registered(); }));
  if (hangs) nrf.hang(Kind::discover);
  for (int i = 0; i < 3; ++i) {
    if (!hangs) nrf.answer_next(Kind::discover, json_answer(504, ""));
    CHECK(discover() == "NRF_NOT_REACHABLE");
  }
  const int before = nrf.count(Kind::heartbeat);
  CHECK(FakeNrf::eventually([&] { return nrf.count(Kind::heartbeat) > before + 1; }));
  CHECK(nrf.count(Kind::enrol) == 1);
}

TEST_CASE_METHOD(DiscoveryFixture, "The next NRF is asked when one is silent", "[core][nrf]") {
  FakeNrf second;
  second.publish(other_profile(0));
  settings.uris.push_back(second.parsed_uri());
  open();
  nrf.go_away();
  CHECK(discover() == kOtherId);
}

TEST_CASE_METHOD(DiscoveryFixture, "An NRF that lost its memory does not make us lose ours at once", "[core][nrf]") {
  open();
  CHECK(discover() == kPeerId);
  nrf.forget();
  pass_seconds(30);
  CHECK(discover() == kPeerId);
  CHECK(nrf.count(Kind::discover) == 2);
  pass_seconds(core::kEmptyGraceS);
  CHECK(discover().empty());
  nrf.publish(foreign_profile(kPeerId, "AUSF", "nausf-auth", 7777));
  pass_seconds(core::kEmptyValidityS);
  CHECK(discover() == kPeerId);
}

TEST_CASE_METHOD(DiscoveryFixture, "Of ten thousand instances as many are kept as are named, and the next answer is read", "[core][nrf]") {
  json list = json::array();
  for (int i = 0; i < 10000; ++i) list.push_back(foreign_profile("i" + std::to_string(i), "AUSF", "nausf-auth", 1 + i));
  nrf.answer_next(Kind::discover, json_answer(200, json{{"validityPeriod", 1}, {"nfInstances", list}}.dump()));
  open();
  CHECK(loop.await(own->discover(query())).size() == core::kMaxDiscoveredInstances);
  pass_seconds(1);
  CHECK(discover() == kPeerId);
}

TEST_CASE_METHOD(DiscoveryFixture, "Answers are kept for so many queries as are named", "[core][nrf]") {
  open();
  const auto ask = [&](std::size_t i) {
    auto one = query();
    one.supi = "imsi-" + std::to_string(1000000 + i);
    return discover(one);
  };
  for (std::size_t i = 0; i < core::kMaxDiscoveries; ++i) {
    if (ask(i) != kPeerId) FAIL("not found");
    if (i == 0) pass_seconds(1);  // the first one ends first
  }
  CHECK(ask(0) == kPeerId);
  CHECK(nrf.count(Kind::discover) == static_cast<int>(core::kMaxDiscoveries));
  CHECK(ask(core::kMaxDiscoveries) == kPeerId);
  CHECK(ask(core::kMaxDiscoveries - 1) == kPeerId);
  CHECK(nrf.count(Kind::discover) == static_cast<int>(core::kMaxDiscoveries) + 1);
  CHECK(ask(0) == kPeerId);
  CHECK(nrf.count(Kind::discover) == static_cast<int>(core::kMaxDiscoveries) + 2);
}

TEST_CASE_METHOD(DiscoveryFixture, "Priority comes first, then each in proportion to its capacity", "[core][nrf]") {
  std::uint64_t state = 1;
  settings.random = [&state] {  // splitmix64
    std::uint64_t z = (state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  };
  json peer = foreign_profile(kPeerId, "AUSF", "nausf-auth", 7777);
  peer["priority"] = 1;
  peer["capacity"] = 300;
  nrf.publish(peer);
  open();
  SECTION("another priority") {
    nrf.publish(other_profile(2, 65535));
    for (int i = 0; i < 20; ++i) CHECK(discover() == kPeerId + " " + kOtherId);
  }
  SECTION("the same priority, a third of the capacity") {
    nrf.publish(other_profile(1, 100));
    int first = 0;
    for (int i = 0; i < 400; ++i) first += discover().starts_with(kPeerId) ? 1 : 0;
    CHECK(first > 260);  // 300 expected; the sequence is always the same
    CHECK(first < 340);
  }
  SECTION("no capacity at all") {
    nrf.publish(other_profile(1, 0));
    for (int i = 0; i < 20; ++i) CHECK(discover() == kPeerId + " " + kOtherId);
  }
}
