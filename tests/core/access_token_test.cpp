#include "lib/core/access_token.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/certificates.hpp"
#include "tests/support/json_schema.hpp"

using core::AccessToken;
using core::AccessTokenVerifier;
using core::TokenError;
using crypto::Curve;
using crypto::JwsAlgorithm;
using crypto::JwsVerifyingKey;
using nlohmann::json;
using std::chrono::seconds;
using test::kNow;

namespace {

const std::string kNrfId = "99999999-9999-4999-8999-999999999999";
const std::string kConsumerId = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const std::string kProducerId = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";
const std::int64_t kNowS = base::to_unix_ms(kNow) / 1000;

JwsVerifyingKey key_of(const test::Identity& identity) {
  const bool is_p384 = identity.key.curve() == Curve::p384;
  return JwsVerifyingKey::from_pem(identity.certificate.pem(), is_p384 ? JwsAlgorithm::es384 : JwsAlgorithm::es256);
}

/// An NRF's key and a producer that trusts it: an AUSF.
struct ProducerFixture {
  ProducerFixture() {
    settings.keys = {key_of(nrf)};
    settings.issuer = kNrfId;
    settings.audiences = {kProducerId, "AUSF"};
  }

  static json claims() {
    return {{"iss", kNrfId}, {"sub", kConsumerId}, {"aud", "AUSF"}, {"scope", "nausf-auth nausf-sorprotection"}, {"exp", kNowS + 3600}};
  }
  static json claims_with(const char* name, json value) {
    json out = claims();
    out[name] = std::move(value);
    return out;
  }
  std::string header(const std::string& payload, const std::string& protected_header = R"({"alg":"ES256","typ":"JWT"})") const {
    return "Bearer " + crypto::sign_jws(nrf.key, protected_header, payload);
  }
  /// What a verifier that knows no token yet says; empty if it takes it.
  std::string fault_of(const std::string& authorization, base::Time now = kNow) const {
    AccessTokenVerifier fresh(settings);
    return fault_of(fresh, authorization, now);
  }
  static std::string fault_of(AccessTokenVerifier& verifier, const std::string& authorization, base::Time now = kNow) {
    try {
      verifier.verify(authorization, now);
      return "";
    } catch (const TokenError& error) {
      return error.what();
    }
  }
  std::string fault_of_claims(const json& payload, base::Time now = kNow) const { return fault_of(header(payload.dump()), now); }

  test::Identity nrf = test::identity(test::ca_template("NRF"), Curve::p256);
  AccessTokenVerifier::Settings settings;
};

}  // namespace

TEST_CASE_METHOD(ProducerFixture, "A token that the NRF signed for us is read", "[core][token]") {
  const auto* const schema = test::shared_schema("TS29510_Nnrf_AccessToken.AccessTokenClaims");
  if (schema != nullptr) CHECK(schema->fault_of(claims()).empty());
  AccessTokenVerifier verifier(settings);
  const AccessToken token = verifier.verify(header(claims().dump()), kNow);
  CHECK(token.issuer == kNrfId);
  CHECK(token.subject == kConsumerId);
  CHECK(token.audiences == std::vector<std::string>{"AUSF"});
  CHECK(token.scopes == std::vector<std::string>{"nausf-auth", "nausf-sorprotection"});
  CHECK(token.expires_at == kNow + seconds(3600));
}

TEST_CASE_METHOD(ProducerFixture, "A scope is matched by whole elements", "[core][token]") {
  AccessTokenVerifier verifier(settings);
  const AccessToken token = verifier.verify(header(claims().dump()), kNow);
  CHECK(token.has_scope("nausf-auth"));
  CHECK(token.has_scope("nausf-sorprotection"));
  for (const std::string_view other : {"", "nausf", "nausf-aut", "nausf-auth2", "NAUSF-AUTH", "nausf-auth nausf-sorprotection", " "}) {
    CAPTURE(other);
    CHECK_FALSE(token.has_scope(other));
  }
}

