// The routing table as an operator writes it: every form, and every mistake with its place.
#include "lib/service/routing_config.hpp"

#include <catch2/catch.hpp>

#include "tests/support/read_yaml.hpp"

using core::PlmnRouting;
using core::Refused;
using core::RoutingTarget;
using core::ServedByDiscovery;
using core::ServedByPeers;
using core::ServedHere;
using service::CommonConfig;

namespace {

using ReadRouting = test::ReadConfig<PlmnRouting>;

CommonConfig listening_at(const std::string& address, std::uint16_t port = 7777) {
  CommonConfig common;
  common.http2 = {{address, port, std::nullopt, std::nullopt}};
  common.may_call_in_clear = true;  // which peers may be called so is tried in config_peers_test.cpp
  return common;
}

ReadRouting read_table(const std::string& function, const CommonConfig& common = listening_at("127.0.0.50"), bool has_nrf = false) {
  return test::read_yaml("f:\n" + function, [&](const service::Section& root) { return service::read_routing(root.section("f"), common, has_nrf); });
}

/// A table whose default is `local` and whose one entry of 001/01 has these keys besides. Its line is the third, its keys begin
/// at column 39.
ReadRouting read_entry(const std::string& keys, bool has_nrf = false) {
  return read_table("  routing: {default: {target: local}, entries: [\n    {plmn: {mcc: '001', mnc: '01'}, " + keys + "}]}\n",
                    listening_at("127.0.0.50"), has_nrf);
}

/// Entries, a line each from line 4 on, and a default.
ReadRouting read_entries(const std::vector<std::string>& entries) {
  std::string text = "  routing:\n    entries:\n";
  for (const std::string& entry : entries) text += "      - {" + entry + "}\n";
  return read_table(text + "    default: {target: local}\n");
}

std::vector<std::string> origins(const std::vector<sbi::Uri>& uris) {
  std::vector<std::string> out;
  for (const auto& uri : uris) out.push_back(uri.origin() + uri.path);
  return out;
}

template <class Target>
Target only(const ReadRouting& from) {
  REQUIRE(from.problems == "");
  REQUIRE(from.config.entries().size() == 1);
  return std::get<Target>(from.config.entries().front().target);
}

}  // namespace

TEST_CASE("Without a table everybody is served here", "[service][routing]") {
  const auto [routing, problems] = read_table("  x: 1\n");
  CHECK(problems == "x.yaml:2:3: f.x: is not known here");
  CHECK(routing.is_all_here());
}

TEST_CASE("A table with a default alone sends everybody there", "[service][routing]") {
  CHECK(read_table("  routing: {default: {target: local}}\n").config.is_all_here());
  const auto [routing, problems] = read_table("  routing:\n    default: {target: uri, uri: 'http://127.0.0.11:7777'}\n");
  CHECK(problems == "");
  CHECK_FALSE(routing.is_all_here());
  CHECK(origins(std::get<ServedByPeers>(routing.otherwise()).ausf) == std::vector<std::string>{"http://127.0.0.11:7777"});
}

