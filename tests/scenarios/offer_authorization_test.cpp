#include <catch2/catch.hpp>

#include "lib/crypto/cms.hpp"
#include "lib/profile/offer_authorization.hpp"
#include "tests/scenarios/lab.hpp"

/// Offer authorisation (PROTOCOL.md, section 6): what a stolen ledger, or another operator that the ARPF trusts, lacks.

using namespace test;

namespace {

const std::string kInvalid = "403 AUTHORIZATION_INVALID";

struct AuthorizedLab : Lab {
  AuthorizedLab() : provider(make_party(wanted_leaf("SP", crypto::KeyUsage::digital_signature))) { trust_signer({provider.certificate}); }

  void trust_signer(arpf::OfferSigner signer) {
    arpf::Config config = arpf_config();
    arpf::Trust trust = *config.trust;
    trust.offer_signers.emplace().push_back(std::move(signer));
    config.trust = std::make_shared<const arpf::Trust>(std::move(trust));
    arpf.reset();
    start_arpf(config);
  }

  /// The provider's word, true in every respect.
  [[nodiscard]] profile::OfferAuthorization word(const SecureElement& of) const {
    return {profile::DiscoveryImsi::from_digits(of.dimsi).value(), crypto::sha256(profile::AttachToken::parse(of.token).ephemeral_point),
            "Test Operator", base::system_now() + std::chrono::hours(1)};
  }
  [[nodiscard]] static std::string signed_by(const Party& party, base::BytesView content) {
    return base::to_base64(crypto::sign_attached(content, party.certificate, *party.key, base::system_now()));
  }
  [[nodiscard]] std::string authorization(const profile::OfferAuthorization& content) const { return signed_by(provider, content.encode()); }

  std::string retrieve_with(const SecureElement& of, const json& authorization) {
    json request = key_request(of);
    if (!authorization.is_null()) request["authorization"] = authorization;
    return retrieve(of, request).verdict();
  }
  void check_refused(const json& authorization) {
    const Answer answer = retrieve(device, [&] {
      json request = key_request(device);
      request["authorization"] = authorization;
      return request;
    }());
    CHECK(answer.verdict() == kInvalid);
    CHECK(answer.params() == std::vector<std::string>{"/authorization"});
    CHECK(to_arpf("GET", "/narpf-keys/v1/claims/" + device.dimsi).status == 404);  // nothing was claimed
  }

  Party provider;
  SecureElement device = make_device("901700000000001");
};

}  // namespace

TEST_CASE_METHOD(AuthorizedLab, "A key is released on the word of a known service provider alone", "[arpf][step-0e][offer-authorization]") {
  CHECK(retrieve_with(device, nullptr) == kInvalid);
  CHECK(retrieve_with(device, authorization(word(device))) == "200");
  CHECK(retrieve_with(device, nullptr) == kInvalid);  // nor is it released again without
  CHECK(retrieve_with(device, authorization(word(device))) == "200");
}

TEST_CASE_METHOD(AuthorizedLab, "An authorization that is wrong in one respect releases nothing", "[arpf][step-0e][offer-authorization]") {
  profile::OfferAuthorization wrong = word(device);
  SECTION("another dIMSI") {
    wrong.discovery_imsi = profile::DiscoveryImsi::from_digits("901700000000002").value();
    check_refused(authorization(wrong));
  }
  SECTION("another ephemeral key") {
    wrong.ephemeral_key_hash[31] ^= 1;
    check_refused(authorization(wrong));
  }
  SECTION("another operator") {
    wrong.operator_id = "Other Operator";
    check_refused(authorization(wrong));
  }
  SECTION("a time that is over") {
    wrong.not_after = base::system_now() - std::chrono::seconds(2);
    check_refused(authorization(wrong));
  }
  SECTION("a signer that is not known, with the same name") {
    check_refused(signed_by(make_party(wanted_leaf("SP", crypto::KeyUsage::digital_signature)), wrong.encode()));
  }
  SECTION("an octet of the signature, or of what is signed") {
    auto octets = base::from_base64(authorization(wrong)).value();
    SECTION("the last one") { octets.back() ^= 1; }
    SECTION("one of the operator id") {
      const std::string text(base::as_text(octets));
      octets[text.find("Test Operator")] ^= 1;
    }
    check_refused(base::to_base64(octets));
  }
  SECTION("a signature that does not contain what it signs") {
    check_refused(base::to_base64(crypto::sign_detached(wrong.encode(), provider.certificate, *provider.key, base::system_now())));
  }
  SECTION("something behind the content, or no such content") {
    base::Bytes content = wrong.encode();
    SECTION("a further octet") { content.push_back(0); }
    SECTION("a text") { content = {'y', 'e', 's'}; }
    check_refused(signed_by(provider, content));
  }
  SECTION("octets that are no CMS") { check_refused(base::to_base64(base::Bytes{1, 2, 3})); }
}

