// Authentications at nf-ausf-ext are bound to whom they were begun by: a certificate's name, or the set that the configuration puts it in.
#include <catch2/catch.hpp>

#include "lib/aka/authentication_vector.hpp"
#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/scenarios/audit_lab.hpp"

using namespace test;
using service::Role;

namespace {

/// Four AMFs, two of them of one set, and a UE.
struct BindingLab : TlsLab {
  void start(ausf_ext::Method method) {
    start_arpf();
    start_d_ausf();
    auto config = with_tls(ausf_ext_config());
    config.common.audit_file = audit_file;
    config.notification_uri.reset();
    config.authentication.method = method;
    config.access = service::Access({{"provider.example", {Role::service_provider}, {}},
                                     {"amf-1.example", {Role::access_network}, {}},
                                     {"amf-2.example", {Role::access_network}, {}},
                                     {"amf-3.example", {Role::access_network}, {}, "pool"},
                                     {"amf-4.example", {Role::access_network}, {}, "pool"}});
    start_ausf_ext(std::move(config));
    const SecureElement element = make_device(kDimsi);
    const Answer offered = ask("provider.example", "PUT", "/nausfext-onboarding/v1/devices/" + kDimsi, offer(element));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    imsi = offered.content()["imsi"];
    keys.emplace(profile::derive_subscriber_keys(*element.ephemeral_key, *profile::DiscoveryImsi::from_digits(kDimsi),
                                                 *profile::Imsi::from_digits(imsi)));
  }
  Answer ask(const std::string& peer, const std::string& method, const std::string& target, const json& body = nullptr) {
    return by(peer).send(ausf_port, method, target, body.is_null() ? "" : body.dump());
  }
  Answer begin(const std::string& amf) {
    const Answer challenge = ask(amf, "POST", kContexts, {{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}});
    REQUIRE(challenge.status == 201);
    return challenge;
  }
  static std::string link(const Answer& challenge, const std::string& name) {
    return sbi::Uri::parse(challenge.content()["_links"][name]["href"].get<std::string>()).path;
  }
  json confirmation_of(const Answer& challenge) {
    const json vector = challenge.content()["5gAuthData"];
    const auto octets = [&](const char* name) { return base::from_hex_exactly<16>(vector[name].get<std::string>()).value(); };
    const auto answer = aka::usim_authenticate(*keys, octets("rand"), octets("autn"), sequence, kServingNetwork);
    return {{"resStar", base::to_hex(std::get<aka::Authenticated>(answer).res_star.reveal())}};
  }
  json eap_response_to(const Answer& challenge) {
    aka::EapAkaPrimePeer peer(imsi, kServingNetwork, false);
    const auto request = base::from_base64(challenge.content()["5gAuthData"].get<std::string>()).value();
    const auto response = peer.respond(request, *keys, sequence);
    REQUIRE(response);
    return {{"eapPayload", base::to_base64(*response)}};
  }
  /// To this peer the context is as one that there never was.
  void check_is_not_there(const std::string& peer, const std::string& method, const std::string& path, const json& body = nullptr) {
    const std::string id = path.substr(kContexts.size() + 1, 64);
    const std::string never = kContexts + "/" + std::string(id.size(), '0') + path.substr(kContexts.size() + 1 + id.size());
    const Answer refused = ask(peer, method, path, body);
    CHECK(refused.verdict() == "404 CONTEXT_NOT_FOUND");
    CHECK(refused.content()["detail"] == ask(peer, method, never, body).content()["detail"]);
  }

  std::string audit_file;  ///< to be set before start(); empty: none
  std::string imsi;
  std::optional<profile::SubscriberKeys> keys;
  aka::UsimSequence sequence;
};

}  // namespace

