#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <sstream>

#include "lib/profile/discovery_vector.hpp"
#include "tests/scenarios/access_lab.hpp"
#include "tests/scenarios/audit_lab.hpp"
#include "tests/scenarios/tls_lab.hpp"
#include "ue-sim/pki.hpp"

/// Who may call what (docs/ACCESS.md): every route of every function, asked for by a peer of each role and by a stranger. access_tokens_test.cpp asks
/// the same with tokens in the place of certificates.

using namespace test;

namespace {

using service::AccessRule;
using service::Role;

/// The DNS name in the certificate of the one peer of a role.
std::string dns_name_of(Role role) { return std::string(service::name(role)) + ".example"; }

struct AccessLab : TlsLab {
  /// True if the peer is let in by the guard, whatever becomes of the request then.
  bool is_let_in(const std::string& peer, std::uint16_t port, const AccessRule& rule, const std::string& method) {
    const Answer answer = by(peer).send_raw(port, method, target_of(rule.pattern), "", {});
    CAPTURE(answer.verdict(), answer.body);
    CHECK(answer.cause() != "RESOURCE_URI_STRUCTURE_NOT_FOUND");
    return !is_refused_for_role(answer);
  }
  void check_all(std::uint16_t port, const std::vector<AccessRule>& rules) {
    for_each_route(rules, [&](const AccessRule& rule, const std::string& method) { check_one(port, rule, method); });
  }
  void check_one(std::uint16_t port, const AccessRule& rule, const std::string& method) {
    CAPTURE(method, std::string(rule.pattern));
    CHECK(is_let_in("stranger.example", port, rule, method) == rule.roles.is_empty());
    for (const Role role : kAllRoles) {
      CAPTURE(dns_name_of(role));
      CHECK(is_let_in(dns_name_of(role), port, rule, method) == (rule.roles.is_empty() || rule.roles.has(role)));
    }
  }
};

/// `| method | path | who |` of the tables in docs/ACCESS.md.
std::set<std::string> documented() {
  std::ifstream file(std::string(FIRST_ATTACH_SOURCE_DIR) + "/docs/ACCESS.md");
  const std::regex row(R"(^\| `([A-Z*]+) (/[^`]*)` \| ([^|]*) \|.*)");
  std::set<std::string> out;
  for (std::string line; std::getline(file, line);) {
    std::smatch found;
    if (std::regex_match(line, found, row)) out.insert(found.str(1) + " " + found.str(2) + " | " + found.str(3));
  }
  return out;
}

void note(std::span<const AccessRule> rules, std::set<std::string>& out) {
  for (const AccessRule& rule : rules) {
    const std::string who = rule.roles.is_empty() ? "everybody" : std::regex_replace(rule.roles.text(), std::regex(" or "), ", ");
    out.insert(std::string(rule.method) + " " + std::string(rule.pattern) + " | " + who);
  }
}

}  // namespace

TEST_CASE("docs/ACCESS.md has each route and who may call it, and no other", "[access]") {
  std::set<std::string> coded;
  note(arpf::kAccessRules, coded);
  note(d_ausf::kAccessRules, coded);
  note(ausf_ext::kAccessRules, coded);
  note(service::core_rules(), coded);
  const auto written = documented();
  std::vector<std::string> missing;
  std::vector<std::string> wrong;
  std::set_difference(coded.begin(), coded.end(), written.begin(), written.end(), std::back_inserter(missing));
  std::set_difference(written.begin(), written.end(), coded.begin(), coded.end(), std::back_inserter(wrong));
  CHECK(missing.empty());
  CHECK(wrong.empty());
  for (const auto& one : missing) WARN("missing: " << one);
  for (const auto& one : wrong) WARN("wrong: " << one);
}

TEST_CASE_METHOD(AccessLab, "Each route of nf-arpf is for the roles of its rule, and for nobody else", "[access][arpf]") {
  start_arpf(with_roles(with_tls(arpf_config()), dns_name_of));
  check_all(arpf_port, rules_of_arpf());
}

