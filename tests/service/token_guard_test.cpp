#include "lib/service/token_guard.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/read_yaml.hpp"
#include "tests/support/temporary_folder.hpp"

/// Who a request's sender is by its access token (docs/ACCESS.md).

using nlohmann::json;
using service::AccessRule;
using service::Role;
using service::TokenGuard;
using test::kNow;

namespace {

const std::string kConsumer = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const AccessRule kRule{"POST", "/nausf-auth/v1/ue-authentications", {Role::access_network}};
const AccessRule kOpenRule{"GET", "/health", {}};

struct GuardFixture {
  GuardFixture() {
    policy.is_required = true;
    policy.verifier.keys = {crypto::JwsVerifyingKey::from_pem(nrf.certificate.pem(), crypto::JwsAlgorithm::es256)};
    policy.verifier.issuer = "nrf";
    policy.verifier.audiences = {"AUSF"};
  }
  [[nodiscard]] std::string token(const json& changes = json::object()) const {
    json claims{{"iss", "nrf"}, {"sub", kConsumer}, {"aud", "AUSF"}, {"scope", "nausf-auth"}, {"exp", base::to_unix_ms(kNow) / 1000 + 60}};
    claims.update(changes);
    return "Bearer " + crypto::sign_jws(nrf.key, R"({"alg":"ES256"})", claims.dump());
  }
  [[nodiscard]] static sbi::Request request(const std::vector<std::string>& tokens) {
    sbi::Request out;
    for (const std::string& one : tokens) out.headers.add("authorization", one);
    return out;
  }
  [[nodiscard]] static sbi::Request by_certificate(sbi::Request out, const std::vector<std::string>& uris) {
    out.peer.name = "amf.example";
    out.peer.is_verified = true;
    out.peer.certificate_uris = std::make_shared<const std::vector<std::string>>(uris);
    return out;
  }
  /// `401 Bearer error="invalid_token", ...`; the peer's name if it is let in.
  std::string verdict(sbi::Request sent, const AccessRule& rule = kRule) const {
    TokenGuard guard(policy, [] { return kNow; });
    try {
      guard.identify(rule, sent);
      return sent.peer.is_verified ? sent.peer.name : "anonymous";
    } catch (const sbi::Challenge& refused) {
      return (refused.kind() == base::ErrorKind::unauthorized ? "401 " : "403 ") + refused.www_authenticate();
    }
  }

  test::Identity nrf = test::identity(test::template_for("NRF", {crypto::KeyUsage::digital_signature}), crypto::Curve::p256, nullptr);
  service::TokenPolicy policy;
};

const std::string kInvalid = "401 Bearer error=\"invalid_token\"";

}  // namespace

TEST_CASE_METHOD(GuardFixture, "The token's subject is the peer", "[service][oauth2]") {
  CHECK(verdict(request({token()})) == kConsumer);
  CHECK(verdict(request({token({{"sub", "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"}})})) == kConsumer);
  // A subject is an instance id (TS 29.510, 6.3.5.2.4): what could be the name in a peer's certificate stands for nobody.
  for (const char* const name : {"anonymous", "amf.example", "urn:uuid:aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa"}) {
    CAPTURE(name);
    CHECK_THAT(verdict(request({token({{"sub", name}})})), Catch::StartsWith(kInvalid));
  }
}

TEST_CASE_METHOD(GuardFixture, "Without a token a request is refused where one is required, and its TLS peer's where not", "[service][oauth2]") {
  CHECK(verdict(request({})) == "401 Bearer realm=\"sbi\"");
  CHECK(verdict(request({}), kOpenRule) == "anonymous");
  policy.is_required = false;
  CHECK(verdict(request({})) == "anonymous");
  CHECK(verdict(by_certificate(request({}), {})) == "amf.example");
  CHECK(verdict(request({token()})) == kConsumer);
  CHECK_THAT(verdict(request({"Bearer x"})), Catch::StartsWith(kInvalid));  // one that is shown must be sound
}

TEST_CASE_METHOD(GuardFixture, "A token that is wrong in one respect is refused", "[service][oauth2]") {
  CHECK_THAT(verdict(request({token({{"aud", "UDM"}})})), Catch::StartsWith(kInvalid));
  CHECK_THAT(verdict(request({token({{"exp", base::to_unix_ms(kNow) / 1000 - 60}})})), Catch::StartsWith(kInvalid));
  CHECK_THAT(verdict(request({token(), token()})), Catch::StartsWith(kInvalid));
  CHECK_THAT(verdict(request({token().replace(10, 1, "!")})), Catch::StartsWith(kInvalid));
  policy.verifier.issuer = "another";
  CHECK_THAT(verdict(request({token()})), Catch::StartsWith(kInvalid));
}

