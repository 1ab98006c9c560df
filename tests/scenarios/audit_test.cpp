#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "lib/service/audit_command.hpp"
#include "tests/scenarios/tls_lab.hpp"

/// What the audit logs of the three functions tell of a device's way (docs/AUDIT.md).

using namespace test;

namespace {

std::vector<json> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<json> out;
  for (std::string line; std::getline(file, line);) out.push_back(json::parse(line));
  return out;
}

/// `CLAIM done one.example 901700000000001`, and the cause of a refusal.
std::vector<std::string> summary_of(const std::string& path) {
  std::vector<std::string> out;
  for (const json& line : lines_of(path)) {
    std::string one = line["action"].get<std::string>() + " " + line["outcome"].get<std::string>() + " " + line["peer"].get<std::string>();
    for (const char* member : {"dimsi", "cause"}) {
      if (line.contains(member)) one += " " + line[member].get<std::string>();
    }
    out.push_back(one);
  }
  return out;
}

struct AuditLab : TlsLab {
  template <class Config>
  Config audited(Config config, const std::string& name) const {
    config.common.audit_file = folder / name;
    return config;
  }
  std::string verified(const std::string& name) {
    std::ostringstream out;
    const int status = service::verify_audit({{folder / name}, std::nullopt, std::nullopt}, out);
    return std::to_string(status) + " " + out.str();
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(AuditLab, "Each function's audit log tells who did what, and its chain is whole", "[audit]") {
  start_arpf(audited(arpf_config(), "arpf.audit"));
  start_d_ausf(audited(d_ausf_config(), "d-ausf.audit"));
  start_ausf_ext(audited(ausf_ext_config(), "ausf-ext.audit"));
  const SecureElement device = make_device("901700000000001");
  const std::string path = "/nausfext-onboarding/v1/devices/" + device.dimsi;
  const Answer offered = to_ausf("PUT", path, offer(device));
  REQUIRE(offered.content()["state"] == "PRELOADED");
  const std::string supi = "imsi-" + offered.content()["imsi"].get<std::string>();
  const json wanted{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", "00000000-0000-4000-8000-000000000001"}};
  REQUIRE(to_ausf("POST", "/nudm-ueau/v1/" + supi + "/security-information/generate-auth-data", wanted).status == 200);
  REQUIRE(retrieve(make_device("901700000000002"), key_request(device)).status == 403);
  REQUIRE(to_ausf("POST", path + "/retire").status == 204);
  REQUIRE(wait_for(device.dimsi, [](const json& one) { return !one.contains("problem") && one["state"] == "RETIRED"; })["state"] == "RETIRED");
  while (summary_of(folder / "arpf.audit").back() != "RETIRE done anonymous 901700000000001") std::this_thread::yield();
  ausf.reset();
  d_ausf.reset();
  arpf.reset();

  CHECK(summary_of(folder / "ausf-ext.audit") == Lines{"START done anonymous", "OFFER done anonymous 901700000000001", "VECTORS done anonymous",
                                                       "RETIRE done anonymous 901700000000001", "STOP done anonymous"});
  CHECK(summary_of(folder / "d-ausf.audit") == Lines{"START done anonymous", "PRELOAD done anonymous 901700000000001",
                                                     "DELETE done anonymous 901700000000001", "STOP done anonymous"});
  CHECK(summary_of(folder / "arpf.audit") == Lines{"START done anonymous", "CLAIM done anonymous 901700000000001",
                                                   "RELEASE done anonymous 901700000000001", "REFUSAL refused anonymous DIMSI_MISMATCH",
                                                   "RETIRE done anonymous 901700000000001", "STOP done anonymous"});
  CHECK(lines_of(folder / "arpf.audit")[2]["operator"] == "Test Operator");
  for (const char* name : {"arpf.audit", "d-ausf.audit", "ausf-ext.audit"}) CHECK_THAT(verified(name), Catch::StartsWith("0 ") && Catch::Contains("whole"));

  std::string text = test::read_text(folder / "arpf.audit");
  text[text.find("Test Operator")] ^= 1;
  (void)folder.write("arpf.audit", text);
  CHECK_THAT(verified("arpf.audit"), Catch::StartsWith("1 ") && Catch::Contains("arpf.audit:3"));
}

TEST_CASE_METHOD(AuditLab, "A refusal is told with the peer's name, whoever refused it", "[audit][access]") {
  auto config = audited(with_tls(d_ausf_config()), "d-ausf.audit");
  config.owners = d_ausf::Owners({{"one.example", std::nullopt, {}}, {"two.example", std::nullopt, {}}});
  start_d_ausf(config);
  const std::string path = "/ndausf-vectors/v1/vectors/901700000000001";
  const json body{{"rand", std::string(32, 'a')}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}};
  CHECK(verdict(by("one.example"), d_ausf_port, "PUT", path, body) == "201");
  CHECK(verdict(by("one.example"), d_ausf_port, "PUT", path, body) == "200");
  CHECK(verdict(by("two.example"), d_ausf_port, "PUT", path, body) == "403 NOT_OWNER");       // by the step
  CHECK(verdict(by("stranger.example"), d_ausf_port, "GET", path) == "403 NOT_OWNER");        // by the guard
  d_ausf.reset();
  CHECK(summary_of(folder / "d-ausf.audit") == Lines{"START done anonymous", "PRELOAD done one.example 901700000000001",
                                                     "REPLACE done one.example 901700000000001", "REFUSAL refused two.example NOT_OWNER",
                                                     "REFUSAL refused stranger.example NOT_OWNER", "STOP done anonymous"});
  CHECK(lines_of(folder / "d-ausf.audit")[3]["target"] == "PUT " + path);
}
