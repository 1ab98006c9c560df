#include "lib/core/nrf_messages.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "tests/support/json_schema.hpp"

using core::DiscoveryQuery;
using core::NfInstance;
using nlohmann::json;

namespace {

const profile::Plmn kHome{"901", "70"};
constexpr const char* kId = "7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f6";

/// What is wrong with a text under a schema of 3GPP; empty as well if the schemas are not there.
std::string fault_under(const char* schema, const std::string& text) {
  const auto* const known = test::shared_schema(schema);
  return known == nullptr ? "" : known->fault_of(json::parse(text));
}
std::string fault_of_profile(const NfInstance& instance) {
  return fault_under("TS29510_Nnrf_NFManagement.NFProfile", core::write_nf_profile(instance));
}

NfInstance ausf() {
  NfInstance out;
  out.id = kId;
  out.nf_type = "AUSF";
  out.host = "127.0.0.40";
  out.port = 8001;
  out.services = core::services_of_nf_type("AUSF");
  return out;
}

sbi::Response answer(const std::string& body) { return {200, sbi::kJson, body}; }
sbi::Response answer(const json& body) { return answer(body.dump()); }

std::optional<std::string> end_of(const std::string& time) {
  const auto until = core::read_subscription(answer(json{{"subscriptionId", "a"}, {"validityTime", time}})).valid_until;
  return until ? std::optional(base::to_rfc3339(*until)) : std::nullopt;
}

/// An instance of one nausf-auth service with these members.
json ausf_with(const json& service, const json& instance = json::object()) {
  json entry{{"serviceInstanceId", "1"}, {"serviceName", "nausf-auth"}, {"scheme", "http"}, {"nfServiceStatus", "REGISTERED"}};
  entry.update(service);
  json out{{"nfInstanceId", kId}, {"nfType", "AUSF"}, {"nfStatus", "REGISTERED"}, {"nfServices", json::array({entry})}};
  out.update(instance);
  return out;
}

DiscoveryQuery for_ausf() {
  DiscoveryQuery out;
  out.target_nf_type = "AUSF";
  out.service_name = "nausf-auth";
  return out;
}

/// The API roots of the only instance of an answer, separated by blanks; `none` if it was passed over.
std::string roots_of(const json& instance, const DiscoveryQuery& query = for_ausf()) {
  const auto found = core::read_search_result(answer(json{{"validityPeriod", 30}, {"nfInstances", json::array({instance})}}), query);
  if (found.instances.empty()) return found.passed_over == 1 ? "none" : "none, and not counted";
  std::string out;
  for (const auto& root : found.instances[0].api_roots) out += (out.empty() ? "" : " ") + root.origin() + root.path;
  return out;
}

}  // namespace

TEST_CASE("A short profile is what Open5GS takes", "[core][nrf]") {
  CHECK(json::parse(core::write_nf_profile(ausf())) == json::parse(R"({"nfInstanceId":"7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f6","nfType":"AUSF",
    "nfStatus":"REGISTERED","heartBeatTimer":10,"ipv4Addresses":["127.0.0.40"],"priority":0,"capacity":100,"load":0,
    "nfServices":[{"serviceInstanceId":"nausf-auth-1","serviceName":"nausf-auth",
      "versions":[{"apiVersionInUri":"v1","apiFullVersion":"1.0.0"}],"scheme":"http","nfServiceStatus":"REGISTERED",
      "ipEndPoints":[{"ipv4Address":"127.0.0.40","port":8001}]}]})"));
  CHECK(fault_of_profile(ausf()).empty());
}

