#include "lib/sbi/later_turns.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/sbi/served_peer.hpp"

using sbi::Instant;
using sbi::LaterTurns;
using sbi::PeerShares;
using namespace std::chrono_literals;

namespace {

namespace asio = boost::asio;
using Share = std::shared_ptr<PeerShares::Share>;

/// Handlers of two peers, on a loop that the test runs, with a clock that stands still but for what they take.
struct Waiting {
  ~Waiting() { later->end(); }
  void come(const Share& share, char name, Instant::duration takes = 0us) { asio::co_spawn(loop, serve(*share, name, takes), asio::detached); }
  /// Both have turns.
  void share_the_loop() {
    for (const Share& each : {crowd, usual}) shares.took(*each, at, 0us);
  }
  /// Runs until nobody waits; `.` is a pass of the loop, which takes that long for others.
  std::string order_with(Instant::duration others = 0us) {
    loop.poll_one();  // the handlers have come, in front of the first pass
    pass(others);
    loop.run();
    return order;
  }

  asio::io_context loop{1};
  PeerShares shares;
  sbi::Round round{100ms};
  Instant at{1h};
  std::shared_ptr<LaterTurns> later = std::make_shared<LaterTurns>(loop, shares, round, [this] { return at; });
  Share crowd = shares.share_of("crowd");
  Share usual = shares.share_of("usual");
  std::string order;
  int left = 0;
  bool is_last_of_all = false;  ///< whoever goes on ends it for all

 private:
  asio::awaitable<void> serve(PeerShares::Share& share, char name, Instant::duration takes) {
    ++left;
    co_await later->wait(share);
    order += name;
    at += takes;
    --left;
    if (is_last_of_all) later->end();
  }
  void pass(Instant::duration others) {
    asio::post(loop, [this, others] {
      if (left == 0) return;
      if (!order.empty()) order += '.';
      at += others;
      pass(others);
    });
  }
};

}  // namespace

TEST_CASE_METHOD(Waiting, "Of those who wait for a later turn each peer has one after the other, in the order in which its own came", "[sbi][later_turns]") {
  for (const char name : {'a', 'b', 'c'}) come(crowd, name);
  come(usual, 'x');
  CHECK(order_with() == "axbc");
}

TEST_CASE_METHOD(Waiting, "Later turns have the loop for a slice, and others have theirs in between", "[sbi][later_turns]") {
  share_the_loop();
  for (const char name : {'a', 'b', 'c'}) come(crowd, name, LaterTurns::kSlice);
  CHECK(order_with() == "a.b.c");
}

TEST_CASE_METHOD(Waiting, "What takes less than a slice is followed by another one", "[sbi][later_turns]") {
  share_the_loop();
  for (const char name : {'a', 'b', 'c'}) come(crowd, name, LaterTurns::kSlice - 1us);
  CHECK(order_with() == "ab.c");
}

TEST_CASE_METHOD(Waiting, "A peer that is alone has its later turns at once, up to the longest time of all", "[sbi][later_turns]") {
  SECTION("all") {
    for (const char name : {'a', 'b', 'c'}) come(crowd, name, LaterTurns::kSlice);
    CHECK(order_with() == "abc");
  }
  SECTION("up to that") {
    for (const char name : {'a', 'b', 'c'}) come(crowd, name, LaterTurns::kMost / 2);
    CHECK(order_with() == "ab.c");
  }
}

TEST_CASE_METHOD(Waiting, "A peer that is alone until another one has its later turn between its own is not alone behind it", "[sbi][later_turns]") {
  for (const char name : {'a', 'b', 'c'}) come(crowd, name, LaterTurns::kSlice);
  come(usual, 'x');
  CHECK(order_with() == "ax.b.c");
}

TEST_CASE_METHOD(Waiting, "While very many wait, later turns are all that the loop does", "[sbi][later_turns]") {
  share_the_loop();
  const std::size_t many = LaterTurns::kMany + GENERATE(0U, 1U);
  for (std::size_t i = 0; i < many; ++i) come(crowd, 'a', LaterTurns::kSlice);
  const std::size_t first_pass = order_with().find('.');
  CHECK(first_pass == many - LaterTurns::kMany + 1);
}

