#include "lib/sbi/http2_server.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include "lib/sbi/problem.hpp"
#include "tests/sbi/served_peer.hpp"

using sbi::StreamId;
using test::exchange_settings;
using test::Http2Peer;
using test::import_of;
using test::request;
using test::ServedFixture;

TEST_CASE_METHOD(ServedFixture, "Requests of a connection are answered side by side", "[sbi][server]") {
  serve();
  open_client();
  auto waiting = start("POST", "/wait", "{\"a\":1}");
  REQUIRE(eventually([this] { return gate.waiting == 1; }));
  std::vector<std::future<sbi::Response>> answers;
  for (int i = 0; i < 300; ++i) answers.push_back(start("POST", "/echo", std::to_string(i)));  // more than a connection's streams
  for (int i = 0; i < 300; ++i) CHECK(test::get(answers[static_cast<std::size_t>(i)]).body == std::to_string(i));
  CHECK(connections() == 1);
  loop.run([this] { gate.open(); });
  CHECK(test::get(waiting).body == "{\"a\":1}");
}

TEST_CASE_METHOD(ServedFixture, "Each kind of answer arrives as the handler made it", "[sbi][server]") {
  serve();
  open_client();
  CHECK(send("GET", "/plain").body == "anonymous");
  CHECK(send("DELETE", "/items/1").status == 204);
  CHECK(send("GET", "/large/300000").body.size() == 300000);
  const auto refused = send("GET", "/refused");
  CHECK(refused.status == 409);
  CHECK(sbi::read_problem(refused).cause == "DEVICE_CLAIMED");
  const auto broken = send("GET", "/broken");
  CHECK(broken.status == 500);
  CHECK_THAT(broken.body, !Catch::Contains("secret"));
  CHECK(send("GET", "/nothing").status == 404);
  CHECK(send("PUT", "/plain").headers.find("allow") == std::optional<std::string_view>("GET"));
  CHECK(send("GET", "/large/%zz").status == 400);
}

TEST_CASE_METHOD(ServedFixture, "A handler that waits for few requests answers the others beside them", "[sbi][server]") {
  serve();
  open_client();
  auto waiting = start("POST", "/rarely", "{\"waits\":true}");
  CHECK(send("POST", "/rarely", "{\"waits\":false}").body == "at once");
  CHECK(sbi::read_problem(send("POST", "/rarely", "{}")).cause == "DEVICE_CLAIMED");
  CHECK(waiting.wait_for(std::chrono::seconds(0)) != std::future_status::ready);
  loop.run([this] { gate.open(); });
  CHECK(test::get(waiting).body == "{\"waits\":true}");
}

TEST_CASE_METHOD(ServedFixture, "A body may come in many DATA frames", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(peer);
  const StreamId id = peer.http.session.request(request("POST", "/echo", std::string(1000, 'a')));
  std::string out;
  while (peer.http.session.take_output(out, out.size() + 1), !out.empty()) {  // one frame at a time, octet by octet
    for (const char octet : std::exchange(out, {})) peer.send_raw(std::string_view(&octet, 1));
  }
  REQUIRE(peer.pump_to_end(id));
  CHECK(peer.http.streams[id].body == std::string(1000, 'a'));
}

TEST_CASE_METHOD(ServedFixture, "An authority that could not stand in a URI is 400", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(peer);
  auto sent = request("GET", "/plain");
  sent.authority = GENERATE(as<std::string>(), "user@host", "a;b", "a,b");
  const StreamId id = peer.http.session.request(sent);
  REQUIRE(peer.pump_to_end(id));
  CHECK(peer.http.streams[id].head.status == 400);
}

