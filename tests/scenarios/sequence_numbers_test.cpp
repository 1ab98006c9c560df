#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "lib/aka/milenage.hpp"
#include "lib/base/error.hpp"
#include "nf-ausf-ext/provide_vectors.hpp"
#include "nf-ausf-ext/schema.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/serving_network.hpp"
#include "tests/support/temporary_folder.hpp"

/// Sequence numbers that need no write each (docs/decisions/0024): one database, several instances that know nothing of one another.

using ausf_ext::GlobalCounter;
using ausf_ext::ProvideVectors;
using test::kServingNetwork;

namespace {

constexpr auto kNever = std::chrono::hours(24 * 365);
/// Another value only when the test takes one.
constexpr GlobalCounter::Times kByHand{kNever, kNever, kNever};
/// Another value with each vector.
constexpr GlobalCounter::Times kAtOnce{std::chrono::seconds(0), kNever, std::chrono::seconds(0)};

/// One process: what of nf-ausf-ext uses sequence numbers up.
struct Instance {
  Instance(const std::string& database, const ausf_ext::KeyBox& keys, GlobalCounter::Times times)
      : reader(store::Database::open(database)), committer(store::Database::open(database)), counter(times), subscribers(reader, snapshot, keys, counter) {}

  store::Database reader;
  store::BatchSnapshot snapshot{reader};
  store::Committer committer;
  GlobalCounter counter;
  ausf_ext::Subscribers subscribers;
  ProvideVectors vectors{committer, counter};
};

struct SequenceFixture {
  SequenceFixture() {
    store::migrate(database, kSchema);
    for (int i = 1; i <= 3; ++i) imsis.push_back(add_subscriber(i));
  }

  profile::Imsi add_subscriber(int number) {
    const auto dimsi = profile::DiscoveryImsi::from_digits("90170000000000" + std::to_string(number)).value();
    const auto imsi = profile::Imsi::from_digits("00101000000000" + std::to_string(number)).value();
    const base::Time now = base::system_now();
    const ausf_ext::Offer offer{dimsi, {}, {}};
    ausf_ext::put_offer(database, offer, std::nullopt, now, now + kNever);
    auto device = ausf_ext::find_device(database, dimsi).value();
    device.state = ausf_ext::State::preloaded;
    device.sealed_key = keys.seal(profile::EphemeralKey(crypto::random_octets<16>()), dimsi);
    device.imsi = imsi;
    device.mnc_length = 2;
    REQUIRE(ausf_ext::update_device(database, device, now));
    return imsi;
  }

  ProvideVectors::Wanted wanted(Instance& instance, const profile::Imsi& imsi, unsigned ind = 0) {
    return {instance.subscribers.require(imsi), ind, std::nullopt};
  }

  /// The sequence number of a 5G AKA vector.
  aka::SequenceNumber use(Instance& instance, ProvideVectors::Wanted wanted) {
    return loop.await(give(instance.vectors, std::move(wanted)));
  }
  static boost::asio::awaitable<aka::SequenceNumber> give(ProvideVectors& vectors, ProvideVectors::Wanted wanted) {
    const auto subscriber = wanted.subscriber;
    std::string network = kServingNetwork;
    const aka::HomeEnvironmentVector vector = co_await vectors.for_5g_aka(std::move(wanted), std::move(network));
    co_return aka::reveal_sqn(aka::sqn_xor_ak(vector.autn), aka::f2345(subscriber->keys, vector.rand).ak);
  }
  aka::SequenceNumber use(Instance& instance, const profile::Imsi& imsi, unsigned ind = 0) { return use(instance, wanted(instance, imsi, ind)); }

  /// As write_sequence_numbers() and another subscriber would bring it about.
  void renew(Instance& instance) { instance.counter.renew(ausf_ext::take_global_counter(database)); }

  std::int64_t written(const profile::Imsi& imsi) {
    return static_cast<std::int64_t>(ausf_ext::find_subscriber(database, imsi)->sequence.last.seq());
  }

  test::Loop loop;
  test::TemporaryFolder folder;
  std::string path = folder / "ausf-ext.db";
  store::Database database = store::Database::open(path);
  ausf_ext::KeyBox keys{std::make_shared<const crypto::KeyEncryptionKey>(crypto::random_octets<32>())};
  std::vector<profile::Imsi> imsis;
};

}  // namespace