TEST_CASE_METHOD(AccessLab, "Each route of nf-d-ausf is for the roles of its rule, and for nobody else", "[access][d-ausf]") {
  start_d_ausf(with_roles(with_tls(d_ausf_config()), dns_name_of));
  check_all(d_ausf_port, rules_of_d_ausf());
}

TEST_CASE_METHOD(AccessLab, "Each route of nf-ausf-ext is for the roles of its rule, and for nobody else", "[access][ausf-ext]") {
  start_ausf_ext(with_roles(with_tls(ausf_ext_config()), dns_name_of));
  check_all(ausf_port, rules_of_ausf_ext());
}

TEST_CASE("A route without a rule is not served at all", "[access]") {
  sbi::Router router;
  router.add("GET", "/narpf-certificates/v1/certificates", sbi::BodyKind::none, sbi::PlainHandler());
  CHECK(service::rules_of(router, arpf::kAccessRules).size() == 1);
  router.add("GET", "/narpf-certificates/v1/private-keys", sbi::BodyKind::none, sbi::PlainHandler());
  CHECK_THROWS_WITH(service::rules_of(router, arpf::kAccessRules), Catch::Contains("no rule says who may GET /narpf-certificates/v1/private-keys"));
}

namespace {

const std::string kRoot = "/nausfext-onboarding/v1";

/// A target AUSF with two service providers, an RSMF and an administrator, in front of an ARPF and a D-AUSF of the lab.
struct ProvidersLab : TlsLab {
  ProvidersLab() {
    start_arpf();
    start_d_ausf();
    auto config = with_tls(ausf_ext_config());
    for (const char* provider : {"sp1.example", "sp2.example"}) config.access.add(provider, Role::service_provider);
    config.access.add("rsmf.example", Role::rsmf);
    config.access.add("admin.example", Role::administrator);
    start_ausf_ext(config);
    REQUIRE(offer_as("sp1.example", device) == "201");
  }
  std::string as(const std::string& peer, const std::string& method, const std::string& path, const json& body = nullptr) {
    return verdict(by(peer), ausf_port, method, kRoot + path, body);
  }
  std::string offer_as(const std::string& peer, const SecureElement& offered) {
    return as(peer, "PUT", "/devices/" + offered.dimsi, offer(offered));
  }
  std::vector<std::string> listed_by(const std::string& peer, const std::string& query = "") {
    const json body = by(peer).send(ausf_port, "GET", kRoot + "/devices" + query).content();
    std::vector<std::string> out;
    for (const auto& one : body["devices"]) out.push_back(one["dimsi"]);
    return out;
  }
  std::string import_as(const std::string& peer, const SecureElement& offered) {
    json line = offer(offered);
    line["dimsi"] = offered.dimsi;
    const Answer answer = by(peer).send(ausf_port, "POST", kRoot + "/imports", line.dump() + "\n", {{"content-type", "application/x-ndjson"}});
    return "/imports/" + answer.content()["importId"].get<std::string>();
  }

