#include "lib/base/seldom_log.hpp"

#include <catch2/catch.hpp>

using base::log::Seldom;
using namespace std::chrono_literals;

TEST_CASE("Of lines that others can cause so many a second are written, and the others are counted", "[base][log]") {
  Seldom seldom(3);
  const Seldom::Instant at(1h);
  for (int i = 0; i < 3; ++i) CHECK(seldom.admits(at + i * 100ms));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(seldom.admits(at + 999ms));
  CHECK(seldom.take_left_out() == 5);
  CHECK(seldom.take_left_out() == 0);
  for (int i = 0; i < 3; ++i) CHECK(seldom.admits(at + 1s));
  CHECK_FALSE(seldom.admits(at + 1999ms));
  CHECK(seldom.take_left_out() == 1);
  CHECK(seldom.admits(at + 2s));
  CHECK(seldom.take_left_out() == 0);
}
