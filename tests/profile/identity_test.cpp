#include "lib/profile/identity.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/support/hex.hpp"

using profile::DiscoveryImsi;
using profile::Imsi;
using profile::Plmn;
using profile::TbcdImsi;

namespace {

std::optional<Imsi> from_tbcd(std::string_view hex) { return Imsi::from_tbcd(test::octets<8>(hex)); }

}  // namespace

TEST_CASE("An IMSI of every length goes to TBCD and back", "[profile]") {
  const std::string digits = "123456789012345";
  for (std::size_t size = 6; size <= 15; ++size) {
    const auto imsi = Imsi::from_digits(digits.substr(0, size));
    REQUIRE(imsi);
    CHECK(imsi->size() == size);
    CHECK(imsi->digits() == digits.substr(0, size));
    CHECK(Imsi::from_tbcd(imsi->tbcd()) == imsi);
    CHECK(Imsi::from_packed(imsi->packed()) == imsi);
    CHECK(Imsi::from_value(imsi->value(), size) == imsi);
  }
}

TEST_CASE("TBCD has the digits in exchanged nibbles and F to the end", "[profile]") {
  // PROTOCOL.md, section 2; the others from vectors/first-attach-v1.json.
  CHECK(base::to_hex(Imsi::from_digits("001010000000001")->tbcd()) == "00010100000000f1");
  CHECK(base::to_hex(Imsi::from_digits("90170000000002")->tbcd()) == "09710000000020ff");
  CHECK(base::to_hex(Imsi::from_digits("123456")->tbcd()) == "214365ffffffffff");
}

TEST_CASE("An IMSI is 6 to 15 decimal digits and nothing else", "[profile]") {
  CHECK_FALSE(Imsi::from_digits(""));
  CHECK_FALSE(Imsi::from_digits("12345"));
  CHECK_FALSE(Imsi::from_digits("1234567890123456"));
  CHECK_FALSE(Imsi::from_digits("12345a"));
  CHECK_FALSE(Imsi::from_digits(" 123456"));
  CHECK_FALSE(Imsi::from_digits("+123456"));
  CHECK_FALSE(Imsi::from_digits(std::string_view("123456\0", 7)));
  CHECK_FALSE(DiscoveryImsi::from_digits("12345"));
  CHECK(DiscoveryImsi::from_digits("123456"));
}

TEST_CASE("TBCD with a fault in one nibble is refused", "[profile]") {
  CHECK(from_tbcd("00010100000000f1"));
  CHECK_FALSE(from_tbcd("0001010000000001"));  // 16 digits
  CHECK_FALSE(from_tbcd("ffffffffffffffff"));  // none
  CHECK_FALSE(from_tbcd("2143f5ffffffffff"));  // 5
  CHECK_FALSE(from_tbcd("214365ff00ffffff"));  // a digit after F
  CHECK_FALSE(from_tbcd("2143f56fffffffff"));
  CHECK_FALSE(from_tbcd("0a010100000000f1"));  // A is no digit
  CHECK_FALSE(from_tbcd("00010100000000e1"));  // E is no filler
  CHECK_FALSE(Imsi::from_packed(0));
  CHECK_FALSE(DiscoveryImsi::from_packed(0x123456FFFFFFFFF0));
  CHECK(DiscoveryImsi::from_packed(0x123456FFFFFFFFFF)->digits() == "123456");
}

TEST_CASE("Packed IMSIs of one length are in the order of their digits", "[profile]") {
  CHECK(*Imsi::from_digits("001010000000001") < *Imsi::from_digits("001010000000002"));
  CHECK(*Imsi::from_digits("001010000000009") < *Imsi::from_digits("001010000000010"));
  CHECK(*Imsi::from_digits("099999999999999") < *Imsi::from_digits("100000000000000"));
  CHECK(Imsi::from_digits("001010000000001")->packed() == 0x001010000000001F);
}

TEST_CASE("An IMSI is made from its number and its length", "[profile]") {
  CHECK(Imsi::from_value(1010000000001, 15)->digits() == "001010000000001");
  CHECK(Imsi::from_value(0, 6)->digits() == "000000");
  CHECK(Imsi::from_value(999999, 6)->digits() == "999999");
  CHECK_FALSE(Imsi::from_value(1000000, 6));
  CHECK_FALSE(Imsi::from_value(1, 5));
  CHECK_FALSE(Imsi::from_value(1, 16));
  CHECK_FALSE(Imsi::from_value(1, 0));
  CHECK_FALSE(Imsi::from_value(1, std::numeric_limits<std::size_t>::max()));
  CHECK_FALSE(Imsi::from_value(std::numeric_limits<std::uint64_t>::max(), 15));
}

TEST_CASE("A PLMN has an MCC of 3 and an MNC of 2 or 3 digits, and is home to its IMSIs alone", "[profile]") {
  const auto two = Plmn::from("001", "01");
  const auto three = Plmn::from("310", "410");
  REQUIRE(two);
  REQUIRE(three);
  CHECK(two->is_home_of(*Imsi::from_digits("001010000000001")));
  CHECK_FALSE(two->is_home_of(*Imsi::from_digits("001020000000001")));
  CHECK(three->is_home_of(*Imsi::from_digits("310410123456789")));
  CHECK_FALSE(three->is_home_of(*Imsi::from_digits("310411123456789")));
  for (const auto& [mcc, mnc] :
       {std::pair{"01", "01"}, {"0010", "01"}, {"001", "1"}, {"001", "0001"}, {"00a", "01"}, {"001", "0x"}, {"", ""}}) {
    CHECK_FALSE(Plmn::from(mcc, mnc));
  }
}
