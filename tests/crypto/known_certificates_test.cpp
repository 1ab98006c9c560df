#include "lib/crypto/known_certificates.hpp"

#include <catch2/catch.hpp>

#include "tests/support/certificates.hpp"

using crypto::Certificate;
using crypto::ChainFault;
using crypto::Curve;
using crypto::KeyUsage;
using crypto::KnownCertificates;
using test::kNow;

namespace {

struct PartNumberChain {
  test::Identity anchor = test::identity(test::ca_template("CI"), Curve::p256);
  test::Identity part_number = test::identity(test::ca_template("PN"), Curve::p256, &anchor);
};

}  // namespace

TEST_CASE("A certificate that is known is not parsed again", "[crypto][known]") {
  const PartNumberChain chain;
  KnownCertificates known;
  const auto first = known.read(chain.part_number.certificate.der());
  CHECK(first == chain.part_number.certificate);
  CHECK(&known.read(chain.part_number.certificate.der()).content() == &first.content());
  CHECK(&known.read(chain.anchor.certificate.der()).content() != &first.content());
  CHECK(known.size() == 2);
  CHECK_THROWS_AS(known.read(base::Bytes(3)), crypto::CryptoError);
  CHECK(known.size() == 2);
}

TEST_CASE("Of too many certificates the one not asked for longest is forgotten", "[crypto][known]") {
  KnownCertificates known(2);
  const auto a = test::identity(test::ca_template("A"), Curve::p256).certificate.der();
  const auto b = test::identity(test::ca_template("B"), Curve::p256).certificate.der();
  const auto c = test::identity(test::ca_template("C"), Curve::p256).certificate.der();
  const auto first_a = known.read(a);
  const auto first_b = known.read(b);
  known.read(a);
  known.read(c);
  CHECK(known.size() == 2);
  CHECK(&known.read(a).content() == &first_a.content());
  CHECK(&known.read(b).content() != &first_b.content());
  CHECK(known.size() == 2);
}

TEST_CASE("A right signature is remembered for its issuer alone, and a wrong one never", "[crypto][known]") {
  const PartNumberChain chain;
  KnownCertificates known;
  const auto subject = known.read(chain.part_number.certificate.der());
  const auto issuer = known.read(chain.anchor.certificate.der());
  const auto check = [&](const Certificate& of, const Certificate& by) {
    return crypto::check_issued_by(of, by, kNow, KeyUsage::key_cert_sign, {}, &known);
  };
  CHECK_FALSE(known.is_signed_by(subject, issuer));
  CHECK(check(subject, issuer) == ChainFault::none);
  CHECK(known.is_signed_by(subject, issuer));
  CHECK(check(subject, issuer) == ChainFault::none);

  SECTION("not by another issuer") {
    const auto other = test::identity(test::ca_template("CI"), Curve::p256).certificate;
    CHECK_FALSE(known.is_signed_by(subject, other));
    CHECK(check(subject, other) != ChainFault::none);
  }
  SECTION("nor for other octets") {
    const auto broken = known.read(test::with_broken_signature(subject).der());
    CHECK(check(broken, issuer) == ChainFault::bad_signature);
    CHECK_FALSE(known.is_signed_by(broken, issuer));
    CHECK(check(broken, issuer) == ChainFault::bad_signature);
  }
  SECTION("nor for a certificate that was not read here") {
    CHECK(check(chain.part_number.certificate, issuer) == ChainFault::none);
    CHECK_FALSE(known.is_signed_by(chain.part_number.certificate, issuer));
  }
  SECTION("nor once it is forgotten") {
    KnownCertificates small(1);
    const auto here = small.read(subject.der());
    small.note_signed_by(here, issuer);
    CHECK(small.is_signed_by(here, issuer));
    small.read(issuer.der());
    CHECK_FALSE(small.is_signed_by(here, issuer));
    small.note_signed_by(here, issuer);
    CHECK_FALSE(small.is_signed_by(here, issuer));
  }
}

TEST_CASE("What is remembered is the signature alone: dates, rights and lists are looked at each time", "[crypto][known]") {
  const PartNumberChain chain;
  KnownCertificates known;
  const auto subject = known.read(chain.part_number.certificate.der());
  const auto issuer = known.read(chain.anchor.certificate.der());
  const auto check = [&](base::Time at, KeyUsage usage, std::span<const crypto::RevocationList> lists) {
    return crypto::check_issued_by(subject, issuer, at, usage, lists, &known);
  };
  REQUIRE(check(kNow, KeyUsage::key_cert_sign, {}) == ChainFault::none);
  CHECK(check(test::after_years(11), KeyUsage::key_cert_sign, {}) == ChainFault::expired);
  CHECK(check(test::after_years(-2), KeyUsage::key_cert_sign, {}) == ChainFault::not_yet_valid);
  CHECK(check(kNow, KeyUsage::digital_signature, {}) == ChainFault::key_usage);

  const auto list_of = [&](std::span<const Certificate> revoked, const test::Identity& by) {
    return std::array{crypto::issue_revocation_list(by.certificate, by.key, revoked, test::after_years(-1), test::after_years(1))};
  };
  const auto clean = list_of({}, chain.anchor);
  const auto revoking = list_of(std::array{subject}, chain.anchor);
  CHECK(check(kNow, KeyUsage::key_cert_sign, clean) == ChainFault::none);
  CHECK(known.is_signed_by(clean[0], issuer));
  CHECK(check(kNow, KeyUsage::key_cert_sign, clean) == ChainFault::none);
  CHECK(check(test::after_years(2), KeyUsage::key_cert_sign, clean) == ChainFault::revocation_list_expired);
  CHECK(check(test::after_years(-1) - std::chrono::hours(1), KeyUsage::key_cert_sign, clean) == ChainFault::not_yet_valid);
  CHECK(check(kNow, KeyUsage::key_cert_sign, revoking) == ChainFault::revoked);
  CHECK(check(kNow, KeyUsage::key_cert_sign, revoking) == ChainFault::revoked);
  const auto impostor = test::identity(test::ca_template("CI"), Curve::p256);
  const auto forged = list_of({}, impostor);
  CHECK(check(kNow, KeyUsage::key_cert_sign, forged) == ChainFault::revocation_list_invalid);
  CHECK_FALSE(known.is_signed_by(forged[0], issuer));
}
