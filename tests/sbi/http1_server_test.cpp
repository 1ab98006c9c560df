#include "lib/sbi/http1_server.hpp"

#include <poll.h>

#include <catch2/catch.hpp>
#include <cctype>
#include <map>

#include "tests/sbi/served.hpp"

using namespace std::chrono_literals;

namespace {

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

struct Http1Fixture : test::ServedFixture {
  Http1Fixture() {
    serve();
    open_client();
    http1 = std::make_unique<sbi::Http1Server>(loop.io(), router, limits);
    http1_port = http1->listen("127.0.0.1", 0);
  }
  ~Http1Fixture() {
    loop.run([this] { gate.open(); });
    http1->stop();
  }

  /// Sends octets and reads one answer. A body has the length that its header says.
  Answer exchange(std::string_view octets) {
    boost::asio::ip::tcp::socket socket(peer_io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), http1_port});
    boost::system::error_code error;
    boost::asio::write(socket, boost::asio::buffer(octets), error);
    std::string text;
    while (!is_whole(text)) {
      pollfd ready{socket.native_handle(), POLLIN, 0};
      if (poll(&ready, 1, 10000) <= 0) throw std::runtime_error("no answer over HTTP/1.1; got: " + text);
      std::array<char, 16 * 1024> buffer;
      const std::size_t size = socket.read_some(boost::asio::buffer(buffer), error);
      if (error) break;
      text.append(buffer.data(), size);
    }
    return parsed(text);
  }
  static Answer parsed(const std::string& text) {
    Answer answer;
    const std::size_t head_end = text.find("\r\n\r\n");
    if (head_end == std::string::npos || !text.starts_with("HTTP/1.1 ")) return answer;
    answer.status = std::stoi(text.substr(9, 3));
    for (std::size_t at = text.find("\r\n") + 2; at < head_end;) {
      const std::size_t end = text.find("\r\n", at);
      const std::size_t colon = text.find(": ", at);
      std::string name = text.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      answer.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    answer.body = text.substr(head_end + 4);
    return answer;
  }
  static bool is_whole(const std::string& text) {
    if (text.find("\r\n\r\n") == std::string::npos) return false;
    auto answer = parsed(text);
    const auto length = answer.headers.find("content-length");
    return length == answer.headers.end() || answer.body.size() >= std::stoul(length->second);
  }

  static std::string request_text(const std::string& method, const std::string& target, const std::string& type, const std::string& body) {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    if (!type.empty()) text += "Content-Type: " + type + "\r\n";
    if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }

  std::unique_ptr<sbi::Http1Server> http1;
  std::uint16_t http1_port = 0;
};

}  // namespace

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

TEST_CASE_METHOD(Http1Fixture, "A chunked body is 411", "[sbi][http1]") {
  const auto answer = exchange(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
  CHECK(answer.status == 411);
  CHECK(answer.headers.at("content-type") == "application/problem+json");
}

TEST_CASE_METHOD(Http1Fixture, "Header fields have the limits of HTTP/2", "[sbi][http1]") {
  const auto status_of = [this](int fields, std::size_t octets) {
    std::string text = "GET /plain HTTP/1.1\r\nHost: h\r\n";
    for (int i = 1; i < fields; ++i) text += "X" + std::to_string(i) + ": " + std::string(octets, 'v') + "\r\n";
    return exchange(text + "\r\n").status;
  };
  CHECK(status_of(64, 1) == 200);
  CHECK(status_of(65, 1) == 431);
  CHECK(status_of(2, 16000) == 200);
  CHECK(status_of(2, 16400) == 431);
}

TEST_CASE_METHOD(Http1Fixture, "A request without a host, or with one that could not stand in a URI, is 400", "[sbi][http1]") {
  CHECK(exchange("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n").status == 200);
  CHECK(exchange("GET /plain HTTP/1.1\r\n\r\n").status == 400);
  CHECK(exchange("GET /plain HTTP/1.1\r\nHost: a,b\r\n\r\n").status == 400);
}

TEST_CASE_METHOD(Http1Fixture, "What Pistache refuses by itself, before any code of ours, is as docs/HTTP1.md lists it", "[sbi][http1]") {
  struct Row {
    std::string head, body;
    int status;
    std::string says;  ///< the answer's whole text
  };
  const std::string post = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";
  const std::string get = "GET /plain HTTP/1.1\r\n";
  const auto row = GENERATE_COPY(values<Row>({
      {get + "Host: a:999999999999\r\n", "", 500, "Invalid port: 999999999999"},
      {get + "Host: a:65536\r\n", "", 500, "Invalid port: 65536"},
      {get + "Host: a:x\r\n", "", 500, "Invalid port: x"},
      {get + "Host: [::1\r\n", "", 500, "Invalid port: :1"},
      {post + "Content-Length: 99999999999999999999\r\n", "{}", 500, "stoull"},
      {post + "Content-Length: 18446744073709551615\r\n", "{}", 500, "basic_string::_M_create"},
      {post + "Content-Length: -1\r\n", "{}", 500, "basic_string::_M_create"},
      {post + "Content-Length: x\r\n", "", 200, ""},  // taken as no body
      {post + "Transfer-Encoding: chunked\r\n", "ZZZ\r\n", 400, "Invalid chunk size"},
      {post + "Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFF\r\n", 400, "std::bad_alloc"},
      {post + "Transfer-Encoding: chunked\r\n", "-1\r\n", 400, "basic_string::_M_create"},
      {post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n", 400,
       "Got mutually exclusive ContentLength and TransferEncoding header"},
      {get + "Host: h\r\nCookie: x\r\n", "", 500, "Invalid cookie, missing value"},
      {get + "Host: h\r\nDate: x\r\n", "", 500, "Invalid Date format"},
      {get + "Host: h\r\nCache-Control: max-age=x\r\n", "", 500, "Invalid caching directive, malformated delta-seconds"},
      {get + "Host: h\r\nAccept: x\r\n", "", 415, "Unknown Media Type"},
      {get + "Host: h\r\nAccept: text/plain;q=x\r\n", "", 415, "Invalid quality factor"},
      {get + "Host: h\r\nContent-Type: x\r\n", "", 415, "Unknown Media Type"},
      {"FOO /plain HTTP/1.1\r\nHost: h\r\n", "", 400, "Unknown HTTP request method"},
      {"GET /plain HTTP/3.0\r\nHost: h\r\n", "", 400, "Encountered invalid HTTP version"},
  }));
  CAPTURE(row.head, row.body);
  const Answer answer = exchange(row.head + "\r\n" + row.body);
  CHECK(answer.status == row.status);
  CHECK(answer.body == row.says);
  CHECK(exchange(request_text("GET", "/plain", "", "")).status == 200);  // the front end goes on
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

TEST_CASE_METHOD(Http1Fixture, "Requests that wait are answered once they can be", "[sbi][http1]") {
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 2; ++i) {
    answers.push_back(std::async(std::launch::async, [this, i] {
      return exchange(request_text("POST", "/wait", "application/json", std::to_string(i)));
    }));
  }
  CHECK(eventually([this] { return gate.waiting >= 1; }));
  loop.run([this] { gate.open(); });
  for (int i = 0; i < 2; ++i) CHECK(test::get(answers[static_cast<std::size_t>(i)]).body == std::to_string(i));
}

TEST_CASE_METHOD(Http1Fixture, "An address that is taken is an error that names it", "[sbi][http1]") {
  sbi::Http1Server other(loop.io(), router, limits);
  CHECK_THROWS_WITH(other.listen("127.0.0.1", port), Catch::Contains("127.0.0.1:" + std::to_string(port)));
}
