// Access tokens (TS 33.501, 13.4.1): whoever has one is whom it is for, so none is told to anybody else, a refused one neither.
#include <catch2/catch.hpp>
#include <thread>

#include "lib/crypto/jws.hpp"
#include "tests/secrecy/attaches.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/fake_nrf.hpp"

using namespace secrecy;

namespace {

/// The token, all of it, and what makes it one: its signature alone.
void add_token(const std::string& token, Secrets& secrets) {
  secrets.add_text("an access token", token);
  secrets.add_text("an access token's signature", token.substr(token.rfind('.') + 1));
}

/// Values of the authorization header that are refused everywhere, made of a token that is good somewhere.
std::vector<std::string> refused_values(const std::string& token) {
  const std::string signature = token.substr(token.rfind('.') + 1);
  std::string changed = token;
  changed[changed.size() - 10] = changed[changed.size() - 10] == 'A' ? 'B' : 'A';
  return {"Bearer " + token.substr(0, token.size() - 4), "Bearer " + changed, "Bearer " + token + "." + signature, "Bearer ." + signature,
          "Bearer " + token + ", Bearer " + token, "Basic " + token, token};
}

}  // namespace

TEST_CASE("no access token of an onboarding, and none that is refused, is in any log, audit log, error, metric or database",
          "[secrecy][oauth2]") {
  const auto key = std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(crypto::Curve::p256));
  const auto certificate = crypto::issue(test::template_for("NRF", {crypto::KeyUsage::digital_signature}), key->public_key(), *key, nullptr);
  test::FakeNrf::Options nrf_options;
  nrf_options.token_key = key;
  test::FakeNrf nrf(nrf_options);
  const auto sign = [&key, &nrf_options](const std::string& audience, const std::string& scope, int lifetime_s) {
    const std::int64_t now_s = base::to_unix_ms(base::system_now()) / 1000;
    const json claims{{"iss", nrf_options.id}, {"sub", kConsumer}, {"aud", audience}, {"scope", scope}, {"exp", now_s + lifetime_s}};
    return crypto::sign_jws(*key, R"({"alg":"ES256","typ":"JWT"})", claims.dump());
  };
  Lab lab;
  Secrets secrets;
  Options options;
  options.nrf = nrf.uri();
  options.nrf_id = nrf_options.id;
  options.nrf_certificate = lab.folder().write("nrf.pem", certificate.pem());
  lab.start(options);

  // The first answer of the NRF breaks off behind its token; the second one has it in the wrong place. Then all goes well.
  const std::string lost = sign("ARPF", "narpf-keys", 60);
  const std::string answer = json{{"access_token", lost}, {"token_type", "Bearer"}}.dump();
  nrf.answer_next(test::FakeNrf::Kind::token, {200, sbi::kJson, answer.substr(0, answer.find(lost) + lost.size())});
  nrf.answer_next(test::FakeNrf::Kind::token, {200, sbi::kJson, json{{"access_token", {lost}}, {"token_type", lost}, {"scope", lost}}.dump()});
  ue_sim::Device device = personalise(lab, "901700000000001", secrets);
  const std::string path = "/nausfext-onboarding/v1/devices/901700000000001";
  lab.call(lab.ausf_ext_uri(), "PUT", path, offer_of(lab, device), 202);
  const auto deadline = std::chrono::steady_clock::now() + test::kDeadline;
  while (lab.call(lab.ausf_ext_uri(), "GET", path, nullptr, 200)["state"] != "PRELOADED") {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  take_imsi(lab, device, secrets);
  attach_by_5g_aka(lab, device, secrets);
  const std::vector<std::string> granted = nrf.granted_tokens();
  REQUIRE(granted.size() == 2);  // for the ARPF and for the D-AUSF
  for (const std::string& token : granted) add_token(token, secrets);

  const std::string expired = sign("ARPF", "narpf-keys", -3600);
  const std::string narrow = sign("ARPF", "narpf-certificates", 60);
  for (const std::string& token : {lost, expired, narrow}) add_token(token, secrets);
  std::vector<std::string> values{"Bearer " + expired, "Bearer " + narrow};
  for (const std::string& token : granted) {
    for (const std::string& value : refused_values(token)) values.push_back(value);
  }
  const std::vector<std::pair<std::string, std::string>> places{{lab.arpf_uri(), "/narpf-keys/v1/claims/901700000000001"},
                                                                {lab.d_ausf_uri(), "/ndausf-vectors/v1/vectors/901700000000001"},
                                                                {lab.ausf_ext_uri(), "/nausfext-onboarding/v1/devices/901700000000001"}};
  for (const auto& [root, target] : places) {
    for (const std::string& value : values) {
      const int status = lab.send(root, "GET", target, {}, value).status;
      CHECK((status == 401 || status == 403));
      secrets.add_text("what was shown", value.substr(value.find(' ') + 1));
    }
  }
  CHECK(secrets.found_in(lab.databases()).empty());
  const Traces traces = check_nothing_is_told(lab, secrets);
  REQUIRE(traces.audits.find("\"action\":\"REFUSAL\"") != std::string::npos);  // what was refused is in them, too
}