TEST_CASE("Every target is read", "[service][routing]") {
  (void)only<ServedHere>(read_entry("target: local"));
  (void)only<ServedByDiscovery>(read_entry("target: nrf", true));
  SECTION("one URI") {
    const auto peers = only<ServedByPeers>(read_entry("target: uri, uri: 'http://127.0.0.11:7777'"));
    CHECK(origins(peers.ausf) == std::vector<std::string>{"http://127.0.0.11:7777"});
    CHECK(origins(peers.udm) == origins(peers.ausf));
  }
  SECTION("several, in their order, with and without a path") {
    const auto peers = only<ServedByPeers>(read_entry("target: uri, uri: ['http://127.0.0.9/api/', 'http://[::1]:80']"));
    CHECK(origins(peers.ausf) == std::vector<std::string>{"http://127.0.0.9/api", "http://[::1]"});
  }
  SECTION("the AUSF at one place and the UDM at another") {
    const auto peers = only<ServedByPeers>(
        read_entry("target: uri, ausf: 'http://127.0.0.11:1', udm: ['http://127.0.0.12:2', 'http://127.0.0.12:3']"));
    CHECK(origins(peers.ausf) == std::vector<std::string>{"http://127.0.0.11:1"});
    CHECK(origins(peers.udm) == std::vector<std::string>{"http://127.0.0.12:2", "http://127.0.0.12:3"});
  }
  SECTION("one of the two besides the general one") {
    const auto peers = only<ServedByPeers>(read_entry("target: uri, uri: 'http://127.0.0.11:1', udm: 'http://127.0.0.12:2'"));
    CHECK(origins(peers.ausf) == std::vector<std::string>{"http://127.0.0.11:1"});
    CHECK(origins(peers.udm) == std::vector<std::string>{"http://127.0.0.12:2"});
  }
  SECTION("one of the two alone") {
    const auto peers = only<ServedByPeers>(read_entry("target: uri, ausf: 'http://127.0.0.11:1'"));
    CHECK(peers.ausf.size() == 1);
    CHECK(peers.udm.empty());
  }
  SECTION("a refusal") {
    const auto plain = only<Refused>(read_entry("target: reject"));
    CHECK(plain.status == 404);
    CHECK(plain.cause == "USER_NOT_FOUND");
    const auto other = only<Refused>(read_entry("target: reject, status: 403, cause: SERVING_NETWORK_NOT_AUTHORIZED"));
    CHECK(other.status == 403);
    CHECK(other.cause == "SERVING_NETWORK_NOT_AUTHORIZED");
    CHECK(only<Refused>(read_entry("target: reject, status: 400")).status == 400);
    CHECK(only<Refused>(read_entry("target: reject, status: 599")).status == 599);
  }
}

TEST_CASE("An entry's subscribers are a PLMN, some of its IMSIs, or a routing indicator of its SUCIs", "[service][routing]") {
  const auto read_one = [](const std::string& keys) {
    const ReadRouting from = read_entries({keys + ", target: local"});
    REQUIRE(from.problems == "");
    return from.config.entries().at(0);
  };
  const auto plain = read_one("plmn: {mcc: '001', mnc: '01'}");
  CHECK(plain.plmn == *profile::Plmn::from("001", "01"));
  CHECK_FALSE(plain.imsis);
  CHECK_FALSE(plain.routing_indicator);
  CHECK(read_one("plmn: {mcc: '310', mnc: '012'}").plmn == *profile::Plmn::from("310", "012"));
  CHECK(read_one("plmn: {mcc: '001', mnc: '01'}, routing_indicator: '0'").routing_indicator == "0");
  CHECK(read_one("plmn: {mcc: '001', mnc: '01'}, routing_indicator: '0123'").routing_indicator == "0123");
  const auto ranged = read_one("plmn: {mcc: '001', mnc: '01'}, imsi: {from: '001010000000001', to: '001010000000001'}");
  REQUIRE(ranged.imsis);
  CHECK(ranged.imsis->from.digits() == "001010000000001");
  CHECK(ranged.imsis->to == ranged.imsis->from);
}