  SecureElement device = make_device("901700000000001");
  SecureElement other = make_device("901700000000002");
};

using Dimsis = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(ProvidersLab, "A service provider sees the devices and imports that it made, and no others", "[access][ausf-ext]") {
  REQUIRE(offer_as("sp2.example", other) == "201");
  CHECK(as("sp1.example", "GET", "/devices/" + device.dimsi) == "200");
  CHECK(as("sp2.example", "GET", "/devices/" + device.dimsi) == "403 NOT_OWNER");
  CHECK(as("rsmf.example", "GET", "/devices/" + device.dimsi) == "200");
  CHECK(as("admin.example", "GET", "/devices/" + device.dimsi) == "200");
  CHECK(listed_by("sp1.example") == Dimsis{device.dimsi});
  CHECK(listed_by("sp2.example") == Dimsis{other.dimsi});
  CHECK(listed_by("sp2.example", "?state=PRELOADED") == Dimsis{other.dimsi});
  CHECK(listed_by("sp2.example", "?state=FAILED").empty());
  CHECK(listed_by("rsmf.example") == Dimsis{device.dimsi, other.dimsi});
  CHECK(listed_by("admin.example") == Dimsis{device.dimsi, other.dimsi});

  const std::string import = import_as("sp1.example", make_device("901700000000003"));
  for (const std::string& path : {import, import + "/problems"}) {
    CHECK(as("sp1.example", "GET", path) == "200");
    CHECK(as("sp2.example", "GET", path) == "403 NOT_OWNER");
    CHECK(as("admin.example", "GET", path) == "200");
  }
}

TEST_CASE_METHOD(ProvidersLab, "A service provider does not offer what another one did, until it is retired", "[access][ausf-ext][step-0d]") {
  CHECK(offer_as("sp2.example", device) == "403 NOT_OWNER");                     // the same offer: it is told nothing of its state
  CHECK(offer_as("sp2.example", make_device(device.dimsi)) == "403 NOT_OWNER");  // nor is another one of use
  CHECK(offer_as("sp1.example", device) == "200");
  const std::string import = import_as("sp2.example", device);
  const json status = by("sp2.example").send(ausf_port, "GET", kRoot + import).content();
  CHECK(status["failed"] == 1);
  CHECK(as("sp1.example", "POST", "/devices/" + device.dimsi + "/retire") == "403 NOT_OWNER");
  CHECK(as("rsmf.example", "POST", "/devices/" + device.dimsi + "/retire") == "204");
  CHECK(offer_as("sp2.example", device) == "201");  // the same offer is another provider's now, and its own to see
  CHECK(offer_as("sp2.example", make_device(device.dimsi)) == "201");
  CHECK(as("sp1.example", "GET", "/devices/" + device.dimsi) == "403 NOT_OWNER");
}

TEST_CASE_METHOD(ProvidersLab, "A service provider offers the dIMSIs of its ranges only", "[access][ausf-ext][step-0d]") {
  const auto range = [](const std::string& from, const std::string& to) {
    return core::ImsiRange{*profile::Imsi::from_digits(from), *profile::Imsi::from_digits(to)};
  };
  ausf.reset();
  auto config = with_tls(ausf_ext_config());
  config.common.database = folder / "ranges.db";  // under a key of its own
  for (const char* provider : {"sp1.example", "sp2.example", "sp3.example"}) config.access.add(provider, Role::service_provider);
  config.providers = ausf_ext::Providers({{"sp1.example", {range("901700000000000", "901700000000099"), range("901700000000200", "901700000000200")}},
                                          {"sp2.example", {range("901700000000050", "901700000000199")}}});
  start_ausf_ext(config);
  CHECK(offer_as("sp1.example", make_device("901700000000000")) == "201");
  CHECK(offer_as("sp1.example", make_device("901700000000099")) == "201");
  CHECK(offer_as("sp1.example", make_device("901700000000200")) == "201");
  CHECK(offer_as("sp1.example", make_device("901700000000100")) == "403 NOT_OWNER");
  CHECK(offer_as("sp1.example", make_device("90170000000010")) == "403 NOT_OWNER");  // another length
  CHECK(offer_as("sp2.example", make_device("901700000000100")) == "201");
  CHECK(offer_as("sp2.example", make_device("901700000000049")) == "403 NOT_OWNER");
  CHECK(offer_as("sp2.example", make_device("901700000000099")) == "403 NOT_OWNER");  // in both ranges: the first that offered it has it
  CHECK(offer_as("sp3.example", make_device("901700000000060")) == "403 NOT_OWNER");  // it has no entry
  const std::string import = import_as("sp2.example", make_device("901700000000010"));
  CHECK(by("sp2.example").send(ausf_port, "GET", kRoot + import).content()["failed"] == 1);
}

TEST_CASE_METHOD(AuditLab, "The answer to an offer tells nothing of a device that is another provider's by then", "[access][ausf-ext][step-0d]") {
  start_arpf();
  start_d_ausf();
  auto config = audited(with_tls(ausf_ext_config()), "ausf-ext.audit");
  for (const char* provider : {"sp1.example", "sp2.example"}) config.access.add(provider, Role::service_provider);
  start_ausf_ext(config);
  const SecureElement device = make_device("901700000000001");
  const auto offer_it = [&] { return verdict(by("sp1.example"), ausf_port, "PUT", kRoot + "/devices/" + device.dimsi, offer(device)); };
  const bool is_known = GENERATE(false, true);
  const bool changes_hands = GENERATE(false, true);
  CAPTURE(is_known, changes_hands);
  if (is_known) REQUIRE(offer_it() == "201");
  const std::string provider = changes_hands ? "sp2.example" : "sp1.example";
  at_next_audit_sync([path = folder / "ausf-ext.db", provider] { store::Database::open(path).run("UPDATE devices SET offered_by = $1", provider); });
  CHECK(offer_it() == (changes_hands ? "403 NOT_OWNER" : is_known ? "200" : "201"));
  CHECK(has_audit_sync_come());
}

TEST_CASE_METHOD(AuditLab, "A receipt is reported by a D-AUSF that the configuration names, and by nobody else", "[access][ausf-ext][receipt][step-7]") {
  start_arpf();
  start_d_ausf();
  auto config = audited(with_tls(ausf_ext_config()), "ausf-ext.audit");
  config.access = service::Access({{"sp.example", {Role::service_provider}, {}},
                                   {"rsmf.example", {Role::rsmf}, {}},
                                   {"admin.example", {Role::administrator}, {}},
                                   {"d-ausf.example", {Role::d_ausf}, {}}});
  start_ausf_ext(config);
  const SecureElement device = make_device("901700000000001");
  const std::string path = kRoot + "/devices/" + device.dimsi;
  const Answer offered = by("sp.example").send(ausf_port, "PUT", path, offer(device).dump());
  REQUIRE(offered.content()["state"] == "PRELOADED");
  const std::string imsi = offered.content()["imsi"];
  const auto auts = profile::make_receipt(*device.ephemeral_key, *profile::DiscoveryImsi::from_digits(device.dimsi), *profile::Imsi::from_digits(imsi), 2);
  const json report{{"dimsi", device.dimsi}, {"imsi", imsi}, {"auts", base::to_hex(auts.reveal())}, {"receivedAt", "2026-11-25T07:02:11.912Z"}};
  const auto told_by = [&](const std::string& peer) { return verdict(by(peer), ausf_port, "POST", kRoot + "/receipts", report); };
  const auto state = [&] { return by("sp.example").send(ausf_port, "GET", path).content()["state"].get<std::string>(); };
  const std::vector<std::string> others{"sp.example", "rsmf.example", "admin.example", "stranger.example"};
  for (const std::string& peer : others) CHECK(told_by(peer) == "403 NOT_OWNER");
  CHECK(state() == "PRELOADED");
  CHECK(told_by("d-ausf.example") == "204");
  CHECK(state() == "RECEIVED");
  ausf.reset();
  std::vector<std::string> refused;
  for (const json& line : audit_lines(folder / "ausf-ext.audit")) {
    if (line["action"] != "REFUSAL") continue;
    CHECK(line["cause"] == "NOT_OWNER");
    CHECK(line["target"] == "POST " + kRoot + "/receipts");
    refused.push_back(line["peer"]);
  }
  CHECK(refused == others);
}

TEST_CASE_METHOD(TlsLab, "An access network asks for the serving networks that it speaks for", "[access][ausf-ext][step-8]") {
  start_arpf();
  start_d_ausf();
  auto config = with_tls(ausf_ext_config());
  config.access = service::Access({{"sp.example", {Role::service_provider}, {}},
                                   {"amf.example", {Role::access_network}, {kServingNetwork}},
                                   {"ausf.example", {Role::ausf}, {kServingNetwork}},
                                   {"any.example", {Role::access_network, Role::ausf}, {}}});
  start_ausf_ext(config);
  const SecureElement device = make_device("901700000000001");
  const Answer offered = by("sp.example").send(ausf_port, "PUT", kRoot + "/devices/" + device.dimsi, offer(device).dump());
  REQUIRE(offered.status == 201);
  const std::string supi = "imsi-" + offered.content()["imsi"].get<std::string>();
  const std::string elsewhere = "5G:mnc002.mcc001.3gppnetwork.org";
  const auto challenge = [&](const std::string& peer, const std::string& network) {
    return verdict(by(peer), ausf_port, "POST", kContexts, {{"supiOrSuci", supi}, {"servingNetworkName", network}});
  };
  const auto vector = [&](const std::string& peer, const std::string& network) {
    return verdict(by(peer), ausf_port, "POST", "/nudm-ueau/v1/" + supi + "/security-information/generate-auth-data",
                   {{"servingNetworkName", network}, {"ausfInstanceId", "00000000-0000-4000-8000-000000000001"}});
  };
  CHECK(challenge("amf.example", kServingNetwork) == "201");
  CHECK(challenge("amf.example", elsewhere) == "403 SERVING_NETWORK_NOT_AUTHORIZED");
  CHECK(challenge("any.example", elsewhere) == "201");
  CHECK(vector("ausf.example", kServingNetwork) == "200");
  CHECK(vector("ausf.example", elsewhere) == "403 SERVING_NETWORK_NOT_AUTHORIZED");
  CHECK(vector("any.example", elsewhere) == "200");
  CHECK(vector("amf.example", kServingNetwork) == "403 NOT_OWNER");
  const auto event = [&](const std::string& peer, const std::string& network) {
    return verdict(by(peer), ausf_port, "POST", "/nudm-ueau/v1/" + supi + "/auth-events",
                   {{"nfInstanceId", "00000000-0000-4000-8000-000000000001"}, {"success", true}, {"timeStamp", "2026-11-30T04:00:00Z"},
                    {"authType", "5G_AKA"}, {"servingNetworkName", network}});
  };
  const auto state = [&] { return by("sp.example").send(ausf_port, "GET", kRoot + "/devices/" + device.dimsi).content()["state"]; };
  CHECK(event("ausf.example", elsewhere) == "403 SERVING_NETWORK_NOT_AUTHORIZED");
  CHECK(state() == "PRELOADED");
  CHECK(event("ausf.example", kServingNetwork) == "201");
  CHECK(state() == "ATTACHED");
}

TEST_CASE_METHOD(TlsLab, "A D-AUSF gives a dIMSI's challenge for the serving networks that a peer speaks for", "[access][d-ausf][step-4]") {
  auto config = with_tls(d_ausf_config());
  config.owners = d_ausf::Owners({{"owner.example", std::nullopt, {}}});
  config.peers = {{"amf.example", {Role::access_network}, {kServingNetwork}},
                  {"ausf.example", {Role::ausf}, {kServingNetwork}},
                  {"any.example", {Role::access_network, Role::ausf}, {}}};
  start_d_ausf(config);
  REQUIRE(verdict(by("owner.example"), d_ausf_port, "PUT", kVector,
                  {{"rand", std::string(32, 'a')}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}}) == "201");
  const std::string supi = std::string("imsi-") + kDimsi;
  const auto network = [](const std::string& mnc) { return "5G:mnc0" + mnc + ".mcc001.3gppnetwork.org"; };
  const auto verdicts = [&](const std::string& peer, const std::string& mnc) {
    const std::string root = "/nudm-ueau/v1/" + supi;
    return std::vector<std::string>{
        verdict(by(peer), d_ausf_port, "POST", kContexts, {{"supiOrSuci", supi}, {"servingNetworkName", network(mnc)}}),
        verdict(by(peer), d_ausf_port, "POST", root + "/security-information/generate-auth-data",
                {{"servingNetworkName", network(mnc)}, {"ausfInstanceId", "00000000-0000-4000-8000-000000000001"}}),
        verdict(by(peer), d_ausf_port, "POST", root + "/hss-security-information/eps-aka/generate-av",
                {{"hssAuthType", "EPS_AKA"}, {"numOfRequestedVectors", 1}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", mnc}}}})};
  };
  using Verdicts = std::vector<std::string>;
  const std::string role = "403 NOT_OWNER";
  const std::string refused = "403 SERVING_NETWORK_NOT_AUTHORIZED";
  CHECK(verdicts("amf.example", "01") == Verdicts{"201", role, role});
  CHECK(verdicts("amf.example", "02") == Verdicts{refused, role, role});
  CHECK(verdicts("ausf.example", "01") == Verdicts{role, "200", "200"});
  CHECK(verdicts("ausf.example", "02") == Verdicts{role, refused, refused});
  CHECK(verdicts("any.example", "02") == Verdicts{"201", "200", "200"});
}

TEST_CASE_METHOD(TlsLab, "An HSS is given keys for the serving networks that it speaks for, whatever it says of itself besides", "[access][ausf-ext][hss]") {
  start_arpf();
  start_d_ausf();
  auto config = with_tls(ausf_ext_config());
  config.access = service::Access({{"sp.example", {Role::service_provider}, {}},
                                   {"hss.example", {Role::ausf}, {kServingNetwork}},
                                   {"aaa.example", {Role::ausf}, {kServingNetwork, "WLAN", "EAP_AKA"}},
                                   {"any.example", {Role::ausf}, {}}});
  start_ausf_ext(config);
  const SecureElement device = make_device("901700000000001");
  const Answer offered = by("sp.example").send(ausf_port, "PUT", kRoot + "/devices/" + device.dimsi, offer(device).dump());
  REQUIRE(offered.status == 201);
  const std::string root = "/nudm-ueau/v1/imsi-" + offered.content()["imsi"].get<std::string>() + "/hss-security-information/";
  const auto vector = [&](const std::string& peer, const std::string& in_uri, const std::string& type, const std::string& mnc,
                          const std::string& an_id = "") {
    json body{{"hssAuthType", type}, {"numOfRequestedVectors", 1}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", mnc}}}};
    if (!an_id.empty()) body["anId"] = an_id;
    return verdict(by(peer), ausf_port, "POST", root + in_uri + "/generate-av", body);
  };
  const std::string refused = "403 SERVING_NETWORK_NOT_AUTHORIZED";
  const std::string elsewhere = "5G:mnc002.mcc001.3gppnetwork.org";
  CHECK(vector("hss.example", "eps-aka", "EPS_AKA", "01") == "200");
  CHECK(vector("hss.example", "eps-aka", "EPS_AKA", "02") == refused);
  CHECK(vector("hss.example", "eap-aka-prime", "EAP_AKA_PRIME", "01", kServingNetwork) == "200");
  CHECK(vector("hss.example", "eap-aka-prime", "EAP_AKA_PRIME", "01", elsewhere) == refused);  // its own PLMN beside another's name
  CHECK(vector("hss.example", "eap-aka-prime", "EAP_AKA_PRIME", "01", "WLAN") == refused);     // good for any network's WLAN
  CHECK(vector("hss.example", "eap-aka", "EAP_AKA", "01") == refused);
  CHECK(vector("hss.example", "umts-aka", "UMTS_AKA", "01") == refused);
  CHECK(vector("aaa.example", "eap-aka-prime", "EAP_AKA_PRIME", "01", "WLAN") == "200");
  CHECK(vector("aaa.example", "eap-aka", "EAP_AKA", "01") == "200");
  CHECK(vector("aaa.example", "umts-aka", "UMTS_AKA", "01") == refused);
  CHECK(vector("any.example", "eap-aka-prime", "EAP_AKA_PRIME", "01", elsewhere) == "200");
  CHECK(vector("any.example", "eap-aka-prime", "EAP_AKA_PRIME", "01", "WLAN") == "200");
  CHECK(vector("any.example", "umts-aka", "UMTS_AKA", "02") == "200");
}

namespace {

/// How the functions tell who is asking.
enum class Knowing { nobody, certificates, tokens };

/// config/*.yaml, with keys of its own and at free ports of 127.0.0.1.
struct ShippedLab : Lab {
  ShippedLab() {
    ue_sim::PkiRequest request;
    request.directory = folder / "pki";
    (void)ue_sim::make_pki(request);
  }
  [[nodiscard]] service::YamlDocument document(const std::string& name, Knowing knowing) const {
    std::ifstream file(std::string(FIRST_ATTACH_SOURCE_DIR) + "/config/" + name + ".yaml");
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto replace = [&text](const char* what, const std::string& by) { text = std::regex_replace(text, std::regex(what), by); };
    if (knowing != Knowing::nobody) replace("(^|\n)#~", "$1  ");  // mutual TLS, as scripts/demo --tls has it
    if (knowing == Knowing::tokens) {
      replace("verify_client: true", "verify_client: false");
      replace("\n    http1:", "\n    oauth2: {mode: required, issuer: nrf, keys: [{file: lab/pki/tls-ca.pem, algorithm: ES256}], audiences: [TEST]}\n    http1:");
    }
    replace("address: 127\\.0\\.0\\.[345]0", "address: 127.0.0.1");
    replace("port: (7777|8080)", "port: 0");
    replace("\\n    http1:", "\n    limits: {max_wait_ms: 20000}\n    http1:");  // a machine that does other things too is no overload
    replace("lab/", folder / "");
    return service::YamlDocument::parse(text, name);
  }
  /// HTTP/1.1 of a function serves its own routes if it knows nobody, else what every function has and nothing besides.
  static void check_http1(const service::Program& program, const service::Function& function, std::span<const AccessRule> own, Knowing knowing) {
    CAPTURE(program.name);
    CHECK(function.common.knows_peers == (knowing != Knowing::nobody));
    const service::Running running(program, function);
    const std::uint16_t port = running.http1_ports().at(0);
    CHECK(send_http1(port, "GET", "/health", "", {}).content()["status"] == "UP");
    CHECK_THAT(send_http1(port, "GET", "/metrics", "", {}).body, Catch::Contains("first_attach_http2_answers_total{status=\"2xx\"} 0") &&
                   Catch::Contains("\nfirst_attach_http1_connections_refused_total 0\n"));
    const std::string not_there = "404 RESOURCE_URI_STRUCTURE_NOT_FOUND";
    for (const AccessRule& rule : own) {
      CAPTURE(std::string(rule.method), std::string(rule.pattern));
      const Answer answer = send_http1(port, std::string(rule.method), target_of(rule.pattern), "", {});
      CHECK((answer.verdict() == not_there) == (knowing != Knowing::nobody));
    }
    if (knowing == Knowing::nobody) return;
    for (const AccessRule& rule : rules_of({}, true)) {
      if (rule.method == "*" || rule.method == "PATCH") continue;
      CAPTURE(std::string(rule.pattern));
      CHECK(send_http1(port, std::string(rule.method), target_of(rule.pattern), "", {}).verdict() == not_there);
    }
  }
};

}  // namespace

TEST_CASE_METHOD(ShippedLab, "Where peers are known, HTTP/1.1 serves health and metrics, and nothing else", "[access][http1]") {
  const Knowing knowing = GENERATE(Knowing::nobody, Knowing::certificates, Knowing::tokens);
  CAPTURE(static_cast<int>(knowing));
  check_http1(arpf::kProgram, arpf::make_function(document("arpf", knowing)), arpf::kAccessRules, knowing);
  check_http1(d_ausf::kProgram, d_ausf::make_function(document("d-ausf", knowing)), d_ausf::kAccessRules, knowing);
  check_http1(ausf_ext::kProgram, ausf_ext::make_function(document("ausf-ext", knowing)), ausf_ext::kAccessRules, knowing);
}
