#include "lib/core/access_tokens.hpp"

#include <atomic>
#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "lib/core/access_token.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/fake_nrf.hpp"
#include "tests/support/json_schema.hpp"

using core::AccessTokens;
using nlohmann::json;
using test::FakeNrf;
using test::kNow;
using test::kOwnId;
using Kind = FakeNrf::Kind;
using namespace std::chrono_literals;

namespace {

/// Civil time that stands still until a test moves it; on any thread.
class StandingClock {
 public:
  [[nodiscard]] base::Time now() const { return base::from_unix_ms(ms_); }
  void pass(std::chrono::milliseconds time) { ms_ += time.count(); }

 private:
  std::atomic<std::int64_t> ms_{base::to_unix_ms(kNow)};
};

/// Two NRFs that sign with the same key, and a consumer, an AUSF, that prefers the first.
struct ConsumerFixture {
  ConsumerFixture() {
    settings.nrfs = {nrf.parsed_uri(), second.parsed_uri()};
    settings.nf_instance_id = kOwnId;
    settings.nf_type = "AUSF";
    settings.timeout = 5000ms;
    settings.first_pause = settings.longest_pause = 0ms;
    settings.clock = [this] { return clock.now(); };
  }
  ~ConsumerFixture() {
    loop.stop();
    tokens.reset();
    client.reset();
  }
  FakeNrf::Options options() {
    FakeNrf::Options out;
    out.token_key = key;
    out.clock = [this] { return clock.now(); };
    return out;
  }

  void open() {
    loop.run([this] {
      client = std::make_unique<sbi::Client>(loop.io(), "AUSF", nullptr);
      tokens = std::make_unique<AccessTokens>(*client, settings);
    });
  }
  std::future<std::string> start(const std::string& type = "UDM", const std::string& scope = "nudm-ueau") {
    return loop.start(tokens->authorization(type, scope));
  }
  /// The header's value, or the cause of the error.
  static std::string outcome(std::future<std::string>& future) {
    try {
      return test::get(future);
    } catch (const base::Error& error) {
      return error.cause();
    }
  }
  std::string authorization(const std::string& type = "UDM", const std::string& scope = "nudm-ueau") {
    auto future = start(type, scope);
    return outcome(future);
  }
  /// The error that there is.
  base::Error failure() {
    auto future = start();
    try {
      test::get(future);
    } catch (const base::Error& error) {
      return error;
    }
    throw std::runtime_error("a token came where none should");
  }
  void forget(const std::string& refused = "") {
    loop.run([&] { tokens->forget("UDM", "nudm-ueau", refused); });
  }
  static bool is_bearer(const std::string& value) { return value.starts_with("Bearer ey"); }

  StandingClock clock;
  test::Identity identity = test::identity(test::ca_template("NRF"), crypto::Curve::p256);
  std::shared_ptr<const crypto::PrivateKey> key = std::make_shared<crypto::PrivateKey>(std::move(identity.key));
  FakeNrf nrf{options()};
  FakeNrf second{options()};
  AccessTokens::Settings settings;
  test::Loop loop;
  std::unique_ptr<sbi::Client> client;
  std::unique_ptr<AccessTokens> tokens;
};

sbi::Response answer(int status, const std::string& body, const char* type = sbi::kJson) { return {status, type, body}; }

sbi::Response grant(const json& expires_in) {
  return answer(200, json{{"access_token", "eyA.eyA.AA"}, {"token_type", "Bearer"}, {"expires_in", expires_in}}.dump());
}

}  // namespace

TEST_CASE_METHOD(ConsumerFixture, "The token that an NRF grants is one that the producer takes", "[core][token]") {
  open();
  const std::string authorization = ConsumerFixture::authorization("UDM", "nudm-ueau nudm-sdm");
  core::AccessTokenVerifier::Settings producer;
  producer.keys = {crypto::JwsVerifyingKey::from_pem(identity.certificate.pem(), crypto::JwsAlgorithm::es256)};
  producer.issuer = test::FakeNrf::Options().id;
  producer.audiences = {"UDM"};
  const auto token = core::AccessTokenVerifier(producer).verify(authorization, clock.now());
  CHECK(token.subject == kOwnId);
  CHECK(token.has_scope("nudm-ueau"));
  CHECK(token.expires_at == clock.now() + 3600s);
}

