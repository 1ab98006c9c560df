#include "lib/sbi/turns.hpp"

#include <array>
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

/// Rounds whose maximal wait is 100 ms, and the time, which only turns move.
struct RoundFixture {
  Round round{100ms};
  Instant at{1h};
  std::array<Round::Number, 300> connections{};

  bool begin_turn(std::size_t connection = 0) { return round.begin_turn(at, at, connections.at(connection)); }
  /// True if the pass is to be ended behind those that are ready now.
  bool turn(Instant::duration length, std::size_t connection = 0) {
    const bool out = begin_turn(connection);
    round.end_turn(at += length);
    return out;
  }
  /// A turn of an idle loop; what is ready behind it belongs to the next round.
  void alone() {
    at += 1h;
    CHECK_FALSE(turn(1ms));
  }
  /// The loop finds these ready together.
  void pass(std::size_t first, std::size_t end, Instant::duration length) {
    REQUIRE(turn(length, first));
    for (std::size_t i = first + 1; i < end; ++i) REQUIRE_FALSE(turn(length, i));
    round.end_pass();
  }
  /// Whether what is served so long after the first of its round, which follows at once, is turned away.
  bool is_too_late_after(Instant::duration length) {
    REQUIRE(turn(length, 1));
    (void)begin_turn(2);
    return round.is_too_late(at);
  }
  Instant::duration age_of_next(std::size_t connection) {
    (void)begin_turn(connection);
    return round.age(at);
  }
};

}  // namespace

TEST_CASE_METHOD(RoundFixture, "A turn is as old as its round, or as the wait for it if that is longer", "[sbi][turns]") {
  CHECK_FALSE(begin_turn(0));  // the loop was idle: a round of its own
  CHECK(round.age(at + 1ms) == 1ms);
  round.end_turn(at += 1ms);
  SECTION("others follow at once: one round") {
    at += 10us;
    CHECK(turn(5ms, 1));
    CHECK_FALSE(begin_turn(2));
    CHECK(round.age(at) == 5ms);
    round.end_turn(at);
    round.end_pass();
    CHECK(begin_turn(0));
    CHECK(round.age(at) == 0ms);
  }
  SECTION("what follows a long turn was ready with it, even if the loop is slow to look at it") {
    at += 900us;
    CHECK(turn(5ms, 1));
    at += 2ms;
    CHECK_FALSE(begin_turn(2));
    CHECK(round.age(at) == 7ms);
  }
  SECTION("what comes later than that found the loop idle") {
    at += 1001us;
    CHECK_FALSE(turn(10us, 1));
    at += 20us;
    CHECK_FALSE(begin_turn(2));
    CHECK(round.age(at) == 0ms);
  }
  SECTION("one that waited in the back row") {
    CHECK(round.begin_turn(at, at - 200ms, connections[1]));
    CHECK(round.age(at) == 200ms);
    CHECK(age_of_next(2) == 0ms);
  }
}

TEST_CASE_METHOD(RoundFixture, "More than the loop finds ready at a time are one round", "[sbi][turns]") {
  alone();
  pass(1, 101, 1ms);
  SECTION("of all that have had no turn in it") {
    CHECK(age_of_next(101) == 100ms);
  }
  SECTION("until one comes again: it waits since the loop looked last, and so do those behind it") {
    REQUIRE(turn(1ms, 101));
    CHECK(age_of_next(1) == 1ms);
    round.end_turn(at += 1ms);
    CHECK(age_of_next(2) == 2ms);
  }
  SECTION("however many others are idle") {
    for (int i = 0; i < 10; ++i) pass(1, 101, 1ms);
    CHECK(age_of_next(1) == 0ms);
  }
  SECTION("though the loop takes some time to find them") {
    at += 999us;
    CHECK(begin_turn(101));
    CHECK(round.age(at) == 100ms + 999us);
  }
  SECTION("unless the loop was idle before the next") {
    at += 1ms;
    CHECK_FALSE(begin_turn(101));
    CHECK(round.age(at) == 0ms);
  }
  SECTION("though the loop did other work for them behind the last") {
    const Instant began = at + 999us;
    round.work_between(began, at += 5ms);
    CHECK(age_of_next(101) == 105ms);
  }
  SECTION("unless it was idle before that work") {
    const Instant began = at + 1ms;
    round.work_between(began, at += 5ms);
    CHECK(age_of_next(101) == 0ms);
  }
}

TEST_CASE_METHOD(RoundFixture, "Fewer than the loop finds ready at a time are a round that ends with them", "[sbi][turns]") {
  alone();
  pass(1, 100, 1ms);
  CHECK(age_of_next(101) == 0ms);
}

TEST_CASE_METHOD(RoundFixture, "A wait is too long beyond its maximum soon after a late round, and beyond four times that otherwise", "[sbi][turns]") {
  alone();
  SECTION("no round was late, just within") { CHECK_FALSE(is_too_late_after(400ms)); }
  SECTION("no round was late, just beyond") { CHECK(is_too_late_after(401ms)); }
  SECTION("after a round that was just not late") {
    pass(3, 4, 50ms);
    CHECK_FALSE(is_too_late_after(101ms));
  }
  SECTION("after a late round") {
    pass(3, 4, 51ms);
    SECTION("within") { CHECK_FALSE(is_too_late_after(100ms)); }
    SECTION("beyond") { CHECK(is_too_late_after(101ms)); }
    SECTION("and short ones in between") {
      for (int i = 0; i < 30; ++i) {
        at += 30us;
        if (turn(10us)) round.end_pass();
      }
      at += 10us;
      CHECK(is_too_late_after(101ms));
    }
    SECTION("some time after it") {
      at += 100ms;
      CHECK_FALSE(turn(1ms));
      CHECK_FALSE(is_too_late_after(400ms));
    }
  }
  SECTION("a turn alone can be a late round as well") {
    at += 1h;
    CHECK_FALSE(turn(51ms));
    CHECK(is_too_late_after(101ms));
  }
  SECTION("of those that are too late one in four is turned away, and all of those that are very late") {
    pass(3, 4, 51ms);
    int turned_away = 0;
    REQUIRE(turn(101ms, 1));
    (void)begin_turn(2);
    for (int i = 0; i < 400; ++i) turned_away += round.turns_away(at) ? 1 : 0;
    CHECK(turned_away == 100);
    for (int i = 0; i < 400; ++i) turned_away += round.turns_away(at - 1ms) ? 1 : 0;
    CHECK(turned_away == 100);
    for (int i = 0; i < 400; ++i) turned_away += round.turns_away(at + 300ms) ? 1 : 0;
    CHECK(turned_away == 500);
  }
  SECTION("who stands in the back row waits up to four times the maximum") {
    (void)round.begin_turn(at, at - 400ms, connections[1]);
    CHECK_FALSE(round.is_too_late(at));
    CHECK(round.is_too_late(at + 1ms));
  }
}
