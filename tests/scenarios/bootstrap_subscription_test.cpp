#include <atomic>
#include <catch2/catch.hpp>

#include "lib/store/database.hpp"
#include "nf-ausf-ext/registrations.hpp"
#include "tests/scenarios/lab.hpp"

/// The requests of Open5GS' AMF and SMF as its sources build them (src/amf/nudm-build.c, src/smf/nudm-build.c), answered for an
/// allocated IMSI; and what its readers insist on (lib/sbi/message.c, src/amf/nudm-handler.c, src/smf/nudm-handler.c).

using namespace test;

namespace {

const std::string kAmf = "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01";
const std::string kSmf = "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a02";
const std::string kPlmnId = "plmn-id=%7B%22mcc%22%3A%22001%22%2C%22mnc%22%3A%2201%22%7D";
const std::string kSlice = "single-nssai=%7B%22sst%22%3A1%2C%22sd%22%3A%22000001%22%7D";
const HeaderList kMergePatch{{"content-type", "application/merge-patch+json"}};

json guami() { return {{"plmnId", {{"mcc", "001"}, {"mnc", "01"}}}, {"amfId", "020040"}}; }

json amf_registration() {
  return {{"amfInstanceId", kAmf},
          {"pei", "imeisv-4370816125816151"},
          {"deregCallbackUri", "http://127.0.0.5:7777/namf-callback/v1/imsi-001010000000001/dereg-notify"},
          {"initialRegistrationInd", true},
          {"guami", guami()},
          {"ratType", "NR"}};
}

json smf_registration(int id) {
  return {{"smfInstanceId", kSmf},
          {"pduSessionId", id},
          {"singleNssai", {{"sst", 1}, {"sd", "000001"}}},
          {"dnn", "rsmf"},
          {"plmnId", {{"mcc", "001"}, {"mnc", "01"}}}};
}

json amf_subscription(const std::string& supi) {
  return {{"nfInstanceId", kAmf},
          {"implicitUnsubscribe", true},
          {"callbackReference", "http://127.0.0.5:7777/namf-callback/v1/" + supi + "/sdmsubscription-notify"},
          {"monitoredResourceUris", {supi + "/am-data"}},
          {"supportedFeatures", "20"},
          {"uniqueSubscription", true}};
}

json smf_subscription(const std::string& supi) {
  json out = amf_subscription(supi);
  out["nfInstanceId"] = kSmf;
  out["monitoredResourceUris"] = {supi + "/sm-data"};
  out["dnn"] = "rsmf";
  out["singleNssai"] = {{"sst", 1}, {"sd", "000001"}};
  out["plmnId"] = {{"mcc", "001"}, {"mnc", "01"}};
  return out;
}

ausf_ext::BootstrapSubscription subscription() {
  using namespace ausf_ext;
  const Ambr ambr{*BitRate::from_text("1 Mbps"), *BitRate::from_text("2 Mbps")};
  const DnnProfile rsmf{"rsmf", {PduSessionType::ipv4, PduSessionType::ipv6}, 1, 9, {8, false, true}, ambr};
  DnnProfile internet = rsmf;
  internet.name = "internet";
  internet.pdu_session_types = {PduSessionType::ipv4};
  return {ambr, 5, {{{1, 1}, true, {rsmf, internet}}, {{2, std::nullopt}, false, {internet}}}};
}

/// No array of an answer is empty: Open5GS drops the whole message for one.
bool has_empty_array(const json& node) {
  if (node.is_array() && node.empty()) return true;
  return node.is_structured() && std::any_of(node.begin(), node.end(), has_empty_array);
}

struct BootstrapFixture : Lab {
  BootstrapFixture() : config(ausf_ext_config()) { config.bootstrap_subscription = subscription(); }

  void start() {
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
  }

  /// Steps (0-d) to (2); the SUPI.
  std::string onboard(const SecureElement& se) {
    const Answer offered = to_ausf("PUT", kDevices + se.dimsi, offer(se));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    return "imsi-" + offered.content()["imsi"].get<std::string>();
  }

