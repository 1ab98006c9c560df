#include "ue-sim/secure_element.hpp"

#include <catch2/catch.hpp>

#include "lib/aka/authentication_vector.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/serving_network.hpp"
#include "ue-sim/device_file.hpp"

using test::kServingNetwork;
using ue_sim::Device;

namespace {

profile::EphemeralKey key_of(std::uint8_t with) {
  std::array<std::uint8_t, 16> octets{};
  octets.fill(with);
  return profile::EphemeralKey(octets);
}

Device make_device() {
  return {*profile::DiscoveryImsi::from_digits("901700000000001"), base::Bytes{1}, base::Bytes{2}, key_of(7), std::nullopt};
}

profile::DiscoveryVector vector_for(const Device& device, const char* imsi = "001010000000001", std::uint8_t key = 7) {
  return profile::make_discovery_vector(key_of(key), device.dimsi, *profile::Imsi::from_digits(imsi), 2);
}

/// The AUTS in hex; empty if the SE does not take the vector.
std::string receipt_for(Device& device, const profile::DiscoveryVector& vector) {
  const auto receipt = ue_sim::take_imsi(device, vector.rand, vector.autn);
  return receipt ? base::to_hex(receipt->reveal()) : "";
}

/// The home network's challenge with this SQN; true if the USIM answers it with RES*.
bool authenticates(Device& device, std::uint64_t sqn) {
  const auto keys = profile::derive_subscriber_keys(key_of(7), device.dimsi, device.subscription->imsi);
  const auto vector = aka::make_authentication_vector(keys, aka::Rand{}, aka::SequenceNumber::from_value(sqn), aka::kSeparatedAmf);
  const auto answer = ue_sim::answer_challenge(device, vector.rand, vector.autn, kServingNetwork);
  return std::holds_alternative<ue_sim::UeAnswer>(answer);
}

}  // namespace

TEST_CASE("The SE answers the same challenge in the same way until it has authenticated with the IMSI", "[ue-sim][receipt]") {
  Device device = make_device();
  const auto vector = vector_for(device);
  const std::string receipt = receipt_for(device, vector);
  const auto expected = profile::make_receipt(key_of(7), device.dimsi, *profile::Imsi::from_digits("001010000000001"), 2);
  CHECK(receipt == base::to_hex(expected.reveal()));
  CHECK(device.uses_imsi());
  CHECK(receipt_for(device, vector) == receipt);
  ue_sim::note_failed_attach(device);
  CHECK(receipt_for(device, vector) == receipt);
  CHECK(device.subscription->failed_attaches == 1);  // the same IMSI once more is no new attempt at it

  REQUIRE(authenticates(device, 32));
  CHECK(receipt_for(device, vector).empty());
  CHECK(device.subscription->imsi.digits() == "001010000000001");
  CHECK_FALSE(authenticates(device, 32));  // refusing the vector left the sequence numbers alone
}

TEST_CASE("A challenge of another key changes nothing", "[ue-sim][receipt]") {
  Device device = make_device();
  CHECK(receipt_for(device, vector_for(device, "001010000000001", 8)).empty());
  CHECK_FALSE(device.subscription);
  const std::string receipt = receipt_for(device, vector_for(device));
  CHECK(receipt_for(device, vector_for(device, "001010000000002", 8)).empty());
  CHECK(device.subscription->imsi.digits() == "001010000000001");
}

TEST_CASE("After three failed attaches with the IMSI the SE is back at its dIMSI", "[ue-sim][receipt]") {
  Device device = make_device();
  const auto vector = vector_for(device);
  const std::string receipt = receipt_for(device, vector);
  ue_sim::note_failed_attach(device);
  ue_sim::note_failed_attach(device);
  CHECK(device.uses_imsi());

  SECTION("a success between them begins anew") {
    ue_sim::note_attached(device);
    ue_sim::note_failed_attach(device);
    CHECK(device.uses_imsi());
    CHECK(device.subscription->failed_attaches == 1);
  }
  SECTION("the third gives the IMSI up, and the vector is answered again, for an SE that had authenticated as well") {
    REQUIRE(authenticates(device, 64));
    ue_sim::note_failed_attach(device);
    CHECK_FALSE(device.uses_imsi());
    CHECK(receipt_for(device, vector) == receipt);
    CHECK(device.uses_imsi());
    CHECK(device.subscription->failed_attaches == 0);
    CHECK_FALSE(authenticates(device, 64));  // the same K: what was heard before is not fresh
    CHECK(authenticates(device, 96));
  }
  SECTION("another IMSI of the same key starts with no failure and no sequence number") {
    ue_sim::note_failed_attach(device);
    CHECK_FALSE(receipt_for(device, vector_for(device, "001010000000002")).empty());
    CHECK(device.subscription->imsi.digits() == "001010000000002");
    CHECK(device.subscription->failed_attaches == 0);
    CHECK(authenticates(device, 32));
  }
}

