#include "lib/crypto/keys.hpp"

#include <openssl/x509.h>

#include <catch2/catch.hpp>
#include <type_traits>

#include "tests/support/certificates.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/printable.hpp"
#include "tests/support/shared_vectors.hpp"

using base::Bytes;
using crypto::CryptoError;
using crypto::Curve;
using crypto::PrivateKey;
using crypto::PublicKey;
using test::bytes;
using test::kCurves;
using test::Printable;
using test::reveal;

namespace {

struct SomeTag;
struct OtherTag;
using SomeKey = base::SecretKey<SomeTag, 16>;
using OtherKey = base::SecretKey<OtherTag, 16>;

static_assert(!std::is_copy_constructible_v<PrivateKey> && !std::is_copy_assignable_v<PrivateKey>);
static_assert(std::is_nothrow_move_constructible_v<PrivateKey> && !Printable<PrivateKey>);
static_assert(!std::is_copy_constructible_v<SomeKey> && !std::is_copy_assignable_v<SomeKey> && !Printable<SomeKey>);
static_assert(!std::is_convertible_v<SomeKey, OtherKey> && !std::is_constructible_v<OtherKey, SomeKey>);
static_assert(!std::is_copy_constructible_v<base::SecretBytes> && !Printable<base::SecretBytes>);
static_assert(std::is_copy_constructible_v<PublicKey>);

struct Agreement {
  Curve curve;
  const char* source;
  const char* own_scalar;
  const char* own_point;
  const char* peer_scalar;
  const char* shared;
};

const Agreement kAgreements[] = {
    {Curve::p256, "RFC 5903, 8.1", "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
     "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f5"
     "8389e0577b8"
     "990bb3",
     "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
     "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"},
    {Curve::brainpool_p256r1, "RFC 7027, A.1", "81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d",
     "0444106e913f92bc02a1705d9953a8414db95e1aaa49e81d9e85f929a8e3100be58ab4846f11caccb73ce49cbdd120f5a900a69fd32c27222"
     "3f789ef10eb"
     "089bdc",
     "55e40bc41e37e3e2ad25c3c6654511ffa8474a91a0032087593852d3e7d76bd3",
     "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b"},
    {Curve::p384, "RFC 5903, 8.2",
     "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
     "04667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa9482ed1fc0eeb9c"
     "afc4984625c"
     "cfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
     "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
     "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746"},
};

// Of a Wycheproof file of ECDSA with raw signatures: how many verdicts agree.
void check_wycheproof_signatures(const std::string& file, Curve curve, std::size_t expected_count) {
  std::size_t count = 0;
  for (const auto& group : test::load_shared_json(file)["testGroups"]) {
    const auto key = PublicKey::from_point(curve, bytes(group["publicKey"]["uncompressed"].get<std::string>()));
    for (const auto& each : group["tests"]) {
      CAPTURE(file, each["tcId"].get<int>(), each["comment"].get<std::string>());
      const bool verifies =
          crypto::verify(key, bytes(each["msg"].get<std::string>()), bytes(each["sig"].get<std::string>()));
      CHECK(verifies == (each["result"] == "valid"));
      ++count;
    }
  }
  CHECK(count == expected_count);
}

}  // namespace

TEST_CASE("Both sides of a key agreement reach the published shared secret", "[crypto][keys]") {
  for (const auto& known : kAgreements) {
    CAPTURE(known.source);
    const auto own = PrivateKey::from_scalar(known.curve, bytes(known.own_scalar));
    const auto peer = PrivateKey::from_scalar(known.curve, bytes(known.peer_scalar));
    CHECK(base::to_hex(own.public_key().point()) == known.own_point);
    CHECK(base::to_hex(reveal(crypto::agree(own, peer.public_key()))) == known.shared);
    CHECK(base::to_hex(reveal(crypto::agree(peer, own.public_key()))) == known.shared);
  }
}

TEST_CASE("Keys on different curves do not agree", "[crypto][keys]") {
  const auto own = PrivateKey::generate(Curve::p256);
  CHECK_THROWS_AS(crypto::agree(own, PrivateKey::generate(Curve::brainpool_p256r1).public_key()), CryptoError);
  CHECK_THROWS_AS(crypto::agree(own, PrivateKey::generate(Curve::p384).public_key()), CryptoError);
}

