// Connections to the HTTP/2 server: which are ended, which give way to a new one, and how many requests are served for whom.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/request_rates.hpp"
#include "tests/sbi/frames.hpp"
#include "tests/sbi/served_peer.hpp"

using sbi::StreamId;
using test::exchange_settings;
using test::Http2Peer;
using test::request;
using test::ServedFixture;
using test::tcp;
using namespace std::chrono_literals;

namespace {

/// HEADERS of stream 1 without END_HEADERS, after the preface and SETTINGS.
std::string unfinished_header_block() {
  std::string out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  out.append("\0\0\0\4\0\0\0\0\0", 9);
  out.append("\0\0\1\1\0\0\0\0\1\x82", 10);
  return out;
}

}  // namespace

TEST_CASE_METHOD(ServedFixture, "A connection that is idle is ended", "[sbi][server]") {
  SECTION("before its first request") { limits.first_byte_timeout = 1s; }
  SECTION("after its last") { limits.idle_timeout = 1s; }
  serve();
  FIRST_ATTACH_PEER(peer);
  if (limits.idle_timeout == 1s) {
    const StreamId id = peer.http.session.request(request("GET", "/plain"));
    REQUIRE(peer.pump_to_end(id));
  }
  CHECK(peer.pump_to_close());
  CHECK(peer.http.goaway);
  CHECK(eventually([this] { return server->open_connections() == 0; }));
}

TEST_CASE_METHOD(ServedFixture, "The time to the first request and the time between requests are two limits: one passes, the other does not",
                 "[sbi][server][limits]") {
  const bool is_first = GENERATE(true, false);
  (is_first ? limits.first_byte_timeout : limits.idle_timeout) = 1s;
  serve();
  FIRST_ATTACH_PEER(active);
  exchange_settings(active);
  FIRST_ATTACH_PEER(silent);
  REQUIRE(eventually([this] { return server->open_connections() == 2; }));
  Http2Peer& ended = is_first ? silent : active;
  Http2Peer& kept = is_first ? active : silent;
  CHECK(eventually([this] { return server->open_connections() == 1; }));
  exchange_settings(kept);
  CHECK(ended.pump_to_close());
}

TEST_CASE_METHOD(ServedFixture, "Many connections that have waited too long are all ended", "[sbi][server][limits]") {
  limits.first_byte_timeout = 1s;
  serve();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(connect());
  REQUIRE(eventually([this] { return server->open_connections() == 40; }));
  FIRST_ATTACH_PEER(active);
  exchange_settings(active);
  CHECK(eventually([this] { return server->open_connections() == 1; }));
  exchange_settings(active);
}

TEST_CASE_METHOD(ServedFixture, "A connection with a request under way is not idle", "[sbi][server]") {
  limits.first_byte_timeout = limits.idle_timeout = 1s;
  serve();
  FIRST_ATTACH_PEER(waiting);
  FIRST_ATTACH_PEER(idle);
  const StreamId id = waiting.http.session.request(request("POST", "/wait", "{}"));
  waiting.flush();
  REQUIRE(idle.pump_to_close());
  loop.run([this] { gate.open(); });
  REQUIRE(waiting.pump_to_end(id));
  CHECK(waiting.http.streams[id].head.status == 200);
}

TEST_CASE_METHOD(ServedFixture, "A header block that never ends, or is malformed, does not keep a connection", "[sbi][server]") {
  const bool is_malformed = GENERATE(false, true);
  limits.first_byte_timeout = 1s;
  serve();
  FIRST_ATTACH_PEER(peer);
  peer.http.session.go_away();  // the session of this side is not used
  std::string ignored;
  peer.http.session.take_output(ignored);
  const auto has_method_twice = [] { return std::string(test::kPreface) + test::frame(4, 0, 0, "") + test::frame(1, 5, 1, "\x82\x82"); };
  peer.send_raw(is_malformed ? has_method_twice() : unfinished_header_block());
  REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  CHECK(eventually([this] { return server->open_connections() == 0; }));
}

