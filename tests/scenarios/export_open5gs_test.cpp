#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "lib/base/log.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "nf-ausf-ext/export_open5gs.hpp"
#include "tests/scenarios/lab.hpp"
#include "ue-sim/pki.hpp"

/// Documents as Open5GS reads them (lib/dbi/subscription.c, webui/server/models/subscriber.js).

using namespace test;

namespace {

/// What goes to a stream while it lives.
class Captured {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  ~Captured() { stream_.rdbuf(before_); }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

/// The program with these arguments: its exit status.
int run(std::vector<std::string> arguments, std::string& said) {
  arguments.insert(arguments.begin(), "nf-ausf-ext");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  const auto never = [](const service::YamlDocument&) -> service::Function { throw std::logic_error("the function is not to run"); };
  const Captured errors(std::cerr);
  const int status = service::main(ausf_ext::kProgram, static_cast<int>(argv.size()), argv.data(), never, {ausf_ext::export_command()});
  said = errors.text();
  return status;
}

struct ExportFixture : Lab {
  ExportFixture() : config(ausf_ext_config()) {
    using namespace ausf_ext;
    const Ambr ambr{*BitRate::from_text("3 Mbps"), *BitRate::from_text("2 Gbps")};
    const DnnProfile rsmf{"rsmf", {PduSessionType::ipv4, PduSessionType::ipv6}, 1, 9, {8, false, true}, ambr};
    const DnnProfile other{"other", {PduSessionType::ipv6}, 1, 79, {15, true, false}, ambr};
    config.bootstrap_subscription = BootstrapSubscription{ambr, std::nullopt, {{{1, 1}, true, {rsmf}}, {{2, std::nullopt}, false, {other}}}};
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
  }

  std::string onboard(const SecureElement& se) {
    const Answer answer = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + se.dimsi, offer(se));
    REQUIRE(answer.content()["state"] == "PRELOADED");
    return answer.content()["imsi"];
  }
  std::vector<json> exported() {
    std::istringstream in(read_text(file));
    std::vector<json> out;
    for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
    return out;
  }
  /// Names of the folder's files that the export may have left.
  [[nodiscard]] std::vector<std::string> leftovers() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(file).parent_path())) {
      if (entry.path().filename().string().starts_with("subscribers")) out.push_back(entry.path().filename());
    }
    return out;
  }

  ausf_ext::Config config;
  std::string file = folder / "subscribers.jsonl";
};

std::string hex(base::BytesView octets) { return base::to_hex(octets); }

}  // namespace

