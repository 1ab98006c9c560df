// Steps (8) to (10) at nf-ausf-ext, as an AUSF: over HTTP, with the UE's own computations on the other side.
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "lib/aka/key_hierarchy.hpp"
#include "tests/scenarios/authentication_lab.hpp"
#include "tests/support/faulty_disk.hpp"

using namespace test;

namespace {

/// The disk before what lies on it.
struct DiskBeneath {
  FaultyDisk disk;
};
struct FaultyAuthentication : DiskBeneath, AuthenticationFixture {};

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

TEST_CASE_METHOD(AuthenticationFixture, "Vectors for an HSS are bound to serving networks that may authenticate our subscribers, or to what is named beside",
                 "[ausf-ext][nudm-ueau][hss]") {
  const std::string refused = "403 SERVING_NETWORK_NOT_AUTHORIZED";
  const std::vector<std::pair<std::string, std::string>> bare{
      {"umts-aka", "UMTS_AKA"}, {"ims-aka", "IMS_AKA"}, {"gba-aka", "GBA_AKA"}, {"eap-aka", "EAP_AKA"}};
  ausf_ext::AuthenticationConfig config;
  config.serving_networks = {kServingNetwork};
  SECTION("serving networks alone") {
    const Ue ue = start(config);
    CHECK(generate_av(ue, "eps-aka", wanted_av("EPS_AKA")).status == 200);
    CHECK(generate_av(ue, "eps-aka", wanted_av("EPS_AKA", "02")).verdict() == refused);
    CHECK(generate_av(ue, "eap-aka-prime", wanted_av("EAP_AKA_PRIME", "01", kServingNetwork)).status == 200);
    CHECK(generate_av(ue, "eap-aka-prime", wanted_av("EAP_AKA_PRIME", "02", kServingNetwork)).status == 200);  // the keys are for 01 all the same
    // What the body says besides of the network binds nothing.
    CHECK(generate_av(ue, "eap-aka-prime", wanted_av("EAP_AKA_PRIME", "01", kOtherNetwork)).verdict() == refused);
    CHECK(generate_av(ue, "eap-aka-prime", wanted_av("EAP_AKA_PRIME", "01", "WLAN")).verdict() == refused);
    CHECK(generate_av(ue, "eap-aka-prime", wanted_av("EAP_AKA_PRIME")).params() == std::vector<std::string>{"/anId"});
    for (const auto& [in_uri, type] : bare) CHECK(generate_av(ue, in_uri, wanted_av(type)).verdict() == refused);
  }
  SECTION("what is named beside them, and nothing else") {
    config.serving_networks.insert(config.serving_networks.end(), {"WLAN", "IMS_AKA"});
    const Ue ue = start(config);
    CHECK(generate_av(ue, "eap-aka-prime", wanted_av("EAP_AKA_PRIME", "01", "WLAN")).status == 200);
    CHECK(generate_av(ue, "eap-aka-prime", wanted_av("EAP_AKA_PRIME", "01", "HRPD")).verdict() == refused);
    for (const auto& [in_uri, type] : bare) {
      CAPTURE(type);
      CHECK(generate_av(ue, in_uri, wanted_av(type)).verdict() == (type == "IMS_AKA" ? "200" : refused));
    }
  }
}

TEST_CASE("Serving networks of the configuration are names that keys can be bound to", "[ausf-ext][config]") {
  const auto problems = [](const std::string& name) -> std::string {
    const auto document = service::YamlDocument::parse("serving_networks: [" + (name.empty() ? name : "'" + name + "'") + "]\n", "x.yaml");
    (void)ausf_ext::read_authentication(document.root(), service::CommonConfig());
    try {
      document.finish();
    } catch (const service::ConfigError& error) {
      return error.what();
    }
    return "";
  };
  for (const char* name : {"5G:mnc001.mcc001.3gppnetwork.org", "WLAN", "UMTS_AKA"}) CHECK(problems(name).empty());
  for (const char* name : {"5G:mnc01.mcc001.3gppnetwork.org", "wlan", "EPS_AKA"}) {
    CHECK_THAT(problems(name), Catch::Contains("serving_networks: " + std::string(name) + " is neither of the form"));
  }
  CHECK_THAT(problems(""), Catch::Contains("serving_networks: is empty: leave it out for every serving network"));
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

TEST_CASE_METHOD(FaultyAuthentication, "A store that cannot write ends no EAP-AKA' that is to be resynchronised: the same packet is taken later",
                 "[ausf-ext][nausf-auth][eap][sqn]") {
  Ue ue = start(eap());
  const Answer first = authenticate(ue.suci());  // its counter is on the disk
  ue.run_ahead(777);
  const Answer challenge = authenticate(ue.suci());
  auto peer = peer_of(ue);
  const std::string path = link(challenge, "eap-session");
  const auto out_of_step = peer.respond(base::from_base64(challenge.content()["5gAuthData"].get<std::string>()).value(), ue.keys, ue.sequence);
  REQUIRE(out_of_step);
  const json body{{"eapPayload", base::to_base64(*out_of_step)}};
  disk.fail(FaultyDisk::Operation::sync, "-wal", SQLITE_IOERR_FSYNC);
  CHECK(to_ausf("POST", path, body).verdict() == "503 INSUFFICIENT_RESOURCES");
  CHECK(to_ausf("POST", path, body).verdict() == "503 INSUFFICIENT_RESOURCES");
  disk.heal();
  const Answer again = to_ausf("POST", path, body);
  REQUIRE(again.content()["authResult"] == "AUTHENTICATION_ONGOING");
  const auto response = peer.respond(base::from_base64(again.content()["eapPayload"].get<std::string>()).value(), ue.keys, ue.sequence);
  REQUIRE(response);
  const Answer last = to_ausf("POST", path, {{"eapPayload", base::to_base64(*response)}});
  CHECK((last.content()["authResult"] == "AUTHENTICATION_SUCCESS" || last.content()["authResult"] == "AUTHENTICATION_ONGOING"));
  CHECK(first.status == 201);
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
  SECTION("the right answer is still taken, and once more if what it was told was lost") {
    const Answer done = to_ausf("POST", path, {{"eapPayload", base::to_base64(response)}});
    CHECK(done.content()["authResult"] == "AUTHENTICATION_SUCCESS");
    const auto again = [&] { return to_ausf("POST", path, {{"eapPayload", base::to_base64(response)}}); };
    CHECK(again().content() == done.content());
    response.back() ^= 1U;
    CHECK(again().verdict() == "404 CONTEXT_NOT_FOUND");
    response.back() ^= 1U;
    CHECK(again().content() == done.content());
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
