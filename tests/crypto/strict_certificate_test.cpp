// Certificate::from_der reads what has the plain form of a certificate of an SE by itself: whatever the octets, its reading and the
// verdict on it are those of OpenSSL's parser.
#include <catch2/catch.hpp>
#include <random>

#include "tests/support/certificates.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/same_certificate.hpp"
#include "tests/support/shared_vectors.hpp"

using base::Bytes;
using crypto::Certificate;
using crypto::CertificateTemplate;
using crypto::Curve;
using crypto::KeyUsage;

namespace {

constexpr const char* kCertificatePolicies = "2.5.29.32";

/// A part number, its list with one certificate revoked, and a key for the certificates that it issues.
struct PartNumber {
  test::Identity own = test::identity(test::ca_template("PN"), Curve::p256);
  crypto::PrivateKey element_key = crypto::PrivateKey::generate(Curve::p256);
  crypto::PublicKey element = element_key.public_key();
  Certificate revoked = issue(test::template_for("SE", {KeyUsage::digital_signature}));
  std::vector<crypto::RevocationList> lists{
      crypto::issue_revocation_list(own.certificate, own.key, std::array{revoked}, test::after_years(-1), test::after_years(1))};

  [[nodiscard]] Certificate issue(const CertificateTemplate& wanted) const {
    return crypto::issue(wanted, element, own.key, &own.certificate);
  }
  [[nodiscard]] test::TwoReadings read_twice(base::BytesView der) const {
    return test::read_twice(der, own.certificate, lists, test::kNow);
  }
  /// True if the strict reader took it; whether it did or not, the readings are the same.
  [[nodiscard]] bool is_read_strictly(base::BytesView der) const {
    const auto readings = read_twice(der);
    if (readings.strict != readings.openssl) {
      CAPTURE(base::to_hex(der));
      CHECK(readings.strict == readings.openssl);
    }
    return readings.is_strict;
  }
};

CertificateTemplate element_template() {
  auto wanted = test::template_for("SE", {KeyUsage::digital_signature});
  wanted.serial_number = "89049032123451234512345678901235";
  return wanted;
}

/// SGP.22's: certificatePolicies, critical, with one policy.
CertificateTemplate gsma_template() {
  auto wanted = element_template();
  wanted.extensions = {{kCertificatePolicies, true, test::bytes("300b3009060767811201020101")}};
  return wanted;
}

}  // namespace

TEST_CASE("The certificate of an SE is read strictly, and as OpenSSL reads it", "[crypto][certificate]") {
  const PartNumber pn;
  CHECK(pn.is_read_strictly(pn.issue(element_template()).der()));
  CHECK(pn.is_read_strictly(pn.issue(gsma_template()).der()));
  CHECK(pn.is_read_strictly(pn.revoked.der()));
  CHECK(crypto::check_issued_by(Certificate::from_der(pn.revoked.der()), pn.own.certificate, test::kNow, KeyUsage::digital_signature,
                                pn.lists) == crypto::ChainFault::revoked);
  auto wanted = element_template();
  SECTION("valid beyond 2049") { wanted.not_after = test::after_years(40); }
  SECTION("expired") { wanted.not_after = test::kNow - std::chrono::hours(1); }
  SECTION("not valid yet") { wanted.not_before = test::kNow + std::chrono::hours(1); }
  SECTION("several organizations") { wanted.organizations = {"A", "B", "A"}; }
  SECTION("no organization, no serialNumber") {
    wanted.organizations.clear();
    wanted.serial_number.clear();
  }
  SECTION("an empty subject") {
    wanted = CertificateTemplate{};
    wanted.not_before = test::after_years(-1);
    wanted.not_after = test::after_years(1);
    wanted.key_usages = {KeyUsage::digital_signature};
  }
  SECTION("without keyUsage") { wanted.key_usages.clear(); }
  SECTION("for key agreement") { wanted.key_usages = {KeyUsage::key_agreement, KeyUsage::digital_signature}; }
  CHECK(pn.is_read_strictly(pn.issue(wanted).der()));
}