TEST_CASE_METHOD(AuthorizedLab, "What is no base64 is 400, with the member named", "[arpf][step-0e][offer-authorization]") {
  json request = key_request(device);
  for (const json& wrong : {json("%%%"), json(7), json(""), json(std::string(32768, 'A'))}) {
    request["authorization"] = wrong;
    const Answer answer = retrieve(device, request);
    CHECK(answer.status == 400);
    CHECK(answer.params() == std::vector<std::string>{"/authorization"});
  }
}

TEST_CASE_METHOD(AuthorizedLab, "A provider's certificate that has run out authorizes nothing", "[arpf][step-0e][offer-authorization]") {
  auto wanted = wanted_leaf("SP", crypto::KeyUsage::digital_signature);
  wanted.not_after = base::system_now() - std::chrono::minutes(1);
  const Party expired = make_party(wanted);
  trust_signer({expired.certificate});
  check_refused(signed_by(expired, word(device).encode()));
}

TEST_CASE_METHOD(AuthorizedLab, "A provider authorizes devices of its own ranges of dIMSIs alone", "[arpf][step-0e][offer-authorization]") {
  const auto range = [](const char* from, const char* to) {
    return core::ImsiRange{profile::Imsi::from_digits(from).value(), profile::Imsi::from_digits(to).value()};
  };
  const core::ImsiRange other = range("901700000000100", "901700000000199");
  SECTION("the device is the first of one") {
    trust_signer({provider.certificate, {other, range("901700000000001", "901700000000009")}});
    CHECK(retrieve_with(device, authorization(word(device))) == "200");
  }
  SECTION("or the last") {
    trust_signer({provider.certificate, {range("901700000000000", "901700000000001"), other}});
    CHECK(retrieve_with(device, authorization(word(device))) == "200");
  }
  SECTION("it is before the first") {
    trust_signer({provider.certificate, {range("901700000000002", "901700000000009"), other}});
    check_refused(authorization(word(device)));
  }
  SECTION("or behind the last") {
    trust_signer({provider.certificate, {range("901700000000000", "901700000000000"), other}});
    check_refused(authorization(word(device)));
  }
}

