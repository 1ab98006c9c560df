#include <catch2/catch.hpp>

#include "tests/scenarios/tls_lab.hpp"

/// Who a TLS peer is, and what it may therefore do, at each function (docs/THREAT_MODEL.md).

using namespace test;

namespace {

/// An ARPF that knows two operators and an administrator.
struct ArpfPeers : TlsLab {
  ArpfPeers() : other_mno(make_other_mno()) {
    auto config = with_tls(arpf_config());
    config.operators_by_peer = {{"one.example", "Test Operator"}, {"two.example", "Other Operator"}};
    config.administrators = {"admin.example"};
    start_arpf(config);
  }
  [[nodiscard]] Party make_other_mno() const {
    auto wanted = wanted_leaf("MNO", crypto::KeyUsage::key_agreement);
    wanted.organizations = {"Other Operator"};
    return make_party(wanted, &operator_ca);
  }
  std::string retrieve_as(const std::string& peer, const Party& with) {
    const json request{{"seCredentials", device.credentials()}, {"operatorCertificate", base64_of(with.certificate)}};
    return verdict(by(peer), arpf_port, "POST", "/narpf-keys/v1/devices/" + device.dimsi + "/retrieve-key", request);
  }
  std::string claim_as(const std::string& peer, const std::string& method, const std::string& suffix = "") {
    return verdict(by(peer), arpf_port, method, "/narpf-keys/v1/claims/" + device.dimsi + suffix);
  }

  Party other_mno;
  SecureElement device = make_device("901700000000001");
};

struct DAusfPeers : TlsLab {
  std::string vector_as(const std::string& peer, const std::string& method, const std::string& dimsi, char octet = 'a') {
    const json body{{"rand", std::string(32, octet)}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}};
    return verdict(by(peer), d_ausf_port, method, kVectors + "/" + dimsi, method == "PUT" ? body : json());
  }
  /// What becomes of a vector for each dIMSI: its cause; empty if it was taken.
  std::vector<std::string> load_as(const std::string& peer, const std::vector<std::string>& dimsis) {
    std::string lines;
    for (const auto& dimsi : dimsis) {
      lines += json{{"dimsi", dimsi}, {"rand", std::string(32, 'c')}, {"autn", std::string(32, 'd')}, {"imsi", "001010000000002"}}.dump() + "\n";
    }
    const json report = by(peer).send(d_ausf_port, "POST", kVectors, lines, {{"content-type", "application/x-ndjson"}}).content();
    std::vector<std::string> causes(dimsis.size());
    for (const auto& problem : report["problems"]) causes.at(problem["line"].get<std::size_t>() - 1) = problem["cause"];
    CHECK(report["accepted"] == std::count(causes.begin(), causes.end(), ""));
    return causes;
  }
};

const std::string kNotOwnerVerdict = "403 NOT_OWNER";

}  // namespace

TEST_CASE_METHOD(ArpfPeers, "An operator's peer retrieves keys for its own operator only", "[arpf][tls][step-0e]") {
  CHECK(retrieve_as("two.example", mno) == kNotOwnerVerdict);
  CHECK(retrieve_as("stranger.example", mno) == kNotOwnerVerdict);
  CHECK(claim_as("admin.example", "GET") == "404 USER_NOT_FOUND");  // nothing was claimed by those
  CHECK(retrieve_as("one.example", other_mno) == kNotOwnerVerdict);
  CHECK(retrieve_as("one.example", mno) == "200");
  CHECK(retrieve_as("admin.example", mno) == kNotOwnerVerdict);  // an administrator gives claims up, and takes none
  CHECK(retrieve_as("two.example", other_mno) == "409 DEVICE_CLAIMED");
}

