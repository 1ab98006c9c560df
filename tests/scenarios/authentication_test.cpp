// Steps (8) to (10) at nf-ausf-ext, as an AUSF and as a UDM: over HTTP, with the UE's own computations on the other side.
#include <catch2/catch.hpp>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "lib/aka/auts.hpp"
#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/aka/key_hierarchy.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/scenarios/lab.hpp"

using namespace test;

namespace {

const std::string kDimsi = "901700000000001";
const std::string kOtherNetwork = "5G:mnc002.mcc001.3gppnetwork.org";
const std::string kContexts = "/nausf-auth/v1/ue-authentications";
const std::string kAusf = "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01";

template <std::size_t N>
std::array<std::uint8_t, N> octets(const json& text) {
  return base::from_hex_exactly<N>(text.get<std::string>()).value();
}

/// The UE with the IMSI that it took: USIM and ME.
struct Ue {
  Ue(const SecureElement& element, std::string digits)
      : imsi(std::move(digits)),
        keys(profile::derive_subscriber_keys(*element.ephemeral_key, *profile::DiscoveryImsi::from_digits(element.dimsi),
                                             *profile::Imsi::from_digits(imsi))) {}

  [[nodiscard]] std::string supi() const { return "imsi-" + imsi; }
  [[nodiscard]] std::string suci() const { return "suci-0-001-01-0-0-0-" + imsi.substr(5); }
  aka::UsimAnswer answer(const json& vector, const std::string& network = kServingNetwork) {
    return aka::usim_authenticate(keys, octets<16>(vector["rand"]), octets<16>(vector["autn"]), sequence, network);
  }
  /// As after a long time elsewhere: the network's sequence numbers are old.
  void run_ahead(std::uint64_t seq) {
    aka::UsimSequence::Entries entries{};
    entries.fill(seq);
    sequence = aka::UsimSequence(entries);
  }

  std::string imsi;
  profile::SubscriberKeys keys;
  aka::UsimSequence sequence;
};

struct AuthenticationFixture : Lab {
  /// Starts everything, and takes a device to PRELOADED.
  Ue start(ausf_ext::AuthenticationConfig config = {}) {
    auto whole = ausf_ext_config();
    whole.authentication = std::move(config);
    start_arpf();
    start_d_ausf();
    start_ausf_ext(whole);
    const SecureElement element = make_device(kDimsi);
    const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + kDimsi, offer(element));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    return {element, offered.content()["imsi"]};
  }
  static ausf_ext::AuthenticationConfig eap() {
    ausf_ext::AuthenticationConfig config;
    config.method = ausf_ext::Method::eap_aka_prime;
    return config;
  }

  Answer authenticate(const std::string& identity, const json& more = json::object(), const std::string& network = kServingNetwork) {
    json body{{"supiOrSuci", identity}, {"servingNetworkName", network}};
    body.update(more);
    return to_ausf("POST", kContexts, body);
  }
  static std::string path_of(const std::string& uri) { return sbi::Uri::parse(uri).path; }
  static std::string link(const Answer& challenge, const std::string& name) {
    return path_of(challenge.content()["_links"][name]["href"].get<std::string>());
  }
  Answer confirm(const Answer& challenge, const aka::ResStar& res_star) {
    return to_ausf("PUT", link(challenge, "5g-aka"), {{"resStar", base::to_hex(res_star.reveal())}});
  }
  static json resynchronization(const json& vector, const aka::UsimAnswer& answer) {
    const auto& failure = std::get<aka::SynchronisationFailure>(answer);
    return {{"resynchronizationInfo", {{"rand", vector["rand"]}, {"auts", base::to_hex(failure.auts)}}}};
  }

  /// EAP until the network has said its last word; the answers in order.
  std::vector<Answer> run_eap(Ue& ue, aka::EapAkaPrimePeer& peer, const Answer& challenge) {
    std::vector<Answer> answers;
    const std::string path = link(challenge, "eap-session");
    std::string payload = challenge.content()["5gAuthData"];
    for (int round = 0; round < 10; ++round) {
      const auto response = peer.respond(base::from_base64(payload).value(), ue.keys, ue.sequence);
      REQUIRE(response);
      answers.push_back(to_ausf("POST", path, {{"eapPayload", base::to_base64(*response)}}));
      REQUIRE(answers.back().status == 200);
      payload = answers.back().content()["eapPayload"];
      if (answers.back().content()["authResult"] != "AUTHENTICATION_ONGOING") break;
    }
    (void)peer.respond(base::from_base64(payload).value(), ue.keys, ue.sequence);  // EAP-Success or EAP-Failure
    return answers;
  }
  aka::EapAkaPrimePeer peer_of(const Ue& ue, bool wants_indication = true) {
    return aka::EapAkaPrimePeer(ue.imsi, kServingNetwork, wants_indication);
  }
  std::string state() { return to_ausf("GET", "/nausfext-onboarding/v1/devices/" + kDimsi).content()["state"]; }

