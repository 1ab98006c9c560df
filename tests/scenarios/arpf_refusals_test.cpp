#include <catch2/catch.hpp>

#include "lib/crypto/cms.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/shared_vectors.hpp"

using namespace test;
using crypto::KeyUsage;

namespace {

/// A list of `issuer` with one certificate, in force since an hour ago.
crypto::RevocationList revocation_list(const Party& issuer, const crypto::Certificate& revoked) {
  const std::array names{revoked};
  return crypto::issue_revocation_list(issuer.certificate, *issuer.key, names, base::system_now() - std::chrono::hours(1),
                                       base::system_now() + std::chrono::hours(24));
}

struct ArpfFixture : Lab {
  ArpfFixture() : device(make_device(kDimsi)) {}

  /// eK out of an answer, after the endorsement is verified.
  std::string open(const Answer& answer) const {
    const json body = answer.content();
    const auto sealed = base::from_base64(body["encryptedKey"].get<std::string>()).value();
    const auto endorsement = base::from_base64(body["endorsement"].get<std::string>()).value();
    const auto signer = crypto::verify_detached(endorsement, base::concatenate(device.token, sealed)).signer;
    REQUIRE(signer == endorser.certificate);
    const auto content = crypto::open_envelope(sealed, mno.certificate, *mno.key);
    const std::string hex = base::to_hex(content.reveal());
    REQUIRE(hex.size() == 48);
    REQUIRE(hex.substr(0, 16) == base::to_hex(profile::DiscoveryImsi::from_digits(device.dimsi)->tbcd()));
    return hex.substr(16);
  }

  std::string verdict() { return verdict(key_request(device)); }
  std::string verdict(const json& request) {
    last = retrieve(device, request);
    return last.verdict();
  }
  /// A request with one member of seCredentials replaced.
  json with(const char* member, const std::string& value) const {
    json request = key_request(device);
    request["seCredentials"][member] = value;
    return request;
  }
  json with_operator(const Party& party) const {
    json request = key_request(device);
    request["operatorCertificate"] = base64_of(party.certificate);
    return request;
  }

  SecureElement device;
  Answer last;
};

crypto::CertificateTemplate expired(crypto::CertificateTemplate wanted) {
  wanted.not_before = base::system_now() - std::chrono::hours(48);
  wanted.not_after = base::system_now() - std::chrono::hours(24);
  return wanted;
}

}  // namespace

