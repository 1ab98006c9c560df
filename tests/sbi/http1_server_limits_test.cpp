// How much is taken over HTTP/1.1, for how long, and from how many; and the end of the server, whatever goes on meanwhile.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "lib/sbi/http1_listener.hpp"
#include "lib/sbi/http1_server.hpp"
#include "lib/sbi/http1_sockets.hpp"
#include "tests/sbi/served_http1.hpp"

using test::Answer;
using test::Http1Fixture;
using test::Talk;
using namespace std::chrono_literals;

TEST_CASE_METHOD(Http1Fixture, "Header fields have the limits of HTTP/2", "[sbi][http1]") {
  const auto status_of = [this](int fields, std::size_t octets) {
    std::string text = "GET /plain HTTP/1.1\r\nHost: h\r\n";
    for (int i = 1; i < fields; ++i) text += "X" + std::to_string(i) + ": " + std::string(octets, 'v') + "\r\n";
    return exchange(text + "\r\n").status;
  };
  CHECK(status_of(64, 1) == 200);
  CHECK(status_of(65, 1) == 431);
  CHECK(status_of(2, 16000) == 200);
  CHECK(status_of(2, 16400) == 431);
}

TEST_CASE_METHOD(Http1Fixture, "A head without an end is 431, and the connection of who does not stop is cut off", "[sbi][http1]") {
  const std::string begin = "GET /plain HTTP/1.1\r\nHost: h\r\n";
  std::string fields;
  while (fields.size() < 65536) fields += "x: y\r\n";
  const std::string more = GENERATE_COPY(values<std::string>({std::string(65536, 'x'), fields}));
  Talk endless = talk();
  REQUIRE(endless.say(begin));
  SECTION("a little too long") {
    REQUIRE(endless.say(more));
  }
  SECTION("for ever") {
    int pieces = 0;
    while (pieces < 10000 && endless.say(more)) ++pieces;
    CHECK(pieces < 10000);
    return;  // what it was told may be lost with the reset
  }
  CHECK(endless.hear().status == 431);
  CHECK(endless.is_closed());
}

TEST_CASE_METHOD(Http1Fixture, "A head that is held back has to be whole in time", "[sbi][http1]") {
  auto hasty = limits;
  hasty.first_byte_timeout = hasty.request_timeout = 1s;
  sbi::Http1Server other(loop.io(), router, hasty);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  Talk first(peer_io, other_port);
  first.say("GET /plain HTTP/1.1\r\nHost: h");
  Talk second(peer_io, other_port);
  second.say(request_text("GET", "/plain", "", "") + "GET /plain HTTP/1.1\r\nHost: h");
  CHECK(second.hear().status == 200);
  CHECK(first.hear().status == 408);
  CHECK(first.is_closed());
  CHECK(second.is_closed());
}

TEST_CASE_METHOD(Http1Fixture, "A body has to be whole in time", "[sbi][http1]") {
  auto hasty = limits;
  hasty.request_timeout = 1s;
  sbi::Http1Server other(loop.io(), router, hasty);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  const std::string text = request_text("POST", "/echo", "application/json", "{\"a\":\"b\"}");
  const std::string begin = text.substr(0, text.size() - 3);
  Talk in_time = talk();  // where there is more of it
  Talk late(peer_io, other_port);
  in_time.say(begin);
  late.say(begin);
  const Answer answer = late.hear();
  CHECK(answer.status == 408);
  CHECK(answer.body.empty());
  CHECK(late.is_closed());
  in_time.say(text.substr(begin.size()));
  const Answer echo = in_time.hear();
  CHECK(echo.status == 200);
  CHECK(echo.body == "{\"a\":\"b\"}");
}

TEST_CASE_METHOD(Http1Fixture, "Over HTTP/1.1, where all connections are taken, the oldest that has sent no whole head gives way to a new one",
                 "[sbi][http1][limits]") {
  auto few = limits;
  few.max_http1_connections = 3;
  sbi::Http1Server other(loop.io(), router, few);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  const std::string get = request_text("GET", "/plain", "", "");
  Talk active(peer_io, other_port);
  active.say(get);
  CHECK(active.hear().status == 200);
  Talk oldest(peer_io, other_port);
  oldest.say("GET /plain HTTP/1.1\r\nHost: h");
  Talk silent(peer_io, other_port);
  CHECK(other.connections_refused() == 0);
  Talk fresh(peer_io, other_port);
  fresh.say(get);
  CHECK(fresh.hear().status == 200);
  CHECK(oldest.is_closed());
  for (Talk* const each : {&active, &silent, &fresh}) {
    each->say(get);
    CHECK(each->hear().status == 200);
  }
  CHECK(other.connections_refused() == 1);
}

TEST_CASE_METHOD(Http1Fixture, "Over HTTP/1.1, where all connections have sent a request, a new one is closed until one of them has gone",
                 "[sbi][http1][limits]") {
  auto few = limits;
  few.max_http1_connections = 2;
  sbi::Http1Server other(loop.io(), router, few);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  const std::string get = request_text("GET", "/plain", "", "");
  std::vector<Talk> talks;
  const auto serves = [&get](Talk& each) { return each.say(get) && each.hear().status == 200; };
  for (int i = 0; i < 2; ++i) {
    talks.emplace_back(peer_io, other_port);
    CHECK(serves(talks.back()));
  }
  CHECK(other.connections_refused() == 0);
  Talk third(peer_io, other_port);
  CHECK(third.is_closed());
  CHECK(other.connections_refused() == 1);
  for (Talk& each : talks) CHECK(serves(each));
  talks.pop_back();
  bool is_served = false;
  const auto deadline = std::chrono::steady_clock::now() + test::kDeadline;
  while (!is_served && std::chrono::steady_clock::now() < deadline) {
    Talk fourth(peer_io, other_port);
    is_served = serves(fourth);
  }
  CHECK(is_served);
  CHECK(serves(talks.front()));
}

