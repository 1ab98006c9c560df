#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "lib/aka/authentication_vector.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "lib/service/audit_log.hpp"
#include "tests/scenarios/audit_lab.hpp"
#include "tests/support/soft_hsm.hpp"

/// What the audit logs of the three functions tell of a device's way (docs/AUDIT.md).

using namespace test;

namespace {

std::vector<json> lines_of(const std::string& path) { return audit_lines(path); }

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
                                                     "DELETE done anonymous 901700000000001", "DELETE done anonymous 901700000000001",
                                                     "STOP done anonymous"});
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

TEST_CASE_METHOD(AuditLab, "Each vector of a bulk load is a line of the audit log: preloaded, replaced or refused", "[audit][bulk]") {
  auto config = audited(with_tls(d_ausf_config()), "d-ausf.audit");
  const auto last = *profile::DiscoveryImsi::from_digits("901700000009999");
  config.owners = d_ausf::Owners({{"one.example", std::nullopt, {{*profile::DiscoveryImsi::from_digits("901700000000000"), last}}}});
  start_d_ausf(config);
  const auto line = [](const std::string& dimsi, char rand) {
    return json{{"dimsi", dimsi}, {"rand", std::string(32, rand)}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}}.dump() + "\n";
  };
  const std::string first = "901700000000001";
  const std::string lines = line(first, 'a') + "nonsense\n" + line("901700000000002", 'a') + line(first, 'c') + line("901700000010000", 'a') +
                            R"({"dimsi":"901700000000003","rand":"00"})" + "\n";
  const Answer loaded = by("one.example").send(d_ausf_port, "POST", "/ndausf-vectors/v1/vectors", lines, {{"content-type", "application/x-ndjson"}});
  REQUIRE(loaded.content()["accepted"] == 3);
  const json before = lines_of(folder / "d-ausf.audit");
  CHECK(before.size() == 8);  // durable before the answer, with START and BULK_LOAD
  d_ausf.reset();
  Lines told = summary_of(folder / "d-ausf.audit");
  REQUIRE(told.size() == 9);
  CHECK(told[7] == "BULK_LOAD done one.example");
  std::sort(told.begin() + 1, told.begin() + 7);  // the store's order, which is not that of the lines
  CHECK(told == Lines{"START done anonymous", "PRELOAD done one.example 901700000000001", "PRELOAD done one.example 901700000000002",
                      "REFUSAL refused one.example 901700000000003 MANDATORY_IE_INCORRECT", "REFUSAL refused one.example 901700000010000 NOT_OWNER",
                      "REFUSAL refused one.example INVALID_MSG_FORMAT", "REPLACE done one.example 901700000000001", "BULK_LOAD done one.example",
                      "STOP done anonymous"});
  for (const json& one : lines_of(folder / "d-ausf.audit")) {
    if (one["action"] == "PRELOAD" || one["action"] == "REPLACE") CHECK(one["imsi"] == "001010000000001");
    if (one["action"] == "REPLACE") CHECK(one["detail"] == "line 4");
    if (one.contains("cause")) CHECK_THAT(one["detail"].get<std::string>(), Catch::StartsWith("line "));
    if (one["action"] != "START" && one["action"] != "STOP") CHECK(one["target"] == "POST /ndausf-vectors/v1/vectors");
  }
  CHECK_THAT(verified("d-ausf.audit"), Catch::StartsWith("0 ") && Catch::Contains("9 lines"));
}

TEST_CASE_METHOD(AuditLab, "A bulk load of many pieces has a line of the audit log for each vector", "[audit][bulk]") {
  constexpr std::size_t kCount = 10000;
  start_d_ausf(audited(d_ausf_config(), "d-ausf.audit"));
  std::string lines;
  for (std::size_t i = 0; i < kCount; ++i) {
    lines += R"({"dimsi":")" + std::to_string(901700000000000 + i) + R"(","rand":")" + std::string(32, 'a') + R"(","autn":")" + std::string(32, 'b') +
             R"(","imsi":"001010000000001"})" + "\n";
  }
  const Answer loaded = caller.send(d_ausf_port, "POST", "/ndausf-vectors/v1/vectors", lines, {{"content-type", "application/x-ndjson"}});
  REQUIRE(loaded.content()["accepted"] == kCount);
  d_ausf.reset();
  std::set<std::string> dimsis;
  for (const json& one : lines_of(folder / "d-ausf.audit")) {
    if (one["action"] == "PRELOAD") dimsis.insert(one["dimsi"]);
  }
  CHECK(dimsis.size() == kCount);
  CHECK_THAT(verified("d-ausf.audit"), Catch::StartsWith("0 ") && Catch::Contains("10003 lines"));
}

