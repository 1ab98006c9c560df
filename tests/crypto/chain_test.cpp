#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "lib/crypto/certificate.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"
#include "tests/support/temporary_folder.hpp"

using crypto::Certificate;
using crypto::ChainFault;
using crypto::Curve;
using crypto::KeyUsage;
using test::kCurves;
using test::kNow;

namespace Catch {
template <>
struct StringMaker<ChainFault> {
  static std::string convert(ChainFault fault) { return std::string(crypto::describe(fault)); }
};
}  // namespace Catch

namespace {

// A chain in GSMA's shape: the part number's certificate has path length 0 and a name constraint.
struct Chain {
  explicit Chain(Curve curve)
      : anchor(test::identity(test::ca_template("CI"), curve)),
        part_number(test::identity(part_number_template(), curve, &anchor)),
        element(test::identity(element_template(), curve, &part_number)) {}

  static crypto::CertificateTemplate part_number_template() {
    auto wanted = test::ca_template("PN");
    wanted.organizations = {"Maker"};
    wanted.path_length = 0;
    wanted.permitted_names = crypto::PermittedNames{"Maker", "89049032"};
    return wanted;
  }
  static crypto::CertificateTemplate element_template() {
    auto wanted = test::template_for("SE", {KeyUsage::digital_signature});
    wanted.organizations = {"Maker"};
    wanted.serial_number = "89049032123451234512345678901235";
    return wanted;
  }
  // The verdict on a certificate that the part number issues from this template.
  [[nodiscard]] ChainFault verdict_on(const crypto::CertificateTemplate& wanted, base::Time at = kNow,
                                      KeyUsage needed = KeyUsage::digital_signature) const {
    const auto made = test::identity(wanted, element.certificate.public_key().curve(), &part_number);
    return check_issued_by(made.certificate, part_number.certificate, at, needed);
  }

  test::Identity anchor;
  test::Identity part_number;
  test::Identity element;
};

ChainFault verdict(const Certificate& subject, const Certificate& issuer, KeyUsage needed) {
  return crypto::check_issued_by(subject, issuer, kNow, needed);
}

// A name constraint for one DNS name, critical: RFC 5280 knows it, the profile does not.
const crypto::RawExtension kDnsConstraint{"2.5.29.30", true, test::bytes("300ca00a300882066d616b65722e")};

// Self-signed, made with the openssl command line tool: Ed25519; P-256 with its parameters written out; P-256 with
// SHA-384.
constexpr const char* kEd25519 =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBRzCB+qADAgECAhRoJpsJBKUs5eJJJxBxbgSyO2XmZzAFBgMrZXAwEjEQMA4G\n"
    "A1UEAwwHRWQyNTUxOTAgFw0yNjExMjQwMDQyNDlaGA8yMDUxMDcxNjAwNDI0OVow\n"
    "EjEQMA4GA1UEAwwHRWQyNTUxOTAqMAUGAytlcAMhAOA97rwgZIpR/6Jv3AeymcQl\n"
    "qB69+LlYHcEDddKWFXKGo2AwXjAdBgNVHQ4EFgQU1Gg+A5KOWaUDvfaaeruIrPKX\n"
    "9HAwHwYDVR0jBBgwFoAU1Gg+A5KOWaUDvfaaeruIrPKX9HAwDwYDVR0TAQH/BAUw\n"
    "AwEB/zALBgNVHQ8EBAMCB4AwBQYDK2VwA0EADR75nWDDbs41WZIbz7PTRZh687En\n"
    "/vgOC2uZNxp64c2SvcCb04NJ2nuizz4Kt1J437sAmv9ESO4PweMRHQbhAg==\n"
    "-----END CERTIFICATE-----\n";
constexpr const char* kExplicitCurve =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICgTCCAiegAwIBAgIUaWGT1KWrzOL48sXI1koUxnKxKoQwCgYIKoZIzj0EAwIw\n"
    "EzERMA8GA1UEAwwIZXhwbGljaXQwIBcNMjYxMTI0MDA0MjQ5WhgPMjA1MTA3MTYw\n"
    "MDQyNDlaMBMxETAPBgNVBAMMCGV4cGxpY2l0MIIBSzCCAQMGByqGSM49AgEwgfcC\n"
    "AQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////\n"
    "MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57Pr\n"
    "vVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE\n"
    "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W\n"
    "K84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8\n"
    "YyVRAgEBA0IABF5QSR7A1g58hBgSQqujvUOXI5njIPtLBU2hRo+viIxkwbGwhjIw\n"
    "Nj8zuUP8mqO7j8s3Wp7/ACOqfLEW1zt5dyujYzBhMB0GA1UdDgQWBBSy3n1Dkmxh\n"
    "dKQJUoaMXlAB9JF8ZzAfBgNVHSMEGDAWgBSy3n1DkmxhdKQJUoaMXlAB9JF8ZzAP\n"
    "BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAKBggqhkjOPQQDAgNIADBF\n"
    "AiEAokQvyHiFSdG8xwKPJ/9IqsupJb2mCN9aG9beDC2GuPkCIGtuMeqv4zbTaS7w\n"
    "8AxssqQh19GSORvgDTaxWvKN2cA0\n"
    "-----END CERTIFICATE-----\n";
constexpr const char* kSha384UnderP256 =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBoTCCAUegAwIBAgIUIKQi+4ilm8HrmkvTeVWVZbksnmcwCgYIKoZIzj0EAwMw\n"
    "HTEbMBkGA1UEAwwSUC0yNTYgd2l0aCBTSEEtMzg0MCAXDTI2MTEyNDAwNDI0OVoY\n"
    "DzIwNTEwNzE2MDA0MjQ5WjAdMRswGQYDVQQDDBJQLTI1NiB3aXRoIFNIQS0zODQw\n"
    "WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARp3+udOq/hqAa2ptIeWfZrSgMDYJoe\n"
    "UJf1kvokmccUmJzfdoH8/uWywnEZYBGfrMbnaRervS/iRU/m410bTzGso2MwYTAd\n"
    "BgNVHQ4EFgQUniZXuo2qHTpIdkhlg85koqFARsgwHwYDVR0jBBgwFoAUniZXuo2q\n"
    "HTpIdkhlg85koqFARsgwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQw\n"
    "CgYIKoZIzj0EAwMDSAAwRQIgGE0T+03p++qyEeqbvNidE4IN85u5KHLP2ApUUUJk\n"
    "k4kCIQDhPU0KKa0w+6zjXyufhcS6uy70iLVJFFSGBhG26WdGpw==\n"
    "-----END CERTIFICATE-----\n";

}  // namespace

