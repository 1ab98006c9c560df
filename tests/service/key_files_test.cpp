#include "lib/service/key_files.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>

#include "tests/support/certificates.hpp"
#include "tests/support/temporary_folder.hpp"

using service::ConfigError;
using service::YamlDocument;

namespace {

struct KeyFilesFixture {
  KeyFilesFixture() {
    (void)folder.write("own.crt", own.certificate.pem());
    (void)folder.write("own.key", base::as_text(own.key.to_pem().reveal()));
    (void)folder.write("other.key", base::as_text(other.key.to_pem().reveal()));
  }
  static test::Identity made(const char* name, crypto::Curve curve = crypto::Curve::p256) {
    return test::identity(test::template_for(name, {crypto::KeyUsage::digital_signature}), curve);
  }
  void allow(const std::string& name, unsigned mode) {
    std::filesystem::permissions(folder / name, static_cast<std::filesystem::perms>(mode));
  }
  /// What `reader` makes of a document, and its problems.
  template <class Reader>
  auto read_files(const std::string& text, const Reader& reader) {
    const auto document = YamlDocument::parse(text, "x.yaml");
    auto out = reader(document.root());
    warnings = document.warnings();
    try {
      document.finish();
      problems.clear();
    } catch (const ConfigError& error) {
      problems = error.what();
    }
    return out;
  }
  auto key_pair(const std::string& certificate, const std::string& key, service::Dates dates = service::Dates::matter) {
    return read_files("certificate: " + folder / certificate + "\nprivate_key: " + folder / key + "\n",
                      [dates](const service::Section& root) { return service::read_key_pair(root, dates); });
  }
  auto key_encryption_key(const std::string& content) {
    const auto path = folder.write("kek", content);
    return read_files("kek: " + path + "\n", [](const service::Section& root) { return service::read_key_encryption_key(root, "kek"); });
  }
  test::TemporaryFolder folder;
  test::Identity own = made("own");
  test::Identity other = made("other");
  std::string problems;
  std::vector<std::string> warnings;
};

}  // namespace

TEST_CASE_METHOD(KeyFilesFixture, "A certificate that is not valid now is told of, and keeps nobody from starting", "[service][key-files]") {
  CHECK(key_pair("own.crt", "own.key"));
  CHECK(warnings.empty());
  auto wanted = test::template_for("own", {crypto::KeyUsage::digital_signature});
  std::string why;
  SECTION("expired") {
    wanted.not_after = base::system_now() - std::chrono::seconds(10);
    why = "the certificate has expired";
  }
  SECTION("not valid yet") {
    wanted.not_before = base::system_now() + std::chrono::hours(1);
    why = "the certificate is not valid yet";
  }
  const std::string path = folder.write("own.crt", crypto::issue(wanted, own.key.public_key(), own.key, nullptr).pem());
  CHECK(key_pair("own.crt", "own.key"));
  CHECK(problems.empty());
  CHECK(warnings == std::vector{"x.yaml:1:14: certificate: " + path + ": " + why});
  CHECK(key_pair("own.crt", "own.key", service::Dates::do_not_matter));
  CHECK(warnings.empty());
  const auto all = read_files("list: [" + path + "]\n", [](const service::Section& root) { return service::read_certificates(root, "list"); });
  CHECK(all.size() == 1);
  CHECK(warnings == std::vector{"x.yaml:1:7: list: " + path + ": " + why});
}

TEST_CASE_METHOD(KeyFilesFixture, "A revocation list that is out of date is told of, and keeps nobody from starting", "[service][key-files]") {
  const auto now = base::system_now();
  const auto write_list = [this](base::Time from, base::Time to) {
    const auto list = crypto::issue_revocation_list(own.certificate, own.key, {}, from, to);
    return folder.write("own.crl", base::as_text(list.der()));
  };
  std::string path = write_list(now - std::chrono::hours(1), now + std::chrono::hours(1));
  const auto read = [&] {
    return read_files("list: [" + path + "]\n", [](const service::Section& root) { return service::read_revocation_lists(root, "list"); }).size();
  };
  CHECK(read() == 1);
  CHECK(warnings.empty());
  path = write_list(now - std::chrono::hours(2), now - std::chrono::hours(1));
  CHECK(read() == 1);
  CHECK(problems.empty());
  CHECK(warnings == std::vector{"x.yaml:1:7: list: " + path + ": " + std::string(crypto::describe(crypto::ChainFault::revocation_list_expired))});
}

TEST_CASE_METHOD(KeyFilesFixture, "A certificate and its key are read", "[service][key-files]") {
  const auto pair = key_pair("own.crt", "own.key");
  CHECK(problems.empty());
  REQUIRE(pair);
  CHECK(pair->certificate == own.certificate);
  CHECK(pair->key->public_key().point() == own.key.public_key().point());
}

TEST_CASE_METHOD(KeyFilesFixture, "A key of another certificate is refused", "[service][key-files]") {
  CHECK_FALSE(key_pair("own.crt", "other.key"));
  CHECK(problems == "x.yaml:2:14: private_key: is not the key of the certificate");
  const auto p384 = made("other", crypto::Curve::p384);
  (void)folder.write("other.key", base::as_text(p384.key.to_pem().reveal()));
  CHECK_FALSE(key_pair("own.crt", "other.key"));
}

TEST_CASE_METHOD(KeyFilesFixture, "A key file that others may read is refused", "[service][key-files]") {
  for (const unsigned mode : {0600U, 0400U, 0700U}) {
    allow("own.key", mode);
    CHECK(key_pair("own.crt", "own.key"));
  }
  for (const unsigned mode : {0640U, 0604U, 0610U, 0601U, 0620U, 0602U, 0644U}) {
    CAPTURE(mode);
    allow("own.key", mode);
    CHECK_FALSE(key_pair("own.crt", "own.key"));
    CHECK_THAT(problems, Catch::Contains("chmod 600"));
  }
}

