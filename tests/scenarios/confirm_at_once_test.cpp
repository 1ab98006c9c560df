// Authenticate::confirm_at_once, held against confirm: of two contexts that are alike, one is answered by each.
#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "nf-ausf-ext/authenticate.hpp"
#include "nf-ausf-ext/schema.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temporary_folder.hpp"

using ausf_ext::Authenticate;
using ausf_ext::AuthenticationContext;
using ausf_ext::State;

namespace {

constexpr const char* kNetworkOfUe = "5G:mnc001.mcc001.3gppnetwork.org";
const std::string kAmfOfContext = "amf.example";
const std::array<std::uint8_t, 16> kXresStar{0x10, 0x21, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87, 0x98, 0xa9, 0xba, 0xcb, 0xdc, 0xed, 0xfe, 0x0f};
const std::array<std::uint8_t, 32> kKseaf{0x4b, 0x53, 0x45, 0x41, 0x46};

/// What a SEAF answers, and to what.
struct Confirmation {
  std::optional<std::array<std::uint8_t, 16>> res_star = kXresStar;
  std::string party = kAmfOfContext;
  State state = State::attached;  ///< of the device
  bool is_eap = false;
  bool came_as_suci = false;
  bool tells_servers = false;
  bool is_second_try = false;  ///< of an answer that was right
  bool is_known = true;        ///< the context
};

/// nf-ausf-ext without its routes, on a loop, with one device.
struct ConfirmationFixture {
  ConfirmationFixture() {
    store::migrate(database, kSchema);
    const base::Time now = base::system_now();
    ausf_ext::put_offer(database, ausf_ext::Offer{dimsi, {}, {}}, std::nullopt, now, now + std::chrono::hours(1));
    config.provisioning_servers = {{{"192.0.2.60"}, {}, {"rsmf.example.org"}}};
    loop.run([this] { client = std::make_unique<sbi::Client>(loop.io(), "TEST", nullptr); });
    tell_udm.emplace(*client, ausf_ext::TellUdm::Settings());
    authenticate.emplace(Authenticate::Parts{config, reader, snapshot, committer, subscribers, contexts, ids, vectors, *tell_udm, base::system_now});
  }
  ~ConfirmationFixture() {
    loop.run([this] { client.reset(); });
    loop.stop();
  }

  void set_state(State state) {
    const bool is_retired = state == State::retired;
    auto device = ausf_ext::find_device(database, dimsi).value();
    device.state = state;
    device.sealed_key = is_retired ? base::Bytes() : keys.seal(profile::EphemeralKey(std::array<std::uint8_t, 16>{1}), dimsi);
    device.imsi = is_retired ? std::nullopt : std::optional(imsi);
    device.mnc_length = 2;
    REQUIRE(ausf_ext::update_device(database, device, base::system_now()));
  }

  /// A context as this answer meets it: its id.
  std::string begin(const Confirmation& one) {
    const std::string id = ids.make(imsi, kNetworkOfUe, kAmfOfContext);
    if (!one.is_known) return id;
    AuthenticationContext context{dimsi, imsi, kNetworkOfUe, 0, one.came_as_suci, one.tells_servers, expectation(one.is_eap), {}};
    contexts.add(id, std::move(context));
    if (one.is_second_try) contexts.put_back_answered(id, contexts.take(id));
    return id;
  }
  static ausf_ext::AuthenticationMethod expectation(bool is_eap) {
    if (!is_eap) return ausf_ext::AkaExpectation{aka::ResStar(kXresStar), aka::Kseaf(kKseaf)};
    const std::array<std::uint8_t, 16> key{1};
    aka::TransformedVector vector{{}, {}, base::SecretBytes(base::Bytes(8, 1)), {aka::CkPrime(key), aka::IkPrime(key)}};
    return aka::EapAkaPrimeServer("001010000000001", kNetworkOfUe, std::move(vector), 1);
  }

  /// What of it the SEAF, and whoever goes on from here, gets to see.
  static std::string in_words(const std::optional<ausf_ext::Authenticated>& done) {
    if (!done) return "failure";
    return done->imsi.digits() + " " + (done->supi ? done->supi->digits() : "no SUPI") + " " + base::to_hex(done->kseaf.reveal()) +
           (done->is_first ? " first" : "") + " " + std::to_string(done->servers.size());
  }
  template <class Work>
  static std::string verdict_of(Work work) {
    try {
      return work();
    } catch (const base::Error& error) {
      return error.cause() + ": " + error.what();
    }
  }
  static std::optional<aka::ResStar> res_star_of(const Confirmation& one) {
    return one.res_star ? std::optional<aka::ResStar>(aka::ResStar(*one.res_star)) : std::nullopt;
  }

  std::string confirmed(const std::string& id, const Confirmation& one) {
    return verdict_of([&] { return in_words(loop.await(authenticate->confirm(id, one.party, res_star_of(one)))); });
  }
  /// `not at once` if it is left to confirm().
  std::string confirmed_at_once(const std::string& id, const Confirmation& one) {
    return verdict_of([&] {
      const auto done = loop.run([&] { return authenticate->confirm_at_once(id, one.party, res_star_of(one)); });
      return done ? in_words(done) : std::string("not at once");
    });
  }