TEST_CASE("A chain of each curve is good", "[crypto][chain]") {
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const Chain chain(curve);
    CHECK(verdict(chain.anchor.certificate, chain.anchor.certificate, KeyUsage::key_cert_sign) == ChainFault::none);
    CHECK(verdict(chain.part_number.certificate, chain.anchor.certificate, KeyUsage::key_cert_sign) ==
          ChainFault::none);
    CHECK(verdict(chain.element.certificate, chain.part_number.certificate, KeyUsage::digital_signature) ==
          ChainFault::none);
    const std::vector whole{chain.anchor.certificate, chain.part_number.certificate, chain.element.certificate};
    CHECK(crypto::check_chain(whole, kNow, KeyUsage::digital_signature).fault == ChainFault::none);
    CHECK(verdict(test::with_broken_signature(chain.element.certificate), chain.part_number.certificate,
                  KeyUsage::digital_signature) == ChainFault::bad_signature);
  }
}

TEST_CASE("A chain of mixed curves is good, signed with the hash of each issuer's curve", "[crypto][chain]") {
  const auto anchor = test::identity(test::ca_template("CI"), Curve::p384);
  const auto part_number = test::identity(test::ca_template("PN"), Curve::brainpool_p256r1, &anchor);
  const auto element =
      test::identity(test::template_for("SE", {KeyUsage::digital_signature}), Curve::p256, &part_number);
  const std::vector whole{anchor.certificate, part_number.certificate, element.certificate};
  CHECK(crypto::check_chain(whole, kNow, KeyUsage::digital_signature).fault == ChainFault::none);
}

TEST_CASE("Another issuer is the wrong one, by name or by key identifier", "[crypto][chain]") {
  const Chain chain(Curve::p256);
  const Chain same_names(Curve::p256);
  CHECK(verdict(chain.element.certificate, chain.anchor.certificate, KeyUsage::digital_signature) ==
        ChainFault::wrong_issuer);
  CHECK(verdict(chain.element.certificate, same_names.part_number.certificate, KeyUsage::digital_signature) ==
        ChainFault::wrong_issuer);
}

