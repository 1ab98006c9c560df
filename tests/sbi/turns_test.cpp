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

TEST_CASE("A turn is as old as its round, or as the wait for it if that is longer", "[sbi][turns]") {
  Round round;
  Instant at(1h);
  CHECK_FALSE(round.begin_turn(at, at));  // the loop was idle: a round of its own
  CHECK(round.age(at + 1ms) == 1ms);
  round.end_turn(at += 1ms);
  SECTION("others follow at once: one round") {
    at += 10us;
    CHECK(round.begin_turn(at, at));
    round.end_turn(at += 5ms);
    CHECK_FALSE(round.begin_turn(at, at));
    CHECK(round.age(at) == 5ms);
    round.end_turn(at);
    round.end();
    CHECK(round.begin_turn(at, at));
    CHECK(round.age(at) == 0ms);
  }
  SECTION("one that waited in the back row") {
    CHECK(round.begin_turn(at, at - 200ms));
    CHECK(round.age(at) == 200ms);
    CHECK_FALSE(round.begin_turn(at, at));
    CHECK(round.age(at) == 0ms);
  }
}
