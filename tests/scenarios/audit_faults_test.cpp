// What stands in an audit log whose disk failed meanwhile, and who is told what (docs/AUDIT.md; decision 29).
#include <catch2/catch.hpp>
#include <cerrno>

#include "tests/scenarios/audit_lab.hpp"

using namespace test;

namespace {

const std::string kAuditedDimsi = "901700000000001";
const std::string kAuditedClaim = "/narpf-keys/v1/claims/" + kAuditedDimsi;
const std::string kAuditedSuspension = "/narpf-keys/v1/suspensions/" + std::string(64, 'a');
const std::string kAuditedVector = "/ndausf-vectors/v1/vectors/" + kAuditedDimsi;
const std::string kNoAuditDisk = "503 INSUFFICIENT_RESOURCES";
const json kAuditedVectorBody{{"rand", std::string(32, 'a')}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}};

using BriefLines = std::vector<std::string>;

/// `RELEASE_CLAIM done`, with the cause and the beginning of the detail, before any `:`; START and STOP left out.
BriefLines brief_of(const std::string& path) {
  BriefLines out;
  for (const json& line : audit_lines(path)) {
    std::string one = line["action"].get<std::string>() + " " + line["outcome"].get<std::string>();
    if (line.contains("cause")) one += " " + line["cause"].get<std::string>();
    const std::string detail = line.value("detail", "");
    if (!detail.empty() && line["action"] != "REFUSAL") one += " (" + detail.substr(0, detail.find_first_of(":,")) + ")";
    if (line["action"] != "START" && line["action"] != "STOP") out.push_back(one);
  }
  return out;
}

struct FaultsLab : AuditLab {
  void with_arpf() { start_arpf(audited(arpf_config(), "arpf.audit")); }
  [[nodiscard]] std::int64_t spent_keys() const {
    auto database = store::Database::open(folder / "arpf.db", store::Database::Mode::read_only);
    auto rows = database.query("SELECT count(*) FROM spent_keys");
    return rows.next() ? rows.integer(0) : -1;
  }
  void with_d_ausf() { start_d_ausf(audited(d_ausf_config(), "d-ausf.audit")); }
  BriefLines of_arpf() {
    arpf.reset();
    CHECK_THAT(verified("arpf.audit"), Catch::StartsWith("0 "));
    return brief_of(folder / "arpf.audit");
  }
  BriefLines of_d_ausf() {
    d_ausf.reset();
    CHECK_THAT(verified("d-ausf.audit"), Catch::StartsWith("0 "));
    return brief_of(folder / "d-ausf.audit");
  }
};

}  // namespace

TEST_CASE_METHOD(FaultsLab, "No key leaves while the audit log cannot be written, and the retry leaves the line of the claim as well", "[audit][faults]") {
  with_arpf();
  const SecureElement device = make_device(kAuditedDimsi);
  BriefLines expected{"CLAIM done", "RELEASE done"};
  SECTION("a sound disk") {}
  SECTION("a disk that fails the first time") {
    audit_disk_error = ENOSPC;
    const Answer refused = retrieve(device, key_request(device));
    CHECK(refused.verdict() == kNoAuditDisk);
    CHECK_FALSE(refused.content().contains("encryptedKey"));
    CHECK(to_arpf("GET", kAuditedClaim).status == 200);  // it stands
    audit_disk_error = 0;
    expected = {"CLAIM done (held already)", "RELEASE done"};
  }
  const Answer released = retrieve(device, key_request(device));
  CHECK(released.status == 200);
  CHECK(released.content().contains("encryptedKey"));
  const std::string since = to_arpf("GET", kAuditedClaim).content()["claimedAt"];
  CHECK(of_arpf() == expected);
  const json claim = audit_lines(folder / "arpf.audit")[1];
  CHECK(claim["operator"] == "Test Operator");
  CHECK(claim["dimsi"] == kAuditedDimsi);
  if (claim.contains("detail")) CHECK(claim["detail"] == "held already, since " + since);
}