TEST_CASE_METHOD(ConsumerFixture, "An NRF is asked with a form, percent-encoded", "[core][token]") {
  settings.nf_type = "CUSTOM_A&B";
  open();
  CHECK(is_bearer(authorization("UDM", "nudm-ueau nudm-sdm:am-data:read")));
  const auto asked = nrf.requests(Kind::token);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].target == "/oauth2/token");
  CHECK(asked[0].headers.find("content-type") == std::optional<std::string_view>("application/x-www-form-urlencoded"));
  CHECK(asked[0].body == "grant_type=client_credentials&nfInstanceId=11111111-1111-4111-8111-111111111111&nfType=CUSTOM_A%26B"
                         "&targetNfType=UDM&scope=nudm-ueau%20nudm-sdm%3Aam-data%3Aread");
  const json sent{{"grant_type", "client_credentials"}, {"nfInstanceId", kOwnId}, {"nfType", "CUSTOM_A&B"}, {"targetNfType", "UDM"},
                  {"scope", "nudm-ueau nudm-sdm:am-data:read"}};
  const auto* const schema = test::shared_schema("TS29510_Nnrf_AccessToken.AccessTokenReq");
  if (schema != nullptr) CHECK(schema->fault_of(sent).empty());
}

TEST_CASE_METHOD(ConsumerFixture, "A token is kept for its target and scope", "[core][token]") {
  open();
  const std::string first = authorization();
  CHECK(is_bearer(first));
  CHECK(authorization() == first);
  CHECK(nrf.count(Kind::token) == 1);
  const std::string other_scope = authorization("UDM", "nudm-sdm");
  const std::string other_type = authorization("AUSF", "nudm-ueau");
  CHECK(nrf.count(Kind::token) == 3);
  CHECK(std::set<std::string>{first, other_scope, other_type}.size() == 3);
  CHECK(authorization() == first);
  CHECK(authorization("UDM", "nudm-sdm") == other_scope);
  CHECK(nrf.count(Kind::token) == 3);
}

TEST_CASE_METHOD(ConsumerFixture, "Those who ask at once share one request", "[core][token]") {
  open();
  nrf.hang(Kind::token);
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 20; ++i) all.push_back(start());
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::token) == 1; }));
  nrf.release(Kind::token);
  std::set<std::string> seen;
  for (auto& one : all) seen.insert(outcome(one));
  CHECK(seen.size() == 1);
  CHECK(is_bearer(*seen.begin()));
  CHECK(nrf.count(Kind::token) == 1);
}

TEST_CASE_METHOD(ConsumerFixture, "Those who ask at once share one failure", "[core][token]") {
  open();
  nrf.answer_next(Kind::token, answer(400, R"({"error":"invalid_client"})"));
  nrf.hang(Kind::token);
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 20; ++i) all.push_back(start());
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::token) == 1; }));
  nrf.release(Kind::token);
  for (auto& one : all) CHECK(outcome(one) == "ACCESS_TOKEN_DENIED");
  CHECK(nrf.count(Kind::token) == 1);
}

TEST_CASE_METHOD(ConsumerFixture, "A token is renewed towards its end, and serves meanwhile", "[core][token]") {
  // A tenth of the lifetime, at least 5 s, at most half.
  const auto [lifetime_s, last] =
      GENERATE(table<std::int64_t, std::chrono::milliseconds>({{3600, 360000ms}, {60, 6000ms}, {40, 5000ms}, {10, 5000ms}, {6, 3000ms}}));
  CAPTURE(lifetime_s);
  nrf.answer_next(Kind::token, grant(lifetime_s));
  open();
  const std::string first = authorization();
  CHECK(first == "Bearer eyA.eyA.AA");
  clock.pass(std::chrono::seconds(lifetime_s) - last - 1ms);
  CHECK(authorization() == first);
  CHECK(nrf.count(Kind::token) == 1);
  clock.pass(1ms);
  nrf.hang(Kind::token);
  for (int i = 0; i < 3; ++i) CHECK(authorization() == first);  // nobody waits
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::token) == 2; }));
  nrf.release(Kind::token);
  CHECK(FakeNrf::eventually([&] { return authorization() != first; }));
  CHECK(is_bearer(authorization()));
  CHECK(nrf.count(Kind::token) == 2);
}