TEST_CASE_METHOD(AuditLab, "Each offer of an import is a line of the audit log, taken or refused, and an offer that is known as well", "[audit][import]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(audited(ausf_ext_config(), "ausf-ext.audit"));
  const SecureElement device = make_device("901700000000001");
  json line = offer(device);
  line["dimsi"] = device.dimsi;
  json untrusted = offer(device, {"http://127.0.0.9:1"});
  untrusted["dimsi"] = "901700000000002";
  const std::string lines = line.dump() + "\nnonsense\n" + untrusted.dump() + "\n" + line.dump() + "\n";
  REQUIRE(caller.send(ausf_port, "POST", "/nausfext-onboarding/v1/imports", lines, {{"content-type", "application/x-ndjson"}}).status == 202);
  REQUIRE(wait_for_state(device.dimsi, "PRELOADED")["state"] == "PRELOADED");
  REQUIRE(to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + device.dimsi, offer(device)).status == 200);
  ausf.reset();
  CHECK(summary_of(folder / "ausf-ext.audit") ==
        Lines{"START done anonymous", "OFFER done anonymous 901700000000001", "REFUSAL refused anonymous INVALID_MSG_FORMAT",
              "REFUSAL refused anonymous 901700000000002 MANDATORY_IE_INCORRECT", "OFFER done anonymous 901700000000001", "BULK_LOAD done anonymous",
              "OFFER done anonymous 901700000000001", "STOP done anonymous"});
  const auto told = lines_of(folder / "ausf-ext.audit");
  CHECK(told[1]["detail"] == "line 1");
  CHECK(told[4]["detail"] == "line 4: known already");
  CHECK(told[6]["detail"] == "known already");
  CHECK(told[1]["target"] == "POST /nausfext-onboarding/v1/imports");
  CHECK_THAT(verified("ausf-ext.audit"), Catch::StartsWith("0 "));
}

TEST_CASE_METHOD(AuditLab, "A claim whose key an HSM could not seal is a line of the audit log, without a release", "[audit][arpf][token]") {
  if (test::is_without_soft_hsm()) return;
  const test::SoftHsm hsm;
  hsm.import_to_sign(*endorser.key, "endorser", "01");
  auto config = audited(arpf_config(), "arpf.audit");
  auto trust = *config.trust;
  trust.endorsement_key.key =
      std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::from_token("pkcs11:token=arpf;object=endorser", hsm.load(), &endorser.certificate.public_key()));
  config.trust = std::make_shared<const arpf::Trust>(trust);
  arpf = std::make_unique<service::Running>(arpf::kProgram, arpf::make_function(config));
  const SecureElement sealed = make_device("901700000000001");
  const SecureElement unsealed = make_device("901700000000002");
  CHECK(retrieve(sealed, key_request(sealed)).verdict() == "200");
  std::filesystem::remove_all(hsm.folder() / "tokens");
  for (int i = 0; i < 2; ++i) CHECK(retrieve(unsealed, key_request(unsealed)).verdict() == "500 SYSTEM_FAILURE");
  CHECK(to_arpf("GET", "/narpf-keys/v1/claims/" + unsealed.dimsi).content()["retrievals"] == 2);
  arpf.reset();
  CHECK(summary_of(folder / "arpf.audit") == Lines{"START done anonymous", "CLAIM done anonymous 901700000000001", "RELEASE done anonymous 901700000000001",
                                                   "CLAIM done anonymous 901700000000002", "CLAIM done anonymous 901700000000002", "STOP done anonymous"});
  const auto told = lines_of(folder / "arpf.audit");
  CHECK(told[3]["detail"] == "no key was released: the log of this function says why");
  CHECK_THAT(told[4]["detail"], Catch::StartsWith("held already, since ") && Catch::EndsWith("; no key was released: the log of this function says why"));
}

TEST_CASE_METHOD(AuditLab, "An offer that takes another one's place says so in the audit log", "[audit][replacement]") {
  start_ausf_ext(audited(ausf_ext_config(), "ausf-ext.audit"));  // the ARPF does not run: the device stays OFFERED
  const std::string path = "/nausfext-onboarding/v1/devices/";
  const SecureElement first = make_device("901700000000001");
  const SecureElement second = make_device("901700000000001");
  REQUIRE(caller.send(ausf_port, "PUT", path + first.dimsi, offer(first).dump(), {{"content-type", "application/json"}, {"prefer", "respond-async"}}).status == 202);
  REQUIRE(caller.send(ausf_port, "PUT", path + first.dimsi, offer(second).dump(), {{"content-type", "application/json"}, {"prefer", "respond-async"}}).status == 202);
  json line = offer(first);
  line["dimsi"] = first.dimsi;
  REQUIRE(caller.send(ausf_port, "POST", "/nausfext-onboarding/v1/imports", line.dump() + "\n", {{"content-type", "application/x-ndjson"}}).status == 202);
  ausf.reset();
  std::vector<std::string> details;
  for (const json& one : lines_of(folder / "ausf-ext.audit")) {
    if (one["action"] == "OFFER") details.push_back(one.value("detail", ""));
  }
  CHECK(details == std::vector<std::string>{"", "in the place of another offer", "line 1: in the place of another offer"});
}

