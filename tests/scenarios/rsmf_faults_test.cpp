// An RSMF that answers what it should not: the device stays ATTACHED and says why nobody was told, the function serves on, and the RSMF is told
// once it is sound. What it does not do: follow a redirect, keep a body, or wait longer than its time.
#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <catch2/catch.hpp>

#include "lib/sbi/http2_server.hpp"
#include "lib/web/http_client.hpp"
#include "tests/scenarios/faulty_answers.hpp"
#include "tests/scenarios/rsmf_lab.hpp"
#include "tests/scenarios/tls_lab.hpp"
#include "tests/support/fake_function.hpp"
#include "tests/support/patient_limits.hpp"
#include "tests/support/raw_peer.hpp"

using namespace test;

namespace {

constexpr std::chrono::milliseconds kSoon(500);
const std::string kEnough = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

/// `status` with this body, over HTTP/1.1.
std::string http1(const std::string& status, const std::string& type, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

struct FaultyRsmf {
  const char* name;
  RawPeer::Answer answer;
};

std::vector<FaultyRsmf> faulty_rsmfs(const std::string& elsewhere) {
  const auto redirect = [&](const std::string& status) {
    return "HTTP/1.1 " + status + "\r\nLocation: " + elsewhere + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  };
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  return {{"garbage", {"\x16\x03 garbage\r\n\r\n"}},
          {"nothing", {""}},
          {"half a status line", {"HTTP/1.1 20"}},
          {"half a head", {"HTTP/1.1 200 OK\r\nContent-Ty"}},
          {"half a head after a whole one", {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX"}},
          {"half a body", {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}},
          {"a chunk that is none", {chunked + "zz\r\n"}},
          {"a head without end", {"HTTP/1.1 200 OK\r\n", "X-More: " + std::string(8000, 'x') + "\r\n"}},
          {"heads without end", {"", "HTTP/1.1 100 Continue\r\n\r\n"}},
          {"a body without end", {"HTTP/1.1 200 OK\r\n\r\n", std::string(65536, ' ')}},
          {"chunks without end", {chunked, "1000\r\n" + std::string(4096, ' ') + "\r\n"}},
          {"no answer", {"", "", false}},
          {"no end of an answer", {chunked + "1\r\n \r\n", "", false}},
          {"302", {redirect("302 Found")}},
          {"303", {redirect("303 See Other")}},
          {"307", {redirect("307 Temporary Redirect")}},
          {"308", {redirect("308 Permanent Redirect")}},
          {"a refusal without ProblemDetails", {http1("403 Forbidden", "text/html", "<html>")}},
          {"a refusal that is null", {http1("400 Bad Request", "application/problem+json", "null")}},
          {"a failure in octets that are no UTF-8", {http1("500 Oops", "application/problem+json", "{\"cause\":\"\xff\xfe\"}")}}};
}

struct FaultyRsmfLab : RsmfLab {
  void attach() {
    auto config = ausf_ext_config();
    config.common.client_timeout = kSoon;
    start(std::move(config));
    RsmfLab::attach(device);
  }
  static bool has_problem(const json& seen) { return seen.contains("problem"); }

  SecureElement device = make_device("901700000000001");
};

}  // namespace

TEST_CASE_METHOD(FaultyRsmfLab, "An RSMF that answers what it should not is told again, and holds up nobody", "[ausf-ext][web][step-11][faults]") {
  const RawPeer elsewhere({kEnough});
  const auto faults = faulty_rsmfs("http://127.0.0.1:" + std::to_string(elsewhere.port()) + "/notifications");
  const FaultyRsmf& fault = faults.at(static_cast<std::size_t>(GENERATE_COPY(range(0, static_cast<int>(faults.size())))));
  CAPTURE(fault.name);
  RawPeer rsmf(fault.answer, rsmf_port);
  attach();
  const json seen = wait_for(device.dimsi, has_problem);
  REQUIRE(has_problem(seen));
  CHECK(seen["state"] == "ATTACHED");
  CHECK(seen["problem"]["status"] == 504);
  CHECK(seen["problem"]["cause"] == "TARGET_NF_NOT_REACHABLE");
  CHECK(FakeFunction::eventually([&] { return rsmf.times_asked() >= 2; }));  // told again by itself
  CHECK(to_ausf("GET", "/nausfext-onboarding/v1/imsi-pools").status == 200);
  const SecureElement other = make_device("901700000000002");
  CHECK(to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + other.dimsi, offer(other)).status < 300);
  CHECK(wait_for_state(other.dimsi, "PRELOADED")["state"] == "PRELOADED");

  rsmf.set_answer({kEnough});
  CHECK_FALSE(has_problem(wait_for(device.dimsi, [](const json& one) { return !has_problem(one); })));
  CHECK(elsewhere.times_asked() == 0);
}

TEST_CASE("Of an RSMF's whole answer the status alone counts", "[ausf-ext][web][step-11]") {
  RawPeer peer({kEnough});
  Loop loop;
  web::HttpClient client({});
  const auto status_of = [&](const std::string& answer) {
    peer.set_answer({answer});
    return loop.await(client.post_json("http://127.0.0.1:" + std::to_string(peer.port()) + "/", "{}", kDeadline));
  };
  CHECK(status_of(kEnough) == 204);
  CHECK(status_of("HTTP/1.1 100 Continue\r\n\r\n" + kEnough) == 204);
  CHECK(status_of(http1("200 OK", "application/json", "{\"a\":]")) == 200);
  CHECK(status_of(http1("200 OK", "text/html", "<html>")) == 200);
  CHECK(status_of(http1("201 Created", "application/json", "null")) == 201);
  CHECK(status_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\n \r\n0\r\nX-Trailer: x\r\n\r\n") == 200);
}

TEST_CASE("An answer without end is given up long before its time is over, and of it nothing is kept", "[ausf-ext][web][faults]") {
  const std::string octets = GENERATE("HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n");
  const RawPeer peer({octets, "X-More: " + std::string(8000, 'x') + "\r\n"});
  Loop loop;
  web::HttpClient client({});
  const std::string url = "http://127.0.0.1:" + std::to_string(peer.port()) + "/";
  auto told = loop.start(client.post_json(url, "{}", std::chrono::hours(1)));
  CHECK_THROWS_AS(get(told), web::HttpError);
  CHECK(peer.octets_given() < kMostOfEndless);
}

namespace {

/// An RSMF over HTTPS, which speaks HTTP/2 to libcurl.
struct HttpsRsmf : TlsLab {
  HttpsRsmf() : client({"", "", folder / "sbi-ca.crt"}) {
    router.add("POST", "/notifications", sbi::BodyKind::json, sbi::PlainHandler([this](const sbi::Request&) { return answer(); }));
    router.add("POST", "/elsewhere", sbi::BodyKind::json, sbi::PlainHandler([this](const sbi::Request&) {
                 ++asked_elsewhere;
                 return sbi::Response(204);
               }));
    const sbi::TlsFiles files{folder / "server.crt", folder / "server.key", folder / "sbi-ca.crt", false};
    loop.run([&] {
      server = std::make_unique<sbi::Http2Server>(loop.io(), router, patient_limits());
      port = server->listen("127.0.0.1", 0, sbi::make_server_context(files));
    });
  }
  ~HttpsRsmf() {
    loop.run([this] { server.reset(); });
    loop.stop();
  }
  [[nodiscard]] std::string uri() const { return "https://127.0.0.1:" + std::to_string(port); }
  /// The status of a notification; the error's text if none got through.
  std::string notify(const std::string& root, std::chrono::milliseconds deadline = kDeadline) {
    auto told = loop.start(client.post_json(root + "/notifications", "{}", deadline));
    try {
      return std::to_string(get(told));
    } catch (const web::HttpError& error) {
      return error.what();
    }
  }

  std::function<sbi::Response()> answer = [] { return sbi::Response(204); };
  std::atomic<int> asked_elsewhere{0};
  Loop loop;
  sbi::Router router;
  std::unique_ptr<sbi::Http2Server> server;
  std::uint16_t port = 0;
  web::HttpClient client;
};

}  // namespace

TEST_CASE_METHOD(HttpsRsmf, "Over HTTPS an answer has its status, or it is none", "[ausf-ext][web][step-11][faults]") {
  for (const FaultyAnswer& fault : faulty_answers({200, 403, 500}, uri() + "/elsewhere")) {
    CAPTURE(fault.name);
    const bool is_whole = std::string(fault.name) != "no end" && std::string(fault.name) != "it breaks off";
    const sbi::Response faulty = fault.answer();
    loop.run([&] { answer = fault.answer; });
    const std::size_t given = EndlessBody::given_in_all;
    const std::string told = notify(uri());
    if (is_whole) {
      CHECK(told == std::to_string(faulty.status));
    } else {
      CHECK_THAT(told, Catch::Contains(uri() + "/notifications: "));
    }
    CHECK(EndlessBody::given_in_all - given < kMostOfEndless);
  }
  loop.run([this] { answer = [] { return sbi::Response(204); }; });
  CHECK(notify(uri()) == "204");
  CHECK(asked_elsewhere == 0);
}

TEST_CASE_METHOD(HttpsRsmf, "While one RSMF hangs another is told, and a client that ends waits for neither", "[ausf-ext][web][faults]") {
  const NoHttp2 silent("");  // not a word of TLS
  const std::string silent_uri = "https://127.0.0.1:" + silent.root().port;
  auto owned = std::make_unique<web::HttpClient>(web::TlsFiles{"", "", folder / "sbi-ca.crt"});
  auto hanging = loop.start(owned->post_json(silent_uri + "/notifications", "{}", std::chrono::hours(1)));
  auto told = loop.start(owned->post_json(uri() + "/notifications", "{}", kDeadline));
  CHECK(get(told) == 204);
  CHECK_THAT(notify(silent_uri, kSoon), Catch::Contains(silent_uri));
  owned.reset();
  CHECK_THROWS_AS(get(hanging), web::HttpError);

  const NoHttp2 garbage("garbage");
  const std::string garbage_uri = "https://127.0.0.1:" + garbage.root().port;
  CHECK_THAT(notify(garbage_uri), Catch::Contains(garbage_uri));
}
