#include "lib/profile/offer_authorization.hpp"

#include <catch2/catch.hpp>

#include "tests/support/hex.hpp"

using profile::OfferAuthorization;

namespace {

/// SEQUENCE { OCTET STRING, OCTET STRING, UTF8String, GeneralizedTime }, written by hand (X.690).
std::string hex_of(const std::string& time = "180f32303236313132343030303432375a") {
  return std::string("304b" "0408" "09710700000000f1" "0420") + std::string(64, 'a') + "0c0c" + "4578616d706c65204d4e4f20" + time;
}

OfferAuthorization usual() {
  OfferAuthorization out{profile::DiscoveryImsi::from_digits("901770000000001").value(), {}, "Example MNO ",
                         base::from_unix_ms(1795478667000)};  // 2026-11-24T00:04:27Z
  out.ephemeral_key_hash.fill(0xaa);
  return out;
}

}  // namespace

TEST_CASE("An offer's authorization is DER as the profile writes it, and reads back", "[profile][offer-authorization]") {
  CHECK(base::to_hex(usual().encode()) == hex_of());
  const auto read = OfferAuthorization::parse(test::bytes(hex_of()));
  CHECK(read.discovery_imsi.digits() == "901770000000001");
  CHECK(read.ephemeral_key_hash == usual().ephemeral_key_hash);
  CHECK(read.operator_id == "Example MNO ");
  CHECK(base::to_rfc3339(read.not_after) == "2026-11-24T00:04:27.000Z");
}

TEST_CASE("Fractions of a second are cut, and a year has four digits", "[profile][offer-authorization]") {
  OfferAuthorization word = usual();
  word.not_after += std::chrono::milliseconds(999);
  CHECK(base::to_hex(word.encode()) == hex_of());
  word.not_after = base::from_unix_ms(253402300800000);  // the year 10000
  CHECK_THROWS_AS(word.encode(), profile::OfferAuthorizationError);
}

TEST_CASE("An operator id has 1 to 256 octets", "[profile][offer-authorization]") {
  OfferAuthorization word = usual();
  for (const std::size_t size : {1U, 256U}) {
    word.operator_id.assign(size, 'x');
    CHECK(OfferAuthorization::parse(word.encode()).operator_id == word.operator_id);
  }
  for (const std::size_t size : {0U, 257U}) {
    word.operator_id.assign(size, 'x');
    CHECK_THROWS_AS(word.encode(), profile::OfferAuthorizationError);
  }
}

TEST_CASE("Anything but the four members, strictly, is refused", "[profile][offer-authorization]") {
  const auto is_taken = [](const std::string& hex) {
    try {
      (void)OfferAuthorization::parse(test::bytes(hex));
      return true;
    } catch (const profile::OfferAuthorizationError&) {
      return false;
    }
  };
  const std::string good = hex_of();
  REQUIRE(is_taken(good));
  CHECK_FALSE(is_taken(good + "00"));                                            // octets behind it
  CHECK_FALSE(is_taken(good.substr(0, good.size() - 2)));                        // one too few
  CHECK_FALSE(is_taken("3181" + good.substr(2)));                                // a length that is not minimal, and no SEQUENCE
  CHECK_FALSE(is_taken("31" + good.substr(2)));                                  // no SEQUENCE
  CHECK_FALSE(is_taken(hex_of("170d3236313132343030303432375a")));               // UTCTime
  CHECK_FALSE(is_taken(hex_of("180f32303236313332343030303432375a")));           // the 13th month
  CHECK_FALSE(is_taken(hex_of("180f32303236313132343234303432375a")));           // the 24th hour
  CHECK_FALSE(is_taken(hex_of("180f3230323631313234303030343237" "2b")));        // no Z
  std::string letters = good;
  letters.replace(8, 2, "0b");  // a digit of the dIMSI that is none
  CHECK_FALSE(is_taken(letters));
}
