#include "lib/profile/attach_token.hpp"

#include <catch2/catch.hpp>

#include "lib/profile/der.hpp"
#include "tests/profile/first_attach_case.hpp"

using base::Bytes;
using profile::AttachToken;
using profile::TokenError;
using profile::der::Tag;

namespace {

// Case P-256 of vectors/first-attach-v1.json.
constexpr const char* kSePoint =
    "045d346223f9fd46f446e45c8772f10a296eca6461148523d67b21d7709b94de7f"
    "76027b2cd5126e2edacfdfc0ccd26747f2fb363287e5a0f8824bda86c06ae4e8";
constexpr const char* kEphemeralPoint =
    "04215b2281f8dfcd12ec1f058b74f8c34b198efa1ec736afebff8f23de82a8fdeb"
    "9aefde2fabf9f480ed150eba132e2a433a56bad7561118c85af0e08b68e2c24c";
constexpr const char* kToken =
    "3081ac3067020101800809710000000000f181143c3d23bebf81aa42b839349b897cb189f6ea7a905f494104215b2281f8dfcd12ec1f058b74"
    "f8c34b198efa1ec736afebff8f23de82a8fdeb9aefde2fabf9f480ed150eba132e2a433a56bad7561118c85af0e08b68e2c24c5f3740a0ec1d"
    "75bd87e676849657c145c3bfb0c599351ea858b8b280ea9ddc89eee2d4d80e859a1cf80b16464a9facd973cfe20901a6c2cea8f7afcd1951a3"
    "da338496";

crypto::PublicKey secure_element() { return crypto::PublicKey::from_point(crypto::Curve::p256, test::bytes(kSePoint)); }

/// The parts of a token, to be written with one of them at fault.
struct Parts {
  Bytes version = profile::der::encode(Tag::integer, test::bytes("01"));
  Bytes dimsi = profile::der::encode(Tag::context_0, test::bytes("09710000000000f1"));
  Bytes key_id = profile::der::encode(Tag::context_1, test::bytes("3c3d23bebf81aa42b839349b897cb189f6ea7a90"));
  Bytes point = profile::der::encode(Tag::application_73, test::bytes(kEphemeralPoint));
  Bytes after_point;
  Bytes signature = profile::der::encode(Tag::application_55, Bytes(64, 0x11));
  Bytes after_signature;

  [[nodiscard]] Bytes token() const {
    const Bytes tbs =
        profile::der::encode(Tag::sequence, base::concatenate(version, dimsi, key_id, point, after_point));
    return profile::der::encode(Tag::sequence, base::concatenate(tbs, signature, after_signature));
  }
};

bool parses(const Bytes& der) {
  try {
    return AttachToken::parse(der).der == der;
  } catch (const TokenError&) {
    return false;
  }
}

bool parses_and_is_authentic(const Bytes& der, const crypto::PublicKey& signer) {
  return parses(der) && AttachToken::parse(der).is_signed_by(signer);
}

}  // namespace

TEST_CASE("The token of the known answers parses, verifies and is encoded again to the same octets",
          "[profile][step-0c][step-0e]") {
  for (const auto& known : test::first_attach_cases()) {
    INFO(known.hex("curve"));
    const AttachToken token = AttachToken::parse(test::bytes(known.hex("token")));
    CHECK(token.discovery_imsi == known.discovery_imsi);
    CHECK(token.arpf_key_id == known.arpf_key_id);
    CHECK(base::to_hex(token.ephemeral_point) == known.hex("ephemeralPublicPoint"));
    CHECK(base::to_hex(token.tbs_der) == known.hex("tokenTbs"));
    CHECK(base::to_hex(token.der) == known.hex("token"));
    CHECK(token.is_signed_by(known.public_key("sePublicPoint")));
    CHECK_FALSE(token.is_signed_by(known.public_key("arpfPublicPoint")));

    const Bytes tbs = profile::encode_tbs(token.discovery_imsi, token.arpf_key_id, token.ephemeral_point);
    CHECK(base::to_hex(tbs) == known.hex("tokenTbs"));
    CHECK(base::to_hex(profile::encode_token(tbs, token.signature)) == known.hex("token"));
  }
}

TEST_CASE("A token that an SE makes parses again and is that SE's", "[profile][step-0c]") {
  for (const auto& known : test::first_attach_cases()) {
    INFO(known.hex("curve"));
    const AttachToken made =
        AttachToken::make(known.discovery_imsi, known.arpf_key_id, known.public_key("ephemeralPublicPoint"),
                          known.private_key("sePrivateKey"));
    CHECK(base::to_hex(made.tbs_der) == known.hex("tokenTbs"));
    const AttachToken read = AttachToken::parse(made.der);
    CHECK(read.tbs_der == made.tbs_der);
    CHECK(read.signature == made.signature);
    CHECK(read.ephemeral_point == made.ephemeral_point);
    CHECK(read.is_signed_by(known.public_key("sePublicPoint")));
  }
}

TEST_CASE("The SE's curve and that of the ARPF's key need not be the same", "[profile][step-0c]") {
  const auto se_key = crypto::PrivateKey::generate(crypto::Curve::p256);
  const auto ephemeral = crypto::PrivateKey::generate(crypto::Curve::p384);
  const AttachToken made = AttachToken::make(profile::DiscoveryImsi::from_digits("901700000000001").value(), {},
                                             ephemeral.public_key(), se_key);
  const AttachToken read = AttachToken::parse(made.der);
  CHECK(read.ephemeral_point.size() == 97);
  CHECK(read.signature.size() == 64);
  CHECK(read.is_signed_by(se_key.public_key()));
  CHECK_FALSE(read.is_signed_by(crypto::PrivateKey::generate(crypto::Curve::p256).public_key()));
  CHECK_FALSE(read.is_signed_by(ephemeral.public_key()));
}

