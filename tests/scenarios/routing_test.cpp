// Both functions behind the PLMN routing table, in front of a core that was there before: who goes where, and as what. Over real sockets.
#include "lib/crypto/ecies_keys.hpp"
#include "tests/scenarios/relayed_exchange.hpp"
#include "tests/support/fake_nrf.hpp"

using namespace test;

namespace {

struct EapRoutingLab : RoutingLab {
  EapRoutingLab() : RoutingLab(true) {}
};

struct Message {
  std::string method, target, body;
  HeaderList headers;
};

/// What AUSF, AMF and SMF ask a UDM, in an order in which each has its effect.
std::vector<Message> messages_to_udm() {
  const HeaderList json_type{{"content-type", "application/json"}};
  const HeaderList merge{{"content-type", "application/merge-patch+json"}};
  const HeaderList patch{{"content-type", "application/json-patch+json"}};
  const HeaderList sbi{{"3gpp-sbi-sender-timestamp", "Tue, 24 Nov 2026 21:00:00.123 GMT"},
                       {"3gpp-sbi-max-rsp-time", "10000"},
                       {"3gpp-sbi-correlation-info", "imsi-001019000000001"},
                       {"accept-encoding", "gzip"},
                       {"content-type", "application/json"}};
  const std::string event =
      R"({ "nfInstanceId":"d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01", "success":true,"timeStamp":"2026-11-23T21:59:41.634605+00:00",)"
      R"("authType":"5G_AKA","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org" })";
  return {
      {"POST", kUeau + "/security-information/generate-auth-data",
       R"({"servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org","ausfInstanceId":"d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01"})",
       sbi},
      {"POST", kUeau + "/auth-events", event, json_type},
      {"PUT", kUeau + "/auth-events", event, json_type},
      {"PATCH", kUeau + "/auth-events", "[]", patch},
      {"PUT", kUeau + "/auth-events/7", event, json_type},
      {"PUT", kUecm + "/registrations/amf-3gpp-access", "{ \"amfInstanceId\" : \"x\", \"n\": 1.50 }", json_type},
      {"PUT", kUecm + "/registrations/amf-3gpp-access", "{}", json_type},
      {"PATCH", kUecm + "/registrations/amf-3gpp-access", R"({"purgeFlag":true})", merge},
      {"GET", kUecm + "/registrations/amf-3gpp-access?supported-features=%7B%22a%22%3A1%7D&x=+%20", "", {}},
      {"PUT", kUecm + "/registrations/smf-registrations/5", R"({"pduSessionId":5})", json_type},
      {"DELETE", kUecm + "/registrations/smf-registrations/5", "", {}},
      {"DELETE", kUecm + "/registrations/smf-registrations/5", "", {}},
      {"POST", kSdm + "/sdm-subscriptions", R"({"callbackReference":"http://amf/x"})", json_type},
      {"GET",
       kSdm + "/am-data?plmn-id=%7B%22mcc%22:%22001%22%7D",
       "",
       {{"if-none-match", "\"1\""}, {"accept", "application/json"}}},
      {"GET", "/nudm-sdm/v2/imsi-001019000000001", "", {}},
      {"GET", kSdm + "/a/b/c/d%2Fe", "", {}},
      {"OPTIONS", kSdm + "/am-data", "", {}},
      {"POST", "/nudm-ee/v1/" + kTheirs + "/ee-subscriptions", "{}", json_type},
      {"PATCH", "/nudm-pp/v1/" + kTheirs + "/pp-data", "{}", merge},
  };
}

}  // namespace

TEST_CASE_METHOD(RoutingLab, "A subscriber of the AUSF that was there is authenticated by it, from POST to DELETE", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  const std::string identity =
      GENERATE(values<std::string>({kTheirs, "suci-0-001-01-0-0-0-9000000001", "suci-0-001-01-0123-0-0-9000000001"}));
  const Answer challenge = caller.send(port, "POST", kContexts, authentication_of(identity));
  REQUIRE(challenge.status == 201);
  CHECK(challenge.header("location").starts_with(root_of(port) + kContexts + "/r-"));
  CHECK(challenge.content()["_links"]["5g-aka"]["href"] == challenge.header("location") + "/5g-aka-confirmation");
  CHECK(json::parse(old_ausf->asked().at(0).body)["supiOrSuci"] == identity);

  const Answer wrong =
      caller.send_raw(port, "PUT", link(challenge), json{{"resStar", std::string(32, '0')}}.dump(), with_json({}));
  CHECK(wrong.status == 400);  // as Open5GS has it: not ours to change
  CHECK(wrong.content_type == "application/problem+json");
  const Answer confirmed = caller.send(port, "PUT", link(challenge), json{{"resStar", FakeAusf::kResStar}}.dump());
  CHECK(confirmed.status == 200);
  CHECK(confirmed.content()["authResult"] == "AUTHENTICATION_SUCCESS");
  CHECK(confirmed.content()["kseaf"] == std::string(64, '4'));
  CHECK(caller.send(port, "DELETE", link(challenge)).status == 204);
  CHECK(old_ausf.contexts() == 0);
  CHECK(confirm(port, link(challenge)).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(caller.send(port, "POST", kContexts + "/deregister", json{{"supi", kTheirs}}.dump()).status == 204);
  CHECK(old_ausf->asked().back().target == kContexts + "/deregister");
}

TEST_CASE_METHOD(EapRoutingLab, "An EAP session of the AUSF that was there goes on there", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  const Answer challenge = caller.send(port, "POST", kContexts, authentication_of(kTheirs));
  REQUIRE(challenge.status == 201);
  const std::string path = link(challenge, "eap-session");
  CHECK(path == path_of(challenge.header("location")) + "/eap-session");
  const Answer done = caller.send(port, "POST", path, R"({"eapPayload":"AgEACDIBAAA="})");
  CHECK(done.status == 200);
  CHECK(done.content()["kSeaf"] == std::string(64, '4'));
  CHECK(old_ausf->asked().back().target == kContexts + "/1/eap-session");
  CHECK(caller.send(port, "DELETE", path).status == 204);
  CHECK(old_ausf.contexts() == 0);
}

TEST_CASE_METHOD(RoutingLab, "Every request to a UDM, and its answer, are octet for octet what they are without the relay",
                 "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  const auto run = [this](std::uint16_t at) {
    old_udm.forget();
    old_udm->forget_asked();
    std::vector<Answer> answers;
    for (const Message& one : messages_to_udm())
      answers.push_back(caller.send_raw(at, one.method, one.target, one.body, one.headers));
    return std::pair(answers, old_udm->asked());
  };
  const auto [direct, asked] = run(old_udm->port());
  const auto [relayed, asked_by_relay] = run(port);
  REQUIRE(asked.size() == messages_to_udm().size());
  REQUIRE(asked_by_relay.size() == asked.size());
  std::set<int> statuses;
  for (std::size_t i = 0; i < direct.size(); ++i) {
    INFO(asked[i].method << " " << asked[i].target);
    check_same_answer(direct[i], relayed[i]);
    check_same_request(asked[i], asked_by_relay[i]);
    statuses.insert(direct[i].status);
    const std::string location = relayed[i].header("location");
    if (!location.empty()) CHECK(location.starts_with(root_of(port) + "/nudm-"));
  }
  CHECK(statuses == std::set{200, 201, 204, 404});
}

TEST_CASE_METHOD(RoutingLab, "Of an exchange with an AUSF nothing but Location and links differs with the relay", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  const HeaderList headers = with_json({{"3gpp-sbi-max-rsp-time", "10000"},
                                        {"accept", "application/3gppHal+json,application/problem+json"},
                                        {"user-agent", "AMF"}});
  const Answer direct = caller.send_raw(old_ausf->port(), "POST", kContexts, authentication_of(kTheirs), headers);
  old_ausf.forget_contexts();
  const Answer relayed = caller.send_raw(port, "POST", kContexts, authentication_of(kTheirs), headers);
  REQUIRE(relayed.status == 201);
  check_same_request(old_ausf->asked().at(0), old_ausf->asked().at(1));
  const std::string href = relayed.content()["_links"]["5g-aka"]["href"];
  std::string body = relayed.body;
  body.replace(body.find(href), href.size(), direct.content()["_links"]["5g-aka"]["href"].get<std::string>());
  CHECK(body == direct.body);
  CHECK(fields_of(relayed.headers, {"location", "content-length"}) == fields_of(direct.headers, {"location", "content-length"}));

  old_ausf->forget_asked();
  for (const std::string& res : {std::string(32, '0'), FakeAusf::kResStar}) {
    const std::string confirmation = json{{"resStar", res}}.dump();
    const Answer from_peer = caller.send_raw(old_ausf->port(), "PUT", link(direct), confirmation, headers);
    check_same_answer(from_peer, caller.send_raw(port, "PUT", link(relayed), confirmation, headers));
  }
  const auto asked = old_ausf->asked();
  REQUIRE(asked.size() == 4);
  check_same_request(asked[0], asked[1]);
  check_same_request(asked[2], asked[3]);

  const std::string unknown = "imsi-001019000000404";
  check_same_answer(caller.send_raw(old_ausf->port(), "POST", kContexts, authentication_of(unknown), headers),
                    caller.send_raw(port, "POST", kContexts, authentication_of(unknown), headers));
}

TEST_CASE_METHOD(RoutingLab,
                 "A dIMSI asked at nf-ausf-ext is served by nf-d-ausf, and an IMSI of the pool asked there by nf-ausf-ext",
                 "[routing]") {
  start_routed();
  const std::string imsi = onboard();
  for (const std::string& identity : {"imsi-" + kDimsi, std::string("suci-0-901-70-0-0-0-0000000001")}) {
    const Answer here = caller.send(ausf_port, "POST", kContexts, authentication_of(identity));
    const Answer there = caller.send(d_ausf_port, "POST", kContexts, authentication_of(identity));
    REQUIRE(here.status == 201);
    CHECK(here.content()["5gAuthData"]["rand"] == there.content()["5gAuthData"]["rand"]);
    CHECK(here.header("location").starts_with(root_of(ausf_port) + kContexts + "/r-"));
    CHECK(caller.send(ausf_port, "PUT", link(here), json{{"resStar", std::string(32, '0')}}.dump()).content()["authResult"] ==
          "AUTHENTICATION_FAILURE");
  }
  const Answer ours = caller.send(ausf_port, "POST", kContexts, authentication_of("imsi-" + imsi));
  REQUIRE(ours.status == 201);
  CHECK_FALSE(ours.header("location").starts_with(root_of(ausf_port) + kContexts + "/r-"));
  const Answer through = caller.send(d_ausf_port, "POST", kContexts, authentication_of("imsi-" + imsi));
  REQUIRE(through.status == 201);
  CHECK(through.header("location").starts_with(root_of(d_ausf_port) + kContexts + "/r-"));
  CHECK(caller.send(d_ausf_port, "PUT", link(through), json{{"resStar", std::string(32, '0')}}.dump()).content()["authResult"] ==
        "AUTHENTICATION_FAILURE");
  CHECK(old_ausf->times_asked() == 0);
}

TEST_CASE_METHOD(RoutingLab, "A concealed SUCI goes by the IMSI where the key is ours, else by its PLMN", "[routing]") {
  auto key = crypto::EciesPrivateKey::generate(crypto::EciesProfile::a);
  const aka::HomeNetworkPublicKey ours{1, key.public_key()};
  const auto other = crypto::EciesPrivateKey::generate(crypto::EciesProfile::a);
  std::map<std::uint8_t, crypto::EciesPrivateKey> keys;
  keys.emplace(std::uint8_t{1}, std::move(key));
  start_arpf();
  start_d_ausf();
  auto config = routed_ausf_config(ausf_table());
  config.home_network_keys = std::make_shared<const aka::HomeNetworkKeys>(std::move(keys));
  start_ausf_ext(std::move(config));
  const std::string imsi = onboard();
  const auto conceal = [](const std::string& digits, std::uint8_t id, const crypto::EciesPublicKey& to) {
    const auto ephemeral = crypto::EciesPrivateKey::generate(crypto::EciesProfile::a);
    return aka::conceal(*profile::Imsi::from_digits(digits), plmn_of("001", "01"), "0", {id, to}, ephemeral);
  };
  const auto is_relayed = [this](const std::string& suci) {
    const std::size_t before = old_ausf->times_asked();
    const Answer answer = authenticate(ausf_port, suci);
    CHECK(answer.status == 201);
    return old_ausf->times_asked() == before + 1;
  };
  CHECK_FALSE(is_relayed(conceal(imsi, 1, ours.key)));
  CHECK(is_relayed(conceal("001019000000001", 1, ours.key)));
  CHECK(is_relayed(conceal(imsi, 9, other.public_key())));  // it can only be theirs
  CHECK(is_relayed(conceal(imsi, 1, other.public_key())));  // the MAC says that it is not for our key
  const std::string suci = conceal(imsi, 1, ours.key);
  CHECK(is_relayed(suci.substr(0, suci.size() - 20)));
  CHECK_FALSE(is_relayed("suci-0-001-01-0-0-0-" + imsi.substr(5)));
}

TEST_CASE_METHOD(RoutingLab, "A routing indicator tells the parts of a PLMN's UDM apart, a 3-digit MNC is another PLMN",
                 "[routing]") {
  FakeAusf group;
  FakeAusf three;
  const core::RoutingTarget to_group = peers_at({group->root()}, {});
  const core::RoutingTarget to_three = peers_at({three->root()}, {});
  const auto range =
      core::ImsiRange{*profile::Imsi::from_digits("001010000000001"), *profile::Imsi::from_digits("001010000009999")};
  start_ausf({{{plmn_of("001", "01"), range, std::nullopt, core::ServedHere()},
               {plmn_of("001", "01"), std::nullopt, "17", to_group},
               home(old_core()),
               {plmn_of("001", "019"),
                core::ImsiRange{*profile::Imsi::from_digits("001019000000000"), *profile::Imsi::from_digits("001019999999999")},
                std::nullopt, to_three},
               {plmn_of("001", "018"), std::nullopt, "5", to_three}},
              core::Refused{404, "USER_NOT_FOUND"}});
  const auto asked = [&](const std::string& identity) {
    const Answer answer = authenticate(ausf_port, identity);
    std::string who;
    if (old_ausf->times_asked() > 0) who += "old";
    if (group->times_asked() > 0) who += "group";
    if (three->times_asked() > 0) who += "three";
    old_ausf->forget_asked();
    group->forget_asked();
    three->forget_asked();
    return who.empty() ? answer.verdict() : who;
  };
  CHECK(asked("suci-0-001-01-17-0-0-7000000001") == "group");
  CHECK(asked("suci-0-001-01-170-0-0-7000000001") == "old");
  CHECK(asked("suci-0-001-01-0-0-0-7000000001") == "old");
  CHECK(asked("suci-0-001-019-17-0-0-7000000001") == "404 USER_NOT_FOUND");  // the range holds another number of digits
  CHECK(asked("suci-0-001-019-17-0-0-000000001") == "three");
  CHECK(asked("imsi-001019000000001") == "three");
  CHECK(asked("imsi-001017000000001") == "old");
  CHECK(asked("suci-0-001-018-5-0-0-000000001") == "three");
  CHECK(asked("suci-0-001-018-6-0-0-000000001") == "404 USER_NOT_FOUND");
  CHECK(asked("suci-0-001-01-17-0-0-0000000002") == "404 USER_NOT_FOUND");  // a range says more than an indicator
}

TEST_CASE_METHOD(RoutingLab, "Who is refused is told so with the table's status and cause", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  for (const std::string identity : {"imsi-002010000000001", "suci-0-002-01-0-0-0-0000000001", "nai-user@example.org"}) {
    const Answer refused = caller.send(port, "POST", kContexts, authentication_of(identity));
    CHECK(refused.verdict() == "403 SERVING_NETWORK_NOT_AUTHORIZED");
    CHECK(refused.content_type == "application/problem+json");
    CHECK(refused.content()["status"] == 403);
  }
  CHECK(caller.send_raw(port, "GET", "/nudm-sdm/v2/imsi-002010000000001/am-data", "", {}).verdict() ==
        "403 SERVING_NETWORK_NOT_AUTHORIZED");
  CHECK(caller.send_raw(port, "GET", "/nudm-sdm/v2/shared-data?shared-data-ids=1", "", {}).verdict() ==
        "403 SERVING_NETWORK_NOT_AUTHORIZED");
  CHECK(old_ausf->times_asked() + old_udm->times_asked() == 0);
}

TEST_CASE_METHOD(RoutingLab, "Whom the NRF names serves the subscribers of a PLMN", "[routing]") {
  FakeNrf nrf;
  auto config = routed_ausf_config({{pool(), home(core::ServedByDiscovery())}, core::Refused{404, "USER_NOT_FOUND"}});
  config.common.nrf.uris = {nrf.parsed_uri()};
  start_ausf_ext(std::move(config));
  SECTION("one of them") {
    nrf.publish(foreign_profile("10000000-0000-4000-8000-000000000001", "AUSF", "nausf-auth", old_ausf->port()));
    nrf.publish(foreign_profile("10000000-0000-4000-8000-000000000002", "UDM", "nudm-sdm", old_udm->port()));
    const Answer challenge = authenticate(ausf_port, kTheirs);
    REQUIRE(challenge.status == 201);
    CHECK(confirm(ausf_port, link(challenge)).status == 200);
    CHECK(nrf.count(FakeNrf::Kind::discover) == 1);
    const std::string query = nrf.requests(FakeNrf::Kind::discover).at(0).target;
    CHECK_THAT(query, Catch::Contains("target-nf-type=AUSF") && Catch::Contains("service-names=nausf-auth") &&
                          Catch::Contains("target-plmn-list="));
    CHECK(caller.send_raw(ausf_port, "GET", kSdm + "/am-data", "", {}).status == 404);
    CHECK(old_udm->times_asked() == 1);
  }
  SECTION("another one, if the first cannot be reached") {
    nrf.publish(foreign_profile("10000000-0000-4000-8000-000000000001", "AUSF", "nausf-auth", free_port()));
    nrf.publish(foreign_profile("10000000-0000-4000-8000-000000000002", "AUSF", "nausf-auth", old_ausf->port()));
    for (int i = 0; i < 10; ++i) CHECK(authenticate(ausf_port, kTheirs).status == 201);
  }
  SECTION("nobody: a device may try again later") {
    CHECK(authenticate(ausf_port, kTheirs).verdict() == "504 TARGET_NF_NOT_REACHABLE");
    CHECK(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
  }
  SECTION("and without an NRF nobody") {
    nrf.go_away();
    CHECK(authenticate(ausf_port, kTheirs).verdict() == "504 NRF_NOT_REACHABLE");
    CHECK(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
  }
}

TEST_CASE_METHOD(RoutingLab,
                 "The next URI of a list is asked where one cannot be reached, and a service without URIs is not reachable",
                 "[routing]") {
  start_ausf({{pool(), home(peers_at({nobody(), nobody(), old_ausf->root()}, {}))}, core::Refused{404, "USER_NOT_FOUND"}});
  for (int i = 0; i < 3; ++i) {
    const Answer challenge = authenticate(ausf_port, kTheirs);
    REQUIRE(challenge.status == 201);
    CHECK(confirm(ausf_port, link(challenge)).status == 200);
  }
  CHECK(old_ausf->times_asked() == 6);
  CHECK(caller.send_raw(ausf_port, "GET", kSdm + "/am-data", "", {}).verdict() == "504 TARGET_NF_NOT_REACHABLE");
}

TEST_CASE_METHOD(RoutingLab, "Through an SCP it is said whom we want, and follow-ups name the one that answered", "[routing]") {
  FakeFunction scp([this](const sbi::Request& request) {
    if (request.method == "PUT") return sbi::Response(200, sbi::kJson, R"({"authResult":"AUTHENTICATION_FAILURE"})");
    return sbi::Response(201, sbi::kHalJson,
                         R"({"authType":"5G_AKA","5gAuthData":{},"_links":{"5g-aka":{"href":")" + old_ausf->uri() + kContexts +
                             R"(/1/5g-aka-confirmation"}}})")
        .with("location", old_ausf->uri() + kContexts + "/1");
  });
  const bool is_discovery = GENERATE(false, true);
  const core::RoutingTarget target = is_discovery ? core::RoutingTarget(core::ServedByDiscovery()) : old_core();
  auto config = routed_ausf_config({{pool(), home(target)}, core::Refused{404, "USER_NOT_FOUND"}});
  config.common.scp = scp.root();
  start_ausf_ext(std::move(config));
  const HeaderList from_scp{{"3gpp-sbi-target-apiroot", root_of(ausf_port)},
                            {"3gpp-sbi-discovery-target-nf-type", "AUSF"},
                            {"3gpp-sbi-discovery-service-names", "nausf-auth"},
                            {"3gpp-sbi-discovery-supi", kTheirs}};
  const Answer challenge = authenticate(ausf_port, kTheirs, GENERATE(false, true) ? from_scp : HeaderList{});
  REQUIRE(challenge.status == 201);
  const auto asked = scp.asked().at(0);
  const auto count = [&asked](const std::string& name) {
    return std::count_if(asked.headers.fields().begin(), asked.headers.fields().end(),
                         [&](const auto& header) { return header.name == name; });
  };
  if (is_discovery) {
    CHECK_FALSE(asked.headers.find("3gpp-sbi-target-apiroot"));
    CHECK(asked.headers.find("3gpp-sbi-discovery-target-nf-type") == std::optional<std::string_view>("AUSF"));
    CHECK(asked.headers.find("3gpp-sbi-discovery-service-names") == std::optional<std::string_view>("nausf-auth"));
    CHECK(asked.headers.find("3gpp-sbi-discovery-target-plmn-list") ==
          std::optional<std::string_view>(R"([{"mcc":"001","mnc":"01"}])"));
    for (const char* name : {"target-nf-type", "service-names", "target-plmn-list"})
      CHECK(count(std::string("3gpp-sbi-discovery-") + name) == 1);
  } else {
    CHECK(asked.headers.find("3gpp-sbi-target-apiroot") == std::optional<std::string_view>(old_ausf->uri()));
    CHECK(count("3gpp-sbi-target-apiroot") == 1);
  }
  CHECK(confirm(ausf_port, link(challenge)).status == 200);
  CHECK(scp.asked().at(1).headers.find("3gpp-sbi-target-apiroot") == std::optional<std::string_view>(old_ausf->uri()));
  CHECK(scp.asked().at(1).target == kContexts + "/1/5g-aka-confirmation");
  CHECK(old_ausf->times_asked() == 0);
}

TEST_CASE_METHOD(RoutingLab, "What names no subscriber goes where the default says", "[routing]") {
  FakeUdm shared;
  start_ausf({{pool(), home(old_core())}, peers_at({}, {shared->root()})});
  for (const std::string target :
       {"/nudm-sdm/v2/shared-data?shared-data-ids=1", "/nudm-sdm/v2/shared-data/1",
        "/nudm-sdm/v2/group-data/group-identifiers?ext-group-id=x", "/nudm-sdm/v2/multiple-identifiers?gpsi-list=x",
        "/nudm-uecm/v1/restore-pcscf", "/nudm-sdm/v2/msisdn-491700000001/id-translation-result",
        "/nudm-sdm/v2/nai-user@example.org/am-data"}) {
    CAPTURE(target);
    CHECK(caller.send_raw(ausf_port, "GET", target, "", {}).verdict() == "404 USER_NOT_FOUND");
    CHECK(shared->asked().back().target == target);
  }
  CHECK(old_udm->times_asked() == 0);
}
