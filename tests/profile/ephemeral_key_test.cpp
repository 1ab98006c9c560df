#include "lib/profile/ephemeral_key.hpp"

#include <catch2/catch.hpp>

#include "tests/profile/first_attach_case.hpp"

using profile::ArpfKeyId;
using profile::DiscoveryImsi;

TEST_CASE("The SE and the ARPF derive the same eK, that of the known answers", "[profile][step-0c][step-0e]") {
  for (const auto& known : test::first_attach_cases()) {
    INFO(known.hex("curve"));
    const auto at_se = crypto::agree(known.private_key("ephemeralPrivateKey"), known.public_key("arpfPublicPoint"));
    const auto at_arpf = crypto::agree(known.private_key("arpfPrivateKey"), known.public_key("ephemeralPublicPoint"));
    CHECK(test::hex_of(at_se) == known.hex("shs"));
    CHECK(at_arpf == at_se);
    CHECK(base::to_hex(profile::shared_info(known.discovery_imsi, known.arpf_key_id)) == known.hex("sharedInfo"));
    const auto ephemeral_key = profile::derive_ephemeral_key(at_arpf, known.discovery_imsi, known.arpf_key_id);
    CHECK(test::hex_of(ephemeral_key) == known.hex("ek"));
  }
}

// The numbers are case P-256 of vectors/first-attach-v1.json.
TEST_CASE("eK depends on the shared secret, the dIMSI and the ARPF's key", "[profile][step-0c]") {
  const base::SecretBytes secret(test::bytes("e9556570773cc856530f0b6bb32f4b007d94d9627e432cc12f19f80350ea7550"));
  const auto dimsi = DiscoveryImsi::from_digits("901700000000001").value();
  const ArpfKeyId key_id = test::octets<20>("3c3d23bebf81aa42b839349b897cb189f6ea7a90");
  const auto expected = test::key<profile::EphemeralKey>("c31e11220e8577636a608faf890f69dc");
  CHECK(profile::derive_ephemeral_key(secret, dimsi, key_id) == expected);

  SECTION("another dIMSI") {
    const auto other = DiscoveryImsi::from_digits("901700000000002").value();
    CHECK_FALSE(profile::derive_ephemeral_key(secret, other, key_id) == expected);
  }
  SECTION("another key of the ARPF") {
    ArpfKeyId other = key_id;
    other[19] ^= 1;
    CHECK_FALSE(profile::derive_ephemeral_key(secret, dimsi, other) == expected);
  }
  SECTION("another shared secret") {
    base::SecretBytes other(secret.reveal());
    other.writable()[0] ^= 1;
    CHECK_FALSE(profile::derive_ephemeral_key(other, dimsi, key_id) == expected);
  }
  SECTION("a shared secret of a wrong length is refused: the leading zeros of a field element count") {
    for (const std::size_t size : {0U, 31U, 33U, 47U, 49U}) {
      CHECK_THROWS_AS(profile::derive_ephemeral_key(base::SecretBytes(size), dimsi, key_id), std::invalid_argument);
    }
    CHECK_NOTHROW(profile::derive_ephemeral_key(base::SecretBytes(48), dimsi, key_id));
  }
}
