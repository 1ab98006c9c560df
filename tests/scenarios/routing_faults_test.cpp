// What is relayed when something is amiss: restarts, forged links, silent and faulty peers, loops, clients that go, bodies of 20 MiB. Over real
// sockets.
#include "tests/scenarios/relayed_exchange.hpp"
#include "tests/support/http2_peer.hpp"

using namespace test;
using Fault = FakeFunction::Fault;
using Oddity = FakeAusf::Oddity;
using std::chrono::seconds;

namespace {

/// A client of the test's own that does not wait.
class Requests {
 public:
  Requests() {
    loop_.run([this] { client_ = std::make_unique<sbi::Client>(loop_.io(), "AMF", nullptr); });
  }
  ~Requests() {
    loop_.run([this] { client_.reset(); });
  }
  static sbi::Request request(std::uint16_t port, const std::string& method, const std::string& target,
                              const std::string& body = {}) {
    return sbi::make_request(method, uri(port), target, body);
  }
  static sbi::Uri uri(std::uint16_t port) { return sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port)); }

  std::future<sbi::Response> start(std::uint16_t port, const std::string& method, const std::string& target,
                                   const std::string& body = {}) {
    return loop_.start(client_->send(uri(port), request(port, method, target, body), seconds(120)));
  }
  std::future<sbi::Response> open(std::uint16_t port, const std::string& method, const std::string& target,
                                  std::shared_ptr<sbi::BodyReader> body) {
    return loop_.start(client_->open(uri(port), request(port, method, target), std::move(body), seconds(120)));
  }
  std::optional<std::string> next(sbi::Response& response) { return loop_.await(response.stream->next()); }
  void drop(sbi::Response& response) {
    loop_.run([&response] { response.stream.reset(); });
  }

 private:
  Loop loop_;
  std::unique_ptr<sbi::Client> client_;
};

}  // namespace

TEST_CASE_METHOD(RoutingLab, "A context goes on after a restart of ours, and at another instance on the same database",
                 "[routing]") {
  const bool is_d_ausf = GENERATE(false, true);
  const auto start_one = [&] { is_d_ausf ? start_d_ausf(routed_d_ausf_config(d_ausf_table())) : start_ausf(ausf_table()); };
  const std::uint16_t port = is_d_ausf ? d_ausf_port : ausf_port;
  start_one();
  const Answer challenge = authenticate(port, kTheirs);
  REQUIRE(challenge.status == 201);
  const Answer event = caller.send_raw(port, "POST", kUeau + "/auth-events", "{}", with_json({}));
  REQUIRE(event.status == 201);
  SECTION("restarted") {
    ausf.reset();
    d_ausf.reset();
    start_one();
    CHECK(confirm(port, link(challenge)).status == 200);
    CHECK(caller.send_raw(port, "PUT", path_of(event.header("location")), "{}", with_json({})).status == 204);
    CHECK(old_udm->asked().back().target == kUeau + "/auth-events/1");
  }
  SECTION("another instance") {
    const std::uint16_t second_port = free_port();
    std::unique_ptr<service::Running> second;
    if (is_d_ausf) {
      auto config = routed_d_ausf_config(d_ausf_table());
      config.common.http2[0].port = second_port;
      second = std::make_unique<service::Running>(d_ausf::kProgram, d_ausf::make_function(std::move(config)));
    } else {
      auto config = routed_ausf_config(ausf_table());
      config.common.http2[0].port = second_port;
      second = std::make_unique<service::Running>(ausf_ext::kProgram, ausf_ext::make_function(std::move(config)));
    }
    CHECK(confirm(second_port, link(challenge)).status == 200);
    CHECK(caller.send_raw(second_port, "DELETE", link(challenge), "", {}).status == 204);
    CHECK(confirm(port, link(challenge)).verdict() == "404 CONTEXT_NOT_FOUND");
  }
}