TEST_CASE_METHOD(GuardFixture, "A token without the service in its scope is 403 insufficient_scope", "[service][oauth2]") {
  const std::string refused = verdict(request({token({{"scope", "nudm-ueau nausf-authx"}})}));
  CHECK_THAT(refused, Catch::StartsWith("403 Bearer error=\"insufficient_scope\""));
  CHECK_THAT(refused, Catch::Contains("scope=\"nausf-auth\""));
  CHECK(verdict(request({token({{"scope", "nudm-ueau nausf-auth"}})})) == kConsumer);
}

TEST_CASE_METHOD(GuardFixture, "The token of a peer with a certificate is that peer's own", "[service][oauth2]") {
  const std::vector<std::string> own{"https://amf.example", "urn:uuid:" + kConsumer};
  CHECK(verdict(by_certificate(request({token()}), own)) == "amf.example");
  CHECK(verdict(by_certificate(request({token()}), {"URN:UUID:AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"})) == "amf.example");
  CHECK_THAT(verdict(by_certificate(request({token()}), {})), Catch::StartsWith(kInvalid));
  CHECK_THAT(verdict(by_certificate(request({token()}), {"urn:uuid:bbbbbbbb-aaaa-4aaa-8aaa-aaaaaaaaaaaa"})), Catch::StartsWith(kInvalid));
  policy.is_bound_to_certificate = false;  // an SCP's certificate
  CHECK(verdict(by_certificate(request({token()}), {})) == kConsumer);
}

TEST_CASE("The section oauth2 is read, and what is wrong in it is named", "[service][oauth2][config]") {
  const test::TemporaryFolder folder;
  const auto nrf = test::identity(test::template_for("NRF", {crypto::KeyUsage::digital_signature}), crypto::Curve::p256, nullptr);
  const std::string file = folder.write("nrf.pem", nrf.certificate.pem());
  std::optional<service::TokenPolicy> policy;
  const auto problems = [&policy](const std::string& text) -> std::string {
    const auto document = service::YamlDocument::parse(text, "x.yaml");
    policy = service::read_token_policy(document.root(), {});
    try {
      document.finish();
      return "";
    } catch (const service::ConfigError& error) {
      return error.what();
    }
  };
  const std::string keys = "issuer: nrf, keys: [{file: " + file + ", algorithm: ES256}]";
  CHECK(problems("oauth2: {mode: required, audiences: AUSF, " + keys + "}") == "");
  REQUIRE(policy);
  CHECK(policy->is_required);
  CHECK(policy->is_bound_to_certificate);
  CHECK(policy->verifier.keys.size() == 1);
  CHECK(policy->verifier.issuer == "nrf");
  CHECK(problems("oauth2: {mode: optional, audiences: AUSF, skew_s: 0, bind_to_certificate: false, " + keys + "}") == "");
  REQUIRE(policy);
  CHECK_FALSE(policy->is_required);
  CHECK(problems("oauth2: {mode: off, audiences: AUSF, " + keys + "}") == "");
  CHECK_FALSE(policy);
  CHECK_THAT(problems("oauth2: {mode: maybe, audiences: AUSF, " + keys + "}"), Catch::Contains("mode: maybe is none of off, optional, required"));
  CHECK_THAT(problems("oauth2: {mode: required, " + keys + "}"), Catch::Contains("audiences: is missing"));
  CHECK_THAT(problems("oauth2: {mode: required, audiences: AUSF}"), Catch::Contains("keys"));
  CHECK_THAT(problems("oauth2: {mode: required, audiences: AUSF, keys: [{file: " + file + ", algorithm: HS256}]}"), Catch::Contains("HS256 is none of"));
  CHECK_THAT(problems("oauth2: {mode: required, audiences: AUSF, keys: [{file: " + file + ", algorithm: ES384}]}"), Catch::Contains("file"));
}

TEST_CASE("Who takes tokens says whose they are", "[service][oauth2][config]") {
  const test::TemporaryFolder folder;
  const auto nrf = test::identity(test::template_for("NRF", {crypto::KeyUsage::digital_signature}), crypto::Curve::p256, nullptr);
  const std::string keys = ", audiences: AUSF, keys: [{file: " + folder.write("nrf.pem", nrf.certificate.pem()) + ", algorithm: ES256}]}\n";
  const auto problems = [&keys](const std::string& members) {
    return test::read_yaml("oauth2: {" + members + keys, [](const service::Section& root) { return service::read_token_policy(root, {}); }).problems;
  };
  const std::string missing = "x.yaml:1:9: oauth2.issuer: is missing: the NF instance id of the NRF, as its tokens have it in iss; else whoever has the key could make them";
  for (const std::string mode : {"required", "optional"}) {
    CAPTURE(mode);
    CHECK(problems("mode: " + mode + ", issuer: 99999999-9999-4999-8999-999999999999") == "");
    CHECK(problems("mode: " + mode) == missing);
    CHECK_THAT(problems("mode: " + mode + ", issuer: ''"), Catch::Contains("oauth2.issuer: is empty"));
  }
  CHECK(problems("mode: off") == "");
}