TEST_CASE_METHOD(BindingLab, "A context answers the peer that began it, and is not there for another one", "[ausf-ext][access][contexts]") {
  SECTION("5G AKA") {
    start(ausf_ext::Method::aka_5g);
    const Answer challenge = begin("amf-1.example");
    const std::string path = link(challenge, "5g-aka");
    const json right = confirmation_of(challenge);
    for (const char* const other : {"amf-2.example", "amf-3.example"}) {
      check_is_not_there(other, "PUT", path, right);
      check_is_not_there(other, "PUT", path, {{"resStar", nullptr}});  // nor does it end it
      check_is_not_there(other, "DELETE", path);
    }
    const Answer done = ask("amf-1.example", "PUT", path, right);
    CHECK(done.content()["authResult"] == kSuccess);
    CHECK(done.content().contains("kseaf"));
    check_is_not_there("amf-2.example", "PUT", path, right);  // nor what was answered
    CHECK(ask("amf-1.example", "DELETE", path).status == 204);
    check_is_not_there("amf-2.example", "DELETE", path);
    CHECK(ask("amf-1.example", "DELETE", path).status == 204);  // once or often
  }
  SECTION("EAP-AKA'") {
    start(ausf_ext::Method::eap_aka_prime);
    const Answer challenge = begin("amf-1.example");
    const std::string path = link(challenge, "eap-session");
    const json right = eap_response_to(challenge);
    check_is_not_there("amf-2.example", "POST", path, right);
    check_is_not_there("amf-2.example", "DELETE", path);
    CHECK(ask("amf-1.example", "POST", path, right).content()["authResult"] == kSuccess);
  }
}

TEST_CASE_METHOD(BindingLab, "The audit log tells who asked for another peer's context, though the answer does not; an own one that is over is no refusal",
                 "[ausf-ext][access][contexts][audit]") {
  audit_file = folder / "ausf-ext.audit";
  start(ausf_ext::Method::aka_5g);
  const Answer challenge = begin("amf-1.example");
  const std::string path = link(challenge, "5g-aka");
  const json right = confirmation_of(challenge);
  CHECK(ask("amf-2.example", "PUT", path, right).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(ask("amf-2.example", "DELETE", path).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(ask("amf-1.example", "DELETE", path).status == 204);
  CHECK(ask("amf-1.example", "PUT", path, right).verdict() == "404 CONTEXT_NOT_FOUND");
  ausf.reset();
  std::vector<std::string> refused;
  for (const json& line : audit_lines(audit_file)) {
    if (line["action"] != "REFUSAL") continue;
    refused.push_back(line["peer"].get<std::string>() + ": " + line["target"].get<std::string>() + ": " + line["cause"].get<std::string>());
    CHECK(line["detail"] == "the context is none that was made here for this peer");
  }
  CHECK(refused == std::vector<std::string>{"amf-2.example: PUT " + path + ": CONTEXT_NOT_FOUND", "amf-2.example: DELETE " + path + ": CONTEXT_NOT_FOUND"});
}

TEST_CASE_METHOD(BindingLab, "AMFs of one set go on with what another one of them began", "[ausf-ext][access][contexts]") {
  start(ausf_ext::Method::aka_5g);
  const Answer challenge = begin("amf-3.example");
  const std::string path = link(challenge, "5g-aka");
  const json right = confirmation_of(challenge);
  check_is_not_there("amf-1.example", "PUT", path, right);
  CHECK(ask("amf-4.example", "PUT", path, right).content()["authResult"] == kSuccess);
  CHECK(ask("amf-4.example", "DELETE", path).status == 204);
}

TEST_CASE("A peer begins for itself or for its set, and its own entry goes before that of everybody", "[access][contexts]") {
  const service::Access access({{"*", {Role::access_network}, {}, "all"}, {"a", {Role::access_network}, {}, "pool"}, {"b", {Role::ausf}, {}}});
  const auto party = [](const service::Access& of, const std::string& name) {
    sbi::Peer peer;
    peer.name = name;
    peer.is_verified = true;
    return of.party_of(peer);
  };
  CHECK(party(access, "a") == "set pool");
  CHECK(party(access, "b") == "set all");
  CHECK(party(service::Access(), "pool") != party(access, "a"));
  CHECK(party(service::Access(), "a") != party(service::Access(), "b"));
  CHECK(access.party_of(sbi::Peer()).empty());
}

TEST_CASE("A set is for access networks", "[access][config]") {
  const auto problems_of = [](const std::string& entry) -> std::string {
    const auto document = service::YamlDocument::parse("access: [" + entry + "]\n", "x.yaml");
    (void)service::read_access(document.root(), {Role::access_network, Role::rsmf});
    try {
      document.finish();
    } catch (const service::ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(problems_of("{peer: a, as: access_network, set: pool}") == "");
  CHECK_THAT(problems_of("{peer: a, as: rsmf, set: pool}"), Catch::Contains("is for an access_network only"));
}