  Answer generate(const std::string& identity, const json& more = json::object()) {
    json body{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", kAusf}};
    body.update(more);
    return to_ausf("POST", "/nudm-ueau/v1/" + identity + "/security-information/generate-auth-data", body);
  }
  Answer generate_av(const Ue& ue, const std::string& in_uri, json body) {
    return to_ausf("POST", "/nudm-ueau/v1/" + ue.supi() + "/hss-security-information/" + in_uri + "/generate-av", std::move(body));
  }
  static json event(bool success, const std::string& network = kServingNetwork) {
    return {{"nfInstanceId", kAusf},
            {"success", success},
            {"timeStamp", "2026-11-23T21:59:41.634605+00:00"},
            {"authType", "5G_AKA"},
            {"servingNetworkName", network}};
  }
};

}  // namespace

TEST_CASE_METHOD(AuthenticationFixture, "KSEAF comes after success only, and the SUPI only if a SUCI came", "[ausf-ext][nausf-auth]") {
  Ue ue = start();
  const bool by_suci = GENERATE(true, false);
  const Answer challenge = authenticate(by_suci ? ue.suci() : ue.supi());
  REQUIRE(challenge.status == 201);
  CHECK(challenge.content_type == "application/3gppHal+json");
  CHECK(challenge.content()["_links"]["5g-aka"]["href"] == challenge.header("location") + "/5g-aka-confirmation");
  CHECK(challenge.body.find("supi") == std::string::npos);
  CHECK(challenge.body.find(ue.imsi) == std::string::npos);
  auto answer = ue.answer(challenge.content()["5gAuthData"]);
  auto& done = std::get<aka::Authenticated>(answer);
  CHECK(aka::has_separation_bit(octets<16>(challenge.content()["5gAuthData"]["autn"])));
  const Answer confirmed = confirm(challenge, done.res_star);
  CHECK(confirmed.content()["authResult"] == "AUTHENTICATION_SUCCESS");
  CHECK(confirmed.content()["kseaf"] == base::to_hex(aka::derive_kseaf(done.kausf, kServingNetwork).reveal()));
  CHECK(confirmed.content().contains("supi") == by_suci);
  CHECK_FALSE(confirmed.content().contains("pvsInfo"));
  CHECK(confirm(challenge, done.res_star).body == confirmed.body);  // an answer that was lost can be had again
}