TEST_CASE_METHOD(ConsumerFixture, "In the last second of a token, and afterwards, the next one is waited for", "[core][token]") {
  open();
  const std::string first = authorization();
  clock.pass(GENERATE(3599s, 3600s, 100000s));
  const std::string next = authorization();
  CHECK(next != first);
  CHECK(is_bearer(next));
  CHECK(nrf.count(Kind::token) == 2);
}

TEST_CASE_METHOD(ConsumerFixture, "While no NRF gives another one, a token serves to its end", "[core][token]") {
  open();
  const std::string first = authorization();
  const int fault = GENERATE(0, 1, 2, 3);
  CAPTURE(fault);
  const auto fail_next = [&] {
    if (fault == 1) nrf.answer_next(Kind::token, answer(400, R"({"error":"invalid_client"})"));
    if (fault == 2) nrf.answer_next(Kind::token, answer(200, "garbage"));
    if (fault == 3) for (FakeNrf* each : {&nrf, &second}) each->answer_next(Kind::token, answer(503, ""));
  };
  if (fault == 0) nrf.go_away();
  if (fault == 0) second.go_away();
  clock.pass(3300s);
  fail_next();
  CHECK(authorization() == first);  // a request is made behind
  if (fault != 0) REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::token) == 2; }));
  clock.pass(299s + 999ms);
  fail_next();
  CHECK(authorization() == first);
  clock.pass(1s);
  fail_next();
  CHECK_FALSE(is_bearer(authorization()));
}

TEST_CASE_METHOD(ConsumerFixture, "The next NRF is asked when one does not answer", "[core][token]") {
  const int status = GENERATE(0, 500, 503, 504, 429, 408);
  CAPTURE(status);
  if (status == 0) nrf.go_away();
  else nrf.answer_next(Kind::token, answer(status, ""));
  open();
  CHECK(is_bearer(authorization()));
  CHECK(second.count(Kind::token) == 1);
}

TEST_CASE_METHOD(ConsumerFixture, "The next NRF is asked when one hangs", "[core][token]") {
  settings.timeout = 100ms;
  nrf.hang(Kind::token);
  open();
  CHECK(is_bearer(authorization()));
  CHECK(second.count(Kind::token) == 1);
  nrf.release(Kind::token);
}

TEST_CASE_METHOD(ConsumerFixture, "Without an NRF that answers there is no token, until one does", "[core][token]") {
  nrf.go_away();
  second.answer_next(Kind::token, answer(503, ""));
  open();
  const auto error = failure();
  CHECK(error.kind() == base::ErrorKind::gateway_timeout);
  CHECK(error.cause() == "NRF_NOT_REACHABLE");
  CHECK(authorization() == "NRF_NOT_REACHABLE");
  CHECK(second.count(Kind::token) == 1);  // within the pause nobody asks again
  clock.pass(1s);
  CHECK(is_bearer(authorization()));
}

TEST_CASE_METHOD(ConsumerFixture, "A clock that was set back does not prolong the pause", "[core][token]") {
  nrf.answer_next(Kind::token, answer(400, R"({"error":"invalid_client"})"));
  open();
  CHECK(authorization() == "ACCESS_TOKEN_DENIED");
  clock.pass(-3600s);
  CHECK(is_bearer(authorization()));
}

TEST_CASE_METHOD(ConsumerFixture, "Without any NRF there is no token", "[core][token]") {
  settings.nrfs.clear();
  open();
  CHECK(authorization() == "NRF_NOT_REACHABLE");
}