TEST_CASE_METHOD(ServedFixture, "More connections than allowed are turned away while requests wait on all of them", "[sbi][server]") {
  limits.max_connections = 2;
  serve();
  FIRST_ATTACH_PEER(one);
  FIRST_ATTACH_PEER(two);
  for (Http2Peer* const each : {&one, &two}) {
    (void)each->http.session.request(request("POST", "/wait", "{}"));
    each->flush();
  }
  REQUIRE(eventually([this] { return gate.waiting == 2; }));
  FIRST_ATTACH_PEER(three);
  CHECK(three.pump_to_close());
  one.close();
  REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  FIRST_ATTACH_PEER(four);
  const StreamId id = four.http.session.request(request("GET", "/plain"));
  CHECK(four.pump_to_end(id));
  CHECK(four.http.streams[id].head.status == 200);
}

TEST_CASE_METHOD(ServedFixture, "Where all connections are taken, one that has sent no request gives way to a new one", "[sbi][server][limits]") {
  limits.max_connections = 3;
  serve();
  FIRST_ATTACH_PEER(active);
  exchange_settings(active);
  FIRST_ATTACH_PEER(oldest);
  REQUIRE(eventually([this] { return server->open_connections() == 2; }));
  FIRST_ATTACH_PEER(silent);
  REQUIRE(eventually([this] { return server->open_connections() == 3; }));
  FIRST_ATTACH_PEER(fresh);
  exchange_settings(fresh);
  CHECK(oldest.pump_to_close());
  exchange_settings(active);
  exchange_settings(silent);
  CHECK(server->counters().connections_refused == 1);
}

TEST_CASE_METHOD(ServedFixture, "A peer that sends more requests a second than it may gets 429", "[sbi][server][limits]") {
  limits.max_requests_per_second = 3;
  serve();
  FIRST_ATTACH_PEER(one);
  FIRST_ATTACH_PEER(other);  // of the same address: the same peer
  std::vector<StreamId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(one.http.session.request(request("GET", "/plain")));
  for (const StreamId id : ids) {
    REQUIRE(one.pump_to_end(id));
    CHECK(one.http.streams[id].head.status == 200);
  }
  // A machine that takes its time may have let a token come in again: soon there is none.
  const auto status = [&other] {
    const StreamId id = other.http.session.request(request("GET", "/plain"));
    REQUIRE(other.pump_to_end(id));
    if (other.http.streams[id].head.status == 429) {
      CHECK(other.http.streams[id].head.headers.find("retry-after") == std::optional<std::string_view>("1"));
      CHECK_THAT(other.http.streams[id].body, Catch::Contains("NF_CONGESTION_RISK"));
    }
    return other.http.streams[id].head.status;
  };
  int tries = 1;
  while (status() != 429 && tries < 10000) ++tries;
  CHECK(tries < 10000);
}

TEST_CASE("A peer's bucket holds a second's worth, fills at its rate, and is shared by its connections", "[sbi][limits]") {
  sbi::RequestRates rates(2);
  auto bucket = rates.bucket_of("amf.example");
  CHECK(rates.bucket_of("amf.example") == bucket);
  CHECK(rates.bucket_of("smf.example") != bucket);
  sbi::RequestRates::Instant at(std::chrono::hours(1));
  CHECK(bucket->take(at));
  CHECK(bucket->take(at));
  CHECK_FALSE(bucket->take(at));
  CHECK_FALSE(bucket->take(at += std::chrono::milliseconds(499)));
  CHECK(bucket->take(at += std::chrono::milliseconds(1)));
  CHECK_FALSE(bucket->take(at));
  at += std::chrono::hours(1);  // no more than a second's worth
  CHECK(bucket->take(at));
  CHECK(bucket->take(at));
  CHECK_FALSE(bucket->take(at));
  CHECK(sbi::RequestRates(0).bucket_of("amf.example") == nullptr);
  rates.sweep(at);
  CHECK(rates.peers() == 1);  // smf.example has no connection, and asked for nothing
  const auto* const before = bucket.get();
  bucket.reset();
  rates.sweep(at + std::chrono::milliseconds(900));
  CHECK(rates.bucket_of("amf.example").get() == before);  // another connection finds what the one before left
  CHECK_FALSE(rates.bucket_of("amf.example")->take(at));
  rates.sweep(at + std::chrono::milliseconds(1001));
  CHECK(rates.peers() == 0);
}

