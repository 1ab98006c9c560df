#include <catch2/catch.hpp>

#include "tests/scenarios/lab.hpp"
#include "ue-sim/home_network_key.hpp"

using namespace test;

namespace {

/// Both functions with home network keys of their own, 1 in profile A and 2 in profile B, and one device PRELOADED.
struct SuciFixture : Lab {
  SuciFixture() : d_ausf_keys(make_keys("d-ausf")), ausf_keys(make_keys("ausf")) {
    auto d_ausf_settings = d_ausf_config();
    d_ausf_settings.home_network_keys = private_keys("d-ausf");
    auto ausf_settings = ausf_ext_config();
    ausf_settings.home_network_keys = private_keys("ausf");
    start_arpf();
    d_ausf = std::make_unique<service::Running>(d_ausf::kProgram, d_ausf::make_function(std::move(d_ausf_settings)));
    start_ausf_ext(std::move(ausf_settings));
    const SecureElement se = make_device(kDimsi);
    const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + kDimsi, offer(se));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    imsi = offered.content()["imsi"];
    device.emplace(se.device());
  }

  using PublicKeys = std::vector<aka::HomeNetworkPublicKey>;
  /// Key pairs in files, as an operator has them; the public halves.
  [[nodiscard]] PublicKeys make_keys(const std::string& owner) const {
    PublicKeys out;
    for (const std::string scheme : {"A", "B"}) {
      const auto key = crypto::EciesPrivateKey::generate(scheme == "A" ? crypto::EciesProfile::a : crypto::EciesProfile::b);
      (void)folder.write(owner + scheme + ".key", base::as_text(key.to_pem().reveal()));
      const std::string path = folder.write(owner + scheme + ".pem", key.public_key().to_pem());
      const std::string id = scheme == "A" ? "1" : "2";
      out.push_back(ue_sim::read_home_network_key(id + ":" + scheme + ":" + path).value());
    }
    return out;
  }
  [[nodiscard]] std::shared_ptr<const aka::HomeNetworkKeys> private_keys(const std::string& owner) const {
    std::map<std::uint8_t, crypto::EciesPrivateKey> keys;
    keys.emplace(std::uint8_t{1}, crypto::EciesPrivateKey::load(crypto::EciesProfile::a, folder / (owner + "A.key")));
    keys.emplace(std::uint8_t{2}, crypto::EciesPrivateKey::load(crypto::EciesProfile::b, folder / (owner + "B.key")));
    return std::make_shared<const aka::HomeNetworkKeys>(std::move(keys));
  }

  Answer authenticate(std::uint16_t port, const std::string& identity) {
    const json body{{"supiOrSuci", identity}, {"servingNetworkName", kServingNetwork}};
    return caller.send(port, "POST", kContexts, body.dump());
  }
  Answer generate_auth_data(const std::string& identity) {
    const json body{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", "4947a69a-f61b-4bc1-b9da-47c9c5d14b64"}};
    return to_d_ausf("POST", "/nudm-ueau/v1/" + identity + "/security-information/generate-auth-data", body);
  }

  PublicKeys d_ausf_keys, ausf_keys;
  std::string imsi;
  std::optional<ue_sim::Device> device;
};

std::array<std::uint8_t, 16> octets_of(const Answer& challenge, const char* member) {
  return base::from_hex_exactly<16>(challenge.content()["5gAuthData"][member].get<std::string>()).value();
}

std::string suci(const std::string& digits, const aka::HomeNetworkPublicKey& key) {
  return ue_sim::suci_of(profile::Imsi::from_digits(digits).value(), 2, key);
}

/// A SUCI with one field, counted from 0 at `suci`, put in the place of another.
std::string with_field(const std::string& text, int field, const std::string& value) {
  std::size_t begin = 0;
  for (int i = 0; i < field; ++i) begin = text.find('-', begin) + 1;
  const std::size_t end = std::min(text.find('-', begin), text.size());
  return text.substr(0, begin) + value + text.substr(end);
}

std::string with_last_digit_changed(std::string text) {
  text.back() = text.back() == '0' ? '1' : '0';
  return text;
}

constexpr int kScheme = 5;
constexpr int kKeyId = 6;
constexpr int kOutput = 7;

/// Single faults of a SUCI that opens, and what each is answered.
struct SuciFault {
  std::string text;
  std::string verdict;
};
std::vector<SuciFault> faults_of(const std::string& sound) {
  const std::string output = sound.substr(sound.rfind('-') + 1);
  const std::string other_key = sound.find("-1-1-") != std::string::npos ? "2" : "1";
  return {{with_field(sound, kKeyId, "3"), "403 INVALID_HN_PUBLIC_KEY_IDENTIFIER"},
          {with_field(sound, kKeyId, "255"), "403 INVALID_HN_PUBLIC_KEY_IDENTIFIER"},
          {with_field(sound, kKeyId, other_key), "403 INVALID_HN_PUBLIC_KEY_IDENTIFIER"},
          {with_last_digit_changed(sound), "403 INVALID_SCHEME_OUTPUT"},
          {with_field(sound, kOutput, output.substr(0, output.size() - 2)), "403 INVALID_SCHEME_OUTPUT"},
          {with_field(sound, kOutput, output + "00"), "403 INVALID_SCHEME_OUTPUT"},
          {with_field(sound, kOutput, "00"), "403 INVALID_SCHEME_OUTPUT"},
          {with_field(sound, kScheme, "3"), "501 UNSUPPORTED_PROTECTION_SCHEME"},
          {with_field(sound, kScheme, "f"), "501 UNSUPPORTED_PROTECTION_SCHEME"},
          {with_field(sound, kKeyId, "0"), "400 MANDATORY_IE_INCORRECT"},
          {sound.substr(0, sound.size() - 1), "400 MANDATORY_IE_INCORRECT"}};
}

}  // namespace

