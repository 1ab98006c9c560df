#include "lib/sbi/http1_gate.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/sbi/problem.hpp"

namespace {

constexpr sbi::Http1Gate::Limits kLimits{.max_head_bytes = 200, .max_request_bytes = 300};
const std::string kGet = "GET /plain HTTP/1.1\r\n";
const std::string kPost = "POST /echo HTTP/1.1\r\nHost: h\r\n";

struct Handed {
  std::string head, body;
  std::size_t left = 0;  ///< of the body
  bool operator==(const Handed&) const = default;
};

/// What a gate handed on, why it took no more, and what it holds back.
struct Taken {
  std::vector<Handed> requests;
  int refused = 0;  ///< status
  std::string why;
  std::size_t held = 0;
  bool operator==(const Taken&) const = default;
};

Taken taken(const std::vector<std::string_view>& pieces, bool wants_bodies = true) {
  Taken out;
  sbi::Http1Gate gate(kLimits);
  bool is_in_body = false;
  const auto hand_on = [&](std::string_view octets, std::size_t left) {
    if (!is_in_body) out.requests.emplace_back();
    Handed& request = out.requests.back();
    (is_in_body ? request.body : request.head) += octets;
    request.left = left;
    is_in_body = wants_bodies && left > 0;
    return wants_bodies;
  };
  try {
    for (const std::string_view piece : pieces) gate.take(piece, hand_on);
  } catch (const base::Error& error) {
    out.refused = sbi::status_of(error.kind());
    out.why = error.what();
  }
  out.held = gate.held();
  return out;
}

/// The same octet by octet.
Taken dripped(std::string_view text) {
  std::vector<std::string_view> octets;
  for (std::size_t i = 0; i < text.size(); ++i) octets.push_back(text.substr(i, 1));
  return taken(octets);
}

/// The status that a request is refused with, 0 if it is taken: whole, and the same octet by octet.
int refusal(const std::string& text) {
  const Taken whole = taken({text});
  const Taken by_octets = dripped(text);
  CHECK(by_octets.requests == whole.requests);
  CHECK(by_octets.refused == whole.refused);
  CHECK(by_octets.why == whole.why);
  return whole.refused;
}

}  // namespace

TEST_CASE("The gate hands on a head once it is whole, wherever it was cut", "[sbi][http1-gate]") {
  const std::string head = kPost + "Content-Length: 2\r\nX: y\r\n\r\n";
  const std::string text = head + "{}";
  const Taken whole = taken({text});
  REQUIRE(whole.requests == std::vector<Handed>{{head, "{}", 0}});
  CHECK(whole.held == 0);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    const std::string_view view(text);
    const Taken first = taken({view.substr(0, cut)});
    CAPTURE(cut);
    CHECK(first.requests.size() == (cut < head.size() ? 0U : 1U));
    CHECK(first.held == (cut < head.size() ? cut : 0));
    CHECK(taken({view.substr(0, cut), view.substr(cut)}) == whole);
  }
  CHECK(dripped(text) == whole);
}

TEST_CASE("The gate holds back no more than a head may have", "[sbi][http1-gate]") {
  const auto head_of = [](std::size_t size) {
    const std::string text = kGet + "X: ";
    return text + std::string(size - text.size() - 4, 'x') + "\r\n\r\n";
  };
  CHECK(refusal(head_of(kLimits.max_head_bytes)) == 0);
  CHECK(refusal(head_of(kLimits.max_head_bytes + 1)) == 431);
  const std::string endless = kGet + "X: " + std::string(1000, 'x');
  const Taken full = taken({std::string_view(endless).substr(0, kLimits.max_head_bytes)});
  CHECK(full.refused == 0);
  CHECK(full.held == kLimits.max_head_bytes);
  CHECK(taken({std::string_view(endless).substr(0, kLimits.max_head_bytes + 1)}).refused == 431);
  CHECK(refusal(endless) == 431);
  CHECK(refusal(std::string(1000, 'x')) == 431);
  std::string fields = kGet;
  while (fields.size() < 1000) fields += "x: y\r\n";
  CHECK(refusal(fields) == 431);
}

TEST_CASE("The gate takes no request that is longer than it may be, and knows it from the head", "[sbi][http1-gate]") {
  const auto head_of = [](const std::string& length) { return kPost + "Content-Length: " + length + "\r\n\r\n"; };
  const std::size_t most = kLimits.max_request_bytes - head_of("123").size();
  CHECK(refusal(head_of(std::to_string(most)) + std::string(most, 'x')) == 0);
  CHECK(refusal(head_of(std::to_string(most + 1))) == 413);
  CHECK(refusal(head_of("18446744073709551615")) == 413);
  CHECK(refusal(head_of("18446744073709551616")) == 413);
  CHECK(refusal(head_of("99999999999999999999")) == 413);
}