TEST_CASE_METHOD(ProducerFixture, "The scheme is read in either case, and no other one is", "[core][token]") {
  const std::string token = header(claims().dump()).substr(7);
  for (const std::string scheme : {"Bearer ", "bearer ", "BEARER ", "Bearer   "}) CHECK(fault_of(scheme + token).empty());
  for (const std::string scheme : {"", " Bearer ", "Bearer", "Bearer\t", "Basic ", "DPoP ", "Bearer Bearer "}) {
    CAPTURE(scheme);
    CHECK_FALSE(fault_of(scheme + token).empty());
  }
  for (const std::string nothing : {"", "Bearer", "Bearer ", "Bearer  "}) CHECK_FALSE(fault_of(nothing).empty());
  CHECK_FALSE(fault_of("Bearer " + token + " ").empty());
  CHECK_FALSE(fault_of("Bearer " + token + ", " + token).empty());
}

TEST_CASE_METHOD(ProducerFixture, "An authorization of 8192 octets is read, a longer one is not", "[core][token]") {
  const std::string token = header(claims_with("x", std::string(5700, 'x')).dump()).substr(7);
  const auto filled_to = [&](std::size_t size) { return "Bearer" + std::string(size - 6 - token.size(), ' ') + token; };
  CHECK(fault_of(filled_to(core::kMaxAuthorizationSize)).empty());
  CHECK(fault_of(filled_to(core::kMaxAuthorizationSize + 1)) == "the authorization is too long");
}

TEST_CASE_METHOD(ProducerFixture, "A flipped bit in any of the three parts is found", "[core][token]") {
  const std::string good = header(claims().dump());
  const std::size_t first = good.find('.');
  const std::size_t last = good.rfind('.');
  for (const std::size_t at : {std::size_t{9}, first - 2, first + 3, last - 3, last + 1, last + 40, good.size() - 3}) {
    std::string bad = good;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    CAPTURE(at);
    CHECK_FALSE(fault_of(bad).empty());
  }
  const std::string head = good.substr(0, first);
  for (const std::string& bad : {good.substr(0, last), good.substr(0, last + 1), good + ".", good + "A", good + "=",
                                 good.substr(0, good.size() - 1), head + good.substr(last), head + "." + good.substr(last)}) {
    CHECK_FALSE(fault_of(bad).empty());
  }
  CHECK(fault_of(good).empty());
}

TEST_CASE_METHOD(ProducerFixture, "A header is an object with the key's own alg, and nothing critical", "[core][token]") {
  const std::string payload = claims().dump();
  const std::string good = GENERATE(R"({"alg":"ES256"})", R"({"alg":"ES256","typ":"JWT","kid":"1"})", R"( {"alg" : "ES256"} )");
  CHECK(fault_of(header(payload, good)).empty());
  for (const std::string bad : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"ES384"})", R"({"alg":"RS256"})", R"({"alg":"HS256"})",
                                R"({"alg":"es256"})", R"({"alg":""})", R"({"alg":null})", R"({"alg":["ES256"]})", R"({"typ":"JWT"})",
                                R"({"alg":"ES256","alg":"ES256"})", R"({"alg":"none","alg":"ES256"})", R"({"alg":"ES256","crit":["exp"]})",
                                R"({"alg":"ES256","crit":[]})", R"(["ES256"])", R"("ES256")", "", "garbage", R"({"alg":"ES256"}x)"}) {
    CAPTURE(bad);
    CHECK_FALSE(fault_of(header(payload, bad)).empty());
  }
}

TEST_CASE_METHOD(ProducerFixture, "An unsigned token, or one that says so, is refused", "[core][token]") {
  const auto part = [](const std::string& text) { return base::to_base64url(base::as_bytes(text)); };
  const std::string payload = part(claims().dump());
  CHECK_FALSE(fault_of("Bearer " + part(R"({"alg":"none"})") + "." + payload + ".").empty());
  CHECK_FALSE(fault_of("Bearer " + part(R"({"alg":"ES256"})") + "." + payload + ".").empty());
}

