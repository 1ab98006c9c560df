#include "lib/service/nrf_config.hpp"

#include <catch2/catch.hpp>

#include "lib/service/config.hpp"
#include "tests/support/read_yaml.hpp"
#include "tests/support/temporary_folder.hpp"

using service::CommonConfig;

namespace {

using ReadCommon = test::ReadConfig<CommonConfig>;

ReadCommon read_ausf(const std::string& text) {
  return test::read_yaml(text, [](const service::Section& root) { return service::read_common(root, "ausf"); });
}

const std::string kClient = "  client: {nrf: [{uri: 'http://127.0.0.10:7777'}]}\n";

/// One listener with these members, and `nrf` with those.
ReadCommon read_ausf_with(const std::string& listener, const std::string& nrf = "", const std::string& client = kClient) {
  return read_ausf("ausf:\n  database: /x.db\n  sbi:\n    server: [{address: 127.0.0.1, port: 7000" + listener + "}]\n" + client +
                   (nrf.empty() ? "" : "  nrf: {" + nrf + "}\n"));
}

}  // namespace

TEST_CASE("Without an NRF there is none", "[service][nrf]") {
  const auto [config, problems] = read_ausf_with("", "", "");
  CHECK(problems.empty());
  CHECK(config.nrf.uris.empty());
  CHECK(service::nf_instances(config, {7000}).empty());
}

TEST_CASE("A listener with nf_type is an instance", "[service][nrf]") {
  const test::TemporaryFolder folder;
  auto [config, problems] = read_ausf_with(", nf_type: AUSF");
  CHECK(problems.empty());
  config.database = folder / "x.db";
  REQUIRE(config.nrf.uris.size() == 1);
  CHECK(config.nrf.uris[0].origin() == "http://127.0.0.10:7777");
  const auto instances = service::nf_instances(config, {7001});
  REQUIRE(instances.size() == 1);
  CHECK(instances[0].id + "\n" == test::read_text(folder / "x.db.nf-instance-id"));
  CHECK(instances[0].nf_type == "AUSF");
  CHECK(instances[0].api_root() == "http://127.0.0.1:7001");
  REQUIRE(instances[0].services.size() == 1);
  CHECK(instances[0].services[0].name == "nausf-auth");
  CHECK(instances[0].plmns.empty());
  CHECK(service::nf_instances(config, {7001})[0].id == instances[0].id);
  CHECK(service::notification_root(config, {7001}) == "http://127.0.0.1:7001");
}

TEST_CASE("Every key of an NRF is read", "[service][nrf]") {
  const auto [config, problems] = read_ausf_with(
      ", nf_type: UDM, instance_id: 7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f6, advertise: {host: udm.example, port: 80}, services: [nudm-sdm, "
      "nudm-uecm, nudm-ee/v3, nudm-ueau], allowed_nf_types: [AUSF, AMF]",
      "plmn_list: [{mcc: \"901\", mnc: \"70\"}, {mcc: \"001\", mnc: \"001\"}], supi_ranges: [{from: \"90170000\", to: \"90170001\"}], "
      "routing_indicators: [\"0\", \"12\"], allowed_nf_types: [SMF], priority: 3, capacity: 4, load: 5, heartbeat_s: 6, subscription_s: 70, "
      "timeout_ms: 80, first_pause_ms: 90, longest_pause_ms: 100",
      "  client: {nrf: [{uri: 'http://a:1'}, {uri: 'http://b:2'}], insecure_beyond_loopback: true}\n");
  CHECK(problems.empty());
  CHECK(config.nrf.uris.at(1).origin() == "http://b:2");
  CHECK(config.nrf.heartbeat_s == 6);
  CHECK(config.nrf.subscription_s == 70);
  CHECK(config.nrf.timeout.count() == 80);
  CHECK(config.nrf.first_pause.count() == 90);
  CHECK(config.nrf.longest_pause.count() == 100);
  const auto instance = service::nf_instances(config, {7000}).at(0);
  CHECK(instance.id == "7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f6");
  CHECK(instance.api_root() == "http://udm.example");
  std::string services;
  for (const auto& service : instance.services) services += service.name + "/" + service.version + " ";
  CHECK(services == "nudm-ueau/v1 nudm-sdm/v2 nudm-uecm/v1 nudm-ee/v3 ");
  CHECK(instance.plmns == std::vector<profile::Plmn>{{"901", "70"}, {"001", "001"}});
  REQUIRE(instance.supi_ranges.size() == 1);
  CHECK(instance.supi_ranges[0].from == "90170000");
  CHECK(instance.supi_ranges[0].to == "90170001");
  CHECK(instance.routing_indicators == std::vector<std::string>{"0", "12"});
  CHECK(instance.allowed_nf_types == std::vector<std::string>{"AUSF", "AMF"});
  CHECK(instance.priority == 3);
  CHECK(instance.capacity == 4);
  CHECK(instance.load == 5);
}