TEST_CASE_METHOD(AuthenticationFixture, "A null or wrong RES* is a failure without keys, and ends the context", "[ausf-ext][nausf-auth]") {
  Ue ue = start();
  const Answer challenge = authenticate(ue.suci());
  const json res_star = GENERATE(json(nullptr), json("00000000000000000000000000000000"));
  const Answer refused = to_ausf("PUT", link(challenge, "5g-aka"), {{"resStar", res_star}});
  CHECK(refused.status == 200);
  CHECK(refused.content() == json{{"authResult", "AUTHENTICATION_FAILURE"}});
  auto answer = ue.answer(challenge.content()["5gAuthData"]);
  CHECK(confirm(challenge, std::get<aka::Authenticated>(answer).res_star).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(state() == "PRELOADED");
}

TEST_CASE_METHOD(AuthenticationFixture, "A context is deleted once or often, and a forged one never was", "[ausf-ext][nausf-auth]") {
  Ue ue = start();
  const Answer challenge = authenticate(ue.suci());
  const std::string path = link(challenge, "5g-aka");
  CHECK(to_ausf("DELETE", path).status == 204);
  CHECK(to_ausf("PUT", path, {{"resStar", nullptr}}).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(to_ausf("DELETE", path).status == 204);  // as at a deregistration days later
  std::string forged = path;
  char& digit = forged[kContexts.size() + 5];
  digit = digit == '0' ? '1' : '0';
  CHECK(to_ausf("DELETE", forged).verdict() == "404 CONTEXT_NOT_FOUND");
  for (const std::string id : {"1", "deregister", "r-AAAA", "00000000000000000000000000000000"}) {
    CHECK(to_ausf("DELETE", kContexts + "/" + id + "/5g-aka-confirmation").verdict() == "404 CONTEXT_NOT_FOUND");
    CHECK(to_ausf("PUT", kContexts + "/" + id + "/5g-aka-confirmation", {{"resStar", nullptr}}).verdict() == "404 CONTEXT_NOT_FOUND");
    CHECK(to_ausf("POST", kContexts + "/" + id + "/eap-session", {{"eapPayload", "AgEABA=="}}).verdict() == "404 CONTEXT_NOT_FOUND");
  }
}

TEST_CASE_METHOD(AuthenticationFixture, "Deregistration is taken for a subscriber, and refused for others", "[ausf-ext][nausf-auth]") {
  const Ue ue = start();
  CHECK(to_ausf("POST", kContexts + "/deregister", {{"supi", ue.supi()}}).status == 204);
  CHECK(to_ausf("POST", kContexts + "/deregister", {{"supi", "imsi-001010009999999"}}).verdict() == "404 USER_NOT_FOUND");
  CHECK(to_ausf("POST", kContexts + "/deregister", {{"supi", ue.suci()}}).params() == std::vector<std::string>{"/supi"});
  CHECK(to_ausf("POST", kContexts + "/deregister", json::object()).verdict() == "400 MANDATORY_IE_MISSING");
}

TEST_CASE_METHOD(AuthenticationFixture, "A serving network that is not configured may not authenticate our subscribers", "[ausf-ext][nausf-auth]") {
  ausf_ext::AuthenticationConfig config;
  config.serving_networks = {kServingNetwork};
  const Ue ue = start(config);
  CHECK(authenticate(ue.suci()).status == 201);
  CHECK(authenticate(ue.suci(), json::object(), kOtherNetwork).verdict() == "403 SERVING_NETWORK_NOT_AUTHORIZED");
  CHECK(generate(ue.suci()).status == 200);
  CHECK(generate(ue.suci(), {{"servingNetworkName", kOtherNetwork}}).verdict() == "403 SERVING_NETWORK_NOT_AUTHORIZED");
}

TEST_CASE_METHOD(AuthenticationFixture, "pvsInfo comes when onboardingInd asks for it, or always if so configured", "[ausf-ext][nausf-auth]") {
  ausf_ext::AuthenticationConfig config;
  config.provisioning_servers = {{{"192.0.2.7"}, {}, {"rsmf.example"}}};
  config.tells_servers_always = GENERATE(false, true);
  Ue ue = start(config);
  const bool is_asked = GENERATE(false, true);
  const json more = is_asked ? json{{"onboardingInd", true}} : json::object();
  const Answer challenge = authenticate(ue.suci(), more);
  auto answer = ue.answer(challenge.content()["5gAuthData"]);
  const Answer confirmed = confirm(challenge, std::get<aka::Authenticated>(answer).res_star);
  const json expected = json::array({{{"ipv4Addresses", {"192.0.2.7"}}, {"fqdnList", {"rsmf.example"}}}});
  CHECK(confirmed.content().contains("pvsInfo") == (is_asked || config.tells_servers_always));
  if (confirmed.content().contains("pvsInfo")) CHECK(confirmed.content()["pvsInfo"] == expected);
  CHECK(generate(ue.supi()).content().contains("pvsInfo") == config.tells_servers_always);
}

TEST_CASE_METHOD(AuthenticationFixture, "5G AKA is resynchronised by the UE's own AUTS and by no other", "[ausf-ext][nausf-auth][sqn]") {
  Ue ue = start();
  const Answer first = authenticate(ue.suci());
  ue.run_ahead(5000);
  const json vector = first.content()["5gAuthData"];
  const auto out_of_step = ue.answer(vector);
  const json good = resynchronization(vector, out_of_step);

  json other_rand = good;
  other_rand["resynchronizationInfo"]["rand"] = std::string(32, '0');
  CHECK(authenticate(ue.suci(), other_rand).verdict() == "403 AUTHENTICATION_REJECTED");
  json other_auts = good;
  other_auts["resynchronizationInfo"]["auts"] = std::string(28, '0');
  CHECK(authenticate(ue.suci(), other_auts).verdict() == "403 AUTHENTICATION_REJECTED");
  const auto still_out = ue.answer(authenticate(ue.suci()).content()["5gAuthData"]);
  CHECK(std::holds_alternative<aka::SynchronisationFailure>(still_out));  // a wrong one changed nothing

  const Answer second = authenticate(ue.suci(), good);
  REQUIRE(second.status == 201);
  auto answer = ue.answer(second.content()["5gAuthData"]);
  REQUIRE(std::holds_alternative<aka::Authenticated>(answer));
  CHECK(confirm(second, std::get<aka::Authenticated>(answer).res_star).content()["authResult"] == "AUTHENTICATION_SUCCESS");
  // The same AUTS again, an old one now, does not set the network back.
  auto fresh = ue.answer(authenticate(ue.suci(), good).content()["5gAuthData"]);
  CHECK(std::holds_alternative<aka::Authenticated>(fresh));
}

TEST_CASE_METHOD(AuthenticationFixture, "EAP-AKA' authenticates, with result indications and without, and both ends have one KSEAF",
                 "[ausf-ext][nausf-auth][eap]") {
  auto config = eap();
  config.has_result_indications = GENERATE(false, true);
  config.provisioning_servers = {{{}, {}, {"rsmf.example"}}};
  Ue ue = start(config);
  const bool by_suci = GENERATE(true, false);
  const Answer challenge = authenticate(by_suci ? ue.suci() : ue.supi(), {{"onboardingInd", true}});
  REQUIRE(challenge.status == 201);
  CHECK(challenge.content()["authType"] == "EAP_AKA_PRIME");
  CHECK(challenge.content()["_links"]["eap-session"]["href"] == challenge.header("location") + "/eap-session");
  auto peer = peer_of(ue);
  const auto answers = run_eap(ue, peer, challenge);
  CHECK(answers.size() == (config.has_result_indications ? 2 : 1));
  const json last = answers.back().content();
  CHECK(last["authResult"] == "AUTHENTICATION_SUCCESS");
  CHECK(last["kSeaf"] == base::to_hex(aka::derive_kseaf(peer.take_kausf(), kServingNetwork).reveal()));
  CHECK(last.contains("supi") == by_suci);
  CHECK(last["pvsInfo"][0]["fqdnList"][0] == "rsmf.example");
  if (answers.size() == 2) {
    CHECK_FALSE(answers.front().content().contains("kSeaf"));
    CHECK(answers.front().content()["_links"]["eap-session"]["href"] == challenge.content()["_links"]["eap-session"]["href"]);
  }
  CHECK(wait_for_state(kDimsi, "ATTACHED")["state"] == "ATTACHED");
  // It is over: the same packet again is one of no authentication.
  CHECK(to_ausf("POST", link(challenge, "eap-session"), {{"eapPayload", "AgEABA=="}}).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(to_ausf("DELETE", link(challenge, "eap-session")).status == 204);
}

TEST_CASE_METHOD(AuthenticationFixture, "EAP-AKA' goes on after a synchronisation failure", "[ausf-ext][nausf-auth][eap][sqn]") {
  Ue ue = start(eap());
  ue.run_ahead(777);
  const Answer challenge = authenticate(ue.suci());
  auto peer = peer_of(ue);
  const auto answers = run_eap(ue, peer, challenge);
  CHECK(peer.was_out_of_step());
  CHECK(answers.size() == 2);
  CHECK(answers.back().content()["authResult"] == "AUTHENTICATION_SUCCESS");
  CHECK(answers.back().content()["kSeaf"] == base::to_hex(aka::derive_kseaf(peer.take_kausf(), kServingNetwork).reveal()));
}

TEST_CASE_METHOD(AuthenticationFixture, "An EAP packet that is no answer is 400, and the challenge stands; a wrong answer ends it",
                 "[ausf-ext][nausf-auth][eap]") {
  Ue ue = start(eap());
  const Answer challenge = authenticate(ue.suci());
  const std::string path = link(challenge, "eap-session");
  const std::string request = challenge.content()["5gAuthData"];
  const base::Bytes sent = base::from_base64(request).value();
  const std::uint8_t id = sent[1];
  const std::vector<base::Bytes> no_answers{
      {},                                                // nothing
      {2},                                               // cut
      {2, id, 0, 4},                                     // 4 octets: a header alone
      {2, id, 0, 5, 50},                                 // 5 octets: no subtype
      {2, id, 0, 8, 50, 1, 0, 0, 0},                     // longer than it says
      {2, id, 0, 12, 50, 1, 0, 0, 11, 2, 0, 0},          // an attribute longer than the packet
      {2, id, 0, 12, 50, 1, 0, 0, 11, 0, 0, 0},          // an attribute of length 0
      {2, static_cast<std::uint8_t>(id + 1), 0, 8, 50, 4, 0, 0},  // another identifier
      sent,                                              // our own request
  };
  for (const base::Bytes& packet : no_answers) {
    CAPTURE(base::to_hex(packet));
    const Answer refused = to_ausf("POST", path, {{"eapPayload", base::to_base64(packet)}});
    CHECK(refused.status == 400);
    CHECK(refused.params() == std::vector<std::string>{"/eapPayload"});
  }
  for (const json& payload : {json(nullptr), json(7), json("%%%"), json("")}) {
    CAPTURE(payload);
    CHECK(to_ausf("POST", path, {{"eapPayload", payload}}).params() == std::vector<std::string>{"/eapPayload"});
  }
  CHECK(to_ausf("POST", path, json::object()).verdict() == "400 MANDATORY_IE_MISSING");
  CHECK(to_ausf("PUT", kContexts + "/" + path.substr(kContexts.size() + 1, 64) + "/5g-aka-confirmation", {{"resStar", nullptr}}).verdict() ==
        "404 CONTEXT_NOT_FOUND");  // of another method

  auto peer = peer_of(ue);
  auto response = peer.respond(sent, ue.keys, ue.sequence).value();
  SECTION("the right answer is still taken") {
    const Answer done = to_ausf("POST", path, {{"eapPayload", base::to_base64(response)}});
    CHECK(done.content()["authResult"] == "AUTHENTICATION_SUCCESS");
  }
  SECTION("a wrong AT_MAC is EAP-Failure, without keys") {
    response.back() ^= 1U;
    const Answer failed = to_ausf("POST", path, {{"eapPayload", base::to_base64(response)}});
    CHECK(failed.status == 200);
    CHECK(failed.content()["authResult"] == "AUTHENTICATION_FAILURE");
    CHECK_FALSE(failed.content().contains("kSeaf"));
    CHECK(base::from_base64(failed.content()["eapPayload"].get<std::string>()).value()[0] == 4);  // RFC 3748: Failure
    response.back() ^= 1U;
    CHECK(to_ausf("POST", path, {{"eapPayload", base::to_base64(response)}}).verdict() == "404 CONTEXT_NOT_FOUND");
    CHECK(state() == "PRELOADED");
  }
}

TEST_CASE_METHOD(AuthenticationFixture, "The method is the subscriber's own, else the default", "[ausf-ext][nausf-auth][eap]") {
  ausf_ext::AuthenticationConfig config;
  const auto imsi = *profile::Imsi::from_digits("001010000000001");
  config.methods = {{{imsi, imsi}, ausf_ext::Method::eap_aka_prime}};
  const Ue ue = start(config);
  CHECK(authenticate(ue.supi()).content()["authType"] == (ue.imsi == imsi.digits() ? "EAP_AKA_PRIME" : "5G_AKA"));
  const SecureElement second = make_device("901700000000002");
  const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + second.dimsi, offer(second));
  const std::string other = offered.content()["imsi"];
  CHECK(authenticate("imsi-" + other).content()["authType"] == (other == imsi.digits() ? "EAP_AKA_PRIME" : "5G_AKA"));
  CHECK(generate("imsi-" + other).content()["authType"] == (other == imsi.digits() ? "EAP_AKA_PRIME" : "5G_AKA"));
}

TEST_CASE_METHOD(AuthenticationFixture, "As a UDM it gives the AUSF what the UE computes itself", "[ausf-ext][nudm-ueau]") {
  const bool is_eap = GENERATE(false, true);
  Ue ue = start(is_eap ? eap() : ausf_ext::AuthenticationConfig());
  const bool by_suci = GENERATE(true, false);
  const Answer given = generate(by_suci ? ue.suci() : ue.supi());
  REQUIRE(given.status == 200);
  const json content = given.content();
  CHECK(content["supi"] == ue.supi());
  const json vector = content["authenticationVector"];
  auto answer = ue.answer(vector);
  const auto& done = std::get<aka::Authenticated>(answer);
  if (is_eap) {
    CHECK(content["authType"] == "EAP_AKA_PRIME");
    CHECK(vector["avType"] == "EAP_AKA_PRIME");
    CHECK(vector["xres"] == base::to_hex(done.res.reveal()));
    const auto prime = aka::derive_prime_keys(done.ck, done.ik, kServingNetwork, aka::sqn_xor_ak(octets<16>(vector["autn"])));
    CHECK(vector["ckPrime"] == base::to_hex(prime.ck.reveal()));
    CHECK(vector["ikPrime"] == base::to_hex(prime.ik.reveal()));
  } else {
    CHECK(content["authType"] == "5G_AKA");
    CHECK(vector["avType"] == "5G_HE_AKA");
    CHECK(vector["xresStar"] == base::to_hex(done.res_star.reveal()));
    CHECK(vector["kausf"] == base::to_hex(done.kausf.reveal()));
  }
  CHECK(generate("imsi-001010009999999").verdict() == "404 USER_NOT_FOUND");
  CHECK(generate("imsi-001010009999999", {{"resynchronizationInfo", {{"rand", std::string(32, '0')}, {"auts", std::string(28, '0')}}}})
            .verdict() == "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(AuthenticationFixture, "An existing AUSF's word of a success attaches the device; a failure, or one that no vector was for, does not",
                 "[ausf-ext][nudm-ueau]") {
  const Ue ue = start();
  const std::string path = "/nudm-ueau/v1/" + ue.supi() + "/auth-events";
  CHECK(to_ausf("POST", path, event(true)).status == 201);
  CHECK(state() == "PRELOADED");  // nobody was given a vector
  REQUIRE(generate(ue.suci()).status == 200);
  CHECK(to_ausf("POST", path, event(false)).status == 201);
  CHECK(state() == "PRELOADED");
  const Answer told = to_ausf("POST", path, event(true));
  CHECK(told.status == 201);
  CHECK(told.content() == event(true));
  CHECK(told.header("location").find(path + "/") != std::string::npos);
  CHECK(state() == "ATTACHED");
  json removal = event(true);
  removal["authRemovalInd"] = true;
  CHECK(to_ausf("PUT", path, removal).status == 204);
  CHECK(to_ausf("PUT", path + "/1", removal).status == 204);
  CHECK(state() == "ATTACHED");
  CHECK(to_ausf("POST", "/nudm-ueau/v1/imsi-001010009999999/auth-events", event(true)).verdict() == "404 USER_NOT_FOUND");
  CHECK(to_ausf("POST", "/nudm-ueau/v1/" + ue.suci() + "/auth-events", event(true)).params() == std::vector<std::string>{"{supi}"});
}

TEST_CASE_METHOD(AuthenticationFixture, "Vectors of every kind of an HSS, one to five, with the keys that the UE computes", "[ausf-ext][nudm-ueau][hss]") {
  struct Row {
    std::string in_uri, type;
    bool is_separated;
  };
  const auto row = GENERATE(values<Row>({{"eps-aka", "EPS_AKA", true},
                                         {"umts-aka", "UMTS_AKA", false},
                                         {"ims-aka", "IMS_AKA", false},
                                         {"gba-aka", "GBA_AKA", false},
                                         {"eap-aka", "EAP_AKA", false},
                                         {"eap-aka-prime", "EAP_AKA_PRIME", true}}));
  const int count = GENERATE(1, 5);
  Ue ue = start();
  json body{{"hssAuthType", row.type}, {"numOfRequestedVectors", count}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}}};
  if (row.type == "EAP_AKA_PRIME") body["anId"] = "WLAN";
  const Answer given = generate_av(ue, row.in_uri, body);
  REQUIRE(given.status == 200);
  const json vectors = given.content()["hssAuthenticationVectors"];
  REQUIRE(vectors.size() == static_cast<std::size_t>(count));
  std::set<std::string> rands;
  for (const json& vector : vectors) {
    rands.insert(vector["rand"]);
    CHECK(vector["avType"] == row.type);
    const auto autn = octets<16>(vector["autn"]);
    CHECK(aka::has_separation_bit(autn) == row.is_separated);
    auto answer = ue.answer(vector);  // every one is fresh, in order
    REQUIRE(std::holds_alternative<aka::Authenticated>(answer));
    const auto& done = std::get<aka::Authenticated>(answer);
    CHECK(vector["xres"] == base::to_hex(done.res.reveal()));
    if (row.type == "EPS_AKA") {
      const auto kasme = aka::derive_kasme(done.ck, done.ik, {0x00, 0xF1, 0x10}, aka::sqn_xor_ak(autn));
      CHECK(vector["kasme"] == base::to_hex(kasme.reveal()));
    } else if (row.type != "EAP_AKA_PRIME") {
      CHECK(vector["ck"] == base::to_hex(done.ck.reveal()));
      CHECK(vector["ik"] == base::to_hex(done.ik.reveal()));
    } else {
      CHECK(vector["ckPrime"] == base::to_hex(aka::derive_prime_keys(done.ck, done.ik, "WLAN", aka::sqn_xor_ak(autn)).ck.reveal()));
    }
  }
  CHECK(rands.size() == static_cast<std::size_t>(count));
}

TEST_CASE_METHOD(AuthenticationFixture, "generate-av refuses what it cannot give, with the member named", "[ausf-ext][nudm-ueau][hss]") {
  const Ue ue = start();
  const json good{{"hssAuthType", "EPS_AKA"}, {"numOfRequestedVectors", 1}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}}};
  const auto with = [&good](const char* name, const json& value) {
    json body = good;
    if (value.is_null()) {
      body.erase(name);
    } else {
      body[name] = value;
    }
    return body;
  };
  CHECK(generate_av(ue, "eps-aka", good).status == 200);
  CHECK(generate_av(ue, "ims-aka", good).status == 400);
  CHECK(generate_av(ue, "x-aka", good).status == 501);
  for (const json& count : {json(0), json(6), json(-1), json("1"), json(1.5), json(nullptr)}) {
    CAPTURE(count);
    CHECK(generate_av(ue, "eps-aka", with("numOfRequestedVectors", count)).params() == std::vector<std::string>{"/numOfRequestedVectors"});
  }
  CHECK(generate_av(ue, "eps-aka", with("servingNetworkId", nullptr)).params() == std::vector<std::string>{"/servingNetworkId"});
  CHECK(generate_av(ue, "eps-aka", with("hssAuthType", nullptr)).params() == std::vector<std::string>{"/hssAuthType"});
}