TEST_CASE_METHOD(ProducerFixture, "A signature in DER is refused", "[core][token]") {
  const std::string good = header(claims().dump());
  const std::string input = good.substr(7, good.rfind('.') - 7);
  const std::string der = base::to_base64url(crypto::sign_der(nrf.key, base::as_bytes(input)));
  CHECK(fault_of("Bearer " + input + "." + der) == "the token is not signed by the NRF");
  CHECK(fault_of("Bearer " + input + "." + base::to_base64url(crypto::sign(nrf.key, base::as_bytes(input)))).empty());
}

TEST_CASE_METHOD(ProducerFixture, "Each of several keys verifies, each with its own algorithm", "[core][token]") {
  const auto next = test::identity(test::ca_template("next"), Curve::p256);
  const auto large = test::identity(test::ca_template("large"), Curve::p384);
  const auto strange = test::identity(test::ca_template("strange"), Curve::p256);
  settings.keys = {key_of(nrf), key_of(large), key_of(next)};
  const std::string payload = claims().dump();
  const auto signed_by = [&](const test::Identity& signer, const std::string& alg) {
    return "Bearer " + crypto::sign_jws(signer.key, json{{"alg", alg}}.dump(), payload);
  };
  CHECK(fault_of(signed_by(nrf, "ES256")).empty());
  CHECK(fault_of(signed_by(next, "ES256")).empty());
  CHECK(fault_of(signed_by(large, "ES384")).empty());
  CHECK_FALSE(fault_of(signed_by(large, "ES256")).empty());
  CHECK_FALSE(fault_of(signed_by(next, "ES384")).empty());
  CHECK_FALSE(fault_of(signed_by(strange, "ES256")).empty());
  settings.keys.clear();
  CHECK_FALSE(fault_of(signed_by(nrf, "ES256")).empty());
}

TEST_CASE_METHOD(ProducerFixture, "Each mandatory claim is there, and of its type", "[core][token]") {
  const std::string name = GENERATE("iss", "sub", "aud", "scope", "exp");
  json missing = claims();
  missing.erase(name);
  CAPTURE(name);
  CHECK_FALSE(fault_of_claims(missing).empty());
  for (const json& value : {json(nullptr), json(true), json(1.5), json(-1), json(""), json(json::object()), json(json::array())}) {
    CAPTURE(value.dump());
    CHECK_FALSE(fault_of_claims(claims_with(name.c_str(), value)).empty());
  }
  CHECK(fault_of_claims(claims()).empty());
}

TEST_CASE_METHOD(ProducerFixture, "A payload that is no JSON object is refused", "[core][token]") {
  const std::string good = claims().dump();
  const std::string open = good.substr(0, good.size() - 1);
  for (const std::string& bad : {std::string(), std::string("garbage"), std::string("[]"), "[" + good + "]", good + "x",
                                 good + std::string(1, '\0'), open, open + R"(,"exp":9999999999})"}) {
    CHECK_FALSE(fault_of(header(bad)).empty());
  }
  CHECK(fault_of(header(good)).empty());
  CHECK(fault_of_claims(claims_with("anythingElse", json{{"of", "use"}})).empty());
}

TEST_CASE_METHOD(ProducerFixture, "One of the audiences is ours", "[core][token]") {
  const std::string other = "cccccccc-cccc-4ccc-8ccc-cccccccccccc";
  const std::string upper = "BBBBBBBB-BBBB-4BBB-8BBB-BBBBBBBBBBBB";
  for (const json& good : {json("AUSF"), json(json::array({kProducerId})), json(json::array({other, kProducerId})), json(json::array({upper})),
                           json(kProducerId)}) {
    CAPTURE(good.dump());
    CHECK(fault_of_claims(claims_with("aud", good)).empty());
  }
  for (const json& bad : {json("UDM"), json("ausf"), json("AUSF "), json("AUSF UDM"), json(json::array({other})), json(other),
                          json(kProducerId + "0"), json(kProducerId.substr(1))}) {
    CAPTURE(bad.dump());
    CHECK(fault_of_claims(claims_with("aud", bad)) == "the token is for another audience");
  }
  for (const json& bad : {json(json::array({kProducerId, 1})), json(json::array({kProducerId, ""})), json(json::array({json::array({kProducerId})}))}) {
    CAPTURE(bad.dump());
    CHECK_FALSE(fault_of_claims(claims_with("aud", bad)).empty());
  }
  settings.audiences.clear();
  CHECK_FALSE(fault_of_claims(claims()).empty());
}