TEST_CASE_METHOD(ExportFixture, "Devices are exported as subscribers of Open5GS, with the keys that the SE has", "[bootstrap][export]") {
  const SecureElement first = make_device("901700000000001");
  const SecureElement second = make_device("901700000000002");
  const std::string imsi = onboard(first);
  const std::string other = onboard(second);
  CHECK(ausf_ext::export_open5gs(config, file) == 2);  // the function runs on

  const auto documents = exported();
  REQUIRE(documents.size() == 2);
  for (const auto& [se, digits, document] : {std::tie(first, imsi, documents[0]), std::tie(second, other, documents[1])}) {
    const auto keys = profile::derive_subscriber_keys(*se.ephemeral_key, *profile::DiscoveryImsi::from_digits(se.dimsi),
                                                      *profile::Imsi::from_digits(digits));
    CHECK(document["imsi"] == digits);
    CHECK(document["security"]["k"] == hex(keys.k.reveal()));
    CHECK(document["security"]["opc"] == hex(keys.opc.reveal()));
    CHECK(document["security"]["op"].is_null());
    CHECK(document["security"]["amf"] == "8000");
    CHECK(document["security"]["sqn"] == json{{"$numberLong", std::to_string(65536 * 32)}});
  }
  const json ambr{{"downlink", {{"value", 2}, {"unit", 3}}}, {"uplink", {{"value", 3}, {"unit", 2}}}};
  const json& document = documents[0];
  CHECK(document["schema_version"] == 1);
  CHECK(document["ambr"] == ambr);
  CHECK(document["access_restriction_data"] == 32);
  CHECK(document["subscriber_status"] == 0);
  CHECK(document["network_access_mode"] == 0);
  CHECK(document["slice"] == json::parse(R"([
    {"sst": 1, "sd": "000001", "default_indicator": true, "session": [{"name": "rsmf", "type": 3, "pcc_rule": [],
      "ambr": {"downlink": {"value": 2, "unit": 3}, "uplink": {"value": 3, "unit": 2}},
      "qos": {"index": 9, "arp": {"priority_level": 8, "pre_emption_capability": 1, "pre_emption_vulnerability": 2}}}]},
    {"sst": 2, "default_indicator": false, "session": [{"name": "other", "type": 2, "pcc_rule": [],
      "ambr": {"downlink": {"value": 2, "unit": 3}, "uplink": {"value": 3, "unit": 2}},
      "qos": {"index": 79, "arp": {"priority_level": 15, "pre_emption_capability": 2, "pre_emption_vulnerability": 1}}}]}])"));

  SECTION("its file is for its owner alone, whatever the umask, and nothing else is left") {
    const mode_t before = umask(0);
    CHECK(ausf_ext::export_open5gs(config, file) == 2);  // in place of the first
    umask(before);
    struct stat status {};
    REQUIRE(stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(leftovers() == std::vector<std::string>{"subscribers.jsonl"});
  }
  SECTION("only who is served here: not the retired") {
    CHECK(to_ausf("POST", "/nausfext-onboarding/v1/devices/901700000000001/retire").status == 204);
    CHECK(ausf_ext::export_open5gs(config, file) == 1);
    REQUIRE(exported().size() == 1);
    CHECK(exported()[0]["imsi"] == other);
  }
  SECTION("the sequence number is ahead of what was used, as the USIM will take it") {
    const json body{{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}};
    for (int i = 0; i < 3; ++i) CHECK(to_ausf("POST", "/nausf-auth/v1/ue-authentications", body).status == 201);
    ausf_ext::export_open5gs(config, file);
    const auto sqn = aka::SequenceNumber::from_value(std::stoull(exported()[0]["security"]["sqn"]["$numberLong"].get<std::string>()));
    CHECK(sqn.ind() == 0);
    CHECK(sqn.seq() >= ausf_ext::kExportedLead + 3);
    CHECK(sqn.seq() < ausf_ext::kExportedLead + 100);  // it grows with the seconds, too
  }
  SECTION("a key that cannot be opened: no file, and the one before is as it was") {
    const std::string before = read_text(file);
    config.key_encryption_key = std::make_shared<const crypto::KeyEncryptionKey>(crypto::random_octets<32>());
    CHECK_THROWS_AS(ausf_ext::export_open5gs(config, file), std::runtime_error);
    CHECK(read_text(file) == before);
    CHECK(leftovers() == std::vector<std::string>{"subscribers.jsonl"});
  }
  SECTION("no key is in the log, at debug level") {
    const std::string log = folder / "log";
    base::log::open("export", log, base::log::Level::debug);
    ausf_ext::export_open5gs(config, file);
    base::log::debug("the end");
    base::log::open("export", "", base::log::Level::off);
    const std::string text = read_text(log);
    REQUIRE(text.find("the end") != std::string::npos);
    CHECK(text.find(document["security"]["k"].get<std::string>()) == std::string::npos);
    CHECK(text.find(document["security"]["opc"].get<std::string>()) == std::string::npos);
  }
}

TEST_CASE_METHOD(ExportFixture, "Without a bootstrap subscription, a database or a folder there is no export", "[bootstrap][export]") {
  (void)onboard(make_device("901700000000001"));
  SECTION("no subscription") {
    config.bootstrap_subscription.reset();
    CHECK_THROWS_WITH(ausf_ext::export_open5gs(config, file), Catch::Contains("bootstrap_subscription is missing"));
  }
  SECTION("no database") {
    config.common.database = folder / "none.db";
    CHECK_THROWS_WITH(ausf_ext::export_open5gs(config, file), Catch::Contains("there is no database"));
    CHECK_FALSE(std::filesystem::exists(config.common.database));
  }
  SECTION("no folder") { CHECK_THROWS_WITH(ausf_ext::export_open5gs(config, folder / "none/subscribers"), Catch::Contains("cannot make")); }
  CHECK(leftovers().empty());
}

TEST_CASE_METHOD(ExportFixture, "The command refuses without --reveal-keys, and says what one gives up", "[bootstrap][export]") {
  std::string said;
  CHECK(run({"export-open5gs", "--out", file}, said) == 2);
  CHECK_THAT(said, Catch::Contains("takes keys out of the seal") && Catch::Contains("--reveal-keys"));
  CHECK(leftovers().empty());
  CHECK(run({"export-open5gs", "-c", folder / "none.yaml", "--reveal-keys", "--out", file}, said) == 2);
  CHECK_THAT(said, Catch::Contains("none.yaml:1:1: cannot be read"));
  CHECK(run({"export-open5gs", "--reveal-key"}, said) == 2);
  CHECK(run({"export-everything"}, said) == 2);
  CHECK(leftovers().empty());
}

TEST_CASE_METHOD(ExportFixture, "The command exports with the flag, by its configuration, -c before or behind its name", "[bootstrap][export]") {
  ue_sim::PkiRequest request;
  request.directory = folder / "pki";
  request.arpf_uri = arpf_uri;
  ue_sim::make_pki(request);
  const std::string pki = request.directory;
  const std::string yaml = folder.write(
      "ausf-ext.yaml",
      "ausf_ext:\n  database: " + config.common.database + "\n  key_encryption_key: " + pki +
          "/kek.hex\n  sbi: {server: {address: 127.0.0.1}}\n  operator: {certificate: " + pki + "/operator.pem, private_key: " + pki +
          "/operator.key}\n  arpfs: {uri: \"" + arpf_uri + "\", issuer: " + pki +
          "/ci.pem}\n  d_ausf: {uri: \"http://127.0.0.1:1\"}\n  rsmf: {uri: \"http://127.0.0.1:1/\"}\n  imsi_pools: {mcc: \"001\", mnc: \"01\", " +
          "from: \"001010000000001\", to: \"001010000000009\"}\n  bootstrap_subscription: {ue_ambr: {uplink: 1 Mbps, downlink: 1 Mbps}, slices: " +
          "{sst: 1, default: true, dnns: {name: rsmf, session_ambr: {uplink: 1 Mbps, downlink: 1 Mbps}}}}\n");
  std::string said;
  const bool is_before = GENERATE(true, false);
  const std::vector<std::string> behind{"export-open5gs", "-c", yaml, "--reveal-keys", "--out", file};
  const std::vector<std::string> before{"-c", yaml, "export-open5gs", "--out", file, "--reveal-keys"};
  const auto& arguments = is_before ? before : behind;
  CHECK(run(arguments, said) == 0);
  CHECK(said == "0 subscribers, with their keys in clear, written to " + file + "\n");
  CHECK(leftovers() == std::vector<std::string>{"subscribers.jsonl"});

  (void)onboard(make_device("901700000000001"));  // sealed under the key of the fixture, which is not that of the file
  CHECK(run(arguments, said) == 1);
  CHECK_THAT(said, Catch::Contains("cannot be opened"));
  CHECK(read_text(file).empty());
}

TEST_CASE("The exported sequence number is one that a USIM takes after all that was used", "[bootstrap][export]") {
  const auto last = GENERATE(as<std::uint64_t>(), 0, 31, 32, 32 * 1000 + 7, 32ULL * (1ULL << 40));
  const auto elapsed = GENERATE(as<std::uint64_t>(), 0, 1, 5000);
  const auto written = aka::SequenceNumber::from_value(last);
  const auto used = aka::advanced(written, elapsed, 0);  // what the counter's last value gives
  const auto exported = ausf_ext::exported_sqn({1, written, 17}, 17 + elapsed);
  CHECK(exported.seq() == used.seq() + ausf_ext::kExportedLead);
  CHECK(exported.seq() - used.seq() < aka::kMaxSeqStep);
  aka::UsimSequence::Entries entries{};
  entries.fill(used.seq() + ausf_ext::kExportedLead - 1);  // all that may happen between export and import, at every IND
  CHECK(aka::UsimSequence(entries).would_accept(exported));
  CHECK_THROWS_AS(ausf_ext::exported_sqn({1, aka::SequenceNumber::from_seq_and_ind(aka::SequenceNumber::kMaxSeq, 0), 1}, 1), std::overflow_error);
}