TEST_CASE_METHOD(RoutingLab, "A link that is not of our making leads nowhere", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  const Answer challenge = authenticate(port, kTheirs);
  std::string path = link(challenge);
  const std::size_t at = path.find("/r-") + 10;
  path[at] = path[at] == 'A' ? 'B' : 'A';
  CHECK(confirm(port, path).verdict() == "404 CONTEXT_NOT_FOUND");
  for (const std::string& id : {std::string("r-"), std::string("r-AAAA"), "r-" + std::string(5000, 'A'), std::string("1")}) {
    CHECK(confirm(port, kContexts + "/" + id + "/5g-aka-confirmation").verdict() == "404 CONTEXT_NOT_FOUND");
  }
  CHECK(old_ausf->times_asked() == 1);
}

TEST_CASE_METHOD(RoutingLab, "3gpp-Sbi-Max-Rsp-Time ends the wait for a silent peer, and the request is not given to another one",
                 "[routing]") {
  FakeAusf spare;
  auto config =
      routed_ausf_config({{pool(), home(peers_at({old_ausf->root(), spare->root()}, {}))}, core::Refused{404, "USER_NOT_FOUND"}});
  config.common.client_timeout = seconds(120);
  start_ausf_ext(std::move(config));
  old_ausf->set_fault(Fault::hang);
  CHECK(authenticate(ausf_port, kTheirs, {{"3gpp-sbi-max-rsp-time", "50"}}).verdict() == "504 TARGET_NF_NOT_REACHABLE");
  CHECK(spare->times_asked() == 0);
  old_ausf->release();
  CHECK(authenticate(ausf_port, kTheirs, {{"3gpp-sbi-max-rsp-time", "50000"}}).status == 201);
}

TEST_CASE_METHOD(RoutingLab, "An answer of 20 MiB passes through, no faster than it is taken", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  constexpr std::size_t kSize = 20 * 1024 * 1024;
  constexpr std::size_t kMostAhead = 4 * 1024 * 1024;  // windows and buffers of two connections
  Requests requests;
  auto opened = requests.open(port, "GET", kSdm + "/large/" + std::to_string(kSize), nullptr);
  sbi::Response response = get(opened);
  CHECK(response.status == 200);
  std::size_t taken = 0;
  std::size_t most_ahead = 0;
  while (const auto piece = requests.next(response)) {
    taken += piece->size();
    most_ahead = std::max(most_ahead, old_udm->octets_given() - std::min(taken, old_udm->octets_given()));
  }
  CHECK(taken == kSize);
  CHECK(most_ahead < kMostAhead);
  requests.drop(response);
}

namespace {

/// 20 MiB that are made as they are sent; keeps how far the sender ran ahead of `taken`.
class Upload final : public sbi::BodyReader {
 public:
  static constexpr std::size_t kSize = 20 * 1024 * 1024;
  explicit Upload(FakeFunction& receiver) : receiver_(receiver) {}
  boost::asio::awaitable<std::optional<std::string>> next() override {
    if (given_ == kSize) co_return std::nullopt;
    std::string piece(16 * 1024, 'x');
    given_ += piece.size();
    most_ahead = std::max<std::size_t>(most_ahead, given_ - std::min<std::size_t>(given_, receiver_.octets_taken()));
    co_return std::move(piece);
  }
  std::atomic<std::size_t> most_ahead{0};

 private:
  FakeFunction& receiver_;
  std::size_t given_ = 0;
};

}  // namespace

TEST_CASE_METHOD(RoutingLab, "A request of 20 MiB passes through, no faster than the peer takes it", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  Requests requests;
  const auto upload = std::make_shared<Upload>(old_udm.function());
  old_udm->set_fault(Fault::no_read);
  auto opened = requests.open(port, "PUT", kUecm + "/registrations/amf-3gpp-access", upload);
  REQUIRE(FakeFunction::eventually([&] { return old_udm->hanging() == 1 && upload->most_ahead > 0; }));
  old_udm->release();
  sbi::Response response = get(opened);
  CHECK(response.status == 201);
  CHECK(old_udm->octets_taken() == Upload::kSize);
  CHECK(upload->most_ahead < 4 * 1024 * 1024);
  requests.drop(response);
}