TEST_CASE("Signatures that RFC 6979 publishes verify, and single-fault twins do not", "[crypto][keys]") {
  // RFC 6979, A.2.5 (SHA-256) and A.2.6 (SHA-384), message "sample".
  struct Known {
    Curve curve;
    const char* scalar;
    const char* signature;
  };
  const Known kSignatures[] = {
      {Curve::p256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
       "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
       "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
      {Curve::p384, "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
       "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
       "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"},
  };
  for (const auto& known : kSignatures) {
    const auto key = PrivateKey::from_scalar(known.curve, bytes(known.scalar)).public_key();
    const Bytes signature = bytes(known.signature);
    CHECK(crypto::verify(key, base::as_bytes("sample"), signature));
    CHECK_FALSE(crypto::verify(key, base::as_bytes("Sample"), signature));
    Bytes changed = signature;
    changed.back() ^= 1;
    CHECK_FALSE(crypto::verify(key, base::as_bytes("sample"), changed));
  }
}

TEST_CASE("A signature on every curve verifies under its own key, message and length only", "[crypto][keys]") {
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const auto key = PrivateKey::generate(curve);
    const Bytes message = bytes("00ff10");
    const Bytes signature = crypto::sign(key, message);
    REQUIRE(signature.size() == 2 * crypto::field_size(curve));
    CHECK(crypto::verify(key.public_key(), message, signature));
    CHECK_FALSE(crypto::verify(PrivateKey::generate(curve).public_key(), message, signature));
    CHECK_FALSE(crypto::verify(key.public_key(), bytes("00ff11"), signature));
    CHECK_FALSE(crypto::verify(key.public_key(), message, base::BytesView(signature).first(signature.size() - 1)));
    CHECK_FALSE(crypto::verify(key.public_key(), message, base::concatenate(signature, bytes("00"))));
    CHECK_FALSE(crypto::verify(key.public_key(), message, Bytes(signature.size())));
    CHECK_FALSE(crypto::verify(key.public_key(), message, Bytes(signature.size(), 0xff)));
    CHECK_FALSE(crypto::verify(key.public_key(), message, {}));
    CHECK(crypto::verify(key.public_key(), {}, crypto::sign(key, {})));
  }
}

TEST_CASE("A point is taken only if it lies on the curve", "[crypto][keys]") {
  for (const auto& known : kAgreements) {
    CAPTURE(known.source);
    const Bytes point = bytes(known.own_point);
    CHECK(PublicKey::from_point(known.curve, point).point() == point);

    SECTION(std::string(crypto::name(known.curve)) + ": off the curve") {
      Bytes changed = point;
      changed.back() ^= 1;
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, changed), CryptoError);
    }
    SECTION(std::string(crypto::name(known.curve)) + ": of the other curve of the same length") {
      const Curve other = known.curve == Curve::p256 ? Curve::brainpool_p256r1 : Curve::p256;
      CHECK_THROWS_AS(PublicKey::from_point(other, point), CryptoError);
    }
    SECTION(std::string(crypto::name(known.curve)) + ": infinity, zeros, compressed, hybrid, short, long") {
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, bytes("00")), CryptoError);
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, {}), CryptoError);
      Bytes zeros(point.size());
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, zeros), CryptoError);
      zeros[0] = 4;
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, zeros), CryptoError);
      Bytes all_ones(point.size(), 0xff);
      all_ones[0] = 4;
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, all_ones), CryptoError);
      Bytes hybrid = point;
      hybrid[0] = static_cast<std::uint8_t>(6 + (point.back() & 1));
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, hybrid), CryptoError);
      Bytes compressed(point.begin(), point.begin() + static_cast<std::ptrdiff_t>(1 + crypto::field_size(known.curve)));
      compressed[0] = static_cast<std::uint8_t>(2 + (point.back() & 1));
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, compressed), CryptoError);
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, base::BytesView(point).first(point.size() - 1)), CryptoError);
      CHECK_THROWS_AS(PublicKey::from_point(known.curve, base::concatenate(point, bytes("00"))), CryptoError);
    }
  }
}