TEST_CASE_METHOD(ArpfFixture, "The ARPF releases the key that the SE derived itself", "[arpf][step-0e]") {
  start_arpf();
  const Answer first = retrieve(device, key_request(device));
  REQUIRE(first.verdict() == "200");
  CHECK(first.content()["dimsi"] == kDimsi);
  CHECK(open(first) == hex_key(*device.ephemeral_key));

  SECTION("again: the same key, sealed anew, and counted") {
    const Answer second = retrieve(device, key_request(device));
    CHECK(open(second) == hex_key(*device.ephemeral_key));
    CHECK(second.content()["encryptedKey"] != first.content()["encryptedKey"]);
    const json claim = to_arpf("GET", std::string("/narpf-keys/v1/claims/") + kDimsi).content();
    CHECK(claim["operator"] == "Test Operator");
    CHECK(claim["retrievals"] == 2);
  }
  SECTION("another operator is refused") {
    auto wanted = wanted_leaf("Other", KeyUsage::key_agreement);
    wanted.organizations = {"Other Operator"};
    CHECK(verdict(with_operator(make_party(wanted, &operator_ca))) == "409 DEVICE_CLAIMED");
  }
  SECTION("after retiring, the token is spent, and the claim kept") {
    const std::string claim = std::string("/narpf-keys/v1/claims/") + kDimsi;
    CHECK(to_arpf("POST", claim + "/retire").status == 204);
    CHECK(to_arpf("POST", claim + "/retire").status == 204);
    CHECK(verdict() == "403 TOKEN_SPENT");
    CHECK(to_arpf("GET", claim).status == 200);
    // The point is spent, not the token's octets: the same point signed once more is spent too.
    const auto parsed = profile::AttachToken::parse(device.token);
    const auto again = profile::encode_token(parsed.tbs_der, crypto::sign(*device.own.key, parsed.tbs_der));
    REQUIRE(again != device.token);
    CHECK(verdict(with("token", base::to_base64(again))) == "403 TOKEN_SPENT");
    // And with it the other point with its X, which leads to the same eK.
    const auto point = crypto::PublicKey::from_point(agreement.certificate.public_key().curve(), parsed.ephemeral_point);
    const auto mirrored = crypto::PublicKey::from_point(point.curve(), point.mirrored_point());
    const auto token = profile::AttachToken::make(parsed.discovery_imsi, parsed.arpf_key_id, mirrored, *device.own.key);
    CHECK(verdict(with("token", base::to_base64(token.der))) == "403 TOKEN_SPENT");
    SecureElement anew = make_device(kDimsi, pn, device.own);
    CHECK(retrieve(anew, key_request(anew)).verdict() == "200");
  }
  SECTION("after releasing, the token is spent, and another operator may claim with another token") {
    const std::string claim = std::string("/narpf-keys/v1/claims/") + kDimsi;
    CHECK(to_arpf("DELETE", claim).status == 204);
    CHECK(to_arpf("GET", claim).verdict() == "404 USER_NOT_FOUND");
    CHECK(to_arpf("DELETE", claim).verdict() == "404 USER_NOT_FOUND");
    CHECK(verdict() == "403 TOKEN_SPENT");
    device = make_device(kDimsi, pn, device.own);
    auto wanted = wanted_leaf("Other", KeyUsage::key_agreement);
    wanted.organizations = {"Other Operator"};
    CHECK(verdict(with_operator(make_party(wanted, &operator_ca))) == "200");
  }
}

TEST_CASE_METHOD(ArpfFixture, "The ARPF publishes its certificates", "[arpf][step-0a]") {
  start_arpf();
  const json list = to_arpf("GET", "/narpf-certificates/v1/certificates").content();
  REQUIRE(list.size() == 2);
  CHECK(list[0]["usage"] == "ECKA");
  CHECK(list[0]["certificate"] == base64_of(agreement.certificate));
  const std::string one = "/narpf-certificates/v1/certificates/" + list[0]["keyId"].get<std::string>();
  CHECK(to_arpf("GET", one).body == std::string(base::as_text(agreement.certificate.der())));
  const Answer pem = caller.send(arpf_port, "GET", one, "", {{"accept", "application/x-pem-file"}});
  CHECK(pem.body == agreement.certificate.pem());
  CHECK(to_arpf("GET", "/narpf-certificates/v1/certificates/00").status == 404);
}

