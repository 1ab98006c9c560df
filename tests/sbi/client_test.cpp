#include "lib/sbi/client.hpp"

#include <catch2/catch.hpp>

#include "tests/sbi/served.hpp"

using sbi::ClientError;
using sbi::Http2Session;
using sbi::StreamId;
using test::Http2Peer;
using test::ServedFixture;
using test::tcp;
using namespace std::chrono_literals;

namespace {

/// A server that the test drives by hand, in place of ours.
struct HandDrivenFixture : ServedFixture {
  HandDrivenFixture() : acceptor(peer_io, tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0)) {
    port = acceptor.local_endpoint().port();
    serve_nothing();
    open_client();
  }
  /// The fixture's own server goes with it; it listens nowhere.
  void serve_nothing() {
    loop.run([this] { server = std::make_unique<sbi::Http2Server>(loop.io(), router, limits); });
  }
  tcp::socket accepted() {
    pollfd ready{acceptor.native_handle(), POLLIN, 0};
    if (poll(&ready, 1, 10000) <= 0) throw std::runtime_error("nobody connected");
    return acceptor.accept();
  }
  /// Until the request of this stream is whole.
  static bool pump_to_request(Http2Peer& peer, StreamId id) {
    return peer.pump([&] { return peer.http.streams[id].has_end; });
  }
  tcp::acceptor acceptor;
};

#define FIRST_ATTACH_ACCEPTED(name, ...) Http2Peer name(accepted(), Http2Session::Role::server __VA_OPT__(,) __VA_ARGS__)

sbi::Response text(int status, std::string body) { return sbi::Response(status, "text/plain", std::move(body)); }

}  // namespace

TEST_CASE_METHOD(HandDrivenFixture, "A request bears what TS 29.500 asks for", "[sbi][client]") {
  auto answer = start("POST", "/a?b=c", "{}");
  FIRST_ATTACH_ACCEPTED(peer);
  REQUIRE(pump_to_request(peer, 1));
  const auto& got = peer.http.streams[1];
  CHECK(got.head.method == "POST");
  CHECK(got.head.target == "/a?b=c");
  CHECK(got.head.authority == "127.0.0.1:" + std::to_string(port));
  CHECK(got.head.headers.find("user-agent") == std::optional<std::string_view>("TEST"));
  CHECK(got.head.headers.find("content-type") == std::optional<std::string_view>("application/json"));
  CHECK(got.body == "{}");
  peer.http.session.respond(1, text(200, "answer").with("etag", "\"1\""));
  peer.flush();
  const auto got_answer = test::get(answer);
  CHECK(got_answer.status == 200);
  CHECK(got_answer.body == "answer");
  CHECK(got_answer.headers.find("etag") == std::optional<std::string_view>("\"1\""));
}

TEST_CASE_METHOD(HandDrivenFixture, "A server that never answers costs the deadline, and the stream is given up", "[sbi][client]") {
  auto answer = start("GET", "/slow", {}, 100ms);
  FIRST_ATTACH_ACCEPTED(peer);
  REQUIRE(pump_to_request(peer, 1));
  CHECK(failure_of(std::move(answer)) == ClientError::Kind::timeout);
  REQUIRE(peer.pump([&] { return peer.http.streams[1].closed.has_value(); }));
  CHECK(peer.http.streams[1].closed == static_cast<std::uint32_t>(sbi::Http2Error::cancel));
  auto next = start("GET", "/next");  // on the same connection
  REQUIRE(pump_to_request(peer, 3));
  peer.http.session.respond(3, text(200, "next"));
  peer.flush();
  CHECK(test::get(next).body == "next");
}