TEST_CASE("Several listeners are several instances, each with an id of its own", "[service][nrf]") {
  const test::TemporaryFolder folder;
  auto [config, problems] = read_ausf(
      "ausf:\n  database: /x.db\n  sbi:\n    insecure_beyond_loopback: true\n    server:\n      - {address: 0.0.0.0, port: 0}\n"
      "      - {address: 127.0.0.1, port: 0, nf_type: AUSF}\n      - {address: '::', port: 0, nf_type: UDM, advertise: {host: '::1'}}\n" +
      kClient + "  nrf: {allowed_nf_types: AMF}\n");
  CHECK(problems.empty());
  config.database = folder / "x.db";
  const auto instances = service::nf_instances(config, {1, 2, 3});
  REQUIRE(instances.size() == 2);
  CHECK(instances[0].api_root() == "http://127.0.0.1:2");
  CHECK(instances[1].api_root() == "http://[::1]:3");
  CHECK(instances[1].allowed_nf_types == std::vector<std::string>{"AMF"});
  CHECK(instances[0].id != instances[1].id);
  CHECK(test::read_text(folder / "x.db.nf-instance-id-1") == instances[0].id + "\n");
  CHECK(service::notification_root(config, {1, 2, 3}) == "http://127.0.0.1:2");
  config.http2[1].registration.reset();
  config.http2[2].registration.reset();
  CHECK(service::notification_root(config, {1, 2, 3}) == "http://127.0.0.1:2");
  config.http2.resize(1);
  CHECK(service::notification_root(config, {1}).empty());
}