TEST_CASE("An issuer without the right to sign certificates is refused", "[crypto][chain]") {
  for (const bool is_ca : {false, true}) {
    auto wanted = test::template_for("not a CA", {is_ca ? KeyUsage::digital_signature : KeyUsage::key_cert_sign});
    wanted.is_ca = is_ca;
    const auto issuer = test::identity(wanted, Curve::p256);
    const auto subject = test::identity(Chain::element_template(), Curve::p256, &issuer);
    CHECK(verdict(subject.certificate, issuer.certificate, KeyUsage::digital_signature) == ChainFault::not_a_ca);
  }
}

TEST_CASE("A path length is honoured, by the direct issuer and by those above it", "[crypto][chain]") {
  const Chain chain(Curve::p256);
  auto wanted = test::ca_template("another CA");
  wanted.organizations = {"Maker"};
  wanted.serial_number = "89049032";
  CHECK(chain.verdict_on(wanted, kNow, KeyUsage::key_cert_sign) == ChainFault::path_length);

  auto one = test::ca_template("one");
  one.path_length = 1;
  const auto top = test::identity(one, Curve::p256);
  const auto second = test::identity(test::ca_template("second"), Curve::p256, &top);
  const auto third = test::identity(test::ca_template("third"), Curve::p256, &second);
  const auto end = test::identity(test::template_for("end", {KeyUsage::key_agreement}), Curve::p256, &second);
  const std::vector good{top.certificate, second.certificate, end.certificate};
  CHECK(crypto::check_chain(good, kNow, KeyUsage::key_agreement).fault == ChainFault::none);
  const std::vector too_long{top.certificate, second.certificate, third.certificate};
  const auto refused = crypto::check_chain(too_long, kNow, KeyUsage::key_cert_sign);
  CHECK(refused.fault == ChainFault::path_length);
  CHECK(refused.position == 2);
}

TEST_CASE("SGP.22's name constraint lets its organization and serial numbers pass, no others", "[crypto][chain]") {
  const Chain chain(Curve::p256);
  auto wanted = Chain::element_template();
  CHECK(chain.verdict_on(wanted) == ChainFault::none);
  SECTION("exactly the prefix") {
    wanted.serial_number = "89049032";
    CHECK(chain.verdict_on(wanted) == ChainFault::none);
  }
  SECTION("another organization") {
    wanted.organizations = {"Another maker"};
    CHECK(chain.verdict_on(wanted) == ChainFault::name_constraint);
  }
  SECTION("the organization and another one") {
    wanted.organizations = {"Maker", "Another maker"};
    CHECK(chain.verdict_on(wanted) == ChainFault::name_constraint);
  }
  SECTION("no organization") {
    wanted.organizations = {};
    CHECK(chain.verdict_on(wanted) == ChainFault::name_constraint);
  }
  SECTION("another serial number") {
    wanted.serial_number = "89049033123451234512345678901235";
    CHECK(chain.verdict_on(wanted) == ChainFault::name_constraint);
  }
  SECTION("a serial number cut short") {
    wanted.serial_number = "8904903";
    CHECK(chain.verdict_on(wanted) == ChainFault::name_constraint);
  }
  SECTION("no serial number") {
    wanted.serial_number = "";
    CHECK(chain.verdict_on(wanted) == ChainFault::name_constraint);
  }
}

TEST_CASE("A name constraint binds the whole chain below it", "[crypto][chain]") {
  auto constrained = test::ca_template("top");
  constrained.permitted_names = crypto::PermittedNames{"Maker", ""};
  const auto top = test::identity(constrained, Curve::p256);
  auto middle = test::ca_template("middle");
  middle.organizations = {"Maker"};
  const auto second = test::identity(middle, Curve::p256, &top);
  const auto outsider = test::identity(test::template_for("end", {KeyUsage::digital_signature}), Curve::p256, &second);
  const std::vector chain{top.certificate, second.certificate, outsider.certificate};
  CHECK(verdict(outsider.certificate, second.certificate, KeyUsage::digital_signature) == ChainFault::none);
  const auto refused = crypto::check_chain(chain, kNow, KeyUsage::digital_signature);
  CHECK(refused.fault == ChainFault::name_constraint);
  CHECK(refused.position == 2);
}

