#include "lib/service/home_network_keys.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support/temporary_folder.hpp"

using crypto::EciesPrivateKey;
using crypto::EciesProfile;

namespace {

struct HomeNetworkKeysFixture {
  HomeNetworkKeysFixture() {
    (void)folder.write("a.key", base::as_text(a.to_pem().reveal()));
    (void)folder.write("b.key", base::as_text(b.to_pem().reveal()));
    (void)folder.write("p384.key", base::as_text(crypto::PrivateKey::generate(crypto::Curve::p384).to_pem().reveal()));
  }
  /// An item of the list.
  [[nodiscard]] std::string item(const std::string& id, const std::string& scheme, const std::string& file) const {
    return "  - {id: " + id + ", scheme: " + scheme + ", private_key: " + folder / file + "}\n";
  }
  /// Reads the list; its problems are those of the document.
  std::shared_ptr<const aka::HomeNetworkKeys> read(const std::string& items) {
    const auto document = service::YamlDocument::parse(items.empty() ? "" : "home_network_keys:\n" + items, "x.yaml");
    auto out = service::read_home_network_keys(document.root());
    try {
      document.finish();
      problems.clear();
    } catch (const service::ConfigError& error) {
      problems = error.what();
    }
    return out;
  }
  static std::string suci(std::uint8_t id, const EciesPrivateKey& key) {
    const auto imsi = profile::Imsi::from_digits("901700000000001").value();
    return aka::conceal(imsi, {"901", "70"}, "0", {id, key.public_key()}, EciesPrivateKey::generate(key.profile()));
  }
  test::TemporaryFolder folder;
  EciesPrivateKey a = EciesPrivateKey::generate(EciesProfile::a);
  EciesPrivateKey b = EciesPrivateKey::generate(EciesProfile::b);
  std::string problems;
};

}  // namespace

TEST_CASE_METHOD(HomeNetworkKeysFixture, "Home network keys are read by id and scheme", "[service][suci]") {
  const auto keys = read(item("1", "A", "a.key") + item("255", "B", "b.key") + item("7", "A", "a.key"));
  CHECK(problems.empty());
  REQUIRE(keys->size() == 3);
  for (const std::string& text : {suci(1, a), suci(255, b), suci(7, a)}) {
    CHECK(keys->deconceal(aka::parse_suci(text)).digits() == "901700000000001");
  }
  CHECK_THROWS_AS(keys->deconceal(aka::parse_suci(suci(2, a))), aka::SuciError);
}

TEST_CASE_METHOD(HomeNetworkKeysFixture, "Without home network keys there is the null scheme", "[service][suci]") {
  const auto keys = read("");
  CHECK(problems.empty());
  REQUIRE(keys);
  CHECK(keys->size() == 0);
  CHECK(keys->deconceal(aka::parse_suci("suci-0-901-70-0-0-0-0000000001")).digits() == "901700000000001");
}

TEST_CASE_METHOD(HomeNetworkKeysFixture, "An id that is none, or another key's, has its place in the problem", "[service][suci]") {
  for (const char* id : {"0", "-1"}) {
    CHECK(read(item(id, "A", "a.key"))->size() == 0);
    CHECK(problems == std::string("x.yaml:2:10: home_network_keys[0].id: ") + id + " is too small (at least 1)");
  }
  CHECK(read(item("256", "A", "a.key"))->size() == 0);
  CHECK(problems == "x.yaml:2:10: home_network_keys[0].id: 256 is too large (at most 255)");
  (void)read(item("one", "A", "a.key"));
  CHECK(problems == "x.yaml:2:10: home_network_keys[0].id: one is not a whole number");
  (void)read("  - {scheme: A, private_key: " + folder / "a.key" + "}\n");
  CHECK(problems == "x.yaml:2:5: home_network_keys[0].id: is missing");
  (void)read(item("4", "A", "a.key") + item("5", "B", "b.key") + item("4", "B", "b.key"));
  CHECK(problems == "x.yaml:4:10: home_network_keys[2].id: 4 is another key's already");
  (void)read(item("4", "A", "absent.key") + item("4", "B", "b.key"));
  CHECK_THAT(problems, Catch::Contains("x.yaml:3:10: home_network_keys[1].id: 4 is another key's already"));
  (void)read(item("0", "A", "a.key") + item("0", "B", "b.key") + item("1", "B", "b.key"));
  CHECK_THAT(problems, !Catch::Contains("already"));
}