TEST_CASE("A full profile is valid for every kind of address and type", "[core][nrf]") {
  NfInstance instance = ausf();
  instance.plmns = {kHome, {"001", "001"}};
  instance.supi_ranges = {{"901700000000000", "901700000999999"}};
  instance.routing_indicators = {"0", "1234"};
  instance.allowed_nf_types = {"AMF"};
  instance.services.push_back({"nudm-sdm", "v2"});
  const auto [type, host] = GENERATE(table<std::string, std::string>({{"AUSF", "127.0.0.40"}, {"UDM", "::1"}, {"UDM", "udm.example"}, {"ARPF", "10.0.0.1"}}));
  CAPTURE(type, host);
  instance.nf_type = type;
  instance.host = host;
  instance.demands_tokens = GENERATE(true, false);
  const json profile = json::parse(core::write_nf_profile(instance));
  CHECK(fault_of_profile(instance).empty());
  CHECK(profile["nfServices"][0].value("oauth2Required", false) == instance.demands_tokens);
  CHECK(profile["plmnList"] == json::parse(R"([{"mcc":"901","mnc":"70"},{"mcc":"001","mnc":"001"}])"));
  CHECK(profile["nfServices"][1]["versions"] == json::parse(R"([{"apiVersionInUri":"v2","apiFullVersion":"2.0.0"}])"));
  const json info = json::parse(R"({"supiRanges":[{"start":"901700000000000","end":"901700000999999"}],"routingIndicators":["0","1234"]})");
  CHECK(profile.value("ausfInfo", json()) == (type == "AUSF" ? info : json()));
  CHECK(profile.value("udmInfo", json()) == (type == "UDM" ? info : json()));
  CHECK(profile.contains("fqdn") == (host == "udm.example"));
  CHECK(profile.contains("ipv6Addresses") == (host == "::1"));
  CHECK(profile["nfServices"][0].value("fqdn", "") == (host == "udm.example" ? host : ""));
  CHECK(profile["nfServices"][0]["ipEndPoints"][0]["port"] == 8001);
}

TEST_CASE("The schema finds a profile without an address or a status", "[core][nrf]") {
  if (test::shared_schema("TS29510_Nnrf_NFManagement.NFProfile") == nullptr) return;
  for (const char* const name : {"ipv4Addresses", "nfStatus", "nfInstanceId"}) {
    json profile = json::parse(core::write_nf_profile(ausf()));
    profile.erase(name);
    CAPTURE(name);
    CHECK_FALSE(fault_under("TS29510_Nnrf_NFManagement.NFProfile", profile.dump()).empty());
  }
}

TEST_CASE("The heartbeat begins as Open5GS has it, and tells the load", "[core][nrf]") {
  NfInstance instance = ausf();
  instance.load = 7;
  CHECK(core::write_heartbeat(instance) ==
        R"([{"op":"replace","path":"/nfStatus","value":"REGISTERED"},{"op":"replace","path":"/load","value":7}])");
  for (const json& item : json::parse(core::write_heartbeat(instance))) {
    CHECK(fault_under("TS29571_CommonData.PatchItem", item.dump()).empty());
  }
}

TEST_CASE("A heartBeatTimer is a whole number, or it is not there", "[core][nrf]") {
  using Timer = std::optional<std::int64_t>;
  const auto timer = [](const char* body) { return core::read_heartbeat_timer(answer(std::string(body))); };
  CHECK(timer(R"({"heartBeatTimer":10})") == Timer(10));
  CHECK(timer(R"({"heartBeatTimer":0})") == Timer(0));
  CHECK(timer(R"({"heartBeatTimer":-1})") == Timer(-1));
  CHECK(timer(R"({"heartBeatTimer":18446744073709551615})") == Timer(std::numeric_limits<std::int64_t>::max()));
  for (const char* const body : {"", "{}", "[]", "null", "garbage", R"({"heartBeatTimer":"10"})", R"({"heartBeatTimer":1e300})",
                                 R"({"heartBeatTimer":10.5})", R"({"heartBeatTimer":null})", R"({"heartBeatTimer":[10]})"}) {
    CAPTURE(body);
    CHECK_FALSE(timer(body));
  }
}

TEST_CASE("A subscription is valid, and says who asks for what until when", "[core][nrf]") {
  core::StatusSubscription wanted{"UDM", "AUSF", kId, "http://127.0.0.1:1/x", base::from_unix_ms(0)};
  CHECK(json::parse(core::write_subscription(wanted)) ==
        json{{"nfStatusNotificationUri", "http://127.0.0.1:1/x"}, {"reqNfType", "AUSF"}, {"reqNfInstanceId", kId},
             {"subscrCond", {{"nfType", "UDM"}}}, {"validityTime", "1970-01-01T00:00:00.000Z"}});
  CHECK(fault_under("TS29510_Nnrf_NFManagement.SubscriptionData", core::write_subscription(wanted)).empty());
  wanted.requester_id.clear();
  CHECK_FALSE(json::parse(core::write_subscription(wanted)).contains("reqNfInstanceId"));
  const json patch = json::parse(core::write_validity(base::from_unix_ms(0)));
  CHECK(patch == json::parse(R"([{"op":"replace","path":"/validityTime","value":"1970-01-01T00:00:00.000Z"}])"));
}

