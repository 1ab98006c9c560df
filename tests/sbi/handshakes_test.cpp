#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <optional>

#include "tests/sbi/busy_route.hpp"
#include "tests/sbi/served_tls.hpp"

using test::TlsFixture;
using namespace std::chrono_literals;

TEST_CASE_METHOD(TlsFixture, "A client that does not begin TLS does not keep its connection", "[sbi][tls]") {
  limits.first_byte_timeout = 1s;
  limits.write_timeout = 60s;
  serve_tls(false);
  const auto silent = connect();
  REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  CHECK(eventually([this] { return server->open_connections() == 0; }));
}

TEST_CASE_METHOD(TlsFixture, "A server that drains ends handshakes that are under way", "[sbi][tls]") {
  serve_tls(false);
  const auto silent = connect();
  REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  loop.run([this] { server->drain(); });
  CHECK(eventually([this] { return server->open_connections() == 0; }));
}

TEST_CASE_METHOD(TlsFixture, "A connection that has just been made is answered, however early its first request came", "[sbi][tls]") {
  serve_tls(false);
  for (int i = 0; i < 40; ++i) {  // some of them with the request in the same read as the handshake's end
    open_tls_client("");
    CHECK(send("GET", "/plain").status == 200);
    loop.run([this] { client.reset(); });
  }
}

TEST_CASE_METHOD(TlsFixture, "Handshakes under way have a bound: the oldest gives way", "[sbi][tls][limits]") {
  limits.max_handshakes = 2;
  serve_tls(false);
  test::Http2Peer oldest(connect(), sbi::Http2Session::Role::client);
  REQUIRE(eventually([this] { return server->open_connections() == 1; }));
  test::Http2Peer other(connect(), sbi::Http2Session::Role::client);
  REQUIRE(eventually([this] { return server->open_connections() == 2; }));
  CHECK(loop.run([this] { return server->counters().connections_refused.load(); }) == 0);
  open_tls_client("");
  CHECK(send("GET", "/plain").status == 200);
  CHECK(loop.run([this] { return server->counters().connections_refused.load(); }) == 1);
  std::string ignored;
  oldest.http.session.take_output(ignored);
  CHECK(oldest.pump_to_close());
  CHECK(connections() == 2);
}

TEST_CASE_METHOD(TlsFixture, "Of handshakes that are too many, one of the peer that owes most gives way, not an older one of another", "[sbi][tls][limits]") {
  limits.max_handshakes = 2;
  test::BusyRoute busy(router);
  serve_tls(false);
  open_tls_client("");
  auto answer = start("GET", "/busy");
  busy.wait_until_held();  // all of these are accepted at once, behind that request
  test::Http2Peer oldest(connect("127.0.0.2"), sbi::Http2Session::Role::client);
  test::Http2Peer crowd(connect(), sbi::Http2Session::Role::client);
  std::optional<test::Http2Peer> more_of_it(std::in_place, connect(), sbi::Http2Session::Role::client);
  busy.release();
  CHECK(test::get(answer).status == 200);
  CHECK(crowd.pump_to_close());
  CHECK(connections() == 3);
  more_of_it.reset();
  REQUIRE(eventually([this] { return server->open_connections() == 2; }));  // the oldest is there still
}

TEST_CASE_METHOD(TlsFixture, "Handshakes have a rate: those beyond it wait, and are done", "[sbi][tls][limits]") {
  const int handshakes = GENERATE(3, 8);
  limits.max_handshakes_per_second = 3;
  serve_tls(false);
  std::vector<std::unique_ptr<sbi::Client>> clients;
  std::vector<std::future<sbi::Response>> answers;
  const auto uri = sbi::Uri::parse("https://127.0.0.1:" + std::to_string(port));
  for (int i = 0; i < handshakes; ++i) {
    loop.run([&] { clients.push_back(std::make_unique<sbi::Client>(loop.io(), "TEST", sbi::make_client_context(files("", "ca")))); });
    sbi::Request request = sbi::make_request("GET", uri, "/plain");
    answers.push_back(loop.start(clients.back()->send(uri, std::move(request), kLong)));
  }
  for (auto& answer : answers) CHECK(test::get(answer).status == 200);
  const auto delayed = loop.run([this] { return server->counters().handshakes_delayed.load(); });
  CHECK((handshakes == 3) == (delayed == 0));
  loop.run([&] { clients.clear(); });
}

TEST_CASE_METHOD(TlsFixture, "Handshakes without a rate do not wait for one", "[sbi][tls][limits]") {
  serve_tls(false);
  for (int i = 0; i < 10; ++i) {
    open_tls_client("");
    CHECK(send("GET", "/plain").status == 200);
    loop.run([this] { client.reset(); });
  }
  CHECK(loop.run([this] { return server->counters().handshakes_delayed.load(); }) == 0);
}

TEST_CASE_METHOD(TlsFixture, "A connection that gives way in the moment in which its handshake ends is gone for good", "[sbi][tls][limits]") {
  limits.max_handshakes = 1;
  limits.max_connections = 3;
  serve_tls(false);
  std::vector<std::unique_ptr<sbi::Client>> clients;
  std::vector<std::future<sbi::Response>> answers;
  for (int i = 0; i < 200; ++i) {  // each handshake may be the oldest when the next one begins, whether it is done or not
    loop.run([&] { clients.push_back(std::make_unique<sbi::Client>(loop.io(), "TEST", sbi::make_client_context(files("", "ca")))); });
    const auto uri = sbi::Uri::parse("https://127.0.0.1:" + std::to_string(port));
    sbi::Request request = sbi::make_request("GET", uri, "/plain");
    answers.push_back(loop.start(clients.back()->send(uri, std::move(request), kLong)));
    (void)connect();
  }
  for (auto& answer : answers) (void)failure_of(std::move(answer));
  loop.run([&] { clients.clear(); });
  open_tls_client("");
  CHECK(eventually([this] { return server->open_connections() <= 3; }));
  CHECK(send("GET", "/plain").status == 200);
}