TEST_CASE("What is wrong with a registration is said where it stands", "[service][nrf]") {
  const auto [listener, nrf, problem] = GENERATE(table<std::string, std::string, std::string>({
      {", nf_type: ausf", "", "x.yaml:4:56: ausf.sbi.server[0].nf_type: is no NF type"},
      {", nf_type: ''", "", "server[0].nf_type: is empty"},
      {", nf_type: ARPF", "", "server[0].services: is missing"},
      {", nf_type: AUSF, services: [nausf-auth/2]", "", "server[0].services: nausf-auth/2 is no service"},
      {", nf_type: AUSF, services: [nausf-auth/v]", "", "server[0].services: nausf-auth/v is no service"},
      {", nf_type: AUSF, services: [a b]", "", "server[0].services: a b is no service"},
      {", nf_type: AUSF, instance_id: 5", "", "server[0].instance_id: 5 is no UUID"},
      {", nf_type: AUSF, advertise: {host: 'a b'}", "", "server[0].advertise.host: a b is neither an address nor a name"},
      {", nf_type: AUSF, advertise: {host: 0.0.0.0}", "", "server[0].advertise: needs a host that peers can reach"},
      {", nf_type: AUSF, advertise: {port: 0}", "", "server[0].advertise.port: 0 is too small"},
      {", nf_type: AUSF, advertise: {port: 65536}", "", "server[0].advertise.port: 65536 is too large"},
      {", nf_type: AUSF, allowed_nf_types: [amf]", "", "server[0].allowed_nf_types: amf is no NF type"},
      {", instance_id: 7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f6", "", "server[0].instance_id: is for a listener with nf_type"},
      {", advertise: {host: a}", "", "server[0].advertise: is for a listener with nf_type"},
      {"", "plmn_list: [{mcc: \"1\", mnc: \"01\"}]", "nrf.plmn_list[0].mcc: mcc and mnc are not"},
      {"", "plmn_list: [{mcc: \"001\", mnc: \"01\"}, {mcc: \"001\", mnc: \"01\"}]", "nrf.plmn_list[1].mcc: this PLMN stands twice"},
      {"", "supi_ranges: [{from: \"1234\", to: \"12345\"}]", "supi_ranges[0].from: is not 5 to 15"},
      {"", "supi_ranges: [{from: \"12345\", to: \"x\"}]", "supi_ranges[0].to: is not 5 to 15"},
      {"", "supi_ranges: [{from: \"12345\", to: \"123456\"}]", "supi_ranges[0].to: has another number of digits"},
      {"", "supi_ranges: [{from: \"12345\", to: \"12344\"}]", "supi_ranges[0].to: is before from"},
      {"", "routing_indicators: [\"12345\"]", "nrf.routing_indicators: 12345 is not 1 to 4"},
      {"", "allowed_nf_types: [a]", "nrf.allowed_nf_types: a is no NF type"},
      {"", "priority: -1", "nrf.priority: -1 is too small"},
      {"", "priority: 65536", "nrf.priority: 65536 is too large"},
      {"", "capacity: 65536", "nrf.capacity: 65536 is too large"},
      {"", "load: 101", "nrf.load: 101 is too large"},
      {"", "heartbeat_s: 0", "nrf.heartbeat_s: 0 is too small"},
      {"", "heartbeat_s: 3601", "nrf.heartbeat_s: 3601 is too large"},
      {"", "subscription_s: 9", "nrf.subscription_s: 9 is too small"},
      {"", "timeout_ms: 9", "nrf.timeout_ms: 9 is too small"},
      {"", "first_pause_ms: 9", "nrf.first_pause_ms: 9 is too small"},
      {"", "first_pause_ms: 50, longest_pause_ms: 49", "nrf.longest_pause_ms: is shorter than first_pause_ms"},
      {"", "heartbeats_s: 1", "nrf.heartbeats_s: is not known here; did you mean heartbeat_s?"},
  }));
  CAPTURE(listener, nrf);
  CHECK_THAT(read_ausf_with(listener, nrf).problems, Catch::Contains(problem));
}

TEST_CASE("An NRF that is told of is needed", "[service][nrf]") {
  CHECK_THAT(read_ausf_with(", nf_type: AUSF", "", "").problems, Catch::Contains("has a listener with nf_type, which needs client: nrf"));
  CHECK_THAT(read_ausf_with("", "load: 1", "").problems, Catch::Contains("ausf.nrf: needs client: nrf"));
  CHECK_THAT(read_ausf_with("", "", "  client: {nrf: [{uri: 'ftp://a'}]}\n").problems, Catch::Contains("client.nrf[0].uri: ftp://a is neither"));
  CHECK_THAT(read_ausf_with("", "", "  client: {nrf: [{uri: 'https://a'}]}\n").problems, Catch::Contains("client.nrf[0].uri: https://a needs client: tls"));
}

TEST_CASE("A wildcard is no address to be reached at", "[service][nrf]") {
  const auto problems = [](const std::string& more) {
    return read_ausf("ausf:\n  database: /x.db\n  sbi:\n    insecure_beyond_loopback: true\n    server: [{address: '::', nf_type: AUSF" + more + "}]\n" +
                     kClient).problems;
  };
  CHECK_THAT(problems(""), Catch::Contains("server[0].advertise: needs a host that peers can reach: :: is every address and none"));
  CHECK(problems(", advertise: {host: 10.0.0.1}").empty());
}