TEST_CASE_METHOD(HandDrivenFixture, "A connection that went silent is left by the next request", "[sbi][client]") {
  auto first = start("GET", "/first");
  FIRST_ATTACH_ACCEPTED(peer);
  REQUIRE(pump_to_request(peer, 1));
  peer.http.session.respond(1, text(200, "first"));
  peer.flush();
  REQUIRE(test::get(first).body == "first");
  SECTION("and closed") {
    CHECK(failure_of(start("GET", "/lost", {}, 50ms)) == ClientError::Kind::timeout);  // the peer reads no more, nor does it close
    auto next = start("GET", "/next");
    FIRST_ATTACH_ACCEPTED(second);
    REQUIRE(pump_to_request(second, 1));
    second.http.session.respond(1, text(200, "next"));
    second.flush();
    CHECK(test::get(next).body == "next");
    CHECK(peer.pump_to_close());
  }
  SECTION("but what else it may still answer is waited for") {
    auto patient = start("GET", "/patient");
    REQUIRE(pump_to_request(peer, 3));
    CHECK(failure_of(start("GET", "/lost", {}, 50ms)) == ClientError::Kind::timeout);
    auto next = start("GET", "/next");
    FIRST_ATTACH_ACCEPTED(second);
    REQUIRE(pump_to_request(second, 1));
    peer.http.session.respond(3, text(200, "late"));
    peer.flush();
    CHECK(test::get(patient).body == "late");
    CHECK(peer.pump_to_close());
    second.http.session.respond(1, text(200, "next"));
    second.flush();
    CHECK(test::get(next).body == "next");
  }
}

TEST_CASE_METHOD(HandDrivenFixture, "A connection that brought something since a request went out is kept when that is late", "[sbi][client]") {
  auto first = start("GET", "/first");
  FIRST_ATTACH_ACCEPTED(peer);
  REQUIRE(pump_to_request(peer, 1));
  auto slow = start("GET", "/slow", {}, 1s);
  REQUIRE(pump_to_request(peer, 3));
  peer.http.session.respond(1, text(200, "first"));
  peer.flush();
  REQUIRE(test::get(first).body == "first");
  CHECK(failure_of(std::move(slow)) == ClientError::Kind::timeout);
  auto next = start("GET", "/next");
  REQUIRE(pump_to_request(peer, 5));
  peer.http.session.respond(5, text(200, "next"));
  peer.flush();
  CHECK(test::get(next).body == "next");
}

TEST_CASE_METHOD(HandDrivenFixture, "A server that does not even speak costs the deadline", "[sbi][client]") {
  auto answer = start("GET", "/", {}, 50ms);
  const auto silent = accepted();
  CHECK(failure_of(std::move(answer)) == ClientError::Kind::timeout);
}

TEST_CASE_METHOD(HandDrivenFixture, "A request that was refused goes out once more, on a new connection if need be", "[sbi][client]") {
  auto answer = start("POST", "/", "{\"a\":1}");
  FIRST_ATTACH_ACCEPTED(peer);
  SECTION("REFUSED_STREAM") {
    REQUIRE(pump_to_request(peer, 1));
    peer.http.session.reset(1, sbi::Http2Error::refused_stream);
    REQUIRE(pump_to_request(peer, 3));
    peer.http.session.respond(3, text(200, "second"));
    peer.flush();
    CHECK(peer.http.streams[3].body == "{\"a\":1}");
    CHECK(test::get(answer).body == "second");
  }
  SECTION("GOAWAY that leaves it out") {
    peer.http.session.go_away();  // before the request is looked at
    peer.flush();
    FIRST_ATTACH_ACCEPTED(second);
    REQUIRE(pump_to_request(second, 1));
    second.http.session.respond(1, text(200, "second"));
    second.flush();
    CHECK(test::get(answer).body == "second");
    CHECK(peer.http.streams.empty());
  }
  SECTION("but not a third time") {
    REQUIRE(pump_to_request(peer, 1));
    peer.http.session.reset(1, sbi::Http2Error::refused_stream);
    REQUIRE(pump_to_request(peer, 3));
    peer.http.session.reset(3, sbi::Http2Error::refused_stream);
    peer.flush();
    CHECK(failure_of(std::move(answer)) == ClientError::Kind::broken);
  }
}

TEST_CASE_METHOD(HandDrivenFixture, "A GOAWAY that includes the request lets it be answered", "[sbi][client]") {
  auto answer = start("GET", "/");
  FIRST_ATTACH_ACCEPTED(peer);
  REQUIRE(pump_to_request(peer, 1));
  peer.http.session.go_away();
  peer.flush();
  peer.http.session.respond(1, text(200, "still"));
  peer.flush();
  CHECK(test::get(answer).body == "still");
  CHECK(peer.pump_to_close());
}

