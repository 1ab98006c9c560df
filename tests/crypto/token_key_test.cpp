// Private keys in a PKCS#11 token, against SoftHSM2 for real.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "lib/crypto/cipher.hpp"
#include "lib/crypto/cms.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/soft_hsm.hpp"

using crypto::Curve;
using crypto::PrivateKey;

namespace {

/// A token with one key of each curve, which is known outside as well.
struct Token {
  Token() {
    const test::TokenSession session(module);
    session.put(p256, "p256", 1, {});
    session.put(brainpool, "brainpool", 2, {});
    session.put(p384, "p384", 3, {});
    session.put(signs_only, "signs-only", 4, {.derives = false});
    session.put(alone, "alone", 5, {.has_public_half = false});
  }
  PrivateKey load(const std::string& attributes, const crypto::PublicKey* certified = nullptr) const {
    return PrivateKey::from_token("pkcs11:token=arpf;" + attributes, module, certified);
  }
  const PrivateKey& outside(const std::string& name) const { return name == "p256" ? p256 : name == "p384" ? p384 : brainpool; }

  test::SoftHsm hsm;
  std::shared_ptr<const crypto::TokenModule> module = hsm.load();
  PrivateKey p256 = PrivateKey::generate(Curve::p256);
  PrivateKey brainpool = PrivateKey::generate(Curve::brainpool_p256r1);
  PrivateKey p384 = PrivateKey::generate(Curve::p384);
  PrivateKey signs_only = PrivateKey::generate(Curve::p256);
  PrivateKey alone = PrivateKey::generate(Curve::p256);
};

const base::Bytes kMessage{1, 2, 3};

void check_works(const PrivateKey& key, const PrivateKey& outside) {
  const PrivateKey peer = PrivateKey::generate(outside.curve());
  CHECK(crypto::agree(key, peer.public_key()) == crypto::agree(outside, peer.public_key()));
  CHECK(crypto::verify(outside.public_key(), kMessage, crypto::sign(key, kMessage)));
  CHECK(crypto::verify_der(outside.public_key(), kMessage, crypto::sign_der(key, kMessage)));
}

/// What from_token says.
std::string fault(const std::string& uri, const std::shared_ptr<const crypto::TokenModule>& module) {
  try {
    (void)PrivateKey::from_token(uri, module);
    return "";
  } catch (const crypto::CryptoError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("A token's key agrees and signs as the same key outside does, on every curve", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  for (const std::string name : {"p256", "brainpool", "p384"}) {
    CAPTURE(name);
    const PrivateKey key = token.load("object=" + name + ";type=private");
    CHECK(key.curve() == token.outside(name).curve());
    CHECK(key.is_of(token.outside(name).public_key()));
    check_works(key, token.outside(name));
  }
  check_works(token.load("id=%01"), token.p256);
  check_works(token.load("object=p256;id=%01"), token.p256);
  check_works(PrivateKey::from_token("pkcs11:object=p256", token.module), token.p256);  // the only token there is
}

TEST_CASE("A shared secret that begins with a zero has its full length", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  const PrivateKey key = token.load("object=p256");
  bool is_found = false;
  for (int i = 0; i < 10000 && !is_found; ++i) {
    const PrivateKey peer = PrivateKey::generate(Curve::p256);
    const auto expected = crypto::agree(token.p256, peer.public_key());
    if (expected.reveal()[0] != 0) continue;
    is_found = true;
    CHECK(crypto::agree(key, peer.public_key()) == expected);
  }
  CHECK(is_found);
}

TEST_CASE("Envelopes are opened and CMS signatures made with a token's key", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  const auto name = GENERATE(as<std::string>(), "p256", "brainpool", "p384");
  CAPTURE(name);
  const PrivateKey key = token.load("object=" + name);
  const auto wanted = test::template_for("own", {crypto::KeyUsage::key_agreement, crypto::KeyUsage::digital_signature});
  const auto own = crypto::issue(wanted, key.public_key(), key, nullptr);
  CHECK(own.public_key() == token.outside(name).public_key());
  CHECK(crypto::open_envelope(crypto::envelop(kMessage, own), own, key).reveal().size() == kMessage.size());
  CHECK(crypto::verify_detached(crypto::sign_detached(kMessage, own, key, test::kNow), kMessage).signer == own);
  CHECK(crypto::verify_attached(crypto::sign_attached(kMessage, own, key, test::kNow)).content == kMessage);

  auto broken = crypto::envelop(kMessage, own);
  broken.back() ^= 1;
  CHECK_THROWS_AS(crypto::open_envelope(broken, own, key), crypto::CryptoError);
}

TEST_CASE("A key that softhsm2-util imported signs, and says why it makes no key agreement", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const test::SoftHsm hsm;
  const PrivateKey outside = PrivateKey::generate(Curve::p256);
  hsm.import_to_sign(outside, "imported", "07");
  const PrivateKey key = PrivateKey::from_token("pkcs11:token=arpf;id=%07", hsm.load());
  CHECK(crypto::verify(outside.public_key(), kMessage, crypto::sign(key, kMessage)));
  const PrivateKey peer = PrivateKey::generate(Curve::p256);
  CHECK_THROWS_WITH(crypto::agree(key, peer.public_key()), Catch::Contains("pkcs11:token=arpf;id=%07: the token makes no key agreement (CKA_DERIVE)"));
  CHECK(crypto::verify(outside.public_key(), kMessage, crypto::sign(key, kMessage)));
}

TEST_CASE("A token's key does not come out", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  const PrivateKey key = token.load("object=p256");
  CHECK_THROWS_WITH(key.to_pem(), Catch::Contains("does not leave its token"));
  CHECK_THROWS_WITH(key.scalar(), Catch::Contains("does not leave its token"));
  CHECK_THROWS_WITH(key.handle(), Catch::Contains("does not leave its token"));
  const PrivateKey other = PrivateKey::generate(Curve::p384);
  CHECK_THROWS_WITH(crypto::agree(key, other.public_key()), Catch::Contains("not on the same curve"));
}

TEST_CASE("A public half that the token does not tell is the certificate's", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  CHECK_THROWS_WITH(token.load("object=alone"), Catch::Contains("does not tell the key's public half"));
  const PrivateKey key = token.load("object=alone", &token.alone.public_key());
  CHECK(key.is_of(token.alone.public_key()));
  check_works(key, token.alone);
  CHECK_THROWS_WITH(token.load("object=alone", &token.p384.public_key()), Catch::Contains("not of the certificate's curve"));
  CHECK(token.load("object=p256", &token.alone.public_key()).is_of(token.p256.public_key()));  // the token knows better
}

TEST_CASE("What is wrong with a URI or a token is said, with what to do", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  using Catch::Contains;
  CHECK_THAT(fault("pkcs11:token=arpf;object=absent;type=private", token.module),
             Contains("pkcs11:token=arpf;object=absent;type=private: the token has no such private key: correct object= or id="));
  CHECK_THAT(fault("pkcs11:token=absent;object=p256", token.module), Contains("there is no such token") && Contains("there are: arpf"));
  CHECK_THAT(fault("pkcs11:token=arpf;type=private", token.module), Contains("names no object: add object=LABEL, or id=%01"));
  CHECK_THAT(fault("pkcs11:token=arpf;object=p256;type=public", token.module), Contains("is not of type=private"));
  CHECK_THAT(fault("pkcs11:token=arpf;object=p256?pin-value=1234", token.module), Contains("has no place in the URI") && !Contains("1234"));
  CHECK_THAT(fault("pkcs11:token=arpf;objekt=p256;id=%01", token.module), Contains("RFC 7512 does not know"));
  CHECK_THAT(fault("pkcs11:token=arpf;id=%0", token.module), Contains("is not a PKCS#11 URI"));
  CHECK_THAT(fault("file:arpf.key", token.module), Contains("is not a PKCS#11 URI"));
  {
    const test::TokenSession session(token.module);
    session.put(token.p384, "p256", 9, {});
  }
  CHECK_THAT(fault("pkcs11:token=arpf;object=p256", token.module), Contains("several private keys fit: say which"));
  CHECK(fault("pkcs11:token=arpf;object=p256;id=%01", token.module).empty());
}

TEST_CASE("One of several tokens must be named", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const test::SoftHsm hsm;
  hsm.init_token("operator");
  const auto module = hsm.load();
  test::TokenSession(module, "operator").put(PrivateKey::generate(Curve::p256), "key", 1, {});
  CHECK_THAT(fault("pkcs11:object=key", module), Catch::Contains("several tokens fit: say which"));
  CHECK_THAT(fault("pkcs11:token=arpf;object=key", module), Catch::Contains("no such private key"));
  CHECK(fault("pkcs11:token=operator;object=key", module).empty());
}

TEST_CASE("A wrong PIN is tried once and never again", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const test::SoftHsm hsm;
  const PrivateKey outside = PrivateKey::generate(Curve::p256);
  hsm.import_to_sign(outside, "key", "01");
  const std::string uri = "pkcs11:token=arpf;object=key";
  {
    const auto module = hsm.load("4321");
    CHECK_THAT(fault(uri, module), Catch::Contains("the token refuses the PIN") && Catch::Contains("correct the PIN's file"));
    CHECK_THAT(fault(uri, module), Catch::Contains("was refused before, and is not tried again"));
  }
  CHECK(fault(uri, hsm.load()).empty());
}

TEST_CASE("A module that is absent, or none, is named", "[crypto][token]") {
  using Catch::Contains;
  const auto load = [](const std::string& path) { return crypto::TokenModule::load(path, base::SecretBytes(4)); };
  CHECK_THROWS_WITH(load("/absent/module.so"), Contains("the PKCS#11 module /absent/module.so cannot be loaded: install it, or correct its path"));
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(load(folder.write("module.so", "no library")), Contains("cannot be loaded"));
}

TEST_CASE("Several threads use one key of a token at once", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  const PrivateKey key = token.load("object=p256");
  const PrivateKey peer = PrivateKey::generate(Curve::p256);
  const auto expected = crypto::agree(peer, token.p256.public_key());
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        if (crypto::agree(key, peer.public_key()) == expected) ++right;
        if (crypto::verify(token.p256.public_key(), kMessage, crypto::sign(key, kMessage))) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 4 * 50 * 2);
}

TEST_CASE("Sessions and logins that are lost are taken up again", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  const PrivateKey key = token.load("object=p256");
  const PrivateKey other = token.load("object=p384");
  for (int i = 0; i < 3; ++i) {
    test::TokenSession(token.module).close_all();
    check_works(key, token.p256);
    check_works(other, token.p384);
    test::TokenSession(token.module).log_out();
    check_works(key, token.p256);
    check_works(other, token.p384);
  }
}

TEST_CASE("Several threads take up lost sessions at once", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  const PrivateKey key = token.load("object=p256");
  std::atomic<int> right = 0;
  for (int round = 0; round < 5; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5; ++i) {
          if (crypto::verify(token.p256.public_key(), kMessage, crypto::sign(key, kMessage))) ++right;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    test::TokenSession(token.module).close_all();  // not beside them: SoftHSM crashes in the calls that use the sessions
  }
  CHECK(right == 5 * 4 * 5);
}

TEST_CASE("A token that lost the key answers with a CryptoError that names it", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const test::SoftHsm hsm;
  hsm.import_to_sign(PrivateKey::generate(Curve::p256), "key", "01");
  const PrivateKey key = PrivateKey::from_token("pkcs11:token=arpf;object=key", hsm.load());
  CHECK_NOTHROW(crypto::sign(key, kMessage));
  std::filesystem::remove_all(hsm.folder() / "tokens");
  CHECK_THROWS_WITH(crypto::sign(key, kMessage), Catch::StartsWith("pkcs11:token=arpf;object=key: "));
}

TEST_CASE("A token's key is refused in a child process, and ends there without harm", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  const Token token;
  auto key = std::make_unique<PrivateKey>(token.load("object=p256"));
  const pid_t child = fork();
  if (child == 0) {
    int status = 1;
    try {
      (void)crypto::sign(*key, kMessage);
    } catch (const crypto::CryptoError& error) {
      status = std::string(error.what()).find("child process") != std::string::npos ? 0 : 2;
    }
    key.reset();
    _exit(status);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  check_works(*key, token.p256);
}

TEST_CASE("OpenSSL works on when the module has gone", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  { const Token token; }
  check_works(PrivateKey::from_scalar(Curve::p256, base::Bytes(32, 7)), PrivateKey::from_scalar(Curve::p256, base::Bytes(32, 7)));
  CHECK(crypto::random_octets<16>() != crypto::random_octets<16>());
}