TEST_CASE("What is wrong with an entry is told with its place", "[service][routing]") {
  struct Row {
    std::string keys, problem;
  };
  const auto row = GENERATE(values<Row>({
      {"x: 1", "x.yaml:3:37: f.routing.entries[0].x: is not known here"},
      {"target: locl", "x.yaml:3:45: f.routing.entries[0].target: locl is none of local, uri, nrf, reject"},
      {"target: ''", "x.yaml:3:45: f.routing.entries[0].target: is empty"},
      {"target: nrf", "x.yaml:3:45: f.routing.entries[0].target: nrf needs client: nrf, whom to ask"},
      {"target: uri",
       "x.yaml:3:45: f.routing.entries[0].target: uri needs uri, or ausf and udm: where the subscribers are served"},
      {"target: uri, uri: []",
       "x.yaml:3:45: f.routing.entries[0].target: uri needs uri, or ausf and udm: where the subscribers are served"},
      {"target: uri, uri: 127.0.0.11",
       "x.yaml:3:55: f.routing.entries[0].uri: 127.0.0.11 is not an absolute URI (http://host:port)"},
      {"target: uri, uri: 'ftp://h'", "x.yaml:3:55: f.routing.entries[0].uri: ftp://h is neither http nor https"},
      {"target: uri, uri: ['http://h', 'http://h:0']",
       "x.yaml:3:55: f.routing.entries[0].uri: http://h:0 has a port that is not a number from 1 to 65535"},
      {"target: uri, ausf: 'http://h?q', udm: 'http://h'", "x.yaml:3:56: f.routing.entries[0].ausf: http://h?q has"},
      {"target: uri, ausf: 'http://h', udm: 'http://127.0.0.50:7777'",
       "x.yaml:3:73: f.routing.entries[0].udm: http://127.0.0.50:7777 is this function itself: requests would go round in a "
       "loop"},
      {"target: uri, urii: 'http://h'", "x.yaml:3:50: f.routing.entries[0].urii: is not known here; did you mean uri?"},
      {"target: local, uri: 'http://h'", "x.yaml:3:52: f.routing.entries[0].uri: is not known here"},
      {"target: local, status: 404", "x.yaml:3:52: f.routing.entries[0].status: is not known here"},
      {"target: reject, status: 399", "x.yaml:3:61: f.routing.entries[0].status: 399 is too small"},
      {"target: reject, status: 600", "x.yaml:3:61: f.routing.entries[0].status: 600 is too large"},
      {"target: reject, status: no", "x.yaml:3:61: f.routing.entries[0].status: "},
      {"target: reject, causes: X", "x.yaml:3:53: f.routing.entries[0].causes: is not known here; did you mean cause?"},
      {"target: local, routing_indicator: ''", "x.yaml:3:71: f.routing.entries[0].routing_indicator: is"},
      {"target: local, routing_indicator: '12345'",
       "x.yaml:3:71: f.routing.entries[0].routing_indicator: is not 1 to 4 digits (quote them)"},
      {"target: local, routing_indicator: 1a",
       "x.yaml:3:71: f.routing.entries[0].routing_indicator: is not 1 to 4 digits (quote them)"},
      {"target: local, imsi: {from: '001010000000002', to: '001010000000001'}",
       "x.yaml:3:88: f.routing.entries[0].imsi.to: is before from"},
      {"target: local, imsi: {from: '001010000000001', to: '0010100000002'}",
       "x.yaml:3:88: f.routing.entries[0].imsi.to: has another number of digits than from"},
      {"target: local, imsi: {from: '00101', to: '0010100000002'}",
       "x.yaml:3:65: f.routing.entries[0].imsi.from: is not 6 to 15 decimal digits"},
      {"target: local, imsi: {from: '001010000000001', to: '0010100000000020'}",
       "x.yaml:3:88: f.routing.entries[0].imsi.to: is not 6 to 15 decimal digits"},
      {"target: local, imsi: {from: '001010000000001'}", "f.routing.entries[0].imsi.to: is missing"},
      {"target: local, imsi: {from: '001020000000001', to: '001020000000002'}",
       "x.yaml:3:58: f.routing.entries[0].imsi: does not begin with 00101, the entry's PLMN"},
      {"target: local, imsi: {from: '001010000000001', to: '001020000000002'}",
       "x.yaml:3:58: f.routing.entries[0].imsi: does not begin with 00101, the entry's PLMN"},
      {"target: local, imsi: {from: '001010000000001', to: '001010000000002', step: 2}",
       "f.routing.entries[0].imsi.step: is not known here"},
      {"target: local, imsis: {from: '001010000000001', to: '001010000000002'}",
       "f.routing.entries[0].imsis: is not known here; did you mean imsi?"},
  }));
  CAPTURE(row.keys);
  CHECK_THAT(read_entry(row.keys).problems, Catch::Contains(row.problem));
}

