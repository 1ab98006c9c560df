#include "lib/sbi/http2_session.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/sbi/frames.hpp"
#include "tests/support/http2_peer.hpp"

using sbi::Http2Error;
using sbi::Http2Session;
using sbi::Response;
using sbi::StreamId;
using test::frame;
using test::RecordingSession;
using test::request;
using Role = Http2Session::Role;

namespace {

/// A client's session and a server's, whose octets go from one to the other.
struct SessionPair {
  explicit SessionPair(Http2Session::Limits server_limits = {}, Http2Session::Limits client_limits = {})
      : client(Role::client, client_limits), server(Role::server, server_limits) {}

  /// Carries octets both ways until nobody has anything to say; `piece` at a time.
  void exchange(std::size_t piece = 16 * 1024) {
    bool is_moving = true;
    while (is_moving) {
      const bool forth = carry(client, server, piece);
      const bool back = carry(server, client, piece);
      is_moving = forth || back;
    }
  }
  static bool carry(RecordingSession& from, RecordingSession& to, std::size_t piece) {
    std::string out;
    from.session.take_output(out);
    for (std::size_t at = 0; at < out.size(); at += piece) {
      if (!to.session.receive(std::string_view(out).substr(at, piece))) FAIL("the octets were refused");
    }
    return !out.empty();
  }

  RecordingSession client;
  RecordingSession server;
};

Response response(int status, std::string body) { return Response(status, "text/plain", std::move(body)); }

std::string random_text(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(size, ' ');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

}  // namespace

TEST_CASE("A request and its answer cross, however the octets are cut", "[sbi][http2]") {
  const std::size_t piece = GENERATE(as<std::size_t>(), 1, 2, 9, 10, 1000, 16384);
  SessionPair pair;
  auto sent = request("PUT", "/a/b?c=d", random_text(70000, 1));
  sent.headers.add("x-name", "value");
  const StreamId id = pair.client.session.request(sent);
  REQUIRE(id == 1);
  pair.exchange(piece);

  const auto& got = pair.server.streams[id];
  CHECK(got.head.method == "PUT");
  CHECK(got.head.scheme == "http");
  CHECK(got.head.authority == "127.0.0.1");
  CHECK(got.head.target == "/a/b?c=d");
  CHECK(got.head.headers.find("x-name") == std::optional<std::string_view>("value"));
  CHECK(got.head.headers.find("content-length") == std::optional<std::string_view>("70000"));
  CHECK(got.body == sent.body);
  CHECK(got.has_end);
  CHECK_FALSE(got.head.too_large);

  const std::string body = random_text(100000, 2);
  pair.server.session.respond(id, response(201, body));
  pair.exchange(piece);
  const auto& answer = pair.client.streams[id];
  CHECK(answer.head.status == 201);
  CHECK(answer.head.headers.find("content-type") == std::optional<std::string_view>("text/plain"));
  CHECK(answer.body == body);
  CHECK(answer.has_end);
  CHECK(answer.closed == 0);
  CHECK(pair.client.session.open_streams() == 0);
  CHECK(pair.server.session.open_streams() == 0);
}

TEST_CASE("A body lies in as many octets as it has: none, one, a frame, a window, and one more", "[sbi][http2]") {
  const std::size_t size = GENERATE(0U, 1U, 16383U, 16384U, 16385U, 65535U, 65536U, 262144U, 262145U, 1000000U);
  CAPTURE(size);
  SessionPair pair;
  const std::string body = random_text(size, 3);
  const StreamId id = pair.client.session.request(request("POST", "/", body));
  pair.exchange();
  CHECK(pair.server.streams[id].body == body);
  pair.server.session.respond(id, response(200, body));
  pair.exchange();
  CHECK(pair.client.streams[id].body == body);
  CHECK(pair.client.streams[id].has_end);
}

TEST_CASE("Many streams are open at once, each with its own body", "[sbi][http2]") {
  SessionPair pair;
  std::vector<StreamId> ids;
  for (unsigned i = 0; i < 100; ++i) ids.push_back(pair.client.session.request(request("POST", "/" + std::to_string(i), random_text(5000, i))));
  pair.exchange();
  CHECK(pair.server.session.open_streams() == 100);
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) pair.server.session.respond(*id, response(200, pair.server.streams[*id].head.target));
  pair.exchange();
  for (unsigned i = 0; i < 100; ++i) {
    CHECK(pair.server.streams[ids[i]].body == random_text(5000, i));
    CHECK(pair.client.streams[ids[i]].body == "/" + std::to_string(i));
  }
}