TEST_CASE_METHOD(ArpfFixture, "The ARPF refuses a chain with one fault by the fault's name", "[arpf][step-0e]") {
  start_arpf();
  const Party other_ci = make_party(wanted_ca("CI"));
  SECTION("a CI that was not agreed") {
    device.issuer = other_ci.certificate;
    CHECK(verdict() == "403 CI_NOT_AGREED");
  }
  SECTION("a PN of another CI of the same name") {
    const Party other = make_party(wanted_ca("PN"), &other_ci);
    device = make_device(kDimsi, other, make_se(other));
    CHECK(verdict() == "403 PN_CERTIFICATE_INVALID");
  }
  SECTION("a PN that is no CA") {
    const Party leaf = make_party(wanted_leaf("PN", KeyUsage::digital_signature), &ci);
    device = make_device(kDimsi, leaf, make_se(leaf));
    CHECK(verdict() == "403 PN_CERTIFICATE_INVALID");
  }
  SECTION("an SE of another PN") {
    const Party other = make_party(wanted_ca("PN"), &ci);
    device = make_device(kDimsi, pn, make_se(other));
    CHECK(verdict() == "403 SE_CERTIFICATE_INVALID");
  }
  SECTION("an SE whose key may not sign") {
    device = make_device(kDimsi, pn, make_party(wanted_leaf("SE", KeyUsage::key_agreement), &pn));
    CHECK(verdict() == "403 SE_CERTIFICATE_INVALID");
  }
  SECTION("an expired PN") {
    const Party old = make_party(expired(wanted_ca("PN")), &ci);
    device = make_device(kDimsi, old, make_se(old));
    CHECK(verdict() == "403 CERTIFICATE_EXPIRED");
    CHECK(last.params() == std::vector<std::string>{"/seCredentials/pnCertificate"});
  }
  SECTION("an expired SE") {
    device = make_device(kDimsi, pn, make_party(expired(wanted_leaf("SE", KeyUsage::digital_signature)), &pn));
    CHECK(verdict() == "403 CERTIFICATE_EXPIRED");
    CHECK(last.params() == std::vector<std::string>{"/seCredentials/seCertificate"});
  }
  SECTION("an SE that is not valid yet") {
    auto wanted = wanted_leaf("SE", KeyUsage::digital_signature);
    wanted.not_before = base::system_now() + std::chrono::hours(24);
    device = make_device(kDimsi, pn, make_party(wanted, &pn));
    CHECK(verdict() == "403 CERTIFICATE_EXPIRED");
  }
  SECTION("a certificate that does not parse") {
    const std::string no_certificate = base::to_base64(base::as_bytes("no certificate"));
    for (const char* member : {"seCertificate", "pnCertificate", "ciCertificate"}) {
      CHECK(verdict(with(member, no_certificate)) == "400 MANDATORY_IE_INCORRECT");
      CHECK(last.params() == std::vector<std::string>{std::string("/seCredentials/") + member});
    }
    json request = key_request(device);
    request["operatorCertificate"] = no_certificate;
    CHECK(verdict(request) == "400 MANDATORY_IE_INCORRECT");
    CHECK(last.params() == std::vector<std::string>{"/operatorCertificate"});
  }
  CHECK(to_arpf("GET", std::string("/narpf-keys/v1/claims/") + kDimsi).status == 404);
}

TEST_CASE_METHOD(ArpfFixture, "The ARPF reads its revocation lists again when it is told to", "[arpf][step-0e]") {
  const Party other_se = make_se(pn);
  const std::string path = folder.write("pn.crl", base::as_text(revocation_list(pn, other_se.certificate).der()));
  auto config = arpf_config();
  auto trust = *config.trust;
  trust.revocation_lists = std::make_shared<arpf::RevocationLists>(
      std::vector{path}, crypto::RevocationList::load_all(path));
  config.trust = std::make_shared<const arpf::Trust>(trust);
  const service::Function function = arpf::make_function(config);
  arpf = std::make_unique<service::Running>(arpf::kProgram, function);
  CHECK(verdict() == "200");
  (void)folder.write("pn.crl", base::as_text(revocation_list(pn, device.own.certificate).der()));
  CHECK(verdict() == "200");  // not yet
  function.reload();
  CHECK(verdict() == "403 CERTIFICATE_REVOKED");
  (void)folder.write("pn.crl", "no list");
  CHECK_THROWS_WITH(function.reload(), Catch::Contains(path));
  CHECK(verdict() == "403 CERTIFICATE_REVOKED");  // those in force stay
}

TEST_CASE_METHOD(ArpfFixture, "What the ARPF accepted once vouches for nothing else", "[arpf][step-0e]") {
  start_arpf();
  const auto broken = [](const crypto::Certificate& certificate) {
    base::Bytes der = certificate.der();
    der.back() ^= 1;
    return base::to_base64(der);
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(verdict() == "200");
    CHECK(verdict(with("pnCertificate", broken(pn.certificate))) == "403 PN_CERTIFICATE_INVALID");
    CHECK(verdict(with("seCertificate", broken(device.own.certificate))) == "403 SE_CERTIFICATE_INVALID");
    CHECK(verdict(with("ciCertificate", broken(ci.certificate))) == "403 CI_NOT_AGREED");
    json request = key_request(device);
    request["operatorCertificate"] = broken(mno.certificate);
    CHECK(verdict(request) == "403 OPERATOR_NOT_TRUSTED");
  }
}