TEST_CASE("A PLMN is quoted digits, and each entry has one", "[service][routing]") {
  CHECK_THAT(read_entries({"target: local"}).problems, Catch::Contains("x.yaml:4:9: f.routing.entries[0].plmn: is missing"));
  CHECK_THAT(read_entries({"target: local, plmn: {mcc: '001'}"}).problems, Catch::Contains("plmn.mnc: is missing"));
  for (const std::string plmn : {"{mcc: '001', mnc: 1}", "{mcc: '1', mnc: '01'}", "{mcc: '0010', mnc: '01'}",
                                 "{mcc: '001', mnc: '0101'}", "{mcc: abc, mnc: '01'}"}) {
    CAPTURE(plmn);
    CHECK_THAT(read_entries({"target: local, plmn: " + plmn}).problems,
               Catch::Contains("mcc and mnc are not 3 and 2 or 3 digits"));
  }
  CHECK_THAT(read_entries({"target: local, plmn: 00101"}).problems, Catch::Contains("x.yaml:4:"));
}

TEST_CASE("Entries that cannot stand in one table are told at the later one", "[service][routing]") {
  const std::string home = "plmn: {mcc: '001', mnc: '01'}";
  const std::string other = "plmn: {mcc: '001', mnc: '012'}";
  const std::string local = ", target: local";
  const auto range = [](const std::string& from, const std::string& to) {
    return ", imsi: {from: '0010100000" + from + "', to: '0010100000" + to + "'}";
  };
  SECTION("the same PLMN twice") {
    CHECK_THAT(read_entries({home + local, home + local}).problems,
               Catch::Equals("x.yaml:5:16: f.routing.entries[1].plmn: another entry has the same PLMN"));
  }
  SECTION("the same PLMN and routing indicator") {
    const std::string indicated = home + ", routing_indicator: '1'" + local;
    CHECK_THAT(read_entries({indicated, indicated}).problems,
               Catch::Contains("entries[1].plmn: another entry has the same PLMN and routing indicator"));
    CHECK(read_entries({indicated, home + local, home + ", routing_indicator: '01'" + local}).problems == "");
  }
  SECTION("ranges that overlap") {
    CHECK_THAT(read_entries({home + range("00010", "00020") + local, home + range("00020", "00030") + local}).problems,
               Catch::Contains("x.yaml:5:16: f.routing.entries[1].plmn: its range of IMSIs overlaps"));
    CHECK_THAT(read_entries({home + range("00010", "00020") + local, home + range("00010", "00020") + local}).problems,
               Catch::Contains("overlaps"));
    CHECK(read_entries({home + range("00010", "00020") + local, home + range("00021", "00030") + local}).problems == "");
    CHECK(read_entries({home + range("00010", "00020") + local, home + range("00012", "00013") + local, home + local}).problems ==
          "");
  }
  SECTION("MNCs of two and three digits that a SUPI cannot tell apart") {
    CHECK_THAT(read_entries({home + local, other + local}).problems,
               Catch::Contains("x.yaml:5:16: f.routing.entries[1].plmn: a SUPI does not tell 001/012 from 001/01"));
    CHECK_THAT(read_entries({other + local, home + local}).problems, Catch::Contains("a SUPI does not tell 001/01 from 001/012"));
    CHECK(read_entries({home + range("00010", "00020") + local, other + local}).problems == "");
    CHECK(read_entries({"plmn: {mcc: '001', mnc: '02'}" + local, other + local}).problems == "");
  }
  SECTION("three at once are told each") {
    const auto problems = read_entries({home + local, home + local, home + local}).problems;
    CHECK_THAT(problems, Catch::Contains("x.yaml:5:16:") && Catch::Contains("x.yaml:6:16:"));
  }
}

TEST_CASE("A table has a default", "[service][routing]") {
  CHECK(read_table("  routing:\n    entries: []\n").problems ==
        "x.yaml:3:5: f.routing.default: is missing: subscribers that no entry matches would have no target");
  CHECK_THAT(read_table("  routing:\n    default: {}\n").problems, Catch::Contains("f.routing.default.target: is missing"));
  CHECK_THAT(read_table("  routing:\n    default: {target: nowhere}\n").problems,
             Catch::Contains("x.yaml:3:23: f.routing.default.target: nowhere is none of"));
  CHECK_THAT(read_table("  routing:\n    default: {target: nrf}\n").problems,
             Catch::Contains("f.routing.default.target: nrf needs client: nrf"));
  CHECK_THAT(read_table("  routing:\n    default: {target: local, plmn: {}}\n").problems,
             Catch::Contains("f.routing.default.plmn: is not known here"));
  CHECK_THAT(read_table("  routing:\n    default: {target: local}\n    entrys: []\n").problems,
             Catch::Contains("f.routing.entrys: is not known here; did you mean entries?"));
}