TEST_CASE("What the strict reader does not know is OpenSSL's to read", "[crypto][certificate]") {
  const PartNumber pn;
  auto wanted = element_template();
  SECTION("an umlaut in a name") { wanted.common_name = "Mess\xc3\xbchl"; }
  SECTION("extendedKeyUsage") { wanted.extended_key_usages = {std::string(crypto::kClientAuth)}; }
  SECTION("subjectAltName") { wanted.uris = {"urn:x"}; }
  SECTION("an extension that is not known") { wanted.extensions = {{"1.2.3.4", false, test::bytes("0500")}}; }
  SECTION("a critical extension that is not known") { wanted.extensions = {{"1.2.3.4", true, test::bytes("0500")}}; }
  SECTION("a CA") { wanted.is_ca = true; }
  SECTION("the use decipherOnly") {
    wanted.key_usages.clear();
    wanted.extensions = {{"2.5.29.15", true, test::bytes("0303078080")}};
  }
  SECTION("no use") {
    wanted.key_usages.clear();
    wanted.extensions = {{"2.5.29.15", true, test::bytes("03020700")}};
  }
  SECTION("keyUsage with unused bits set") {
    wanted.key_usages.clear();
    wanted.extensions = {{"2.5.29.15", true, test::bytes("03020781")}};
  }
  SECTION("keyUsage twice") { wanted.extensions = {{"2.5.29.15", true, test::bytes("03020780")}}; }
  SECTION("basicConstraints with cA FALSE written out") { wanted.extensions = {{"2.5.29.19", true, test::bytes("3003010100")}}; }
  SECTION("a path length without cA") { wanted.extensions = {{"2.5.29.19", true, test::bytes("3003020100")}}; }
  base::Bytes der;
  try {
    der = pn.issue(wanted).der();
  } catch (const crypto::CryptoError&) {
    return;  // one that OpenSSL does not even make
  }
  CHECK_FALSE(pn.is_read_strictly(der));
}

TEST_CASE("Keys of other curves, and other hashes, are OpenSSL's to read", "[crypto][certificate]") {
  const PartNumber pn;
  for (const Curve curve : {Curve::brainpool_p256r1, Curve::p384}) {
    const auto key = crypto::PrivateKey::generate(curve).public_key();
    CHECK_FALSE(pn.is_read_strictly(crypto::issue(element_template(), key, pn.own.key, &pn.own.certificate).der()));
  }
  const auto p384 = test::identity(test::ca_template("PN"), Curve::p384);
  CHECK_FALSE(pn.is_read_strictly(crypto::issue(element_template(), pn.element, p384.key, &p384.certificate).der()));
  // ECDSA with SHA-256 by a brainpool key has the same form as by one of P-256: the issuer's key decides.
  const auto brainpool = test::identity(test::ca_template("PN"), Curve::brainpool_p256r1);
  const auto issued = crypto::issue(element_template(), pn.element, brainpool.key, &brainpool.certificate);
  CHECK(pn.is_read_strictly(issued.der()));
  CHECK(crypto::check_issued_by(issued, brainpool.certificate, test::kNow, KeyUsage::digital_signature) == crypto::ChainFault::none);
  CHECK(crypto::check_issued_by(issued, p384.certificate, test::kNow, KeyUsage::digital_signature) != crypto::ChainFault::none);
}

TEST_CASE("An issuer of the same name with another key is found out", "[crypto][certificate]") {
  const PartNumber pn;
  const PartNumber other;
  CHECK(other.is_read_strictly(pn.issue(element_template()).der()));
  auto bare = element_template();
  CHECK(crypto::check_issued_by(pn.issue(bare), other.own.certificate, test::kNow, KeyUsage::digital_signature) ==
        crypto::ChainFault::wrong_issuer);
}

TEST_CASE("Every octet of a certificate changed in every bit, or cut off, is read as OpenSSL reads it", "[crypto][certificate]") {
  const PartNumber pn;
  std::size_t strict = 0;
  for (const auto& wanted : {element_template(), gsma_template()}) {
    const Bytes der = pn.issue(wanted).der();
    for (std::size_t at = 0; at < der.size(); ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        Bytes changed = der;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1U << bit));
        strict += pn.is_read_strictly(changed) ? 1 : 0;
      }
    }
    for (std::size_t size = 0; size < der.size(); ++size) CHECK_FALSE(pn.is_read_strictly(base::BytesView(der).first(size)));
    CHECK_FALSE(pn.is_read_strictly(base::concatenate(der, Bytes(1))));
  }
  CHECK(strict > 1000);
}

