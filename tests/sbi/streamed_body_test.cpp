// Bodies that a handler reads as they come: what they count, and how they end.
#include <catch2/catch.hpp>

#include "tests/sbi/served_peer.hpp"

using sbi::BodyKind;
using sbi::BodyReader;
using sbi::Request;
using sbi::Response;
using sbi::StreamId;
using test::awaitable;
using test::exchange_settings;
using test::Http2Peer;
using test::import_of;
using test::request;
using namespace std::chrono_literals;

namespace {

struct StreamedBodyFixture : test::ServedFixture {
  StreamedBodyFixture() {
    limits.max_buffered_bytes = 2000;
    router.add("POST", "/held", BodyKind::ndjson,
               sbi::StreamingHandler([this](const Request&, const std::shared_ptr<BodyReader>& body) { return hold(*body); }));
    router.add("POST", "/pause", BodyKind::ndjson,
               sbi::StreamingHandler([this](const Request&, const std::shared_ptr<BodyReader>& body) { return pause(*body); }));
    serve();
  }
  /// Takes a piece, and goes on once the gate is open.
  awaitable<Response> hold(BodyReader& body) {
    const auto first = co_await body.next();
    held = first->size();
    co_await gate.pass();
    while (const auto piece = co_await body.next()) held += piece->size();
    co_return Response(204);
  }
  awaitable<Response> pause(BodyReader& body) {
    (void)co_await body.next();
    ++pausing;
    const bool goes_on = co_await body.pause(pause_time);
    ++(goes_on ? paused : left_early);
    try {
      while (co_await body.next()) ++pieces_behind;
    } catch (const base::Error&) {
      ++given_up;
    }
    co_return Response(204);
  }
  /// Sends what begins a request to that path, without its end, and waits until the server has it.
  StreamId begin(Http2Peer& peer, const std::string& path, std::size_t octets) {
    const StreamId id = peer.http.session.request(import_of(path, ""), sbi::Http2Session::BodySource::pieces);
    peer.http.session.send(id, std::string(octets, 'x'));
    exchange_settings(peer);
    return id;
  }
  // Of the loop's thread.
  std::chrono::milliseconds pause_time{1h};
  std::size_t held = 0;
  int pausing = 0;
  int paused = 0;
  int left_early = 0;
  int pieces_behind = 0;
  int given_up = 0;
};

}  // namespace

TEST_CASE_METHOD(StreamedBodyFixture, "A piece that the handler is at counts as buffered until it asks for the next one", "[sbi][server][limits]") {
  FIRST_ATTACH_PEER(importer);
  FIRST_ATTACH_PEER(other);
  const StreamId import = begin(importer, "/held", 1500);
  REQUIRE(eventually([this] { return held == 1500; }));
  SECTION("no more than may be") {
    (void)begin(other, "/held", 500);
    exchange_settings(importer);
    CHECK_FALSE(importer.is_closed);
  }
  SECTION("one octet more") {
    (void)begin(other, "/held", 501);
    CHECK(importer.pump_to_close());
  }
  SECTION("it is done with that piece") {
    loop.run([this] { gate.open(); });
    (void)begin(other, "/held", 1999);
    exchange_settings(importer);
    CHECK_FALSE(importer.is_closed);
    importer.http.session.finish(import);
    REQUIRE(importer.pump_to_end(import));
    CHECK(importer.http.streams[import].head.status == 204);
  }
}

TEST_CASE_METHOD(StreamedBodyFixture, "A handler that pauses hears at once of a peer that gives its request up", "[sbi][server]") {
  FIRST_ATTACH_PEER(peer);
  (void)begin(peer, "/pause", 100);
  REQUIRE(eventually([this] { return pausing == 1; }));
  peer.close();
  REQUIRE(eventually([this] { return given_up == 1; }));
  loop.run([this] {
    CHECK(left_early == 1);
    CHECK(paused == 0);
  });
}

TEST_CASE_METHOD(StreamedBodyFixture, "A pause lasts whatever comes meanwhile, and then the body goes on", "[sbi][server]") {
  loop.run([this] { pause_time = 200ms; });
  FIRST_ATTACH_PEER(peer);
  const StreamId id = begin(peer, "/pause", 100);
  REQUIRE(eventually([this] { return pausing == 1; }));
  const auto began = std::chrono::steady_clock::now();
  peer.http.session.send(id, std::string(100, 'y'));
  exchange_settings(peer);
  peer.http.session.finish(id);
  REQUIRE(peer.pump_to_end(id));
  CHECK(std::chrono::steady_clock::now() - began > 100ms);
  loop.run([this] {
    CHECK(paused == 1);
    CHECK(left_early == 0);
    CHECK(pieces_behind == 1);
    CHECK(given_up == 0);
  });
}

TEST_CASE_METHOD(StreamedBodyFixture, "What waits of a body that was given up is forgotten, and counts no more", "[sbi][server][limits]") {
  FIRST_ATTACH_PEER(importer);
  FIRST_ATTACH_PEER(other);
  (void)begin(importer, "/pause", 100);
  REQUIRE(eventually([this] { return pausing == 1; }));
  const StreamId second = begin(importer, "/pause", 100);
  REQUIRE(eventually([this] { return pausing == 2; }));
  importer.http.session.send(second, std::string(1500, 'y'));
  exchange_settings(importer);
  importer.http.session.reset(second, sbi::Http2Error::cancel);
  exchange_settings(importer);
  REQUIRE(eventually([this] { return given_up == 1; }));
  (void)begin(other, "/held", 1900);  // 2000 with the first 100
  exchange_settings(importer);
  CHECK_FALSE(importer.is_closed);
  loop.run([this] { CHECK(pieces_behind == 0); });
  importer.close();
  CHECK(eventually([this] { return given_up == 2; }));
}