TEST_CASE("The gate takes one Content-Length that is a number, and nothing that another reader could take for another one",
          "[sbi][http1-gate]") {
  struct Row {
    std::string fields;
    int refused;
    std::size_t length;
  };
  const auto row = GENERATE(values<Row>({
      {"Content-Length: 5\r\n", 0, 5},
      {"content-length:5\r\n", 0, 5},
      {"CONTENT-LENGTH: \t 5 \t\r\n", 0, 5},
      {"Content-Length: 0005\r\n", 0, 5},
      {"Content-Length: 0\r\n", 0, 0},
      {"Content-Lengths: 5\r\n", 0, 0},
      {"X-Content-Length: 5\r\n", 0, 0},
      {"", 0, 0},
      {"Content-Length: \r\n", 400, 0},
      {"Content-Length:\r\n", 400, 0},
      {"Content-Length: x\r\n", 400, 0},
      {"Content-Length: -1\r\n", 400, 0},
      {"Content-Length: +5\r\n", 400, 0},
      {"Content-Length: 5.0\r\n", 400, 0},
      {"Content-Length: 0x5\r\n", 400, 0},
      {"Content-Length: 5 5\r\n", 400, 0},
      {"Content-Length: 5, 5\r\n", 400, 0},
      {"Content-Length : 5\r\n", 400, 0},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", 400, 0},
      {"Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n", 400, 0},
      {"Transfer-Encoding: chunked\r\n", 411, 0},
      {"transfer-encoding: identity\r\n", 411, 0},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, 0},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400, 0},
  }));
  CAPTURE(row.fields);
  CHECK(refusal(kPost + row.fields + "\r\n") == row.refused);
  const Taken whole = taken({kPost + row.fields + "\r\n"});
  CHECK(whole.requests.size() == (row.refused == 0 ? 1U : 0U));
  if (row.refused == 0) CHECK(whole.requests.front().left == row.length);
}

TEST_CASE("The gate takes the lines of a head as RFC 9112 writes them, and no others", "[sbi][http1-gate]") {
  const auto with = [](const std::string& text) { return kGet + text + "\r\n\r\n"; };
  const auto begun_by = [](const std::string& line) { return line + "\r\nHost: h\r\n\r\n"; };
  SECTION("good ones") {
    const std::string head = GENERATE_COPY(values<std::string>(
        {with("X:"), with("X: "), with("X:y"), with("X: a\tb"), with("X: \xC3\xA4"), with("!#$%&'*+-.^_`|~09azAZ: y"), with("X: a:b"),
         begun_by("GET /plain HTTP/1.1"), begun_by("GET /plain HTTP/1.0"), begun_by("FOO * HTTP/3.0"), begun_by("GET /?a=%20&b HTTP/1.1")}));
    CAPTURE(head);
    CHECK(refusal(head) == 0);
  }
  SECTION("with one fault") {
    const std::string head = GENERATE_COPY(values<std::string>(
        {with("X"), with(":y"), with(" : y"), with("X : y"), with("X: y\r\n folded"), with("X: y\r\n\tfolded"), with("X y: z"), with("X\x80: y"),
         with("X: a\rb"), with("X: a\r"), with("X: a\nb"), with(std::string("X: a\0b", 6)), with("X: a\x01"), with("X: a\x7F"),
         kGet + "X: y\n\r\n", kGet + "X: y\r\n\n", kGet + "\n", "GET /plain HTTP/1.1\n\r\n", "\r\n\r\n", "\r\n" + kGet + "\r\n", "\n",
         begun_by("GET"), begun_by("GET /plain"), begun_by("GET  HTTP/1.1"), begun_by(" /plain HTTP/1.1"), begun_by("GET /plain "),
         begun_by("GET /a b HTTP/1.1"), begun_by("GET  /plain HTTP/1.1"), begun_by("GET /plain HTTP/1.1 "), begun_by(" GET /plain HTTP/1.1"),
         begun_by("GET\t/plain HTTP/1.1"), begun_by("GET /a\tb HTTP/1.1"), begun_by("GET /a\rb HTTP/1.1")}));
    CAPTURE(head);
    CHECK(refusal(head) == 400);
  }
}

TEST_CASE("What comes behind a request's end begins the next one", "[sbi][http1-gate]") {
  const std::string get = kGet + "\r\n";
  const std::string post = kPost + "Content-Length: 5\r\n\r\n";
  const std::string text = get + post + "\r\n\r\nx" + get + post + "GET /" + get + kPost;
  const Taken whole = taken({text});
  CHECK(whole.requests == std::vector<Handed>{{get, "", 0}, {post, "\r\n\r\nx", 0}, {get, "", 0}, {post, "GET /", 0}, {get, "", 0}});
  CHECK(whole.held == kPost.size());
  CHECK(dripped(text) == whole);
  SECTION("a body that nobody wants is passed over") {
    const Taken heads = taken({text}, false);
    CHECK(heads.requests == std::vector<Handed>{{get, "", 0}, {post, "", 5}, {get, "", 0}, {post, "", 5}, {get, "", 0}});
    CHECK(heads.held == kPost.size());
  }
  SECTION("those before one that is refused are handed on") {
    const Taken some = taken({get + post + "12345" + kGet + "X\r\n\r\n" + get});
    CHECK(some.requests.size() == 2);
    CHECK(some.refused == 400);
  }
}

TEST_CASE("A body is handed on as it comes, with what is left of it", "[sbi][http1-gate]") {
  sbi::Http1Gate gate(kLimits);
  std::vector<std::pair<std::string, std::size_t>> pieces;
  const auto hand_on = [&pieces](std::string_view octets, std::size_t left) {
    pieces.emplace_back(octets, left);
    return left > 2;
  };
  const std::string head = kPost + "Content-Length: 10\r\n\r\n";
  gate.take(head + "12", hand_on);
  gate.take("345", hand_on);
  CHECK(gate.held() == 0);
  gate.take("678", hand_on);
  gate.take("9", hand_on);
  gate.take("0" + kGet, hand_on);
  CHECK(pieces == std::vector<std::pair<std::string, std::size_t>>{{head, 10}, {"12", 8}, {"345", 5}, {"678", 2}});
  CHECK(gate.held() == kGet.size());
}

TEST_CASE("What the taker of a request throws comes through the gate", "[sbi][http1-gate]") {
  sbi::Http1Gate gate(kLimits);
  const auto hand_on = [](std::string_view, std::size_t) -> bool { throw base::Error(base::ErrorKind::conflict, "", "no"); };
  CHECK_THROWS_WITH(gate.take(kGet + "\r\n", hand_on), "no");
}