TEST_CASE("The id of a subscription stands in the body, else at the end of Location", "[core][nrf]") {
  const auto id = [](const char* body, const char* location) {
    return core::read_subscription(answer(std::string(body)).with("location", location)).id;
  };
  CHECK(id(R"({"subscriptionId":"abc"})", "/x/def") == "abc");
  CHECK(id("{}", "/nnrf-nfm/v1/subscriptions/def") == "def");
  CHECK(id("", "http://127.0.0.1:7777/nnrf-nfm/v1/subscriptions/def") == "def");
  CHECK(id(R"({"subscriptionId":5})", "def") == "def");
  CHECK(id(R"({"subscriptionId":""})", "/x/").empty());
  CHECK(core::read_subscription(answer(std::string("garbage"))).id.empty());
}

TEST_CASE("A validityTime may have an offset and any fraction", "[core][nrf]") {
  using Text = std::optional<std::string>;
  CHECK(end_of("2026-11-23T21:59:41.634605+00:00") == Text("2026-11-23T21:59:41.634Z"));
  CHECK(end_of("2026-11-24T06:59:41.6+09:00") == Text("2026-11-23T21:59:41.600Z"));
  CHECK(end_of("2026-11-23T12:29:41-09:30") == Text("2026-11-23T21:59:41.000Z"));
  CHECK(end_of("2026-11-23T21:59:41Z") == Text("2026-11-23T21:59:41.000Z"));
  for (const char* const bad : {"", "tomorrow", "2026-11-23", "2026-13-23T21:59:41Z", "2026-02-30T21:59:41Z", "2026-11-23T24:59:41Z",
                                "2026-11-23T21:59:41", "2026-11-23T21:59:41.Z", "2026-11-23T21:59:41+0000", "2026-11-23 21:59:41Z",
                                "2026-11-23T21:59:41.5Z5"}) {
    CAPTURE(bad);
    CHECK_FALSE(end_of(bad));
  }
}

TEST_CASE("A discovery is percent-encoded as Open5GS reads it", "[core][nrf]") {
  DiscoveryQuery query = for_ausf();
  query.requester_nf_type = "AMF";
  CHECK(core::discovery_target(query, {kHome}) ==
        "/nnrf-disc/v1/nf-instances?target-nf-type=AUSF&requester-nf-type=AMF&service-names=nausf-auth");
  query.target_plmn = kHome;
  query.supi = "imsi-901700000000001";
  query.routing_indicator = "12";
  CHECK(core::discovery_target(query, {{"001", "01"}}) ==
        "/nnrf-disc/v1/nf-instances?target-nf-type=AUSF&requester-nf-type=AMF&service-names=nausf-auth"
        "&target-plmn-list=%5B%7B%22mcc%22%3A%22901%22%2C%22mnc%22%3A%2270%22%7D%5D"
        "&requester-plmn-list=%5B%7B%22mcc%22%3A%22001%22%2C%22mnc%22%3A%2201%22%7D%5D"
        "&supi=imsi-901700000000001&routing-indicator=12");
  CHECK(core::percent_encoded("a&b=c d/%\xC3\xA9") == "a%26b%3Dc%20d%2F%25%C3%A9");
}