TEST_CASE_METHOD(Http1Fixture, "The limit of connections over HTTP/1.1 holds while all of its threads are held up", "[sbi][http1][limits]") {
  auto few = limits;
  few.max_http1_connections = 6;
  sbi::Http1Server other(loop.io(), router, few);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  std::vector<Talk> waiting;  // one a thread
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(peer_io, other_port);
    waiting.back().say(request_text("POST", "/wait", "application/json", std::to_string(i)));
  }
  REQUIRE(eventually([this] { return gate.waiting == 4; }));
  std::vector<Talk> silent;
  for (int i = 0; i < 12; ++i) silent.emplace_back(peer_io, other_port);
  for (std::size_t i = 0; i < 10; ++i) CHECK(silent[i].is_closed());
  CHECK(other.connections_refused() == 10);
  loop.run([this] { gate.open(); });
  for (std::size_t i = 0; i < 4; ++i) CHECK(waiting[i].hear().body == std::to_string(i));
  for (std::size_t i = 10; i < 12; ++i) {
    silent[i].say(request_text("GET", "/plain", "", ""));
    CHECK(silent[i].hear().status == 200);
  }
}

TEST_CASE_METHOD(Http1Fixture, "A crowd that waits to be taken in over HTTP/1.1 holds up and shuts out itself alone", "[sbi][http1][limits]") {
  std::vector<Talk> waiting;  // one a thread
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(talk());
    waiting.back().say(request_text("POST", "/wait", "application/json", std::to_string(i)));
  }
  REQUIRE(eventually([this] { return gate.waiting == 4; }));
  // As many as have places, give way, and wait; the last has to go for one more.
  const std::size_t in = limits.max_http1_connections - waiting.size() + sbi::Http1Sockets::kMostLeaving;
  std::vector<Talk> crowd;
  const auto bring = [this, &crowd](std::size_t upto, std::size_t refused) {
    while (crowd.size() < upto) crowd.emplace_back(peer_io, http1_port, "127.0.0.2");
    return eventually([this, refused] { return http1->connections_refused() == refused; });
  };
  REQUIRE(bring(in, sbi::Http1Sockets::kMostLeaving));
  const std::size_t all = in + 1 + sbi::Http1Listener::kMostWaiting;
  REQUIRE(bring(all + 1, sbi::Http1Sockets::kMostLeaving + 1));
  CHECK(crowd[all].is_closed());
  Talk usual(peer_io, http1_port, "127.0.0.3");
  usual.say(request_text("GET", "/plain", "", ""));
  CHECK(crowd[all - 1].is_closed());
  loop.run([this] { gate.open(); });
  CHECK(usual.hear().status == 200);
  for (std::size_t i = 0; i < waiting.size(); ++i) CHECK(waiting[i].hear().body == std::to_string(i));
  crowd[all - 2].say(request_text("GET", "/plain", "", ""));
  CHECK(crowd[all - 2].hear().status == 200);
}

TEST_CASE_METHOD(Http1Fixture, "The server stops whatever its peers do", "[sbi][http1]") {
  const std::string get = request_text("GET", "/plain", "", "");
  std::vector<Talk> talks;  // the server knows all of them before any holds up one of its threads
  for (int i = 0; i < 20; ++i) {
    talks.push_back(talk());
    talks.back().say(get);
    REQUIRE(talks.back().hear().status == 200);
  }
  // Without an end: answers that nobody reads, bodies, and a head.
  std::string unread;
  while (unread.size() < 50000) unread += request_text("GET", "/large/20000", "", "");
  const std::vector<std::string> pieces{unread, request_text("POST", "/echo", "", std::string(50000, ' ')), std::string(50000, 'x')};
  std::atomic<int> pouring = 0;
  std::vector<std::future<void>> pourers;
  for (std::size_t i = 0; i < 9; ++i) {
    pourers.push_back(std::async(std::launch::async, [&pouring, &each = talks[i], &piece = pieces[i % pieces.size()]] {
      each.say(piece);
      ++pouring;
      while (each.say(piece)) {
      }
    }));
  }
  for (std::size_t i = 9; i < talks.size(); ++i) {
    talks[i].say(i % 2 == 0 ? "" : "GET /plain HTTP/1.1\r\nHost: h\r\nX: y");
  }
  CHECK(eventually([&pouring] { return pouring == 9; }));
  auto stopped = std::async(std::launch::async, [this] { http1->stop(); });
  test::get(stopped);
  for (auto& pourer : pourers) test::get(pourer);
  for (std::size_t i = 9; i < talks.size(); ++i) CHECK(talks[i].is_closed());
}

TEST_CASE_METHOD(Http1Fixture, "The server stops while requests wait for their answers", "[sbi][http1]") {
  Talk waiting = talk();
  waiting.say(request_text("POST", "/wait", "application/json", "1"));
  REQUIRE(eventually([this] { return gate.waiting == 1; }));
  auto stopped = std::async(std::launch::async, [this] { http1->stop(); });
  test::get(stopped);
  CHECK(gate.waiting == 1);
  CHECK(waiting.hear().status == 0);
}
