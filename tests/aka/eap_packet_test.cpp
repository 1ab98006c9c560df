#include "lib/aka/eap_packet.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "tests/support/hex.hpp"

using aka::AkaPrimeMessage;
using aka::AkaSubtype;
using aka::EapCode;
using aka::EapError;
using aka::parse_aka_prime;
using aka::parse_eap_header;
using test::bytes;

namespace {

/// A response of EAP-AKA' with identifier 2 and the attributes that `hex` writes.
base::Bytes response(const std::string& hex, const std::string& subtype = "01") {
  base::Bytes packet = bytes("0202000032" + subtype + "0000" + hex);
  packet[2] = static_cast<std::uint8_t>(packet.size() >> 8);
  packet[3] = static_cast<std::uint8_t>(packet.size() & 0xFF);
  return packet;
}

std::string fault_of(const base::Bytes& packet) {
  try {
    static_cast<void>(parse_aka_prime(packet));
  } catch (const EapError& error) {
    return error.what();
  }
  return "";
}

const std::string kRand =
    "01050000"
    "000102030405060708090a0b0c0d0e0f";
const std::string kAutn =
    "02050000"
    "101112131415161718191a1b1c1d1e1f";
const std::string kRes =
    "03030040"
    "28d7b0f2a2ec3de5";
const std::string kAuts =
    "0404"
    "00112233445566778899aabbccdd";
const std::string kMac =
    "0b050000"
    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

}  // namespace

TEST_CASE("EAP-Success and EAP-Failure are 4 octets, and nothing more", "[aka][eap]") {
  CHECK(aka::eap_success(7) == bytes("03070004"));
  CHECK(aka::eap_failure(0xCE) == bytes("04ce0004"));
  const auto header = parse_eap_header(bytes("03070004"));
  CHECK(header.code == EapCode::success);
  CHECK(header.identifier == 7);
  CHECK(parse_eap_header(bytes("04ce0004")).code == EapCode::failure);
  CHECK_THROWS_AS(parse_eap_header(bytes("0307000500")), EapError);
  CHECK_THROWS_AS(parse_eap_header(bytes("0407000532")), EapError);
}

TEST_CASE("A header alone is no request, and a header with a type is one of no method's", "[aka][eap]") {
  CHECK_THROWS_AS(parse_eap_header(bytes("01070004")), EapError);
  CHECK_THROWS_AS(parse_eap_header(bytes("02070004")), EapError);
  CHECK(parse_eap_header(bytes("0207000532")).type == aka::kEapAkaPrime);
  CHECK(parse_eap_header(bytes("0107000501")).type == aka::kEapIdentity);
  CHECK(fault_of(bytes("0207000532")) == "a packet of EAP-AKA' has at least 8 octets");
  CHECK(fault_of(bytes("020700073201"
                       "00")) == "a packet of EAP-AKA' has at least 8 octets");
  CHECK(fault_of(bytes("0207000832010000")).empty());
}

TEST_CASE("A header with a fault is refused", "[aka][eap]") {
  const std::string hex = GENERATE(values<std::string>({
      "", "02", "0202", "020200",  // cut short
      "0202000832010000"
      "00",  // an octet too many
      "02020007320100"
      "00",                // Length one short
      "0202000932010000",  // Length one too many
      "0202ffff32010000", "0202000032010000", "0002000832010000", "0502000832010000", "ff02000832010000",  // Code
  }));
  INFO(hex);
  CHECK_THROWS_AS(parse_eap_header(bytes(hex)), EapError);
  CHECK_THROWS_AS(parse_aka_prime(bytes(hex)), EapError);
}

TEST_CASE("A packet is at most 1500 octets", "[aka][eap]") {
  const auto padded_to = [](std::size_t size) {
    base::Bytes packet = response("");
    while (packet.size() < size) {
      const std::size_t words = std::min<std::size_t>((size - packet.size()) / 4, 255);
      packet.push_back(200);  // an attribute to be skipped
      packet.push_back(static_cast<std::uint8_t>(words));
      packet.resize(packet.size() + words * 4 - 2);
    }
    packet[2] = static_cast<std::uint8_t>(size >> 8);
    packet[3] = static_cast<std::uint8_t>(size & 0xFF);
    return packet;
  };
  CHECK(fault_of(padded_to(1500)).empty());
  CHECK(fault_of(padded_to(1504)) == "the EAP packet has more than 1500 octets");

  AkaPrimeMessage message;
  message.network_name = std::string(1000, 'x');
  CHECK(aka::encode(message).size() == 1012);
  message.key_derivations.assign(122, 1);
  CHECK(aka::encode(message).size() == 1500);
  message.key_derivations.push_back(1);
  CHECK_THROWS_AS(aka::encode(message), EapError);
  message.key_derivations.clear();
  message.network_name = std::string(1017, 'x');  // 254 words and an octet
  CHECK_THROWS_AS(aka::encode(message), EapError);
  message.network_name = std::string(1016, 'x');
  CHECK_NOTHROW(aka::encode(message));
}