TEST_CASE("A target that is this function itself is a loop", "[service][routing]") {
  struct Row {
    std::string listener, uri;
    bool is_loop;
  };
  const auto row = GENERATE(values<Row>({
      {"127.0.0.50", "http://127.0.0.50:7777", true},
      {"127.0.0.50", "http://127.0.0.50:7777/prefix", true},
      {"127.0.0.50", "https://127.0.0.50:7777", true},
      {"127.0.0.50", "http://127.0.0.50:7778", false},
      {"127.0.0.50", "http://127.0.0.51:7777", false},
      {"127.0.0.50", "http://localhost:7777", false},
      {"127.0.0.1", "http://localhost:7777", true},
      {"127.0.0.1", "http://0.0.0.0:7777", true},
      {"::1", "http://localhost:7777", true},
      {"::1", "http://[::1]:7777", true},
      {"0.0.0.0", "http://127.0.0.1:7777", true},
      {"0.0.0.0", "http://127.0.0.77:7777", true},
      {"0.0.0.0", "http://localhost:7777", true},
      {"0.0.0.0", "http://0.0.0.0:7777", true},
      {"0.0.0.0", "http://127.0.0.1:7778", false},
      {"0.0.0.0", "http://10.0.0.1:7777", false},
      {"::", "http://[::1]:7777", true},
      {"::", "http://127.0.0.1:7777", true},
  }));
  CAPTURE(row.listener, row.uri);
  const auto problems =
      read_table("  routing:\n    default: {target: uri, uri: '" + row.uri + "'}\n", listening_at(row.listener)).problems;
  if (row.is_loop) {
    CHECK(problems ==
          "x.yaml:3:33: f.routing.default.uri: " + row.uri + " is this function itself: requests would go round in a loop");
  } else {
    CHECK(problems == "");
  }
}

TEST_CASE("The port of a listener may be that of its scheme", "[service][routing]") {
  const auto problems = [](std::uint16_t port, const std::string& uri) {
    return read_table("  routing: {default: {target: uri, uri: '" + uri + "'}}\n", listening_at("127.0.0.50", port)).problems;
  };
  CHECK_THAT(problems(80, "http://127.0.0.50"), Catch::Contains("is this function itself"));
  CHECK_THAT(problems(443, "https://127.0.0.50"), Catch::Contains("is this function itself"));
  CHECK(problems(443, "http://127.0.0.50") == "");
}

TEST_CASE("All that is wrong with a table is told at once, in the order of its lines", "[service][routing]") {
  const auto problems = read_table(
                            "  routing:\n"
                            "    entries:\n"
                            "      - {plmn: {mcc: '001', mnc: '01'}, target: locl}\n"
                            "      - {plmn: {mcc: '001', mnc: '01'}, target: uri}\n"
                            "      - {plmn: {mcc: '1', mnc: '01'}, target: nrf}\n"
                            "      - {plmn: {mcc: '002', mnc: '01'}, target: reject, status: 1}\n")
                            .problems;
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < problems.size();) {
    const std::size_t end = std::min(problems.find('\n', begin), problems.size());
    lines.push_back(problems.substr(begin, end - begin));
    begin = end + 1;
  }
  REQUIRE(lines.size() == 7);
  for (const auto& [index, start] :
       std::vector<std::pair<std::size_t, std::string>>{{0, "x.yaml:3:5: f.routing.default"},
                                                        {1, "x.yaml:4:49: f.routing.entries[0].target"},
                                                        {2, "x.yaml:5:16: f.routing.entries[1].plmn"},
                                                        {3, "x.yaml:5:49: f.routing.entries[1].target"},
                                                        {4, "x.yaml:6:22: f.routing.entries[2].plmn.mcc"},
                                                        {5, "x.yaml:6:47: f.routing.entries[2].target"},
                                                        {6, "x.yaml:7:65: f.routing.entries[3].status"}}) {
    CHECK_THAT(lines[index], Catch::StartsWith(start));
  }
}
