#include "lib/sbi/http1_server.hpp"

#include <poll.h>

#include <array>
#include <atomic>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <cctype>
#include <future>
#include <map>
#include <vector>

#include "lib/sbi/http1_listener.hpp"
#include "tests/sbi/served.hpp"

using namespace std::chrono_literals;

namespace {

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// A connection that stays: what is said, and the answers one after the other.
class Talk {
 public:
  /// From that address.
  Talk(boost::asio::io_context& io, std::uint16_t port, const char* local = "127.0.0.1") : socket_(io) {
    socket_.open(boost::asio::ip::tcp::v4());
    socket_.bind({boost::asio::ip::make_address(local), 0});
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    socket_.set_option(boost::asio::ip::tcp::no_delay(true));
  }

  /// False: the server has closed.
  bool say(std::string_view octets) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(octets), error);
    return !error;
  }
  /// The next answer, whose body has the length that its header says; status 0: the server has closed.
  Answer hear() {
    std::size_t size = 0;
    while ((size = whole_size()) == 0) {
      if (!read()) return {};
    }
    Answer answer = parsed(said_.substr(0, size));
    said_.erase(0, size);
    return answer;
  }
  /// True: the server closes, and says nothing more before.
  bool is_closed() {
    while (read()) {
    }
    return said_.empty();
  }

 private:
  bool read() {
    pollfd ready{socket_.native_handle(), POLLIN, 0};
    if (poll(&ready, 1, 10000) <= 0) throw std::runtime_error("nothing comes over HTTP/1.1; there was: " + said_);
    std::array<char, 16 * 1024> buffer;
    boost::system::error_code error;
    const std::size_t size = socket_.read_some(boost::asio::buffer(buffer), error);
    said_.append(buffer.data(), size);
    return !error;
  }
  /// Of the answer that said_ begins with; 0: it is not all there.
  [[nodiscard]] std::size_t whole_size() const {
    const std::size_t head_end = said_.find("\r\n\r\n");
    if (head_end == std::string::npos) return 0;
    const Answer answer = parsed(said_.substr(0, head_end + 4));
    const auto length = answer.headers.find("content-length");
    const std::size_t size = head_end + 4 + (length == answer.headers.end() ? 0 : std::stoul(length->second));
    return said_.size() < size ? 0 : size;
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

  boost::asio::ip::tcp::socket socket_;
  std::string said_;
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

  Talk talk() { return {peer_io, http1_port}; }
  /// One request on a connection of its own.
  Answer exchange(std::string_view octets) {
    Talk once = talk();
    once.say(octets);
    return once.hear();
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

TEST_CASE_METHOD(Http1Fixture, "A head without an end is 431, and the connection of who does not stop is cut off", "[sbi][http1]") {
  const std::string begin = "GET /plain HTTP/1.1\r\nHost: h\r\n";
  std::string fields;
  while (fields.size() < 65536) fields += "x: y\r\n";
  const std::string more = GENERATE_COPY(values<std::string>({std::string(65536, 'x'), fields}));
  Talk endless = talk();
  REQUIRE(endless.say(begin));
  SECTION("a little too long") {
    REQUIRE(endless.say(more));
  }
  SECTION("for ever") {
    int pieces = 0;
    while (pieces < 10000 && endless.say(more)) ++pieces;
    CHECK(pieces < 10000);
    return;  // what it was told may be lost with the reset
  }
  CHECK(endless.hear().status == 431);
  CHECK(endless.is_closed());
}

TEST_CASE_METHOD(Http1Fixture, "A head that is held back has to be whole in time", "[sbi][http1]") {
  auto hasty = limits;
  hasty.first_byte_timeout = hasty.request_timeout = 1s;
  sbi::Http1Server other(loop.io(), router, hasty);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  Talk first(peer_io, other_port);
  first.say("GET /plain HTTP/1.1\r\nHost: h");
  Talk second(peer_io, other_port);
  second.say(request_text("GET", "/plain", "", "") + "GET /plain HTTP/1.1\r\nHost: h");
  CHECK(second.hear().status == 200);
  CHECK(first.hear().status == 408);
  CHECK(first.is_closed());
  CHECK(second.is_closed());
}

TEST_CASE_METHOD(Http1Fixture, "A body has to be whole in time", "[sbi][http1]") {
  auto hasty = limits;
  hasty.request_timeout = 1s;
  sbi::Http1Server other(loop.io(), router, hasty);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  const std::string text = request_text("POST", "/echo", "application/json", "{\"a\":\"b\"}");
  const std::string begin = text.substr(0, text.size() - 3);
  Talk in_time = talk();  // where there is more of it
  Talk late(peer_io, other_port);
  in_time.say(begin);
  late.say(begin);
  const Answer answer = late.hear();
  CHECK(answer.status == 408);
  CHECK(answer.body.empty());
  CHECK(late.is_closed());
  in_time.say(text.substr(begin.size()));
  const Answer echo = in_time.hear();
  CHECK(echo.status == 200);
  CHECK(echo.body == "{\"a\":\"b\"}");
}

TEST_CASE_METHOD(Http1Fixture, "Over HTTP/1.1, where all connections are taken, the oldest that has sent no whole head gives way to a new one",
                 "[sbi][http1][limits]") {
  auto few = limits;
  few.max_http1_connections = 3;
  sbi::Http1Server other(loop.io(), router, few);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  const std::string get = request_text("GET", "/plain", "", "");
  Talk active(peer_io, other_port);
  active.say(get);
  CHECK(active.hear().status == 200);
  Talk oldest(peer_io, other_port);
  oldest.say("GET /plain HTTP/1.1\r\nHost: h");
  Talk silent(peer_io, other_port);
  CHECK(other.connections_refused() == 0);
  Talk fresh(peer_io, other_port);
  fresh.say(get);
  CHECK(fresh.hear().status == 200);
  CHECK(oldest.is_closed());
  for (Talk* const each : {&active, &silent, &fresh}) {
    each->say(get);
    CHECK(each->hear().status == 200);
  }
  CHECK(other.connections_refused() == 1);
}

TEST_CASE_METHOD(Http1Fixture, "Over HTTP/1.1, where all connections have sent a request, a new one is closed until one of them has gone",
                 "[sbi][http1][limits]") {
  auto few = limits;
  few.max_http1_connections = 2;
  sbi::Http1Server other(loop.io(), router, few);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  const std::string get = request_text("GET", "/plain", "", "");
  std::vector<Talk> talks;
  const auto serves = [&get](Talk& each) { return each.say(get) && each.hear().status == 200; };
  for (int i = 0; i < 2; ++i) {
    talks.emplace_back(peer_io, other_port);
    CHECK(serves(talks.back()));
  }
  CHECK(other.connections_refused() == 0);
  Talk third(peer_io, other_port);
  CHECK(third.is_closed());
  CHECK(other.connections_refused() == 1);
  for (Talk& each : talks) CHECK(serves(each));
  talks.pop_back();
  bool is_served = false;
  const auto deadline = std::chrono::steady_clock::now() + test::kDeadline;
  while (!is_served && std::chrono::steady_clock::now() < deadline) {
    Talk fourth(peer_io, other_port);
    is_served = serves(fourth);
  }
  CHECK(is_served);
  CHECK(serves(talks.front()));
}

TEST_CASE_METHOD(Http1Fixture, "The limit of connections over HTTP/1.1 holds while all of its threads are held up", "[sbi][http1][limits]") {
  auto few = limits;
  few.max_http1_connections = 6;
  sbi::Http1Server other(loop.io(), router, few);
  const std::uint16_t other_port = other.listen("127.0.0.1", 0);
  std::vector<Talk> waiting;  // one a thread
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(peer_io, other_port);
    waiting.back().say(request_text("POST", "/wait", "application/json", std::to_string(i)));
  }
  REQUIRE(eventually([this] { return gate.waiting == 4; }));
  std::vector<Talk> silent;
  for (int i = 0; i < 12; ++i) silent.emplace_back(peer_io, other_port);
  for (std::size_t i = 0; i < 10; ++i) CHECK(silent[i].is_closed());
  CHECK(other.connections_refused() == 10);
  loop.run([this] { gate.open(); });
  for (std::size_t i = 0; i < 4; ++i) CHECK(waiting[i].hear().body == std::to_string(i));
  for (std::size_t i = 10; i < 12; ++i) {
    silent[i].say(request_text("GET", "/plain", "", ""));
    CHECK(silent[i].hear().status == 200);
  }
}

TEST_CASE_METHOD(Http1Fixture, "A crowd that waits to be taken in over HTTP/1.1 holds up and shuts out itself alone", "[sbi][http1][limits]") {
  std::vector<Talk> waiting;  // one a thread
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(talk());
    waiting.back().say(request_text("POST", "/wait", "application/json", std::to_string(i)));
  }
  REQUIRE(eventually([this] { return gate.waiting == 4; }));
  // As many as have places, give way, and wait; the last has to go for one more.
  const std::size_t in = limits.max_http1_connections - waiting.size() + sbi::Http1Sockets::kMostLeaving;
  std::vector<Talk> crowd;
  const auto bring = [this, &crowd](std::size_t upto, std::size_t refused) {
    while (crowd.size() < upto) crowd.emplace_back(peer_io, http1_port, "127.0.0.2");
    return eventually([this, refused] { return http1->connections_refused() == refused; });
  };
  REQUIRE(bring(in, sbi::Http1Sockets::kMostLeaving));
  const std::size_t all = in + 1 + sbi::Http1Listener::kMostWaiting;
  REQUIRE(bring(all + 1, sbi::Http1Sockets::kMostLeaving + 1));
  CHECK(crowd[all].is_closed());
  Talk usual(peer_io, http1_port, "127.0.0.3");
  usual.say(request_text("GET", "/plain", "", ""));
  CHECK(crowd[all - 1].is_closed());
  loop.run([this] { gate.open(); });
  CHECK(usual.hear().status == 200);
  for (std::size_t i = 0; i < waiting.size(); ++i) CHECK(waiting[i].hear().body == std::to_string(i));
  crowd[all - 2].say(request_text("GET", "/plain", "", ""));
  CHECK(crowd[all - 2].hear().status == 200);
}