TEST_CASE("Every attribute is read", "[aka][eap]") {
  const auto message = parse_aka_prime(response(kRand + kAutn + kRes + kAuts +
                                                "0c018000"
                                                "16010000"
                                                "17020004574c414e"
                                                "18010002"
                                                "18010001"
                                                "87010000"
                                                "0e030005"
                                                "3634303131000000"
                                                "0d010000" +
                                                kMac));
  CHECK(message.code == EapCode::response);
  CHECK(message.identifier == 2);
  CHECK(message.subtype == AkaSubtype::challenge);
  CHECK(message.rand == test::octets<16>("000102030405060708090a0b0c0d0e0f"));
  CHECK(message.autn == test::octets<16>("101112131415161718191a1b1c1d1e1f"));
  REQUIRE(message.res);
  CHECK(test::hex_of(*message.res) == "28d7b0f2a2ec3de5");
  CHECK(message.auts == test::octets<14>("00112233445566778899aabbccdd"));
  CHECK(message.notification == aka::kNotifiedSuccess);
  CHECK(message.client_error == aka::kUnableToProcess);
  CHECK(message.network_name == "WLAN");
  CHECK(message.key_derivations == std::vector<std::uint16_t>{2, 1});
  CHECK(message.has_result_indication);
  CHECK(message.identity == "64011");
  CHECK(message.is_identity_requested);
  REQUIRE(message.mac_offset);
  CHECK(*message.mac_offset == response("").size() + 20 + 20 + 12 + 16 + 4 + 4 + 8 + 4 + 4 + 4 + 12 + 4 + 4);
}

TEST_CASE("What is written is what is read", "[aka][eap]") {
  AkaPrimeMessage message;
  message.code = EapCode::request;
  message.identifier = 0x7F;
  message.rand = test::octets<16>("000102030405060708090a0b0c0d0e0f");
  message.auts = test::octets<14>("00112233445566778899aabbccdd");
  message.res.emplace(bytes("0102030405"));
  message.network_name = "5G:mnc001.mcc001.3gppnetwork.org";
  message.key_derivations = {1, 7};
  const base::Bytes packet = aka::encode_with_empty_mac(message);
  CHECK(packet.size() % 4 == 0);
  const auto read = parse_aka_prime(packet);
  CHECK(read.mac_offset == packet.size() - aka::kEapMacSize);
  CHECK(aka::encode_with_empty_mac(read) == packet);
  CHECK(test::hex_of(*read.res) == "0102030405");
}

