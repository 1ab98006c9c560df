#include "lib/base/bytes.hpp"

#include <catch2/catch.hpp>

using base::Bytes;

TEST_CASE("hex is written in lower case and read in either", "[base][bytes]") {
  CHECK(base::to_hex(Bytes{0x00, 0x0F, 0xA5, 0xFF}) == "000fa5ff");
  CHECK(base::to_hex(Bytes()).empty());
  CHECK(base::from_hex("000fa5ff") == Bytes{0x00, 0x0F, 0xA5, 0xFF});
  CHECK(base::from_hex("000Fa5FF") == Bytes{0x00, 0x0F, 0xA5, 0xFF});
  CHECK(base::from_hex("") == Bytes());
}

TEST_CASE("what is not hex is refused", "[base][bytes]") {
  const std::string_view text = GENERATE("0", "000", "0g", "g0", "0x", " 00", "00 ", "0:", "0/", "0@", "0G", "0`");
  CAPTURE(text);
  CHECK_FALSE(base::from_hex(text));
}

TEST_CASE("hex of a fixed size is taken with exactly that many octets", "[base][bytes]") {
  CHECK(base::from_hex_exactly<2>("a1b2") == std::array<std::uint8_t, 2>{0xA1, 0xB2});
  CHECK_FALSE(base::from_hex_exactly<2>("a1"));
  CHECK_FALSE(base::from_hex_exactly<2>("a1b2c3"));
  CHECK_FALSE(base::from_hex_exactly<2>("a1b"));
  CHECK_FALSE(base::from_hex_exactly<2>("a1bg"));
}

TEST_CASE("base64 gives the known answers of RFC 4648, both ways", "[base][bytes]") {
  // RFC 4648, section 10.
  const auto [plain, encoded] = GENERATE(table<std::string, std::string>({{"", ""},
                                                                          {"f", "Zg=="},
                                                                          {"fo", "Zm8="},
                                                                          {"foo", "Zm9v"},
                                                                          {"foob", "Zm9vYg=="},
                                                                          {"fooba", "Zm9vYmE="},
                                                                          {"foobar", "Zm9vYmFy"}}));
  CHECK(base::to_base64(base::as_bytes(plain)) == encoded);
  CHECK(base::from_base64(encoded) == Bytes(plain.begin(), plain.end()));
}

TEST_CASE("base64 carries every octet at every position", "[base][bytes]") {
  Bytes octets;
  for (unsigned i = 0; i < 768; ++i) octets.push_back(static_cast<std::uint8_t>(i * 7 + i / 256));
  for (std::size_t size : {766U, 767U, 768U}) {
    octets.resize(size);
    CHECK(base::from_base64(base::to_base64(octets)) == octets);
  }
  CHECK(base::to_base64(Bytes{0xFB, 0xFF, 0xBF}) == "+/+/");
}

TEST_CASE("base64 that is not strict is refused", "[base][bytes]") {
  SECTION("without its padding") {
    CHECK_FALSE(base::from_base64("Zg"));
    CHECK_FALSE(base::from_base64("Zg="));
    CHECK_FALSE(base::from_base64("Zm8"));
    CHECK_FALSE(base::from_base64("Z"));
  }
  SECTION("with too much padding, or padding that is not at the end") {
    CHECK_FALSE(base::from_base64("===="));
    CHECK_FALSE(base::from_base64("Z==="));
    CHECK_FALSE(base::from_base64("Zg==Zg=="));
    CHECK_FALSE(base::from_base64("Z=g="));
    CHECK_FALSE(base::from_base64("Zm9v===="));
  }
  SECTION("with white space") {
    CHECK_FALSE(base::from_base64("Zm9v\n"));
    CHECK_FALSE(base::from_base64(" Zm9"));
    CHECK_FALSE(base::from_base64("Zm9vYm\nF"));
    CHECK_FALSE(base::from_base64("Zm9v\r\n\r\n"));
  }
  SECTION("with spare bits that are not zero") {
    CHECK_FALSE(base::from_base64("Zh=="));  // Zg== with the lowest spare bit
    CHECK_FALSE(base::from_base64("Zo=="));  // and with the highest
    CHECK_FALSE(base::from_base64("Zm9="));
    CHECK_FALSE(base::from_base64("Zm+="));
  }
  SECTION("with digits of the URL alphabet, or of none") {
    CHECK_FALSE(base::from_base64("-_-_"));
    CHECK_FALSE(base::from_base64("Zm9\x80"));
    CHECK_FALSE(base::from_base64(std::string_view("Zm9\0", 4)));
  }
}

TEST_CASE("octet strings are concatenated in order", "[base][bytes]") {
  const std::array<std::uint8_t, 2> head{1, 2};
  CHECK(base::concatenate(head, Bytes(), Bytes{3}) == Bytes{1, 2, 3});
}
