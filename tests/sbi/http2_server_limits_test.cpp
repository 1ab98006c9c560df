// What a peer may have of one stream of the HTTP/2 server, and how long: bodies, header fields, answers; and who pays where all have too much.
#include "lib/sbi/http2_server.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/sbi/served_peer.hpp"

using sbi::StreamId;
using test::exchange_settings;
using test::Http2Peer;
using test::import_of;
using test::request;
using test::ServedFixture;
using namespace std::chrono_literals;

namespace {

void send_all_but_the_last_octet(Http2Peer& peer) {
  std::string out;
  peer.http.session.take_output(out);
  peer.send_raw(std::string_view(out).substr(0, out.size() - 1));
}

}  // namespace

TEST_CASE_METHOD(ServedFixture, "A body has its limit, said beforehand or not", "[sbi][server]") {
  serve();
  SECTION("with a content-length") {
    open_client();
    CHECK(send("POST", "/echo", std::string(1000, '1')).status == 200);
    CHECK(send("POST", "/echo", std::string(1001, '1')).status == 413);
    CHECK(send("GET", "/plain").status == 200);
    CHECK(connections() == 1);
  }
  SECTION("without") {
    const std::size_t size = GENERATE(1000U, 1001U);
    FIRST_ATTACH_PEER(peer);
    peer.flush();
    (void)peer.http.session.request(request("POST", "/echo"));  // never sent: its stream 1 hears what the server says
    std::string octets;
    peer.http.session.take_output(octets);
    octets.clear();
    // HEADERS of stream 1: POST, http, /echo, h, as RFC 7541 writes them; then DATA with END_STREAM.
    const std::string block("\x83\x86\x04\x05/echo\x01\x01h", 12);
    const auto put_frame = [&octets](std::size_t length, char type, char flags, std::string_view payload) {
      octets.append({'\0', static_cast<char>(length >> 8U), static_cast<char>(length & 0xFFU), type, flags, '\0', '\0', '\0', '\1'});
      octets.append(payload);
    };
    put_frame(block.size(), 1, 4, block);
    put_frame(size, 0, 1, std::string(size, 'x'));
    peer.send_raw(octets);
    REQUIRE(peer.pump_to_end(1));
    CHECK(peer.http.streams[1].head.status == (size == 1000 ? 200 : 413));
  }
}

TEST_CASE_METHOD(ServedFixture, "A body that does not end is refused in time", "[sbi][server]") {
  limits.request_timeout = 1s;
  serve();
  FIRST_ATTACH_PEER(peer);
  exchange_settings(peer);
  const StreamId id = peer.http.session.request(request("POST", "/echo", std::string(900, 'a')));
  send_all_but_the_last_octet(peer);
  REQUIRE(peer.pump([&] { return peer.http.streams[id].has_end; }));
  CHECK(peer.http.streams[id].head.status == 400);
  CHECK_THAT(peer.http.streams[id].body, Catch::Contains("END_STREAM"));
}

TEST_CASE_METHOD(ServedFixture, "A streamed body that stops is refused in time", "[sbi][server]") {
  limits.request_timeout = 1s;
  serve();
  loop.run([this] { gate.open(); });
  FIRST_ATTACH_PEER(peer);
  exchange_settings(peer);
  const StreamId id = peer.http.session.request(import_of("/import", std::string(900, 'a')));
  send_all_but_the_last_octet(peer);
  REQUIRE(peer.pump([&] { return peer.http.streams[id].has_end; }));
  CHECK(peer.http.streams[id].head.status == 400);
}

TEST_CASE_METHOD(ServedFixture, "Of two bodies that stop, the one that goes on within the time of a request is taken, the other is refused",
                 "[sbi][server][limits]") {
  limits.request_timeout = 5s;
  limits.first_byte_timeout = 1s;
  serve();
  FIRST_ATTACH_PEER(late);
  FIRST_ATTACH_PEER(never);
  const auto begin = [](Http2Peer& peer) {
    exchange_settings(peer);
    const StreamId id = peer.http.session.request(request("POST", "/echo", std::string(900, 'a')));
    send_all_but_the_last_octet(peer);
    return id;
  };
  const StreamId of_late = begin(late);
  const StreamId of_never = begin(never);
  FIRST_ATTACH_PEER(silent);
  REQUIRE(silent.pump_to_close());  // a second of the five is over, or two
  late.send_raw("a");
  REQUIRE(late.pump_to_end(of_late));
  CHECK(late.http.streams[of_late].head.status == 200);
  CHECK(late.http.streams[of_late].body.size() == 900);
  REQUIRE(never.pump([&] { return never.http.streams[of_never].has_end; }));
  CHECK(never.http.streams[of_never].head.status == 400);
}