TEST_CASE("A scalar is taken only between zero and the order", "[crypto][keys]") {
  // The order of P-256, SEC 2, 2.4.2.
  const Bytes order = bytes("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  Bytes below = order;
  below.back() -= 1;
  CHECK_NOTHROW(PrivateKey::from_scalar(Curve::p256, below));
  CHECK_THROWS_AS(PrivateKey::from_scalar(Curve::p256, order), CryptoError);
  CHECK_THROWS_AS(PrivateKey::from_scalar(Curve::p256, Bytes(32, 0xff)), CryptoError);
  for (const Curve curve : kCurves) {
    const std::size_t size = crypto::field_size(curve);
    Bytes one(size);
    one.back() = 1;
    CHECK(reveal(PrivateKey::from_scalar(curve, one).scalar()) == one);
    CHECK_THROWS_AS(PrivateKey::from_scalar(curve, Bytes(size)), CryptoError);
    CHECK_THROWS_AS(PrivateKey::from_scalar(curve, Bytes(size - 1, 1)), CryptoError);
    CHECK_THROWS_AS(PrivateKey::from_scalar(curve, Bytes(size + 1, 1)), CryptoError);
  }
}

TEST_CASE("A private key survives PEM", "[crypto][keys]") {
  for (const Curve curve : kCurves) {
    const auto key = PrivateKey::generate(curve);
    const auto pem = key.to_pem();
    CHECK(base::as_text(pem.reveal()).starts_with("-----BEGIN PRIVATE KEY-----"));
    const auto again = PrivateKey::from_pem(pem.reveal());
    CHECK(again.curve() == curve);
    CHECK(again.scalar() == key.scalar());
    CHECK(again.public_key().point() == key.public_key().point());
  }
}

TEST_CASE("What is no private key of the three curves in PEM is refused", "[crypto][keys]") {
  CHECK_THROWS_AS(PrivateKey::from_pem({}), CryptoError);
  CHECK_THROWS_AS(
      PrivateKey::from_pem(base::as_bytes("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
      CryptoError);
  // An Ed25519 key, RFC 8410, 10.3.
  CHECK_THROWS_AS(
      PrivateKey::from_pem(base::as_bytes("-----BEGIN PRIVATE KEY-----\n"
                                          "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                                          "-----END PRIVATE KEY-----\n")),
      CryptoError);
  try {
    static_cast<void>(PrivateKey::load("/nonexistent/key.pem"));
    FAIL("a key was read from nowhere");
  } catch (const CryptoError& error) {
    CHECK_THAT(error.what(), Catch::Matchers::StartsWith("/nonexistent/key.pem: "));
  }
}

TEST_CASE("Curves have the names of the profile", "[crypto][keys]") {
  for (const Curve curve : kCurves) CHECK(crypto::curve_from_name(crypto::name(curve)) == curve);
  CHECK_THROWS_AS(crypto::curve_from_name("P-521"), std::invalid_argument);
  CHECK_THROWS_AS(crypto::curve_from_name("p-256"), std::invalid_argument);
}

TEST_CASE("Wycheproof: raw ECDSA signatures get the published verdicts", "[crypto][keys][vectors]") {
  if (!test::have_shared_vectors()) return;
  check_wycheproof_signatures("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", Curve::p256, 262);
  check_wycheproof_signatures("wycheproof/ecdsa_brainpoolP256r1_sha256_p1363_test.json", Curve::brainpool_p256r1, 261);
}

TEST_CASE("Wycheproof: key agreement on P-256, and points off the curve are refused", "[crypto][keys][vectors]") {
  if (!test::have_shared_vectors()) return;
  std::size_t agreed = 0;
  std::size_t refused = 0;
  for (const auto& group : test::load_shared_json("wycheproof/ecdh_secp256r1_ecpoint_test.json")["testGroups"]) {
    for (const auto& each : group["tests"]) {
      CAPTURE(each["tcId"].get<int>(), each["comment"].get<std::string>());
      const Bytes point = bytes(each["public"].get<std::string>());
      if (each["result"] != "valid") {  // invalid, or a compressed point, which we do not take
        CHECK_THROWS_AS(PublicKey::from_point(Curve::p256, point), CryptoError);
        ++refused;
        continue;
      }
      Bytes scalar = bytes(each["private"].get<std::string>());
      if (scalar.size() == 33 && scalar[0] == 0) scalar.erase(scalar.begin());
      scalar.insert(scalar.begin(), 32 - std::min<std::size_t>(scalar.size(), 32), 0);
      const auto shared =
          crypto::agree(PrivateKey::from_scalar(Curve::p256, scalar), PublicKey::from_point(Curve::p256, point));
      CHECK(base::to_hex(reveal(shared)) == each["shared"].get<std::string>());
      ++agreed;
    }
  }
  CHECK(agreed + refused == 355);
  CHECK(agreed > 300);
}

TEST_CASE("Keys, agreement and signature of the profile's own known answers", "[crypto][keys][vectors]") {
  if (!test::have_shared_vectors()) return;
  const auto& cases = test::load_shared_json("first-attach-v1.json")["cases"];
  CHECK(cases.size() == 3);
  for (const auto& each : cases) {
    const auto octets = [&](const char* member) { return bytes(each[member].get<std::string>()); };
    const Curve curve = crypto::curve_from_name(each["curve"].get<std::string>());
    CAPTURE(each["curve"].get<std::string>());
    const auto arpf = PrivateKey::from_scalar(curve, octets("arpfPrivateKey"));
    const auto ephemeral = PrivateKey::from_scalar(curve, octets("ephemeralPrivateKey"));
    const auto secure_element = PrivateKey::from_scalar(curve, octets("sePrivateKey"));
    CHECK(arpf.public_key().point() == octets("arpfPublicPoint"));
    CHECK(ephemeral.public_key().point() == octets("ephemeralPublicPoint"));
    CHECK(secure_element.public_key().point() == octets("sePublicPoint"));
    CHECK(reveal(crypto::agree(arpf, ephemeral.public_key())) == octets("shs"));
    CHECK(reveal(crypto::agree(ephemeral, PublicKey::from_point(curve, octets("arpfPublicPoint")))) == octets("shs"));
    const Bytes token = octets("token");
    const auto signature = base::BytesView(token).last(2 * crypto::field_size(curve));
    CHECK(crypto::verify(secure_element.public_key(), octets("tokenTbs"), signature));
    CHECK_FALSE(crypto::verify(arpf.public_key(), octets("tokenTbs"), signature));
  }
}

TEST_CASE("SGP.26's private keys are read from their files", "[crypto][keys][vectors]") {
  FIRST_ATTACH_NEEDS_SHARED_VECTORS(vectors);
  for (const char* file :
       {"sgp26/CI/SK_CI_ECDSA_NIST.pem", "sgp26/EUM/SK_EUM_ECDSA_NIST.pem", "sgp26/eUICC/SK_EUICC_ECDSA_NIST.pem"}) {
    CHECK(PrivateKey::load((vectors / file).string()).curve() == Curve::p256);
  }
}

TEST_CASE("A public key's SubjectPublicKeyInfo is what OpenSSL writes, for each curve", "[crypto][keys]") {
  const Curve curve = GENERATE(Curve::p256, Curve::brainpool_p256r1, Curve::p384);
  for (int i = 0; i < 5; ++i) {
    const auto key = PrivateKey::generate(curve).public_key();
    unsigned char* octets = nullptr;
    const int size = i2d_PUBKEY(key.handle(), &octets);
    REQUIRE(size > 0);
    const base::Bytes expected(octets, octets + size);
    OPENSSL_free(octets);
    CHECK(key.subject_public_key_info() == expected);
  }
}

TEST_CASE("The mirrored point is another one of the curve with the same X, and with it a key agreement comes to the same", "[crypto][keys]") {
  const Curve curve = GENERATE(from_range(test::kCurves.begin(), test::kCurves.end()));
  const PrivateKey own = PrivateKey::generate(curve);
  const PrivateKey peer = PrivateKey::generate(curve);
  const base::Bytes point = peer.public_key().point();
  const base::Bytes mirrored = peer.public_key().mirrored_point();
  REQUIRE(mirrored != point);
  CHECK(std::equal(mirrored.begin(), mirrored.begin() + 1 + static_cast<std::ptrdiff_t>(crypto::field_size(curve)), point.begin()));
  const PublicKey other = PublicKey::from_point(curve, mirrored);
  CHECK(crypto::agree(own, other) == crypto::agree(own, peer.public_key()));
  CHECK(other.mirrored_point() == point);
}