TEST_CASE_METHOD(ProducerFixture, "The issuer is the NRF of the configuration, and without one no token is taken", "[core][token]") {
  const json other = claims_with("iss", "dddddddd-dddd-4ddd-8ddd-dddddddddddd");
  CHECK(fault_of_claims(other) == "the token has another issuer");
  settings.issuer = "https://nrf.example";
  CHECK(fault_of_claims(claims_with("iss", "https://nrf.example")).empty());
  CHECK_FALSE(fault_of_claims(claims_with("iss", "https://NRF.example")).empty());
  CHECK_FALSE(fault_of_claims(claims()).empty());
  settings.issuer.clear();
  CHECK(fault_of_claims(other) == "the token has another issuer");
  CHECK(fault_of_claims(claims()) == "the token has another issuer");
}

TEST_CASE_METHOD(ProducerFixture, "A scope is a list of names with one blank between them", "[core][token]") {
  for (const std::string good : {"nausf-auth", "a b c", "nudm-sdm:am-data:read x_y"}) {
    CHECK(fault_of_claims(claims_with("scope", good)).empty());
  }
  for (const std::string bad : {" ", " nausf-auth", "nausf-auth ", "a  b", "a,b", "a\tb", "a\"b", "\xC3\xA4"}) {
    CAPTURE(bad);
    CHECK_FALSE(fault_of_claims(claims_with("scope", bad)).empty());
  }
  CHECK_FALSE(fault_of_claims(claims_with("scope", json::array({"nausf-auth"}))).empty());
}

TEST_CASE_METHOD(ProducerFixture, "A token is valid before exp, give or take the skew", "[core][token]") {
  settings.skew = seconds(GENERATE(0, 5));
  const auto at = [&](std::int64_t exp_s) { return fault_of_claims(claims_with("exp", exp_s)); };
  const std::int64_t earliest = kNowS - settings.skew.count();
  CHECK(at(earliest + 1).empty());
  CHECK(at(earliest) == "the token has expired");
  CHECK(at(0) == "the token has expired");
  CHECK(at(253402300799).empty());
  CHECK_FALSE(at(253402300800).empty());
  CHECK_FALSE(at(std::numeric_limits<std::int64_t>::max()).empty());
  CHECK_FALSE(fault_of_claims(claims_with("exp", std::numeric_limits<std::uint64_t>::max())).empty());
  CHECK_FALSE(fault_of_claims(claims_with("exp", std::to_string(kNowS + 3600))).empty());
  CHECK_FALSE(fault_of_claims(claims_with("exp", static_cast<double>(kNowS + 3600))).empty());
}

TEST_CASE_METHOD(ProducerFixture, "A token with nbf is valid from then on, give or take the skew", "[core][token]") {
  settings.skew = seconds(GENERATE(0, 5));
  const auto at = [&](std::int64_t nbf_s) { return fault_of_claims(claims_with("nbf", nbf_s)); };
  const std::int64_t latest = kNowS + settings.skew.count();
  CHECK(at(latest).empty());
  CHECK(at(latest + 1) == "the token is not valid yet");
  for (const json& bad : {json("0"), json(nullptr), json(0.5), json(-1)}) CHECK_FALSE(fault_of_claims(claims_with("nbf", bad)).empty());
  CHECK_FALSE(fault_of_claims(claims_with("iat", "yesterday")).empty());
  CHECK(fault_of_claims(claims_with("iat", kNowS)).empty());
}

