// An NRF that answers what it should not, to whatever it is asked: registration and subscription are kept up, a discovery or a token that was
// not given is a clear refusal and asked for again, and what needs no NRF is served meanwhile.
#include "tests/scenarios/faulty_answers.hpp"
#include "tests/scenarios/routing_lab.hpp"
#include "tests/support/fake_nrf.hpp"

using namespace test;
using Kind = FakeNrf::Kind;
using std::chrono::milliseconds;

namespace {

/// nf-ausf-ext as the AUSF of 001/01, whose subscribers but for its own are at whom the NRF names.
struct NrfFaultsLab : RoutingLab {
  NrfFaultsLab() : nrf_key(make_party(wanted_leaf("NRF", crypto::KeyUsage::digital_signature)).key) {
    FakeNrf::Options options;
    options.token_key = nrf_key;
    options.second = milliseconds(100);
    nrf = std::make_unique<FakeNrf>(options);
    publish_theirs();
  }
  ~NrfFaultsLab() { ausf.reset(); }  // while the NRF still takes its leave
  [[nodiscard]] ausf_ext::Config config() {
    auto config = routed_ausf_config({{pool(), home(core::ServedByDiscovery())}, core::Refused{404, "USER_NOT_FOUND"}});
    core::NrfSettings& settings = config.common.nrf;
    settings.uris = {nrf->parsed_uri()};
    settings.timeout = milliseconds(300);
    settings.first_pause = milliseconds(5);
    settings.longest_pause = milliseconds(20);
    settings.second = milliseconds(20);
    settings.heartbeat_s = 2;
    settings.subscription_s = 2;
    service::Registration as_ausf;
    as_ausf.id = kOwnId;
    as_ausf.instance.nf_type = "AUSF";
    as_ausf.instance.host = "127.0.0.1";
    as_ausf.instance.services = core::services_of_nf_type("AUSF");
    as_ausf.instance.plmns = {plmn_of("001", "01")};
    config.common.http2.front().registration = as_ausf;
    return config;
  }
  void publish_theirs() { nrf->publish(foreign_profile("10000000-0000-4000-8000-000000000001", "AUSF", "nausf-auth", old_ausf->port())); }
  /// Of what a farewell that was not heard left there.
  void forget_ours() {
    nrf->forget();
    publish_theirs();
  }
  /// Registered, and subscribed, which a first discovery brings about.
  void start_known() { start_known(config()); }
  void start_known(ausf_ext::Config wanted) {
    start_ausf_ext(std::move(wanted));
    REQUIRE(FakeNrf::eventually([this] { return authenticate(ausf_port, kTheirs).status == 201; }));
    REQUIRE(FakeNrf::eventually([this] { return is_known(); }));
  }
  bool is_known() { return nrf->profile(kOwnId) && !nrf->subscriptions().empty(); }
  /// Those of every peer, and one that comes an octet at a time.
  [[nodiscard]] std::vector<FaultyAnswer> nrf_faults(std::initializer_list<int> statuses) const {
    auto out = faulty_answers(statuses, elsewhere.uri());
    out.push_back(dripping_answer(200));
    return out;
  }
  /// What needs no NRF.
  void check_serves() {
    CHECK(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
    CHECK(to_ausf("GET", "/nausfext-onboarding/v1/imsi-pools").status == 200);
  }

  std::shared_ptr<const crypto::PrivateKey> nrf_key;
  std::unique_ptr<FakeNrf> nrf;
  FakeFunction elsewhere{[](const sbi::Request&) { return sbi::Response(200); }};
};

}  // namespace

TEST_CASE_METHOD(NrfFaultsLab, "Whatever an NRF answers, registration and subscription are kept up", "[core][nrf][faults]") {
  start_known();
  const Kind kind = GENERATE(Kind::enrol, Kind::heartbeat, Kind::subscribe, Kind::renew);
  const std::size_t given = EndlessBody::given_in_all;
  for (const FaultyAnswer& fault : nrf_faults({200, 201, 403, 500})) {
    CAPTURE(fault.name, static_cast<int>(kind));
    const int before = nrf->count(kind);
    nrf->answer_next(kind, fault.answer());
    nrf->forget();  // so that it is registered at, and subscribed at, anew
    REQUIRE(FakeNrf::eventually([&] { return nrf->count(kind) >= before + 2; }));
    CHECK(FakeNrf::eventually([this] { return is_known(); }));
    check_serves();
  }
  CHECK(EndlessBody::given_in_all - given < 4 * kMostOfEndless);  // of four such answers
  CHECK(elsewhere.times_asked() == 0);
}

TEST_CASE_METHOD(NrfFaultsLab, "An NRF that says nothing is asked again, and nothing else waits for it", "[core][nrf][faults]") {
  start_known();
  const Kind kind = GENERATE(Kind::enrol, Kind::heartbeat, Kind::subscribe, Kind::renew);
  CAPTURE(static_cast<int>(kind));
  const int before = nrf->count(kind);
  nrf->hang(kind);
  nrf->forget();
  REQUIRE(FakeNrf::eventually([&] { return nrf->count(kind) >= before + 2; }));
  check_serves();
  nrf->release(kind);
  nrf->forget();
  CHECK(FakeNrf::eventually([this] { return is_known(); }));
}

TEST_CASE_METHOD(NrfFaultsLab, "Whatever an NRF answers to a farewell, the function ends, and is registered anew when it is back",
                 "[core][nrf][faults]") {
  const std::size_t given = EndlessBody::given_in_all;
  for (const FaultyAnswer& fault : nrf_faults({200, 403, 500})) {
    CAPTURE(fault.name);
    auto patient = config();
    patient.common.nrf.drain_time = std::chrono::hours(1);  // so that it is the answer, or the time of one, that ends the farewell
    start_known(patient);
    const int left = nrf->count(Kind::leave);
    const int unsubscribed = nrf->count(Kind::unsubscribe);
    for (const Kind kind : {Kind::leave, Kind::unsubscribe}) nrf->answer_next(kind, fault.answer());
    ausf.reset();
    CHECK(nrf->count(Kind::leave) == left + 1);
    CHECK(nrf->count(Kind::unsubscribe) == unsubscribed + 1);
    forget_ours();
  }
  CHECK(EndlessBody::given_in_all - given < 6 * kMostOfEndless);  // of three such answers to each of the two
  CHECK(elsewhere.times_asked() == 0);
  start_known();
}

TEST_CASE_METHOD(NrfFaultsLab, "An NRF that says nothing to a farewell holds up the function's end no longer than it may", "[core][nrf][faults]") {
  const Kind kind = GENERATE(Kind::leave, Kind::unsubscribe);
  const bool is_drained = GENERATE(true, false);  // or the answer's time is over
  CAPTURE(static_cast<int>(kind), is_drained);
  auto impatient = config();
  impatient.common.nrf.timeout = is_drained ? milliseconds(std::chrono::hours(1)) : milliseconds(300);
  impatient.common.nrf.drain_time = is_drained ? milliseconds(2000) : milliseconds(std::chrono::hours(1));
  start_known(impatient);
  nrf->hang(kind);
  ausf.reset();
  CHECK(nrf->count(kind) == 1);
  nrf->release(kind);
  forget_ours();
  start_known();
}

TEST_CASE_METHOD(NrfFaultsLab, "A discovery that an NRF answers as it should not is 504 for that subscriber, until it is sound", "[core][nrf][routing][faults]") {
  start_ausf_ext(config());
  const std::size_t given = EndlessBody::given_in_all;
  for (const FaultyAnswer& fault : nrf_faults({200, 403, 500})) {
    ausf.reset();  // with what it has found before
    start_ausf_ext(config());
    CAPTURE(fault.name);
    nrf->answer_next(Kind::discover, fault.answer());
    const Answer refused = authenticate(ausf_port, kTheirs);
    CHECK(refused.content_type == "application/problem+json");
    CHECK((refused.verdict() == "504 NF_DISCOVERY_FAILURE" || refused.verdict() == "504 NRF_NOT_REACHABLE"));
    check_serves();
    CHECK(FakeNrf::eventually([this] { return authenticate(ausf_port, kTheirs).status == 201; }));
  }
  CHECK(EndlessBody::given_in_all - given < 3 * kMostOfEndless);  // of three such answers
  CHECK(elsewhere.times_asked() == 0);
}

TEST_CASE_METHOD(NrfFaultsLab, "A discovery that an NRF does not answer is 504 in its time", "[core][nrf][routing][faults]") {
  start_ausf_ext(config());
  nrf->hang(Kind::discover);
  CHECK(authenticate(ausf_port, kTheirs).verdict() == "504 NRF_NOT_REACHABLE");
  check_serves();
  nrf->release(Kind::discover);
  CHECK(FakeNrf::eventually([this] { return authenticate(ausf_port, kTheirs).status == 201; }));
}

TEST_CASE_METHOD(NrfFaultsLab, "A token that an NRF gives as it should not is none: the device waits, and goes on with the next one", "[oauth2][nrf][faults]") {
  start_arpf();
  start_d_ausf();
  auto sending = config();
  sending.common.sends_tokens = true;
  sending.offer_wait = milliseconds(0);
  sending.notification_uri.reset();
  const std::size_t given = EndlessBody::given_in_all;
  const SecureElement device = make_device(kDimsi);
  const std::string path = "/nausfext-onboarding/v1/devices/" + kDimsi;
  const auto faults = [&] {
    auto out = nrf_faults({200, 400});
    const char* const no_jws = R"({"access_token":"x\r\ny","token_type":"Bearer","expires_in":60})";
    out.push_back({"a token that is none", [no_jws] { return sbi::Response(200, sbi::kJson, no_jws); }});
    out.push_back({"another failure", [] { return sbi::Response(503, sbi::kProblemJson, "null"); }});
    return out;
  }();
  const std::size_t chosen = static_cast<std::size_t>(GENERATE_COPY(range(0, static_cast<int>(faults.size()) + 1)));
  const bool hangs = chosen == faults.size();
  CAPTURE(hangs ? "no answer" : faults[chosen].name);
  if (hangs) {
    nrf->hang(Kind::token);
  } else {
    nrf->answer_next(Kind::token, faults[chosen].answer());
  }
  start_ausf_ext(std::move(sending));
  CHECK(to_ausf("PUT", path, offer(device)).status == 202);
  const json seen = wait_for(kDimsi, [](const json& one) { return one.contains("problem"); });
  REQUIRE(seen.contains("problem"));
  CHECK(seen["state"] == "OFFERED");
  CHECK(seen["problem"]["cause"] == "TARGET_NF_NOT_REACHABLE");
  check_serves();
  CHECK(elsewhere.times_asked() == 0);
  CHECK(EndlessBody::given_in_all - given < kMostOfEndless);
  if (hangs) nrf->release(Kind::token);
  CHECK(wait_for_state(kDimsi, "PRELOADED")["state"] == "PRELOADED");
}
