#include "lib/crypto/certificate.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/support/certificates.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using base::Bytes;
using crypto::Certificate;
using crypto::CryptoError;
using crypto::Curve;
using crypto::KeyUsage;
using test::kCurves;

namespace {

crypto::CertificateTemplate full_template() {
  auto wanted = test::template_for("arpf.example", {KeyUsage::digital_signature, KeyUsage::key_agreement});
  wanted.organizations = {"Größe AG", "Second"};
  wanted.serial_number = "89049032123451234512345678901235";
  wanted.extended_key_usages = {"2.25.166299093133829758407982659247061036885", std::string(crypto::kServerAuth)};
  wanted.uris = {"https://arpf.example/", "urn:uuid:0"};
  wanted.dns_names = {"arpf.example"};
  wanted.ip_addresses = {"127.0.0.1", "::1"};
  return wanted;
}

}  // namespace

TEST_CASE("A certificate says what its template asked for, on every curve", "[crypto][certificate]") {
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const auto ca = test::identity(test::ca_template("CA"), curve);
    const auto made = test::identity(full_template(), curve, &ca);
    const auto read = Certificate::from_der(made.certificate.der());
    CHECK(read == made.certificate);
    CHECK(read.public_key().curve() == curve);
    CHECK(read.public_key().point() == made.key.public_key().point());
    CHECK(read.not_before() == test::after_years(-1));
    CHECK(read.not_after() == test::after_years(10));
    CHECK(read.organizations() == std::vector<std::string>{"Größe AG", "Second"});
    CHECK(read.subject_serial_number() == "89049032123451234512345678901235");
    CHECK(read.uris() == std::vector<std::string>{"https://arpf.example/", "urn:uuid:0"});
    CHECK(read.dns_names() == std::vector<std::string>{"arpf.example"});
    CHECK(read.has_key_usage(KeyUsage::digital_signature));
    CHECK(read.has_key_usage(KeyUsage::key_agreement));
    CHECK_FALSE(read.has_key_usage(KeyUsage::key_cert_sign));
    CHECK(read.has_extended_key_usage("2.25.166299093133829758407982659247061036885"));
    CHECK(read.has_extended_key_usage(crypto::kServerAuth));
    CHECK_FALSE(read.has_extended_key_usage(crypto::kClientAuth));
    CHECK_FALSE(read.is_ca());
    CHECK_FALSE(read.path_length());
    CHECK(read.subject_key_id());
    CHECK(read.serial_number().size() == 16);
    CHECK(read.subject().find("CN=arpf.example") != std::string::npos);
  }
}

TEST_CASE("A certificate without optional parts has none of them", "[crypto][certificate]") {
  crypto::CertificateTemplate wanted;
  wanted.not_before = test::after_years(0);
  wanted.not_after = test::after_years(1);
  const auto bare = test::identity(wanted, Curve::p256).certificate;
  CHECK(bare.organizations().empty());
  CHECK_FALSE(bare.subject_serial_number());
  CHECK(bare.uris().empty());
  CHECK(bare.dns_names().empty());
  CHECK_FALSE(bare.has_key_usage(KeyUsage::digital_signature));
  CHECK_FALSE(bare.has_extended_key_usage(crypto::kServerAuth));
  CHECK(bare.subject().empty());
}

TEST_CASE("Serial numbers are positive, of 16 octets, and never the same", "[crypto][certificate]") {
  std::set<Bytes> seen;
  const auto key = crypto::PrivateKey::generate(Curve::p256);
  for (int i = 0; i < 64; ++i) {
    const auto made = crypto::issue(test::ca_template("CA"), key.public_key(), key, nullptr);
    CHECK(made.serial_number().size() == 16);
    CHECK(made.serial_number()[0] < 0x80);
    CHECK(made.serial_number()[0] > 0);
    CHECK(seen.insert(made.serial_number()).second);
  }
}