  /// Steps (3) to (10).
  void attach(const SecureElement& se, const std::string& supi) {
    const auto challenge = [this](std::uint16_t port, const std::string& identity) {
      const json body{{"supiOrSuci", identity}, {"servingNetworkName", kServingNetwork}};
      return caller.send(port, "POST", "/nausf-auth/v1/ue-authentications", body.dump()).content();
    };
    const auto octets = [](const json& context, const char* name) {
      return *base::from_hex_exactly<16>(context["5gAuthData"][name].get<std::string>());
    };
    ue_sim::Device device = se.device();
    const json first = challenge(d_ausf_port, "imsi-" + se.dimsi);
    REQUIRE(ue_sim::take_imsi(device, octets(first, "rand"), octets(first, "autn")));
    const json second = challenge(ausf_port, supi);
    const auto answer = ue_sim::answer_challenge(device, octets(second, "rand"), octets(second, "autn"), kServingNetwork);
    const auto& ue = std::get<ue_sim::UeAnswer>(answer);
    const std::string path = sbi::Uri::parse(second["_links"]["5g-aka"]["href"].get<std::string>()).path;
    const Answer confirmed = to_ausf("PUT", path, {{"resStar", base::to_hex(ue.res_star.reveal())}});
    REQUIRE(confirmed.content()["authResult"] == "AUTHENTICATION_SUCCESS");
  }

  std::string attached(const std::string& dimsi = kDimsi) {
    const SecureElement se = make_device(dimsi);
    const std::string supi = onboard(se);
    attach(se, supi);
    return supi;
  }

  Answer sdm(const std::string& path) {
    Answer answer = to_ausf("GET", "/nudm-sdm/v2/" + path);
    if (answer.status == 200) CHECK_FALSE(has_empty_array(answer.content()));
    return answer;
  }
  static std::string amf_path(const std::string& supi) { return "/nudm-uecm/v1/" + supi + "/registrations/amf-3gpp-access"; }
  static std::string smf_path(const std::string& supi, int id) {
    return "/nudm-uecm/v1/" + supi + "/registrations/smf-registrations/" + std::to_string(id);
  }
  static std::string subscriptions(const std::string& supi) { return "/nudm-sdm/v2/" + supi + "/sdm-subscriptions"; }
  static std::string path_of(const Answer& created) { return sbi::Uri::parse(created.header("location")).path; }
  Answer patch(const std::string& supi, const json& body) { return to_ausf("PATCH", amf_path(supi), body, kMergePatch); }

  /// Every request that is served, sound for `supi`.
  struct Wanted {
    std::string method;
    std::string path;
    json body;
  };
  static std::vector<Wanted> every_request(const std::string& supi) {
    const std::string sdm = "/nudm-sdm/v2/" + supi;
    return {{"GET", sdm + "?dataset-names=AM,SMF_SEL", nullptr},
            {"GET", sdm + "/am-data?" + kPlmnId, nullptr},
            {"GET", sdm + "/nssai", nullptr},
            {"GET", sdm + "/smf-select-data", nullptr},
            {"GET", sdm + "/sm-data?" + kSlice, nullptr},
            {"GET", sdm + "/ue-context-in-smf-data", nullptr},
            {"POST", subscriptions(supi), amf_subscription(supi)},
            {"DELETE", subscriptions(supi) + "/0", nullptr},
            {"GET", amf_path(supi), nullptr},
            {"PUT", amf_path(supi), amf_registration()},
            {"PATCH", amf_path(supi), {{"guami", guami()}, {"purgeFlag", true}}},
            {"GET", smf_path(supi, 5), nullptr},
            {"PUT", smf_path(supi, 5), smf_registration(5)},
            {"DELETE", smf_path(supi, 5), nullptr}};
  }

  ausf_ext::Config config;
};

}  // namespace