TEST_CASE_METHOD(SuciFixture, "A dIMSI concealed in either profile gets its challenge", "[d-ausf][suci][step-4]") {
  const json plain = authenticate(d_ausf_port, "imsi-" + kDimsi).content()["5gAuthData"];
  for (const auto& key : d_ausf_keys) {
    const Answer challenge = authenticate(d_ausf_port, suci(kDimsi, key));
    REQUIRE(challenge.status == 201);
    CHECK(challenge.content()["5gAuthData"]["rand"] == plain["rand"]);
    CHECK(challenge.content()["5gAuthData"]["autn"] == plain["autn"]);
    const Answer data = generate_auth_data(suci(kDimsi, key));
    REQUIRE(data.status == 200);
    CHECK(data.content()["authenticationVector"]["rand"] == plain["rand"]);
    CHECK(data.content()["supi"] == "imsi-" + kDimsi);
    CHECK(authenticate(d_ausf_port, suci("901700000000002", key)).verdict() == "404 USER_NOT_FOUND");
  }
  for (const auto& key : ausf_keys) {  // another home network's, under the same id
    CHECK(authenticate(d_ausf_port, suci(kDimsi, key)).verdict() == "403 INVALID_SCHEME_OUTPUT");
  }
}

TEST_CASE_METHOD(SuciFixture, "An IMSI concealed in either profile gets its challenge, then its SUPI", "[ausf-ext][suci][step-8]") {
  const Answer first = authenticate(d_ausf_port, suci(kDimsi, d_ausf_keys[0]));
  REQUIRE(ue_sim::take_imsi(*device, octets_of(first, "rand"), octets_of(first, "autn")));
  for (const auto& key : ausf_keys) {
    const Answer challenge = authenticate(ausf_port, suci(imsi, key));
    REQUIRE(challenge.status == 201);
    const auto answer =
        ue_sim::answer_challenge(*device, octets_of(challenge, "rand"), octets_of(challenge, "autn"), kServingNetwork);
    const auto& ue = std::get<ue_sim::UeAnswer>(answer);
    const std::string href = challenge.content()["_links"]["5g-aka"]["href"];
    const Answer confirmed = to_ausf("PUT", sbi::Uri::parse(href).path, {{"resStar", base::to_hex(ue.res_star.reveal())}});
    CHECK(confirmed.content()["authResult"] == "AUTHENTICATION_SUCCESS");
    CHECK(confirmed.content()["supi"] == "imsi-" + imsi);
    CHECK(authenticate(ausf_port, suci("001010000009999", key)).verdict() == "404 USER_NOT_FOUND");
  }
  for (const auto& key : d_ausf_keys) {
    CHECK(authenticate(ausf_port, suci(imsi, key)).verdict() == "403 INVALID_SCHEME_OUTPUT");
  }
}