TEST_CASE("End points are where the service says, else where the instance says", "[core][nrf]") {
  const json v4{{"ipv4Address", "10.0.0.1"}, {"port", 7777}};
  const json v6{{"ipv6Address", "2001:db8::1"}, {"port", 7777}};
  const json both = json::array({v4, v6});
  CHECK(roots_of(ausf_with({{"ipEndPoints", both}})) == "http://10.0.0.1:7777 http://[2001:db8::1]:7777");
  CHECK(roots_of(ausf_with({{"ipEndPoints", json::array({{{"ipv4Address", "10.0.0.1"}}})}})) == "http://10.0.0.1");
  CHECK(roots_of(ausf_with({{"ipEndPoints", json::array({v4})}, {"scheme", "https"}})) == "https://10.0.0.1:7777");
  CHECK(roots_of(ausf_with({{"ipEndPoints", json::array({v4})}, {"apiPrefix", "a/b/"}})) == "http://10.0.0.1:7777/a/b");
  CHECK(roots_of(ausf_with({{"ipEndPoints", json::array({v4})}, {"apiPrefix", ""}})) == "http://10.0.0.1:7777");
  CHECK(roots_of(ausf_with({{"ipEndPoints", json::array({v4})}, {"fqdn", "a.example"}})) == "http://10.0.0.1:7777");
  CHECK(roots_of(ausf_with({{"ipEndPoints", json::array({v4})}, {"fqdn", "a.example"}, {"scheme", "https"}})) == "https://a.example:7777");
  const json port_alone = json::array({{{"port", 7777}}});
  CHECK(roots_of(ausf_with({{"ipEndPoints", port_alone}, {"fqdn", "a.example"}})) == "http://a.example:7777");
  CHECK(roots_of(ausf_with({{"ipEndPoints", port_alone}}, {{"ipv4Addresses", {"10.0.0.2"}}})) == "http://10.0.0.2:7777");
  const json addresses{{"ipv4Addresses", {"10.0.0.2"}}, {"ipv6Addresses", {"::2"}}, {"fqdn", "b.example"}};
  CHECK(roots_of(ausf_with(json::object(), addresses)) == "http://10.0.0.2 http://[::2] http://b.example");
  CHECK(roots_of(ausf_with({{"scheme", "https"}}, {{"fqdn", "b.example"}})) == "https://b.example");
}

TEST_CASE("Services may be a map, and one of several names", "[core][nrf]") {
  json instance = ausf_with({{"ipEndPoints", json::array({{{"ipv4Address", "10.0.0.1"}, {"port", 1}}})}});
  instance["nfServiceList"] = {{"1", instance["nfServices"][0]}};
  instance.erase("nfServices");
  CHECK(roots_of(instance) == "http://10.0.0.1:1");
  DiscoveryQuery other = for_ausf();
  other.service_name = "nausf-sorprotection";
  CHECK(roots_of(instance, other) == "none");
  other.service_name = "";
  CHECK(roots_of(instance, other) == "none");
  instance["ipv4Addresses"] = {"10.0.0.3"};
  CHECK(roots_of(instance, other) == "http://10.0.0.3");
}

TEST_CASE("An instance of no use is passed over and counted", "[core][nrf]") {
  const json end_points = json::array({{{"ipv4Address", "10.0.0.1"}, {"port", 7777}}});
  const json good = ausf_with({{"ipEndPoints", end_points}});
  REQUIRE(roots_of(good) == "http://10.0.0.1:7777");
  const auto with = [&](const char* pointer, const json& value) {
    json out = good;
    out[json::json_pointer(pointer)] = value;
    return out;
  };
  const json bad = json::array({
      with("/nfInstanceId", 5), with("/nfInstanceId", ""), with("/nfInstanceId", "a\nb"), with("/nfType", "UDM"), with("/nfType", json()),
      with("/nfStatus", "SUSPENDED"), with("/nfStatus", 1), with("/nfServices", json::array()), with("/nfServices", "x"),
      with("/nfServices", json::array({1, "a", json()})), with("/nfServices/0/serviceName", 7), with("/nfServices/0/scheme", "ftp"),
      with("/nfServices/0/scheme", 1), with("/nfServices/0/nfServiceStatus", "UNDISCOVERABLE"), with("/nfServices/0/apiPrefix", "a?b"),
      with("/nfServices/0/apiPrefix", 1), with("/nfServices/0/ipEndPoints", json::array()), with("/nfServices/0/ipEndPoints", 5),
      with("/nfServices/0/ipEndPoints/0/port", "7777"), with("/nfServices/0/ipEndPoints/0/port", -1),
      with("/nfServices/0/ipEndPoints/0/port", 65536), with("/nfServices/0/ipEndPoints/0/ipv4Address", "10.0.0.256"),
      with("/nfServices/0/ipEndPoints/0/ipv4Address", "0.0.0.0"), with("/nfServices/0/ipEndPoints/0/ipv4Address", 1),
      with("/nfServices/0/ipEndPoints/0", 1), "text", 5, json(), json::array(),
  });
  for (const json& instance : bad) {
    CAPTURE(instance.dump());
    CHECK(roots_of(instance) == "none");
    CHECK(roots_of(good) == "http://10.0.0.1:7777");
  }
}

