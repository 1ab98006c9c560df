// What a relay changes of a request and its answer, and what it leaves alone: over real sockets.
#include "lib/core/relay.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/sbi/http2_server.hpp"
#include "tests/support/http2_peer.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/patient_limits.hpp"

using base::Error;
using core::Relay;
using core::RelayLinks;
using sbi::BodyKind;
using sbi::Request;
using sbi::Response;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr const char* kContext = "/nausf-auth/v1/ue-authentications";

/// An AUSF and UDM at a free port of loopback that answers as the test says, and keeps what it was asked.
struct Upstream {
  explicit Upstream(test::Loop& on) : loop(on) {
    router.add("*", "/{rest...}", BodyKind::none, sbi::StreamingHandler([this](const Request& request, const std::shared_ptr<sbi::BodyReader>& body) {
                 return serve(request, body);
               }));
    loop.run([this] {
      server = std::make_unique<sbi::Http2Server>(loop.io(), router, test::patient_limits());
      uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(server->listen("127.0.0.1", 0, nullptr)));
    });
  }
  ~Upstream() {
    loop.run([this] { server.reset(); });
  }
  boost::asio::awaitable<Response> serve(const Request& request, std::shared_ptr<sbi::BodyReader> body) {
    Request seen = request;
    while (auto piece = co_await body->next()) seen.body += *piece;
    asked.push_back(seen);
    co_return answer;
  }

  test::Loop& loop;
  sbi::Router router;
  std::unique_ptr<sbi::Http2Server> server;
  sbi::Uri uri;
  Response answer{204};
  std::vector<Request> asked;
};

struct RelayFixture {
  RelayFixture() {
    loop.run([this] {
      client = std::make_unique<sbi::Client>(loop.io(), "AUSF", nullptr);
      relay = std::make_unique<Relay>(*client, links, party_of, settings);
    });
  }
  ~RelayFixture() {
    loop.run([this] {
      relay.reset();
      client.reset();
    });
  }
  static Request request(const std::string& method, const std::string& target, const std::string& body = {}) {
    Request out;
    out.method = method;
    out.target = target;
    out.authority = "we.example:7777";
    out.body = body;
    out.headers.add("user-agent", "AMF");
    if (!body.empty()) out.headers.add("content-type", "application/json");
    return out;
  }
  boost::asio::awaitable<Response> read_whole(boost::asio::awaitable<Response> coming) {
    Response response = co_await std::move(coming);
    if (response.stream) {
      while (auto piece = co_await response.stream->next()) response.body += *piece;
    }
    response.stream.reset();
    co_return std::move(response);
  }
  Response forward(const Request& asked, const std::vector<sbi::Uri>& roots) {
    return loop.await(read_whole(relay->forward(asked, roots, nullptr)));
  }
  Response follow_up(const Request& asked, const std::string& segment) {
    const auto uri = relay->resource_of(asked, segment);
    REQUIRE(uri);
    return loop.await(read_whole(relay->follow_up(asked, segment, *uri, nullptr)));
  }
  /// The cause that a forwarding is refused with.
  std::string cause_of(const Request& asked, const std::vector<sbi::Uri>& roots) {
    try {
      forward(asked, roots);
    } catch (const Error& error) {
      return error.cause();
    }
    return "";
  }
  static sbi::Uri nobody() {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    return sbi::Uri::parse("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
  }

  test::Loop loop;
  RelayLinks links{base::SecretBytes(base::Bytes(16, 7))};
  core::PartyOf party_of = [](const sbi::Peer& peer) { return peer.is_anonymous() ? std::string() : "peer " + peer.name; };
  Relay::Settings settings{2000ms, "ausf-ext-test", 10000, 5000ms};
  std::unique_ptr<sbi::Client> client;
  std::unique_ptr<Relay> relay;
  Upstream upstream{loop};
};

std::string header(const Response& response, const std::string& name) { return std::string(response.headers.find(name).value_or("")); }

}  // namespace