TEST_CASE("Streams beyond the announced number wait for their turn", "[sbi][http2]") {
  Http2Session::Limits limits;
  limits.max_streams = 2;
  SessionPair pair(limits);
  pair.exchange();  // the settings are known
  std::size_t most = 0;
  pair.server.on_end = [&](StreamId) { most = std::max(most, pair.server.session.open_streams()); };
  for (int i = 0; i < 3; ++i) (void)pair.client.session.request(request("GET", "/"));
  pair.exchange();
  CHECK(pair.server.streams.size() == 2);
  pair.server.session.respond(1, response(200, "one"));
  pair.exchange();
  CHECK(pair.server.streams.size() == 3);
  CHECK(most == 2);
}

TEST_CASE("Header fields are counted, and their octets, one below the limit and one above", "[sbi][http2]") {
  Http2Session::Limits limits;
  limits.max_headers = 4;
  limits.max_header_bytes = 200;
  SessionPair pair(limits);
  auto sent = request("GET", "/");
  const auto is_too_large = [&] {
    const StreamId id = pair.client.session.request(sent);
    pair.exchange();
    REQUIRE(pair.server.streams[id].has_head);
    CHECK(pair.server.streams[id].head.headers.bytes() <= limits.max_header_bytes);
    return pair.server.streams[id].head.too_large;
  };
  SECTION("fields") {
    for (int i = 0; i < 4; ++i) sent.headers.add("x" + std::to_string(i), "");
    CHECK_FALSE(is_too_large());
    sent.headers.add("x4", "");
    CHECK(is_too_large());
  }
  SECTION("octets of a value") {
    sent.headers.add("x", std::string(198, 'v'));  // and one octet of target
    CHECK_FALSE(is_too_large());
    sent = request("GET", "/");
    sent.headers.add("x", std::string(199, 'v'));
    CHECK(is_too_large());
  }
  SECTION("octets of the target") {
    sent.target = "/" + std::string(194, 'p');  // with the name :path
    CHECK_FALSE(is_too_large());
    sent.target += "p";
    CHECK(is_too_large());
  }
}

TEST_CASE("An answer to a request that is still coming in is whole, and stops the rest", "[sbi][http2]") {
  SessionPair pair;
  pair.server.consumes = false;  // the window fills
  pair.server.on_head = [&](StreamId id) { pair.server.session.respond(id, response(413, "too long")); };
  const StreamId id = pair.client.session.request(request("POST", "/", std::string(1000000, 'x')));
  pair.exchange();
  CHECK(pair.client.streams[id].head.status == 413);
  CHECK(pair.client.streams[id].body == "too long");
  CHECK(pair.client.streams[id].has_end);
  CHECK(pair.client.streams[id].closed == static_cast<std::uint32_t>(Http2Error::no_error));
  CHECK(pair.server.session.open_streams() == 0);
  CHECK(pair.client.session.open_streams() == 0);
}

TEST_CASE("HEAD and 204 have no body", "[sbi][http2]") {
  SessionPair pair;
  const StreamId head = pair.client.session.request(request("HEAD", "/"));
  const StreamId empty = pair.client.session.request(request("DELETE", "/"));
  pair.exchange();
  pair.server.session.respond(head, response(200, "12345"), Http2Session::BodySource::none);
  pair.server.session.respond(empty, Response(204));
  pair.exchange();
  CHECK(pair.client.streams[head].head.headers.find("content-length") == std::optional<std::string_view>("5"));
  CHECK(pair.client.streams[head].body.empty());
  CHECK(pair.client.streams[head].has_end);
  CHECK(pair.client.streams[empty].head.status == 204);
  CHECK_FALSE(pair.client.streams[empty].head.headers.find("content-length"));
  CHECK(pair.client.streams[empty].has_end);
}

