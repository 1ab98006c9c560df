#include "lib/aka/sequence_number.hpp"

#include <catch2/catch.hpp>

#include "lib/aka/auts.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using aka::kMaxSeqStep;
using aka::SequenceNumber;
using aka::UsimSequence;

namespace {

SequenceNumber sqn(std::uint64_t seq, unsigned ind) { return SequenceNumber::from_seq_and_ind(seq, ind); }

/// The first example of magma's milenage_tests.py (kdf_5g.json, "magma AUTS/resync").
const aka::SubscriberKeys& magma_keys() {
  static const aka::SubscriberKeys keys{test::key<aka::SubscriberKey>("8baf473f2f8fd09487cccbd7097c6862"),
                                        test::key<aka::OperatorVariant>("8e27b6af0e692e750f32667a3b14605d")};
  return keys;
}
const aka::Rand kMagmaRand = test::octets<16>("cd14a753977fbc718e62bddb535d88f8");

}  // namespace

TEST_CASE("SQN is SEQ and then 5 bits of IND, in 6 octets", "[aka]") {
  CHECK(base::to_hex(sqn(1, 0).octets()) == "000000000020");
  CHECK(base::to_hex(sqn(1, 31).octets()) == "00000000003f");
  CHECK(base::to_hex(sqn(SequenceNumber::kMaxSeq, 31).octets()) == "ffffffffffff");
  const auto read = SequenceNumber::from_octets(test::octets<6>("ff9bb4d0b607"));
  CHECK(read.value() == 0xFF9BB4D0B607);
  CHECK(read.seq() == 0xFF9BB4D0B607 >> 5);
  CHECK(read.ind() == 7);
  CHECK(SequenceNumber::from_value(read.value()) == read);
  CHECK_THROWS_AS(SequenceNumber::from_value(std::uint64_t{1} << 48), std::invalid_argument);
  CHECK_THROWS_AS(sqn(SequenceNumber::kMaxSeq + 1, 0), std::invalid_argument);
  CHECK_THROWS_AS(sqn(0, 32), std::invalid_argument);
}

TEST_CASE("The home side's next SQN has the next SEQ, whatever the IND", "[aka]") {
  CHECK(aka::next(SequenceNumber(), 0) == sqn(1, 0));
  CHECK(aka::next(sqn(7, 31), 0) == sqn(8, 0));
  CHECK(aka::next(sqn(7, 0), 31) == sqn(8, 31));
  CHECK_THROWS_AS(aka::next(sqn(7, 0), 32), std::invalid_argument);
  CHECK(aka::next(sqn(SequenceNumber::kMaxSeq - 1, 0), 3) == sqn(SequenceNumber::kMaxSeq, 3));
  CHECK_THROWS_AS(aka::next(sqn(SequenceNumber::kMaxSeq, 0), 3), std::overflow_error);
}

TEST_CASE("A USIM accepts each SQN once, and an older one under another IND", "[aka]") {
  UsimSequence usim;
  CHECK_FALSE(usim.accept(sqn(0, 0)));
  CHECK(usim.accept(sqn(5, 0)));
  CHECK_FALSE(usim.accept(sqn(5, 0)));
  CHECK_FALSE(usim.accept(sqn(4, 0)));
  CHECK(usim.accept(sqn(4, 1)));
  CHECK(usim.accept(sqn(5, 2)));
  CHECK(usim.accept(sqn(6, 0)));
  CHECK_FALSE(usim.accept(sqn(5, 0)));
  CHECK(usim.highest() == sqn(6, 0));
}

TEST_CASE("A USIM that only looks, or refuses, remembers as before", "[aka]") {
  UsimSequence usim;
  REQUIRE(usim.accept(sqn(5, 3)));
  const auto before = usim.entries();
  CHECK(usim.would_accept(sqn(6, 3)));
  CHECK_FALSE(usim.accept(sqn(5, 3)));
  CHECK_FALSE(usim.accept(sqn(5 + kMaxSeqStep + 1, 3)));
  CHECK(usim.entries() == before);
}

TEST_CASE("A USIM refuses a jump of more than 2^28 over all that it accepted", "[aka]") {
  UsimSequence usim;
  CHECK_FALSE(usim.would_accept(sqn(kMaxSeqStep + 1, 0)));
  CHECK(usim.would_accept(sqn(kMaxSeqStep, 0)));
  REQUIRE(usim.accept(sqn(1000, 0)));
  CHECK(usim.would_accept(sqn(1000 + kMaxSeqStep, 1)));
  CHECK_FALSE(usim.would_accept(sqn(1000 + kMaxSeqStep + 1, 1)));
  CHECK_FALSE(usim.would_accept(sqn(SequenceNumber::kMaxSeq, 1)));
}