TEST_CASE_METHOD(HandDrivenFixture, "A request that may have been carried out is not sent again", "[sbi][client]") {
  auto answer = start("POST", "/", "{}");
  FIRST_ATTACH_ACCEPTED(peer);
  REQUIRE(pump_to_request(peer, 1));
  SECTION("the connection breaks") { peer.close(true); }
  SECTION("the connection ends") { peer.close(); }
  SECTION("the stream is reset") {
    peer.http.session.reset(1, sbi::Http2Error::internal_error);
    peer.flush();
  }
  SECTION("the peer talks nonsense") { peer.send_raw("HTTP/1.1 400 Bad Request\r\n\r\n"); }
  SECTION("the answer ends in its middle") {
    peer.http.session.respond(1, text(200, std::string(10000, 'x')));
    std::string out;
    peer.http.session.take_output(out);
    peer.send_raw(std::string_view(out).substr(0, 5000));
    peer.close();
  }
  CHECK(failure_of(std::move(answer)) == ClientError::Kind::broken);
}

TEST_CASE_METHOD(ServedFixture, "A port where nobody listens is unreachable at once", "[sbi][client]") {
  serve();
  loop.run([this] { server->drain(); });
  open_client();
  CHECK(failure_of(start("GET", "/plain")) == ClientError::Kind::unreachable);
  CHECK_THAT(last_error, Catch::Contains("http://127.0.0.1:" + std::to_string(port)));
}

TEST_CASE_METHOD(ServedFixture, "A host without an address is unreachable", "[sbi][client]") {
  serve();
  open_client();
  host = "no-such-host.invalid";
  CHECK(failure_of(start("GET", "/plain")) == ClientError::Kind::unreachable);
  host = "127.0.0.1";
  scheme = "https";
  CHECK(failure_of(start("GET", "/plain")) == ClientError::Kind::unreachable);
  CHECK_THAT(last_error, Catch::Contains("not configured"));
}

TEST_CASE_METHOD(ServedFixture, "An answer has a limit; the connection goes on after it", "[sbi][client]") {
  serve();
  sbi::ClientLimits client_limits;
  client_limits.max_body_bytes = 100000;
  open_client(nullptr, client_limits);
  CHECK(send("GET", "/large/100000").body.size() == 100000);
  CHECK(failure_of(start("GET", "/large/100001")) == ClientError::Kind::broken);
  CHECK_THAT(last_error, Catch::Contains("too large"));
  CHECK(send("GET", "/plain").status == 200);
  CHECK(connections() == 1);
}

TEST_CASE_METHOD(HandDrivenFixture, "An answer's header has a limit", "[sbi][client]") {
  auto answer = start("GET", "/");
  FIRST_ATTACH_ACCEPTED(peer);
  REQUIRE(pump_to_request(peer, 1));
  auto large = text(200, "");
  for (int i = 0; i < 65; ++i) large.headers.add("x" + std::to_string(i), "1");
  peer.http.session.respond(1, std::move(large));
  peer.flush();
  CHECK(failure_of(std::move(answer)) == ClientError::Kind::broken);
  CHECK_THAT(last_error, Catch::Contains("header"));
}

TEST_CASE_METHOD(ServedFixture, "After a restart of the server the client connects anew", "[sbi][client]") {
  serve();
  open_client();
  CHECK(send("GET", "/plain").status == 200);
  loop.run([this] { server.reset(); });
  serve();  // at the same port
  // Until the client has noticed the end of its connection, a request may still break on it.
  const auto deadline = std::chrono::steady_clock::now() + test::kDeadline;
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < deadline) {
    try {
      status = send("GET", "/plain").status;
    } catch (const ClientError& error) {
      REQUIRE(error.kind() == ClientError::Kind::broken);
    }
  }
  CHECK(status == 200);
  CHECK(connections() == 1);
}

TEST_CASE_METHOD(ServedFixture, "A server that drains sends its clients to the next one", "[sbi][client]") {
  serve();
  open_client();
  CHECK(send("GET", "/plain").status == 200);
  auto under_way = start("POST", "/wait", "{}");
  REQUIRE(eventually([this] { return gate.waiting == 1; }));
  auto old_server = loop.run([this] {
    server->drain();
    return std::move(server);
  });
  serve();  // the next one, at the same port
  std::vector<std::future<sbi::Response>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(start("POST", "/echo", std::to_string(i)));
  for (int i = 0; i < 20; ++i) CHECK(test::get(answers[static_cast<std::size_t>(i)]).body == std::to_string(i));
  loop.run([this] { gate.open(); });
  CHECK(test::get(under_way).status == 200);
  loop.run([&] { old_server.reset(); });
}

