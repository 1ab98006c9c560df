// What is answered over HTTP/1.1: as over HTTP/2, or as docs/HTTP1.md has it.
#include "lib/sbi/http1_server.hpp"

#include <catch2/catch.hpp>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sbi/served_http1.hpp"

using test::Answer;
using test::Http1Fixture;
using test::Talk;

TEST_CASE_METHOD(Http1Fixture, "HTTP/1.1 gives the answers of HTTP/2", "[sbi][http1]") {
  struct Row {
    std::string method, target, type, body;
  };
  const auto row = GENERATE(values<Row>({
      {"GET", "/plain", "", ""},
      {"POST", "/echo", "application/json", "{\"a\":\"b\"}"},
      {"POST", "/echo", "application/json", std::string(1000, '1')},
      {"POST", "/echo", "application/json", std::string(1001, '1')},
      {"POST", "/echo", "text/plain", "{}"},
      {"POST", "/echo?a=b&c", "application/json", "{}"},
      {"POST", "/echo?a=%zz", "application/json", "{}"},
      {"POST", "/echo?a=%41", "application/json", "{}"},
      {"GET", "/echo", "", ""},
      {"PUT", "/plain", "application/json", "{}"},
      {"DELETE", "/items/a%2Fb", "", ""},
      {"DELETE", "/items/a%0Ab", "", ""},
      {"DELETE", "/items/", "", ""},
      {"GET", "/refused", "", ""},
      {"GET", "/broken", "", ""},
      {"GET", "/nothing", "", ""},
      {"GET", "//plain", "", ""},
      {"GET", "/large/200000", "", ""},
      {"POST", "/import", "application/x-ndjson", "{}\n{}\n"},
      {"POST", "/import", "application/x-ndjson", std::string(20000, 'x')},
      {"POST", "/import", "application/json", "{}"},
  }));
  CAPTURE(row.method, row.target, row.type, row.body.size());
  loop.run([this] { gate.open(); });

  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
  auto over_http2 = sbi::make_request(row.method, uri, row.target);
  over_http2.body = row.body;
  if (!row.type.empty()) over_http2.headers.add("content-type", row.type);
  const auto expected = loop.await(client->send(uri, over_http2, test::kDeadline));
  const auto answer = exchange(request_text(row.method, row.target, row.type, row.body));

  CHECK(answer.status == expected.status);
  CHECK(answer.body == expected.body);
  for (const char* const name : {"content-type", "allow"}) {
    const auto found = answer.headers.find(name);
    CHECK((found == answer.headers.end() ? std::string() : found->second) == expected.headers.find(name).value_or(""));
  }
}

TEST_CASE_METHOD(Http1Fixture, "A request without a host, or with one that could not stand in a URI, is 400", "[sbi][http1]") {
  CHECK(exchange("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n").status == 200);
  CHECK(exchange("GET /plain HTTP/1.1\r\n\r\n").status == 400);
  CHECK(exchange("GET /plain HTTP/1.1\r\nHost: a,b\r\n\r\n").status == 400);
}

TEST_CASE_METHOD(Http1Fixture, "What Pistache refuses by itself, before any handler of ours, is as docs/HTTP1.md lists it", "[sbi][http1]") {
  struct Row {
    std::string head;
    int status;
    std::string says;  ///< the answer's whole text
  };
  const std::string get = "GET /plain HTTP/1.1\r\n";
  const auto row = GENERATE_COPY(values<Row>({
      {get + "Host: a:999999999999\r\n", 500, "Invalid port: 999999999999"},
      {get + "Host: a:65536\r\n", 500, "Invalid port: 65536"},
      {get + "Host: a:x\r\n", 500, "Invalid port: x"},
      {get + "Host: [::1\r\n", 500, "Invalid port: :1"},
      {get + "Host: h\r\nCookie: x\r\n", 500, "Invalid cookie, missing value"},
      {get + "Host: h\r\nDate: x\r\n", 500, "Invalid Date format"},
      {get + "Host: h\r\nCache-Control: max-age=x\r\n", 500, "Invalid caching directive, malformated delta-seconds"},
      {get + "Host: h\r\nAccept: x\r\n", 415, "Unknown Media Type"},
      {get + "Host: h\r\nAccept: text/plain;q=x\r\n", 415, "Invalid quality factor"},
      {get + "Host: h\r\nContent-Type: x\r\n", 415, "Unknown Media Type"},
      {"FOO /plain HTTP/1.1\r\nHost: h\r\n", 400, "Unknown HTTP request method"},
      {"GET /plain HTTP/3.0\r\nHost: h\r\n", 400, "Encountered invalid HTTP version"},
  }));
  CAPTURE(row.head);
  const Answer answer = exchange(row.head + "\r\n");
  CHECK(answer.status == row.status);
  CHECK(answer.body == row.says);
  CHECK(exchange(request_text("GET", "/plain", "", "")).status == 200);  // the front end goes on
}

