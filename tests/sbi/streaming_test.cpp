// Bodies that come in pieces: what a relay passes on, whatever its size.
#include <catch2/catch.hpp>

#include "lib/sbi/http1_server.hpp"
#include "tests/sbi/served.hpp"

using namespace std::chrono_literals;

namespace {

using sbi::BodyKind;
using sbi::BodyReader;
using sbi::ClientError;
using sbi::Request;
using sbi::Response;
using test::awaitable;

constexpr std::size_t kPiece = 16 * 1024;

/// `pieces` pieces of 'x', counted as they are taken; at the end nothing, or an exception.
class CountedBody final : public BodyReader {
 public:
  CountedBody(std::size_t pieces, std::shared_ptr<std::size_t> taken, bool breaks = false)
      : pieces_(pieces), taken_(std::move(taken)), breaks_(breaks) {}
  awaitable<std::optional<std::string>> next() override {
    if (*taken_ == pieces_ && breaks_) throw std::runtime_error("the source broke");
    if (*taken_ == pieces_) co_return std::nullopt;
    ++*taken_;
    co_return std::string(kPiece, 'x');
  }

 private:
  std::size_t pieces_;
  std::shared_ptr<std::size_t> taken_;
  bool breaks_;
};

/// The routes of every test, one that answers in pieces, and a relay of all that begins with /relay/ to /... of the same server.
struct StreamingFixture : test::ServedFixture {
  StreamingFixture() {
    limits.max_body_bytes = 1000;
    router.add("GET", "/pieces/{count}", BodyKind::none, sbi::PlainHandler([this](const Request& request) {
                 Response response(200);
                 response.with("content-type", "text/plain");
                 response.stream = std::make_shared<CountedBody>(std::stoul(request.path("count")), taken, breaks);
                 return response;
               }));
    router.add("*", "/relay/{rest...}", BodyKind::none,
               sbi::StreamingHandler(
                   [this](const Request& request, const std::shared_ptr<BodyReader>& body) { return relay(request, body); }));
    serve();
    open_client();
  }

  awaitable<Response> relay(const Request& request, std::shared_ptr<BodyReader> body) {
    const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
    Request onward = sbi::make_request(request.method, uri, "/" + request.path("rest"));
    if (const auto type = request.headers.find("content-type")) onward.headers.add("content-type", std::string(*type));
    Response response = co_await client->open(uri, onward, body, test::kDeadline);
    co_return std::move(response);
  }

  /// What a streamed answer of ours brings, all of it.
  awaitable<std::size_t> count(std::string target) {
    const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
    const Request request = sbi::make_request("GET", uri, target);
    const std::shared_ptr<BodyReader> none;
    Response response = co_await client->open(uri, request, none, test::kDeadline);
    std::size_t octets = 0;
    while (true) {
      const auto piece = co_await response.stream->next();
      if (!piece) break;
      octets += piece->size();
    }
    co_return octets;
  }

  std::shared_ptr<std::size_t> taken = std::make_shared<std::size_t>(0);
  bool breaks = false;
};

}  // namespace

TEST_CASE_METHOD(StreamingFixture, "An answer in pieces arrives whole, whatever its size", "[sbi][streaming]") {
  const auto pieces = GENERATE(as<std::size_t>{}, 0, 1, 2, 1000);  // 16 MiB: far beyond every window
  CHECK(loop.await(count("/pieces/" + std::to_string(pieces))) == pieces * kPiece);
  CHECK(*taken == pieces);
}

TEST_CASE_METHOD(StreamingFixture, "An answer in pieces that is read whole is the same", "[sbi][streaming]") {
  const auto answer = send("GET", "/pieces/20");
  CHECK(answer.status == 200);
  CHECK(answer.body == std::string(20 * kPiece, 'x'));
}