TEST_CASE("The key identifier is SHA-1 of the point, as in the profile's known answers",
          "[crypto][certificate][vectors]") {
  if (!test::have_shared_vectors()) return;
  for (const auto& each : test::load_shared_json("first-attach-v1.json")["cases"]) {
    const auto curve = crypto::curve_from_name(each["curve"].get<std::string>());
    const auto key = crypto::PrivateKey::from_scalar(curve, test::bytes(each["arpfPrivateKey"].get<std::string>()));
    const auto made = crypto::issue(test::ca_template("ARPF"), key.public_key(), key, nullptr);
    CHECK(base::to_hex(made.subject_key_id().value()) == each["arpfKeyId"].get<std::string>());
  }
}

TEST_CASE("Dates from before 1950 to the year 9999 are read as they were written", "[crypto][certificate]") {
  using std::chrono::sys_days;
  using namespace std::chrono_literals;
  const auto day = [](int year, unsigned month, unsigned of_month) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(of_month)};
    return base::Time(std::chrono::milliseconds(sys_days(date).time_since_epoch()));
  };
  auto wanted = test::ca_template("CA");
  for (const auto& [from, to] : {std::pair{day(1949, 12, 31), day(1950, 1, 1)},
                                 {day(1970, 1, 1), day(2049, 12, 31)},
                                 {day(2050, 1, 1), day(2262, 4, 12)},
                                 {day(2263, 1, 1), day(7496, 1, 24)},
                                 {day(2024, 2, 29), day(9999, 12, 31) + 23h + 59min + 59s}}) {
    wanted.not_before = from;
    wanted.not_after = to;
    const auto made = test::identity(wanted, Curve::p256).certificate;
    CHECK(made.not_before() == from);
    CHECK(made.not_after() == to);
  }
  wanted.not_after = day(10000, 1, 1);
  CHECK_THROWS_AS(test::identity(wanted, Curve::p256), CryptoError);
}

TEST_CASE("Octets that are not exactly one certificate are refused", "[crypto][certificate]") {
  const Bytes good = test::identity(full_template(), Curve::p256).certificate.der();
  CHECK_NOTHROW(Certificate::from_der(good));
  CHECK_THROWS_AS(Certificate::from_der({}), CryptoError);
  CHECK_THROWS_AS(Certificate::from_der(test::bytes("3000")), CryptoError);
  CHECK_THROWS_AS(Certificate::from_der(base::concatenate(good, test::bytes("00"))), CryptoError);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_THROWS_AS(Certificate::from_der(base::BytesView(good).first(size)), CryptoError);
  }
  // The outer length in a longer form than DER allows: 30 82 hh ll becomes 30 83 00 hh ll.
  REQUIRE(good[1] == 0x82);
  Bytes long_form = good;
  long_form[1] = 0x83;
  long_form.insert(long_form.begin() + 2, 0);
  CHECK_THROWS_AS(Certificate::from_der(long_form), CryptoError);
}

TEST_CASE("Changing any octet of a certificate crashes nothing and never passes for the original",
          "[crypto][certificate]") {
  const auto ca = test::identity(test::ca_template("CA"), Curve::p256);
  const auto good = test::identity(full_template(), Curve::p256, &ca).certificate;
  for (std::size_t at = 0; at < good.der().size(); ++at) {
    Bytes changed = good.der();
    changed[at] ^= 0x01;
    try {
      const auto read = Certificate::from_der(changed);
      CAPTURE(at);
      CHECK(crypto::check_issued_by(read, ca.certificate, test::kNow, KeyUsage::digital_signature) !=
            crypto::ChainFault::none);
    } catch (const CryptoError&) {
    }
  }
}

TEST_CASE("An extension that stands twice, or does not parse, is refused", "[crypto][certificate]") {
  auto wanted = full_template();
  SECTION("known, twice") { wanted.extensions = {{"2.5.29.15", true, test::bytes("03020780")}}; }
  SECTION("unknown, twice") {
    wanted.extensions = {{"1.2.3.4", false, test::bytes("0500")}, {"1.2.3.4", false, test::bytes("0500")}};
  }
  SECTION("a name constraint of garbage") { wanted.extensions = {{"2.5.29.30", true, test::bytes("ffff")}}; }
  SECTION("a basic constraint of garbage") { wanted.extensions = {{"2.5.29.19", true, test::bytes("0500")}}; }
  CHECK_THROWS_AS(test::identity(wanted, Curve::p256), CryptoError);
}