TEST_CASE("A critical extension that is not understood is refused wherever it stands", "[crypto][chain]") {
  const Chain chain(Curve::p256);
  for (const crypto::RawExtension& extension :
       {crypto::RawExtension{"1.2.3.4", true, test::bytes("0500")}, kDnsConstraint}) {
    CAPTURE(extension.oid);
    auto wanted = Chain::element_template();
    wanted.extensions = {extension};
    CHECK(chain.verdict_on(wanted) == ChainFault::critical_extension);

    auto of_issuer = test::ca_template("issuer");
    of_issuer.extensions = {extension};
    const auto issuer = test::identity(of_issuer, Curve::p256);
    const auto subject = test::identity(Chain::element_template(), Curve::p256, &issuer);
    CHECK(verdict(subject.certificate, issuer.certificate, KeyUsage::digital_signature) ==
          ChainFault::critical_extension);
  }
  auto harmless = Chain::element_template();
  harmless.extensions = {{"1.2.3.4", false, test::bytes("0500")}};
  CHECK(chain.verdict_on(harmless) == ChainFault::none);
}

TEST_CASE("The key usage must be there and allow what is asked for", "[crypto][chain]") {
  const Chain chain(Curve::p256);
  auto wanted = Chain::element_template();
  CHECK(chain.verdict_on(wanted, kNow, KeyUsage::key_agreement) == ChainFault::key_usage);
  wanted.key_usages = {KeyUsage::digital_signature, KeyUsage::key_agreement};
  CHECK(chain.verdict_on(wanted, kNow, KeyUsage::key_agreement) == ChainFault::none);
  wanted.key_usages = {};
  CHECK(chain.verdict_on(wanted) == ChainFault::key_usage);
}

TEST_CASE("Dates count to the last millisecond of the last second", "[crypto][chain]") {
  using namespace std::chrono_literals;
  const Chain chain(Curve::p256);
  const auto wanted = Chain::element_template();
  CHECK(chain.verdict_on(wanted, wanted.not_before - 1ms) == ChainFault::not_yet_valid);
  CHECK(chain.verdict_on(wanted, wanted.not_before) == ChainFault::none);
  CHECK(chain.verdict_on(wanted, wanted.not_after + 999ms) == ChainFault::none);
  CHECK(chain.verdict_on(wanted, wanted.not_after + 1s) == ChainFault::expired);
  // The issuer's dates are the business of the check of the issuer.
  CHECK(crypto::check_dates(chain.anchor.certificate, test::after_years(11)) == ChainFault::expired);
}

TEST_CASE("A certificate that stands in its chain twice, or alone, is refused", "[crypto][chain]") {
  const Chain chain(Curve::p256);
  const std::vector doubled{chain.anchor.certificate, chain.anchor.certificate, chain.part_number.certificate};
  CHECK(crypto::check_chain(doubled, kNow, KeyUsage::key_cert_sign).fault == ChainFault::wrong_issuer);
  const std::vector alone{chain.anchor.certificate};
  CHECK(crypto::check_chain(alone, kNow, KeyUsage::key_cert_sign).fault == ChainFault::wrong_issuer);
  CHECK(crypto::check_chain({}, kNow, KeyUsage::key_cert_sign).fault == ChainFault::wrong_issuer);
}

TEST_CASE("A key of another kind, or on a curve that is not given by name, is read and refused", "[crypto][chain]") {
  for (const char* pem : {kEd25519, kExplicitCurve}) {
    const auto certificate = Certificate::from_pem(pem);
    CHECK_FALSE(certificate.has_usable_key());
    CHECK_THROWS_AS(certificate.public_key(), crypto::CryptoError);
    const Chain chain(Curve::p256);
    CHECK(verdict(certificate, chain.anchor.certificate, KeyUsage::digital_signature) == ChainFault::unsupported_key);
    CHECK(verdict(certificate, certificate, KeyUsage::digital_signature) == ChainFault::unsupported_key);
  }
}

TEST_CASE("A signature with another hash than that of the issuer's curve is refused", "[crypto][chain]") {
  const auto certificate = Certificate::from_pem(kSha384UnderP256);
  CHECK(verdict(certificate, certificate, KeyUsage::key_cert_sign) == ChainFault::signature_algorithm);
}