TEST_CASE_METHOD(AuthenticationFixture, "An existing UDM knows of a success before the AMF does, and of a removal", "[ausf-ext][nausf-auth][udm]") {
  std::mutex mutex;
  std::vector<std::pair<std::string, json>> told;
  int status = 201;
  const auto take = [&](const sbi::Request& request) {
    const std::lock_guard lock(mutex);
    told.emplace_back(request.method + " " + request.target, json::parse(request.body));
    return sbi::Response(request.method == "POST" ? status : 204, "application/json", request.method == "POST" ? request.body : "");
  };
  const std::uint16_t port = free_port();
  const FakePeer udm(FakePeer::Http::v2, port, "*", "/nudm-ueau/v1/{supi}/auth-events", take);
  ausf_ext::AuthenticationConfig config;
  const bool has_dead_one = GENERATE(false, true);
  if (has_dead_one) config.auth_event_udms.push_back(sbi::Uri::parse("http://127.0.0.1:" + std::to_string(free_port())));
  config.auth_event_udms.push_back(sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port)));
  Ue ue = start(config);
  const std::string path = "/nudm-ueau/v1/" + ue.supi() + "/auth-events";

  const Answer challenge = authenticate(ue.suci());
  auto answer = ue.answer(challenge.content()["5gAuthData"]);
  const auto& done = std::get<aka::Authenticated>(answer);
  SECTION("in this order") {
    CHECK(confirm(challenge, done.res_star).content()["authResult"] == "AUTHENTICATION_SUCCESS");
    REQUIRE(told.size() == 1);
    CHECK(told[0].first == "POST " + path);
    CHECK(told[0].second["success"] == true);
    CHECK(told[0].second["authType"] == "5G_AKA");
    CHECK(told[0].second["servingNetworkName"] == kServingNetwork);
    CHECK(told[0].second["nfInstanceId"].get<std::string>().size() == 36);
    CHECK(to_ausf("DELETE", link(challenge, "5g-aka")).status == 204);
    REQUIRE(told.size() == 2);
    CHECK(told[1].first == "PUT " + path);
    CHECK(told[1].second["authRemovalInd"] == true);
    CHECK(told[1].second["servingNetworkName"] == kServingNetwork);
  }
  SECTION("a failure is told as one") {
    CHECK(to_ausf("PUT", link(challenge, "5g-aka"), {{"resStar", nullptr}}).content()["authResult"] == "AUTHENTICATION_FAILURE");
    REQUIRE(told.size() == 1);
    CHECK(told[0].second["success"] == false);
  }
  SECTION("if it does not take it the AMF is not told of a success, and may ask again") {
    status = 500;
    CHECK(confirm(challenge, done.res_star).verdict() == "504 TARGET_NF_NOT_REACHABLE");
    status = 201;
    CHECK(confirm(challenge, done.res_star).content()["authResult"] == "AUTHENTICATION_SUCCESS");
  }
}

