#include "lib/crypto/ecies_keys.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>
#include <type_traits>

#include "tests/support/hex.hpp"
#include "tests/support/printable.hpp"
#include "tests/support/temporary_folder.hpp"

using base::Bytes;
using crypto::CryptoError;
using crypto::Curve;
using crypto::EciesPrivateKey;
using crypto::EciesProfile;
using crypto::EciesPublicKey;
using crypto::PrivateKey;
using crypto::PublicKey;
using test::bytes;
using test::Printable;

namespace {

static_assert(!std::is_copy_constructible_v<EciesPrivateKey> && !std::is_copy_assignable_v<EciesPrivateKey>);
static_assert(std::is_nothrow_move_constructible_v<EciesPrivateKey> && !Printable<EciesPrivateKey>);
static_assert(std::is_copy_constructible_v<EciesPublicKey>);

// TS 33.501, C.4.3.1 and C.4.4.1: home network key, UE's ephemeral key, shared secret.
struct EciesAgreement {
  EciesProfile profile;
  const char* private_key;
  const char* public_key;
  const char* ephemeral_private_key;
  const char* ephemeral_public_key;
  const char* shared;
};
const EciesAgreement kEciesAgreements[] = {
    {EciesProfile::a, "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d",
     "5a8d38864820197c3394b92613b20b91633cbd897119273bf8e4a6f4eec0a650",
     "c80949f13ebe61af4ebdbd293ea4f942696b9e815d7e8f0096bbf6ed7de62256",
     "b2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457d",
     "028ddf890ec83cdf163947ce45f6ec1a0e3070ea5fe57e2b1f05139f3e82422a"},
    {EciesProfile::b, "f1ab1074477ebcc7f554ea1c5fc368b1616730155e0041ac447d6301975fecda",
     "0272da71976234ce833a6907425867b82e074d44ef907dfb4b3e21c1c2256ebcd1",
     "99798858a1dc6a2c68637149a4b1dbfd1fdff5addd62a2142f06699ed7602529",
     "039aab8376597021e855679a9778ea0b67396e68c66df32c0f41e9acca2da9b9d1",
     "6c7e6518980025b982fbb2ff746e3c2e85a196d252099a7ad23ea7b4c0959cae"},
};

/// Points of small order on Curve25519 and its twist (cr.yp.to/ecdh.html).
const char* const kLowOrder[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

EciesPublicKey public_key(EciesProfile profile, const std::string& hex) {
  return EciesPublicKey::from_octets(profile, bytes(hex)).value();
}

std::string shared(const EciesPrivateKey& own, const EciesPublicKey& peer) {
  const auto secret = crypto::agree(own, peer);
  return secret ? base::to_hex(secret->reveal()) : "";
}

EciesProfile other(EciesProfile profile) { return profile == EciesProfile::a ? EciesProfile::b : EciesProfile::a; }

base::BytesView octets(const base::SecretBytes& pem) { return pem.reveal(); }

std::string refusal(EciesProfile profile, base::BytesView pem) {
  try {
    (void)EciesPrivateKey::from_pem(profile, pem);
    return "";
  } catch (const CryptoError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("Both sides agree on the shared secret of the standard's examples", "[crypto][ecies]") {
  for (const EciesAgreement& known : kEciesAgreements) {
    CAPTURE(static_cast<int>(known.profile));
    const auto home = EciesPrivateKey::from_octets(known.profile, bytes(known.private_key));
    const auto ephemeral = EciesPrivateKey::from_octets(known.profile, bytes(known.ephemeral_private_key));
    CHECK(base::to_hex(home.public_key().octets()) == known.public_key);
    CHECK(base::to_hex(ephemeral.public_key().octets()) == known.ephemeral_public_key);
    CHECK(home.public_key().octets().size() == crypto::public_key_size(known.profile));
    CHECK(shared(home, public_key(known.profile, known.ephemeral_public_key)) == known.shared);
    CHECK(shared(ephemeral, public_key(known.profile, known.public_key)) == known.shared);
    CHECK(shared(ephemeral, home.public_key()) == known.shared);
  }
}

TEST_CASE("X25519 gives the answer of RFC 7748, 5.2, and masks the highest bit", "[crypto][ecies]") {
  const auto own = EciesPrivateKey::from_octets(
      EciesProfile::a, bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
  const char* const answer = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552";
  CHECK(shared(own, public_key(EciesProfile::a, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")) == answer);
  CHECK(shared(own, public_key(EciesProfile::a, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1ccc")) == answer);
}

TEST_CASE("A point of low order gives no shared secret", "[crypto][ecies]") {
  const auto own = EciesPrivateKey::generate(EciesProfile::a);
  for (const char* point : kLowOrder) {
    CAPTURE(point);
    CHECK_FALSE(crypto::agree(own, public_key(EciesProfile::a, point)));
  }
  CHECK(crypto::agree(own, public_key(EciesProfile::a, std::string("09") + std::string(62, '0'))));
}

TEST_CASE("Octets that are no public key of the profile are none", "[crypto][ecies]") {
  const std::string a = kEciesAgreements[0].public_key;
  const std::string b = kEciesAgreements[1].public_key;
  const auto is_key = [](EciesProfile profile, const std::string& hex) {
    return EciesPublicKey::from_octets(profile, bytes(hex)).has_value();
  };
  CHECK(is_key(EciesProfile::a, a));
  CHECK_FALSE(is_key(EciesProfile::a, ""));
  CHECK_FALSE(is_key(EciesProfile::a, a.substr(2)));
  CHECK_FALSE(is_key(EciesProfile::a, a + "00"));
  CHECK_FALSE(is_key(EciesProfile::a, b));

  CHECK(is_key(EciesProfile::b, b));
  CHECK(is_key(EciesProfile::b, "03" + b.substr(2)));
  CHECK_FALSE(is_key(EciesProfile::b, ""));
  CHECK_FALSE(is_key(EciesProfile::b, b.substr(0, 64)));
  CHECK_FALSE(is_key(EciesProfile::b, b + "00"));
  CHECK_FALSE(is_key(EciesProfile::b, a));
  for (const char* form : {"00", "01", "04", "05", "06", "07", "12", "82", "ff"}) {
    CAPTURE(form);
    CHECK_FALSE(is_key(EciesProfile::b, form + b.substr(2)));
  }
  // x = 5 has a y on P-256, x = 1 has none (x^3 - 3x + b is no square); x = p and above are no field elements.
  CHECK(is_key(EciesProfile::b, "02" + std::string(63, '0') + "5"));
  CHECK_FALSE(is_key(EciesProfile::b, "02" + std::string(63, '0') + "1"));
  CHECK_FALSE(is_key(EciesProfile::b, "02ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"));
  CHECK_FALSE(is_key(EciesProfile::b, "02ffffffff00000001000000000000000000000001000000000000000000000004"));
  CHECK_FALSE(is_key(EciesProfile::b, "02" + std::string(64, 'f')));
  // The uncompressed form of a point of the curve, which SUCIs do not have.
  const auto point = PublicKey::from_compressed_point(Curve::p256, bytes(b)).value().point();
  CHECK_FALSE(EciesPublicKey::from_octets(EciesProfile::b, point));
}

TEST_CASE("Points of every curve survive compression", "[crypto][keys]") {
  for (const Curve curve : {Curve::p256, Curve::brainpool_p256r1, Curve::p384}) {
    std::set<std::uint8_t> forms;
    for (int i = 0; i < 64 && forms.size() < 2; ++i) {
      const PublicKey key = PrivateKey::generate(curve).public_key();
      const Bytes compressed = key.compressed_point();
      REQUIRE(compressed.size() == 1 + crypto::field_size(curve));
      forms.insert(compressed[0]);
      CHECK(PublicKey::from_compressed_point(curve, compressed).value().point() == key.point());
      Bytes negative = compressed;
      negative[0] ^= 1;
      CHECK(PublicKey::from_compressed_point(curve, negative).value().point() != key.point());
      CHECK_FALSE(PublicKey::from_compressed_point(curve, key.point()));
    }
    CHECK(forms == std::set<std::uint8_t>{2, 3});
  }
}

TEST_CASE("A private key outside the range of its profile is refused", "[crypto][ecies]") {
  const std::string order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  for (const std::string& hex : {std::string(), std::string(62, '1'), std::string(66, '1')}) {
    CHECK_THROWS_AS(EciesPrivateKey::from_octets(EciesProfile::a, bytes(hex)), CryptoError);
    CHECK_THROWS_AS(EciesPrivateKey::from_octets(EciesProfile::b, bytes(hex)), CryptoError);
  }
  CHECK_THROWS_AS(EciesPrivateKey::from_octets(EciesProfile::b, bytes(std::string(64, '0'))), CryptoError);
  CHECK_THROWS_AS(EciesPrivateKey::from_octets(EciesProfile::b, bytes(order)), CryptoError);
  CHECK_NOTHROW(EciesPrivateKey::from_octets(EciesProfile::b, bytes(order.substr(0, 63) + "0")));
}

TEST_CASE("Keys of two profiles agree on nothing", "[crypto][ecies]") {
  const auto a = EciesPrivateKey::generate(EciesProfile::a);
  const auto b = EciesPrivateKey::generate(EciesProfile::b);
  CHECK_THROWS_AS(crypto::agree(a, b.public_key()), CryptoError);
  CHECK_THROWS_AS(crypto::agree(b, a.public_key()), CryptoError);
}

TEST_CASE("A new key is another one each time, and survives PEM", "[crypto][ecies]") {
  for (const EciesProfile profile : {EciesProfile::a, EciesProfile::b}) {
    const auto key = EciesPrivateKey::generate(profile);
    CHECK(key.profile() == profile);
    CHECK(key.public_key().profile() == profile);
    CHECK(EciesPrivateKey::generate(profile).public_key().octets() != key.public_key().octets());
    const auto pem = key.to_pem();
    CHECK(base::as_text(octets(pem)).starts_with("-----BEGIN PRIVATE KEY-----"));
    const auto again = EciesPrivateKey::from_pem(profile, octets(pem));
    CHECK(again.public_key().octets() == key.public_key().octets());
    const std::string public_pem = key.public_key().to_pem();
    CHECK(public_pem.starts_with("-----BEGIN PUBLIC KEY-----"));
    const auto public_again = EciesPublicKey::from_pem(profile, base::as_bytes(public_pem));
    CHECK(public_again.octets() == key.public_key().octets());
    const auto peer = EciesPrivateKey::generate(profile);
    CHECK(shared(again, peer.public_key()) == shared(peer, public_again));
  }
}

TEST_CASE("A PEM that is no key of the profile is refused by name", "[crypto][ecies]") {
  const auto a = EciesPrivateKey::generate(EciesProfile::a).to_pem();
  const auto b = EciesPrivateKey::generate(EciesProfile::b).to_pem();
  const auto p384 = PrivateKey::generate(Curve::p384).to_pem();
  const auto brainpool = PrivateKey::generate(Curve::brainpool_p256r1).to_pem();
  const std::string public_a = EciesPrivateKey::generate(EciesProfile::a).public_key().to_pem();
  const std::string not_x25519 = "the key is not an X25519 key, as profile A asks";
  const std::string not_p256 = "the key is not a P-256 key, as profile B asks";
  CHECK(refusal(EciesProfile::a, octets(a)).empty());
  CHECK(refusal(EciesProfile::b, octets(b)).empty());
  CHECK(refusal(EciesProfile::a, octets(b)) == not_x25519);
  CHECK(refusal(EciesProfile::b, octets(a)) == not_p256);
  CHECK(refusal(EciesProfile::b, octets(p384)) == not_p256);
  CHECK(refusal(EciesProfile::b, octets(brainpool)) == not_p256);
  for (const EciesProfile profile : {EciesProfile::a, EciesProfile::b}) {
    for (const std::string& text : {std::string(), std::string("no key"), public_a}) {
      CHECK_THAT(refusal(profile, base::as_bytes(text)), Catch::StartsWith("no unencrypted private key in PEM"));
    }
    const auto wrong = EciesPrivateKey::generate(other(profile)).public_key().to_pem();
    CHECK_THROWS_WITH(EciesPublicKey::from_pem(profile, base::as_bytes(wrong)),
                      profile == EciesProfile::a ? not_x25519 : not_p256);
    CHECK_THROWS_AS(EciesPublicKey::from_pem(profile, octets(a)), CryptoError);
    CHECK_THROWS_AS(EciesPublicKey::from_pem(profile, {}), CryptoError);
  }
}

TEST_CASE("Keys that the openssl program makes are read, and their public halves are ours", "[crypto][ecies]") {
  const test::TemporaryFolder folder;
  const auto run = [](const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; };
  if (!run("openssl version >/dev/null")) {
    WARN("skipped: there is no openssl program");
    return;
  }
  const auto check = [&](EciesProfile profile, const std::string& name, const std::string& options) {
    const std::string key = folder / name;
    REQUIRE(run("openssl genpkey " + options + " -out " + key));
    REQUIRE(run("openssl pkey -in " + key + " -pubout -out " + key + ".pub"));
    CHECK(EciesPrivateKey::load(profile, key).public_key().octets() == EciesPublicKey::load(profile, key + ".pub").octets());
    CHECK_THROWS_WITH(EciesPrivateKey::load(other(profile), key), Catch::StartsWith(key + ": the key is not a"));
  };
  check(EciesProfile::a, "a", "-algorithm X25519");
  check(EciesProfile::b, "b", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
  REQUIRE(run("openssl genpkey -algorithm X25519 -aes256 -pass pass:word -out " + (folder / "locked")));
  CHECK_THROWS_AS(EciesPrivateKey::load(EciesProfile::a, folder / "locked"), CryptoError);
  CHECK_THROWS_WITH(EciesPrivateKey::load(EciesProfile::a, folder / "absent"), Catch::Contains("absent: the file cannot be read"));
}