TEST_CASE("A certificate survives PEM and files of both forms", "[crypto][certificate]") {
  const auto made = test::identity(full_template(), Curve::brainpool_p256r1).certificate;
  CHECK(Certificate::from_pem(made.pem()) == made);
  CHECK(Certificate::from_pem("a comment\n" + made.pem() + "another\n") == made);
  CHECK_THROWS_AS(Certificate::from_pem(made.pem() + made.pem()), CryptoError);
  CHECK_THROWS_AS(Certificate::from_pem("no certificate"), CryptoError);
  CHECK_THROWS_AS(Certificate::from_pem(made.pem().substr(0, 200)), CryptoError);

  const auto path = std::filesystem::temp_directory_path() / ("first-attach-" + base::to_hex(made.serial_number()));
  std::ofstream(path, std::ios::binary) << made.pem();
  CHECK(Certificate::load(path.string()) == made);
  std::ofstream(path, std::ios::binary) << base::as_text(made.der());
  CHECK(Certificate::load(path.string()) == made);
  std::ofstream(path, std::ios::binary) << "neither";
  CHECK_THROWS_WITH(Certificate::load(path.string()), Catch::Matchers::StartsWith(path.string() + ": "));
  std::filesystem::remove(path);
  CHECK_THROWS_WITH(Certificate::load(path.string()), Catch::Matchers::StartsWith(path.string() + ": "));
  CHECK_THROWS_AS(Certificate::load(std::filesystem::temp_directory_path().string()), CryptoError);
}

TEST_CASE("A control octet in a subject is escaped for the log", "[crypto][certificate]") {
  auto wanted = full_template();
  wanted.common_name = "one\ntwo";
  const auto made = test::identity(wanted, Curve::p256).certificate;
  CHECK(made.subject().find('\n') == std::string::npos);
}

TEST_CASE("A template that makes no sense is refused", "[crypto][certificate]") {
  const auto ca = test::identity(test::ca_template("CA"), Curve::p256);
  const auto other = crypto::PrivateKey::generate(Curve::p256);
  auto wanted = full_template();
  CHECK_THROWS_AS(crypto::issue(wanted, other.public_key(), other, &ca.certificate), CryptoError);
  CHECK_THROWS_AS(crypto::issue(wanted, other.public_key(), ca.key, nullptr), CryptoError);
  SECTION("a path length without a CA") { wanted.path_length = 0; }
  SECTION("an address that is none") { wanted.ip_addresses = {"300.1.1.1"}; }
  SECTION("an object identifier that is none") { wanted.extended_key_usages = {"one.two"}; }
  CHECK_THROWS_AS(crypto::issue(wanted, other.public_key(), ca.key, &ca.certificate), CryptoError);
}

TEST_CASE("SGP.26's certificates are read", "[crypto][certificate][vectors]") {
  FIRST_ATTACH_NEEDS_SHARED_VECTORS(vectors);
  const auto euicc = Certificate::load((vectors / "sgp26/eUICC/CERT_EUICC_ECDSA_NIST.der").string());
  CHECK(euicc.organizations() == std::vector<std::string>{"RSP Test EUM"});
  CHECK(euicc.subject_serial_number() == "89049032123451234512345678901235");
  CHECK(base::to_hex(euicc.serial_number()) == "020000000000000001");
  CHECK(base::to_rfc3339(euicc.not_before()) == "2020-04-01T09:48:58.000Z");
  CHECK(base::to_unix_ms(euicc.not_after()) == 174385734538000);  // 7496-01-24T09:48:58Z
  CHECK(base::to_hex(euicc.subject_key_id().value()) == "a52476af5d50aa376437ccb1da2172ef45f484f0");
  const auto eum = Certificate::load((vectors / "sgp26/EUM/CERT_EUM_ECDSA_NIST.der").string());
  CHECK(eum.is_ca());
  CHECK(eum.path_length() == 0U);
  CHECK(eum.has_key_usage(KeyUsage::key_cert_sign));
  CHECK_FALSE(eum.has_key_usage(KeyUsage::crl_sign));
  const auto key = crypto::PrivateKey::load((vectors / "sgp26/EUM/SK_EUM_ECDSA_NIST.pem").string());
  CHECK(key.public_key().point() == eum.public_key().point());
}
