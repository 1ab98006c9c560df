#include "lib/sbi/arrivals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/sbi/busy_route.hpp"
#include "tests/sbi/served_peer.hpp"

using sbi::Arrival;
using sbi::Arrivals;
using test::exchange_settings;
using test::Http2Peer;
using test::ServedFixture;

namespace {

/// An arrival whose socket is one end of a pipe, so that its end shows at the other. `number`: its remote port.
struct Knock {
  explicit Knock(unsigned short number) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    watched = base::Descriptor(ends[0]);
    arrival.socket = base::Descriptor(ends[1]);
    arrival.remote.port(number);
  }
  /// True once nobody has the other end.
  [[nodiscard]] bool is_closed() const {
    char octet = 0;
    return ::read(watched.get(), &octet, 1) == 0;
  }
  base::Descriptor watched;
  Arrival arrival;
};

}  // namespace

TEST_CASE("Peers that wait to be taken in have their turns one after the other, each in the order in which it came", "[sbi][arrivals]") {
  Arrivals arrivals(10);
  const std::vector<std::pair<std::string, unsigned short>> came = {{"crowd", 1}, {"crowd", 2}, {"crowd", 3}, {"other", 4}, {"third", 5}, {"other", 6}};
  for (const auto& [peer, number] : came) CHECK(arrivals.push(peer, std::move(Knock(number).arrival)));
  std::vector<unsigned short> left;
  while (!arrivals.empty()) left.push_back(arrivals.pop().remote.port());
  CHECK(left == std::vector<unsigned short>{1, 4, 5, 2, 6, 3});
}

TEST_CASE("Where too many wait to be taken in, the last of the peer that waits with most is closed", "[sbi][arrivals]") {
  Arrivals arrivals(3);
  std::vector<Knock> crowd;
  for (unsigned short number = 1; number <= 3; ++number) crowd.emplace_back(number);
  for (Knock& each : crowd) CHECK(arrivals.push("crowd", std::move(each.arrival)));  // as many as may be
  CHECK_FALSE(crowd.back().is_closed());
  Knock usual(4);
  CHECK_FALSE(arrivals.push("usual", std::move(usual.arrival)));
  CHECK(crowd[2].is_closed());
  Knock more(5);
  CHECK_FALSE(arrivals.push("crowd", std::move(more.arrival)));
  CHECK(more.is_closed());
  CHECK_FALSE(usual.is_closed());
  CHECK_FALSE(crowd[0].is_closed());
  CHECK_FALSE(crowd[1].is_closed());
  CHECK(arrivals.size() == 3);
}

TEST_CASE("Who waits to be taken in gives way until nobody is left", "[sbi][arrivals]") {
  Arrivals arrivals(3);
  Knock one(1);
  REQUIRE(arrivals.push("crowd", std::move(one.arrival)));
  CHECK(arrivals.drop());
  CHECK(one.is_closed());
  CHECK(arrivals.empty());
  CHECK_FALSE(arrivals.drop());
  Knock two(2);
  REQUIRE(arrivals.push("crowd", std::move(two.arrival)));
  arrivals.clear();
  CHECK(two.is_closed());
  CHECK(arrivals.empty());
}

TEST_CASE_METHOD(ServedFixture, "Who has had more than others is taken in when there is room, and nobody gives way to it", "[sbi][server][arrivals]") {
  const bool has_room = GENERATE(true, false);
  limits.max_connections = has_room ? 4 : 3;
  test::BusyRoute busy(router);
  serve();
  Http2Peer silent(connect("127.0.0.2"), sbi::Http2Session::Role::client);
  REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  open_client();
  auto answer = start("GET", "/busy");
  busy.wait_until_held();  // both of these are accepted behind that request, the other peer's first
  Http2Peer usual(connect("127.0.0.3"), sbi::Http2Session::Role::client);
  Http2Peer more(connect(), sbi::Http2Session::Role::client);
  busy.release();
  CHECK(test::get(answer).status == 200);
  if (has_room) {
    exchange_settings(more);
  } else {
    more.flush();
    CHECK(more.pump_to_close());
  }
  exchange_settings(silent);
  exchange_settings(usual);
  CHECK(server->counters().connections_refused == (has_room ? 0U : 1U));
}