TEST_CASE_METHOD(BootstrapFixture, "A device is registered as Open5GS' AMF does it", "[bootstrap][uecm][sdm]") {
  start();
  const std::string supi = attached();

  const Answer registered = to_ausf("PUT", amf_path(supi), amf_registration());
  CHECK(registered.status == 201);
  CHECK(registered.content_type == "application/json");
  CHECK(registered.content() == amf_registration());
  CHECK(registered.header("location") == "http://127.0.0.1:" + std::to_string(ausf_port) + amf_path(supi));

  const json slice{{"sst", 1}, {"sd", "000001"}};
  const json nssai{{"defaultSingleNssais", {slice}}, {"singleNssais", {{{"sst", 2}}}}};
  const Answer am_data = sdm(supi + "/am-data?" + kPlmnId);
  CHECK(am_data.status == 200);
  CHECK(am_data.content_type == "application/json");
  CHECK(am_data.content() == json{{"subscribedUeAmbr", {{"uplink", "1 Mbps"}, {"downlink", "2 Mbps"}}}, {"nssai", nssai}, {"rfspIndex", 5}});
  CHECK(sdm(supi + "/nssai").content() == nssai);

  const json selection = sdm(supi + "/smf-select-data?" + kPlmnId).content();
  CHECK(selection["subscribedSnssaiInfos"]["1-000001"]["dnnInfos"] ==
        json{{{"dnn", "rsmf"}, {"defaultDnnIndicator", true}}, {{"dnn", "internet"}, {"defaultDnnIndicator", false}}});
  CHECK(selection["subscribedSnssaiInfos"]["2"]["dnnInfos"] == json{{{"dnn", "internet"}, {"defaultDnnIndicator", true}}});

  const Answer context = sdm(supi + "/ue-context-in-smf-data?" + kPlmnId);
  CHECK(context.status == 200);
  CHECK(context.content() == json::object());

  const Answer subscribed = to_ausf("POST", subscriptions(supi), amf_subscription(supi));
  CHECK(subscribed.status == 201);
  json expected = amf_subscription(supi);
  expected["subscriptionId"] = subscribed.content()["subscriptionId"];
  CHECK(subscribed.content() == expected);
  CHECK(subscribed.header("location") == "http://127.0.0.1:" + std::to_string(ausf_port) + subscriptions(supi) + "/" +
                                             expected["subscriptionId"].get<std::string>());

  SECTION("the UE deregisters") {
    CHECK(to_ausf("DELETE", path_of(subscribed)).status == 204);
    CHECK(to_ausf("DELETE", path_of(subscribed)).verdict() == "404 CONTEXT_NOT_FOUND");
    const Answer purged = patch(supi, {{"guami", guami()}, {"purgeFlag", true}});
    CHECK(purged.status == 204);
    CHECK(purged.body.empty());
    CHECK(to_ausf("GET", amf_path(supi)).content()["purgeFlag"] == true);
  }
  SECTION("the UE registers again, at the same AMF: 200; what was purged is not any more") {
    CHECK(patch(supi, {{"guami", guami()}, {"purgeFlag", true}}).status == 204);
    const Answer again = to_ausf("PUT", amf_path(supi), amf_registration());
    CHECK(again.status == 200);
    CHECK(again.content() == amf_registration());
    CHECK_FALSE(to_ausf("GET", amf_path(supi)).content().contains("purgeFlag"));
  }
  SECTION("another AMF takes over, and the first one may change nothing any more") {
    json other = amf_registration();
    other["amfInstanceId"] = kSmf;
    other["guami"]["amfId"] = "020041";
    CHECK(to_ausf("PUT", amf_path(supi), other).status == 200);
    CHECK(to_ausf("GET", amf_path(supi)).content() == other);
    CHECK(patch(supi, {{"guami", guami()}, {"purgeFlag", true}}).verdict() == "403 INVALID_GUAMI");
    CHECK(to_ausf("GET", amf_path(supi)).content() == other);
  }
  SECTION("a registration outlives the function") {
    ausf.reset();
    start_ausf_ext(config);
    CHECK(to_ausf("GET", amf_path(supi)).content() == amf_registration());
    CHECK(to_ausf("DELETE", path_of(subscribed)).status == 204);
  }
  SECTION("a modification changes what it may, and nothing else") {
    const json change{{"guami", guami()}, {"pei", nullptr}, {"imsVoPs", "HOMOGENEOUS_NON_SUPPORT"}, {"amfInstanceId", kSmf}, {"ratType", nullptr}};
    CHECK(patch(supi, change).status == 204);
    json changed = amf_registration();
    changed.erase("pei");
    changed["imsVoPs"] = "HOMOGENEOUS_NON_SUPPORT";
    CHECK(to_ausf("GET", amf_path(supi)).content() == changed);
  }
  SECTION("the patch may be called plain JSON, but nothing else, over both front ends") {
    const json body{{"guami", guami()}};
    CHECK(to_ausf("PATCH", amf_path(supi), body).status == 204);
    CHECK(to_ausf("PATCH", amf_path(supi), body, {{"content-type", "application/json-patch+json"}}).status == 415);
    const std::uint16_t http1 = ausf->http1_ports().front();
    CHECK(send_http1(http1, "PATCH", amf_path(supi), body.dump(), kMergePatch).status == 204);
    CHECK(send_http1(http1, "GET", "/nudm-sdm/v2/" + supi + "/am-data?" + kPlmnId, "", {}).body == am_data.body);
  }
}

