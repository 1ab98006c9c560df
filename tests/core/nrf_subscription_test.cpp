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

/// Registered, and subscribed to AUSFs, of which the NRF knows another one.
struct SubscribedFixture : NrfFixture {
  SubscribedFixture() { nrf.publish(foreign_profile(kPeerId, "AUSF", "nausf-auth", 7777)); }
  void subscribe() {
    start();
    REQUIRE(discover() == kPeerId);
    REQUIRE(FakeNrf::eventually([&] { return nrf.subscriptions().size() == 1; }));
  }
  std::string cause_of(const sbi::Response& answer) { return json::parse(answer.body, nullptr, false).value("cause", ""); }
};

std::string notification(const std::string& event, const std::string& id = kPeerId) {
  return json{{"event", event}, {"nfInstanceUri", "http://nrf/nnrf-nfm/v1/nf-instances/" + id}}.dump();
}

}  // namespace

TEST_CASE_METHOD(SubscribedFixture, "What is discovered is subscribed to, once a type", "[core][nrf]") {
  subscribe();
  auto other = query();
  other.target_plmn = profile::Plmn{"001", "01"};
  CHECK(discover(other) == kPeerId);
  CHECK(discover(query("UDM", "nudm-ueau")).empty());
  REQUIRE(FakeNrf::eventually([&] { return nrf.subscriptions().size() == 2; }));
  const json subscription = nrf.subscriptions()[0];
  CHECK(subscription["reqNfType"] == "AUSF");
  CHECK(subscription["reqNfInstanceId"] == kOwnId);
  CHECK(subscription["subscrCond"] == json{{"nfType", "AUSF"}});
  CHECK(nrf.subscriptions()[1]["subscrCond"] == json{{"nfType", "UDM"}});
  CHECK_THAT(notification_uri(), Catch::StartsWith("http://127.0.0.1:" + std::to_string(port) + "/nf-status-notify/v1/"));
  CHECK(nrf.subscriptions()[1]["nfStatusNotificationUri"].get<std::string>() != notification_uri());
  stop();
  CHECK(nrf.subscriptions().empty());
}

TEST_CASE_METHOD(SubscribedFixture, "Without a place for notifications there is no subscription", "[core][nrf]") {
  start(false);
  CHECK(discover() == kPeerId);
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::heartbeat) > 1; }));
  CHECK(nrf.count(Kind::subscribe) == 0);
}

TEST_CASE_METHOD(SubscribedFixture, "An instance that comes, changes or goes is seen at once", "[core][nrf]") {
  subscribe();
  json other = foreign_profile(kOtherId, "AUSF", "nausf-auth", 7778);
  other["priority"] = 0;
  nrf.publish(other);
  REQUIRE(FakeNrf::eventually([&] { return discover() == kOtherId + " " + kPeerId; }));
  other["nfServices"][0]["ipEndPoints"][0]["port"] = 7779;
  nrf.publish(other);
  REQUIRE(FakeNrf::eventually([&] { return loop.await(own->discover(query())).at(0).api_roots[0].port == "7779"; }));
  const int before = nrf.count(Kind::discover);
  nrf.withdraw(kOtherId);
  REQUIRE(FakeNrf::eventually([&] { return discover() == kPeerId; }));
  CHECK(nrf.count(Kind::discover) == before);
  nrf.withdraw(kPeerId);
  REQUIRE(FakeNrf::eventually([&] { return discover().empty(); }));
  for (const int answer : nrf.notification_answers()) CHECK(answer == 204);
}