TEST_CASE_METHOD(FaultsLab, "A claim is given up behind the line that says so: without that it stands, and the retry gives it up", "[audit][faults]") {
  with_arpf();
  const SecureElement device = make_device(kAuditedDimsi);
  REQUIRE(retrieve(device, key_request(device)).status == 200);
  const std::string since = to_arpf("GET", kAuditedClaim).content()["claimedAt"];
  if (GENERATE(false, true)) {
    audit_disk_error = EIO;
    CHECK(to_arpf("DELETE", kAuditedClaim).verdict() == kNoAuditDisk);
    CHECK(to_arpf("GET", kAuditedClaim).status == 200);
    audit_disk_error = 0;
  }
  CHECK(to_arpf("DELETE", kAuditedClaim).status == 204);
  CHECK(to_arpf("DELETE", kAuditedClaim).verdict() == "404 USER_NOT_FOUND");  // nothing begins
  CHECK(of_arpf() == BriefLines{"CLAIM done", "RELEASE done", "RELEASE_CLAIM done (begins)", "RELEASE_CLAIM done (ended)"});
  const json ended = audit_lines(folder / "arpf.audit")[4];
  CHECK(ended["operator"] == "Test Operator");
  CHECK(ended["dimsi"] == kAuditedDimsi);
  CHECK(ended["target"] == "DELETE " + kAuditedClaim);
  CHECK(ended["detail"] == "ended: claimed " + since);
}

TEST_CASE_METHOD(FaultsLab, "Who may not give a claim up begins nothing: the audit log has the refusal alone", "[audit][access]") {
  auto config = audited(with_tls(arpf_config()), "arpf.audit");
  config.operators_by_peer = {{"one.example", "Test Operator"}, {"two.example", "Other Operator"}};
  start_arpf(config);
  const SecureElement device = make_device(kAuditedDimsi);
  REQUIRE(verdict(by("one.example"), arpf_port, "POST", "/narpf-keys/v1/devices/" + kAuditedDimsi + "/retrieve-key", key_request(device)) == "200");
  CHECK(verdict(by("two.example"), arpf_port, "DELETE", kAuditedClaim) == "403 NOT_OWNER");
  CHECK(verdict(by("one.example"), arpf_port, "DELETE", kAuditedClaim) == "204");
  CHECK(of_arpf() == BriefLines{"CLAIM done", "RELEASE done", "REFUSAL refused NOT_OWNER", "RELEASE_CLAIM done (begins)", "RELEASE_CLAIM done (ended)"});
}

TEST_CASE_METHOD(FaultsLab, "A claim that became another one while its line was written stays: what the line names is released, or nothing", "[audit][arpf]") {
  with_arpf();
  const SecureElement device = make_device(kAuditedDimsi);
  REQUIRE(retrieve(device, key_request(device)).status == 200);
  bool is_another = true;
  std::string change;
  SECTION("another operator's") { change = "UPDATE claims SET operator = 'Other Operator', claimed_at = claimed_at + 1"; }
  SECTION("another operator's, of the same time") { change = "UPDATE claims SET operator = 'Other Operator'"; }
  SECTION("the same operator's, of another time") { change = "UPDATE claims SET claimed_at = claimed_at + 1"; }
  SECTION("the same one, under which a key was retrieved once more") {
    change = "UPDATE claims SET retrievals = retrievals + 1";
    is_another = false;
  }
  at_next_audit_sync([path = folder / "arpf.db", change] { store::Database::open(path).run(change); });
  CHECK(to_arpf("DELETE", kAuditedClaim).verdict() == (is_another ? "409 DEVICE_CLAIMED" : "204"));
  CHECK(has_audit_sync_come());
  CHECK(to_arpf("GET", kAuditedClaim).status == (is_another ? 200 : 404));
  CHECK(spent_keys() == (is_another ? 0 : 1));
  BriefLines expected{"CLAIM done", "RELEASE done", "RELEASE_CLAIM done (begins)", "RELEASE_CLAIM done (ended)"};
  if (is_another) {
    expected.back() = "RELEASE_CLAIM refused DEVICE_CLAIMED (failed)";
    expected.emplace_back("REFUSAL refused DEVICE_CLAIMED");
  }
  CHECK(of_arpf() == expected);
  const auto lines = audit_lines(folder / "arpf.audit");
  CHECK(lines[3]["operator"] == "Test Operator");  // that of the claim that was looked at
  CHECK(lines[4]["operator"] == "Test Operator");
}

TEST_CASE_METHOD(FaultsLab, "Whose token an administrator spends or gives up is a line of the audit log", "[audit][access]") {
  auto config = audited(with_tls(arpf_config()), "arpf.audit");
  config.operators_by_peer = {{"one.example", "Test Operator"}};
  config.administrators = {"admin.example"};
  start_arpf(config);
  const SecureElement device = make_device(kAuditedDimsi);
  REQUIRE(verdict(by("one.example"), arpf_port, "POST", "/narpf-keys/v1/devices/" + kAuditedDimsi + "/retrieve-key", key_request(device)) == "200");
  CHECK(verdict(by("admin.example"), arpf_port, "POST", kAuditedClaim + "/retire") == "204");
  CHECK(verdict(by("admin.example"), arpf_port, "DELETE", kAuditedClaim) == "204");
  CHECK(of_arpf() == BriefLines{"CLAIM done", "RELEASE done", "RETIRE done", "RELEASE_CLAIM done (begins)", "RELEASE_CLAIM done (ended)"});
  const auto lines = audit_lines(folder / "arpf.audit");
  for (std::size_t i = 3; i < 6; ++i) {
    CHECK(lines[i]["peer"] == "admin.example");
    CHECK(lines[i]["operator"] == "Test Operator");
  }
}