TEST_CASE_METHOD(StreamingFixture, "A source is not read faster than the peer takes", "[sbi][streaming]") {
  test::Http2Peer peer(connect(), sbi::Http2Session::Role::client);
  peer.http.consumes = false;  // its window of 256 KiB is never given back
  const auto id = peer.http.session.request(test::request("GET", "/pieces/100000"));
  REQUIRE(peer.pump([&] { return peer.http.streams[id].body.size() >= 255 * 1024; }));
  CHECK(eventually([this] { return *taken >= 16; }));
  // What it took, what waits for the window, one socket's buffers: not the 1.6 GB that there are.
  CHECK(loop.run([this] { return *taken; }) < 100);
  peer.http.session.reset(id, sbi::Http2Error::cancel);
  peer.flush();
  CHECK(send("GET", "/plain").status == 200);
}

TEST_CASE_METHOD(StreamingFixture, "A source that breaks resets the stream and nothing else", "[sbi][streaming]") {
  breaks = true;
  auto broken = loop.start(count("/pieces/3"));
  CHECK_THROWS_AS(test::get(broken), ClientError);
  CHECK(*taken == 3);
  CHECK(send("GET", "/plain").status == 200);
  CHECK(connections() == 1);
}

TEST_CASE_METHOD(StreamingFixture, "A relayed body is passed on both ways, whatever its size", "[sbi][streaming]") {
  loop.run([this] { gate.open(); });
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
  Request request = sbi::make_request("POST", uri, "/relay/import");
  request.headers.add("content-type", sbi::kNdjson);
  const auto read = std::make_shared<std::size_t>(0);
  const std::shared_ptr<BodyReader> source = std::make_shared<CountedBody>(500, read);
  auto answered = loop.start(client->open(uri, request, source, test::kDeadline));
  const Response response = test::get(answered);
  CHECK(response.status == 200);
  const auto text = loop.await(response.stream->next());
  CHECK(text == std::to_string(500 * kPiece));
  CHECK(*read == 500);
}

TEST_CASE_METHOD(StreamingFixture, "An answer before the request's end comes through a relay", "[sbi][streaming]") {
  loop.run([this] { gate.open(); });
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
  Request request = sbi::make_request("POST", uri, "/relay/unread");
  request.headers.add("content-type", sbi::kNdjson);
  const auto read = std::make_shared<std::size_t>(0);
  const std::shared_ptr<BodyReader> source = std::make_shared<CountedBody>(1000000, read);
  auto answered = loop.start(client->open(uri, request, source, test::kDeadline));
  const Response response = test::get(answered);
  CHECK(response.status == 200);
  CHECK(loop.await(response.stream->next()) == std::optional<std::string>("not read"));
  CHECK(send("GET", "/plain").status == 200);
}

TEST_CASE_METHOD(StreamingFixture, "A relay passes a refusal on as it is", "[sbi][streaming]") {
  const auto direct = send("GET", "/refused");
  const auto relayed = send("GET", "/relay/refused");
  CHECK(relayed.status == direct.status);
  CHECK(relayed.body == direct.body);
  CHECK(relayed.headers.find("content-type") == direct.headers.find("content-type"));
}

