// Who gives way to a new connection where all are taken and each has been served.
#include "tests/sbi/served_peer.hpp"

using namespace test;
using sbi::StreamId;

namespace {

constexpr const char* kCrowd = "127.0.0.2";
constexpr const char* kUsual = "127.0.0.3";
constexpr const char* kFresh = "127.0.0.4";

struct CrowdFixture : ServedFixture {
  void serve_at_most(std::size_t connections) {
    limits.max_connections = connections;
    serve();
  }
  /// A connection that has been served once.
  std::unique_ptr<Http2Peer> served(const char* from) {
    auto peer = std::make_unique<Http2Peer>(connect(from), sbi::Http2Session::Role::client);
    exchange_settings(*peer);
    return peer;
  }
  /// A request that is not answered before the gate opens.
  StreamId keep_busy(Http2Peer& peer) {
    const int before = gate.waiting;
    const StreamId id = peer.http.session.request(request("POST", "/wait", "{}"));
    peer.flush();
    REQUIRE(eventually([this, before] { return gate.waiting == before + 1; }));
    return id;
  }
  std::size_t refused() { return server->counters().connections_refused; }
};

}  // namespace

TEST_CASE_METHOD(CrowdFixture, "Where all connections are taken, the one that is idle for longest gives way, of the peer that has most", "[sbi][server][limits]") {
  serve_at_most(4);
  const auto usual = served(kUsual);  // idle for longest, but alone
  std::vector<std::unique_ptr<Http2Peer>> crowd;
  for (int i = 0; i < 3; ++i) crowd.push_back(served(kCrowd));
  exchange_settings(*crowd[0]);  // the second is idle for longest now
  CHECK(refused() == 0);
  const auto fresh = served(kFresh);
  CHECK(crowd[1]->pump_to_close());
  CHECK(crowd[1]->http.goaway.has_value());
  for (auto* each : {usual.get(), crowd[0].get(), crowd[2].get(), fresh.get()}) exchange_settings(*each);
  CHECK(refused() == 1);
}

TEST_CASE_METHOD(CrowdFixture, "Nobody who has fewer connections gives way to who has more", "[sbi][server][limits]") {
  serve_at_most(3);
  const bool is_new = GENERATE(false, true);
  const auto usual = is_new ? std::make_unique<Http2Peer>(connect(kUsual), sbi::Http2Session::Role::client) : served(kUsual);
  REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  std::vector<std::unique_ptr<Http2Peer>> crowd;
  for (int i = 0; i < 2; ++i) {
    crowd.push_back(served(kCrowd));
    (void)keep_busy(*crowd.back());
  }
  Http2Peer more(connect(kCrowd), sbi::Http2Session::Role::client);
  CHECK(more.pump_to_close());
  exchange_settings(*usual);
  for (const auto& each : crowd) exchange_settings(*each);
  CHECK(refused() == 1);
}

TEST_CASE_METHOD(CrowdFixture, "A peer that has more than half of all connections gives way to another one, busy or not", "[sbi][server][limits]") {
  const bool is_crowd = GENERATE(true, false);
  serve_at_most(is_crowd ? 3 : 4);
  std::vector<std::unique_ptr<Http2Peer>> crowd;
  for (int i = 0; i < 2; ++i) crowd.push_back(served(kCrowd));
  std::vector<std::unique_ptr<Http2Peer>> others;
  for (int i = 0; i < (is_crowd ? 1 : 2); ++i) others.push_back(served(i == 0 ? kUsual : "127.0.0.5"));
  for (const auto& each : crowd) (void)keep_busy(*each);
  for (const auto& each : others) (void)keep_busy(*each);
  Http2Peer fresh(connect(kFresh), sbi::Http2Session::Role::client);
  if (is_crowd) {
    exchange_settings(fresh);
    for (const auto& each : crowd) CHECK(each->pump_to_close());
  } else {  // half is not more than half
    CHECK(fresh.pump_to_close());
  }
  for (const auto& each : others) exchange_settings(*each);
}

TEST_CASE_METHOD(CrowdFixture, "A connection whose answer has not been taken yet is not idle", "[sbi][server][limits]") {
  serve_at_most(1);
  const auto reader = served(kUsual);
  reader->http.consumes = false;
  const StreamId id = reader->http.session.request(request("GET", "/large/300000"));
  reader->flush();
  REQUIRE(reader->pump([&] { return !reader->http.streams[id].body.empty(); }));
  Http2Peer fresh(connect(kFresh), sbi::Http2Session::Role::client);
  CHECK(fresh.pump_to_close());
}
