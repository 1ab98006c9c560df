#include "lib/profile/discovery_vector.hpp"

#include <catch2/catch.hpp>

#include "lib/crypto/cipher.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/profile/first_attach_case.hpp"

using profile::DiscoveryImsi;
using profile::EphemeralKey;
using profile::Imsi;

namespace {

/// Case P-256 of vectors/first-attach-v1.json.
struct KnownVector {
  EphemeralKey ephemeral_key = test::key<EphemeralKey>("c31e11220e8577636a608faf890f69dc");
  DiscoveryImsi dimsi = DiscoveryImsi::from_digits("901700000000001").value();
  profile::Rand rand = test::octets<16>("bd1d892a87c60c8119c71b6ac77b40d0");
  profile::Autn autn = test::octets<16>("3e79fc6a20768000c59cdc83c0c45653");

  [[nodiscard]] bool opens() const {
    return profile::open_discovery_vector(ephemeral_key, dimsi, rand, autn).has_value();
  }
  /// Puts in a vector with a right AUTN over any block.
  void carry(std::string_view block_hex) {
    const crypto::Block block = test::octets<16>(block_hex);
    rand = crypto::aes128_encrypt(profile::derive_encryption_key(ephemeral_key, dimsi).reveal(), block);
    autn = crypto::aes_cmac(profile::derive_integrity_key(ephemeral_key, dimsi).reveal(), block);
  }
};

}  // namespace

TEST_CASE("The vector, its keys and its receipt are those of the known answers", "[profile][step-1][step-7]") {
  for (const auto& known : test::first_attach_cases()) {
    INFO(known.hex("curve"));
    const EphemeralKey ek = known.ephemeral_key();
    CHECK(test::hex_of(profile::derive_encryption_key(ek, known.discovery_imsi)) == known.hex("ekc"));
    CHECK(test::hex_of(profile::derive_integrity_key(ek, known.discovery_imsi)) == known.hex("eki"));

    const auto vector = profile::make_discovery_vector(ek, known.discovery_imsi, known.imsi, known.mnc_length);
    CHECK(base::to_hex(vector.rand) == known.hex("rand"));
    CHECK(base::to_hex(vector.autn) == known.hex("autn"));
    const auto receipt = profile::make_receipt(ek, known.discovery_imsi, known.imsi, known.mnc_length);
    CHECK(test::hex_of(receipt) == known.hex("receipt"));
    CHECK(base::to_hex(profile::receipt_hash(receipt)) == known.hex("receiptHash"));
    CHECK(base::to_hex(profile::receipt_hash(test::octets<14>(known.hex("receipt")))) == known.hex("receiptHash"));

    const auto opened = profile::open_discovery_vector(ek, known.discovery_imsi, vector.rand, vector.autn);
    REQUIRE(opened);
    CHECK(opened->imsi == known.imsi);
    CHECK(opened->mnc_length == known.mnc_length);
    CHECK(opened->receipt == receipt);

    const auto opened_2g = profile::open_discovery_vector_2g(ek, known.discovery_imsi, vector.rand);
    REQUIRE(opened_2g);
    CHECK(opened_2g->imsi == known.imsi);
    CHECK(opened_2g->receipt == receipt);
  }
}

TEST_CASE("The keys of the second attach are those of the known answers", "[profile][step-8]") {
  for (const auto& known : test::first_attach_cases()) {
    INFO(known.hex("curve"));
    const auto keys = profile::derive_subscriber_keys(known.ephemeral_key(), known.discovery_imsi, known.imsi);
    CHECK(test::hex_of(keys.k) == known.json.at("secondAttach").at("k").get<std::string>());
    CHECK(test::hex_of(keys.opc) == known.json.at("secondAttach").at("opc").get<std::string>());
  }
}

TEST_CASE("A vector with a bit flipped in its tag is refused, and its AMF is not looked at", "[profile][step-7]") {
  KnownVector vector;
  REQUIRE(vector.opens());
  for (std::size_t bit = 0; bit < 128; ++bit) {
    INFO("bit " << bit);
    const bool is_amf = bit / 8 == 6 || bit / 8 == 7;
    const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    vector.autn[bit / 8] ^= mask;
    CHECK(vector.opens() == is_amf);
    vector.autn[bit / 8] ^= mask;
  }
}