TEST_CASE("A revocation list names the revoked, and must itself be genuine and current", "[crypto][chain][crl]") {
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const Chain chain(curve);
    const auto& issuer = chain.part_number;
    const std::vector revoked{chain.element.certificate};
    const auto list = [&](std::span<const Certificate> whom) {
      return crypto::issue_revocation_list(issuer.certificate, issuer.key, whom, kNow, test::after_years(1));
    };
    const auto check = [&](const crypto::RevocationList& of, base::Time at) {
      return crypto::check_issued_by(chain.element.certificate, issuer.certificate, at, KeyUsage::digital_signature,
                                     std::span(&of, 1));
    };
    CHECK(check(list(revoked), kNow) == ChainFault::revoked);
    CHECK(check(list({}), kNow) == ChainFault::none);
    CHECK(check(list({}), kNow - std::chrono::milliseconds(1)) == ChainFault::revocation_list_invalid);
    CHECK(check(list({}), test::after_years(1)) == ChainFault::none);
    CHECK(check(list({}), test::after_years(1) + std::chrono::seconds(1)) == ChainFault::revocation_list_expired);
    CHECK(check(list(revoked), test::after_years(2)) == ChainFault::revoked);

    auto forged = list({}).der();
    forged.back() ^= 1;
    CHECK(check(crypto::RevocationList::from_der(forged), kNow) == ChainFault::revocation_list_invalid);
    const Chain same_names(curve);
    const auto of_another = crypto::issue_revocation_list(same_names.part_number.certificate,
                                                          same_names.part_number.key, {}, kNow, test::after_years(1));
    CHECK(check(of_another, kNow) == ChainFault::revocation_list_invalid);
    const auto of_anchor =
        crypto::issue_revocation_list(chain.anchor.certificate, chain.anchor.key, revoked, kNow, test::after_years(1));
    CHECK(check(of_anchor, kNow) == ChainFault::none);
  }
}

TEST_CASE("An issuer that may not sign lists has none", "[crypto][chain][crl]") {
  auto wanted = test::ca_template("CA");
  wanted.key_usages = {KeyUsage::key_cert_sign};
  const auto issuer = test::identity(wanted, Curve::p256);
  const auto subject = test::identity(test::template_for("SE", {KeyUsage::digital_signature}), Curve::p256, &issuer);
  const auto list = crypto::issue_revocation_list(issuer.certificate, issuer.key, {}, kNow, test::after_years(1));
  CHECK(list.check(subject.certificate, issuer.certificate, kNow) == ChainFault::revocation_list_invalid);
}

TEST_CASE("Octets that are not exactly one revocation list are refused", "[crypto][chain][crl]") {
  const auto issuer = test::identity(test::ca_template("CA"), Curve::p256);
  const auto der = crypto::issue_revocation_list(issuer.certificate, issuer.key, {}, kNow, test::after_years(1)).der();
  CHECK_NOTHROW(crypto::RevocationList::from_der(der));
  CHECK_THROWS_AS(crypto::RevocationList::from_der({}), crypto::CryptoError);
  CHECK_THROWS_AS(crypto::RevocationList::from_der(base::concatenate(der, test::bytes("00"))), crypto::CryptoError);
  CHECK_THROWS_AS(crypto::RevocationList::from_der(base::BytesView(der).first(der.size() - 1)), crypto::CryptoError);
  CHECK_THROWS_WITH(crypto::RevocationList::load_all("/nonexistent.crl"),
                    Catch::Matchers::StartsWith("/nonexistent.crl: "));
}

TEST_CASE("A file of several revocation lists in PEM is read to its last, or not at all", "[crypto][chain][crl]") {
  const test::TemporaryFolder folder;
  const auto issuer = test::identity(test::ca_template("CA"), Curve::p256);
  const auto other = test::identity(test::ca_template("another CA"), Curve::p384);
  const auto subject = test::identity(test::template_for("SE", {KeyUsage::digital_signature}), Curve::p256, &issuer);
  const auto list_of = [](const test::Identity& by, const std::vector<Certificate>& revoked) {
    return crypto::issue_revocation_list(by.certificate, by.key, revoked, kNow, test::after_years(1)).der();
  };
  const auto pem = [](base::BytesView der) { return "-----BEGIN X509 CRL-----\n" + base::to_base64(der) + "\n-----END X509 CRL-----\n"; };
  const base::Bytes first = list_of(other, {});
  const base::Bytes second = list_of(issuer, {subject.certificate});
  const auto load = [&folder](const std::string& text) { return crypto::RevocationList::load_all(folder.write("all.crl", text)); };
  const auto lists = load("of the other CA\n" + pem(first) + "\nof the CA\n" + pem(second));
  REQUIRE(lists.size() == 2);
  CHECK(lists[0].der() == first);
  CHECK(lists[1].check(subject.certificate, issuer.certificate, kNow) == ChainFault::revoked);
  CHECK(load(pem(second)).size() == 1);
  CHECK(load(std::string(base::as_text(second))).size() == 1);  // DER
  CHECK_THROWS_AS(load(pem(first) + pem(base::BytesView(second).first(second.size() - 1))), crypto::CryptoError);
  CHECK_THROWS_AS(load(pem(first) + "-----BEGIN X509 CRL-----\n"), crypto::CryptoError);
  CHECK_THROWS_AS(load("no list"), crypto::CryptoError);
}