namespace {

/// Requests that each hold up the loop, as a cryptographic check does.
struct BusyFixture : ServedFixture {
  BusyFixture() {
    limits.max_wait = 50ms;  // the first late round: 200
    router.add("GET", "/busy", sbi::BodyKind::none, sbi::PlainHandler([](const sbi::Request&) {
                 const auto until = std::chrono::steady_clock::now() + 30ms;
                 while (std::chrono::steady_clock::now() < until) {
                 }
                 return sbi::Response(200);
               }));
  }
  /// How many of a peer's streams were answered with `status`.
  static long count(Http2Peer& peer, int status) {
    return std::count_if(peer.http.streams.begin(), peer.http.streams.end(),
                         [status](const auto& each) { return each.second.head.status == status; });
  }
};

}  // namespace

TEST_CASE_METHOD(BusyFixture, "What waited too long for its turn is turned away at once, and those after it are served again", "[sbi][server][overload]") {
  serve();
  FIRST_ATTACH_PEER(peer);
  std::vector<StreamId> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(peer.http.session.request(request("GET", "/busy")));
  peer.flush();
  for (const StreamId id : ids) REQUIRE(peer.pump_to_end(id));
  CHECK(count(peer, 200) >= 1);
  CHECK(count(peer, 503) >= 30);
  CHECK(count(peer, 200) + count(peer, 503) == 50);
  const auto& refused = peer.http.streams[ids.back()];
  CHECK(refused.head.status == 503);
  CHECK(refused.head.headers.find("retry-after") == "1");
  CHECK(nlohmann::json::parse(refused.body)["cause"] == "NF_CONGESTION");

  const StreamId next = peer.http.session.request(request("GET", "/busy"));
  peer.flush();
  REQUIRE(peer.pump_to_end(next));
  CHECK(peer.http.streams[next].head.status == 200);
}

TEST_CASE_METHOD(BusyFixture, "As long as nothing waits too long, everything is served", "[sbi][server][overload]") {
  limits.max_wait = kLong;
  serve();
  FIRST_ATTACH_PEER(peer);
  std::vector<StreamId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(peer.http.session.request(request("GET", "/busy")));
  peer.flush();
  for (const StreamId id : ids) REQUIRE(peer.pump_to_end(id));
  CHECK(count(peer, 200) == 20);
}

TEST_CASE_METHOD(BusyFixture, "Connections that wait behind others are turned away as well", "[sbi][server][overload]") {
  serve();
  std::vector<std::unique_ptr<Http2Peer>> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(std::make_unique<Http2Peer>(connect(), sbi::Http2Session::Role::client));
    exchange_settings(*peers.back());
  }
  std::promise<void> release;
  boost::asio::post(loop.io(), [&release] { release.get_future().wait_for(test::kDeadline); });  // so that all are ready when the loop looks next
  for (auto& peer : peers) {
    REQUIRE(peer->http.session.request(request("GET", "/busy")) == 3);
    peer->flush();
  }
  release.set_value();
  int served = 0;
  int refused = 0;
  for (auto& peer : peers) {
    REQUIRE(peer->pump_to_end(3));
    const int status = peer->http.streams[3].head.status;
    served += status == 200 ? 1 : 0;
    refused += status == 503 ? 1 : 0;
  }
  CHECK(served >= 1);
  CHECK(refused >= 1);
  CHECK(served + refused == 20);
}