TEST_CASE_METHOD(AuthorizedLab, "Service providers are configured as files, or each with its ranges of dIMSIs", "[arpf][config][offer-authorization]") {
  const std::string file = folder.write("sp.pem", provider.certificate.pem());
  std::string problems;
  const auto read = [&](const std::string& service_providers) {
    const auto document = service::YamlDocument::parse("offer_authorization: {service_providers: " + service_providers + "}", "x.yaml");
    auto signers = arpf::read_offer_signers(document.root());
    try {
      document.finish();
    } catch (const service::ConfigError& error) {
      problems = error.what();
    }
    return signers.value();
  };
  const std::string ranges = "dimsi_ranges: [{from: '901700', to: '901701'}, {from: '901703', to: '901703'}]";
  SECTION("files") {
    const auto signers = read("[" + file + "]");
    CHECK(problems.empty());
    REQUIRE(signers.size() == 1);
    CHECK(signers[0].certificate == provider.certificate);
    CHECK(signers[0].dimsi_ranges.empty());
  }
  SECTION("with ranges, or without") {
    const auto signers = read("[{certificate: " + file + ", " + ranges + "}, {certificate: " + file + "}]");
    CHECK(problems.empty());
    REQUIRE(signers.size() == 2);
    CHECK(signers[0].dimsi_ranges.size() == 2);
    CHECK(signers[0].dimsi_ranges[1].contains(profile::Imsi::from_digits("901703").value()));
    CHECK(signers[1].dimsi_ranges.empty());
  }
  SECTION("a section that has lost its lines is not one that was never there") {
    for (const char* const text : {"offer_authorization:\n", "offer_authorization: ~\n", "offer_authorization: {service_providers: }\n"}) {
      const auto document = service::YamlDocument::parse(text, "x.yaml");
      (void)arpf::read_offer_signers(document.root());
      CHECK_THROWS_WITH(document.finish(), Catch::Contains("has no value: give it one, or take the key out"));
    }
  }
  SECTION("faults are named") {
    const auto [value, fault] = GENERATE_COPY(table<std::string, std::string>({
        {"[{certificate: " + file + ", dimsi_ranges: []}]", "dimsi_ranges: is empty: leave it out"},
        {"[{certificate: " + file + ", dimsi_ranges: }]", "dimsi_ranges: has no value"},
        {"[{certificate: " + file + ", dimsi_ranges: {from: '901701', to: '901700'}}]", "to: is before from"},
        {"[{" + ranges + "}]", "certificate: is missing"},
        {"[{certificate: " + file + "}, " + file + "]", "service_providers[1]: is not a map"},
        {"[{certificate: " + file + ", ranges: {from: '901701', to: '901702'}}]", "ranges"},
    }));
    (void)read(value);
    CHECK_THAT(problems, Catch::Contains(fault));
  }
}

TEST_CASE_METHOD(AuthorizedLab, "The target AUSF hands the offer's authorization on to the ARPF", "[ausf-ext][step-0d][offer-authorization]") {
  start_d_ausf();
  start_ausf_ext();
  const std::string path = "/nausfext-onboarding/v1/devices/" + device.dimsi;
  json body = offer(device);
  CHECK(to_ausf("PUT", path, body).content()["problem"]["cause"] == "AUTHORIZATION_INVALID");
  SECTION("the same offer with one begins anew") {
    body["arpfs"][0]["authorization"] = authorization(word(device));
    CHECK(to_ausf("PUT", path, body).content()["state"] == "PRELOADED");
    body["arpfs"][0]["authorization"] = authorization(word(device));  // once the key is there it does not matter any more
    CHECK(to_ausf("PUT", path, body).status == 200);
  }
  SECTION("an import has it in its lines") {
    body["arpfs"][0]["authorization"] = authorization(word(device));
    body["dimsi"] = device.dimsi;
    REQUIRE(caller.send(ausf_port, "POST", "/nausfext-onboarding/v1/imports", body.dump() + "\n", {{"content-type", "application/x-ndjson"}}).status == 202);
    CHECK(wait_for_state(device.dimsi, "PRELOADED")["state"] == "PRELOADED");
  }
  SECTION("what is no base64 is 400") {
    body["arpfs"][0]["authorization"] = "%";
    const Answer answer = to_ausf("PUT", path, body);
    CHECK(answer.status == 400);
    CHECK(answer.params() == std::vector<std::string>{"/arpfs/0/authorization"});
  }
}