TEST_CASE("SGP.26: the genuine chain is good until 7496, each invalid variant is refused by name",
          "[crypto][chain][vectors]") {
  FIRST_ATTACH_NEEDS_SHARED_VECTORS(vectors);
  const auto load = [&](const char* file) { return Certificate::load((vectors / "sgp26" / file).string()); };
  const auto ci = load("CI/CERT_CI_ECDSA_NIST.der");
  const auto eum = load("EUM/CERT_EUM_ECDSA_NIST.der");
  const auto euicc = load("eUICC/CERT_EUICC_ECDSA_NIST.der");
  const auto unknown_ci = load("invalid/CERT_UNKNOWN_CI_ECDSA_NIST.der");
  const auto eum_of_unknown_ci = load("invalid/CERT_EUM_ECDSA_NIST_UNKNOWN_CI.der");

  CHECK(verdict(ci, ci, KeyUsage::key_cert_sign) == ChainFault::none);
  CHECK(verdict(eum, ci, KeyUsage::key_cert_sign) == ChainFault::none);
  CHECK(verdict(euicc, eum, KeyUsage::digital_signature) == ChainFault::none);
  CHECK(crypto::check_issued_by(euicc, eum, euicc.not_after(), KeyUsage::digital_signature) == ChainFault::none);
  CHECK(crypto::check_issued_by(euicc, eum, euicc.not_after() + std::chrono::seconds(1), KeyUsage::digital_signature) ==
        ChainFault::expired);
  CHECK(crypto::check_chain(std::vector{ci, eum, euicc}, kNow, KeyUsage::digital_signature).fault == ChainFault::none);

  CHECK(verdict(euicc, ci, KeyUsage::digital_signature) == ChainFault::wrong_issuer);
  CHECK(verdict(euicc, eum, KeyUsage::key_agreement) == ChainFault::key_usage);
  CHECK(verdict(load("invalid/CERT_EUICC_ECDSA_NIST_EXPIRED.der"), eum, KeyUsage::digital_signature) ==
        ChainFault::expired);
  const auto self_signed = load("invalid/CERT_EUICC_ECDSA_NIST_INVALID.der");
  CHECK(verdict(self_signed, eum, KeyUsage::digital_signature) == ChainFault::wrong_issuer);
  CHECK(verdict(self_signed, self_signed, KeyUsage::digital_signature) == ChainFault::not_a_ca);
  CHECK(verdict(eum_of_unknown_ci, ci, KeyUsage::key_cert_sign) == ChainFault::wrong_issuer);
  CHECK(verdict(eum_of_unknown_ci, unknown_ci, KeyUsage::key_cert_sign) == ChainFault::not_a_ca);
  CHECK(verdict(unknown_ci, ci, KeyUsage::key_cert_sign) == ChainFault::wrong_issuer);
  CHECK(verdict(test::with_broken_signature(euicc), eum, KeyUsage::digital_signature) == ChainFault::bad_signature);
}

TEST_CASE("SGP.26: a certificate that the EUM's key issues for another serial number is refused",
          "[crypto][chain][vectors]") {
  FIRST_ATTACH_NEEDS_SHARED_VECTORS(vectors);
  const auto eum = Certificate::load((vectors / "sgp26/EUM/CERT_EUM_ECDSA_NIST.der").string());
  const auto key = crypto::PrivateKey::load((vectors / "sgp26/EUM/SK_EUM_ECDSA_NIST.pem").string());
  auto wanted = Chain::element_template();
  wanted.organizations = {"RSP Test EUM"};
  const auto subject = crypto::PrivateKey::generate(Curve::p256).public_key();
  CHECK(verdict(crypto::issue(wanted, subject, key, &eum), eum, KeyUsage::digital_signature) == ChainFault::none);
  wanted.serial_number[7] = '3';
  CHECK(verdict(crypto::issue(wanted, subject, key, &eum), eum, KeyUsage::digital_signature) ==
        ChainFault::name_constraint);
}