TEST_CASE("An attribute with a fault is refused, in a sentence", "[aka][eap]") {
  struct Row {
    std::string attributes;
    std::string fault;
  };
  const auto row = GENERATE(values<Row>({
      {kRes + "0b", "an attribute is cut short"},
      {kRes + "0b05", "an attribute is cut short"},
      {kRes + "0b0500", "an attribute is cut short"},
      {"0b000000", "an attribute has length 0"},
      {"c8000000", "an attribute has length 0"},
      {"01050000"
       "0001020304050607"
       "08090a0b",
       "an attribute reaches beyond the end of the packet"},
      {"c8020000", "an attribute reaches beyond the end of the packet"},
      {"c8ff0000", "an attribute reaches beyond the end of the packet"},
      {"01040000"
       "000102030405060708090a0b",
       "an attribute has not the length of its kind"},
      {"02060000"
       "101112131415161718191a1b1c1d1e1f"
       "00000000",
       "an attribute has not the length of its kind"},
      {"0403"
       "00112233445566778899",
       "an attribute has not the length of its kind"},
      {"0b040000"
       "f0f1f2f3f4f5f6f7f8f9fafb",
       "an attribute has not the length of its kind"},
      {"18020001"
       "00000000",
       "an attribute has not the length of its kind"},
      {"0c028000"
       "00000000",
       "an attribute has not the length of its kind"},
      {"87020000"
       "00000000",
       "an attribute has not the length of its kind"},
      {"0a020000"
       "00000000",
       "an attribute has not the length of its kind"},
      {"17020005"
       "574c414e",
       "an attribute has not the length of its kind"},
      {"17030004"
       "574c414e"
       "00000000",
       "an attribute has not the length of its kind"},
      {"1702ffff"
       "574c414e",
       "an attribute has not the length of its kind"},
      {"17020003"
       "574c414e",
       "the padding of an attribute is not 0"},
      {"03020038"
       "28d7b0f2",
       "an attribute has not the length of its kind"},
      {"03030030"
       "28d7b0f2a2ec0001",
       "the padding of an attribute is not 0"},
      {"0303003f"
       "28d7b0f2a2ec3de5",
       "RES is not 4 to 16 octets"},
      {"03020018"
       "28d7b000",
       "RES is not 4 to 16 octets"},
      {"03060088"
       "28d7b0f2a2ec3de528d7b0f2a2ec3de528000000",
       "RES is not 4 to 16 octets"},
      {"03010000", "RES is not 4 to 16 octets"},
      {kRes + kRes, "an attribute is there twice"},
      {kMac + kRes + kMac, "an attribute is there twice"},
      {"87010000"
       "87010000",
       "an attribute is there twice"},
      {"17020004574c414e"
       "17020004574c414e",
       "an attribute is there twice"},
      {"00010000", "an attribute is unknown and must not be skipped"},
      {"7f010000", "an attribute is unknown and must not be skipped"},
      {"06010000", "an attribute is unknown and must not be skipped"},
  }));
  INFO(row.attributes);
  CHECK(fault_of(response(row.attributes)) == row.fault);
}

TEST_CASE("Attributes that may be skipped are, and reserved octets are not looked at", "[aka][eap]") {
  CHECK(fault_of(response("80010000"
                          "ff010000"
                          "c8021234aabbccdd"
                          "c8010000"))
            .empty());
  CHECK(fault_of(response("88018000"
                          "86010000"))
            .empty());  // AT_BIDDING, AT_CHECKCODE
  base::Bytes packet = response(
      "0105ffff"
      "000102030405060708090a0b0c0d0e0f");
  packet[6] = packet[7] = 0xFF;
  CHECK(fault_of(packet).empty());
}

TEST_CASE("RES has 4 to 16 octets", "[aka][eap]") {
  CHECK(parse_aka_prime(response("03020020"
                                 "28d7b0f2"))
            .res->size() == 4);
  CHECK(parse_aka_prime(response("03030028"
                                 "28d7b0f2a2000000"))
            .res->size() == 5);
  CHECK(parse_aka_prime(response("03050080"
                                 "28d7b0f2a2ec3de528d7b0f2a2ec3de5"))
            .res->size() == 16);
}

TEST_CASE("Only the subtypes of EAP-AKA' are read, and only of its type", "[aka][eap]") {
  for (unsigned octet = 0; octet <= 255; ++octet) {
    INFO(octet);
    const std::set<unsigned> known{1, 2, 4, 5, 12, 13, 14};
    base::Bytes packet = response("");
    packet[5] = static_cast<std::uint8_t>(octet);
    CHECK(fault_of(packet).empty() == known.contains(octet));
    packet = response("");
    packet[4] = static_cast<std::uint8_t>(octet);
    CHECK(fault_of(packet).empty() == (octet == aka::kEapAkaPrime));
  }
}

TEST_CASE("Random octets are refused or read, and what is read can be written", "[aka][eap]") {
  std::mt19937 random(5448);
  std::size_t read = 0;
  for (int i = 0; i < 40000; ++i) {
    base::Bytes attributes(random() % 48);
    for (auto& octet : attributes) octet = static_cast<std::uint8_t>(random());
    // Lengths that often fit, so that more than the first check is reached.
    for (std::size_t at = 1; at < attributes.size(); at += 4) {
      if (random() % 2 == 0) attributes[at] = static_cast<std::uint8_t>(1 + random() % 2);
    }
    const base::Bytes packet = response(base::to_hex(attributes));
    try {
      const auto message = parse_aka_prime(packet);
      CHECK_NOTHROW(aka::encode(message));
      ++read;
    } catch (const EapError&) {
    }
  }
  CHECK(read > 100);
}