TEST_CASE_METHOD(KeyFilesFixture, "A key file that an access list keeps for its owner and us passes, as systemd's credentials do; one for others is refused",
                 "[service][key-files]") {
  struct Entry {
    unsigned tag, permissions;
    std::uint32_t id;
  };
  constexpr std::uint32_t kNobody = 0xFFFFFFFF;
  const std::uint32_t us = geteuid();
  const auto give = [&](std::vector<Entry> entries) {
    std::string octets{2, 0, 0, 0};
    const auto add = [&octets](std::uint32_t value, int count) {
      for (int i = 0; i < count; ++i) octets.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
    };
    for (const Entry& entry : entries) {
      add(entry.tag, 2);
      add(entry.permissions, 2);
      add(entry.id, 4);
    }
    return setxattr((folder / "own.key").c_str(), "system.posix_acl_access", octets.data(), octets.size(), 0) == 0;
  };
  // owner, we, the owning group, mask, others
  const std::vector<Entry> sound{{1, 4, kNobody}, {2, 4, us}, {4, 0, kNobody}, {0x10, 4, kNobody}, {0x20, 0, kNobody}};
  if (!give(sound)) {
    std::cout << "skipped: this file system has no access control lists\n";
    return;
  }
  struct stat status {};
  REQUIRE(stat((folder / "own.key").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 07777) == 0440);
  CHECK(key_pair("own.crt", "own.key"));
  auto wrong = sound;
  wrong[1].id = us + 1;
  REQUIRE(give(wrong));
  CHECK(key_pair("own.crt", "own.key").has_value() == (us == 0));  // root runs the commands of a function that has a user of its own

  wrong = sound;
  SECTION("other users") {
    wrong[1].id = us + 1;
    wrong.insert(wrong.begin() + 2, {2, 4, us + 2});
  }
  SECTION("the owning group") { wrong[2].permissions = 4; }
  SECTION("another group") { wrong.insert(wrong.begin() + 3, {8, 4, 1234}); }
  SECTION("others") { wrong[4].permissions = 4; }
  SECTION("more than to read it") { wrong[1].permissions = wrong[3].permissions = 6; }
  REQUIRE(give(wrong));
  CHECK_FALSE(key_pair("own.crt", "own.key"));
  CHECK_THAT(problems, Catch::Contains("own.key may be read by others: chmod 600 it"));
}

TEST_CASE_METHOD(KeyFilesFixture, "Key files that are absent or no keys are named", "[service][key-files]") {
  CHECK_FALSE(key_pair("own.crt", "absent.key"));
  CHECK_THAT(problems, Catch::Contains("private_key: the file " + folder / "absent.key" + " cannot be read"));
  CHECK_FALSE(key_pair("absent.crt", "own.key"));
  CHECK_THAT(problems, Catch::StartsWith("x.yaml:1:14: certificate: " + folder / "absent.crt"));
  (void)folder.write("own.key", "no key");
  CHECK_FALSE(key_pair("own.crt", "own.key"));
  CHECK_THAT(problems, Catch::Contains("private_key: " + folder / "own.key"));
  (void)folder.write("own.crt", "no certificate");
  CHECK_FALSE(key_pair("own.crt", "other.key"));
  CHECK_THAT(problems, Catch::Contains("certificate: " + folder / "own.crt"));
}

TEST_CASE_METHOD(KeyFilesFixture, "Lists of certificates tell each file at fault", "[service][key-files]") {
  const auto all = read_files("list:\n  - " + folder / "own.crt" + "\n  - /absent\n  - " + folder / "own.key" + "\n",
                              [](const service::Section& root) { return service::read_certificates(root, "list"); });
  CHECK(all.size() == 1);
  CHECK_THAT(problems, Catch::Contains("/absent") && Catch::Contains(folder / "own.key"));
}

TEST_CASE_METHOD(KeyFilesFixture, "A key-encryption key is 64 hex digits, as openssl rand writes them", "[service][key-files]") {
  const std::string digits = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";
  for (const char* const end : {"", "\n", "\r\n"}) {
    const auto key = key_encryption_key(digits + end);
    CHECK(problems.empty());
    REQUIRE(key);
    CHECK(base::to_hex(key->reveal()) == "00112233445566778899aabbccddeeffffeeddccbbaa99887766554433221100");
  }
  const std::string content = GENERATE_REF(std::string(), digits.substr(1), digits + "0", digits + digits, "x" + digits.substr(1), " " + digits,
                                           digits.substr(0, 32) + "\n" + digits.substr(32), digits + "\nmore", digits.substr(0, 63) + "\n");
  CAPTURE(content);
  CHECK_FALSE(key_encryption_key(content));
  CHECK_THAT(problems, Catch::Contains("does not hold 64 hex digits"));
  CHECK_THAT(problems, !Catch::Contains("44556677"));
}

TEST_CASE_METHOD(KeyFilesFixture, "A key-encryption key that others may read, or that is not there, is refused", "[service][key-files]") {
  const auto read_it = [this] {
    return read_files("kek: " + folder / "kek" + "\n", [](const service::Section& root) { return service::read_key_encryption_key(root, "kek"); });
  };
  CHECK_FALSE(read_it());
  CHECK_THAT(problems, Catch::Contains("cannot be read"));
  (void)folder.write("kek", std::string(64, '0'));
  CHECK(read_it());
  allow("kek", 0640);
  CHECK_FALSE(read_it());
  CHECK_THAT(problems, Catch::Contains("chmod 600"));
}