TEST_CASE_METHOD(AuthenticationFixture, "8 requesters authenticate 10,000 times with resynchronisations at random: no SQN twice, all succeed",
                 "[ausf-ext][nausf-auth][sqn]") {
  constexpr int kRequesters = 8;
  constexpr int kRounds = 1250;
  Ue first = start();
  // Subscribers that requesters share: each is asked for by all of them at once.
  std::vector<Ue> ues;
  ues.push_back(std::move(first));
  for (int i = 2; i <= 4; ++i) {
    const SecureElement element = make_device("90170000000000" + std::to_string(i));
    const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + element.dimsi, offer(element));
    ues.emplace_back(element, offered.content()["imsi"].get<std::string>());
  }
  std::mutex mutex;  // of the UEs, and of what was seen
  std::set<std::pair<std::string, std::uint64_t>> seen;
  int repeated = 0, succeeded = 0, resynchronised = 0;
  std::vector<std::string> faults;

  const auto requester = [&](int number) {
    Caller own;
    std::mt19937 random(static_cast<unsigned>(number));  // a fixed seed
    const auto post = [&](const json& body) { return own.send_raw(ausf_port, "POST", kContexts, body.dump(), {}); };
    for (int round = 0; round < kRounds; ++round) {
      Ue& ue = ues[random() % ues.size()];
      // Every network is a requester of its own: the index of its sequence numbers is another one.
      const std::string network = "5G:mnc00" + std::to_string(number) + ".mcc001.3gppnetwork.org";
      json body{{"supiOrSuci", ue.suci()}, {"servingNetworkName", network}};
      Answer challenge = post(body);
      for (int tries = 0; tries < 20; ++tries) {  // another requester may send the USIM ahead meanwhile
        std::optional<aka::UsimAnswer> answer;
        json vector;
        {
          const std::lock_guard lock(mutex);
          if (challenge.status != 201) {
            faults.push_back(challenge.body);
            break;
          }
          vector = challenge.content()["5gAuthData"];
          const auto autn = octets<16>(vector["autn"]);
          const auto response = aka::f2345(ue.keys, octets<16>(vector["rand"]));
          const auto sqn = aka::reveal_sqn(aka::sqn_xor_ak(autn), response.ak);
          if (!seen.emplace(ue.imsi, sqn.value()).second) ++repeated;
          // Now and then the USIM has been elsewhere meanwhile.
          if (tries == 0 && random() % 16 == 0) ue.run_ahead(ue.sequence.highest().seq() + random() % 1000);
          answer.emplace(ue.answer(vector, network));
        }
        if (const auto* done = std::get_if<aka::Authenticated>(&*answer)) {
          const std::string path = link(challenge, "5g-aka");
          const Answer confirmed = own.send_raw(ausf_port, "PUT", path, json{{"resStar", base::to_hex(done->res_star.reveal())}}.dump(), {});
          const std::lock_guard lock(mutex);
          if (confirmed.status == 200 && confirmed.content()["authResult"] == "AUTHENTICATION_SUCCESS") {
            ++succeeded;
          } else {
            faults.push_back(confirmed.body);
          }
          break;
        }
        {
          const std::lock_guard lock(mutex);
          ++resynchronised;
        }
        json again = body;
        again.update(resynchronization(vector, *answer));
        challenge = post(again);
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i <= kRequesters; ++i) threads.emplace_back(requester, i);
  for (auto& thread : threads) thread.join();
  CAPTURE(resynchronised, faults.size());
  if (!faults.empty()) FAIL(faults.front());
  CHECK(repeated == 0);
  CHECK(resynchronised > 0);
  CHECK(succeeded == kRequesters * kRounds);
}