TEST_CASE_METHOD(Lab, "No key of a suspended part number is released until the suspension is lifted", "[arpf][step-0e][suspension]") {
  start_arpf();
  const SecureElement before = make_device("901700000000001");
  const SecureElement after = make_device("901700000000002");
  const std::string fingerprint = base::to_hex(crypto::sha256(pn.certificate.public_key().subject_public_key_info()));
  const std::string path = "/narpf-keys/v1/suspensions/" + fingerprint;
  REQUIRE(retrieve(before, key_request(before)).status == 200);
  CHECK(to_arpf("GET", path).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(to_arpf("PUT", path).status == 201);
  CHECK(to_arpf("PUT", path).status == 200);
  CHECK(to_arpf("GET", path).content()["suspendedBy"] == "anonymous");
  CHECK(to_arpf("GET", "/narpf-keys/v1/suspensions").content().size() == 1);
  for (const SecureElement& device : {before, after}) {
    const Answer refused = retrieve(device, key_request(device));
    CHECK(refused.verdict() == "403 CERTIFICATE_REVOKED");
    CHECK(refused.params() == std::vector<std::string>{"/seCredentials/pnCertificate"});
  }
  SECTION("also after a restart") {
    arpf.reset();
    start_arpf();
    CHECK(retrieve(after, key_request(after)).verdict() == "403 CERTIFICATE_REVOKED");
  }
  SECTION("also under another certificate for the same key") {  // a signature that was changed, or one that was made anew
    auto wanted = wanted_ca("PN");
    wanted.path_length = 0;
    const Party again{crypto::issue(wanted, pn.key->public_key(), *ci.key, &ci.certificate), pn.key};
    REQUIRE(!(again.certificate == pn.certificate));
    const SecureElement device = make_device("901700000000003", again, make_se(again));
    CHECK(retrieve(device, key_request(device)).verdict() == "403 CERTIFICATE_REVOKED");
  }
  SECTION("another part number's keys are released, until it is suspended by the other form of its key") {  // as openssl writes it of a certificate with that form
    auto wanted = wanted_ca("PN");
    wanted.path_length = 0;
    const auto key = std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(crypto::Curve::p256));
    const base::Bytes compressed = key->public_key().compressed_subject_public_key_info();
    const auto as_it_came = crypto::PublicKey::from_pem(base::as_bytes("-----BEGIN PUBLIC KEY-----\n" + base::to_base64(compressed) + "\n-----END PUBLIC KEY-----\n"));
    const Party other{crypto::issue(wanted, as_it_came, *ci.key, &ci.certificate), key};
    const base::Bytes& der = other.certificate.der();
    REQUIRE(std::search(der.begin(), der.end(), compressed.begin(), compressed.end()) != der.end());
    const SecureElement device = make_device("901700000000003", other, make_se(other));
    CHECK(retrieve(device, key_request(device)).status == 200);
    const std::string its_path = "/narpf-keys/v1/suspensions/" + base::to_hex(crypto::sha256(compressed));
    CHECK(to_arpf("PUT", its_path).status == 201);
    CHECK(retrieve(device, key_request(device)).verdict() == "403 CERTIFICATE_REVOKED");
    CHECK(to_arpf("DELETE", its_path).status == 204);
  }
  CHECK(to_arpf("DELETE", path).status == 204);
  CHECK(to_arpf("DELETE", path).verdict() == "404 CONTEXT_NOT_FOUND");
  CHECK(retrieve(after, key_request(after)).status == 200);
}

TEST_CASE_METHOD(Lab, "A suspension is of the SHA-256 of a public key, with colons or without", "[arpf][suspension]") {
  start_arpf();
  const std::string root = "/narpf-keys/v1/suspensions/";
  std::string with_colons;
  for (int i = 0; i < 32; ++i) with_colons += i == 0 ? "AB" : ":AB";
  CHECK(to_arpf("PUT", root + with_colons).content()["partNumber"].get<std::string>() == "abababababababababababababababababababababababababababababababab");
  for (const std::string& wrong : {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g')}) {
    const Answer answer = to_arpf("PUT", root + wrong);
    CHECK(answer.status == 400);
    CHECK(answer.params() == std::vector<std::string>{"{fingerprint}"});
  }
}