TEST_CASE("The id of a relayed resource opens to its URI, and no other id opens", "[core][relay]") {
  const RelayLinks links(base::SecretBytes(base::Bytes(16, 1)));
  const std::string uri = "http://127.0.0.11:7777/nausf-auth/v1/ue-authentications/1";
  const std::string party = GENERATE(as<std::string>(), "", "peer a");
  const std::string id = links.make(uri, party);
  CHECK(links.open(id, party) == uri);
  CHECK(id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos);
  SECTION("with another key") { CHECK_FALSE(RelayLinks(base::SecretBytes(base::Bytes(16, 2))).open(id, party)); }
  SECTION("with the same key elsewhere") { CHECK(RelayLinks(base::SecretBytes(base::Bytes(16, 1))).open(id, party) == uri); }
  SECTION("changed anywhere") {
    for (std::size_t i = 0; i < id.size(); ++i) {
      std::string changed = id;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      CAPTURE(i);
      CHECK_FALSE(links.open(changed, party));
    }
  }
  SECTION("cut, lengthened, or none at all") {
    CHECK_FALSE(links.open(id.substr(0, id.size() - 1), party));
    CHECK_FALSE(links.open(id + "A", party));
    for (const std::string text : {"", "r-", "r-AAAA", "1", "00000000000000000000000000000000"}) CHECK_FALSE(links.open(text, party));
    CHECK_FALSE(links.open("r-" + std::string(10000, 'A'), party));
  }
  SECTION("a key of another length is none") {
    CHECK_THROWS_AS(RelayLinks(base::SecretBytes(base::Bytes(15, 1))), std::invalid_argument);
  }
}

TEST_CASE("An id that was made for a holder opens to no other, and does not show whose it is", "[core][relay]") {
  const RelayLinks links(base::SecretBytes(base::Bytes(16, 1)));
  const std::string uri = "http://h/x";
  for (const std::string party : {"", "peer a", "set a", "peer b", "peer aa"}) {
    const std::string id = links.make(uri, party);
    for (const std::string other : {"", "peer a", "set a", "peer b", "peer aa"}) {
      CAPTURE(party, other);
      CHECK(links.open(id, other).has_value() == (party == other));
    }
    CHECK(id.size() == links.make(uri, "").size());
  }
  SECTION("nor does a URI with the party behind it stand for both") {
    const std::string both = uri + std::string(1, '\0') + "peer a";
    CHECK_FALSE(links.open(links.make(both, ""), ""));
    const auto octets = base::from_base64url(links.make(uri, "peer a").substr(2));
    const base::BytesView mac = base::BytesView(octets.value()).first(16);
    CHECK_FALSE(links.open("r-" + base::to_base64url(base::concatenate(mac, base::as_bytes(both))), ""));
    CHECK_FALSE(links.open("r-" + base::to_base64url(base::concatenate(mac, base::as_bytes(uri))), ""));
  }
}

