#include "lib/sbi/turns.hpp"

#include <catch2/catch.hpp>

using sbi::BackRow;
using sbi::Instant;
using sbi::Round;
using namespace std::chrono_literals;

TEST_CASE("The back row is left by the newest and the oldest in turns", "[sbi][turns]") {
  BackRow<int> row;
  const Instant at(1h);
  for (int i = 1; i <= 5; ++i) row.push(i, at + std::chrono::seconds(i));
  CHECK(row.pop().waiter == 5);
  CHECK(row.pop().waiter == 1);
  row.push(6, at + 6s);
  const auto newest = row.pop();
  CHECK(newest.waiter == 6);
  CHECK(newest.since == at + 6s);
  CHECK(row.pop().waiter == 2);
  CHECK(row.pop().waiter == 4);
  CHECK(row.pop().waiter == 3);
  CHECK(row.empty());
}

TEST_CASE("Debtors have every second place of the back row, or all if nobody else is there", "[sbi][turns]") {
  BackRow<int> row;
  const Instant at(1h);
  for (const int debtor : {11, 12, 13}) row.push(debtor, at, true);
  for (const int other : {1, 2}) row.push(other, at);
  CHECK(row.size() == 5);
  CHECK(row.pop().waiter == 2);
  CHECK(row.pop().waiter == 11);
  CHECK(row.pop().waiter == 1);
  CHECK(row.pop().waiter == 12);
  CHECK_FALSE(row.empty());
  CHECK(row.pop().waiter == 13);
  CHECK(row.empty());
}

TEST_CASE("Who is not wanted any more leaves the back row without a turn", "[sbi][turns]") {
  BackRow<int> row;
  for (int i = 1; i <= 4; ++i) row.push(i, Instant(1h));
  row.drop_if([](int waiter) { return waiter % 2 == 0; });
  CHECK(row.size() == 2);
  CHECK(row.pop().waiter == 3);
  CHECK(row.pop().waiter == 1);
}

namespace {

/// A round whose maximal wait is 100 ms, and the time, which only turns move.
struct RoundFixture {
  Round round{100ms};
  Instant at{1h};
  std::size_t connections = 500;

  /// True if the round is to be ended behind those that are ready now.
  bool turn(Instant::duration length) {
    const bool out = round.begin_turn(at, at);
    round.end_turn(at += length);
    return out;
  }
  void end() { round.end(at, connections); }
  /// What 100 ready connections take, which the loop finds ready at once; the first of the two that are looked at has had its turn.
  void hundred(Instant::duration length) {
    (void)turn(length);
    for (int i = 0; i < 100; ++i) (void)turn(length);
    end();
  }
  /// A turn of an idle loop; what is ready behind it belongs to the next round.
  void alone() {
    at += 1h;
    CHECK_FALSE(turn(1ms));
  }
  /// A round that follows another at once, and lasts so long.
  void lasts(Instant::duration length) {
    REQUIRE(turn(length));
    end();
  }
  /// Whether what comes to be served when the round that follows is so old is turned away.
  bool is_too_late_after(Instant::duration length) {
    REQUIRE(turn(length));
    (void)round.begin_turn(at, at);
    return round.is_too_late(at);
  }
};

}  // namespace

TEST_CASE_METHOD(RoundFixture, "A turn is as old as its round, or as the wait for it if that is longer", "[sbi][turns]") {
  CHECK_FALSE(round.begin_turn(at, at));  // the loop was idle: a round of its own
  CHECK(round.age(at + 1ms) == 1ms);
  round.end_turn(at += 1ms);
  SECTION("others follow at once: one round") {
    at += 10us;
    CHECK(turn(5ms));
    CHECK_FALSE(round.begin_turn(at, at));
    CHECK(round.age(at) == 5ms);
    round.end_turn(at);
    end();
    CHECK(round.begin_turn(at, at));
    CHECK(round.age(at) == 0ms);
  }
  SECTION("what follows a long turn was ready with it, even if the loop is slow to look at it") {
    at += 900us;
    CHECK(turn(5ms));
    CHECK_FALSE(round.begin_turn(at += 2ms, at));
    CHECK(round.age(at) == 7ms);
  }
  SECTION("what comes later than that found the loop idle") {
    at += 1001us;
    CHECK_FALSE(turn(10us));
    at += 20us;
    CHECK_FALSE(round.begin_turn(at, at));
    CHECK(round.age(at) == 0ms);
  }
  SECTION("one that waited in the back row") {
    CHECK(round.begin_turn(at, at - 200ms));
    CHECK(round.age(at) == 200ms);
    CHECK_FALSE(round.begin_turn(at, at));
    CHECK(round.age(at) == 0ms);
  }
}

TEST_CASE_METHOD(RoundFixture, "More than the loop finds ready at a time are one round", "[sbi][turns]") {
  hundred(1ms);
  SECTION("of as many as there are connections") {
    (void)round.begin_turn(at, at);
    CHECK(round.age(at) == 100ms);
  }
  SECTION("then who comes has come again") {
    connections = 150;
    hundred(1ms);
    (void)round.begin_turn(at, at);
    CHECK(round.age(at) == 0ms);
  }
  SECTION("unless the loop was idle before the next") {
    at += 10s;
    CHECK_FALSE(round.begin_turn(at, at));
    CHECK(round.age(at) == 0ms);
  }
}

TEST_CASE_METHOD(RoundFixture, "A wait is too long beyond its maximum in a second late round, and beyond four times that in the first", "[sbi][turns]") {
  alone();
  SECTION("the first late round") {
    CHECK_FALSE(is_too_late_after(400ms));
  }
  SECTION("the first that is very late") {
    CHECK(is_too_late_after(401ms));
  }
  SECTION("the second") {
    lasts(51ms);
    CHECK_FALSE(is_too_late_after(100ms));
  }
  SECTION("the second, later") {
    lasts(51ms);
    CHECK(is_too_late_after(101ms));
  }
  SECTION("one that follows a round in time") {
    lasts(500ms);
    lasts(49ms);
    CHECK_FALSE(is_too_late_after(400ms));
  }
  SECTION("a turn alone is a round as well") {
    lasts(500ms);
    alone();
    CHECK_FALSE(is_too_late_after(400ms));
  }
  SECTION("one that lasts while there are more than the loop finds ready at a time") {
    hundred(3ms);
    hundred(3ms);
    (void)round.begin_turn(at, at);
    CHECK(round.is_too_late(at));
  }
}