TEST_CASE_METHOD(FaultsLab, "A suspension is lifted behind the line that says so: without that it stands, and the retry lifts it", "[audit][faults]") {
  with_arpf();
  const bool fails = GENERATE(false, true);
  if (fails) {
    audit_disk_error = EIO;
    CHECK(to_arpf("PUT", kAuditedSuspension).verdict() == kNoAuditDisk);
    audit_disk_error = 0;
  }
  CHECK(to_arpf("PUT", kAuditedSuspension).status == (fails ? 200 : 201));  // it stood, and is recorded now
  if (fails) {
    audit_disk_error = EIO;
    CHECK(to_arpf("DELETE", kAuditedSuspension).verdict() == kNoAuditDisk);
    CHECK(to_arpf("GET", kAuditedSuspension).status == 200);
    audit_disk_error = 0;
  }
  CHECK(to_arpf("DELETE", kAuditedSuspension).status == 204);
  CHECK(to_arpf("DELETE", kAuditedSuspension).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(of_arpf() == BriefLines{"SUSPEND done (suspended)", "SUSPEND done (begins)", "SUSPEND done (ended)"});
  CHECK(audit_lines(folder / "arpf.audit")[1]["detail"] == "suspended: " + std::string(64, 'a'));
  CHECK(audit_lines(folder / "arpf.audit")[3]["detail"] == "ended: lifted: " + std::string(64, 'a'));
}

TEST_CASE_METHOD(FaultsLab, "A vector is deleted behind the line that says so: without that it stands, and the retry deletes it", "[audit][faults]") {
  with_d_ausf();
  const bool fails = GENERATE(false, true);
  if (fails) {
    audit_disk_error = EIO;
    CHECK(to_d_ausf("PUT", kAuditedVector, kAuditedVectorBody).verdict() == kNoAuditDisk);
    audit_disk_error = 0;
  }
  CHECK(to_d_ausf("PUT", kAuditedVector, kAuditedVectorBody).status == (fails ? 200 : 201));
  if (fails) {
    audit_disk_error = EIO;
    CHECK(to_d_ausf("DELETE", kAuditedVector).verdict() == kNoAuditDisk);
    CHECK(to_d_ausf("GET", kAuditedVector).status == 200);
    audit_disk_error = 0;
  }
  CHECK(to_d_ausf("DELETE", kAuditedVector, nullptr, {{"if-match", "\"another\""}}).status == 412);  // nothing begins
  CHECK(to_d_ausf("DELETE", kAuditedVector).status == 204);
  CHECK(to_d_ausf("DELETE", kAuditedVector).verdict() == "404 USER_NOT_FOUND");
  CHECK(of_d_ausf() == BriefLines{fails ? "REPLACE done" : "PRELOAD done", "DELETE done (begins)", "DELETE done (ended)"});
  const json ended = audit_lines(folder / "d-ausf.audit")[3];
  CHECK(ended["dimsi"] == kAuditedDimsi);
  CHECK(ended["imsi"] == "001010000000001");
}

TEST_CASE_METHOD(FaultsLab, "A vector that was replaced while its line was written stays: what the line names is deleted, or nothing", "[audit][d-ausf]") {
  with_d_ausf();
  REQUIRE(to_d_ausf("PUT", kAuditedVector, kAuditedVectorBody).status == 201);
  bool is_another = true;
  std::string change;
  SECTION("by one with another IMSI") { change = "UPDATE vectors SET imsi = " + std::to_string(profile::Imsi::from_digits("001010000000002")->packed()); }
  SECTION("by another owner's") { change = "UPDATE vectors SET owner = 'two.example'"; }
  SECTION("by the same one, preloaded anew") { change = "UPDATE vectors SET created_at = created_at + 1"; }
  SECTION("or rather served and received, which makes it no other one") {
    change = "UPDATE vectors SET served = served + 1, last_served_at = created_at, received_at = created_at";
    is_another = false;
  }
  at_next_audit_sync([path = folder / "d-ausf.db", change] { store::Database::open(path).run(change); });
  CHECK(to_d_ausf("DELETE", kAuditedVector).verdict() == (is_another ? "409 VECTOR_REPLACED" : "204"));
  CHECK(has_audit_sync_come());
  CHECK(to_d_ausf("GET", kAuditedVector).status == (is_another ? 200 : 404));
  BriefLines expected{"PRELOAD done", "DELETE done (begins)", "DELETE done (ended)"};
  if (is_another) {
    expected.back() = "DELETE refused VECTOR_REPLACED (failed)";
    expected.emplace_back("REFUSAL refused VECTOR_REPLACED");
  }
  CHECK(of_d_ausf() == expected);
  const auto lines = audit_lines(folder / "d-ausf.audit");
  CHECK(lines[2]["imsi"] == "001010000000001");  // that of the vector that was looked at
  CHECK(lines[3]["imsi"] == "001010000000001");
}

TEST_CASE_METHOD(FaultsLab, "That certificates were read again is a line of the audit log", "[audit]") {
  with_arpf();
  arpf->reload();
  CHECK(of_arpf() == BriefLines{"RELOAD done"});
}

TEST_CASE_METHOD(FaultsLab, "What cannot be read as certificates and a token is a refused key, which the audit log tells; another 400 is not", "[audit]") {
  with_arpf();
  const SecureElement device = make_device(kAuditedDimsi);
  json request = key_request(device);
  request["seCredentials"]["seCertificate"] = base::to_base64(base::as_bytes("no certificate"));
  const Answer refused = retrieve(device, request);
  CHECK(refused.status == 400);
  CHECK(to_arpf("GET", "/narpf-keys/v1/claims/nonsense").status == 400);
  CHECK(of_arpf() == BriefLines{"REFUSAL refused " + refused.cause()});
  const json line = audit_lines(folder / "arpf.audit")[1];
  CHECK(line["target"] == "POST /narpf-keys/v1/devices/" + kAuditedDimsi + "/retrieve-key");
  CHECK_THAT(line["detail"].get<std::string>(), Catch::Contains("seCertificate"));
}

TEST_CASE_METHOD(FaultsLab, "A peer that is turned away for its certificate is told of, and one that is known is not", "[audit][tls]") {
  auto config = audited(with_tls(d_ausf_config()), "d-ausf.audit");
  config.owners = d_ausf::Owners({{"one.example", std::nullopt, {}}});
  start_d_ausf(config);
  std::string why;
  SECTION("it names nobody") {
    CHECK(verdict(by(""), d_ausf_port, "GET", kAuditedVector) == kTurnedAway);
    why = "turned away: its certificate has no DNS name, URI or common name";
  }
  SECTION("it is of a CA that nobody trusts") {
    const Party other_ca = make_party(wanted_ca("another CA"));
    auto wanted = wanted_leaf("", crypto::KeyUsage::digital_signature);
    wanted.dns_names = {"one.example"};
    keep("stranger", make_party(wanted, &other_ca));
    const auto stranger = make_caller(folder / "stranger.crt", folder / "stranger.key");
    CHECK(verdict(*stranger, d_ausf_port, "GET", kAuditedVector) == kTurnedAway);
    why = "turned away: its certificate is not verified: ";
  }
  SECTION("it is known") { CHECK(verdict(by("one.example"), d_ausf_port, "GET", kAuditedVector) == "404 USER_NOT_FOUND"); }
  const BriefLines all = of_d_ausf();
  CHECK(all.empty() == why.empty());
  for (const std::string& one : all) CHECK(one == "REFUSAL refused");
  const auto lines = audit_lines(folder / "d-ausf.audit");
  if (!why.empty()) CHECK_THAT(lines[1]["detail"].get<std::string>(), Catch::StartsWith(why));
  CHECK(lines[1]["peer"] == "anonymous");
}

TEST_CASE_METHOD(FaultsLab, "A peer that is refused without end fills no disk: the audit log tells of some, and how many more there were", "[audit][access]") {
  constexpr int kCount = 200;
  auto config = audited(with_tls(d_ausf_config()), "d-ausf.audit");
  config.owners = d_ausf::Owners({{"one.example", std::nullopt, {}}});
  start_d_ausf(config);
  for (int i = 0; i < kCount; ++i) REQUIRE(verdict(by("stranger.example"), d_ausf_port, "GET", kAuditedVector) == "403 NOT_OWNER");
  (void)of_d_ausf();
  int recorded = 0;
  int left_out = 0;
  for (const json& line : audit_lines(folder / "d-ausf.audit")) {
    if (line["action"] == "REFUSAL") ++recorded;
    if (line["action"] != "DROPPED") continue;
    const std::string detail = line["detail"];
    left_out += std::stoi(detail.substr(detail.rfind(' ')));
  }
  CHECK(recorded < kCount);
  CHECK(recorded + left_out == kCount);
}