TEST_CASE_METHOD(ServedFixture, "A client that is closed ends what is under way", "[sbi][client]") {
  serve();
  open_client();
  auto under_way = start("POST", "/wait", "{}");
  REQUIRE(eventually([this] { return gate.waiting == 1; }));
  loop.run([this] { client.reset(); });
  CHECK(failure_of(std::move(under_way)) == ClientError::Kind::broken);
  CHECK(eventually([this] { return server->open_connections() == 0; }));
  open_client();
  CHECK(send("GET", "/plain").status == 200);
}

TEST_CASE_METHOD(ServedFixture, "A client calls nobody beyond loopback in clear unless it may, whoever named the peer", "[sbi][client]") {
  serve();
  sbi::ClientLimits confidential;
  confidential.may_call_in_clear = false;
  open_client(nullptr, confidential);
  CHECK(send("GET", "/plain").status == 200);
  const auto uri = sbi::Uri::parse("http://192.0.2.1:" + std::to_string(port));
  auto answer = loop.start(client->send(uri, sbi::make_request("GET", uri, "/plain"), test::kDeadline));
  CHECK_THROWS_WITH(test::get(answer), Catch::Contains("http://192.0.2.1:" + std::to_string(port)) && Catch::Contains("in clear"));
}

namespace {

/// Gives one token after the other; a new one when the former was refused.
class Tokens final : public sbi::Authorizer {
 public:
  boost::asio::awaitable<std::string> authorization(std::string service) override {
    asked.push_back(std::move(service));
    if (has_none) throw base::Error(base::ErrorKind::unavailable, "NF_DISCOVERY_ERROR", "the NRF gives none");
    co_return number < 0 ? "" : "Bearer " + std::to_string(number);
  }
  void refused(const std::string& service, const std::string& authorization) override {
    told.push_back(service + " " + authorization);
    ++number;
  }
  int number = 1;
  bool has_none = false;
  std::vector<std::string> asked;
  std::vector<std::string> told;
};

struct AuthorizedFixture : ServedFixture {
  AuthorizedFixture() {
    router.add("GET", "/nudm-sdm/v2/x", sbi::BodyKind::none, sbi::PlainHandler([this](const sbi::Request& request) {
                 came.emplace_back(request.headers.find("authorization").value_or("none"));
                 const bool is_good = came.back() == good;
                 return sbi::Response(is_good ? 200 : 401, "text/plain", came.back());
               }));
    serve();
    open_client();
    loop.run([this] { client->authorize_by(tokens); });
  }
  ~AuthorizedFixture() {
    loop.run([this] { client.reset(); });  // before the tokens
  }
  Tokens tokens;
  std::string good = "Bearer 1";
  std::vector<std::string> came;  // of the loop's thread
};

}  // namespace

TEST_CASE_METHOD(AuthorizedFixture, "A token that the peer refuses is told of and replaced, once", "[sbi][client][oauth2]") {
  using List = std::vector<std::string>;
  SECTION("it is good") {
    CHECK(send("GET", "/nudm-sdm/v2/x").status == 200);
    CHECK(came == List{"Bearer 1"});
    CHECK(tokens.asked == List{"nudm-sdm"});
    CHECK(tokens.told.empty());
  }
  SECTION("the next one is good") {
    good = "Bearer 2";
    CHECK(send("GET", "/nudm-sdm/v2/x").status == 200);
    CHECK(came == List{"Bearer 1", "Bearer 2"});
    CHECK(tokens.told == List{"nudm-sdm Bearer 1"});
  }
  SECTION("none is good") {
    good = "no token at all";
    CHECK(send("GET", "/nudm-sdm/v2/x").status == 401);
    CHECK(came == List{"Bearer 1", "Bearer 2"});
    CHECK(tokens.told == List{"nudm-sdm Bearer 1", "nudm-sdm Bearer 2"});
  }
  SECTION("none is needed, and the peer thinks otherwise") {
    tokens.number = -1;
    CHECK(send("GET", "/nudm-sdm/v2/x").status == 401);
    CHECK(came == List{"none"});
    CHECK(tokens.told.empty());
  }
  SECTION("there is none to be had") {
    tokens.has_none = true;
    CHECK(failure_of(start("GET", "/nudm-sdm/v2/x")) == ClientError::Kind::unreachable);
    CHECK_THAT(last_error, Catch::Contains("the NRF gives none"));
    CHECK(came.empty());
  }
}
