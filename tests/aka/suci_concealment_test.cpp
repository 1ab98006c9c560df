#include "lib/aka/suci_concealment.hpp"

#include <catch2/catch.hpp>
#include <ostream>

#include "lib/crypto/cipher.hpp"
#include "lib/crypto/kdf.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using aka::HomeNetworkKeys;
using aka::HomeNetworkPublicKey;
using aka::Suci;
using aka::SuciError;
using crypto::EciesPrivateKey;
using crypto::EciesProfile;
using profile::Imsi;
using profile::Plmn;
using test::bytes;

namespace {

// TS 33.501, C.4.3.1 and C.4.4.1: MSIN 001002086 under both profiles.
struct Example {
  EciesProfile profile;
  std::uint8_t scheme;
  std::uint8_t key_id;
  const char* private_key;
  const char* ephemeral_private_key;
  const char* output;
};
const Example kExamples[] = {
    {EciesProfile::a, aka::kProfileA, 1, "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d",
     "c80949f13ebe61af4ebdbd293ea4f942696b9e815d7e8f0096bbf6ed7de62256",
     "b2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457dcb02352410cddd9e730ef3fa87"},
    {EciesProfile::b, aka::kProfileB, 2, "f1ab1074477ebcc7f554ea1c5fc368b1616730155e0041ac447d6301975fecda",
     "99798858a1dc6a2c68637149a4b1dbfd1fdff5addd62a2142f06699ed7602529",
     "039aab8376597021e855679a9778ea0b67396e68c66df32c0f41e9acca2da9b9d146a33fc2716ac7dae96aa30a4d"},
};
const char* const kImsi = "20893001002086";

EciesPrivateKey home_key(const Example& example) {
  return EciesPrivateKey::from_octets(example.profile, bytes(example.private_key));
}

/// The keys of both examples, under 1 and 2, and another one of each profile, under 101 and 102.
const HomeNetworkKeys& keys() {
  static const HomeNetworkKeys made = [] {
    std::map<std::uint8_t, EciesPrivateKey> all;
    for (const Example& example : kExamples) {
      all.emplace(example.key_id, home_key(example));
      all.emplace(static_cast<std::uint8_t>(example.key_id + 100), EciesPrivateKey::generate(example.profile));
    }
    return HomeNetworkKeys(std::move(all));
  }();
  return made;
}

Suci suci_of(const Example& example) { return {{"208", "93"}, "0", example.scheme, example.key_id, example.output}; }

/// The kind of refusal; nothing if the SUCI opens.
std::optional<SuciError::Kind> refusal(const Suci& suci, const HomeNetworkKeys& with = keys()) {
  try {
    (void)with.deconceal(suci);
    return std::nullopt;
  } catch (const SuciError& error) {
    return error.kind();
  }
}

constexpr auto kUnsupported = SuciError::Kind::unsupported_scheme;
constexpr auto kUnknownKey = SuciError::Kind::unknown_key;
constexpr auto kInvalid = SuciError::Kind::invalid_output;

std::size_t key_digits(const Example& example) { return 2 * crypto::public_key_size(example.profile); }

/// The example's scheme output with the octets given in the place of the MSIN, rightly enciphered and with a right MAC.
std::string output_with(const Example& example, const base::Bytes& plaintext) {
  const auto ephemeral = EciesPrivateKey::from_octets(example.profile, bytes(example.ephemeral_private_key));
  const auto shared = crypto::agree(ephemeral, home_key(example).public_key()).value();
  const auto& point = ephemeral.public_key().octets();
  const aka::EciesKeys ecies = aka::derive_ecies_keys(shared, point);
  base::Bytes ciphertext(plaintext.size());
  crypto::aes128_ctr(ecies.encryption_key.reveal(), ecies.counter_block.reveal(), plaintext, ciphertext);
  std::array<std::uint8_t, 32> mac;
  crypto::hmac_sha256(ecies.mac_key.reveal(), ciphertext, mac);
  return base::to_hex(base::concatenate(point, ciphertext, std::span(mac).first(8)));
}

std::optional<std::string> imsi_with(const Example& example, const std::string& msin_hex, const Plmn& home = {"208", "93"}) {
  Suci suci = suci_of(example);
  suci.home_network = home;
  suci.output = output_with(example, bytes(msin_hex));
  try {
    return keys().deconceal(suci).digits();
  } catch (const SuciError& error) {
    CHECK(error.kind() == kInvalid);
    CHECK(std::string(error.what()) == "The SUCI does not hold the digits of an MSIN.");
    return std::nullopt;
  }
}

}  // namespace