TEST_CASE_METHOD(HomeNetworkKeysFixture, "A scheme is A or B", "[service][suci]") {
  for (const char* scheme : {"a", "C", "1", "null", "X25519"}) {
    CAPTURE(scheme);
    CHECK(read(item("1", std::string("\"") + scheme + "\"", "a.key"))->size() == 0);
    CHECK(problems == std::string("x.yaml:2:21: home_network_keys[0].scheme: ") + scheme + " is neither A (X25519) nor B (P-256)");
  }
  (void)read("  - {id: 1, private_key: " + folder / "a.key" + "}\n");
  CHECK(problems == "x.yaml:2:5: home_network_keys[0].scheme: is missing");
}

TEST_CASE_METHOD(HomeNetworkKeysFixture, "A key of another curve, or that is none, is named", "[service][suci]") {
  const auto problem = [this](const std::string& scheme, const std::string& file) {
    CHECK(read(item("1", scheme, file))->size() == 0);
    CHECK_THAT(problems, Catch::StartsWith("x.yaml:2:37: home_network_keys[0].private_key: "));
    return problems;
  };
  CHECK_THAT(problem("A", "b.key"), Catch::EndsWith("b.key: the key is not an X25519 key, as profile A asks"));
  CHECK_THAT(problem("A", "p384.key"), Catch::EndsWith("the key is not an X25519 key, as profile A asks"));
  CHECK_THAT(problem("B", "a.key"), Catch::EndsWith("a.key: the key is not a P-256 key, as profile B asks"));
  CHECK_THAT(problem("B", "p384.key"), Catch::EndsWith("the key is not a P-256 key, as profile B asks"));
  (void)folder.write("none.key", "no key");
  CHECK_THAT(problem("A", "none.key"), Catch::Contains("no unencrypted private key in PEM"));
  (void)folder.write("public.key", a.public_key().to_pem());
  CHECK_THAT(problem("A", "public.key"), Catch::Contains("no unencrypted private key in PEM"));
  CHECK_THAT(problem("A", "absent.key"), Catch::EndsWith("absent.key cannot be read"));
}

TEST_CASE_METHOD(HomeNetworkKeysFixture, "A home network key that others may read is refused", "[service][suci]") {
  const auto with_mode = [this](unsigned mode) {
    std::filesystem::permissions(folder / "a.key", static_cast<std::filesystem::perms>(mode));
    return read(item("1", "A", "a.key"))->size();
  };
  for (const unsigned mode : {0600U, 0400U}) CHECK(with_mode(mode) == 1);
  for (const unsigned mode : {0640U, 0604U, 0644U, 0620U}) {
    CAPTURE(mode);
    CHECK(with_mode(mode) == 0);
    CHECK_THAT(problems, Catch::StartsWith("x.yaml:2:37: home_network_keys[0].private_key: ") && Catch::EndsWith("chmod 600 it"));
  }
}

TEST_CASE_METHOD(HomeNetworkKeysFixture, "A list of something else is a problem", "[service][suci]") {
  (void)read("  - 1\n");
  CHECK_THAT(problems, Catch::Contains("home_network_keys[0]: is not a map"));
  (void)read(item("1", "A", "a.key") + "  - {id: 2, scheme: B, private_key: " + folder / "b.key" + ", public_key: x}\n");
  CHECK_THAT(problems, Catch::Contains("home_network_keys[1].public_key: is not known here"));
}
