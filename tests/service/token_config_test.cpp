// `pkcs11:` URIs and the three kinds of key_encryption_key in a configuration, against SoftHSM2 for real.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "lib/crypto/cms.hpp"
#include "lib/service/key_files.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/soft_hsm.hpp"

using Catch::Contains;
using crypto::KeyUsage;
using service::YamlDocument;

namespace {

const std::string kDigits = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

struct Reading {
  /// What `reader` makes of a document, and its problems.
  template <class Reader>
  auto read(const std::string& text, const Reader& reader) {
    const auto document = YamlDocument::parse(text, "x.yaml");
    auto out = reader(document.root());
    problems.clear();
    try {
      document.finish();
    } catch (const service::ConfigError& error) {
      problems = error.what();
    }
    return out;
  }
  auto key_encryption_key(const std::string& value) {
    return read("kek: " + value + "\n", [](const service::Section& root) { return service::read_key_encryption_key(root, "kek"); });
  }
  test::TemporaryFolder folder;
  std::string problems;
};

/// A token with the key of a certificate that agrees, one that signs, and one that is in the token as what it is not.
struct TokenReading : Reading {
  TokenReading() {
    const test::TokenSession session(hsm.load());
    session.put(agreeing.key, "agreeing", 1, {.signs = false});
    session.put(signing.key, "signing", 2, {.derives = false});
    session.put(signing.key, agreeing.key.public_key(), "false", 3, {});
    session.put(agreeing.key, "not-permitted", 4, {.derives = false, .has_public_half = false});
    (void)folder.write("agreeing.pem", agreeing.certificate.pem());
    (void)folder.write("signing.pem", signing.certificate.pem());
    (void)folder.write("pin", "1234\n");
  }
  [[nodiscard]] std::string pkcs11(const std::string& module = test::soft_hsm_module()) const {
    return "pkcs11: {module: " + module + ", pin_file: " + folder / "pin" + "}\n";
  }
  auto key_pair(const std::string& certificate, const std::string& object, const std::string& more) {
    return read("certificate: " + folder / certificate + "\nprivate_key: \"pkcs11:token=arpf;object=" + object + ";type=private\"\n" + more,
                [](const service::Section& root) { return service::read_key_pair(root, service::Dates::matter, service::read_tokens(root)); });
  }
  test::SoftHsm hsm;
  test::Identity agreeing = test::identity(test::template_for("agreeing", {KeyUsage::key_agreement}), crypto::Curve::p256);
  test::Identity signing = test::identity(test::template_for("signing", {KeyUsage::digital_signature}), crypto::Curve::p256);
};

/// A descriptor of a file that holds `content`.
std::string descriptor_of(const test::TemporaryFolder& folder, const std::string& content) {
  return std::to_string(open(folder.write("handed-over", content).c_str(), O_RDONLY));
}

}  // namespace

TEST_CASE("A private key in an HSM is read, with its certificate, and used once", "[service][token]") {
  if (test::is_without_soft_hsm()) return;
  TokenReading fixture;
  const auto agreeing = fixture.key_pair("agreeing.pem", "agreeing", fixture.pkcs11());
  CHECK(fixture.problems.empty());
  REQUIRE(agreeing);
  CHECK(agreeing->key->token() != nullptr);
  CHECK(agreeing->certificate == fixture.agreeing.certificate);
  const auto signing = fixture.key_pair("signing.pem", "signing", fixture.pkcs11());
  CHECK(fixture.problems.empty());
  CHECK(signing);
}

TEST_CASE("A private key in an HSM that is not the certificate's, or may not do what that is for, is a problem", "[service][token]") {
  if (test::is_without_soft_hsm()) return;
  TokenReading fixture;
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "signing", fixture.pkcs11()));
  CHECK_THAT(fixture.problems, Contains("x.yaml:2:14: private_key: is not the key of the certificate"));
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "false", fixture.pkcs11()));  // the token itself says that it is
  CHECK_THAT(fixture.problems, Contains("private_key: the token's key is not the key of the certificate"));
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "not-permitted", fixture.pkcs11()));
  CHECK_THAT(fixture.problems, Contains("private_key: pkcs11:token=arpf;object=not-permitted;type=private: the token makes no key agreement"));
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "absent", fixture.pkcs11()));
  CHECK_THAT(fixture.problems, Contains("private_key: pkcs11:token=arpf;object=absent;type=private: the token has no such private key"));
}

TEST_CASE("What is wrong with the section pkcs11 is told of, with its key", "[service][token]") {
  if (test::is_without_soft_hsm()) return;
  TokenReading fixture;
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "agreeing", ""));
  CHECK_THAT(fixture.problems, Contains("x.yaml:2:14: private_key: is in an HSM: the section pkcs11, beside logger, must name its module and pin_file"));
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "agreeing", "pkcs11: {}\n"));
  CHECK_THAT(fixture.problems, Contains("pkcs11.module: is missing") && Contains("pkcs11.pin_file: is missing"));
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "agreeing", fixture.pkcs11("/absent.so")));
  CHECK_THAT(fixture.problems, Contains("pkcs11.module: the PKCS#11 module /absent.so cannot be loaded") && !Contains("private_key"));
  (void)fixture.folder.write("pin", "4321\n");
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "agreeing", fixture.pkcs11()));
  CHECK_THAT(fixture.problems, Contains("the token refuses the PIN") && !Contains("4321"));
  for (const std::string pin : {"", "\n", "1234\n5678\n"}) {
    (void)fixture.folder.write("pin", pin);
    CHECK_FALSE(fixture.key_pair("agreeing.pem", "agreeing", fixture.pkcs11()));
    CHECK_THAT(fixture.problems, Contains("pkcs11.pin_file: the file " + fixture.folder / "pin" + " is not one line, the PIN"));
  }
  (void)fixture.folder.write("pin", "1234");
  std::filesystem::permissions(fixture.folder / "pin", std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  CHECK_FALSE(fixture.key_pair("agreeing.pem", "agreeing", fixture.pkcs11()));
  CHECK_THAT(fixture.problems, Contains("pkcs11.pin_file: the file") && Contains("chmod 600"));
}