TEST_CASE_METHOD(ArpfFixture, "A body of an unusual form is answered as the usual one is", "[arpf][step-0e]") {
  start_arpf();
  json request = key_request(device);
  CHECK(open(retrieve(device, request)) == hex_key(*device.ephemeral_key));
  request["unknown"] = {1, 2};  // not a text: the body is read as a document
  const Answer answer = retrieve(device, request);
  CHECK(answer.verdict() == "200");
  CHECK(open(answer) == hex_key(*device.ephemeral_key));
  for (const bool is_usual : {true, false}) {
    request = with("seCertificate", "AAAA");
    if (!is_usual) request["unknown"] = nullptr;
    CHECK(verdict(request) == "400 MANDATORY_IE_INCORRECT");
    CHECK(last.params() == std::vector<std::string>{"/seCredentials/seCertificate"});
  }
}

TEST_CASE_METHOD(ArpfFixture, "The ARPF refuses what an expired trust anchor issued", "[arpf][step-0e]") {
  auto config = arpf_config();
  auto trust = *config.trust;
  SECTION("the CI") {
    const Party old_ci = make_party(expired(wanted_ca("old CI")));
    const Party old_pn = make_party(wanted_ca("PN"), &old_ci);
    trust.agreed_issuers.push_back(old_ci.certificate);
    config.trust = std::make_shared<const arpf::Trust>(trust);
    start_arpf(config);
    device = make_device(kDimsi, old_pn, make_se(old_pn));
    device.issuer = old_ci.certificate;
    CHECK(verdict() == "403 CERTIFICATE_EXPIRED");
    CHECK(last.params() == std::vector<std::string>{"/seCredentials/ciCertificate"});
    device = make_device(kDimsi);
  }
  SECTION("the operator's CA") {
    const Party old_ca = make_party(expired(wanted_ca("old operator CA")));
    trust.operator_issuers.push_back(old_ca.certificate);
    config.trust = std::make_shared<const arpf::Trust>(trust);
    start_arpf(config);
    CHECK(verdict(with_operator(make_party(wanted_leaf("MNO", KeyUsage::key_agreement), &old_ca))) == "403 OPERATOR_NOT_TRUSTED");
  }
  CHECK(verdict() == "200");
}

TEST_CASE_METHOD(ArpfFixture, "The ARPF refuses what a revocation list names", "[arpf][step-0e]") {
  const auto list_of = [](const Party& issuer, const crypto::Certificate& revoked) {
    return std::make_shared<arpf::RevocationLists>(std::vector<std::string>(), arpf::RevocationLists::Lists{revocation_list(issuer, revoked)});
  };
  auto config = arpf_config();
  auto trust = *config.trust;
  SECTION("the SE") {
    trust.revocation_lists = list_of(pn, device.own.certificate);
    config.trust = std::make_shared<const arpf::Trust>(trust);
    start_arpf(config);
    CHECK(verdict() == "403 CERTIFICATE_REVOKED");
    CHECK(last.params() == std::vector<std::string>{"/seCredentials/seCertificate"});
    device = make_device(kDimsi);
    CHECK(verdict() == "200");
  }
  SECTION("the PN") {
    trust.revocation_lists = list_of(ci, pn.certificate);
    config.trust = std::make_shared<const arpf::Trust>(trust);
    start_arpf(config);
    CHECK(verdict() == "403 CERTIFICATE_REVOKED");
    CHECK(last.params() == std::vector<std::string>{"/seCredentials/pnCertificate"});
  }
  SECTION("the operator") {
    trust.revocation_lists = list_of(operator_ca, mno.certificate);
    config.trust = std::make_shared<const arpf::Trust>(trust);
    start_arpf(config);
    CHECK(verdict() == "403 OPERATOR_NOT_TRUSTED");
  }
}