TEST_CASE_METHOD(ServedFixture, "A streamed body may take longer than a request as long as it comes at a rate, and one that drips is refused as one that stops",
                 "[sbi][server][limits]") {
  limits.request_timeout = 2s;
  serve();
  loop.run([this] { gate.open(); });
  FIRST_ATTACH_PEER(slow);
  FIRST_ATTACH_PEER(dripping);
  FIRST_ATTACH_PEER(stalled);
  const auto send = [](Http2Peer& peer, StreamId id, std::size_t octets) {
    if (peer.http.streams[id].has_end) return;
    peer.http.session.send(id, std::string(octets, 'x'));
    peer.flush();
  };
  const auto begin = [&send](Http2Peer& peer) {
    const StreamId id = peer.http.session.request(import_of("/import", ""), sbi::Http2Session::BodySource::pieces);
    send(peer, id, 1);
    return id;
  };
  const StreamId of_slow = begin(slow);  // before the other ones
  const StreamId of_dripping = begin(dripping);
  const StreamId of_stalled = begin(stalled);
  const auto is_over = [&] { return stalled.http.streams[of_stalled].has_end && dripping.http.streams[of_dripping].has_end; };
  int rounds = 0;
  for (; rounds < 900 && !is_over(); ++rounds) {
    (void)stalled.pump([] { return false; }, 10ms);
    (void)dripping.pump([] { return false; }, 10ms);  // no more than a hundred octets a second
    send(dripping, of_dripping, 1);
    send(slow, of_slow, 2000);
  }
  for (Http2Peer* peer : {&stalled, &dripping}) {
    auto& answered = peer->http.streams[peer == &stalled ? of_stalled : of_dripping];
    CHECK(answered.head.status == 400);
    CHECK_THAT(answered.body, Catch::Contains("stopped before its end, or comes at less than 500 octets a second"));
  }
  slow.http.session.finish(of_slow);
  REQUIRE(slow.pump_to_end(of_slow));
  CHECK(slow.http.streams[of_slow].head.status == 200);
  CHECK(slow.http.streams[of_slow].body == std::to_string(1 + 2000 * rounds));
}

TEST_CASE_METHOD(ServedFixture, "Too many header fields, or too long ones, are 431", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(peer);
  const auto status_of = [&](const sbi::Request& sent) {
    const StreamId id = peer.http.session.request(sent);
    REQUIRE(peer.pump_to_end(id));
    return peer.http.streams[id].head.status;
  };
  auto sent = request("GET", "/plain");
  for (int i = 0; i < 64; ++i) sent.headers.add("x" + std::to_string(i), "1");
  CHECK(status_of(sent) == 200);
  sent.headers.add("y", "1");
  CHECK(status_of(sent) == 431);
  sent = request("GET", "/plain");
  sent.headers.add("x", std::string(16 * 1024 - 10, 'v'));
  CHECK(status_of(sent) == 200);
  sent.headers.add("y", "0123456789");
  CHECK(status_of(sent) == 431);
}

TEST_CASE_METHOD(ServedFixture, "A peer that takes nothing of its answer loses the stream", "[sbi][server]") {
  limits.write_timeout = 1s;
  serve();
  sbi::Http2Session::Limits shut;
  shut.stream_window_bytes = 0;
  FIRST_ATTACH_PEER(peer, shut);
  const StreamId id = peer.http.session.request(request("GET", "/plain"));
  REQUIRE(peer.pump([&] { return peer.http.streams[id].closed.has_value(); }));
  CHECK(peer.http.streams[id].closed == static_cast<std::uint32_t>(sbi::Http2Error::cancel));
  CHECK_FALSE(peer.http.streams[id].has_end);
}