TEST_CASE_METHOD(ConsumerFixture, "A refusal names its error and the NRF, and no other NRF is asked", "[core][token]") {
  const auto [status, type, body, named] = GENERATE(table<int, std::string, std::string, std::string>({
      {400, sbi::kJson, R"({"error":"invalid_scope"})", "invalid_scope"},
      {400, sbi::kJson, R"({"error":"unauthorized_client","error_description":"x"})", "unauthorized_client"},
      {401, sbi::kProblemJson, R"({"status":401,"cause":"MISSING_CERTIFICATE"})", "MISSING_CERTIFICATE"},
      {403, sbi::kProblemJson, R"({"status":403,"title":"Forbidden"})", "Forbidden"},
      {400, sbi::kJson, "garbage", "400"},
      {400, sbi::kJson, R"({"error":7})", "400"},
      {404, sbi::kJson, "", "404"},
  }));
  CAPTURE(status, body);
  nrf.answer_next(Kind::token, answer(status, body, type.c_str()));
  open();
  const auto error = failure();
  CHECK(error.kind() == base::ErrorKind::forbidden);
  CHECK(error.cause() == "ACCESS_TOKEN_DENIED");
  CHECK_THAT(error.what(), Catch::Contains(named) && Catch::Contains(nrf.uri()) && Catch::Contains("UDM"));
  CHECK(second.count(Kind::token) == 0);
  clock.pass(1s);
  CHECK(is_bearer(authorization()));
}

TEST_CASE_METHOD(ConsumerFixture, "The fake NRF refuses what an NRF refuses", "[core][token]") {
  open();
  CHECK(authorization("", "nudm-ueau") == "ACCESS_TOKEN_DENIED");
  CHECK(authorization("UDM", "") == "ACCESS_TOKEN_DENIED");
  CHECK(is_bearer(authorization("UDM", "nudm-ueau")));
  FakeNrf without_key;
  settings.nrfs = {without_key.parsed_uri()};
  tokens.reset();
  open();
  CHECK_THAT(failure().what(), Catch::Contains("unauthorized_client"));
}

TEST_CASE_METHOD(ConsumerFixture, "An answer that is no AccessTokenRsp is an error that the next good one mends", "[core][token]") {
  const auto [status, body] = GENERATE(table<int, std::string>({
      {200, ""},
      {200, "garbage"},
      {200, "[]"},
      {200, "{}"},
      {200, R"({"token_type":"Bearer","expires_in":60})"},
      {200, R"({"access_token":"eyA.eyA.AA","expires_in":60})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"mac","expires_in":60})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"bearer","expires_in":60})"},
      {200, R"({"access_token":"","token_type":"Bearer","expires_in":60})"},
      {200, R"({"access_token":7,"token_type":"Bearer","expires_in":60})"},
      {200, R"({"access_token":"eyA.eyA","token_type":"Bearer","expires_in":60})"},
      {200, R"({"access_token":"eyA.eyA.AA.","token_type":"Bearer","expires_in":60})"},
      {200, R"({"access_token":"eyA.eyA.A A","token_type":"Bearer","expires_in":60})"},
      {200, "{\"access_token\":\"eyA.eyA.AA\\r\\nx: y\",\"token_type\":\"Bearer\",\"expires_in\":60}"},
      {200, R"({"access_token":"eyA.eyA.A=","token_type":"Bearer","expires_in":60})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"Bearer","expires_in":0})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"Bearer","expires_in":-1})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"Bearer","expires_in":"60"})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"Bearer","expires_in":1.5})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"Bearer","expires_in":null})"},
      {200, R"({"access_token":"eyA.eyA.AA","token_type":"Bearer","expires_in":60,"scope":7})"},
      {204, ""},
      {307, ""},
  }));
  CAPTURE(status, body);
  nrf.answer_next(Kind::token, answer(status, body));
  open();
  const auto error = failure();
  CHECK(error.kind() == base::ErrorKind::bad_gateway);
  CHECK(error.cause() == "ACCESS_TOKEN_FAILURE");
  CHECK_THAT(error.what(), Catch::Contains(nrf.uri()) && !Catch::Contains("eyA"));
  clock.pass(1s);
  CHECK(is_bearer(authorization()));
}