  /// The same comes of it, whether it is tried at once or not, and the same of a right answer afterwards.
  void check_is_the_same_either_way(const Confirmation& one) {
    set_state(one.state);
    const std::string tried = begin(one);
    std::string first = confirmed_at_once(tried, one);
    if (first == "not at once") first = confirmed(tried, one);
    const std::string tried_afterwards = confirmed(tried, Confirmation());

    set_state(one.state);
    const std::string plain = begin(one);
    CHECK(first == confirmed(plain, one));
    CHECK(tried_afterwards == confirmed(plain, Confirmation()));
  }

  test::TemporaryFolder folder;
  std::string path = folder / "ausf-ext.db";
  store::Database database = store::Database::open(path);
  const profile::DiscoveryImsi dimsi = profile::DiscoveryImsi::from_digits("901700000000001").value();
  const profile::Imsi imsi = profile::Imsi::from_digits("001010000000001").value();

  ausf_ext::AuthenticationConfig config;
  ausf_ext::KeyBox keys{std::make_shared<const crypto::KeyEncryptionKey>(std::array<std::uint8_t, 32>{1})};
  store::Database reader = store::Database::open(path);
  store::BatchSnapshot snapshot{reader};
  store::Committer committer{store::Database::open(path)};
  ausf_ext::GlobalCounter counter;
  ausf_ext::Subscribers subscribers{reader, snapshot, keys, counter};
  ausf_ext::ProvideVectors vectors{committer, counter};
  ausf_ext::AuthenticationContexts contexts{std::chrono::seconds(600)};
  ausf_ext::ContextIds ids{base::SecretBytes(base::Bytes(ausf_ext::ContextIds::kKeyOctets, 7))};
  test::Loop loop;
  std::unique_ptr<sbi::Client> client;
  std::optional<ausf_ext::TellUdm> tell_udm;
  std::optional<Authenticate> authenticate;
};

}  // namespace

TEST_CASE_METHOD(ConfirmationFixture, "A right RES* of a device that has attached before is confirmed at once, whatever is to be told",
                 "[ausf-ext][step-10]") {
  Confirmation one;
  one.came_as_suci = GENERATE(false, true);
  one.tells_servers = GENERATE(false, true);
  one.is_second_try = GENERATE(false, true);
  set_state(one.state);
  const std::string id = begin(one);
  CHECK(confirmed_at_once(id, one) == "001010000000001 " + std::string(one.came_as_suci ? "001010000000001" : "no SUPI") + " " + base::to_hex(kKseaf) +
                                          (one.tells_servers ? " 1" : " 0"));
  CHECK(confirmed_at_once(id, one) == confirmed(id, one));  // an answer that was lost
  check_is_the_same_either_way(one);
}

TEST_CASE_METHOD(ConfirmationFixture, "What is not just that is left to confirm, with its context as it was", "[ausf-ext][step-10]") {
  Confirmation one;
  SECTION("the first success") { one.state = GENERATE(State::key_retrieved, State::preloaded, State::received); }
  SECTION("of a device that was retired") { one.state = State::retired; }
  SECTION("no RES*") { one.res_star.reset(); }
  SECTION("EAP") { one.is_eap = true; }
  SECTION("EAP, without a RES*") {
    one.is_eap = true;
    one.res_star.reset();
  }
  set_state(one.state);
  CHECK(confirmed_at_once(begin(one), one) == "not at once");
  check_is_the_same_either_way(one);
}

TEST_CASE_METHOD(ConfirmationFixture, "No context is told from that of another party, at once or not", "[ausf-ext][step-10]") {
  Confirmation one;
  SECTION("another party's") { one.party = "other.example"; }
  SECTION("one that has ended") { one.is_known = false; }
  set_state(one.state);
  CHECK_THAT(confirmed_at_once(begin(one), one), Catch::StartsWith("CONTEXT_NOT_FOUND"));
  check_is_the_same_either_way(one);
}

TEST_CASE_METHOD(ConfirmationFixture, "No RES* with a wrong bit is confirmed, at once or not, and the context is gone", "[ausf-ext][step-10]") {
  set_state(State::attached);
  for (std::size_t bit = 0; bit < 128; ++bit) {
    CAPTURE(bit);
    Confirmation wrong;
    (*wrong.res_star)[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const std::string id = begin(wrong);
    REQUIRE(confirmed_at_once(id, wrong) == "not at once");
    REQUIRE(confirmed(id, wrong) == "failure");
    REQUIRE_THAT(confirmed_at_once(id, Confirmation()), Catch::StartsWith("CONTEXT_NOT_FOUND"));
  }
}

TEST_CASE_METHOD(ConfirmationFixture, "Where an existing UDM is to be told, nothing is confirmed at once", "[ausf-ext][step-10]") {
  tell_udm.emplace(*client, ausf_ext::TellUdm::Settings{{sbi::Uri::parse("http://127.0.0.1:1")}, "id", std::chrono::milliseconds(1000)});
  set_state(State::attached);
  const Confirmation right;
  const std::string id = begin(right);
  CHECK(confirmed_at_once(id, right) == "not at once");
  CHECK_THAT(confirmed(id, right), Catch::StartsWith("TARGET_NF_NOT_REACHABLE"));
}
