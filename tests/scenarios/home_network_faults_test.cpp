// The AUSF and the UDM of the home network at fault: what is relayed to them, and the UDM that is told of authentications. A relayed answer is
// the peer's as it came, or 504 if it is none; a success of which the UDM does not know is none yet; and everybody else is served.
#include "lib/aka/authentication_vector.hpp"
#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/scenarios/faulty_answers.hpp"
#include "tests/scenarios/routing_lab.hpp"

using namespace test;
using Fault = FakeFunction::Fault;
using std::chrono::milliseconds;

namespace {

struct Ask {
  const char* method;
  std::string target;
  std::string body;
};

/// nf-ausf-ext in front of a home network that is one function, AUSF and UDM in one, which answers what the test says.
struct FaultyHome : RoutingLab {
  void start(milliseconds timeout) {
    auto config = routed_ausf_config({{pool(), home(peers_at({peer.root()}, {peer.root()}))}, core::Refused{404, "USER_NOT_FOUND"}});
    config.common.client_timeout = timeout;
    start_ausf_ext(std::move(config));
    const Answer challenge = authenticate(ausf_port, kTheirs);
    REQUIRE(challenge.status == 201);
    followed_up = link(challenge);
  }
  [[nodiscard]] static sbi::Response challenge() {
    const std::string context = kContexts + "/1";
    const json body{{"authType", "5G_AKA"}, {"_links", {{"5g-aka", {{"href", context + "/5g-aka-confirmation"}}}}}};
    return sbi::Response(201, sbi::kHalJson, body.dump()).with("location", context);
  }
  /// What is answered to each request from now on.
  void answer_with(std::function<sbi::Response()> answer) {
    const std::lock_guard lock(mutex);
    answer_ = std::move(answer);
  }
  /// A new request of an AUSF, one that follows up, one with a body of a UDM and one without. At the peer itself the second is its own.
  [[nodiscard]] std::vector<Ask> asks(bool is_direct) const {
    const std::string confirmation = is_direct ? kContexts + "/1/5g-aka-confirmation" : followed_up;
    return {{"POST", kContexts, authentication_of(kTheirs)},
            {"PUT", confirmation, json{{"resStar", FakeAusf::kResStar}}.dump()},
            {"POST", "/nudm-ueau/v1/" + kTheirs + "/security-information/generate-auth-data",
             json{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01"}}.dump()},
            {"GET", "/nudm-sdm/v2/" + kTheirs + "/am-data", ""}};
  }
  /// Status, type and body of the answer; `broke off` if it had no end, or more of it than our client takes.
  std::string outcome(std::uint16_t port, const Ask& ask) {
    try {
      const Answer answer = caller.send_raw(port, ask.method, ask.target, ask.body, ask.body.empty() ? HeaderList() : with_json({}));
      return std::to_string(answer.status) + " " + answer.content_type + " " + answer.header("location") + " " + answer.body;
    } catch (const sbi::ClientError&) {
      return "broke off";
    }
  }
  std::string verdict(const Ask& ask) {
    return caller.send_raw(ausf_port, ask.method, ask.target, ask.body, ask.body.empty() ? HeaderList() : with_json({})).verdict();
  }
  void check_serves() {
    CHECK(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
    CHECK(to_ausf("GET", "/nausfext-onboarding/v1/imsi-pools").status == 200);
  }

  std::string followed_up;
  std::mutex mutex;
  std::function<sbi::Response()> answer_ = &FaultyHome::challenge;
  FakeFunction peer{[this](const sbi::Request&) {
    const std::lock_guard lock(mutex);
    return answer_();
  }};
  FakeFunction elsewhere{[](const sbi::Request&) { return sbi::Response(204); }};
};

}  // namespace

TEST_CASE_METHOD(FaultyHome, "A relayed answer is the peer's as it came, whatever it is, or 504 if it is none", "[routing][faults]") {
  start(milliseconds(5000));
  for (const FaultyAnswer& fault : faulty_answers({200, 403, 500}, elsewhere.uri() + "/elsewhere")) {
    answer_with(fault.answer);
    const auto direct = asks(true);
    const auto relayed = asks(false);
    for (std::size_t i = 0; i < direct.size(); ++i) {
      CAPTURE(fault.name, direct[i].method, direct[i].target);
      const std::size_t given = EndlessBody::given_in_all;
      const std::string wanted = outcome(peer.port(), direct[i]);
      const std::string seen = outcome(ausf_port, relayed[i]);
      CAPTURE(wanted.substr(0, 200), seen.substr(0, 200));
      const bool is_refused = seen.starts_with("504 application/problem+json");  // broken off, or the connection ended with the answer before
      CHECK((seen == wanted || (wanted == "broke off" && is_refused)));
      CHECK(EndlessBody::given_in_all - given < 2 * kMostOfEndless);  // of two such answers
    }
    check_serves();
  }
  answer_with(&FaultyHome::challenge);
  CHECK(authenticate(ausf_port, kTheirs).status == 201);
  CHECK(elsewhere.times_asked() == 0);
}

TEST_CASE_METHOD(FaultyHome, "A home network that says nothing is 504 in its time", "[routing][faults]") {
  start(milliseconds(500));
  peer.set_fault(Fault::hang);
  for (const Ask& ask : asks(false)) {
    CAPTURE(ask.method, ask.target);
    CHECK(verdict(ask) == "504 TARGET_NF_NOT_REACHABLE");
    check_serves();
  }
  peer.release();
  CHECK(authenticate(ausf_port, kTheirs).status == 201);
}

TEST_CASE_METHOD(FaultyHome, "An answer with links that comes an octet at a time is 504 when its time is over", "[routing][faults]") {
  start(milliseconds(500));
  answer_with([] { return streamed(200, std::make_shared<DrippingBody>()); });
  CHECK(verdict(asks(false)[0]) == "504 NETWORK_FAILURE");
  CHECK(verdict(asks(false)[1]) == "504 NETWORK_FAILURE");
  check_serves();
  answer_with(&FaultyHome::challenge);
  CHECK(authenticate(ausf_port, kTheirs).status == 201);
}

namespace {

/// A UDM that is told of each authentication, and a UE that attaches. The UDM answers what the test says.
struct ToldUdm : Lab {
  void start(ausf_ext::Method method, milliseconds timeout = milliseconds(5000)) {
    auto config = ausf_ext_config();
    config.common.client_timeout = timeout;
    config.authentication.method = method;
    config.authentication.auth_event_udms = {udm.root()};
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
    const SecureElement element = make_device(kDimsi);
    (void)to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + kDimsi, offer(element));
    imsi = wait_for_state(kDimsi, "PRELOADED")["imsi"];
    keys.emplace(profile::derive_subscriber_keys(*element.ephemeral_key, *profile::DiscoveryImsi::from_digits(kDimsi),
                                                 *profile::Imsi::from_digits(imsi)));
  }
  void answer_with(std::function<sbi::Response()> answer) {
    const std::lock_guard lock(mutex);
    answer_ = std::move(answer);
  }
  void be_sound() {
    answer_with([] { return sbi::Response(204); });
  }
  Answer authenticate() {
    return to_ausf("POST", kContexts, {{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}});
  }
  static std::string link(const Answer& challenge, const std::string& name) {
    return sbi::Uri::parse(challenge.content()["_links"][name]["href"].get<std::string>()).path;
  }
  std::string res_star_of(const Answer& challenge) {
    const json vector = challenge.content()["5gAuthData"];
    const auto octets = [&](const char* name) { return base::from_hex_exactly<16>(vector[name].get<std::string>()).value(); };
    const auto answer = aka::usim_authenticate(*keys, octets("rand"), octets("autn"), sequence, kServingNetwork);
    return base::to_hex(std::get<aka::Authenticated>(answer).res_star.reveal());
  }

  std::string imsi;
  std::optional<profile::SubscriberKeys> keys;
  aka::UsimSequence sequence;
  std::mutex mutex;
  std::function<sbi::Response()> answer_ = [] { return sbi::Response(204); };
  FakeFunction udm{[this](const sbi::Request&) {
    const std::lock_guard lock(mutex);
    return answer_();
  }};
  FakeFunction elsewhere{[](const sbi::Request&) { return sbi::Response(204); }};
};

const std::string kFailure = "AUTHENTICATION_FAILURE";

}  // namespace

TEST_CASE_METHOD(ToldUdm, "A UDM that does not take a success makes it 504, and the AMF may ask again; failures and removals need no UDM",
                 "[ausf-ext][nausf-auth][udm][faults]") {
  start(ausf_ext::Method::aka_5g);
  for (const FaultyAnswer& fault : faulty_answers({200, 403, 500}, elsewhere.uri() + "/elsewhere")) {
    const std::string name = fault.name;
    const bool is_taken = fault.answer().status == 200 && name != "no end" && name != "it breaks off";  // of a whole answer the status alone counts
    CAPTURE(name, fault.answer().status);
    const std::size_t given = EndlessBody::given_in_all;
    answer_with(fault.answer);
    const Answer challenge = authenticate();
    REQUIRE(challenge.status == 201);
    const std::string path = link(challenge, "5g-aka");
    const json right{{"resStar", res_star_of(challenge)}};
    const Answer first = to_ausf("PUT", path, right);
    CHECK(first.verdict() == (is_taken ? "200" : "504 TARGET_NF_NOT_REACHABLE"));
    CHECK((first.body.find("kseaf") != std::string::npos) == is_taken);
    CHECK(to_ausf("PUT", link(authenticate(), "5g-aka"), {{"resStar", nullptr}}).content()["authResult"] == kFailure);
    CHECK(to_ausf("DELETE", link(authenticate(), "5g-aka")).status == 204);
    CHECK(EndlessBody::given_in_all - given < 3 * kMostOfEndless);  // of three such answers
    be_sound();
    CHECK(to_ausf("PUT", path, right).content()["authResult"] == kSuccess);
  }
  CHECK(elsewhere.times_asked() == 0);
}

TEST_CASE_METHOD(ToldUdm, "A UDM that says nothing makes a success 504 in its time", "[ausf-ext][nausf-auth][udm][faults]") {
  start(ausf_ext::Method::aka_5g, milliseconds(500));
  const Answer challenge = authenticate();
  const std::string path = link(challenge, "5g-aka");
  const json right{{"resStar", res_star_of(challenge)}};
  udm.set_fault(Fault::hang);
  CHECK(to_ausf("PUT", path, right).verdict() == "504 TARGET_NF_NOT_REACHABLE");
  CHECK(to_ausf("PUT", link(authenticate(), "5g-aka"), {{"resStar", nullptr}}).content()["authResult"] == kFailure);
  CHECK(to_ausf("DELETE", link(authenticate(), "5g-aka")).status == 204);
  CHECK(to_ausf("GET", "/nausfext-onboarding/v1/imsi-pools").status == 200);
  udm.release();
  CHECK(to_ausf("PUT", path, right).content()["authResult"] == kSuccess);
}

TEST_CASE_METHOD(ToldUdm, "With EAP a success that the UDM does not take ends the session, and another one succeeds", "[ausf-ext][nausf-auth][eap][udm][faults]") {
  start(ausf_ext::Method::eap_aka_prime);
  const auto respond = [this](const Answer& challenge) {
    aka::EapAkaPrimePeer peer(imsi, kServingNetwork, false);
    const auto request = base::from_base64(challenge.content()["5gAuthData"].get<std::string>()).value();
    const auto response = peer.respond(request, *keys, sequence);
    REQUIRE(response);
    return to_ausf("POST", link(challenge, "eap-session"), {{"eapPayload", base::to_base64(*response)}});
  };
  answer_with([] { return sbi::Response(500, sbi::kProblemJson, "null"); });
  const Answer challenge = authenticate();
  const Answer refused = respond(challenge);
  CHECK(refused.verdict() == "504 TARGET_NF_NOT_REACHABLE");
  CHECK(refused.body.find("kSeaf") == std::string::npos);
  be_sound();
  CHECK(to_ausf("POST", link(challenge, "eap-session"), {{"eapPayload", "AgEACDIBAAA="}}).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(respond(authenticate()).content()["authResult"] == kSuccess);
}