TEST_CASE_METHOD(ConsumerFixture, "A token for less than was asked for is no token", "[core][token]") {
  const auto [granted, is_enough] = GENERATE(table<std::string, bool>({
      {"nudm-ueau", true}, {"nudm-sdm nudm-ueau", true}, {"nudm-sdm", false}, {"nudm-ueau2", false}, {"nudm-uea", false}}));
  CAPTURE(granted);
  json body{{"access_token", "eyA.eyA.AA"}, {"token_type", "Bearer"}, {"expires_in", 60}, {"scope", granted}};
  nrf.answer_next(Kind::token, answer(200, body.dump()));
  open();
  CHECK(authorization() == (is_enough ? "Bearer eyA.eyA.AA" : "ACCESS_TOKEN_DENIED"));
}

TEST_CASE_METHOD(ConsumerFixture, "A lifetime that is missing, or absurd, is bounded", "[core][token]") {
  const auto [expires_in, kept_s] = GENERATE(table<std::string, std::int64_t>({
      {"", core::kUsualTokenLifetimeS}, {",\"expires_in\":9223372036854775807", core::kMaxTokenLifetimeS}, {",\"expires_in\":1", 1}}));
  CAPTURE(expires_in);
  nrf.answer_next(Kind::token, answer(200, R"({"access_token":"eyA.eyA.AA","token_type":"Bearer")" + expires_in + "}"));
  open();
  const std::string first = authorization();
  REQUIRE(first == "Bearer eyA.eyA.AA");
  clock.pass(std::chrono::seconds(kept_s) / 2 - 1ms);
  CHECK(authorization() == first);
  CHECK(nrf.count(Kind::token) == 1);
  clock.pass(std::chrono::seconds(kept_s));
  CHECK(authorization() != first);
}

TEST_CASE_METHOD(ConsumerFixture, "A token that a peer refused is not used again", "[core][token]") {
  open();
  const std::string first = authorization();
  forget();
  const std::string next = authorization();
  CHECK(is_bearer(next));
  CHECK(next != first);
  forget(first);  // somebody else was refused with the first one, and comes late
  CHECK(authorization() == next);
  forget(next);
  CHECK(authorization() != next);
  CHECK(nrf.count(Kind::token) == 3);
  loop.run([&] { tokens->forget("UDM", "unknown"); });
}

TEST_CASE_METHOD(ConsumerFixture, "A token that a peer refused does not come back when no NRF answers", "[core][token]") {
  open();
  authorization();
  forget();
  nrf.go_away();
  second.go_away();
  CHECK(authorization() == "NRF_NOT_REACHABLE");
}

TEST_CASE_METHOD(ConsumerFixture, "So many tokens are kept as are named", "[core][token]") {
  open();
  const std::string first = authorization("UDM", "s0");
  clock.pass(1ms);  // so that the others end later
  for (std::size_t i = 1; i < core::kMaxAccessTokens; ++i) REQUIRE(is_bearer(authorization("UDM", "s" + std::to_string(i))));
  CHECK(authorization("UDM", "s0") == first);
  CHECK(is_bearer(authorization("UDM", "more")));
  CHECK(nrf.count(Kind::token) == static_cast<int>(core::kMaxAccessTokens) + 1);
  CHECK(authorization("UDM", "s0") != first);
}

TEST_CASE_METHOD(ConsumerFixture, "Of too many requests under way one is refused", "[core][token]") {
  open();
  nrf.hang(Kind::token);
  std::vector<std::future<std::string>> all;
  for (std::size_t i = 0; i < core::kMaxAccessTokens; ++i) all.push_back(start("UDM", "s" + std::to_string(i)));
  CHECK(authorization("UDM", "more") == "INSUFFICIENT_RESOURCES");
  nrf.release(Kind::token);
  for (auto& one : all) CHECK(is_bearer(outcome(one)));
  CHECK(is_bearer(authorization("UDM", "more")));
}

TEST_CASE_METHOD(ConsumerFixture, "What is under way may outlive its owner", "[core][token]") {
  open();
  nrf.hang(Kind::token);
  auto waiting = start();
  REQUIRE(FakeNrf::eventually([&] { return nrf.count(Kind::token) == 1; }));
  loop.run([&] { tokens.reset(); });
  nrf.release(Kind::token);
  CHECK(is_bearer(outcome(waiting)));
}