TEST_CASE("A reset ends the stream on both sides, and no other", "[sbi][http2]") {
  SessionPair pair;
  const StreamId gone = pair.client.session.request(request("GET", "/gone"));
  const StreamId kept = pair.client.session.request(request("GET", "/kept"));
  pair.exchange();
  SECTION("by the client") {
    pair.client.session.reset(gone, Http2Error::cancel);
    pair.exchange();
    CHECK(pair.server.streams[gone].closed == 8);
    pair.server.session.respond(gone, response(200, "nobody"));  // too late, and no harm
  }
  SECTION("by the server") {
    pair.server.session.reset(gone, Http2Error::refused_stream);
    pair.exchange();
    CHECK(pair.client.streams[gone].closed == 7);
    CHECK_FALSE(pair.client.streams[gone].has_end);
  }
  pair.server.session.respond(kept, response(200, "kept"));
  pair.exchange();
  CHECK(pair.client.streams[kept].body == "kept");
}

TEST_CASE("After GOAWAY what is under way is answered, and the session ends", "[sbi][http2]") {
  SessionPair pair;
  const StreamId under_way = pair.client.session.request(request("GET", "/"));
  pair.exchange();
  pair.server.session.go_away();
  const StreamId late = pair.client.session.request(request("GET", "/late"));  // crosses the GOAWAY
  pair.exchange();
  REQUIRE(pair.client.goaway);
  CHECK(pair.client.goaway->first == under_way);
  CHECK(pair.client.goaway->second == 0);
  CHECK(pair.client.streams[late].closed == static_cast<std::uint32_t>(Http2Error::refused_stream));
  CHECK_FALSE(pair.server.streams[late].has_head);
  const StreamId later = pair.client.session.request(request("GET", "/later"));
  pair.exchange();
  CHECK(pair.client.streams[later].closed == static_cast<std::uint32_t>(Http2Error::refused_stream));
  pair.server.session.respond(under_way, response(200, "answered"));
  pair.exchange();
  CHECK(pair.client.streams[under_way].body == "answered");
  CHECK_FALSE(pair.client.session.is_alive());
  CHECK(pair.server.session.open_streams() == 0);
}

TEST_CASE("A request that waits for its turn is refused by a GOAWAY, whatever stream that names", "[sbi][http2]") {
  Http2Session::Limits limits;
  limits.max_streams = 1;
  SessionPair pair(limits);
  pair.exchange();
  (void)pair.client.session.request(request("GET", "/"));
  const StreamId queued = pair.client.session.request(request("GET", "/queued"));
  pair.exchange();
  CHECK(pair.server.streams.size() == 1);
  // The first GOAWAY of a graceful end names the greatest stream there can be (RFC 9113, 6.8).
  REQUIRE(pair.client.session.receive(frame(7, 0, 0, std::string("\x7f\xff\xff\xff\0\0\0\0", 8))));
  pair.server.session.respond(1, response(200, "answered"));
  pair.exchange();
  CHECK(pair.client.streams[1].body == "answered");
  CHECK(pair.client.streams[queued].closed == static_cast<std::uint32_t>(Http2Error::refused_stream));
  CHECK(pair.client.session.open_streams() == 0);
}

TEST_CASE("A peer that keeps its window shut leaves the answer unsent", "[sbi][http2]") {
  Http2Session::Limits shut;
  shut.stream_window_bytes = 0;
  SessionPair pair({}, shut);
  const StreamId id = pair.client.session.request(request("GET", "/"));
  pair.exchange();
  pair.server.session.respond(id, response(200, "12345"));
  pair.exchange();
  CHECK(pair.client.streams[id].has_head);
  CHECK_FALSE(pair.client.streams[id].has_end);
  CHECK(pair.server.session.unsent(id) == 5);
  CHECK(pair.server.session.unsent(99) == 0);
}