TEST_CASE("SUCIs of both profiles open to the IMSI of the standard's examples", "[aka][suci]") {
  for (const Example& example : kExamples) {
    CHECK(keys().deconceal(suci_of(example)).digits() == kImsi);
    Suci upper = suci_of(example);
    for (char& c : upper.output) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(keys().deconceal(upper).digits() == kImsi);
    Suci elsewhere = suci_of(example);
    elsewhere.home_network = {"310", "410"};
    elsewhere.routing_indicator = "1234";
    CHECK(keys().deconceal(elsewhere).digits() == "310410001002086");
  }
}

TEST_CASE("A SUCI in the null scheme opens whatever keys there are", "[aka][suci]") {
  const HomeNetworkKeys none;
  CHECK(none.size() == 0);
  CHECK(keys().size() == 4);
  for (const HomeNetworkKeys* with : {&none, &keys()}) {
    CHECK(with->deconceal(aka::parse_suci("suci-0-001-01-0-0-0-0000000001")).digits() == "001010000000001");
    CHECK_THROWS_AS(with->deconceal(aka::parse_suci("suci-0-310-410-0-0-0-1234567890")), aka::IdentityError);
  }
}

TEST_CASE("A UE writes the SUCI of the standard's examples", "[aka][suci]") {
  const Imsi imsi = Imsi::from_digits(kImsi).value();
  for (const Example& example : kExamples) {
    const HomeNetworkPublicKey to{example.key_id, home_key(example).public_key()};
    const auto ephemeral = EciesPrivateKey::from_octets(example.profile, bytes(example.ephemeral_private_key));
    const std::string digit = std::to_string(example.key_id);  // the scheme's as well
    CHECK(aka::conceal(imsi, {"208", "93"}, "0", to, ephemeral) ==
          "suci-0-208-93-0-" + digit + "-" + digit + "-" + example.output);
    CHECK(aka::conceal(imsi, {"208", "93"}, "1234", to, ephemeral).starts_with("suci-0-208-93-1234-"));
    CHECK_THROWS_AS(aka::conceal(imsi, {"208", "94"}, "0", to, ephemeral), std::invalid_argument);
    for (const char* indicator : {"", "12345", "x"}) {
      CHECK_THROWS_AS(aka::conceal(imsi, {"208", "93"}, indicator, to, ephemeral), std::invalid_argument);
    }
    CHECK_THROWS_AS(aka::conceal(imsi, {"208", "93"}, "0", {0, to.key}, ephemeral), std::invalid_argument);
    const auto other = EciesPrivateKey::generate(example.profile == EciesProfile::a ? EciesProfile::b : EciesProfile::a);
    CHECK_THROWS_AS(aka::conceal(imsi, {"208", "93"}, "0", to, other), crypto::CryptoError);
  }
  const HomeNetworkPublicKey to{1, home_key(kExamples[0]).public_key()};
  const auto ephemeral = EciesPrivateKey::generate(EciesProfile::a);
  CHECK_THROWS_AS(aka::conceal(Imsi::from_digits("310410").value(), {"310", "410"}, "0", to, ephemeral),
                  std::invalid_argument);  // no MSIN
}

TEST_CASE("What a UE conceals, the home network opens, for MSINs of any length", "[aka][suci]") {
  for (const Example& example : kExamples) {
    const HomeNetworkPublicKey to{example.key_id, home_key(example).public_key()};
    for (const char* digits : {"208931", "2089310", "20893123", "208930000000001", "208939999999999", "20893000000000"}) {
      CAPTURE(digits);
      const Imsi imsi = Imsi::from_digits(digits).value();
      const auto conceal = [&](const Plmn& home) {
        return aka::conceal(imsi, home, "0", to, EciesPrivateKey::generate(example.profile));
      };
      const std::string first = conceal({"208", "93"});
      CHECK(keys().deconceal(aka::parse_suci(first)) == imsi);
      CHECK(conceal({"208", "93"}) != first);  // an ephemeral key each time
      if (imsi.size() > 6) CHECK(keys().deconceal(aka::parse_suci(conceal({"208", imsi.digits().substr(3, 3)}))) == imsi);
    }
  }
}

TEST_CASE("Any bit of a scheme output that is changed is found", "[aka][suci]") {
  for (const Example& example : kExamples) {
    const base::Bytes sound = bytes(example.output);
    for (std::size_t i = 0; i < sound.size(); ++i) {
      for (const int bit : {0, 7}) {
        CAPTURE(example.output, i, bit);
        base::Bytes changed = sound;
        changed[i] = static_cast<std::uint8_t>(changed[i] ^ (1U << bit));
        Suci suci = suci_of(example);
        suci.output = base::to_hex(changed);
        CHECK(refusal(suci) == kInvalid);
      }
    }
  }
}