TEST_CASE_METHOD(Http1Fixture, "What the gate refuses is a problem, and the end of the connection", "[sbi][http1]") {
  struct Row {
    std::string text;
    int status;
  };
  const std::string post = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";
  const std::string get = "GET /plain HTTP/1.1\r\nHost: h\r\n";
  const auto row = GENERATE_COPY(values<Row>({
      {post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411},
      {post + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", 411},
      {post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400},
      {post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
      {post + "Content-Length: -1\r\n\r\n{}", 400},
      {post + "Content-Length: x\r\n\r\n", 400},
      {post + "Content-Length: 4194304\r\n\r\n{}", 413},
      {post + "Content-Length: 18446744073709551615\r\n\r\n{}", 413},
      {post + "Content-Length: 99999999999999999999\r\n\r\n{}", 413},
      {get + "X\r\n\r\n", 400},
      {get + "X : y\r\n\r\n", 400},
      {get + "X: y\n\r\n", 400},
      {get + "\n", 400},
      {"GET /plain\r\nHost: h\r\n\r\n", 400},
      {get + "X: " + std::string(25000, 'x') + "\r\n\r\n", 431},
  }));
  CAPTURE(row.text.substr(0, 200));
  Talk refused = talk();
  refused.say(row.text);
  const Answer answer = refused.hear();
  CHECK(answer.status == row.status);
  CHECK(answer.headers.at("content-type") == "application/problem+json");
  CHECK(answer.headers.at("connection") == "Close");
  CHECK(refused.is_closed());
  CHECK(exchange(request_text("GET", "/plain", "", "")).status == 200);
}

TEST_CASE_METHOD(Http1Fixture, "A request that comes octet by octet is answered", "[sbi][http1]") {
  std::string text = request_text("POST", "/echo", "application/json", "{\"a\":\"b\"}");
  text.insert(text.find("Host"), "X: " + std::string(4000, 'x') + "\r\n");
  Talk slow = talk();
  for (int again = 0; again < 2; ++again) {
    for (std::size_t i = 0; i < text.size(); ++i) REQUIRE(slow.say(std::string_view(text).substr(i, 1)));
    const Answer answer = slow.hear();
    CHECK(answer.status == 200);
    CHECK(answer.body == "{\"a\":\"b\"}");
  }
}

TEST_CASE_METHOD(Http1Fixture, "Requests that come together are answered one after the other", "[sbi][http1]") {
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += request_text("POST", "/echo", "application/json", std::to_string(i)) + request_text("GET", "/large/3000", "", "");
  }
  Talk together = talk();
  const std::size_t cut = GENERATE(as<std::size_t>{}, 1, 70, 5000, 1000000);
  for (std::size_t at = 0; at < all.size(); at += cut) REQUIRE(together.say(std::string_view(all).substr(at, cut)));
  for (int i = 0; i < 100; ++i) {
    CHECK(together.hear().body == std::to_string(i));
    CHECK(together.hear().body.size() == 3000);
  }
}

TEST_CASE_METHOD(Http1Fixture, "The body of a request that Pistache refuses is not taken for a request", "[sbi][http1]") {
  const std::string hidden = request_text("DELETE", "/items/1", "", "");
  const auto with_body = [&hidden](const std::string& begin) {
    return begin + "Content-Length: " + std::to_string(hidden.size()) + "\r\n\r\n" + hidden;
  };
  const std::string begin = GENERATE(as<std::string>{}, "FOO /plain HTTP/1.1\r\nHost: h\r\n", "POST /echo HTTP/1.1\r\nHost: h:x\r\n");
  Talk refused = talk();
  refused.say(with_body(begin) + request_text("GET", "/plain", "", ""));
  CHECK(refused.hear().status >= 400);
  CHECK(refused.hear().status == 200);
}

TEST_CASE_METHOD(Http1Fixture, "What is no HTTP is refused, and the front end goes on", "[sbi][http1]") {
  CHECK(exchange("NONSENSE /plain HTTP/1.1\r\nHost: h\r\n\r\n").status >= 400);
  CHECK(exchange(request_text("GET", "/plain", "", "")).status == 200);
}

TEST_CASE_METHOD(Http1Fixture, "A request of any length is read within its own octets", "[sbi][http1]") {
  // Pistache compares with strncmp in a buffer without a terminator, and the buffer's room is a power of two.
  for (std::size_t size = 64; size <= 520; ++size) {
    const std::string head = "GET /plain HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ";
    const std::string text = head + std::string(size - head.size() - 4, 'x') + "\r\n\r\n";
    if (text.size() != size || exchange(text).status != 200) FAIL(size);
  }
  CHECK(exchange(request_text("GET", "/plain", "", "")).status == 200);
}

TEST_CASE_METHOD(Http1Fixture, "Requests that wait are answered once they can be, and one beside them at once", "[sbi][http1]") {
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 3; ++i) {  // each holds one of the four threads
    answers.push_back(std::async(std::launch::async, [this, i] {
      return exchange(request_text("POST", "/wait", "application/json", std::to_string(i)));
    }));
  }
  CHECK(eventually([this] { return gate.waiting == 3; }));
  CHECK(exchange(request_text("GET", "/plain", "", "")).status == 200);
  loop.run([this] { gate.open(); });
  for (int i = 0; i < 3; ++i) CHECK(test::get(answers[static_cast<std::size_t>(i)]).body == std::to_string(i));
}

TEST_CASE_METHOD(Http1Fixture, "An address that is taken is an error that names it", "[sbi][http1]") {
  sbi::Http1Server other(loop.io(), router, limits);
  CHECK_THROWS_WITH(other.listen("127.0.0.1", port), Catch::Contains("127.0.0.1:" + std::to_string(port)));
}