TEST_CASE("Of a JSON text with links only the hrefs change", "[core][relay]") {
  const auto mark = [](const std::string& href) { return "<" + href + ">"; };
  struct Row {
    std::string before, after;
  };
  const auto row = GENERATE(values<Row>({
      {R"({"_links":{"5g-aka":{"href":"http://a/b"}}})", R"({"_links":{"5g-aka":{"href":"<http://a/b>"}}})"},
      {"{ \"a\" : 1.50 ,\n \"_links\" : { \"x\" : { \"href\" : \"u\" } }, \"z\": \"href\" }",
       "{ \"a\" : 1.50 ,\n \"_links\" : { \"x\" : { \"href\" : \"<u>\" } }, \"z\": \"href\" }"},
      {R"({"href":"no","_links":{"x":[{"href":"a"},{"href":"b"}]},"b":{"href":"no"}})",
       R"({"href":"no","_links":{"x":[{"href":"<a>"},{"href":"<b>"}]},"b":{"href":"no"}})"},
      {R"({"_links":{"x":{"href":"http:\/\/a\/b"}}})", R"({"_links":{"x":{"href":"<http://a/b>"}}})"},
      {R"({"a":"\"_links\":{","_links":{"x":{"href":"q\"q"}}})", R"({"a":"\"_links\":{","_links":{"x":{"href":"<q\"q>"}}})"},
      {R"({"a":{"_links":{"x":{"href":"deeper"}}}})", R"({"a":{"_links":{"x":{"href":"deeper"}}}})"},
      {R"({"authResult":"AUTHENTICATION_FAILURE"})", R"({"authResult":"AUTHENTICATION_FAILURE"})"},
      {R"({"_links":{"x":{"href":7}}})", R"({"_links":{"x":{"href":7}}})"},
      {R"({"_links":null})", R"({"_links":null})"},
      {R"({"_links":{"x":{"href":"a"})", R"({"_links":{"x":{"href":"a"})"},
      {"not JSON", "not JSON"},
      {"", ""},
  }));
  CHECK(core::with_links(row.before, mark) == row.after);
}

TEST_CASE("A body with a zero octet stays as it is, whatever stands behind it", "[core][relay]") {
  const auto mark = [](const std::string& href) { return "<" + href + ">"; };
  const std::string sound = R"({"_links":{"a":{"href":"b"}}})";
  CHECK(core::with_links(sound, mark) == R"({"_links":{"a":{"href":"<b>"}}})");
  for (const std::string& tail : {std::string(1, '\0'), std::string("\0\"", 2), std::string("\0}}\"\\", 5)}) {  // was read beyond its end
    CHECK(core::with_links(sound + tail, mark) == sound + tail);
  }
}

TEST_CASE("A reference is made absolute against what was asked for", "[core][relay]") {
  struct Row {
    std::string reference, absolute;
  };
  const auto row = GENERATE(values<Row>({
      {"http://h:1/x", "http://h:1/x"},
      {"/x/y", "http://peer:7777/x/y"},
      {"/x?back=http://h/", "http://peer:7777/x?back=http://h/"},
      {"x?back=http://h/", "http://peer:7777/a/x?back=http://h/"},
      {"//h:1/x", "http://h:1/x"},
      {"b/1", "http://peer:7777/a/b/1"},
      {"", "http://peer:7777/a/"},
  }));
  CHECK(core::absolute_uri(row.reference, "http://peer:7777/a/b") == row.absolute);
  CHECK(core::absolute_uri("1", "http://peer:7777") == "http://peer:7777/1");
}

TEST_CASE_METHOD(RelayFixture, "A redirection that is relative is relative to the peer", "[core][relay]") {
  upstream.answer = Response(307).with("location", "/elsewhere");
  CHECK(header(forward(request("GET", "/nudm-sdm/v2/imsi-001010000000001"), {upstream.uri}), "location") == upstream.uri.origin() + "/elsewhere");
}

TEST_CASE_METHOD(RelayFixture, "A resource that cannot be followed up is refused when it is named", "[core][relay]") {
  const std::string uri = GENERATE(std::string("http://"), std::string("http://h"), std::string("ftp://h/x"), std::string("http://[/x"), std::string("/x y"),
                                   std::string("/x?y"), "/" + std::string(RelayLinks::kMaxUriSize, 'x'));
  CAPTURE(uri);
  SECTION("by Location") { upstream.answer = Response(201, sbi::kHalJson, "{}").with("location", uri); }
  SECTION("by a link") { upstream.answer = Response(200, sbi::kJson, json{{"_links", {{"eap-session", {{"href", uri + "/"}}}}}}.dump()); }
  CHECK(cause_of(request("POST", kContext, "{}"), {upstream.uri}) == "NETWORK_FAILURE");
  upstream.answer = Response(204);
  CHECK(forward(request("POST", kContext, "{}"), {upstream.uri}).status == 204);
}

TEST_CASE("The longest URI of a resource makes an id that opens", "[core][relay]") {
  const RelayLinks links(base::SecretBytes(base::Bytes(16, 1)));
  const std::string longest(RelayLinks::kMaxUriSize, 'x');
  CHECK(links.open(links.make(longest, "peer a"), "peer a") == longest);
  CHECK_FALSE(links.open(links.make(longest + "xx", "peer a"), "peer a"));
}

TEST_CASE_METHOD(RelayFixture, "A request is passed on as it came", "[core][relay]") {
  Request asked = request("POST", "/nudm-ueau/v1/imsi-001010000000001/auth-events?a=%20b", "{ \"x\": 1.0 }");
  asked.headers.add("3gpp-sbi-sender-timestamp", "Tue, 24 Nov 2026 21:00:00.000 GMT");
  asked.headers.add("3gpp-sbi-discovery-target-nf-type", "UDM");
  asked.headers.add("3gpp-sbi-target-apiroot", "http://we.example:7777");
  asked.headers.add("content-length", "12");
  asked.headers.add("authorization", "Bearer x");
  forward(asked, {upstream.uri});
  REQUIRE(upstream.asked.size() == 1);
  const Request& seen = upstream.asked.front();
  CHECK(seen.method == "POST");
  CHECK(seen.target == asked.target);
  CHECK(seen.body == asked.body);
  CHECK(seen.authority == upstream.uri.authority());
  for (const char* name : {"user-agent", "content-type", "3gpp-sbi-sender-timestamp", "3gpp-sbi-discovery-target-nf-type", "authorization", "content-length"}) {
    CAPTURE(name);
    CHECK(seen.headers.find(name) == asked.headers.find(name));
  }
  CHECK_FALSE(seen.headers.find("3gpp-sbi-target-apiroot"));
  CHECK(seen.headers.find("via") == std::optional<std::string_view>("2.0 ausf-ext-test"));
}

TEST_CASE_METHOD(RelayFixture, "An answer is passed back as it came", "[core][relay]") {
  const int status = GENERATE(200, 204, 307, 404, 503, 599);
  upstream.answer = Response(status);
  if (status != 204) {
    upstream.answer = Response(status, status >= 400 ? "application/problem+json" : "application/json", "{ \"cause\" : \"X\", \"n\": 1.0 }");
  }
  upstream.answer.with("3gpp-sbi-producer-id", "42").with("location", "http://elsewhere/x").with("retry-after", "7");
  const Response answer = forward(request("GET", "/nudm-sdm/v2/imsi-001010000000001/am-data"), {upstream.uri});
  CHECK(answer.status == status);
  CHECK(answer.body == upstream.answer.body);
  for (const char* name : {"content-type", "3gpp-sbi-producer-id", "location", "retry-after"}) {
    CAPTURE(name);
    CHECK(header(answer, name) == header(upstream.answer, name));
  }
}

TEST_CASE_METHOD(RelayFixture, "Location and links of a context lead back here, and the follow-up finds its way", "[core][relay]") {
  const bool is_relative = GENERATE(false, true);
  const std::string origin = is_relative ? "" : upstream.uri.origin();
  const std::string context = origin + kContext + "/1";
  const std::string body = R"({"authType":"5G_AKA","5gAuthData":{},"_links":{"5g-aka":{"href":")" + context + R"(/5g-aka-confirmation"}}})";
  upstream.answer = Response(201, sbi::kHalJson, body).with("location", context);
  const Response created = forward(request("POST", kContext, R"({"supiOrSuci":"imsi-001010000000001"})"), {upstream.uri});
  CHECK(created.status == 201);
  const std::string location = header(created, "location");
  const std::string href = json::parse(created.body)["_links"]["5g-aka"]["href"];
  CHECK(location.starts_with("http://we.example:7777/nausf-auth/v1/ue-authentications/r-"));
  CHECK(href == location + "/5g-aka-confirmation");
  std::string unchanged = created.body;  // but for the link every octet is the peer's
  unchanged.replace(unchanged.find(href), href.size(), context + "/5g-aka-confirmation");
  CHECK(unchanged == body);

  const std::string id = location.substr(location.rfind('/') + 1);
  upstream.answer = Response(200, sbi::kJson, R"({"authResult":"AUTHENTICATION_SUCCESS"})");
  const Response confirmed = follow_up(request("PUT", href.substr(std::string("http://we.example:7777").size()), "{}"), id);
  CHECK(confirmed.status == 200);
  CHECK(confirmed.body == upstream.answer.body);
  CHECK(upstream.asked.back().target == std::string(kContext) + "/1/5g-aka-confirmation");
  CHECK(upstream.asked.back().method == "PUT");
}

TEST_CASE_METHOD(RelayFixture, "A context is there for the party that began it, a UDM's resource for whoever asks the same service", "[core][relay]") {
  const auto as = [](const std::string& peer, const std::string& method, const std::string& target) {
    Request out = request(method, target, "{}");
    out.peer.name = peer;
    out.peer.is_verified = peer != sbi::kAnonymous;
    return out;
  };
  const auto id_in = [](const std::string& uri) {
    const std::size_t begin = uri.find("/r-") + 1;
    return uri.substr(begin, uri.find('/', begin) - begin);
  };
  SECTION("a context, by its Location and by its links, those of a later answer too") {
    const std::string context = upstream.uri.origin() + kContext + "/1";
    const json body{{"_links", {{"eap-session", {{"href", context + "/eap-session"}}}}}};
    upstream.answer = Response(201, sbi::kHalJson, body.dump()).with("location", context);
    const Response created = forward(as("a", "POST", kContext), {upstream.uri});
    const std::string href = json::parse(created.body)["_links"]["eap-session"]["href"];
    const std::string id = id_in(href);
    CHECK(id == id_in(header(created, "location")));
    const std::string path = std::string(kContext) + "/" + id + "/eap-session";
    CHECK(href.ends_with(path));
    CHECK(relay->resource_of(as("a", "POST", path), id) == context);
    for (const char* other : {"b", "anonymous"}) CHECK_FALSE(relay->resource_of(as(other, "POST", path), id));
    CHECK_FALSE(relay->resource_of(as("a", "PUT", "/nudm-ueau/v1/imsi-001010000000001/auth-events/" + id), id));  // nor by another service
    upstream.answer = Response(200, sbi::kHalJson, body.dump());
    const Response ongoing = follow_up(as("a", "POST", path), id);
    CHECK(json::parse(ongoing.body)["_links"]["eap-session"]["href"] == href);
  }
  SECTION("a context that was asked for in another spelling of the service, which the router takes for the same") {
    const std::string spelled = "/n%61usf%2Dauth/v1/ue-authentications";
    const std::string context = upstream.uri.origin() + kContext + "/1";
    const json body{{"_links", {{"5g-aka", {{"href", context + "/5g-aka-confirmation"}}}}}};
    upstream.answer = Response(201, sbi::kHalJson, body.dump()).with("location", context);
    const Response created = forward(as("a", "POST", spelled), {upstream.uri});
    const std::string id = id_in(header(created, "location"));
    CHECK(id == id_in(json::parse(created.body)["_links"]["5g-aka"]["href"]));
    for (const std::string& root : {std::string(kContext), spelled}) {
      const std::string path = root + "/" + id + "/5g-aka-confirmation";
      CHECK(relay->resource_of(as("a", "PUT", path), id) == context);
      for (const char* other : {"b", "anonymous"}) CHECK_FALSE(relay->resource_of(as(other, "PUT", path), id));
    }
  }
  SECTION("one that an anonymous peer began") {
    upstream.answer = Response(201, sbi::kHalJson, "{}").with("location", upstream.uri.origin() + kContext + "/1");
    const std::string id = id_in(header(forward(as("anonymous", "POST", kContext), {upstream.uri}), "location"));
    const std::string path = std::string(kContext) + "/" + id + "/5g-aka-confirmation";
    CHECK(relay->resource_of(as("anonymous", "PUT", path), id));
    CHECK_FALSE(relay->resource_of(as("a", "PUT", path), id));
  }
  SECTION("an auth event") {
    const std::string events = "/nudm-ueau/v1/imsi-001010000000001/auth-events";
    upstream.answer = Response(201, sbi::kJson, "{}").with("location", upstream.uri.origin() + events + "/7");
    const std::string id = id_in(header(forward(as("a", "POST", events), {upstream.uri}), "location"));
    for (const char* peer : {"a", "b", "anonymous"}) CHECK(relay->resource_of(as(peer, "PUT", events + "/" + id), id));
    CHECK_FALSE(relay->resource_of(as("a", "PUT", std::string(kContext) + "/" + id + "/5g-aka-confirmation"), id));
    CHECK_FALSE(relay->resource_of(as("a", "PUT", "/nudm-sdm/v2/" + id), id));
  }
}

TEST_CASE_METHOD(RelayFixture, "A created resource of a UDM leads back here", "[core][relay]") {
  const std::string path = "/nudm-ueau/v1/imsi-001010000000001/auth-events";
  upstream.answer = Response(201, sbi::kJson, "{}").with("location", upstream.uri.origin() + path + "/77");
  const Response posted = forward(request("POST", path, "{}"), {upstream.uri});
  const std::string location = header(posted, "location");
  CHECK(location.starts_with("http://we.example:7777" + path + "/r-"));
  const std::string id = location.substr(location.rfind('/') + 1);
  upstream.answer = Response(204);
  CHECK(follow_up(request("PUT", path + "/" + id + "?x=y", "{}"), id).status == 204);
  CHECK(upstream.asked.back().target == path + "/77?x=y");

  const std::string registration = "/nudm-uecm/v1/imsi-001010000000001/registrations/amf-3gpp-access";
  upstream.answer = Response(201, sbi::kJson, "{}").with("location", upstream.uri.origin() + registration);
  CHECK(header(forward(request("PUT", registration, "{}"), {upstream.uri}), "location") == "http://we.example:7777" + registration);
}

TEST_CASE_METHOD(RelayFixture, "The next root is asked when one cannot be reached, and the silent one last from then on", "[core][relay]") {
  const sbi::Uri gone = nobody();
  CHECK(forward(request("GET", "/x"), {gone, upstream.uri}).status == 204);
  CHECK(upstream.asked.size() == 1);
  CHECK(forward(request("GET", "/y"), {gone, upstream.uri}).status == 204);
  CHECK(upstream.asked.size() == 2);
  CHECK(cause_of(request("GET", "/x"), {gone, nobody()}) == "TARGET_NF_NOT_REACHABLE");
  CHECK(cause_of(request("GET", "/x"), {}) == "TARGET_NF_NOT_REACHABLE");
}

TEST_CASE_METHOD(RelayFixture, "A peer that never answers costs the smaller of our time and 3gpp-Sbi-Max-Rsp-Time", "[core][relay]") {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()));
  Request asked = request("GET", "/x");
  asked.headers.add("3gpp-sbi-max-rsp-time", GENERATE(std::string("50"), std::string("nonsense"), std::string("99999999")));
  // It may have been carried out there, so the other root is not asked.
  CHECK(cause_of(asked, {uri, upstream.uri}) == "TARGET_NF_NOT_REACHABLE");
  CHECK(upstream.asked.empty());
  CHECK(forward(request("GET", "/x"), {upstream.uri}).status == 204);
}

