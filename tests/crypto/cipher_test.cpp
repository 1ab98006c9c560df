#include "lib/crypto/cipher.hpp"

#include <openssl/evp.h>

#include <catch2/catch.hpp>
#include <set>
#include <thread>
#include <vector>

#include "lib/crypto/keys.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using base::Bytes;
using crypto::Block;
using test::bytes;

namespace {

Block block(std::string_view digits) { return base::from_hex_exactly<16>(digits).value(); }

crypto::KeyEncryptionKey key_encryption_key(std::uint8_t octet) {
  const std::array<std::uint8_t, 32> octets{octet};
  return crypto::KeyEncryptionKey(octets);
}

}  // namespace

TEST_CASE("AES-128 of one block, both ways", "[crypto][cipher]") {
  // FIPS 197, C.1.
  const Block key = block("000102030405060708090a0b0c0d0e0f");
  const Block plain = block("00112233445566778899aabbccddeeff");
  const Block cipher = block("69c4e0d86a7b0430d8cdb78070b4c55a");
  CHECK(crypto::aes128_encrypt(key, plain) == cipher);
  CHECK(crypto::aes128_decrypt(key, cipher) == plain);
  CHECK(crypto::aes128_encrypt(plain, plain) != cipher);
}

TEST_CASE("AES-CMAC of RFC 4493's messages", "[crypto][cipher]") {
  const Block key = block("2b7e151628aed2a6abf7158809cf4f3c");
  const Bytes message = bytes(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17"
      "ad2b417be66c37"
      "10");
  const auto mac = [&](std::size_t size) {
    return base::to_hex(crypto::aes_cmac(key, base::BytesView(message).first(size)));
  };
  CHECK(mac(0) == "bb1d6929e95937287fa37d129b756746");
  CHECK(mac(16) == "070a16b46b4d4144f79bdd9dd04a287c");
  CHECK(mac(40) == "dfa66747de9ae63030ca32611497c827");
  CHECK(mac(64) == "51f0bebf7e3b9d92fc49741779363cfe");
}

TEST_CASE("AES-CMAC is OpenSSL's, whatever the length of the message, and a kept key gives it again and again", "[crypto][cipher]") {
  for (std::size_t size = 0; size <= 100; ++size) {
    Bytes message(size);
    crypto::fill_random(message);
    for (int i = 0; i < 10; ++i) {  // both cases of each subkey's highest bit
      const auto key = crypto::random_octets<16>();
      Block expected{};
      std::size_t written = 0;
      REQUIRE(EVP_Q_mac(nullptr, "CMAC", nullptr, "AES-128-CBC", nullptr, key.data(), key.size(), message.data(), size, expected.data(),
                        expected.size(), &written) != nullptr);
      const crypto::Cmac mac(key);
      REQUIRE(mac(message) == expected);
      REQUIRE(mac(message) == expected);
      REQUIRE(crypto::aes_cmac(key, message) == expected);
    }
  }
}

TEST_CASE("A kept key encrypts each block as AES-128 does, also in place", "[crypto][cipher]") {
  const auto key = crypto::random_octets<16>();
  const crypto::Aes128 aes(key);
  const auto blocks = crypto::random_octets<48>();
  auto out = blocks;
  aes.encrypt(out, out);
  for (std::size_t i = 0; i < 48; i += 16) {
    Block one{};
    std::copy_n(blocks.begin() + static_cast<std::ptrdiff_t>(i), 16, one.begin());
    one = crypto::aes128_encrypt(key, one);
    CHECK(std::equal(one.begin(), one.end(), out.begin() + static_cast<std::ptrdiff_t>(i)));
  }
  CHECK_THROWS_AS(aes.encrypt(blocks, std::span(out).first(32)), crypto::CryptoError);
}

TEST_CASE("Random octets from a thread's stock come once, in every thread", "[crypto][cipher]") {
  std::vector<std::vector<crypto::Block>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& mine : drawn) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 1000; ++i) {
        mine.push_back(crypto::random_octets<16>());
        (void)crypto::random_octets<7>();  // so that the stock's end falls within a request
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<crypto::Block> all;
  for (const auto& mine : drawn) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 4000);
  CHECK(all.count(crypto::Block{}) == 0);
}

