#include "nf-ausf-ext/rotate_keys.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <unordered_set>

#include "lib/profile/discovery_vector.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "lib/store/backup.hpp"
#include "lib/store/secrets.hpp"
#include "nf-ausf-ext/authentication_contexts.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "tests/scenarios/lab.hpp"

/// Keys at rest: sealed anew while the function serves, and nowhere in clear.

using namespace test;

namespace {

using Kek = std::shared_ptr<const crypto::KeyEncryptionKey>;

struct KeysLab : Lab {
  KeysLab() {
    start_arpf();
    start_d_ausf();
  }
  void start_with(const Kek& key, const Kek& former = nullptr) {
    ausf.reset();
    auto config = ausf_ext_config();
    config.key_encryption_key = key;
    config.former_key_encryption_key = former;
    start_ausf_ext(config);
  }
  std::string challenge(const std::string& imsi) {
    return to_ausf("POST", "/nausf-auth/v1/ue-authentications", {{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}}).verdict();
  }
  /// Offers it; its IMSI.
  std::string onboard(const SecureElement& device) {
    const json answer = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + device.dimsi, offer(device)).content();
    REQUIRE(answer["state"] == "PRELOADED");
    return answer["imsi"];
  }
  /// The function's own key for the ids of contexts; of a function that has started.
  [[nodiscard]] base::SecretBytes context_key(const ausf_ext::KeyBox& keys) const {
    auto db = database();
    return ausf_ext::load_or_make_own_key(db, keys, "context-key", ausf_ext::ContextIds::kKeyOctets);
  }
  [[nodiscard]] static Kek new_key() { return std::make_shared<const crypto::KeyEncryptionKey>(crypto::random_octets<32>()); }
  [[nodiscard]] store::Database database() const { return store::Database::open(folder / "ausf-ext.db"); }
};

std::string text_of(base::BytesView octets) { return std::string(base::as_text(octets)); }

/// How often any 8 octets of one of the texts, from a multiple of 8, stand in the content: a page of the database may end within a text.
std::size_t count_in(std::string_view content, const std::set<std::string>& texts) {
  std::unordered_set<std::string_view> pieces;
  for (const std::string& text : texts) {
    for (std::size_t at = 0; at + 8 <= text.size(); at += 8) pieces.insert(std::string_view(text).substr(at, 8));
  }
  std::size_t out = 0;
  for (std::size_t at = 0; at + 8 <= content.size(); ++at) out += pieces.count(content.substr(at, 8));
  return out;
}

}  // namespace

TEST_CASE_METHOD(KeysLab, "Keys are sealed under a new key while the function serves", "[ausf-ext][rotation]") {
  const Kek before = new_key();
  const Kek after = new_key();
  start_with(before);
  const SecureElement one = make_device("901700000000001");
  const std::string imsi = onboard(one);
  start_with(after, before);
  CHECK(challenge(imsi) == "201");  // under the former key still
  const std::string second = onboard(make_device("901700000000002"));
  {
    auto other_process = database();
    CHECK(ausf_ext::rotate_keys(other_process, ausf_ext::KeyBox(after, before)) == 1);
    CHECK(ausf_ext::rotate_keys(other_process, ausf_ext::KeyBox(after, before)) == 0);  // again: nothing is left
  }
  CHECK(challenge(imsi) == "201");
  start_with(after);
  CHECK(challenge(imsi) == "201");
  CHECK(challenge(second) == "201");
  ausf.reset();
  CHECK_THROWS_WITH(start_with(before), Catch::Contains("key_encryption_key is not the one"));
}

TEST_CASE_METHOD(KeysLab, "The keys by which the function knows its ids are the same when they are sealed anew, and open under no other key", "[ausf-ext][rotation]") {
  const Kek before = new_key();
  const Kek after = new_key();
  start_with(before);
  const std::string key = text_of(context_key(ausf_ext::KeyBox(before)).reveal());
  REQUIRE(key.size() == ausf_ext::ContextIds::kKeyOctets);
  start_with(before);
  CHECK(text_of(context_key(ausf_ext::KeyBox(before)).reveal()) == key);  // each start has the same
  CHECK_THROWS_WITH(context_key(ausf_ext::KeyBox(after)), Catch::Contains("context-key cannot be opened"));
  auto db = database();
  (void)ausf_ext::rotate_keys(db, ausf_ext::KeyBox(after, before));
  CHECK(text_of(context_key(ausf_ext::KeyBox(after)).reveal()) == key);
  CHECK_THROWS_WITH(context_key(ausf_ext::KeyBox(before)), Catch::Contains("context-key cannot be opened"));
  const auto sealed = store::find_secret(db, "context-key").value();
  CHECK_FALSE(ausf_ext::KeyBox(after).open_own(sealed.reveal(), "relay-key"));  // nor by another name
}