TEST_CASE_METHOD(SubscribedFixture, "A notification that is none is refused by name, and the next one taken", "[core][nrf]") {
  subscribe();
  const std::string uri = notification_uri();
  const auto [body, cause, param] = GENERATE(table<std::string, std::string, std::string>({
      {"", "INVALID_MSG_FORMAT", ""},
      {"garbage", "INVALID_MSG_FORMAT", ""},
      {"{}", "MANDATORY_IE_MISSING", "/event"},
      {R"({"event":"NF_REGISTERED"})", "MANDATORY_IE_MISSING", "/nfInstanceUri"},
      {R"({"event":5,"nfInstanceUri":"http://nrf/a"})", "MANDATORY_IE_INCORRECT", "/event"},
      {R"({"event":"NF_REGISTERED","nfInstanceUri":{}})", "MANDATORY_IE_INCORRECT", "/nfInstanceUri"},
      {R"({"event":"NF_REGISTERED","nfInstanceUri":"http://nrf/"})", "MANDATORY_IE_INCORRECT", "/nfInstanceUri"},
      {R"({"event":"NF_REGISTERED","nfInstanceUri":"http://nrf/a","nfProfile":[]})", "OPTIONAL_IE_INCORRECT", "/nfProfile"},
  }));
  CAPTURE(body);
  const auto answer = nrf.notify(uri, body);
  CHECK(answer.status == 400);
  CHECK(cause_of(answer) == cause);
  const json problem = json::parse(answer.body);
  CHECK(problem.value("/invalidParams/0/param"_json_pointer, "") == param);
  if (const auto* schema = test::shared_schema("TS29571_CommonData.ProblemDetails")) CHECK(schema->fault_of(problem).empty());
  CHECK(nrf.notify(uri, notification("NF_PROFILE_CHANGED")).status == 204);
  CHECK(nrf.notify(uri, notification("AN_EVENT_OF_A_LATER_RELEASE")).status == 204);
  CHECK(discover() == kPeerId);
}

TEST_CASE_METHOD(SubscribedFixture, "A notification for a subscription that is none of ours changes nothing", "[core][nrf]") {
  subscribe();
  std::string uri = notification_uri();
  uri.back() = uri.back() == '0' ? '1' : '0';
  const auto answer = nrf.notify(uri, notification("NF_DEREGISTERED"));
  CHECK(answer.status == 404);
  CHECK(cause_of(answer) == "SUBSCRIPTION_NOT_FOUND");
  CHECK(discover() == kPeerId);
  CHECK(nrf.count(Kind::discover) == 1);
  CHECK(nrf.notify(notification_uri(), notification("NF_DEREGISTERED")).status == 204);
  CHECK(discover() == kPeerId);  // asked again: nothing was left
  CHECK(nrf.count(Kind::discover) == 2);
}

TEST_CASE_METHOD(SubscribedFixture, "What changes while the NRF is being asked makes its answer old", "[core][nrf]") {
  subscribe();
  pass_seconds(30);
  nrf.hang(Kind::discover);
  auto asking = loop.start(own->discover(query()));
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::discover) == 2; }));
  CHECK(nrf.notify(notification_uri(), notification("NF_REGISTERED", kOtherId)).status == 204);
  nrf.release(Kind::discover);
  CHECK(ids(asking) == kPeerId);
  CHECK(discover() == kPeerId);
  CHECK(nrf.count(Kind::discover) == 3);
}

TEST_CASE_METHOD(SubscribedFixture, "A subscription is renewed before it ends", "[core][nrf]") {
  settings.subscription_s = 5;
  subscribe();
  CHECK(FakeNrf::eventually([&] { return nrf.count(Kind::renew) >= 3; }));
  CHECK(nrf.count(Kind::subscribe) == 1);
  const auto renewal = nrf.requests(Kind::renew).at(0);
  CHECK(renewal.headers.find("content-type") == std::optional<std::string_view>("application/json-patch+json"));
}

TEST_CASE_METHOD(SubscribedFixture, "A subscription that the NRF forgot is made again", "[core][nrf]") {
  const bool by_heartbeat = GENERATE(true, false);
  settings.subscription_s = by_heartbeat ? 3600 : 5;  // renewed too late to be found out by that
  subscribe();
  nrf.go_away();
  nrf.forget();
  nrf.come_back();
  REQUIRE(FakeNrf::eventually([&] { return nrf.subscriptions().size() == 1; }));
  nrf.publish(foreign_profile(kOtherId, "AUSF", "nausf-auth", 7778));
  CHECK(FakeNrf::eventually([&] { return discover() == kOtherId; }));
}

TEST_CASE_METHOD(SubscribedFixture, "Whatever the NRF answers, the subscription is kept up", "[core][nrf]") {
  settings.subscription_s = 5;
  const auto [kind, status, body] = GENERATE(table<Kind, int, std::string>({
      {Kind::subscribe, 400, ""},
      {Kind::subscribe, 403, "garbage"},
      {Kind::subscribe, 500, ""},
      {Kind::subscribe, 201, ""},
      {Kind::subscribe, 201, "garbage"},
      {Kind::subscribe, 201, "[]"},
      {Kind::subscribe, 201, R"({"subscriptionId":7,"validityTime":7})"},
      {Kind::subscribe, 201, R"({"subscriptionId":"unheard-of","validityTime":"tomorrow"})"},
      {Kind::subscribe, 201, R"({"subscriptionId":"a/b?c","validityTime":"1970-01-01T00:00:00Z"})"},
      {Kind::renew, 404, ""},
      {Kind::renew, 400, "garbage"},
      {Kind::renew, 500, ""},
      {Kind::renew, 200, "garbage"},
      {Kind::renew, 204, ""},
      {Kind::renew, 200, R"({"validityTime":"1970-01-01T00:00:00Z"})"},
  }));
  CAPTURE(status, body);
  nrf.answer_next(kind, json_answer(status, body));
  start();
  REQUIRE(discover() == kPeerId);
  REQUIRE(FakeNrf::eventually([&] { return !nrf.subscriptions().empty(); }));
  const int before = nrf.count(Kind::renew);
  CHECK(FakeNrf::eventually([&] { return nrf.count(Kind::renew) > before + 1; }));
}

TEST_CASE_METHOD(SubscribedFixture, "A subscription without an end in sight is looked after all the same", "[core][nrf]") {
  FakeNrf::Options options;
  options.subscription_end = "9999-12-31T23:59:59Z";
  FakeNrf generous(options);
  settings.uris = {generous.parsed_uri()};
  settings.second = 0ms;  // a day of the NRF's takes no time
  settings.heartbeat_s = 10;
  start();
  CHECK(discover().empty());
  CHECK(FakeNrf::eventually([&] { return generous.count(Kind::renew) >= 2; }));
}