TEST_CASE("A wrapped key-encryption key is opened by a key in an HSM", "[service][token]") {
  if (test::is_without_soft_hsm()) return;
  TokenReading fixture;
  const auto octets = *base::from_hex(kDigits);
  const std::string envelope(base::as_text(crypto::envelop(octets, fixture.agreeing.certificate)));
  const auto read = [&fixture](const std::string& content) {
    const std::string text = "kek: {wrapped: " + fixture.folder.write("kek.cms", content) + ", certificate: " + fixture.folder / "agreeing.pem" +
                             ", private_key: \"pkcs11:token=arpf;object=agreeing\"}\n" + fixture.pkcs11();
    return fixture.read(text, [](const service::Section& root) { return service::read_key_encryption_key(root, "kek", service::read_tokens(root)); });
  };
  const auto key = read(envelope);
  CHECK(fixture.problems.empty());
  REQUIRE(key);
  CHECK(base::to_hex(key->reveal()) == kDigits);

  std::string broken = envelope;
  broken.back() = static_cast<char>(broken.back() ^ 1);
  CHECK_FALSE(read(broken));
  CHECK_THAT(fixture.problems, Contains("kek.wrapped: " + fixture.folder / "kek.cms" + ": the envelope was changed"));
  const base::Bytes shorter(octets.begin(), octets.end() - 1);
  CHECK_FALSE(read(std::string(base::as_text(crypto::envelop(shorter, fixture.agreeing.certificate)))));
  CHECK_THAT(fixture.problems, Contains("holds another number of octets than 32"));
}

TEST_CASE_METHOD(Reading, "A wrapped key-encryption key is opened by a key in a file, too", "[service][token]") {
  const auto own = test::identity(test::template_for("own", {KeyUsage::key_agreement}), crypto::Curve::p384);
  const auto octets = *base::from_hex(kDigits);
  const std::string rest = ", certificate: " + folder.write("own.pem", own.certificate.pem()) +
                           ", private_key: " + folder.write("own.key", base::as_text(own.key.to_pem().reveal())) + "}";
  const std::string wrapped = folder.write("kek.cms", base::as_text(crypto::envelop(octets, own.certificate)));
  const auto key = key_encryption_key("{wrapped: " + wrapped + rest);
  CHECK(problems.empty());
  REQUIRE(key);
  CHECK(base::to_hex(key->reveal()) == kDigits);
  CHECK_FALSE(key_encryption_key("{wrapped: /absent" + rest));
  CHECK_THAT(problems, Contains("kek.wrapped: /absent: the file cannot be read"));
  CHECK_FALSE(key_encryption_key("{wrapped: " + wrapped + ", descriptor: X" + rest));
  CHECK_THAT(problems, Contains("kek: needs either wrapped, with certificate and private_key, or descriptor"));
  CHECK_FALSE(key_encryption_key("{}"));
  CHECK_THAT(problems, Contains("needs either wrapped"));
}

TEST_CASE_METHOD(Reading, "A key-encryption key is read once from a descriptor that the environment names", "[service][token]") {
  for (const char* const end : {"", "\n"}) {
    const std::string descriptor = descriptor_of(folder, kDigits + end);
    setenv("TEST_KEK_FD", descriptor.c_str(), 1);
    const auto key = key_encryption_key("{descriptor: TEST_KEK_FD}");
    CHECK(problems.empty());
    REQUIRE(key);
    CHECK(base::to_hex(key->reveal()) == kDigits);
    CHECK(fcntl(std::stoi(descriptor), F_GETFD) == -1);  // closed
    CHECK(std::getenv("TEST_KEK_FD") == nullptr);
  }
  CHECK_FALSE(key_encryption_key("{descriptor: TEST_KEK_FD}"));
  CHECK_THAT(problems, Contains("x.yaml:1:19: kek.descriptor: the environment variable TEST_KEK_FD is not the number of a file descriptor"));
  for (const char* const number : {"", "x", "3x", "-1", "2", "99999999999"}) {
    CAPTURE(number);
    setenv("TEST_KEK_FD", number, 1);
    CHECK_FALSE(key_encryption_key("{descriptor: TEST_KEK_FD}"));
    CHECK_THAT(problems, Contains("is not the number of a file descriptor"));
  }
  unsetenv("TEST_KEK_FD");
  for (const std::string& content : {std::string(), kDigits.substr(1), kDigits + kDigits + kDigits, "x" + kDigits.substr(1)}) {
    CAPTURE(content);
    setenv("TEST_KEK_FD", descriptor_of(folder, content).c_str(), 1);
    CHECK_FALSE(key_encryption_key("{descriptor: TEST_KEK_FD}"));
    CHECK_THAT(problems, Contains("does not give 64 hex digits alone") && !Contains("44556677"));
  }
}