TEST_CASE_METHOD(KeysLab, "A secret of the function's own that opens under neither key ends the rotation, and all stay as they are", "[ausf-ext][rotation]") {
  const Kek before = new_key();
  const Kek after = new_key();
  start_with(before);
  ausf.reset();
  auto db = database();
  store::put_secret(db, "relay-key", base::SecretBytes(ausf_ext::KeyBox(new_key()).seal_own(crypto::random_octets<16>(), "relay-key")));
  CHECK_THROWS_WITH(ausf_ext::rotate_keys(db, ausf_ext::KeyBox(after, before)), Catch::Contains("relay-key cannot be opened"));
  CHECK_FALSE(db.is_in_transaction());
  CHECK_NOTHROW(ausf_ext::require_key_of(db, ausf_ext::KeyBox(before)));
  CHECK_THROWS_WITH(start_with(before), Catch::Contains("relay-key cannot be opened"));
}

TEST_CASE_METHOD(KeysLab, "Keys of ids that an older version left in clear are not used any more", "[ausf-ext][rotation]") {
  const std::string schema = read_text(FIRST_ATTACH_SOURCE_DIR "/nf-ausf-ext/schema.sql");
  const base::Bytes clear(ausf_ext::ContextIds::kKeyOctets, 0x5a);
  const Kek kek = new_key();
  {
    auto db = database();
    store::migrate(db, schema.substr(0, schema.find("-- version 8")));
    store::put_secret(db, "context-key", base::SecretBytes(clear));
  }
  start_with(kek);
  CHECK(text_of(context_key(ausf_ext::KeyBox(kek)).reveal()) != text_of(clear));
}

TEST_CASE_METHOD(KeysLab, "A step under way does not bring a former seal back, and a retire wipes the key", "[ausf-ext][rotation]") {
  const Kek before = new_key();
  const Kek after = new_key();
  start_with(before);
  const SecureElement device = make_device("901700000000001");
  (void)onboard(device);
  ausf.reset();
  auto db = database();
  const auto dimsi = profile::DiscoveryImsi::from_digits(device.dimsi).value();
  ausf_ext::Device under_way = ausf_ext::find_device(db, dimsi).value();
  const ausf_ext::KeyBox keys(after, before);
  REQUIRE(ausf_ext::rotate_keys(db, keys) == 1);
  REQUIRE(ausf_ext::update_device(db, under_way, base::system_now()));
  CHECK(keys.is_sealed_anew(ausf_ext::find_device(db, dimsi)->sealed_key, dimsi));
  under_way.sealed_key.clear();
  REQUIRE(ausf_ext::update_device(db, under_way, base::system_now()));
  CHECK(ausf_ext::find_device(db, dimsi)->sealed_key.empty());
}

TEST_CASE_METHOD(KeysLab, "A key that opens under neither key is named, and stays as it is", "[ausf-ext][rotation]") {
  const Kek lost = new_key();
  start_with(lost);
  (void)onboard(make_device("901700000000001"));
  ausf.reset();
  auto db = database();
  CHECK_THROWS_WITH(ausf_ext::rotate_keys(db, ausf_ext::KeyBox(new_key(), new_key())), Catch::Contains("1 keys open under neither key, the first of them that of 901700000000001"));
  CHECK_FALSE(db.is_in_transaction());
  start_with(lost);
}