TEST_CASE("Octets that are no HTTP/2 are refused", "[sbi][http2]") {
  const std::string octets = GENERATE(std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(64, '\0'), std::string("\x16\x03\x01\x02", 4),
                                      std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"));
  RecordingSession server(Role::server);
  CHECK_FALSE(server.session.receive(octets));
  CHECK(server.streams.empty());
}

TEST_CASE("Frames that break the protocol end the connection with GOAWAY", "[sbi][http2]") {
  const std::string settings = frame(4, 0, 0, "");
  const std::string broken = GENERATE(frame(0, 0, 0, "data on stream 0"), frame(1, 4, 2, "\x82"), frame(0, 0, 1, "data before headers"),
                                      frame(4, 0, 0, "12345"), frame(6, 0, 0, "1234567"), frame(8, 0, 0, std::string(4, '\0')),
                                      frame(9, 4, 1, "continuation of nothing"), frame(1, 4, 1, "\xff\xff\xff\xff\xff\xff\xff"),
                                      frame(1, 0, 1, "\x82") + frame(0, 0, 1, "between headers"), frame(5, 4, 1, std::string(5, '\0')),
                                      frame(0, 0, 1, std::string(16385, 'x')));
  RecordingSession server(Role::server);
  const bool is_sound = server.session.receive(std::string(test::kPreface) + settings + broken);
  std::string out;
  server.session.take_output(out);
  RecordingSession client(Role::client);
  REQUIRE(client.session.receive(out));
  CHECK((!is_sound || client.goaway));
  if (client.goaway) CHECK(client.goaway->second != 0);
  CHECK(server.streams[1].has_end == false);
  CHECK((!is_sound || !server.session.is_alive()));
}

TEST_CASE("A connection cut at any octet raises no event of its own and no fault", "[sbi][http2]") {
  RecordingSession client(Role::client);
  (void)client.session.request(request("POST", "/path", std::string(300, 'b')));
  std::string octets;
  client.session.take_output(octets);
  for (std::size_t size = 0; size < octets.size(); ++size) {
    RecordingSession server(Role::server);
    if (!server.session.receive(std::string_view(octets).substr(0, size))) FAIL("refused at " << size);
    if (server.streams[1].has_end) FAIL("ended at " << size);
  }
  RecordingSession server(Role::server);
  REQUIRE(server.session.receive(octets));
  CHECK(server.streams[1].has_end);
}

TEST_CASE("No octet changed on its way does harm", "[sbi][http2]") {
  RecordingSession client(Role::client);
  for (int i = 0; i < 3; ++i) (void)client.session.request(request("POST", "/path", std::string(50, 'b')));
  std::string octets;
  client.session.take_output(octets);
  std::mt19937 random(4);
  std::size_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string changed = octets;
    for (int i = 0; i < 3; ++i) changed[random() % changed.size()] = static_cast<char>(random());
    RecordingSession server(Role::server);
    server.on_end = [&](StreamId id) { server.session.respond(id, response(200, "ok")); };
    if (!server.session.receive(changed)) ++refused;
    std::string out;
    server.session.take_output(out);
    if (server.session.open_streams() > 128) FAIL("too many streams in round " << round);
  }
  CHECK(refused > 0);
  CHECK(refused < 2000);
}

TEST_CASE("An interim answer is passed over", "[sbi][http2]") {
  SessionPair pair;
  const StreamId id = pair.client.session.request(request("GET", "/"));
  pair.exchange();
  // HEADERS without END_STREAM, :status 103 as a literal with an indexed name (RFC 7541, 6.2.2).
  REQUIRE(pair.client.session.receive(frame(1, 4, static_cast<unsigned>(id), "\x08\x03" "103")));
  CHECK_FALSE(pair.client.streams[id].has_head);
  pair.server.session.respond(id, response(200, "final"));
  pair.exchange();
  CHECK(pair.client.streams[id].head.status == 200);
  CHECK(pair.client.streams[id].body == "final");
}

TEST_CASE("An interim answer leaves alone what is still to be sent of its request", "[sbi][http2]") {
  SessionPair pair;
  const std::string part(40000, 'x');
  const StreamId id = pair.client.session.request(request("POST", "/"), sbi::Http2Session::BodySource::pieces);
  pair.exchange();
  pair.client.session.send(id, part);
  REQUIRE(pair.client.session.receive(frame(1, 4, static_cast<unsigned>(id), "\x08\x03" "103")));
  CHECK_FALSE(pair.client.streams[id].has_head);
  pair.client.session.send(id, "the rest");
  pair.client.session.finish(id);
  pair.exchange();
  CHECK(pair.server.streams[id].has_end);
  CHECK(pair.server.streams[id].body == part + "the rest");
  pair.server.session.respond(id, response(200, "final"));
  pair.exchange();
  CHECK(pair.client.streams[id].head.status == 200);
}