TEST_CASE("Instances come by priority; the service's own goes first", "[core][nrf]") {
  json list = json::array();
  const auto add = [&](const char* id, const json& instance, const json& service) {
    json members = service;
    members["ipEndPoints"] = json::array({{{"ipv4Address", "10.0.0.1"}, {"port", 1}}});
    list.push_back(ausf_with(members, instance));
    list.back()["nfInstanceId"] = id;
  };
  add("a", {{"priority", 3}, {"capacity", 7}}, json::object());
  add("b", {{"priority", 3}}, {{"priority", 1}, {"capacity", 5}});
  add("c", json::object(), json::object());
  add("d", {{"priority", "0"}, {"capacity", -4}}, {{"priority", 2}});
  const auto found = core::read_search_result(answer(json{{"nfInstances", list}}), for_ausf());
  std::string seen;
  for (const auto& instance : found.instances) seen += instance.id + std::to_string(instance.priority) + "/" + std::to_string(instance.capacity) + " ";
  CHECK(seen == "b1/5 d2/100 a3/7 c65535/100 ");
}

TEST_CASE("Of many instances and end points, as many are kept as are named", "[core][nrf]") {
  json list = json::array();
  const json end_points = json::array({{{"ipv4Address", "10.0.0.1"}, {"port", 1}}});
  for (std::size_t i = 0; i < core::kMaxDiscoveredInstances; ++i) list.push_back(ausf_with({{"ipEndPoints", end_points}}, {{"priority", 5}}));
  auto found = core::read_search_result(answer(json{{"nfInstances", list}}), for_ausf());
  CHECK(found.instances.size() == core::kMaxDiscoveredInstances);
  CHECK(found.passed_over == 0);
  list.push_back(ausf_with({{"ipEndPoints", end_points}}, {{"priority", 1}}));
  found = core::read_search_result(answer(json{{"nfInstances", list}}), for_ausf());
  CHECK(found.instances.size() == core::kMaxDiscoveredInstances);
  CHECK(found.instances[0].priority == 1);
  CHECK(found.passed_over == 1);
  json many = json::array();
  for (std::size_t i = 0; i <= core::kMaxEndPoints; ++i) many.push_back(end_points[0]);
  found = core::read_search_result(answer(json{{"nfInstances", json::array({ausf_with({{"ipEndPoints", many}})})}}), for_ausf());
  CHECK(found.instances.at(0).api_roots.size() == core::kMaxEndPoints);
}

TEST_CASE("What is no SearchResult is said to be none", "[core][nrf]") {
  for (const char* const body : {"", "garbage", "[]", "{}", "null", "5", R"({"nfInstances":{}})", R"({"nfInstances":null})", R"({"nfInstances":5})"}) {
    CAPTURE(body);
    CHECK_THROWS_AS(core::read_search_result(answer(std::string(body)), for_ausf()), base::Error);
  }
  const auto empty = core::read_search_result(answer(std::string(R"({"nfInstances":[],"validityPeriod":"x"})")), for_ausf());
  CHECK(empty.instances.empty());
  CHECK_FALSE(empty.validity_s);
}

TEST_CASE("UUIDs and host names are told from others", "[core][nrf]") {
  CHECK(core::is_uuid(kId));
  for (const char* const bad : {"", "7f1f3a5e2b1c4d5e8f90a1b2c3d4e5f6", "7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f", "7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5fg",
                                "7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f67", "7f1f3a5ea2b1c-4d5e-8f90-a1b2c3d4e5f6"}) {
    CAPTURE(bad);
    CHECK_FALSE(core::is_uuid(bad));
  }
  CHECK(core::is_host_name("ausf.5gc.mnc001.mcc001.3gppnetwork.org"));
  for (const char* const bad : {"", ".a", "-a", "a b", "a/b", "a:1", "a?b"}) CHECK_FALSE(core::is_host_name(bad));
  CHECK(core::is_host_name(std::string(253, 'a')));
  CHECK_FALSE(core::is_host_name(std::string(254, 'a')));
}