TEST_CASE_METHOD(ServedFixture, "A client that vanishes leaves nothing behind", "[sbi][server]") {
  serve();
  const bool abruptly = GENERATE(false, true);
  FIRST_ATTACH_PEER(peer);
  SECTION("before it says anything") { REQUIRE(eventually([this] { return server->open_connections() == 1; })); }
  SECTION("amid its request") {
    (void)peer.http.session.request(request("POST", "/echo", std::string(900, 'a')));
    std::string out;
    peer.http.session.take_output(out);
    peer.send_raw(std::string_view(out).substr(0, out.size() - 100));
    REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  }
  SECTION("while its handler waits, which ends later") {
    (void)peer.http.session.request(request("POST", "/wait", "{}"));
    peer.flush();
    REQUIRE(eventually([this] { return gate.waiting == 1; }));
  }
  SECTION("amid its streamed request, whose handler is told") {
    (void)peer.http.session.request(import_of("/import", std::string(100000, 'a')));
    std::string out;
    peer.http.session.take_output(out, 10000);
    peer.send_raw(std::string_view(out).substr(0, 9000));
    REQUIRE(eventually([this] { return gate.waiting == 1; }));
  }
  SECTION("amid its answer") {
    (void)peer.http.session.request(request("GET", "/large/50000000"));
    REQUIRE(peer.pump([&] { return peer.http.streams[1].body.size() > 10000; }));
  }
  peer.close(abruptly);
  CHECK(eventually([this] { return server->open_connections() == 0; }));
  loop.run([this] { gate.open(); });
  CHECK(eventually([this] { return gate.passed == gate.waiting; }));
  open_client();
  CHECK(send("GET", "/plain").status == 200);
}

TEST_CASE_METHOD(ServedFixture, "A handler outlives its stream, and the connection goes on", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(peer);
  const StreamId gone = peer.http.session.request(request("POST", "/wait", "{}"));
  peer.flush();
  REQUIRE(eventually([this] { return gate.waiting == 1; }));
  peer.http.session.reset(gone, sbi::Http2Error::cancel);
  const StreamId next = peer.http.session.request(request("GET", "/plain"));
  REQUIRE(peer.pump_to_end(next));
  loop.run([this] { gate.open(); });
  CHECK(eventually([this] { return gate.passed == 1; }));
  const StreamId last = peer.http.session.request(request("GET", "/plain"));
  REQUIRE(peer.pump_to_end(last));
  CHECK(peer.http.streams[last].head.status == 200);
  CHECK_FALSE(peer.http.streams[gone].has_head);
}

TEST_CASE_METHOD(ServedFixture, "A server knows of handlers that are at work though their peers have gone", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(peer);
  (void)peer.http.session.request(request("POST", "/wait", "{}"));
  peer.flush();
  REQUIRE(eventually([this] { return gate.waiting == 1; }));
  peer.close(true);
  REQUIRE(eventually([this] { return server->open_connections() == 0; }));
  CHECK(loop.run([this] { return server->handlers_at_work(); }) == 1);
  loop.run([this] { gate.open(); });
  CHECK(eventually([this] { return server->handlers_at_work() == 0; }));
}

TEST_CASE_METHOD(ServedFixture, "A server that drains answers what is under way, and takes nothing new", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(peer);
  FIRST_ATTACH_PEER(idle);
  const StreamId id = peer.http.session.request(request("POST", "/wait", "{}"));
  peer.flush();
  REQUIRE(eventually([this] { return gate.waiting == 1 && server->open_connections() == 2; }));
  loop.run([this] { server->drain(); });
  CHECK(idle.pump_to_close());
  REQUIRE(peer.pump([&] { return peer.http.goaway.has_value(); }));
  CHECK(peer.http.goaway->first == id);
  CHECK_THROWS_AS(connect(), boost::system::system_error);
  loop.run([this] { gate.open(); });
  REQUIRE(peer.pump_to_end(id));
  CHECK(peer.http.streams[id].head.status == 200);
  CHECK(peer.pump_to_close());
  CHECK(eventually([this] { return server->open_connections() == 0; }));
}

TEST_CASE_METHOD(ServedFixture, "A streamed body of 50 MB passes with the memory of one window", "[sbi][server]") {
  constexpr std::size_t kSize = 50'000'000;
  serve();
  FIRST_ATTACH_PEER(peer);
  const StreamId id = peer.http.session.request(import_of("/import", std::string(kSize, 'x')));
  const std::size_t window = limits.http2.stream_window_bytes;
  // The reader waits: the peer is held back after one window, while other streams go on.
  REQUIRE(peer.pump([&] { return peer.sent >= window; }));
  const StreamId other = peer.http.session.request(request("GET", "/plain"));
  REQUIRE(peer.pump_to_end(other));
  CHECK(peer.http.streams[other].head.status == 200);
  CHECK(peer.sent < window + 2000);
  loop.run([this] { gate.open(); });
  REQUIRE(peer.pump_to_end(id));
  CHECK(peer.http.streams[id].body == std::to_string(kSize));
  CHECK(peer.sent > kSize);
  CHECK(loop.run([this] { return largest_piece; }) <= window);
}