TEST_CASE("A vector with a bit flipped in RAND, of another eK or another dIMSI is refused", "[profile][step-7]") {
  KnownVector vector;
  for (std::size_t bit = 0; bit < 128; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    vector.rand[bit / 8] ^= mask;
    CHECK_FALSE(vector.opens());
    CHECK_FALSE(profile::open_discovery_vector_2g(vector.ephemeral_key, vector.dimsi, vector.rand));
    vector.rand[bit / 8] ^= mask;
  }
  REQUIRE(vector.opens());
  SECTION("another dIMSI") { vector.dimsi = DiscoveryImsi::from_digits("901700000000002").value(); }
  SECTION("another eK") { vector.ephemeral_key = test::key<EphemeralKey>("c31e11220e8577636a608faf890f69dd"); }
  CHECK_FALSE(vector.opens());
  CHECK_FALSE(profile::open_discovery_vector_2g(vector.ephemeral_key, vector.dimsi, vector.rand));
}

TEST_CASE("An authentic block without CTV, or without an IMSI, is refused", "[profile][step-7]") {
  KnownVector vector;
  SECTION("the block as it should be") {
    vector.carry("00010100000000f14354562d35474902");
    CHECK(vector.opens());
  }
  SECTION("CTV with a bit flipped") {
    for (std::size_t bit = 0; bit < 64; ++bit) {
      auto block = test::octets<16>("00010100000000f14354562d35474902");
      block[8 + bit / 8] ^= static_cast<std::uint8_t>(0x80 >> (bit % 8));
      vector.carry(base::to_hex(block));
      const bool is_other_mnc_length = block[15] == 3;
      CHECK(vector.opens() == is_other_mnc_length);
    }
  }
  SECTION("an IMSI that is none, or an MNC of 1 or 4 digits") {
    for (const char* block :
         {"00010100000000014354562d35474902", "ffffffffffffffff4354562d35474902", "0a010100000000f14354562d35474902",
          "2143f5ffffffffff4354562d35474902", "214365ff00ffffff4354562d35474902", "00010100000000f14354562d35474901",
          "00010100000000f14354562d35474904", "00010100000000f14354562d35474900"}) {
      INFO(block);
      vector.carry(block);
      CHECK_FALSE(vector.opens());
      CHECK_FALSE(profile::open_discovery_vector_2g(vector.ephemeral_key, vector.dimsi, vector.rand));
    }
  }
}

TEST_CASE("A vector is made for an MNC of 2 or 3 digits, and carries every length of IMSI", "[profile][step-1]") {
  const KnownVector known;
  const std::string digits = "310410123456789";
  for (std::size_t size = 6; size <= 15; ++size) {
    const Imsi imsi = Imsi::from_digits(digits.substr(0, size)).value();
    const auto vector = profile::make_discovery_vector(known.ephemeral_key, known.dimsi, imsi, 3);
    CHECK(vector.autn[6] == 0x80);
    CHECK(vector.autn[7] == 0x00);
    const auto opened = profile::open_discovery_vector(known.ephemeral_key, known.dimsi, vector.rand, vector.autn);
    REQUIRE(opened);
    CHECK(opened->imsi == imsi);
  }
  const Imsi imsi = Imsi::from_digits(digits).value();
  for (const std::uint8_t length : std::initializer_list<std::uint8_t>{0, 1, 4, 255}) {
    CHECK_THROWS_AS(profile::make_discovery_vector(known.ephemeral_key, known.dimsi, imsi, length),
                    std::invalid_argument);
    CHECK_THROWS_AS(profile::make_receipt(known.ephemeral_key, known.dimsi, imsi, length), std::invalid_argument);
  }
}

TEST_CASE("The receipts of two IMSIs, of two dIMSIs and of two eKs differ", "[profile][step-7]") {
  const KnownVector known;
  const Imsi imsi = Imsi::from_digits("001010000000001").value();
  const auto receipt = profile::make_receipt(known.ephemeral_key, known.dimsi, imsi, 2);
  CHECK(test::hex_of(receipt) == "6302b7eab3bb0ba111ead5ce7f92");
  const auto other_dimsi = DiscoveryImsi::from_digits("901700000000002").value();
  const auto other_key = test::key<EphemeralKey>("c31e11220e8577636a608faf890f69dd");
  const Imsi other_imsi = Imsi::from_digits("001010000000002").value();
  CHECK_FALSE(profile::make_receipt(known.ephemeral_key, known.dimsi, other_imsi, 2) == receipt);
  CHECK_FALSE(profile::make_receipt(known.ephemeral_key, known.dimsi, imsi, 3) == receipt);
  CHECK_FALSE(profile::make_receipt(known.ephemeral_key, other_dimsi, imsi, 2) == receipt);
  CHECK_FALSE(profile::make_receipt(other_key, known.dimsi, imsi, 2) == receipt);
}