TEST_CASE_METHOD(ServedFixture, "A peer that takes an octet of its answer now and then keeps its stream, one that takes none loses it",
                 "[sbi][server][limits]") {
  limits.write_timeout = 2s;
  serve();
  sbi::Http2Session::Limits narrow;
  narrow.stream_window_bytes = 1;
  FIRST_ATTACH_PEER(slow, narrow);
  FIRST_ATTACH_PEER(stalled, narrow);
  const auto begin = [](Http2Peer& peer) {
    peer.http.consumes = false;
    const StreamId id = peer.http.session.request(request("GET", "/large/1000"));
    REQUIRE(peer.pump([&] { return peer.http.streams[id].body.size() == 1; }));
    return id;
  };
  const StreamId of_slow = begin(slow);  // before the other one
  const StreamId of_stalled = begin(stalled);
  const auto is_cut = [&] { return stalled.http.streams[of_stalled].closed.has_value(); };
  for (std::size_t taken = 1; taken < 900 && !stalled.pump(is_cut, 20ms); ++taken) {
    slow.http.session.consume(of_slow, 1);
    REQUIRE(slow.pump([&] { return slow.http.streams[of_slow].body.size() > taken; }));
  }
  REQUIRE(is_cut());
  CHECK(stalled.http.streams[of_stalled].closed == static_cast<std::uint32_t>(sbi::Http2Error::cancel));
  CHECK(stalled.http.streams[of_stalled].body.size() == 1);
  slow.http.consumes = true;
  slow.http.session.consume(of_slow, 1);
  REQUIRE(slow.pump_to_end(of_slow));
  CHECK(slow.http.streams[of_slow].has_end);
  CHECK(slow.http.streams[of_slow].body.size() == 1000);
}

TEST_CASE_METHOD(ServedFixture, "Half-open streams have a bound, and the connection that has most of them pays for it", "[sbi][server][limits]") {
  limits.max_half_open_streams = 5;
  serve();
  FIRST_ATTACH_PEER(hoarder);
  FIRST_ATTACH_PEER(usual);
  exchange_settings(hoarder);
  exchange_settings(usual);
  const auto open_one = [](Http2Peer& peer) {
    const StreamId id = peer.http.session.request(request("POST", "/echo"), sbi::Http2Session::BodySource::pieces);
    peer.flush();
    return id;
  };
  for (int i = 0; i < 4; ++i) (void)open_one(hoarder);
  const StreamId last = open_one(usual);  // five of five
  exchange_settings(hoarder);
  exchange_settings(usual);
  SECTION("one more") {
    (void)open_one(usual);
    CHECK(hoarder.pump_to_close());
  }
  SECTION("one that ended makes room") {
    usual.http.session.finish(last);
    REQUIRE(usual.pump_to_end(last));
    (void)open_one(usual);
    exchange_settings(hoarder);
  }
  usual.http.session.send(last, "");
  exchange_settings(usual);
}

TEST_CASE_METHOD(ServedFixture, "Bodies that wait for their end have a bound, and the connection that has most of them pays for it", "[sbi][server][limits]") {
  limits.max_buffered_bytes = 2000;
  serve();
  FIRST_ATTACH_PEER(hoarder);
  FIRST_ATTACH_PEER(usual);
  const auto send_some = [](Http2Peer& peer, std::size_t octets) {
    const StreamId id = peer.http.session.request(request("POST", "/echo"), sbi::Http2Session::BodySource::pieces);
    peer.http.session.send(id, std::string(octets, 'x'));
    peer.flush();
    exchange_settings(peer);
    return id;
  };
  (void)send_some(hoarder, 900);
  (void)send_some(hoarder, 600);
  const StreamId id = send_some(usual, 500);  // 2000 of 2000
  exchange_settings(hoarder);
  usual.http.session.send(id, "x");
  usual.http.session.finish(id);
  REQUIRE(usual.pump_to_end(id));
  CHECK(usual.http.streams[id].body.size() == 501);
  CHECK(hoarder.pump_to_close());
  const StreamId again = usual.http.session.request(request("POST", "/echo", std::string(1000, 'y')));  // what ended does not count
  REQUIRE(usual.pump_to_end(again));
  CHECK(usual.http.streams[again].head.status == 200);
}

TEST_CASE_METHOD(ServedFixture, "A header block that unfolds to many times its limit ends the connection", "[sbi][server][limits][attack]") {
  limits.http2.max_header_bytes = 4096;
  serve();
  FIRST_ATTACH_PEER(bomber);
  exchange_settings(bomber);
  sbi::Request bomb = request("GET", "/plain");
  const std::string value(1000, 'v');  // in the dynamic table after the first: an octet each
  SECTION("up to the bound it is 431") {
    for (int i = 0; i < 15; ++i) bomb.headers.add("x-bomb", value);
    const StreamId id = bomber.http.session.request(bomb);
    REQUIRE(bomber.pump_to_end(id));
    CHECK(bomber.http.streams[id].head.status == 431);
    exchange_settings(bomber);
  }
  SECTION("beyond it, ENHANCE_YOUR_CALM") {
    for (int i = 0; i < 17; ++i) bomb.headers.add("x-bomb", value);
    (void)bomber.http.session.request(bomb);
    CHECK(bomber.pump_to_close());
    CHECK(bomber.http.goaway.value().second == 11);
  }
}