TEST_CASE("A hundred thousand random changes are read as OpenSSL reads them", "[crypto][certificate]") {
  const PartNumber pn;
  std::mt19937 random(20260101);  // NOLINT: the same changes each time
  const auto below = [&random](std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random); };
  const std::vector<Bytes> genuine{pn.issue(element_template()).der(), pn.issue(gsma_template()).der(), pn.revoked.der()};
  std::size_t strict = 0;
  for (int i = 0; i < 100000; ++i) {
    Bytes der = genuine[below(genuine.size())];
    for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
      const std::size_t at = below(der.size());
      const auto here = der.begin() + static_cast<std::ptrdiff_t>(at);
      const auto octet = static_cast<std::uint8_t>(below(256));
      switch (below(5)) {
        case 0: der.insert(here, octet); break;
        case 1: der.erase(here); break;
        case 2: *here = der[below(der.size())]; break;
        default: *here = octet; break;
      }
    }
    strict += pn.is_read_strictly(der) ? 1 : 0;
  }
  CHECK(strict > 5000);
}

TEST_CASE("Extensions with changed values, signed again, are read as OpenSSL reads them", "[crypto][certificate]") {
  const PartNumber pn;
  std::mt19937 random(20260102);  // NOLINT: the same changes each time
  const auto below = [&random](std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random); };
  const std::vector<std::pair<const char*, Bytes>> values{{"2.5.29.15", test::bytes("03020780")},
                                                          {"2.5.29.19", test::bytes("3000")},
                                                          {kCertificatePolicies, test::bytes("300b3009060767811201020101")}};
  std::size_t strict = 0;
  for (int i = 0; i < 3000; ++i) {
    auto wanted = element_template();
    wanted.key_usages.clear();
    for (const auto& [oid, value] : values) {
      if (below(3) == 0) continue;
      Bytes changed = value;
      if (below(2) == 0) changed[below(changed.size())] = static_cast<std::uint8_t>(below(256));
      if (below(4) == 0) changed.resize(1 + below(changed.size()));
      wanted.extensions.push_back({oid, below(2) == 0, changed});
    }
    try {
      strict += pn.is_read_strictly(pn.issue(wanted).der()) ? 1 : 0;
    } catch (const crypto::CryptoError&) {
      // The maker reads what it made, and refuses it as OpenSSL does.
    }
  }
  CHECK(strict > 500);
}

TEST_CASE("A certificate that was read strictly is OpenSSL's too once it is asked for", "[crypto][certificate]") {
  const PartNumber pn;
  const Bytes der = pn.issue(element_template()).der();
  const auto strict = Certificate::from_der(der);
  const auto plain = Certificate::parse_by_openssl(der);
  CHECK(strict.pem() == plain.pem());
  CHECK(strict.subject() == plain.subject());
  CHECK(strict == plain);
}

TEST_CASE("GSMA's own eUICC certificates (SGP.26) are read strictly, and as OpenSSL reads them", "[crypto][certificate]") {
  if (!test::have_shared_vectors()) return;
  const auto folder = *test::shared_vectors() / "sgp26";
  const auto issuer = Certificate::load((folder / "EUM/CERT_EUM_ECDSA_NIST.der").string());
  for (const char* file : {"eUICC/CERT_EUICC_ECDSA_NIST.der", "invalid/CERT_EUICC_ECDSA_NIST_EXPIRED.der", "invalid/CERT_EUICC_ECDSA_NIST_INVALID.der"}) {
    CAPTURE(file);
    const Bytes der = Certificate::load((folder / file).string()).der();
    const auto readings = test::read_twice(der, issuer, {}, test::kNow);
    CHECK(readings.is_strict);
    CHECK(readings.strict == readings.openssl);
  }
}