TEST_CASE("A scheme output that is cut or lengthened is found, wherever", "[aka][suci]") {
  for (const Example& example : kExamples) {
    const std::string sound = example.output;
    const auto refused = [&](const std::string& output) {
      CAPTURE(output);
      Suci suci = suci_of(example);
      suci.output = output;
      return refusal(suci);
    };
    for (std::size_t size = 0; size < sound.size(); size += 2) CHECK(refused(sound.substr(0, size)) == kInvalid);
    const std::size_t key = key_digits(example);
    CHECK(refused(sound + "00") == kInvalid);
    CHECK(refused("00" + sound) == kInvalid);
    CHECK(refused(sound.substr(0, key) + "00" + sound.substr(key)) == kInvalid);
    CHECK(refused(sound.substr(0, key) + sound.substr(key + 2)) == kInvalid);
    CHECK(refused(sound.substr(2)) == kInvalid);
    CHECK(refused(sound.substr(0, key) + sound.substr(sound.size() - 16)) == kInvalid);  // nothing inside
    CHECK(refused("") == kInvalid);
    CHECK(refused(sound.substr(1)) == kInvalid);  // parse_suci refuses these two before
    CHECK(refused("x" + sound.substr(1)) == kInvalid);
    CHECK_FALSE(refused(sound));
  }
}

TEST_CASE("A SUCI for another key is refused, by what is wrong with it", "[aka][suci]") {
  for (const Example& example : kExamples) {
    const auto with_key = [&](unsigned id) {
      Suci suci = suci_of(example);
      suci.home_network_key = static_cast<std::uint8_t>(id);
      return refusal(suci);
    };
    CHECK_FALSE(with_key(example.key_id));
    CHECK(with_key(0) == kUnknownKey);
    CHECK(with_key(3) == kUnknownKey);
    CHECK(with_key(255) == kUnknownKey);
    CHECK(with_key(example.key_id == 1 ? 2 : 1) == kUnknownKey);  // there, but of the other profile
    CHECK(with_key(example.key_id + 100U) == kInvalid);           // of the profile, but not the one
    CHECK(refusal(suci_of(example), HomeNetworkKeys()) == kUnknownKey);
  }
}

TEST_CASE("A scheme that is neither null, A nor B is unsupported, whatever else is wrong", "[aka][suci]") {
  for (const Example& example : kExamples) {
    for (unsigned scheme = 3; scheme <= 15; ++scheme) {
      Suci suci = suci_of(example);
      suci.scheme = static_cast<std::uint8_t>(scheme);
      CHECK(refusal(suci) == kUnsupported);
      suci.home_network_key = 77;
      suci.output = "00";
      CHECK(refusal(suci) == kUnsupported);
    }
    Suci swapped = suci_of(example);
    swapped.scheme = example.scheme == aka::kProfileA ? aka::kProfileB : aka::kProfileA;
    CHECK(refusal(swapped) == kUnknownKey);
  }
}

TEST_CASE("An ephemeral key that is no usable point is refused", "[aka][suci]") {
  const auto with_point = [](const Example& example, const std::string& point) {
    CAPTURE(point);
    Suci suci = suci_of(example);
    suci.output = point + std::string(example.output).substr(key_digits(example));
    return refusal(suci);
  };
  const Example& a = kExamples[0];
  CHECK_FALSE(with_point(a, std::string(a.output).substr(0, 64)));
  CHECK(with_point(a, std::string(64, '0')) == kInvalid);                  // the zero shared secret
  CHECK(with_point(a, "01" + std::string(62, '0')) == kInvalid);           // of order 1
  CHECK(with_point(a, "ec" + std::string(60, 'f') + "7f") == kInvalid);    // of order 2
  const Example& b = kExamples[1];
  CHECK(with_point(b, "02" + std::string(63, '0') + "1") == kInvalid);     // x of no point
  CHECK(with_point(b, "02" + std::string(64, 'f')) == kInvalid);           // x beyond the field
  CHECK(with_point(b, "00" + std::string(64, '0')) == kInvalid);           // the point at infinity
  const base::Bytes compressed = bytes(std::string(b.output).substr(0, key_digits(b)));
  const auto point = crypto::PublicKey::from_compressed_point(crypto::Curve::p256, compressed);
  REQUIRE(point);
  CHECK(with_point(b, base::to_hex(point->point())) == kInvalid);  // uncompressed: 65 octets
}