TEST_CASE_METHOD(ServedFixture, "Streamed bodies that nobody read do not use up the connection's window", "[sbi][server]") {
  limits.http2.connection_window_bytes = 400 * 1024;
  serve();
  FIRST_ATTACH_PEER(peer);
  for (int i = 0; i < 3; ++i) {
    loop.run([this] { gate.shut(); });
    const StreamId id = peer.http.session.request(import_of("/unread", std::string(200 * 1024, 'x')));
    REQUIRE(peer.pump([&] { return peer.http.session.unsent(id) == 0; }));
    const StreamId barrier = peer.http.session.request(request("GET", "/plain"));  // all of it has come
    REQUIRE(peer.pump_to_end(barrier));
    loop.run([this] { gate.open(); });
    REQUIRE(peer.pump_to_end(id));
    CHECK(peer.http.streams[id].body == "not read");
  }
}

TEST_CASE_METHOD(ServedFixture, "Connections that come in one moment are all taken", "[sbi][server]") {
  serve();
  std::promise<void> release;
  boost::asio::post(loop.io(), [&release] { release.get_future().wait_for(test::kDeadline); });
  std::vector<std::unique_ptr<Http2Peer>> peers;
  for (int i = 0; i < 50; ++i) {
    peers.push_back(std::make_unique<Http2Peer>(connect(), sbi::Http2Session::Role::client));
    REQUIRE(peers.back()->http.session.request(request("GET", "/plain")) == 1);
    peers.back()->flush();
  }
  FIRST_ATTACH_PEER(gone);
  gone.close(true);  // it is reset before anyone took it: no work, and no harm
  release.set_value();
  for (auto& peer : peers) {
    REQUIRE(peer->pump_to_end(1));
    CHECK(peer->http.streams[1].head.status == 200);
  }
  CHECK(eventually([this] { return server->open_connections() == 50; }));
}

TEST_CASE_METHOD(ServedFixture, "A connection that brings no whole request for many turns stands back, and is answered all the same", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(slow);
  FIRST_ATTACH_PEER(other);
  const StreamId id = slow.http.session.request(request("POST", "/echo"), sbi::Http2Session::BodySource::pieces);
  std::string body;
  for (int i = 0; i < 10; ++i) {
    slow.http.session.send(id, "1");
    body += "1";
    slow.flush();
    slow.send_raw(std::string("\0\0\x08\6\1\0\0\0\0" "12345678", 17));  // PING with ACK, which nobody answers
    exchange_settings(other);
  }
  slow.http.session.finish(id);
  REQUIRE(slow.pump_to_end(id));
  CHECK(slow.http.streams[id].body == body);
  exchange_settings(slow);
}

TEST_CASE_METHOD(ServedFixture, "What is no HTTP/2 ends its connection, and no other", "[sbi][server]") {
  serve();
  FIRST_ATTACH_PEER(sound);
  const StreamId first = sound.http.session.request(request("GET", "/plain"));
  REQUIRE(sound.pump_to_end(first));
  FIRST_ATTACH_PEER(hostile);
  std::string ignored;
  hostile.http.session.take_output(ignored);
  hostile.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(hostile.pump_to_close());
  const StreamId second = sound.http.session.request(request("GET", "/plain"));
  CHECK(sound.pump_to_end(second));
  CHECK(sound.http.streams[second].head.status == 200);
}

TEST_CASE_METHOD(ServedFixture, "An address that is taken, or is none, is an error that names it", "[sbi][server]") {
  serve();
  sbi::Http2Server other(loop.io(), router, limits);
  CHECK_THROWS_WITH(other.listen("127.0.0.1", port, nullptr), Catch::Contains("127.0.0.1:" + std::to_string(port)));
  CHECK_THROWS_WITH(other.listen("nowhere", 0, nullptr), Catch::Contains("nowhere"));
  loop.run([] {});
}