TEST_CASE_METHOD(ArpfPeers, "A claim is its operator's and the administrators'", "[arpf][tls]") {
  REQUIRE(retrieve_as("one.example", mno) == "200");
  const std::string other = GENERATE(as<std::string>(), "two.example", "stranger.example");
  CHECK(claim_as(other, "GET") == kNotOwnerVerdict);
  CHECK(claim_as(other, "DELETE") == kNotOwnerVerdict);
  CHECK(claim_as(other, "POST", "/retire") == kNotOwnerVerdict);
  CHECK(retrieve_as("one.example", mno) == "200");  // neither released nor spent by them
  SECTION("its operator's") {
    CHECK(claim_as("one.example", "GET") == "200");
    CHECK(claim_as("one.example", "POST", "/retire") == "204");
    CHECK(retrieve_as("one.example", mno) == "403 TOKEN_SPENT");
    CHECK(claim_as("one.example", "DELETE") == "204");
  }
  SECTION("the administrators'") {
    CHECK(claim_as("admin.example", "GET") == "200");
    CHECK(claim_as("admin.example", "POST", "/retire") == "204");
    CHECK(retrieve_as("one.example", mno) == "403 TOKEN_SPENT");
    CHECK(claim_as("admin.example", "DELETE") == "204");
  }
  CHECK(claim_as("admin.example", "GET") == "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(ArpfPeers, "The ARPF's certificates are for every peer that may connect", "[arpf][tls][step-0a]") {
  const std::string certificates = "/narpf-certificates/v1/certificates";
  CHECK(verdict(by("stranger.example"), arpf_port, "GET", certificates) == "200");
  CHECK(verdict(by(""), arpf_port, "GET", certificates) == kTurnedAway);
  CHECK(verdict(*make_caller("", ""), arpf_port, "GET", certificates) == kTurnedAway);
}

TEST_CASE_METHOD(ArpfPeers, "A certificate without a name, or for anonymous, has no right to a claim", "[arpf][tls]") {
  REQUIRE(retrieve_as("one.example", mno) == "200");
  const std::string nobody = GENERATE(as<std::string>(), "", "anonymous");
  CHECK(retrieve_as(nobody, mno) == kTurnedAway);
  CHECK(claim_as(nobody, "GET") == kTurnedAway);
  CHECK(claim_as(nobody, "DELETE") == kTurnedAway);
  CHECK(claim_as(nobody, "POST", "/retire") == kTurnedAway);
  CHECK(claim_as("one.example", "GET") == "200");
}

TEST_CASE_METHOD(DAusfPeers, "A vector is the peer's that preloaded it first", "[d-ausf][tls][owners][step-2]") {
  auto config = with_tls(d_ausf_config());
  config.owners = d_ausf::Owners({{"one.example", std::nullopt, {}}, {"two.example", std::nullopt, {}}});
  start_d_ausf(config);
  const std::string dimsi = "901700000000001";
  REQUIRE(vector_as("one.example", "PUT", dimsi) == "201");
  CHECK(by("one.example").send(d_ausf_port, "GET", kVectors + "/" + dimsi).content()["owner"] == "one.example");
  SECTION("others neither replace, nor see, nor delete it") {
    CHECK(vector_as("two.example", "PUT", dimsi, 'f') == kNotOwnerVerdict);
    CHECK(vector_as("two.example", "PUT", dimsi) == kNotOwnerVerdict);  // the same content neither
    CHECK(vector_as("two.example", "GET", dimsi) == kNotOwnerVerdict);
    CHECK(vector_as("two.example", "DELETE", dimsi) == kNotOwnerVerdict);
    CHECK(load_as("two.example", {dimsi, "901700000000002"}) == std::vector<std::string>{"NOT_OWNER", ""});
    CHECK(vector_as("one.example", "GET", "901700000000002") == kNotOwnerVerdict);
    CHECK(vector_as("two.example", "GET", "901700000000002") == "200");
    CHECK(by("one.example").send(d_ausf_port, "GET", kVectors + "/" + dimsi).content()["rand"] == std::string(32, 'a'));
  }
  SECTION("a certificate without a name, or for anonymous, is turned away") {
    const std::string nobody = GENERATE(as<std::string>(), "", "anonymous");
    for (const char* method : {"PUT", "GET", "DELETE"}) CHECK(vector_as(nobody, method, dimsi) == kTurnedAway);
    CHECK(vector_as(nobody, "PUT", "901700000000002") == kTurnedAway);
  }
  CHECK(vector_as("one.example", "PUT", dimsi, 'f') == "200");
  CHECK(load_as("one.example", {dimsi}) == std::vector<std::string>{""});
  CHECK(vector_as("one.example", "DELETE", dimsi) == "204");
  CHECK(vector_as("two.example", "PUT", dimsi) == "201");  // it is free again
}

TEST_CASE_METHOD(DAusfPeers, "Where owners are configured, a peer without an entry preloads nothing", "[d-ausf][tls][owners][step-2]") {
  auto config = with_tls(d_ausf_config());
  const auto end = [](const char* digits) { return *profile::DiscoveryImsi::from_digits(digits); };
  config.owners = d_ausf::Owners({{"one.example", std::nullopt, {{end("901700000000000"), end("901700000000099")}}},
                                  {"two.example", std::nullopt, {}}});
  start_d_ausf(config);
  CHECK(vector_as("one.example", "PUT", "901700000000001") == "201");
  CHECK(vector_as("one.example", "PUT", "901700000000100") == kNotOwnerVerdict);
  CHECK(vector_as("one.example", "DELETE", "901700000000100") == kNotOwnerVerdict);
  CHECK(vector_as("two.example", "PUT", "901700000000100") == "201");
  CHECK(vector_as("stranger.example", "PUT", "901700000000002") == kNotOwnerVerdict);
  CHECK(vector_as("stranger.example", "GET", "901700000000001") == kNotOwnerVerdict);
  CHECK(vector_as("stranger.example", "DELETE", "901700000000001") == kNotOwnerVerdict);
  CHECK(verdict(by("stranger.example"), d_ausf_port, "POST", kVectors) == kNotOwnerVerdict);  // whatever is in its lines
  CHECK(load_as("one.example", {"901700000000003", "901700000000101"}) == std::vector<std::string>{"", "NOT_OWNER"});
}

TEST_CASE_METHOD(TlsLab, "The target AUSF takes peers by name, and nobody without one", "[ausf-ext][tls]") {
  auto config = with_tls(ausf_ext_config());
  config.access.add("rsmf.example", service::Role::rsmf);
  start_ausf_ext(config);
  const std::string pools = "/nausfext-onboarding/v1/imsi-pools";
  CHECK(verdict(by("rsmf.example"), ausf_port, "GET", pools) == "200");
  CHECK(verdict(by("stranger.example"), ausf_port, "GET", pools) == kNotOwnerVerdict);
  CHECK(verdict(by(""), ausf_port, "GET", pools) == kTurnedAway);
  CHECK(verdict(by("anonymous"), ausf_port, "GET", pools) == kTurnedAway);
  CHECK(verdict(*make_caller("", ""), ausf_port, "GET", pools) == kTurnedAway);
}