TEST_CASE("AES-128 in counter mode, both ways and for any length", "[crypto][cipher]") {
  // SP 800-38A, F.5.1.
  const Block key = block("2b7e151628aed2a6abf7158809cf4f3c");
  const Block counter = block("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  const auto plain = bytes(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17"
      "ad2b417be66c3710");
  const auto cipher = bytes(
      "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1"
      "792170a0f3009cee");
  const auto ctr = [&](const Block& from, base::BytesView in) {
    Bytes out(in.size());
    crypto::aes128_ctr(key, from, in, out);
    return out;
  };
  CHECK(ctr(counter, plain) == cipher);
  CHECK(ctr(counter, cipher) == plain);
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 5, 15, 17, 31}) {
    const base::BytesView head = base::BytesView(plain).first(size);
    CHECK(ctr(counter, head) == Bytes(cipher.begin(), cipher.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  // All 128 bits count: the second block of the last counter is the first one of zero.
  const Bytes zeros(32);
  const Bytes around = ctr(block("ffffffffffffffffffffffffffffffff"), zeros);
  CHECK(Bytes(around.begin() + 16, around.end()) == ctr(block("00000000000000000000000000000000"), Bytes(16)));
  Bytes shorter(15);
  CHECK_THROWS_AS(crypto::aes128_ctr(key, counter, Bytes(16), shorter), crypto::CryptoError);
}

TEST_CASE("AES-CMAC is the same on many threads at once", "[crypto][cipher]") {
  const Block key = block("2b7e151628aed2a6abf7158809cf4f3c");
  std::vector<int> faults(4);
  std::vector<std::thread> threads;
  for (int& fault : faults) {
    threads.emplace_back([&key, &fault] {
      for (int i = 0; i < 500; ++i) {
        if (base::to_hex(crypto::aes_cmac(key, {})) != "bb1d6929e95937287fa37d129b756746") ++fault;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(faults == std::vector<int>(4));
}

TEST_CASE("AES-256-GCM of a published case", "[crypto][cipher]") {
  // McGrew and Viega, The Galois/Counter Mode of Operation, test case 16.
  const auto key =
      base::from_hex_exactly<32>("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").value();
  const auto nonce = base::from_hex_exactly<12>("cafebabefacedbaddecaf888").value();
  const Bytes additional = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes plain = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
      "ba637b39");
  const Bytes sealed = crypto::aes256_gcm_encrypt(key, nonce, additional, plain);
  CHECK(base::to_hex(sealed) ==
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
        "0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b");
  const auto opened = crypto::aes256_gcm_decrypt(key, nonce, additional, sealed);
  REQUIRE(opened);
  CHECK(std::ranges::equal(opened->reveal(), plain));
  CHECK_FALSE(crypto::aes256_gcm_decrypt(key, nonce, {}, sealed));
  CHECK_FALSE(crypto::aes256_gcm_decrypt(key, nonce, additional, base::BytesView(sealed).first(15)));
}

TEST_CASE("What is sealed opens with the same key and the same row only", "[crypto][cipher]") {
  const auto key = key_encryption_key(1);
  for (const std::size_t size : {0U, 1U, 16U, 24U, 1000U}) {
    CAPTURE(size);
    const Bytes plain(size, 0x5a);
    const Bytes row = bytes("09710000000000f1");
    const Bytes sealed = crypto::seal(key, plain, row);
    CHECK(sealed.size() == 12 + size + 16);
    const auto opened = crypto::unseal(key, sealed, row);
    REQUIRE(opened);
    CHECK(std::ranges::equal(opened->reveal(), plain));
    CHECK(crypto::seal(key, plain, row) != sealed);

    CHECK_FALSE(crypto::unseal(key_encryption_key(2), sealed, row));
    CHECK_FALSE(crypto::unseal(key, sealed, bytes("09710000000000f2")));
    CHECK_FALSE(crypto::unseal(key, sealed, {}));
    CHECK_FALSE(crypto::unseal(key, base::BytesView(sealed).first(sealed.size() - 1), row));
    for (const std::size_t at : {std::size_t{0}, sealed.size() / 2, sealed.size() - 1}) {
      Bytes changed = sealed;
      changed[at] ^= 1;
      CHECK_FALSE(crypto::unseal(key, changed, row));
    }
  }
  CHECK(crypto::unseal(key, crypto::seal(key, {}, {}), {}));
  CHECK_FALSE(crypto::unseal(key, {}, {}));
  CHECK_FALSE(crypto::unseal(key, Bytes(27), {}));
}

TEST_CASE("Random octets differ", "[crypto][cipher]") {
  CHECK(crypto::random_octets<16>() != crypto::random_octets<16>());
  CHECK_NOTHROW(crypto::fill_random({}));
}

TEST_CASE("Wycheproof: AES-CMAC with 128-bit keys and full tags", "[crypto][cipher][vectors]") {
  if (!test::have_shared_vectors()) return;
  std::size_t count = 0;
  for (const auto& group : test::load_shared_json("wycheproof/aes_cmac_test.json")["testGroups"]) {
    if (group["keySize"] != 128 || group["tagSize"] != 128) continue;
    for (const auto& each : group["tests"]) {
      CAPTURE(each["tcId"].get<int>(), each["comment"].get<std::string>());
      const auto mac = crypto::aes_cmac(block(each["key"].get<std::string>()), bytes(each["msg"].get<std::string>()));
      CHECK((base::to_hex(mac) == each["tag"].get<std::string>()) == (each["result"] == "valid"));
      ++count;
    }
  }
  CHECK(count == 102);
}

TEST_CASE("RAND and AUTN of the profile's own known answers", "[crypto][cipher][vectors]") {
  if (!test::have_shared_vectors()) return;
  for (const auto& each : test::load_shared_json("first-attach-v1.json")["cases"]) {
    const auto octets = [&](const char* member) { return block(each[member].get<std::string>()); };
    CHECK(crypto::aes128_encrypt(octets("ekc"), octets("block")) == octets("rand"));
    CHECK(crypto::aes128_decrypt(octets("ekc"), octets("rand")) == octets("block"));
    auto autn = crypto::aes_cmac(octets("eki"), octets("block"));
    autn[6] = 0x80;
    autn[7] = 0x00;
    CHECK(autn == octets("autn"));
    const Block eki = octets("eki");
    const Bytes with_receipt = base::concatenate(octets("block"), base::as_bytes("receipt"));
    const auto receipt = crypto::aes_cmac(eki, with_receipt);
    CHECK(base::to_hex(base::BytesView(receipt).first(14)) == each["receipt"].get<std::string>());
  }
}