TEST_CASE("A device without an IMSI has no attach with it to note", "[ue-sim][receipt]") {
  Device device = make_device();
  CHECK_FALSE(device.uses_imsi());
  CHECK_THROWS_AS(ue_sim::note_attached(device), std::logic_error);
  CHECK_THROWS_AS(ue_sim::note_failed_attach(device), std::logic_error);
}

TEST_CASE("The device file keeps what the SE knows of its IMSI", "[ue-sim][device-file]") {
  Device device = make_device();
  (void)receipt_for(device, vector_for(device));
  REQUIRE(authenticates(device, 32));
  ue_sim::note_failed_attach(device);
  const Device back = ue_sim::device_from_line(ue_sim::to_line(device));
  REQUIRE(back.subscription);
  CHECK(back.subscription->has_authenticated);
  CHECK(back.subscription->failed_attaches == 1);
  CHECK(back.subscription->sequence.entries() == device.subscription->sequence.entries());

  SECTION("a line written before these members is one of a device that never failed") {
    std::string line = ue_sim::to_line(device);
    for (const std::string& member : {std::string(",\"hasAuthenticated\":true"), std::string(",\"failedAttaches\":1")}) {
      REQUIRE(line.find(member) != std::string::npos);
      line.erase(line.find(member), member.size());
    }
    const Device old = ue_sim::device_from_line(line);
    CHECK_FALSE(old.subscription->has_authenticated);
    CHECK(old.subscription->failed_attaches == 0);
  }
  SECTION("a given up IMSI stays given up") {
    ue_sim::note_failed_attach(device);
    ue_sim::note_failed_attach(device);
    CHECK_FALSE(ue_sim::device_from_line(ue_sim::to_line(device)).uses_imsi());
  }
}

namespace {

/// A CI, a part number under it, and what a certificate of an ARPF's agreement key says.
struct AgreementFixture {
  /// CERT.ARPF.ECKA of this issuer.
  [[nodiscard]] static crypto::Certificate certified(const crypto::CertificateTemplate& by, const test::Identity* issuer) {
    return test::identity(by, crypto::Curve::p256, issuer).certificate;
  }
  /// What the SE's factory says against the certificate; empty if it makes an SE, which has then agreed with its key.
  [[nodiscard]] std::string fault_of(const crypto::Certificate& certificate, base::Time at = test::kNow) const {
    try {
      auto key = crypto::PrivateKey::from_pem(pn.key.to_pem().reveal());  // a factory has its own
      const ue_sim::Factory factory({ci.certificate, pn.certificate, std::move(key)}, certificate, at);
      const Device device = factory.personalise(*profile::DiscoveryImsi::from_digits("901700000000001"));
      CHECK(profile::AttachToken::parse(device.token).arpf_key_id == certificate.subject_key_id());
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  test::Identity ci = test::identity(test::ca_template("CI"), crypto::Curve::p256);
  test::Identity pn = test::identity(test::ca_template("PN"), crypto::Curve::p256, &ci);
  crypto::CertificateTemplate wanted = test::template_for("ARPF ECKA", {crypto::KeyUsage::key_agreement});
};

}  // namespace

TEST_CASE_METHOD(AgreementFixture, "The SE agrees on a key with an ARPF that its own CI certified, and with no other", "[ue-sim][step-0b]") {
  using Catch::Contains;
  const std::string fault = "CERT.ARPF.ECKA does not verify under the CI: ";
  CHECK(fault_of(certified(wanted, &ci)) == "");
  const auto other_ci = test::identity(test::ca_template("CI"), crypto::Curve::p256);  // of the same name, with another key
  CHECK_THAT(fault_of(certified(wanted, &other_ci)), Contains(fault + "another certificate issued it"));
  CHECK_THAT(fault_of(certified(wanted, &pn)), Contains(fault + "another certificate issued it"));  // the CI certified that, and not this
  CHECK_THAT(fault_of(certified(wanted, nullptr)), Contains(fault + "another certificate issued it"));
  CHECK_THAT(fault_of(test::with_broken_signature(certified(wanted, &ci))), Contains(fault + "the issuer's signature does not verify"));
  CHECK_THAT(fault_of(certified(wanted, &ci), test::after_years(-2)), Contains(fault + "the certificate is not valid yet"));
  CHECK_THAT(fault_of(certified(wanted, &ci), test::after_years(11)), Contains(fault + "the certificate has expired"));
  wanted.key_usages = {crypto::KeyUsage::digital_signature};
  CHECK_THAT(fault_of(certified(wanted, &ci)), Contains(fault + "the key usage does not allow this use"));
}