TEST_CASE_METHOD(SequenceFixture, "A subscriber's first SEQ is 1, wherever the global counter stands", "[ausf-ext][sqn]") {
  for (int i = 0; i < 1000; ++i) ausf_ext::take_global_counter(database);
  Instance instance(path, keys, kAtOnce);
  CHECK(use(instance, imsis[0], 7) == aka::SequenceNumber::from_seq_and_ind(1, 7));
  CHECK(use(instance, imsis[1]) == aka::SequenceNumber::from_seq_and_ind(1, 0));
}

TEST_CASE_METHOD(SequenceFixture, "Each value of the counter gives a subscriber one SEQ without a write; the next is written", "[ausf-ext][sqn]") {
  Instance instance(path, keys, kByHand);
  CHECK(use(instance, imsis[0]).seq() == 1);
  CHECK(use(instance, imsis[0]).seq() == 2);
  CHECK(written(imsis[0]) == 2);

  renew(instance);
  CHECK(use(instance, imsis[0], 3) == aka::SequenceNumber::from_seq_and_ind(3, 3));
  CHECK(written(imsis[0]) == 2);  // nothing was written
  CHECK(use(instance, imsis[0], 4) == aka::SequenceNumber::from_seq_and_ind(4, 4));
  CHECK(written(imsis[0]) == 4);

  renew(instance);
  renew(instance);
  CHECK(use(instance, imsis[0]).seq() == 6);
  CHECK(written(imsis[0]) == 4);
  SECTION("another subscriber's is its own") { CHECK(use(instance, imsis[1]).seq() == 1); }
  SECTION("several at once are written, above all that was given out") {
    (void)loop.await(instance.vectors.quintets(wanted(instance, imsis[0]), aka::kSeparatedAmf, 5));
    CHECK(written(imsis[0]) == 11);
    CHECK(use(instance, imsis[0]).seq() == 12);
  }
}

TEST_CASE_METHOD(SequenceFixture, "A vector without waiting is what one with waiting is, and is there only where nothing has to be written", "[ausf-ext][sqn]") {
  Instance instance(path, keys, kByHand);
  const auto at_once = [&](const ProvideVectors::Wanted& wanted) { return instance.vectors.for_5g_aka_at_once(wanted, kServingNetwork); };
  CHECK_FALSE(at_once(wanted(instance, imsis[0])));  // the first is written
  use(instance, imsis[0]);
  CHECK_FALSE(at_once(wanted(instance, imsis[0])));  // this value is spent
  renew(instance);
  SECTION("the USIM takes it") {
    const auto next = wanted(instance, imsis[0], 5);
    const auto vector = at_once(next);
    REQUIRE(vector);
    aka::UsimSequence sequence;
    const auto answer = aka::usim_authenticate(next.subscriber->keys, vector->rand, vector->autn, sequence, kServingNetwork);
    REQUIRE(std::holds_alternative<aka::Authenticated>(answer));
    CHECK(std::get<aka::Authenticated>(answer).res_star == vector->xres_star);
    CHECK(std::get<aka::Authenticated>(answer).kausf == vector->kausf);
    CHECK(sequence.highest() == aka::SequenceNumber::from_seq_and_ind(2, 5));
    CHECK_FALSE(at_once(wanted(instance, imsis[0])));
    CHECK(use(instance, imsis[0]).seq() == 3);
  }
  SECTION("a resynchronisation is written") {
    auto next = wanted(instance, imsis[0]);
    next.resynchronization = core::Resynchronization{{}, {}};
    CHECK_FALSE(at_once(next));
  }
  SECTION("so is the next one when another value of the counter is due") {
    Instance other(path, keys, kAtOnce);
    renew(other);
    const auto next = wanted(other, imsis[0]);
    CHECK_FALSE(other.vectors.for_5g_aka_at_once(next, kServingNetwork));
    CHECK(other.counter.wants_renewal());  // and nothing was taken from whoever renews it
  }
}

TEST_CASE_METHOD(SequenceFixture, "A value that has lapsed gives nothing without a write", "[ausf-ext][sqn]") {
  Instance instance(path, keys, {kNever, std::chrono::seconds(0), kNever});
  use(instance, imsis[0]);
  renew(instance);
  CHECK(use(instance, imsis[0]).seq() == 3);
  CHECK(written(imsis[0]) == 3);
}

TEST_CASE_METHOD(SequenceFixture, "What a process gave out without a write is above what was written before and below what is written after its end",
                 "[ausf-ext][sqn]") {
  std::uint64_t highest = 0;
  for (int life = 0; life < 5; ++life) {
    Instance instance(path, keys, kByHand);
    for (int i = 0; i < 3; ++i) {
      renew(instance);
      const std::uint64_t seq = use(instance, imsis[0]).seq();
      CHECK(seq > highest);
      highest = seq;
    }
  }
}