TEST_CASE_METHOD(ArpfFixture, "The ARPF refuses a token with one fault by the fault's name", "[arpf][step-0e]") {
  start_arpf();
  const auto parsed = profile::AttachToken::parse(device.token);
  const auto signed_token = [&](const base::Bytes& point) {
    const auto tbs = profile::encode_tbs(parsed.discovery_imsi, parsed.arpf_key_id, point);
    return base::to_base64(profile::encode_token(tbs, crypto::sign(*device.own.key, tbs)));
  };
  SECTION("an octet after its end") {
    auto der = device.token;
    der.push_back(0);
    CHECK(verdict(with("token", base::to_base64(der))) == "403 TOKEN_INVALID");
  }
  SECTION("an octet too few") {
    auto der = device.token;
    der.pop_back();
    CHECK(verdict(with("token", base::to_base64(der))) == "403 TOKEN_INVALID");
  }
  SECTION("a point off the curve") {
    auto point = parsed.ephemeral_point;
    point.back() ^= 1;
    CHECK(verdict(with("token", signed_token(point))) == "403 TOKEN_INVALID");
  }
  SECTION("a point of another curve") {
    for (const auto curve : {crypto::Curve::brainpool_p256r1, crypto::Curve::p384}) {
      const auto point = crypto::PrivateKey::generate(curve).public_key().point();
      CHECK(verdict(with("token", signed_token(point))) == "403 TOKEN_INVALID");
    }
  }
  SECTION("signed by another SE") {
    device.token = make_token(device, kDimsi, parsed.arpf_key_id, *make_se(pn).key);
    CHECK(verdict() == "403 TOKEN_SIGNATURE_INVALID");
  }
  SECTION("a bit of its signature") {
    auto der = device.token;
    der.back() ^= 1;
    CHECK(verdict(with("token", base::to_base64(der))) == "403 TOKEN_SIGNATURE_INVALID");
  }
  SECTION("for another dIMSI") {
    device.token = make_token(device, "901700000000002", parsed.arpf_key_id, *device.own.key);
    CHECK(verdict() == "403 DIMSI_MISMATCH");
  }
  SECTION("for another ARPF's key") {
    auto key_id = parsed.arpf_key_id;
    key_id[0] ^= 1;
    device.token = make_token(device, kDimsi, key_id, *device.own.key);
    CHECK(verdict() == "403 ARPF_KEY_UNKNOWN");
  }
  CHECK(to_arpf("GET", std::string("/narpf-keys/v1/claims/") + kDimsi).status == 404);
}

TEST_CASE_METHOD(ArpfFixture, "The ARPF refuses any fault of the operator's certificate", "[arpf][step-0e]") {
  start_arpf();
  auto wanted = wanted_leaf("MNO", KeyUsage::key_agreement);
  SECTION("of another CA of the same name") {
    const Party other = make_party(wanted_ca("Operator CA"));
    CHECK(verdict(with_operator(make_party(wanted, &other))) == "403 OPERATOR_NOT_TRUSTED");
  }
  SECTION("expired") {
    CHECK(verdict(with_operator(make_party(expired(wanted), &operator_ca))) == "403 OPERATOR_NOT_TRUSTED");
  }
  SECTION("two organizations") {
    wanted.organizations = {"One", "Two"};
    CHECK(verdict(with_operator(make_party(wanted, &operator_ca))) == "403 OPERATOR_NOT_TRUSTED");
  }
  SECTION("no organization") {
    wanted.organizations.clear();
    CHECK(verdict(with_operator(make_party(wanted, &operator_ca))) == "403 OPERATOR_NOT_TRUSTED");
  }
  SECTION("a key that may not agree") {
    wanted.key_usages = {KeyUsage::digital_signature};
    CHECK(verdict(with_operator(make_party(wanted, &operator_ca))) == "403 OPERATOR_NOT_TRUSTED");
  }
  CHECK(verdict() == "200");
}