TEST_CASE_METHOD(Waiting, "Later turns last as long as others were served since", "[sbi][later_turns]") {
  share_the_loop();
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) come(crowd, name, LaterTurns::kSlice);
  CHECK(order_with(3 * LaterTurns::kSlice) == "a.bcd.e");
}

TEST_CASE_METHOD(Waiting, "Later turns never last longer than the longest time of all", "[sbi][later_turns]") {
  share_the_loop();
  for (const char name : {'a', 'b', 'c', 'd'}) come(crowd, name, LaterTurns::kMost / 2);
  CHECK(order_with(10 * LaterTurns::kMost) == "a.bc.d");
}

TEST_CASE_METHOD(Waiting, "Whoever waits for a later turn is no connection of its peer", "[sbi][later_turns]") {
  come(crowd, 'a');
  loop.poll_one();
  REQUIRE(left == 1);
  CHECK(shares.connections_of("crowd") == 1);  // the test's
}

TEST_CASE_METHOD(Waiting, "Who is ready waits for later turns too", "[sbi][later_turns]") {
  std::array<sbi::Round::Number, 102> connections{};  // of a round that goes on over more than one pass of the loop
  for (std::size_t i = 0; i <= 100; ++i) {
    (void)round.begin_turn(at, at, connections.at(i));
    round.end_turn(at += 10us);
  }
  round.end_pass();
  come(crowd, 'a', 5ms);
  loop.run();
  (void)round.begin_turn(at, at, connections[101]);
  CHECK(round.age(at) == 100 * 10us + 5ms);
}

TEST_CASE_METHOD(Waiting, "What a later turn takes counts in the share of its peer alone", "[sbi][later_turns]") {
  share_the_loop();
  come(crowd, 'a', 2 * PeerShares::kCredit);
  come(usual, 'x', PeerShares::kCredit / 2);
  (void)order_with();
  CHECK(shares.is_in_debt(*crowd, at));
  CHECK_FALSE(shares.is_in_debt(*usual, at));
}

TEST_CASE_METHOD(Waiting, "At the end whoever waits is given up, and who comes later waits for nobody", "[sbi][later_turns]") {
  is_last_of_all = true;
  for (const char name : {'a', 'b'}) come(crowd, name);
  loop.run();
  CHECK(order == "a");
  come(crowd, 'c');
  loop.restart();
  loop.run();
  CHECK(order == "ac");
}

TEST_CASE_METHOD(test::ServedFixture, "A peer that waited together with a crowd has its later turn behind one of the crowd's", "[sbi][server][later_turns]") {
  constexpr std::size_t kCrowd = 40;
  const bool asks_for_turn = GENERATE(true, false);
  std::vector<std::string> order;  // of the loop's thread
  router.add("POST", "/later", sbi::BodyKind::json, sbi::WaitingHandler([&](const sbi::Request& request) -> test::awaitable<sbi::Response> {
               co_await gate.pass();
               if (asks_for_turn) co_await sbi::later_turn(request);
               order.push_back(request.body);
               co_return sbi::Response(204);
             }));
  serve();
  test::Http2Peer crowd(connect("127.0.0.2"), sbi::Http2Session::Role::client);
  sbi::StreamId last = 0;
  for (std::size_t i = 0; i < kCrowd; ++i) last = crowd.http.session.request(test::request("POST", "/later", "{}"));
  crowd.flush();
  REQUIRE(eventually([this] { return gate.waiting == kCrowd; }));
  test::Http2Peer usual(connect("127.0.0.3"), sbi::Http2Session::Role::client);
  const sbi::StreamId own = usual.http.session.request(test::request("POST", "/later", "{\"is\":\"usual\"}"));
  usual.flush();
  REQUIRE(eventually([this] { return gate.waiting == kCrowd + 1; }));
  loop.run([this] { gate.open(); });
  REQUIRE(usual.pump_to_end(own));
  REQUIRE(crowd.pump_to_end(last));
  const auto place = loop.run([&] { return std::find(order.begin(), order.end(), "{\"is\":\"usual\"}") - order.begin(); });
  CHECK(place == (asks_for_turn ? 1 : static_cast<std::ptrdiff_t>(kCrowd)));
}