TEST_CASE_METHOD(KeysLab, "A device's key opens in its own row, and in no other device's", "[ausf-ext][secrecy]") {
  const Kek kek = new_key();
  start_with(kek);
  std::vector<std::string> imsis;
  for (const char* dimsi : {"901700000000001", "901700000000002"}) imsis.push_back(onboard(make_device(dimsi)));
  for (const std::string& imsi : imsis) CHECK(challenge(imsi) == "201");
  ausf.reset();
  {
    auto db = database();
    const ausf_ext::KeyBox keys(kek);
    const auto dimsi = [](const char* digits) { return profile::DiscoveryImsi::from_digits(digits).value(); };
    const base::Bytes sealed = ausf_ext::find_sealed(db)->sealed_key;
    CHECK(keys.opens(sealed, dimsi("901700000000001")) != keys.opens(sealed, dimsi("901700000000002")));
    db.script("CREATE TEMP TABLE swapped AS SELECT dimsi, ephemeral_key FROM devices");
    db.script("UPDATE devices SET ephemeral_key = (SELECT ephemeral_key FROM swapped s WHERE s.dimsi <> devices.dimsi)");
  }
  start_with(kek);
  for (const std::string& imsi : imsis) CHECK(challenge(imsi).starts_with("500"));
}

TEST_CASE_METHOD(KeysLab, "Database and backup of a thousand devices have none of their keys, nor the key that seals them", "[ausf-ext][secrecy]") {
  const Kek kek = new_key();
  start_with(kek);
  constexpr int kDeviceCount = 1000;
  std::vector<SecureElement> devices;
  std::string lines;
  for (int i = 0; i < kDeviceCount; ++i) {
    const std::string number = std::to_string(i);
    devices.push_back(make_device("90170" + std::string(10 - number.size(), '0') + number));
    json line = offer(devices.back());
    line["dimsi"] = devices.back().dimsi;
    lines += line.dump() + "\n";
  }
  const Answer import = caller.send(ausf_port, "POST", "/nausfext-onboarding/v1/imports", lines, {{"content-type", "application/x-ndjson"}});
  REQUIRE(import.status == 202);
  const std::string path = "/nausfext-onboarding/v1/imports/" + import.content()["importId"].get<std::string>();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (to_ausf("GET", path).content()["state"] != "DONE" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  REQUIRE(to_ausf("GET", path).content()["preloaded"] == kDeviceCount);

  std::set<std::string> secrets{text_of(kek->reveal()), base::to_hex(kek->reveal())};
  const auto keep = [&secrets](const auto& key) {
    secrets.insert(text_of(key.reveal()));
    secrets.insert(base::to_hex(key.reveal()));
  };
  auto db = database();
  const ausf_ext::KeyBox keys(kek);
  for (const std::string& name : store::names_of_secrets(db)) {
    if (name.ends_with("-key") && name != "key-encryption-key") keep(keys.open_own(store::find_secret(db, name)->reveal(), name).value());
  }
  for (const SecureElement& device : devices) {
    const auto dimsi = profile::DiscoveryImsi::from_digits(device.dimsi).value();
    const auto imsi = ausf_ext::find_device(db, dimsi)->imsi.value();
    const auto& ek = *device.ephemeral_key;
    keep(ek);
    const auto subscriber = profile::derive_subscriber_keys(ek, dimsi, imsi);
    keep(subscriber.k);
    keep(subscriber.opc);
  }
  REQUIRE(secrets.size() == 2 + 2 * 2 + 3 * 2 * kDeviceCount);  // the key-encryption key, keys of ids, keys of devices
  for (const char* name : {"ausf-ext", "d-ausf", "arpf"}) store::back_up(folder / (std::string(name) + ".db"), folder / (std::string(name) + ".backup"));
  std::size_t hits = 0;
  std::size_t searched = 0;
  std::size_t tokens = 0;
  const std::set<std::string> token{text_of(devices[0].token)};
  for (const char* name : {"ausf-ext.db", "ausf-ext.db-wal", "ausf-ext.backup", "d-ausf.db", "d-ausf.db-wal", "d-ausf.backup", "arpf.db", "arpf.db-wal", "arpf.backup"}) {
    const std::string content = read_text(folder / name);
    searched += content.size();
    hits += count_in(content, secrets);
    tokens += count_in(content, token);
  }
  CHECK(hits == 0);
  CHECK(searched > 1000000);
  CHECK(tokens > 0);  // the search finds what is there
}