TEST_CASE_METHOD(SuciFixture, "A SUCI with one fault is refused by its cause, the member named", "[suci][bad-input]") {
  const auto check = [](const Answer& answer, const SuciFault& fault, const std::string& param) {
    CAPTURE(fault.text, answer.body);
    CHECK(answer.verdict() == fault.verdict);
    CHECK(answer.params() == std::vector<std::string>{param});
    CHECK(answer.body.find(fault.text.substr(fault.text.size() - 8)) == std::string::npos);  // nothing of it is repeated
  };
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string of_dimsi = suci(kDimsi, d_ausf_keys[i]);
    for (const SuciFault& fault : faults_of(of_dimsi)) {
      check(authenticate(d_ausf_port, fault.text), fault, "/supiOrSuci");
      check(generate_auth_data(fault.text), fault, "{supiOrSuci}");
    }
    const std::string of_imsi = suci(imsi, ausf_keys[i]);
    for (const SuciFault& fault : faults_of(of_imsi)) check(authenticate(ausf_port, fault.text), fault, "/supiOrSuci");
    CHECK(authenticate(d_ausf_port, of_dimsi).status == 201);
    CHECK(authenticate(ausf_port, of_imsi).status == 201);
  }
}

TEST_CASE_METHOD(SuciFixture, "A body at fault is 400 before its SUCI is opened", "[suci][bad-input]") {
  const json body{{"supiOrSuci", with_last_digit_changed(suci(kDimsi, d_ausf_keys[0]))}, {"servingNetworkName", "5G"}};
  const Answer answer = to_d_ausf("POST", kContexts, body);
  CHECK(answer.verdict() == "400 MANDATORY_IE_INCORRECT");
  CHECK(answer.params() == std::vector<std::string>{"/servingNetworkName"});
}

TEST_CASE_METHOD(Lab, "Without home network keys a concealed SUCI has an unknown key", "[d-ausf][suci]") {
  start_d_ausf();
  const auto key = crypto::EciesPrivateKey::generate(crypto::EciesProfile::a);
  const json body{{"supiOrSuci", suci(kDimsi, {1, key.public_key()})}, {"servingNetworkName", kServingNetwork}};
  CHECK(to_d_ausf("POST", kContexts, body).verdict() == "403 INVALID_HN_PUBLIC_KEY_IDENTIFIER");
}

TEST_CASE("A home network key on the command line is ID:SCHEME:FILE", "[ue-sim][suci]") {
  const TemporaryFolder folder;
  const auto key = crypto::EciesPrivateKey::generate(crypto::EciesProfile::b);
  const std::string path = folder.write("hn:b.pem", key.public_key().to_pem());
  CHECK_FALSE(ue_sim::read_home_network_key(""));
  const auto read = ue_sim::read_home_network_key("255:B:" + path);
  REQUIRE(read);
  CHECK(read->id == 255);
  CHECK(read->key.octets() == key.public_key().octets());
  for (const std::string& text : {path, "1:" + path, "0:B:" + path, "256:B:" + path, "-1:B:" + path, "1x:B:" + path, ":B:" + path,
                                  "1:b:" + path, "1:C:" + path, "1::" + path}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(ue_sim::read_home_network_key(text), Catch::Contains("is not ID:SCHEME:FILE"));
  }
  CHECK_THROWS_AS(ue_sim::read_home_network_key("1:A:" + path), crypto::CryptoError);
  CHECK_THROWS_AS(ue_sim::read_home_network_key("1:B:/absent"), crypto::CryptoError);
  const auto imsi = profile::Imsi::from_digits("901700000000001").value();
  CHECK(ue_sim::suci_of(imsi, 2, std::nullopt) == "suci-0-901-70-0-0-0-0000000001");
  CHECK(ue_sim::suci_of(imsi, 3, read).starts_with("suci-0-901-700-0-2-255-"));
  CHECK_THROWS_AS(ue_sim::suci_of(profile::Imsi::from_digits("901700").value(), 3, read), std::runtime_error);
}