TEST_CASE("A USIM's memory is stored and restored, and its highest SQN keeps its IND", "[aka]") {
  UsimSequence usim;
  CHECK(usim.highest() == SequenceNumber());
  REQUIRE(usim.accept(sqn(9, 4)));
  REQUIRE(usim.accept(sqn(9, 2)));
  REQUIRE(usim.accept(sqn(3, 31)));
  CHECK(usim.highest() == sqn(9, 4));
  const UsimSequence restored(usim.entries());
  CHECK(restored.highest() == sqn(9, 4));
  CHECK_FALSE(restored.would_accept(sqn(9, 2)));
  auto entries = usim.entries();
  entries[0] = SequenceNumber::kMaxSeq + 1;
  CHECK_THROWS_AS(UsimSequence(entries), std::invalid_argument);
}

TEST_CASE("After a resynchronisation the home side's next SQN is accepted, and none is lowered without need", "[aka]") {
  const auto check_next_is_accepted = [](const SequenceNumber& home, const SequenceNumber& mobile) {
    UsimSequence::Entries entries{};
    entries[mobile.ind()] = mobile.seq();
    const auto resumed = aka::resynchronised(home, mobile);
    for (const unsigned ind : {0U, 5U, 31U}) CHECK(UsimSequence(entries).would_accept(aka::next(resumed, ind)));
    return resumed;
  };
  SECTION("the USIM is ahead") { CHECK(check_next_is_accepted(sqn(3, 0), sqn(10, 5)) == sqn(10, 5)); }
  SECTION("the USIM is ahead by one") { CHECK(check_next_is_accepted(sqn(9, 0), sqn(10, 5)) == sqn(10, 5)); }
  SECTION("the USIM is level") { CHECK(check_next_is_accepted(sqn(10, 0), sqn(10, 5)) == sqn(10, 0)); }
  SECTION("the USIM is behind") { CHECK(check_next_is_accepted(sqn(50, 0), sqn(10, 5)) == sqn(50, 0)); }
  SECTION("the USIM is as far behind as it may be") {
    const auto home = sqn(10 + kMaxSeqStep - 1, 0);
    CHECK(check_next_is_accepted(home, sqn(10, 5)) == home);
  }
  SECTION("the USIM is behind by more than it accepts") {
    CHECK(check_next_is_accepted(sqn(10 + kMaxSeqStep, 0), sqn(10, 5)) == sqn(10, 5));
  }
}

TEST_CASE("AUTS has the MAC-S of a field implementation, with AMF* 0000", "[aka]") {
  const auto auts = aka::make_auts(magma_keys(), kMagmaRand, SequenceNumber());
  CHECK(base::to_hex(base::BytesView(auts).subspan(6)) == "db5f6360591f34ea");
  if (!test::have_shared_vectors()) return;
  for (const auto& known : test::load_shared_json("aka/kdf_5g.json").at("eps_and_resync")) {
    if (!known.contains("mac_s")) continue;
    const aka::SubscriberKeys keys{test::key<aka::SubscriberKey>(known.at("k").get<std::string>()),
                                   test::key<aka::OperatorVariant>(known.at("opc").get<std::string>())};
    const auto sqn_ms = SequenceNumber::from_octets(test::octets<6>(known.at("sqn_ms").get<std::string>()));
    const auto made = aka::make_auts(keys, test::octets<16>(known.at("rand").get<std::string>()), sqn_ms);
    CHECK(base::to_hex(base::BytesView(made).subspan(6)) == known.at("mac_s").get<std::string>());
  }
}

TEST_CASE("The home side reads SQN_MS out of an AUTS, and refuses one with any bit flipped", "[aka]") {
  const auto sqn_ms = sqn(123456789, 17);
  auto auts = aka::make_auts(magma_keys(), kMagmaRand, sqn_ms);
  CHECK(aka::open_auts(magma_keys(), kMagmaRand, auts) == sqn_ms);
  for (std::size_t bit = 0; bit < 8 * auts.size(); ++bit) {
    INFO("bit " << bit);
    const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    auts[bit / 8] ^= mask;
    CHECK_FALSE(aka::open_auts(magma_keys(), kMagmaRand, auts));
    auts[bit / 8] ^= mask;
  }
  auto other_rand = kMagmaRand;
  other_rand[15] ^= 1;
  CHECK_FALSE(aka::open_auts(magma_keys(), other_rand, auts));
}