TEST_CASE_METHOD(BootstrapFixture, "A PDU session is set up as Open5GS' SMF does it", "[bootstrap][uecm][sdm]") {
  start();
  const std::string supi = attached();

  const Answer registered = to_ausf("PUT", smf_path(supi, 5), smf_registration(5));
  CHECK(registered.status == 201);
  CHECK(registered.content() == smf_registration(5));
  CHECK(registered.header("location") == "http://127.0.0.1:" + std::to_string(ausf_port) + smf_path(supi, 5));
  CHECK(to_ausf("PUT", smf_path(supi, 5), smf_registration(5)).status == 200);
  CHECK(to_ausf("GET", smf_path(supi, 5)).content() == smf_registration(5));

  const Answer data = sdm(supi + "/sm-data?" + kSlice + "&" + kPlmnId + "&dnn=rsmf");
  CHECK(data.status == 200);
  const json configuration{
      {"pduSessionTypes", {{"defaultSessionType", "IPV4"}, {"allowedSessionTypes", {"IPV4", "IPV6"}}}},
      {"sscModes", {{"defaultSscMode", "SSC_MODE_1"}, {"allowedSscModes", {"SSC_MODE_1"}}}},
      {"5gQosProfile",
       {{"5qi", 9}, {"arp", {{"priorityLevel", 8}, {"preemptCap", "NOT_PREEMPT"}, {"preemptVuln", "PREEMPTABLE"}}}}},
      {"sessionAmbr", {{"uplink", "1 Mbps"}, {"downlink", "2 Mbps"}}}};
  const json wanted = json::array({{{"singleNssai", {{"sst", 1}, {"sd", "000001"}}}, {"dnnConfigurations", {{"rsmf", configuration}}}}});
  CHECK(data.content() == wanted);

  const Answer subscribed = to_ausf("POST", subscriptions(supi), smf_subscription(supi));
  CHECK(subscribed.status == 201);
  const json session{{"dnn", "rsmf"},
                     {"smfInstanceId", kSmf},
                     {"plmnId", {{"mcc", "001"}, {"mnc", "01"}}},
                     {"singleNssai", {{"sst", 1}, {"sd", "000001"}}}};
  CHECK(sdm(supi + "/ue-context-in-smf-data").content() == json{{"pduSessions", {{"5", session}}}});

  CHECK(to_ausf("DELETE", path_of(subscribed)).status == 204);
  CHECK(to_ausf("DELETE", smf_path(supi, 5)).status == 204);
  CHECK(to_ausf("DELETE", smf_path(supi, 5)).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(to_ausf("GET", smf_path(supi, 5)).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(sdm(supi + "/ue-context-in-smf-data").content() == json::object());
}

TEST_CASE_METHOD(BootstrapFixture, "Session management data is that of the slice and DNN asked for", "[bootstrap][sdm]") {
  start();
  const std::string supi = attached();
  const auto keys = [this, &supi](const std::string& query) {
    std::string out;
    const Answer answer = sdm(supi + "/sm-data" + query);
    if (answer.status != 200) return answer.verdict();
    for (const auto& item : answer.content()) {
      out += std::to_string(item["singleNssai"]["sst"].get<int>()) + ":";
      for (const auto& [dnn, ignored] : item["dnnConfigurations"].items()) out += dnn + " ";
    }
    return out;
  };
  CHECK(keys("") == "1:internet rsmf 2:internet ");
  CHECK(keys("?" + kSlice) == "1:internet rsmf ");
  CHECK(keys("?dnn=INTERNET") == "1:internet 2:internet ");
  CHECK(keys("?dnn=internet.mnc001.mcc001.gprs") == "1:internet 2:internet ");
  CHECK(keys("?single-nssai=%7B%22sst%22:2%7D&dnn=internet") == "2:internet ");
  CHECK(keys("?single-nssai=%7B%22sst%22:2,%22sd%22:%22ffffff%22%7D") == "2:internet ");
  CHECK(keys("?single-nssai=%7B%22sst%22:2%7D&dnn=rsmf") == "404 DATA_NOT_FOUND");
  CHECK(keys("?single-nssai=%7B%22sst%22:1%7D") == "404 DATA_NOT_FOUND");
  CHECK(keys("?dnn=ims") == "404 DATA_NOT_FOUND");
}

TEST_CASE_METHOD(BootstrapFixture, "Several data sets come in one answer", "[bootstrap][sdm]") {
  start();
  const std::string supi = attached();
  const json all = sdm(supi + "?dataset-names=AM,SMF_SEL,UEC_SMF,SM,TRACE").content();
  CHECK(all["amData"] == sdm(supi + "/am-data").content());
  CHECK(all["smfSelData"] == sdm(supi + "/smf-select-data").content());
  CHECK(all["uecSmfData"] == json::object());
  CHECK(all["smData"] == sdm(supi + "/sm-data").content());
  CHECK(all.size() == 4);
  CHECK(sdm(supi + "?dataset-names=TRACE,LCS_MO").verdict() == "404 DATA_NOT_FOUND");
  CHECK(sdm(supi).verdict() == "400 MANDATORY_QUERY_PARAM_MISSING");
  CHECK(sdm(supi + "?dataset-names=AM,").verdict() == "400 MANDATORY_QUERY_PARAM_INCORRECT");
}

TEST_CASE_METHOD(BootstrapFixture, "A query that is malformed is refused by name; a hundred unknown parameters do no harm", "[bootstrap][sdm]") {
  start();
  const std::string supi = attached();
  const auto [query, param] = GENERATE(table<std::string, std::string>({
      {"single-nssai=", "query single-nssai"},
      {"single-nssai=1", "query single-nssai"},
      {"single-nssai=%7B", "query single-nssai"},
      {"single-nssai=%7B%7D", "query single-nssai"},
      {"single-nssai=%7B%22sst%22:256%7D", "query single-nssai"},
      {"single-nssai=%7B%22sst%22:-1%7D", "query single-nssai"},
      {"single-nssai=%7B%22sst%22:1.5%7D", "query single-nssai"},
      {"single-nssai=%7B%22sst%22:%221%22%7D", "query single-nssai"},
      {"single-nssai=%7B%22sst%22:1,%22sd%22:1%7D", "query single-nssai"},
      {"single-nssai=%7B%22sst%22:1,%22sd%22:%220001%22%7D", "query single-nssai"},
      {"single-nssai=%7B%22sst%22:1,%22sst%22:1%7D", "query single-nssai"},
      {"dnn=", "query dnn"},
      {"dnn=" + std::string(101, 'a'), "query dnn"},
      {"plmn-id=x", "query plmn-id"},
      {"plmn-id=%5B%5D", "query plmn-id"},
      {"plmn-id=%7B%22mcc%22:%22001%22%7D", "query plmn-id"},
      {"plmn-id=%7B%22mcc%22:1,%22mnc%22:1%7D", "query plmn-id"},
      {"plmn-id=%7B%22mcc%22:%22001%22,%22mnc%22:%221%22%7D", "query plmn-id"},
  }));
  CAPTURE(query);
  const Answer refused = sdm(supi + "/sm-data?" + query);
  CHECK(refused.verdict() == "400 OPTIONAL_QUERY_PARAM_INCORRECT");
  CHECK(refused.params() == std::vector<std::string>{param});

  std::string hundred;
  for (int i = 0; i < 100; ++i) hundred += "p" + std::to_string(i) + "=1&";
  CHECK(sdm(supi + "/sm-data?" + hundred + "dnn=rsmf").status == 200);
}

TEST_CASE_METHOD(BootstrapFixture, "A registration without a member that it needs is 400, with the member named", "[bootstrap][uecm]") {
  start();
  const std::string supi = attached();
  const auto refused = [this](const std::string& method, const std::string& path, const json& body, const std::string& param) {
    const Answer answer = to_ausf(method, path, body);
    CAPTURE(answer.body, param);
    CHECK(answer.status == 400);
    CHECK(answer.params() == std::vector<std::string>{param});
  };
  const auto without = [](json body, const char* pointer) {
    const json::json_pointer at(pointer);
    body.at(at.parent_pointer()).erase(at.back());
    return body;
  };
  for (const char* member : {"/amfInstanceId", "/deregCallbackUri", "/guami", "/ratType", "/guami/plmnId", "/guami/amfId", "/guami/plmnId/mnc"}) {
    refused("PUT", amf_path(supi), without(amf_registration(), member), member);
  }
  for (const char* member : {"/smfInstanceId", "/pduSessionId", "/singleNssai", "/dnn", "/plmnId", "/singleNssai/sst"}) {
    refused("PUT", smf_path(supi, 5), without(smf_registration(5), member), member);
  }
  for (const char* member : {"/nfInstanceId", "/callbackReference", "/monitoredResourceUris"}) {
    refused("POST", subscriptions(supi), without(amf_subscription(supi), member), member);
  }
  const auto with = [](json body, const char* pointer, const json& value) {
    body[json::json_pointer(pointer)] = value;
    return body;
  };
  refused("PUT", amf_path(supi), with(amf_registration(), "/amfInstanceId", "amf-1"), "/amfInstanceId");
  refused("PUT", amf_path(supi), with(amf_registration(), "/guami/amfId", "02004"), "/guami/amfId");
  refused("PUT", amf_path(supi), with(amf_registration(), "/guami/plmnId/mnc", "1"), "/guami/plmnId/mnc");
  refused("PUT", smf_path(supi, 5), smf_registration(6), "/pduSessionId");
  refused("PUT", smf_path(supi, 5), with(smf_registration(5), "/pduSessionId", "5"), "/pduSessionId");
  refused("PUT", smf_path(supi, 5), with(smf_registration(5), "/singleNssai/sd", "1"), "/singleNssai/sd");
  refused("PUT", smf_path(supi, 256), smf_registration(256), "{pduSessionId}");
  refused("POST", subscriptions(supi), with(amf_subscription(supi), "/monitoredResourceUris", json::array()), "/monitoredResourceUris");
  refused("POST", subscriptions(supi), with(amf_subscription(supi), "/monitoredResourceUris", {1}), "/monitoredResourceUris");
  refused("POST", subscriptions(supi), with(amf_subscription(supi), "/uniqueSubscription", 1), "/uniqueSubscription");
  refused("PATCH", amf_path(supi), {{"purgeFlag", true}}, "/guami");
  refused("PATCH", amf_path(supi), {{"guami", guami()}, {"purgeFlag", "yes"}}, "/purgeFlag");
  CHECK(to_ausf("PUT", amf_path(supi), with(amf_registration(), "/pei", std::string(20000, 'x'))).status == 413);
  CHECK(to_ausf("GET", amf_path(supi)).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(to_ausf("GET", smf_path(supi, 5)).verdict() == "404 CONTEXT_NOT_FOUND");
}

TEST_CASE_METHOD(BootstrapFixture, "An SMF registers only for what the subscription has", "[bootstrap][uecm]") {
  start();
  const std::string supi = attached();
  json unknown = smf_registration(5);
  unknown["dnn"] = "ims";
  CHECK(to_ausf("PUT", smf_path(supi, 5), unknown).verdict() == "403 DNN_NOT_ALLOWED");
  unknown = smf_registration(5);
  unknown["singleNssai"]["sd"] = "000002";
  CHECK(to_ausf("PUT", smf_path(supi, 5), unknown).verdict() == "403 DNN_NOT_ALLOWED");
  CHECK(to_ausf("GET", smf_path(supi, 5)).verdict() == "404 CONTEXT_NOT_FOUND");
}

TEST_CASE_METHOD(BootstrapFixture, "A modification without a registration is 404", "[bootstrap][uecm]") {
  start();
  const std::string supi = attached();
  CHECK(patch(supi, {{"guami", guami()}, {"purgeFlag", true}}).verdict() == "404 CONTEXT_NOT_FOUND");
}

TEST_CASE_METHOD(BootstrapFixture, "A device is told of before it was authenticated, but nobody registers for it", "[bootstrap][uecm]") {
  start();
  const std::string supi = onboard(make_device(kDimsi));
  CHECK(sdm(supi + "/am-data").status == 200);
  CHECK(to_ausf("PUT", amf_path(supi), amf_registration()).verdict() == "403 REAUTHENTICATION_REQUIRED");
  CHECK(to_ausf("PUT", smf_path(supi, 5), smf_registration(5)).verdict() == "403 REAUTHENTICATION_REQUIRED");
  CHECK(to_ausf("POST", subscriptions(supi), amf_subscription(supi)).verdict() == "403 REAUTHENTICATION_REQUIRED");
}

TEST_CASE_METHOD(BootstrapFixture, "What a device may hold is bounded", "[bootstrap][uecm]") {
  start();
  const std::string supi = attached();
  const auto limit = static_cast<int>(ausf_ext::kMaxSmfRegistrations);
  for (int id = 1; id <= limit; ++id) CHECK(to_ausf("PUT", smf_path(supi, id), smf_registration(id)).status == 201);
  CHECK(to_ausf("PUT", smf_path(supi, limit + 1), smf_registration(limit + 1)).verdict() == "503 INSUFFICIENT_RESOURCES");
  CHECK(to_ausf("PUT", smf_path(supi, limit), smf_registration(limit)).status == 200);

  json subscription = smf_subscription(supi);
  const Answer first = to_ausf("POST", subscriptions(supi), subscription);
  const Answer again = to_ausf("POST", subscriptions(supi), subscription);
  CHECK(to_ausf("DELETE", path_of(first)).verdict() == "404 CONTEXT_NOT_FOUND");  // a unique one takes its place
  subscription["uniqueSubscription"] = false;
  std::vector<Answer> others;
  for (std::size_t i = 0; i < ausf_ext::kMaxSdmSubscriptions; ++i) others.push_back(to_ausf("POST", subscriptions(supi), subscription));
  CHECK(to_ausf("DELETE", path_of(again)).verdict() == "404 CONTEXT_NOT_FOUND");  // the oldest went
  for (const Answer& other : others) CHECK(to_ausf("DELETE", path_of(other)).status == 204);
}

TEST_CASE_METHOD(BootstrapFixture, "A subscriber that is not ours is 404 on every route, whoever it is", "[bootstrap]") {
  start();
  for (const Wanted& wanted : every_request("imsi-001010000009999")) {
    CAPTURE(wanted.method, wanted.path);
    CHECK(to_ausf(wanted.method, wanted.path, wanted.body).verdict() == "404 USER_NOT_FOUND");
  }
  for (const std::string identity : {"imsi-", "imsi-12345", "imsi-0010100000000012", "001010000000001", "suci-0-001-01-0-0-0-0000000001", "%20"}) {
    for (const Wanted& wanted : every_request(identity)) {
      CAPTURE(wanted.method, wanted.path);
      CHECK(to_ausf(wanted.method, wanted.path, wanted.body).verdict() == "400 MANDATORY_IE_INCORRECT");
    }
  }
}

TEST_CASE_METHOD(BootstrapFixture, "A dIMSI is not ours, nor is the IMSI of a device that failed", "[bootstrap]") {
  start_arpf();
  start_ausf_ext(config);
  std::atomic<int> status = 400;
  const FakePeer peer(FakePeer::Http::v2, d_ausf_port, "PUT", "/ndausf-vectors/v1/vectors/{dimsi}",
                      [&status](const sbi::Request&) { return sbi::Response(status).with("etag", "\"1\""); });
  const std::string supi = "imsi-" + config.pools.front().from.digits();  // the first that is given out
  CHECK(to_ausf("PUT", kDevices + kDimsi, offer(make_device(kDimsi))).content()["state"] == "FAILED");
  CHECK(sdm(supi + "/am-data").verdict() == "404 USER_NOT_FOUND");
  CHECK(sdm("imsi-" + kDimsi + "/am-data").verdict() == "404 USER_NOT_FOUND");

  status = 201;
  const std::string second = onboard(make_device("901700000000002"));
  REQUIRE(second != supi);
  CHECK(sdm(second + "/am-data").status == 200);
}

TEST_CASE_METHOD(BootstrapFixture, "Retired, a device is unknown and nothing of its registrations is left", "[bootstrap][step-11]") {
  start();
  const std::string supi = attached();
  const std::string other = attached("901700000000002");
  for (const std::string& each : {supi, other}) {
    CHECK(to_ausf("PUT", amf_path(each), amf_registration()).status == 201);
    CHECK(to_ausf("PUT", smf_path(each, 5), smf_registration(5)).status == 201);
    CHECK(to_ausf("POST", subscriptions(each), amf_subscription(each)).status == 201);
  }
  CHECK(to_ausf("POST", kDevices + kDimsi + "/retire").status == 204);
  for (const Wanted& wanted : every_request(supi)) {
    CAPTURE(wanted.method, wanted.path);
    CHECK(to_ausf(wanted.method, wanted.path, wanted.body).verdict() == "404 USER_NOT_FOUND");
  }
  auto database = store::Database::open(config.common.database, store::Database::Mode::read_only);
  for (const char* table : {"amf_registrations", "smf_registrations", "sdm_subscriptions"}) {
    CAPTURE(table);
    store::Rows rows = database.query(std::string("SELECT count(*) FROM ") + table);
    REQUIRE(rows.next());
    CHECK(rows.integer(0) == 1);  // the other device's
  }
  CHECK(to_ausf("GET", amf_path(other)).status == 200);
}

TEST_CASE_METHOD(BootstrapFixture, "Without the section in the configuration none of it is there", "[bootstrap][config]") {
  config.bootstrap_subscription.reset();
  start();
  const std::string supi = attached();
  for (const Wanted& wanted : every_request(supi)) {
    CAPTURE(wanted.method, wanted.path);
    CHECK(to_ausf(wanted.method, wanted.path, wanted.body).verdict() == "404 RESOURCE_URI_STRUCTURE_NOT_FOUND");
  }
}