TEST_CASE_METHOD(ProducerFixture, "A token that is remembered expires all the same, and is not valid earlier either", "[core][token]") {
  json payload = claims();
  payload["nbf"] = kNowS;
  const std::string authorization = header(payload.dump());
  AccessTokenVerifier verifier(settings);
  for (int i = 0; i < 3; ++i) CHECK(fault_of(verifier, authorization).empty());
  CHECK(verifier.remembered() == 1);
  CHECK(fault_of(verifier, authorization, kNow + seconds(3604)).empty());
  CHECK(fault_of(verifier, authorization, kNow + seconds(3605)) == "the token has expired");
  CHECK(fault_of(verifier, authorization, kNow - seconds(6)) == "the token is not valid yet");
  CHECK(fault_of(verifier, authorization).empty());
  CHECK(verifier.remembered() == 1);
}

TEST_CASE_METHOD(ProducerFixture, "Only what verifies is remembered, by all of its octets", "[core][token]") {
  AccessTokenVerifier verifier(settings);
  const std::string good = header(claims().dump());
  REQUIRE(fault_of(verifier, good).empty());
  std::string bad = good;
  bad[good.rfind('.') + 1] = bad[good.rfind('.') + 1] == 'A' ? 'B' : 'A';
  CHECK_FALSE(fault_of(verifier, bad).empty());
  CHECK_FALSE(fault_of(verifier, header(claims_with("aud", "UDM").dump())).empty());
  CHECK_FALSE(fault_of(verifier, header(claims_with("iss", "x").dump())).empty());
  CHECK(verifier.remembered() == 1);
}

TEST_CASE_METHOD(ProducerFixture, "So many tokens are remembered as are named, and the one not seen for longest goes", "[core][token]") {
  AccessTokenVerifier verifier(settings);
  const std::string payload = claims().dump();
  const std::string first = header(payload);  // signatures differ, and so do tokens
  for (std::size_t i = 0; i < core::kMaxVerifiedTokens + 1; ++i) {
    REQUIRE(fault_of(verifier, header(payload)).empty());
    REQUIRE(fault_of(verifier, first).empty());
  }
  CHECK(verifier.remembered() == core::kMaxVerifiedTokens);
  CHECK(fault_of(verifier, first).empty());
}

TEST_CASE_METHOD(ProducerFixture, "What is said of a bad token has none of its octets", "[core][token]") {
  for (const std::string& bad : {header(claims_with("exp", "XSECRETX").dump()), header(claims_with("scope", "XSECRETX\n").dump()),
                                 header(claims_with("aud", "XSECRETX").dump()), header("XSECRETX"), std::string("Bearer XSECRETX"),
                                 header(claims().dump(), R"({"alg":"XSECRETX"})"), header(R"({"XSECRETX":1,"XSECRETX":2})")}) {
    const std::string fault = fault_of(bad);
    CHECK_FALSE(fault.empty());
    CHECK(fault.find("SECRET") == std::string::npos);
    CHECK(core::www_authenticate("invalid_token", fault, "") == "Bearer error=\"invalid_token\", error_description=\"" + fault + "\"");
  }
}

TEST_CASE("WWW-Authenticate has what is known, safely quoted", "[core][token]") {
  CHECK(core::www_authenticate("", "", "") == R"(Bearer realm="sbi")");
  CHECK(core::www_authenticate("", "", "nausf-auth") == R"(Bearer scope="nausf-auth")");
  CHECK(core::www_authenticate("insufficient_scope", "more is needed", "nausf-auth") ==
        R"(Bearer error="insufficient_scope", error_description="more is needed", scope="nausf-auth")");
  CHECK(core::www_authenticate("invalid_token", "a\"b\\c\r\nd\x7F\xC3\xA4", "") ==
        R"(Bearer error="invalid_token", error_description="a?b?c??d???")");
}