TEST_CASE_METHOD(SequenceFixture, "A vector of a device that was retired, or offered anew, meanwhile is not given out by a write", "[ausf-ext][sqn]") {
  Instance instance(path, keys, kByHand);
  auto stale = wanted(instance, imsis[0]);
  auto device = ausf_ext::find_device_by_imsi(database, imsis[0]).value();
  ausf_ext::begin_epoch(database, device);
  CHECK_THROWS_WITH(use(instance, std::move(stale)), Catch::Contains("not allocated"));
}

TEST_CASE_METHOD(SequenceFixture, "However instances are interleaved, ended and resynchronised, no sequence number comes twice", "[ausf-ext][sqn]") {
  const auto seed = GENERATE(range(1U, 9U));
  std::mt19937 random(seed);
  const auto below = [&](std::size_t count) { return random() % count; };
  std::vector<std::unique_ptr<Instance>> instances;
  for (const auto& times : {kByHand, kAtOnce, kByHand}) instances.push_back(std::make_unique<Instance>(path, keys, times));

  std::map<std::uint64_t, std::set<std::uint64_t>> seen;                    // SEQ by IMSI: IND is the requester's
  std::vector<std::pair<std::size_t, ProvideVectors::Wanted>> under_way;  // read, and not yet given out
  int repeated = 0;
  std::uint64_t without_write = 0;
  for (int step = 0; step < 2000; ++step) {
    const std::size_t which = below(instances.size());
    switch (below(8)) {
      case 0:
        renew(*instances[which]);
        break;
      case 1:
        if (below(10) == 0) {  // it ends, with what it had under way
          instances[which] = std::make_unique<Instance>(path, keys, which == 1 ? kAtOnce : kByHand);
          std::erase_if(under_way, [&](const auto& each) { return each.first == which; });
        }
        break;
      case 2:
      case 3:
      case 4:
        under_way.emplace_back(which, wanted(*instances[which], imsis[below(imsis.size())], static_cast<unsigned>(below(32))));
        break;
      default:
        if (under_way.empty()) break;
        const std::size_t at = below(under_way.size());
        auto [of, next] = std::move(under_way[at]);
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(at));
        const profile::Imsi imsi = next.subscriber->imsi;
        const auto subscriber = next.subscriber;
        auto& mine = seen[imsi.packed()];
        const std::uint64_t highest = mine.empty() ? 0 : *mine.rbegin();
        if (below(6) == 0) {  // the USIM was ahead: nobody's numbers, and a little further each time
          const auto ahead = aka::SequenceNumber::from_seq_and_ind(highest + below(3), 1);
          const auto rand = crypto::random_octets<16>();
          next.resynchronization = core::Resynchronization{rand, aka::make_auts(subscriber->keys, rand, ahead)};
        }
        const std::int64_t before = written(imsi);
        const std::uint64_t seq = use(*instances[of], std::move(next)).seq();
        if (!mine.insert(seq).second) ++repeated;
        if (written(imsi) == before) ++without_write;
    }
  }
  CHECK(repeated == 0);
  CHECK(without_write > 10);
}

TEST_CASE("The global counter is wanted anew by one caller at a time, and only when it is due", "[ausf-ext][sqn]") {
  const auto dimsi = profile::DiscoveryImsi::from_digits("901700000000001").value();
  const auto other = profile::DiscoveryImsi::from_digits("901700000000002").value();
  GlobalCounter counter({kNever, kNever, kNever});
  CHECK(counter.value() == 0);
  CHECK_FALSE(counter.claim(0, dimsi));
  CHECK(counter.wants_renewal());
  CHECK_FALSE(counter.wants_renewal());  // somebody is at it

  counter.renew(5);
  CHECK_FALSE(counter.wants_renewal());
  CHECK(counter.value() == 5);
  CHECK_FALSE(counter.claim(4, dimsi));
  CHECK(counter.claim(5, dimsi));
  CHECK_FALSE(counter.claim(5, dimsi));
  CHECK(counter.claim(5, other));

  counter.renew(4);  // of another caller, that came later
  CHECK(counter.value() == 5);
  CHECK_FALSE(counter.claim(5, dimsi));
  counter.renew(6);
  CHECK(counter.claim(6, dimsi));

  GlobalCounter due({std::chrono::seconds(0), kNever, std::chrono::seconds(0)});
  due.renew(1);
  CHECK(due.wants_renewal());
  CHECK(due.wants_renewal());  // the one before may have failed
  CHECK(due.claim(1, dimsi));  // until it lapses the old one serves
}