TEST_CASE("A token cut short anywhere, or with an octet after it, is refused", "[profile][step-0e]") {
  Bytes token = test::bytes(kToken);
  REQUIRE(parses_and_is_authentic(token, secure_element()));
  for (std::size_t size = 0; size < token.size(); ++size) {
    INFO(size);
    CHECK_THROWS_AS(AttachToken::parse(base::BytesView(token).first(size)), TokenError);
  }
  token.push_back(0x00);
  CHECK_THROWS_AS(AttachToken::parse(token), TokenError);
}

TEST_CASE("A token with any octet changed either does not parse or is not the SE's", "[profile][step-0e]") {
  const Bytes token = test::bytes(kToken);
  const auto signer = secure_element();
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const unsigned mask : {0x01U, 0x02U, 0x04U, 0x08U, 0x10U, 0x20U, 0x40U, 0x80U, 0xFFU}) {
      Bytes changed = token;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ mask);
      INFO("octet " << i << ", mask " << mask);
      CHECK_FALSE(parses_and_is_authentic(changed, signer));
    }
  }
}

TEST_CASE("A token with one part at fault is refused", "[profile][step-0e]") {
  Parts parts;
  REQUIRE(parses(parts.token()));
  const auto octet_string = [](Tag tag, std::size_t size) { return profile::der::encode(tag, Bytes(size, 0x04)); };

  SECTION("the version") {
    const char* version = GENERATE("020100", "020102", "02020001", "0200", "0201ff", "03020101", "");
    parts.version = test::bytes(version);
  }
  SECTION("the dIMSI's tag") { parts.dimsi[0] = GENERATE(std::uint8_t{0x81}, std::uint8_t{0xA0}, std::uint8_t{0x04}); }
  SECTION("the dIMSI's size") { parts.dimsi = octet_string(Tag::context_0, GENERATE(0U, 7U, 9U)); }
  SECTION("the dIMSI's digits") {
    const char* digits = GENERATE("80080971000000000011", "8008097100000000000a", "8008ffffffffffffffff",
                                  "80080971f000000000f1", "80080971f0ffffffffff");
    parts.dimsi = test::bytes(digits);
  }
  SECTION("the key id's size") { parts.key_id = octet_string(Tag::context_1, GENERATE(0U, 19U, 21U)); }
  SECTION("the key id's tag") { parts.key_id = octet_string(Tag::context_0, 20); }
  SECTION("the point's size") {
    parts.point = octet_string(Tag::application_73, GENERATE(0U, 1U, 33U, 64U, 66U, 96U, 98U));
  }
  SECTION("the point's tag") { parts.point = octet_string(Tag::application_55, 65); }
  SECTION("the point's form: compressed, hybrid or at infinity") {
    parts.point[3] = GENERATE(std::uint8_t{0x00}, std::uint8_t{0x02}, std::uint8_t{0x03}, std::uint8_t{0x06});
  }
  SECTION("something after the point") { parts.after_point = test::bytes("0500"); }
  SECTION("the signature's size") {
    parts.signature = octet_string(Tag::application_55, GENERATE(0U, 63U, 65U, 95U, 97U, 128U));
  }
  SECTION("the signature's tag") { parts.signature = octet_string(Tag::application_73, 64); }
  SECTION("a signature in DER, as X.509 has it") { parts.signature = octet_string(Tag::octet_string, 70); }
  SECTION("something after the signature") { parts.after_signature = test::bytes("0500"); }
  SECTION("a part missing") {
    const auto part = GENERATE(&Parts::version, &Parts::dimsi, &Parts::key_id, &Parts::point, &Parts::signature);
    (parts.*part).clear();
  }
  SECTION("two parts exchanged") { std::swap(parts.dimsi, parts.key_id); }
  CHECK_THROWS_AS(AttachToken::parse(parts.token()), TokenError);
}

TEST_CASE("A token whose lengths are not minimal is refused", "[profile][step-0e]") {
  const std::string token = kToken;
  const auto replaced = [&](std::string_view before, std::string_view after, const char* outer_length) {
    std::string changed = token;
    changed.replace(changed.find(before), before.size(), after);
    changed.replace(4, 2, outer_length);
    return test::bytes(changed);
  };
  CHECK(replaced("3067", "3067", "ac") == test::bytes(token));
  CHECK_FALSE(parses(replaced("3067", "308167", "ad")));
  CHECK_FALSE(parses(replaced("3067", "30820067", "ae")));
  CHECK_FALSE(parses(replaced("3067020101", "306802810101", "ad")));
  CHECK_FALSE(parses(replaced("5f3740", "5f378140", "ad")));
  CHECK_FALSE(parses(test::bytes("308200ac" + token.substr(6))));
  CHECK_FALSE(parses(test::bytes("3080" + token.substr(6) + "0000")));
}

TEST_CASE("A writer refuses a point or a signature of another form", "[profile][step-0c]") {
  const auto dimsi = profile::DiscoveryImsi::from_digits("901700000000001").value();
  Bytes point(65, 0x04);
  CHECK_NOTHROW(profile::encode_tbs(dimsi, {}, point));
  point[0] = 0x02;
  CHECK_THROWS_AS(profile::encode_tbs(dimsi, {}, point), TokenError);
  CHECK_THROWS_AS(profile::encode_tbs(dimsi, {}, Bytes(64, 0x04)), TokenError);
  CHECK_THROWS_AS(profile::encode_token({}, Bytes(63)), TokenError);
}
