#include "lib/crypto/kdf.hpp"

#include <openssl/evp.h>

#include <catch2/catch.hpp>

#include "lib/crypto/cipher.hpp"
#include "lib/crypto/keys.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using base::Bytes;
using test::bytes;

namespace {

std::string kbkdf(base::BytesView key, std::string_view label, base::BytesView context) {
  std::array<std::uint8_t, 16> out{};
  crypto::kbkdf_cmac(key.first<16>(), label, context, out);
  return base::to_hex(out);
}

std::string hmac(base::BytesView key, base::BytesView data) {
  std::array<std::uint8_t, 32> out{};
  crypto::hmac_sha256(key, data, out);
  return base::to_hex(out);
}

std::string x963(base::BytesView secret, base::BytesView info, std::size_t size) {
  Bytes out(size);
  crypto::x963_kdf(secret, info, out);
  return base::to_hex(out);
}

}  // namespace

TEST_CASE("HMAC-SHA-256 is OpenSSL's, whatever the lengths of key and data", "[crypto][kdf]") {
  for (const std::size_t key_size : {0U, 1U, 31U, 32U, 63U, 64U, 65U, 200U}) {
    for (const std::size_t data_size : {0U, 1U, 55U, 56U, 63U, 64U, 65U, 300U}) {
      Bytes key(key_size);
      Bytes data(data_size);
      crypto::fill_random(key);
      crypto::fill_random(data);
      std::array<std::uint8_t, 32> expected{};
      std::size_t written = 0;
      const std::uint8_t none = 0;
      REQUIRE(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.empty() ? &none : key.data(), key_size, data.data(), data_size,
                        expected.data(), expected.size(), &written) != nullptr);
      REQUIRE(hmac(key, data) == base::to_hex(expected));
    }
  }
}

TEST_CASE("SHA-256 of published messages", "[crypto][kdf]") {
  // FIPS 180-4 examples.
  CHECK(base::to_hex(crypto::sha256(base::as_bytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(base::to_hex(crypto::sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("HMAC-SHA-256 of RFC 4231, with short, long and empty keys", "[crypto][kdf]") {
  CHECK(hmac(base::as_bytes("Jefe"), base::as_bytes("what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac(Bytes(131, 0xaa), base::as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(hmac({}, {}) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("X9.63 KDF of a published case, to any length up to its limit", "[crypto][kdf]") {
  // NIST CAVP ansx963_2001, SHA-256, count 0.
  const Bytes secret = bytes("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08");
  CHECK(x963(secret, {}, 16) == "443024c3dae66b95e6f5670601558f71");
  const std::string longest = x963(secret, bytes("01"), 255 * 32);
  CHECK(longest.substr(0, 32) == x963(secret, bytes("01"), 16));
  CHECK(x963(secret, bytes("02"), 16) != x963(secret, bytes("01"), 16));
  Bytes too_long(255 * 32 + 1);
  CHECK_THROWS_AS(crypto::x963_kdf(secret, {}, too_long), crypto::CryptoError);
}

TEST_CASE("The KDF in counter mode is the CMAC that the profile writes out", "[crypto][kdf]") {
  // PROTOCOL.md, section 7: CMAC(key, 00000001 || label || 00 || context || 00000080).
  const Bytes key = bytes("c31e11220e8577636a608faf890f69dc");
  const Bytes context = bytes("09710000000000f1");
  const Bytes input =
      base::concatenate(bytes("00000001"), base::as_bytes("eKc"), bytes("00"), context, bytes("00000080"));
  CHECK(kbkdf(key, "eKc", context) == base::to_hex(crypto::aes_cmac(base::BytesView(key).first<16>(), input)));
  CHECK(kbkdf(key, "eKc", context) == "19aae02830218e7cf07e8197b5be0eb9");
  CHECK(kbkdf(key, "eKi", context) == "06f2c515f85581d50346c020f29cee71");
  CHECK(kbkdf(key, "eKc", bytes("09710000000000f2")) != "19aae02830218e7cf07e8197b5be0eb9");
}

TEST_CASE("CAVP: X9.63 KDF with SHA-256", "[crypto][kdf][vectors]") {
  if (!test::have_shared_vectors()) return;
  std::size_t count = 0;
  for (const auto& each : test::load_shared_json("kdf/x963_cavp.json")["cases"]) {
    if (each["hash"] != "SHA-256") continue;
    CAPTURE(each.dump());
    const auto expected = each["key_data"].get<std::string>();
    CHECK(x963(bytes(each["z"].get<std::string>()), bytes(each["shared_info"].get<std::string>()),
               expected.size() / 2) == expected);
    ++count;
  }
  CHECK(count == 20);
}

TEST_CASE("CAVP: SP 800-108 in counter mode over our AES-CMAC", "[crypto][kdf][vectors]") {
  // No published case has a counter of 32 bits, nor our form of label, zero, context and L, so that none can go through
  // kbkdf_cmac(). All of them check the construction by hand, CMAC(KI, counter || fixed input) block after block, which
  // the test above compares kbkdf_cmac() with.
  if (!test::have_shared_vectors()) return;
  std::size_t count = 0;
  for (const auto& each : test::load_shared_json("kdf/kbkdf_ctr_cavp.json")["cases"]) {
    if (each["prf"] != "CMAC_AES128" || each["ctr"] != "BEFORE_FIXED") continue;
    const Bytes key = bytes(each["KI"].get<std::string>());
    const Bytes fixed = bytes(each["FixedInputData"].get<std::string>());
    const auto expected = each["KO"].get<std::string>();
    std::string made;
    for (std::uint8_t i = 1; made.size() < expected.size(); ++i) {
      Bytes counter(each["rlen"].get<std::size_t>() / 8);
      counter.back() = i;
      made += base::to_hex(crypto::aes_cmac(base::BytesView(key).first<16>(), base::concatenate(counter, fixed)));
    }
    CHECK(made.substr(0, expected.size()) == expected);
    ++count;
  }
  CHECK(count == 120);
}

TEST_CASE("Derivations of the profile's own known answers", "[crypto][kdf][vectors]") {
  if (!test::have_shared_vectors()) return;
  for (const auto& each : test::load_shared_json("first-attach-v1.json")["cases"]) {
    const auto text = [&](const char* member) { return each[member].get<std::string>(); };
    CAPTURE(text("curve"));
    const Bytes ek = bytes(text("ek"));
    const Bytes both = base::concatenate(bytes(text("tbcdDimsi")), bytes(text("tbcdImsi")));
    CHECK(x963(bytes(text("shs")), bytes(text("sharedInfo")), 16) == text("ek"));
    CHECK(kbkdf(ek, "eKc", bytes(text("tbcdDimsi"))) == text("ekc"));
    CHECK(kbkdf(ek, "eKi", bytes(text("tbcdDimsi"))) == text("eki"));
    CHECK(kbkdf(ek, "K", both) == each["secondAttach"]["k"].get<std::string>());
    CHECK(kbkdf(ek, "OPc", both) == each["secondAttach"]["opc"].get<std::string>());
    const Bytes auts = bytes(text("receipt"));
    CHECK(base::to_hex(crypto::sha256(auts)) == text("receiptHash"));
  }
}