TEST_CASE_METHOD(RoutingLab, "Two tables that send a subscriber to each other cost one refusal, and no storm", "[routing]") {
  start_d_ausf(routed_d_ausf_config({{dimsis(core::ServedHere())}, peer_at(ausf_port)}));
  start_ausf({{pool()}, peer_at(d_ausf_port)});
  for (const std::uint16_t port : {ausf_port, d_ausf_port}) {
    CHECK(authenticate(port, kTheirs).verdict() == "400 MSG_LOOP_DETECTED");
    CHECK(caller.send_raw(port, "GET", kSdm + "/am-data", "", {}).verdict() == "400 MSG_LOOP_DETECTED");
  }
  CHECK(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
  CHECK(authenticate(d_ausf_port, "imsi-" + kDimsi).verdict() == "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(RoutingLab, "A thousand requests wait for a peer that never answers, and our own subscribers do not",
                 "[routing]") {
  auto config = routed_ausf_config(ausf_table());
  config.common.client_timeout = seconds(120);
  config.common.limits.http2.max_streams = 2000;
  config.common.limits.max_wait = seconds(60);  // a thousand at once: none is to be shed here, however slow the build
  start_ausf_ext(std::move(config));
  old_ausf->set_fault(Fault::hang);
  Requests requests;
  std::vector<std::future<sbi::Response>> waiting;
  for (int i = 0; i < 1000; ++i) waiting.push_back(requests.start(ausf_port, "POST", kContexts, authentication_of(kTheirs)));
  REQUIRE(FakeFunction::eventually([this] { return old_ausf->hanging() == 1000; }));
  for (int i = 0; i < 500; ++i) REQUIRE(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
  CHECK(old_ausf->hanging() == 1000);
  old_ausf->release();
  int answered = 0;
  for (auto& one : waiting) answered += get(one).status == 201 ? 1 : 0;
  CHECK(answered == 1000);
}

TEST_CASE_METHOD(RoutingLab, "A client that goes while a peer hangs costs nothing but its own request", "[routing]") {
  auto config = routed_ausf_config(ausf_table());
  config.common.client_timeout = seconds(120);
  start_ausf_ext(std::move(config));
  FakeFunction& peer = GENERATE(false, true) ? old_udm.function() : old_ausf.function();
  const bool is_udm = &peer == &old_udm.function();
  peer.set_fault(Fault::hang);
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), ausf_port});
  Http2Peer client(std::move(socket), sbi::Http2Session::Role::client);
  sbi::Request request =
      is_udm ? test::request("GET", kSdm + "/am-data") : test::request("POST", kContexts, authentication_of(kTheirs));
  if (!is_udm) request.headers.add("content-type", "application/json");
  const auto stream = client.http.session.request(request, sbi::Http2Session::BodySource::whole);
  client.flush();
  REQUIRE(FakeFunction::eventually([&] { return peer.hanging() == 1; }));
  SECTION("by a reset of the stream") {
    client.http.session.reset(stream, sbi::Http2Error::cancel);
    client.flush();
  }
  SECTION("by a reset of the connection") { client.close(true); }
  SECTION("in good order") { client.close(); }
  CHECK(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
  peer.release();
  CHECK(authenticate(ausf_port, kTheirs).status == 201);
  CHECK(caller.send_raw(ausf_port, "GET", kSdm + "/am-data", "", {}).verdict() == "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(RoutingLab, "A peer at fault costs its own subscribers' requests, and no others", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  SECTION("half an answer") {
    old_ausf->set_fault(Fault::half);
    old_udm->set_fault(Fault::half);
    CHECK(authenticate(port, kTheirs).verdict() == "504 NETWORK_FAILURE");
    CHECK_THROWS_AS(caller.send_raw(port, "POST", kUeau + "/auth-events", "{}", with_json({})),
                    sbi::ClientError);  // its head is on its way
  }
  SECTION("a body that is no JSON passes as it is") {
    old_ausf->set_fault(Fault::garbage);
    const Answer direct = authenticate(old_ausf->port(), kTheirs);
    check_same_answer(direct, authenticate(port, kTheirs));
  }
  SECTION("another content type passes as it is") {
    old_ausf->set_fault(Fault::wrong_content_type);
    check_same_answer(authenticate(old_ausf->port(), kTheirs), authenticate(port, kTheirs));
  }
  SECTION("a refusal passes as it is") {
    old_ausf->set_fault(Fault::overload);
    check_same_answer(authenticate(old_ausf->port(), kTheirs), authenticate(port, kTheirs));
  }
  SECTION("a redirection leads to the peer, not to ourselves") {
    old_ausf->set_fault(Fault::redirect);
    const Answer redirected = authenticate(port, kTheirs);
    CHECK(redirected.status == 307);
    CHECK(redirected.header("location") == old_ausf->uri() + "/elsewhere" + kContexts);
  }
  SECTION("an endless answer is no more ours to end, but does not grow") {
    old_ausf->set_fault(Fault::endless);
    CHECK_THROWS_AS(caller.send_raw(port, "POST", kContexts, authentication_of(kTheirs), with_json({})),
                    sbi::ClientError);  // more than our client takes
    CHECK(old_ausf->octets_given() < 32 * 1024 * 1024);
  }
  old_ausf->release();
  old_udm->release();
  CHECK(authenticate(port, kTheirs).status == 201);
}

TEST_CASE_METHOD(RoutingLab, "A peer that speaks no HTTP/2 is a peer that does not answer", "[routing]") {
  const NoHttp2 http1("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  start_ausf({{pool(), home(peers_at({http1.root()}, {http1.root()}))}, core::Refused{404, "USER_NOT_FOUND"}});
  CHECK(authenticate(ausf_port, kTheirs).verdict() == "504 TARGET_NF_NOT_REACHABLE");
  CHECK(caller.send_raw(ausf_port, "GET", kSdm + "/am-data", "", {}).verdict() == "504 TARGET_NF_NOT_REACHABLE");
  CHECK(authenticate(ausf_port, kOurs).verdict() == "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(RoutingLab, "However the peer writes its Location, the follow-up finds it", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  const Oddity oddity = GENERATE(Oddity::relative_location, Oddity::bare_location);
  old_ausf.set_oddity(oddity);
  const Answer challenge = caller.send(port, "POST", kContexts, authentication_of(kTheirs));
  REQUIRE(challenge.status == 201);
  CHECK(challenge.header("location").starts_with(root_of(port) + kContexts + "/r-"));
  CHECK(challenge.content()["_links"]["5g-aka"]["href"] == challenge.header("location") + "/5g-aka-confirmation");
  CHECK(confirm(port, link(challenge)).status == 200);
  CHECK(old_ausf->asked().back().target == kContexts + "/1/5g-aka-confirmation");
}

TEST_CASE_METHOD(RoutingLab, "A Location or link that leads nowhere is the peer's fault, told as such", "[routing]") {
  start_routed();
  const std::uint16_t port = GENERATE(true, false) ? ausf_port : d_ausf_port;
  const Oddity oddity = GENERATE(Oddity::garbage_location, Oddity::garbage_link);
  old_ausf.set_oddity(oddity);
  CHECK(authenticate(port, kTheirs).verdict() == "504 NETWORK_FAILURE");
  old_ausf.set_oddity(Oddity::none);
  CHECK(authenticate(port, kTheirs).status == 201);
}

TEST_CASE_METHOD(RoutingLab,
                 "A context that its maker has elsewhere is followed there; without a Location the links still lead on",
                 "[routing]") {
  start_routed();
  SECTION("elsewhere, where nobody is") {
    old_ausf.set_oddity(Oddity::foreign_location);
    const Answer challenge = authenticate(ausf_port, kTheirs);
    REQUIRE(challenge.status == 201);
    CHECK(confirm(ausf_port, link(challenge)).verdict() == "504 TARGET_NF_NOT_REACHABLE");
  }
  SECTION("no Location") {
    old_ausf.set_oddity(Oddity::no_location);
    const Answer challenge = authenticate(ausf_port, kTheirs);
    REQUIRE(challenge.status == 201);
    CHECK(challenge.header("location") == "");
    CHECK(confirm(ausf_port, link(challenge)).status == 200);
  }
  SECTION("a SUPI that is too short is the AMF's to judge") {
    old_ausf.set_oddity(Oddity::short_supi);
    CHECK(confirm(ausf_port, link(authenticate(ausf_port, kTheirs))).content()["supi"] == "imsi-");
  }
  old_ausf.set_oddity(Oddity::none);
  CHECK(authenticate(ausf_port, kTheirs).status == 201);
}