TEST_CASE_METHOD(StreamingFixture, "A peer that stops in the middle of its answer ends the reader's wait", "[sbi][streaming]") {
  boost::asio::io_context io;
  test::tcp::acceptor acceptor(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
  const std::shared_ptr<BodyReader> none;
  auto opened = loop.start(client->open(uri, sbi::make_request("GET", uri, "/"), none, 200ms));
  test::Http2Peer peer(acceptor.accept(), sbi::Http2Session::Role::server);
  REQUIRE(peer.pump([&] { return peer.http.streams[1].has_end; }));
  peer.http.session.respond(1, Response(200), sbi::Http2Session::BodySource::pieces);
  peer.http.session.send(1, "begun");
  peer.flush();
  Response response = test::get(opened);
  CHECK(loop.await(response.stream->next()) == std::optional<std::string>("begun"));
  auto rest = loop.start(response.stream->next());
  CHECK_THROWS_AS(test::get(rest), ClientError);
  loop.run([&] { response.stream.reset(); });
  REQUIRE(peer.pump([&] { return peer.http.streams[1].closed.has_value(); }));  // it is told to stop
}

TEST_CASE_METHOD(StreamingFixture, "A reader that goes before the end tells the peer to stop", "[sbi][streaming]") {
  boost::asio::io_context io;
  test::tcp::acceptor acceptor(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
  const std::shared_ptr<BodyReader> none;
  auto opened = loop.start(client->open(uri, sbi::make_request("GET", uri, "/"), none, test::kDeadline));
  test::Http2Peer peer(acceptor.accept(), sbi::Http2Session::Role::server);
  REQUIRE(peer.pump([&] { return peer.http.streams[1].has_end; }));
  peer.http.session.respond(1, Response(200), sbi::Http2Session::BodySource::pieces);
  peer.http.session.send(1, std::string(1000, 'x'));
  peer.flush();
  Response response = test::get(opened);
  loop.run([&] { response.stream.reset(); });
  REQUIRE(peer.pump([&] { return peer.http.streams[1].closed.has_value(); }));
  CHECK(*peer.http.streams[1].closed == static_cast<std::uint32_t>(sbi::Http2Error::cancel));
}

TEST_CASE_METHOD(StreamingFixture, "HTTP/1.1 sends an answer in pieces as a whole one, and a longer one than it takes is 502",
                 "[sbi][streaming]") {
  const auto pieces = GENERATE(as<std::size_t>{}, 10, 2000);
  const sbi::Route* route = nullptr;
  Request request = test::request("GET", "/pieces/" + std::to_string(pieces));
  route = &router.find(request);
  REQUIRE(route != nullptr);
  sbi::Http1Server http1(loop.io(), router, limits);
  const std::uint16_t http1_port = http1.listen("127.0.0.1", 0);
  boost::asio::ip::tcp::socket socket(peer_io);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), http1_port});
  const std::string text = "GET " + request.target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  boost::asio::write(socket, boost::asio::buffer(text));
  std::string got;
  boost::system::error_code error;
  const std::size_t wanted = pieces == 10 ? 10 * kPiece : 100;
  while (got.size() < wanted && !error) {
    std::array<char, 65536> buffer;
    got.append(buffer.data(), socket.read_some(boost::asio::buffer(buffer), error));
  }
  CHECK(got.substr(0, 12) == (pieces == 10 ? "HTTP/1.1 200" : "HTTP/1.1 502"));
  http1.stop();
}

TEST_CASE_METHOD(StreamingFixture, "A route of the rest of a path serves what no other one does", "[sbi][router]") {
  Request rest = test::request("PATCH", "/relay/a/b%2Fc/d?e=f");
  CHECK(router.find(rest).pattern == "/relay/{rest...}");
  CHECK(rest.path("rest") == "a/b/c/d");
  CHECK(rest.query("e") == std::optional<std::string_view>("f"));
  Request exact = test::request("GET", "/plain");
  CHECK(router.find(exact).pattern == "/plain");
  Request nothing = test::request("GET", "/relay");
  CHECK_THROWS_AS(router.find(nothing), base::Error);
  Request empty = test::request("GET", "/relay/");
  CHECK_THROWS_AS(router.find(empty), base::Error);
}

TEST_CASE_METHOD(StreamingFixture, "With an SCP every request goes to it and bears whom it is for", "[sbi][client]") {
  boost::asio::io_context io;
  test::tcp::acceptor acceptor(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto scp = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/scp");
  loop.run([&] { client->use_scp(scp); });
  const auto uri = sbi::Uri::parse("https://udm.example:8443/prefix");
  auto answer = loop.start(client->send(uri, sbi::make_request("GET", uri, "/nudm-ueau/v1/x"), test::kDeadline));
  test::Http2Peer peer(acceptor.accept(), sbi::Http2Session::Role::server);
  REQUIRE(peer.pump([&] { return peer.http.streams[1].has_end; }));
  const auto& head = peer.http.streams[1].head;
  CHECK(head.headers.find("3gpp-sbi-target-apiroot") == std::optional<std::string_view>("https://udm.example:8443"));
  CHECK(head.target == "/scp/prefix/nudm-ueau/v1/x");
  CHECK(head.authority == scp.authority());
  CHECK(head.scheme == "http");
  peer.http.session.respond(1, Response(204));
  peer.flush();
  CHECK(test::get(answer).status == 204);
}
