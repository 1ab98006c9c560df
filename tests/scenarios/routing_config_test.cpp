// What the functions hold against the routing table: subscribers of their own that it sends elsewhere.
#include <catch2/catch.hpp>

#include "nf-ausf-ext/config.hpp"
#include "nf-d-ausf/config.hpp"

namespace {

template <class Read>
std::string problems_of(const std::string& text, const Read& read) {
  const auto document = service::YamlDocument::parse(text, "x.yaml");
  (void)read(document.root());
  try {
    document.finish();
  } catch (const service::ConfigError& error) {
    return error.what();
  }
  return "";
}

/// Of nf-ausf-ext, with a pool 001/01 ...1 to ...9999 at line 4.
std::string ausf_problems(const std::string& routing) {
  return problems_of(
      "ausf_ext:\n  database: x.db\n  imsi_pools:\n"
      "    - {mcc: '001', mnc: '01', from: '001010000000001', to: '001010000009999'}\n" +
          routing,
      [](const service::Section& root) { return ausf_ext::read_config(root); });
}
std::string d_ausf_problems(const std::string& routing) {
  return problems_of(
      "d_ausf:\n  database: x.db\n  sbi: {server: {address: 127.0.0.40}}\n  owners:\n    - peer: a\n      dimsi_ranges:\n"
      "        - {from: '901700000000001', to: '901700000009999'}\n" +
          routing,
      [](const service::Section& root) { return d_ausf::read_config(root); });
}

std::string table(const std::vector<std::string>& entries, const std::string& otherwise) {
  std::string text = "  routing:\n    default: {" + otherwise + "}\n    entries:" + (entries.empty() ? " []\n" : "\n");
  for (const std::string& entry : entries) text += "      - {" + entry + "}\n";
  return text;
}

const std::string kElsewhere = "target: uri, uri: 'http://127.0.0.11:7777'";
const std::string kPoolFault =
    "x.yaml:4:37: ausf_ext.imsi_pools[0].from: the routing table sends IMSIs of this pool elsewhere: give their range the target "
    "local";
const std::string kRangeFault =
    "x.yaml:7:18: d_ausf.owners[0].dimsi_ranges[0].from: the routing table sends dIMSIs of this range elsewhere: their vectors "
    "would never be served";

std::string imsis(const std::string& plmn, const std::string& from, const std::string& to) {
  return plmn + ", imsi: {from: '" + from + "', to: '" + to + "'}";
}

}  // namespace

TEST_CASE("A pool of IMSIs that the routing table sends elsewhere, all or in part, is a fault of the configuration",
          "[routing][config]") {
  const std::string home = "plmn: {mcc: '001', mnc: '01'}, ";
  const auto has_fault = [](const std::string& routing) { return ausf_problems(routing).find(kPoolFault) != std::string::npos; };
  CHECK_FALSE(has_fault(""));
  CHECK_FALSE(has_fault(table({}, "target: local")));
  CHECK(has_fault(table({}, kElsewhere)));
  CHECK(has_fault(table({}, "target: reject")));
  CHECK(has_fault(table({home + kElsewhere}, "target: local")));
  CHECK_FALSE(has_fault(table({home + "target: local"}, kElsewhere)));
  CHECK_FALSE(
      has_fault(table({imsis(home + "target: local", "001010000000001", "001010000009999"), home + kElsewhere}, kElsewhere)));
  CHECK(has_fault(table({imsis(home + "target: local", "001010000000002", "001010000009999"), home + kElsewhere}, kElsewhere)));
  CHECK(has_fault(table({imsis(home + "target: local", "001010000000001", "001010000009998"), home + kElsewhere}, kElsewhere)));
  CHECK(has_fault(table({imsis(home + kElsewhere, "001010000005000", "001010000005000")}, "target: local")));
  CHECK(has_fault(table({"plmn: {mcc: '001', mnc: '010'}, " + kElsewhere}, "target: local")));
  CHECK_FALSE(has_fault(table({"plmn: {mcc: '001', mnc: '011'}, " + kElsewhere}, "target: local")));
  CHECK_FALSE(has_fault(table({home + "routing_indicator: '17', " + kElsewhere}, "target: local")));
}

TEST_CASE("So are dIMSIs of an owner that the D-AUSF would never serve", "[routing][config]") {
  const std::string dimsis = "plmn: {mcc: '901', mnc: '70'}, ";
  CHECK(d_ausf_problems("") == "");
  CHECK(d_ausf_problems(table({dimsis + "target: local"}, kElsewhere)) == "");
  CHECK(d_ausf_problems(table({}, kElsewhere)) == kRangeFault);
  CHECK(d_ausf_problems(table({dimsis + kElsewhere}, "target: local")) == kRangeFault);
  CHECK(d_ausf_problems(table({imsis(dimsis + "target: reject", "901700000000001", "901700000000001"), dimsis + "target: local"},
                              kElsewhere)) == kRangeFault);
}