TEST_CASE_METHOD(RelayFixture, "A request that has come through here before is refused", "[core][relay]") {
  Request asked = request("GET", "/x");
  asked.headers.add("via", "2.0 SCP-one.example, 2.0 ausf-ext-test");
  CHECK(cause_of(asked, {upstream.uri}) == "MSG_LOOP_DETECTED");
  CHECK(upstream.asked.empty());
  Request other = request("GET", "/x");
  other.headers.add("via", "2.0 ausf-ext-other");
  CHECK(forward(other, {upstream.uri}).status == 204);
}

TEST_CASE_METHOD(RelayFixture, "No more requests wait for a peer than the limit says", "[core][relay]") {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()));
  loop.run([this] {
    settings.max_in_flight = 3;
    relay = std::make_unique<Relay>(*client, links, party_of, settings);
  });
  const Request asked = request("GET", "/x");
  const std::vector<sbi::Uri> roots{uri};
  std::vector<std::future<Response>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(loop.start(relay->forward(asked, roots, nullptr)));
  CHECK(cause_of(asked, roots) == "NF_CONGESTION");
  for (auto& one : waiting) CHECK_THROWS_AS(test::get(one), Error);
  CHECK(forward(asked, {upstream.uri}).status == 204);
}

TEST_CASE("A request that waits when its relay and its loop end is forgotten without harm", "[core][relay]") {
  boost::asio::io_context io;
  const boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()));
  const RelayLinks links(base::SecretBytes(base::Bytes(16, 7)));
  const Request asked = RelayFixture::request("GET", "/x");
  test::Loop loop;
  auto client = loop.run([&loop] { return std::make_unique<sbi::Client>(loop.io(), "AUSF", nullptr); });
  auto relay = std::make_unique<Relay>(*client, links, core::PartyOf(), Relay::Settings{1s, "ausf-ext-test", 1});
  auto waiting = loop.start(relay->forward(asked, {uri}, nullptr));
  loop.run([] {});  // it has begun
  loop.stop();
  relay.reset();
  client.reset();
}

TEST_CASE_METHOD(RelayFixture, "An answer that is too long to be searched for links passes as it is", "[core][relay]") {
  const std::string body = R"({"_links":{"x":{"href":"http://a/b/c"}},"pad":")" + std::string(3 * 1024 * 1024, 'x') + "\"}";
  upstream.answer = Response(200, sbi::kJson, body);
  CHECK(forward(request("POST", kContext, "{}"), {upstream.uri}).body == body);
}