TEST_CASE_METHOD(ArpfFixture, "Of two faults the first one of the order decides", "[arpf][step-0e]") {
  start_arpf();
  const Party stranger = make_party(wanted_leaf("MNO", KeyUsage::key_agreement));
  SECTION("PN before SE") {
    const Party old = make_party(expired(wanted_ca("PN")), &ci);
    device = make_device(kDimsi, old, make_se(pn));
    CHECK(verdict() == "403 CERTIFICATE_EXPIRED");
    CHECK(last.params() == std::vector<std::string>{"/seCredentials/pnCertificate"});
  }
  SECTION("CI before the token") {
    json request = with("token", base::to_base64(base::as_bytes("no token")));
    request["seCredentials"]["ciCertificate"] = base64_of(make_party(wanted_ca("CI")).certificate);
    CHECK(verdict(request) == "403 CI_NOT_AGREED");
  }
  SECTION("the signature before the dIMSI") {
    device.token = make_token(device, "901700000000002", *agreement.certificate.subject_key_id(), *make_se(pn).key);
    CHECK(verdict() == "403 TOKEN_SIGNATURE_INVALID");
  }
  SECTION("the dIMSI before the ARPF's key") {
    auto key_id = *agreement.certificate.subject_key_id();
    key_id[0] ^= 1;
    device.token = make_token(device, "901700000000002", key_id, *device.own.key);
    CHECK(verdict() == "403 DIMSI_MISMATCH");
  }
  SECTION("the token before the operator") {
    json request = with_operator(stranger);
    request["seCredentials"]["token"] = base::to_base64(base::as_bytes("no token"));
    CHECK(verdict(request) == "403 TOKEN_INVALID");
  }
  SECTION("the operator before the claim") {
    CHECK(verdict() == "200");
    CHECK(verdict(with_operator(stranger)) == "403 OPERATOR_NOT_TRUSTED");
  }
}

TEST_CASE_METHOD(ArpfFixture, "A genuine chain of SGP.26 is a CI, PN, SE chain, and its invalid variants are none",
                 "[arpf][step-0e][sgp26]") {
  FIRST_ATTACH_NEEDS_SHARED_VECTORS(vectors);
  const auto folder_of = vectors / "sgp26";
  const auto load = [&](const char* path) { return crypto::Certificate::load((folder_of / path).string()); };
  auto config = arpf_config();
  auto trust = *config.trust;
  trust.agreed_issuers.push_back(load("CI/CERT_CI_ECDSA_NIST.der"));
  config.trust = std::make_shared<const arpf::Trust>(trust);
  start_arpf(config);

  device.own = {load("eUICC/CERT_EUICC_ECDSA_NIST.der"),
                std::make_shared<const crypto::PrivateKey>(
                    crypto::PrivateKey::load((folder_of / "eUICC/SK_EUICC_ECDSA_NIST.pem").string()))};
  device.part_number = load("EUM/CERT_EUM_ECDSA_NIST.der");
  device.issuer = load("CI/CERT_CI_ECDSA_NIST.der");
  device.token = make_token(device, kDimsi, *agreement.certificate.subject_key_id(), *device.own.key);
  const Answer good = retrieve(device, key_request(device));
  REQUIRE(good.verdict() == "200");
  CHECK(open(good) == hex_key(*device.ephemeral_key));

  CHECK(verdict(with("seCertificate", base64_of(load("invalid/CERT_EUICC_ECDSA_NIST_EXPIRED.der")))) == "403 CERTIFICATE_EXPIRED");
  CHECK(verdict(with("seCertificate", base64_of(load("invalid/CERT_EUICC_ECDSA_NIST_INVALID.der")))) ==
        "403 SE_CERTIFICATE_INVALID");
  CHECK(verdict(with("pnCertificate", base64_of(load("invalid/CERT_EUM_ECDSA_NIST_UNKNOWN_CI.der")))) ==
        "403 PN_CERTIFICATE_INVALID");
  CHECK(verdict(with("ciCertificate", base64_of(load("invalid/CERT_UNKNOWN_CI_ECDSA_NIST.der")))) == "403 CI_NOT_AGREED");
}