TEST_CASE("A low-order point is refused though the MAC is right under the zero secret", "[aka][suci]") {
  const Example& a = kExamples[0];
  const base::Bytes point(32);  // u = 0
  const aka::EciesKeys zero = aka::derive_ecies_keys(base::SecretBytes(32), point);
  base::Bytes ciphertext(5);
  crypto::aes128_ctr(zero.encryption_key.reveal(), zero.counter_block.reveal(), bytes("00012080f6"), ciphertext);
  std::array<std::uint8_t, 32> mac;
  crypto::hmac_sha256(zero.mac_key.reveal(), ciphertext, mac);
  Suci suci = suci_of(a);
  suci.output = base::to_hex(base::concatenate(point, ciphertext, std::span(mac).first(8)));
  CHECK(refusal(suci) == kInvalid);
}

TEST_CASE("What is inside must be the digits of an MSIN", "[aka][suci]") {
  for (const Example& example : kExamples) {
    CHECK(imsi_with(example, "00012080f6") == kImsi);
    CHECK(imsi_with(example, "2143658709") == "208931234567890");
    CHECK(imsi_with(example, "f1") == "208931");
    CHECK(imsi_with(example, "21") == "2089312");
    CHECK(imsi_with(example, "21f3", {"208", "093"}) == "208093123");
    CHECK(imsi_with(example, "21436587f9", {"208", "093"}) == "208093123456789");
    for (const char* no_msin : {"f021436587", "214365871f", "21ff", "ff", "2f", "1f21", "f1f1", "a1", "1a", "2143e5", "c3",
                                "21436587f9ff", "214365870921", "214365870900", "21436587092143f5", "766572796c6f6e67"}) {
      CAPTURE(no_msin);
      CHECK_FALSE(imsi_with(example, no_msin));
    }
    CHECK_FALSE(imsi_with(example, "2143658709", {"208", "093"}));  // 16 digits
    // TS 33.501, C.4.3.2 and C.4.4.2 conceal a network specific identifier: no MSIN.
    CHECK_FALSE(imsi_with(example, "766572796c6f6e67757365726e616d6531"));
  }
}

TEST_CASE("The key id 0 is the null scheme's", "[aka][suci]") {
  std::map<std::uint8_t, EciesPrivateKey> all;
  all.emplace(std::uint8_t{0}, EciesPrivateKey::generate(EciesProfile::a));
  CHECK_THROWS_AS(HomeNetworkKeys(std::move(all)), std::invalid_argument);
}

TEST_CASE("Every intermediate value of the published examples comes out", "[aka][suci][vectors]") {
  FIRST_ATTACH_NEEDS_SHARED_VECTORS(folder);
  const auto& file = test::load_shared_json("suci/suci_ecies.json");
  REQUIRE(file["ecies"].size() >= 4);
  for (const auto& known : file["ecies"]) {
    CAPTURE(known["name"]);
    const auto text = [&known](const char* member) { return known[member].get<std::string>(); };
    const EciesProfile profile = text("profile") == "A" ? EciesProfile::a : EciesProfile::b;
    const auto home = EciesPrivateKey::from_octets(profile, bytes(text("hn_private_key")));
    const auto ephemeral = EciesPrivateKey::from_octets(profile, bytes(text("eph_private_key")));
    CHECK(base::to_hex(home.public_key().octets()) == text("hn_public_key"));
    CHECK(base::to_hex(ephemeral.public_key().octets()) == text("eph_public_key"));
    const auto shared = crypto::agree(home, ephemeral.public_key()).value();
    CHECK(base::to_hex(shared.reveal()) == text("shared_key"));
    const aka::EciesKeys ecies = aka::derive_ecies_keys(shared, ephemeral.public_key().octets());
    CHECK(test::hex_of(ecies.encryption_key) == text("enc_key"));
    CHECK(test::hex_of(ecies.counter_block) == text("icb"));
    CHECK(test::hex_of(ecies.mac_key) == text("mac_key"));
    const base::Bytes plaintext = bytes(text("plaintext"));
    base::Bytes ciphertext(plaintext.size());
    crypto::aes128_ctr(ecies.encryption_key.reveal(), ecies.counter_block.reveal(), plaintext, ciphertext);
    CHECK(base::to_hex(ciphertext) == text("ciphertext"));
    std::array<std::uint8_t, 32> mac;
    crypto::hmac_sha256(ecies.mac_key.reveal(), ciphertext, mac);
    CHECK(base::to_hex(std::span(mac).first(8)) == text("mac_tag"));
    CHECK(text("eph_public_key") + text("ciphertext") + text("mac_tag") == text("scheme_output"));
  }
  for (const auto& known : file["suci_strings"]) {
    const Suci suci = aka::parse_suci(known["suci"].get<std::string>());
    CHECK(aka::to_supi(keys().deconceal(suci)) == known["expected_supi"].get<std::string>());
  }
}