TEST_CASE_METHOD(Http1Fixture, "The server stops whatever its peers do", "[sbi][http1]") {
  const std::string get = request_text("GET", "/plain", "", "");
  std::vector<Talk> talks;  // the server knows all of them before any holds up one of its threads
  for (int i = 0; i < 20; ++i) {
    talks.push_back(talk());
    talks.back().say(get);
    REQUIRE(talks.back().hear().status == 200);
  }
  // Without an end: answers that nobody reads, bodies, and a head.
  std::string unread;
  while (unread.size() < 50000) unread += request_text("GET", "/large/20000", "", "");
  const std::vector<std::string> pieces{unread, request_text("POST", "/echo", "", std::string(50000, ' ')), std::string(50000, 'x')};
  std::atomic<int> pouring = 0;
  std::vector<std::future<void>> pourers;
  for (std::size_t i = 0; i < 9; ++i) {
    pourers.push_back(std::async(std::launch::async, [&pouring, &each = talks[i], &piece = pieces[i % pieces.size()]] {
      each.say(piece);
      ++pouring;
      while (each.say(piece)) {
      }
    }));
  }
  for (std::size_t i = 9; i < talks.size(); ++i) {
    talks[i].say(i % 2 == 0 ? "" : "GET /plain HTTP/1.1\r\nHost: h\r\nX: y");
  }
  CHECK(eventually([&pouring] { return pouring == 9; }));
  auto stopped = std::async(std::launch::async, [this] { http1->stop(); });
  test::get(stopped);
  for (auto& pourer : pourers) test::get(pourer);
  for (std::size_t i = 9; i < talks.size(); ++i) CHECK(talks[i].is_closed());
}

TEST_CASE_METHOD(Http1Fixture, "The server stops while requests wait for their answers", "[sbi][http1]") {
  Talk waiting = talk();
  waiting.say(request_text("POST", "/wait", "application/json", "1"));
  REQUIRE(eventually([this] { return gate.waiting == 1; }));
  auto stopped = std::async(std::launch::async, [this] { http1->stop(); });
  test::get(stopped);
  CHECK(gate.waiting == 1);
  CHECK(waiting.hear().status == 0);
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