TEST_CASE_METHOD(AuditLab, "A device whose lifetime is over is retired by the function itself, which the audit log tells", "[audit][expiry]") {
  auto config = audited(ausf_ext_config(), "ausf-ext.audit");
  config.device_lifetime = std::chrono::seconds(1);
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement device = make_device("901700000000001");
  REQUIRE(to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + device.dimsi, offer(device)).status == 201);
  REQUIRE(wait_for_state(device.dimsi, "RETIRED")["state"] == "RETIRED");
  ausf.reset();
  const auto told = lines_of(folder / "ausf-ext.audit");
  REQUIRE(summary_of(folder / "ausf-ext.audit") == Lines{"START done anonymous", "OFFER done anonymous 901700000000001",
                                                         "RETIRE done anonymous 901700000000001", "STOP done anonymous"});
  CHECK(told[2]["address"] == "");
  CHECK(told[2]["detail"] == "its lifetime is over");
  CHECK_THAT(verified("ausf-ext.audit"), Catch::StartsWith("0 "));
}

TEST_CASE_METHOD(AuditLab, "That KSEAF was handed out is a line of the audit log; a wrong RES* hands out none", "[audit][nausf-auth]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(audited(ausf_ext_config(), "ausf-ext.audit"));
  const SecureElement device = make_device("901700000000001");
  const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + device.dimsi, offer(device));
  REQUIRE(offered.content()["state"] == "PRELOADED");
  const std::string imsi = offered.content()["imsi"];
  const auto keys = profile::derive_subscriber_keys(*device.ephemeral_key, *profile::DiscoveryImsi::from_digits(device.dimsi),
                                                    *profile::Imsi::from_digits(imsi));
  aka::UsimSequence sequence;
  const bool is_right = GENERATE(true, false);
  const json wanted{{"supiOrSuci", "suci-0-001-01-0-0-0-" + imsi.substr(5)}, {"servingNetworkName", kServingNetwork}};
  const json challenge = to_ausf("POST", "/nausf-auth/v1/ue-authentications", wanted).content();
  const auto vector = challenge["5gAuthData"];
  const auto answer = aka::usim_authenticate(keys, *base::from_hex_exactly<16>(vector["rand"].get<std::string>()),
                                             *base::from_hex_exactly<16>(vector["autn"].get<std::string>()), sequence, kServingNetwork);
  std::string res_star = base::to_hex(std::get<aka::Authenticated>(answer).res_star.reveal());
  if (!is_right) res_star[0] = res_star[0] == '0' ? '1' : '0';
  const std::string path = sbi::Uri::parse(challenge["_links"]["5g-aka"]["href"].get<std::string>()).path;
  const json result = to_ausf("PUT", path, {{"resStar", res_star}}).content();
  CHECK(result["authResult"] == (is_right ? "AUTHENTICATION_SUCCESS" : "AUTHENTICATION_FAILURE"));
  ausf.reset();
  Lines expected{"START done anonymous", "OFFER done anonymous 901700000000001"};
  if (is_right) expected.emplace_back("AUTHENTICATE done anonymous");
  expected.emplace_back("STOP done anonymous");
  CHECK(summary_of(folder / "ausf-ext.audit") == expected);
  if (is_right) {
    const json told = lines_of(folder / "ausf-ext.audit")[2];
    CHECK(told["imsi"] == imsi);
    CHECK(told["target"] == "PUT " + path);
    CHECK(told["detail"] == "5G_AKA");
    CHECK(told.dump().find(result["kseaf"].get<std::string>()) == std::string::npos);
  }
  CHECK_THAT(verified("ausf-ext.audit"), Catch::StartsWith("0 "));
}

namespace {

bool succeeds(const service::Command& command, const std::string& config) {
  try {
    return command.run(config, {}) == 0;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

TEST_CASE_METHOD(AuditLab, "What is done at a console is recorded in the audit log that the configuration names", "[audit][console]") {
  const auto [section, commands, expected] = GENERATE(table<std::string, std::vector<service::Command>, Lines>({
      {"arpf", arpf::commands(), Lines{"BACKUP", "RESTORE"}},
      {"d_ausf", d_ausf::commands(), Lines{"BACKUP", "RESTORE"}},
      {"ausf_ext", ausf_ext::commands(), Lines{"BACKUP", "RESTORE", "ROTATE_KEYS", "EXPORT", "WRAP_KEY"}},
  }));
  { const service::AuditLog before(folder / "console.audit", base::system_now); }
  service::append_to_audit_log(folder / "console.audit", {.action = service::AuditAction::stop}, base::system_now(), std::chrono::milliseconds(0));
  const std::string config = folder.write("console.yaml", section + ": {audit: {file: \"" + (folder / "console.audit") + "\"}}\n");
  for (const service::Command& command : commands) {
    if (command.name == "verify-audit") {
      CHECK(command.run(config, {}) == 0);
    } else {  // what else it needs is missing
      CHECK_FALSE(succeeds(command, config));
    }
  }
  Lines begun;
  Lines failed;
  const auto told = lines_of(folder / "console.audit");
  for (std::size_t i = 1; i < told.size(); ++i) {
    CHECK(told[i]["address"] == "console");
    (told[i]["outcome"] == "done" ? begun : failed).push_back(told[i]["action"]);
  }
  CHECK(begun == expected);
  CHECK(failed == expected);
  CHECK_THAT(verified("console.audit"), Catch::StartsWith("0 "));
}
