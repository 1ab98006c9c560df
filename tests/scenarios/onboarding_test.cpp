#include <algorithm>
#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <sstream>
#include <thread>

#include "lib/sbi/http2_server.hpp"
#include "lib/store/database.hpp"
#include "tests/scenarios/lab.hpp"

using namespace test;
using std::chrono::milliseconds;

namespace {

const std::string kDimsi = "901700000000001";
const std::string kSecond = "901700000000002";
const std::string kThird = "901700000000003";
const std::string kDevices = "/nausfext-onboarding/v1/devices/";
const std::string kImports = "/nausfext-onboarding/v1/imports";
const HeaderList kAsync{{"prefer", "respond-async"}};

sbi::Response problem(int status, const std::string& cause, const std::string& detail = "as the test wants it") {
  return {status, sbi::kProblemJson, json{{"status", status}, {"cause", cause}, {"detail", detail}}.dump()};
}

/// Waits with a deadline; true if it came.
bool wait_until(const std::function<bool()>& has_come) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!has_come()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// An ARPF that keeps every request until it is let go, and then refuses: how many are inside is what is in flight.
class GatedArpf {
 public:
  explicit GatedArpf(std::uint16_t port) {
    router_.add("POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key", sbi::BodyKind::json,
                sbi::WaitingHandler([this](const sbi::Request&) { return keep(); }));
    loop_.run([&] {
      gate_.emplace(loop_.io(), std::chrono::steady_clock::time_point::max());
      server_ = std::make_unique<sbi::Http2Server>(loop_.io(), router_, sbi::ServerLimits());
      server_->listen("127.0.0.1", port, nullptr);
    });
  }
  ~GatedArpf() {
    let_go();
    loop_.run([this] { server_.reset(); });
    loop_.stop();
  }

  void let_go() {
    loop_.run([this] {
      is_open_ = true;
      gate_->cancel();
    });
  }
  [[nodiscard]] std::size_t inside() const { return inside_; }
  [[nodiscard]] std::size_t most() const { return most_; }

 private:
  boost::asio::awaitable<sbi::Response> keep() {
    most_ = std::max<std::size_t>(most_, ++inside_);
    boost::system::error_code ignored;
    if (!is_open_) co_await gate_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    --inside_;
    co_return problem(403, "CI_NOT_AGREED");
  }

  Loop loop_;
  sbi::Router router_;
  std::unique_ptr<sbi::Http2Server> server_;
  std::optional<boost::asio::steady_timer> gate_;
  bool is_open_ = false;
  std::atomic<std::size_t> inside_ = 0;
  std::atomic<std::size_t> most_ = 0;
};

/// The whole of an answer that comes in pieces.
boost::asio::awaitable<std::string> collect(sbi::Client& client, sbi::Uri uri, sbi::Request request) {
  const std::shared_ptr<sbi::BodyReader> no_body;
  const sbi::Response response = co_await client.open(uri, request, no_body, kDeadline);
  std::string out;
  while (response.stream) {
    const std::optional<std::string> piece = co_await response.stream->next();
    if (!piece) break;
    out += *piece;
  }
  co_return std::move(out);
}

std::string read_all(std::uint16_t port, const std::string& target) {
  Loop loop;
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
  std::unique_ptr<sbi::Client> client;
  loop.run([&] { client = std::make_unique<sbi::Client>(loop.io(), "TEST", nullptr); });
  std::string out = loop.await(collect(*client, uri, sbi::make_request("GET", uri, target)));
  loop.run([&] { client.reset(); });
  return out;
}

struct OnboardingFixture : Lab {
  OnboardingFixture() : config(ausf_ext_config()) {}

  Answer put(const SecureElement& device, const HeaderList& headers = {}) {
    return to_ausf("PUT", kDevices + device.dimsi, offer(device), headers);
  }
  Answer retire(const std::string& dimsi) { return to_ausf("POST", kDevices + dimsi + "/retire"); }
  json get(const std::string& dimsi) { return to_ausf("GET", kDevices + dimsi).content(); }
  json pool() { return to_ausf("GET", "/nausfext-onboarding/v1/imsi-pools").content()[0]; }
  bool comes_to(const std::string& dimsi, const std::string& state) { return wait_for_state(dimsi, state)["state"] == state; }
  bool comes_to_cause(const std::string& dimsi, const std::string& cause) {
    const auto has_cause = [&cause](const json& device) { return device.value("/problem/cause"_json_pointer, "") == cause; };
    return has_cause(wait_for(dimsi, has_cause));
  }
  bool loses_problem(const std::string& dimsi) {
    const auto has_none = [](const json& device) { return !device.contains("problem"); };
    return has_none(wait_for(dimsi, has_none));
  }
  void one_imsi_only() { config.pools.front().to = config.pools.front().from; }

  store::Database database() { return store::Database::open(folder / "ausf-ext.db"); }
  std::int64_t count(const std::string& sql) {
    auto store = database();
    auto rows = store.query(sql);
    return rows.next() ? rows.integer(0) : -1;
  }

  /// Imports lines and returns where the import is to be read.
  std::string import(const std::string& lines) {
    const Answer answer = to_ausf_raw("POST", kImports, lines, {{"content-type", "application/x-ndjson"}});
    REQUIRE(answer.status == 202);
    return sbi::Uri::parse(answer.header("location")).path;
  }
  Answer to_ausf_raw(const std::string& method, const std::string& target, const std::string& body, const HeaderList& headers) {
    return caller.send(ausf_port, method, target, body, headers);
  }
  std::string line(const SecureElement& device) const {
    json out = offer(device);
    out["dimsi"] = device.dimsi;
    return out.dump() + "\n";
  }
  json wait_for_import(const std::string& path, const std::string& state) {
    json status;
    wait_until([&] { return (status = to_ausf("GET", path).content())["state"] == state; });
    return status;
  }
  std::vector<json> problems(const std::string& path) {
    std::istringstream in(to_ausf("GET", path + "/problems").body);
    std::vector<json> out;
    for (std::string text; std::getline(in, text);) out.push_back(json::parse(text));
    return out;
  }

  ausf_ext::Config config;
};

}  // namespace

// --- What a peer said ---------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "What a peer says in any script is cut between characters, and can be read wherever it is shown",
                 "[onboarding][problem]") {
  std::string detail(static_cast<std::size_t>(GENERATE(0, 1, 2)), 'x');
  for (int i = 0; i < 200; ++i) detail += "\u20ac";  // three octets
  const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key",
                      [&](const sbi::Request&) { return problem(403, "\u00c4\u00c4", detail); });
  start_ausf_ext(config);
  const Answer answer = put(make_device(kDimsi));
  REQUIRE(answer.status == 201);
  const std::string shown = answer.content()["problem"]["detail"];
  CHECK(shown.ends_with("\u20ac"));
  CHECK(shown.size() < detail.size());
  CHECK_FALSE(answer.content()["problem"].contains("cause"));  // what is no cause is not handed on as one
  CHECK(get(kDimsi)["problem"]["detail"] == shown);
  CHECK(to_ausf("GET", "/nausfext-onboarding/v1/devices?state=FAILED").content()["devices"][0]["problem"]["detail"] == shown);
  const std::string path = import(line(make_device(kSecond)));
  CHECK(wait_for_import(path, "DONE")["failed"] == 1);
  CHECK(problems(path).at(0)["detail"] == shown);
}

TEST_CASE_METHOD(OnboardingFixture, "A text in the database that is no UTF-8 keeps nobody from reading", "[onboarding][problem]") {
  const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key",
                      [&](const sbi::Request&) { return problem(403, "CI_NOT_AGREED"); });
  start_ausf_ext(config);
  const std::string path = import(line(make_device(kDimsi)));
  CHECK(wait_for_import(path, "DONE")["failed"] == 1);
  database().run("UPDATE devices SET problem_detail = CAST(x'61c3' AS TEXT)");
  const std::string replaced = "a\ufffd";
  CHECK(get(kDimsi)["problem"]["detail"] == replaced);
  CHECK(to_ausf("GET", "/nausfext-onboarding/v1/devices").content()["devices"][0]["problem"]["detail"] == replaced);
  CHECK(problems(path).at(0)["detail"] == replaced);
}

// --- Retiring -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "A retired device's key is wiped from its row", "[onboarding][retire]") {
  start_all();
  CHECK(put(make_device(kDimsi)).content()["state"] == "PRELOADED");
  CHECK(count("SELECT length(ephemeral_key) FROM devices") > 16);
  CHECK(retire(kDimsi).status == 204);
  CHECK(count("SELECT count(*) FROM devices WHERE ephemeral_key IS NULL AND imsi IS NULL") == 1);
}

TEST_CASE_METHOD(OnboardingFixture, "An IMSI is nobody else's while the D-AUSF may serve a vector with it", "[onboarding][pool]") {
  one_imsi_only();
  config.quarantine = std::chrono::seconds(0);
  config.offer_wait = milliseconds(200);
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  put(make_device(kDimsi));
  REQUIRE(comes_to(kDimsi, "PRELOADED"));
  d_ausf.reset();
  CHECK(retire(kDimsi).status == 204);
  put(make_device(kSecond), kAsync);
  CHECK(comes_to_cause(kSecond, "IMSI_POOL_EXHAUSTED"));
  CHECK(comes_to_cause(kDimsi, "TARGET_NF_NOT_REACHABLE"));
  CHECK(get(kSecond)["state"] == "OFFERED");
  CHECK(pool()["quarantined"] == 1);
  CHECK(pool()["free"] == 0);
  start_d_ausf();
  CHECK(comes_to(kSecond, "PRELOADED"));
  CHECK(to_d_ausf("GET", "/ndausf-vectors/v1/vectors/" + kDimsi).verdict() == "404 USER_NOT_FOUND");
  CHECK(pool()["allocated"] == 1);
}

TEST_CASE_METHOD(OnboardingFixture, "An IMSI rests in quarantine, and is free after it", "[onboarding][pool]") {
  one_imsi_only();
  start_arpf();
  start_d_ausf();
  SECTION("while the quarantine lasts, nobody gets it") {
    config.quarantine = std::chrono::seconds(86400);
    start_ausf_ext(config);
    put(make_device(kDimsi));
    CHECK(pool()["allocated"] == 1);
    CHECK(retire(kDimsi).status == 204);
    CHECK(loses_problem(kDimsi));
    CHECK(count("SELECT count(*) FROM cleanups") == 0);
    put(make_device(kSecond));
    CHECK(comes_to_cause(kSecond, "IMSI_POOL_EXHAUSTED"));
    CHECK(pool()["quarantined"] == 1);
    SECTION("and once it is over, somebody does") {
      database().run("UPDATE imsis SET free_at = 1");
      CHECK(comes_to(kSecond, "PRELOADED"));
      CHECK(pool()["quarantined"] == 0);
      CHECK(pool()["allocated"] == 1);
    }
  }
  SECTION("a short one is over by itself") {
    config.quarantine = std::chrono::seconds(1);
    start_ausf_ext(config);
    put(make_device(kDimsi));
    CHECK(retire(kDimsi).status == 204);
    put(make_device(kSecond));
    CHECK(comes_to(kSecond, "PRELOADED"));
  }
}

TEST_CASE_METHOD(OnboardingFixture, "The use of a pool is counted at a start that changes the pool", "[onboarding][pool]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  for (const auto& dimsi : {kDimsi, kSecond, kThird}) put(make_device(dimsi));
  CHECK(retire(kSecond).status == 204);
  const json before = pool();
  CHECK(before["allocated"] == 2);
  CHECK(before["quarantined"] == 1);
  ausf.reset();
  config.pools.front().to = *profile::Imsi::from_digits("001010000000002");
  start_ausf_ext(config);
  CHECK(pool()["allocated"] == 1);
  CHECK(pool()["quarantined"] == 1);
  CHECK(pool()["free"] == 0);
}

TEST_CASE_METHOD(OnboardingFixture, "A vector that the D-AUSF refuses to delete is tried again until it is gone", "[onboarding][retire]") {
  std::atomic<int> status = GENERATE(400, 401, 403, 405, 410);
  std::string cause = "NOT_OWNER";
  SECTION("whatever the refusal") {}
  SECTION("or where the D-AUSF does not know the path") {
    status = 404;
    cause = "RESOURCE_URI_STRUCTURE_NOT_FOUND";
  }
  const FakePeer peer(FakePeer::Http::v2, d_ausf_port, "*", "/ndausf-vectors/v1/vectors/{dimsi}", [&](const sbi::Request& request) {
    if (request.method == "PUT") return sbi::Response(201);
    return status >= 400 ? problem(status, cause) : sbi::Response(status);
  });
  start_arpf();
  config.offer_wait = milliseconds(200);
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  put(se);
  REQUIRE(comes_to(kDimsi, "PRELOADED"));
  CHECK(retire(kDimsi).status == 204);
  CHECK(comes_to_cause(kDimsi, cause));
  CHECK(get(kDimsi)["state"] == "RETIRED");
  CHECK(get(kDimsi)["problem"]["status"] == status.load());
  CHECK(count("SELECT count(*) FROM cleanups WHERE kind = 0") == 1);
  CHECK(retrieve(se, key_request(se)).verdict() == "403 TOKEN_SPENT");  // the other task does not wait for it
  status = 204;
  CHECK(loses_problem(kDimsi));
  CHECK(count("SELECT count(*) FROM cleanups") == 0);
}

TEST_CASE_METHOD(OnboardingFixture, "A vector that the D-AUSF does not have is gone", "[onboarding][retire]") {
  start_all();
  put(make_device(kDimsi));
  CHECK(to_d_ausf("DELETE", "/ndausf-vectors/v1/vectors/" + kDimsi).status == 204);
  CHECK(retire(kDimsi).status == 204);
  CHECK(loses_problem(kDimsi));
  CHECK(wait_until([this] { return count("SELECT count(*) FROM cleanups") == 0; }));
}

TEST_CASE_METHOD(OnboardingFixture, "A token is not spent before the ARPF says so", "[onboarding][retire]") {
  config.offer_wait = milliseconds(500);
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  put(se);
  REQUIRE(comes_to(kDimsi, "PRELOADED"));
  SECTION("an ARPF that refuses is asked again") {
    arpf.reset();
    {
      const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/claims/{dimsi}/retire",
                          [](const sbi::Request&) { return problem(403, "NOT_OWNER"); });
      CHECK(retire(kDimsi).status == 204);
      CHECK(comes_to_cause(kDimsi, "NOT_OWNER"));
    }
    start_arpf();
  }
  SECTION("an ARPF that left the configuration is asked when it is back") {
    ausf.reset();
    auto without = config;
    without.arpfs = {{"http://127.0.0.1:1", ci.certificate}};
    start_ausf_ext(without);
    CHECK(retire(kDimsi).status == 204);
    CHECK(comes_to_cause(kDimsi, "AUTHENTICATION_REJECTED"));
    CHECK(retrieve(se, key_request(se)).status == 200);
    ausf.reset();
    start_ausf_ext(config);
  }
  CHECK(loses_problem(kDimsi));
  CHECK(retrieve(se, key_request(se)).verdict() == "403 TOKEN_SPENT");
}

TEST_CASE_METHOD(OnboardingFixture, "Where another operator has the claim and no key ever came, there is no token to spend",
                 "[onboarding][retire]") {
  const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/{all...}", [](const sbi::Request& request) {
    return request.target.ends_with("/retire") ? problem(403, "NOT_OWNER") : problem(409, "DEVICE_CLAIMED");
  });
  start_ausf_ext(config);
  CHECK(put(make_device(kDimsi)).content()["problem"]["cause"] == "DEVICE_CLAIMED");
  CHECK(retire(kDimsi).status == 204);
  CHECK(loses_problem(kDimsi));
  CHECK(count("SELECT count(*) FROM cleanups") == 0);
}

TEST_CASE_METHOD(OnboardingFixture, "A device that is never retired expires in the same way", "[onboarding][expiry]") {
  config.device_lifetime = std::chrono::seconds(1);
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  put(se);
  CHECK(comes_to(kDimsi, "RETIRED"));
  CHECK(loses_problem(kDimsi));
  CHECK(wait_until([this] { return count("SELECT count(*) FROM cleanups") == 0; }));
  CHECK(count("SELECT count(*) FROM devices WHERE ephemeral_key IS NULL AND imsi IS NULL") == 1);
  CHECK(to_d_ausf("GET", "/ndausf-vectors/v1/vectors/" + kDimsi).verdict() == "404 USER_NOT_FOUND");
  CHECK(retrieve(se, key_request(se)).verdict() == "403 TOKEN_SPENT");
}

// --- Offers -------------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "What a D-AUSF's operator can mend is waited for, what the vector brings is not", "[onboarding][preload]") {
  std::atomic<int> status = GENERATE(400, 401, 403, 404, 405, 409, 412, 415);
  const FakePeer peer(FakePeer::Http::v2, d_ausf_port, "PUT", "/ndausf-vectors/v1/vectors/{dimsi}", [&](const sbi::Request&) {
    return status >= 400 ? problem(status, "NOT_OWNER") : sbi::Response(status);
  });
  start_arpf();
  start_ausf_ext(config);
  const Answer answer = put(make_device(kDimsi));
  const bool is_final = status == 400 || status == 409 || status == 412;
  CHECK(answer.status == (is_final ? 201 : 202));
  CHECK(answer.content()["state"] == (is_final ? "FAILED" : "KEY_RETRIEVED"));
  CHECK(answer.content()["problem"]["status"] == status.load());
  CHECK(answer.content()["problem"]["cause"] == "NOT_OWNER");
  if (is_final) return;
  status = 201;
  CHECK(comes_to(kDimsi, "PRELOADED"));
}

TEST_CASE_METHOD(OnboardingFixture, "Several ARPFs are asked in the order of the offer", "[onboarding][step-0e]") {
  const std::uint16_t other_port = free_port();
  const std::string other = "http://127.0.0.1:" + std::to_string(other_port);
  config.arpfs.push_back({other, ci.certificate});
  const SecureElement se = make_device(kDimsi);
  std::atomic<int> asked = 0;
  const auto refuse = [&asked](const sbi::Request&) {
    ++asked;
    return problem(403, "TOKEN_INVALID");
  };
  const auto offer_to = [&](const std::vector<std::string>& uris) { return to_ausf("PUT", kDevices + kDimsi, offer(se, uris)); };
  const char* retrieve_key = "/narpf-keys/v1/devices/{dimsi}/retrieve-key";

  SECTION("the next one after a refusal") {
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    const Answer answer = offer_to({other, arpf_uri});
    CHECK(asked == 1);
    CHECK(answer.content()["state"] == "PRELOADED");
    CHECK(answer.content()["arpf"] == arpf_uri);
  }
  SECTION("none after a key arrived") {
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    CHECK(offer_to({arpf_uri, other}).content()["arpf"] == arpf_uri);
    CHECK(asked == 0);
  }
  SECTION("FAILED after the last refusal, with its problem") {
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    const FakePeer first(FakePeer::Http::v2, arpf_port, "POST", retrieve_key, [&asked](const sbi::Request&) {
      return problem(403, asked == 0 ? "CI_NOT_AGREED" : "ASKED_TOO_LATE");
    });
    const Answer answer = offer_to({arpf_uri, other});
    CHECK(answer.content()["state"] == "FAILED");
    CHECK(answer.content()["problem"]["cause"] == "TOKEN_INVALID");
    CHECK(asked == 1);
    const Answer reversed = to_ausf("PUT", kDevices + kSecond, offer(make_device(kSecond), {other, arpf_uri}));
    CHECK(reversed.content()["problem"]["cause"] == "ASKED_TOO_LATE");
    CHECK(asked == 2);
  }
  SECTION("a silent one among refusing ones is waited for") {
    start_d_ausf();
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    const Answer answer = offer_to({arpf_uri, other});
    CHECK(answer.status == 202);
    CHECK(answer.content()["problem"]["cause"] == "TARGET_NF_NOT_REACHABLE");
    CHECK(asked >= 1);
    start_arpf();
    CHECK(comes_to(kDimsi, "PRELOADED"));
  }
}

TEST_CASE_METHOD(OnboardingFixture, "An offer stays the same when an ARPF of it enters or leaves the configuration", "[onboarding][offer]") {
  const std::string other = "http://127.0.0.1:" + std::to_string(free_port());
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  const json both = offer(se, {arpf_uri, other});
  CHECK(to_ausf("PUT", kDevices + kDimsi, both).content()["state"] == "PRELOADED");
  CHECK(to_ausf("PUT", kDevices + kDimsi, both).status == 200);
  CHECK(to_ausf("PUT", kDevices + kDimsi, offer(se)).verdict() == "409 DEVICE_EXISTS");
  ausf.reset();
  config.arpfs.push_back({other, ci.certificate});
  start_ausf_ext(config);
  CHECK(to_ausf("PUT", kDevices + kDimsi, both).status == 200);
  CHECK(to_ausf("PUT", kDevices + kDimsi, offer(se)).verdict() == "409 DEVICE_EXISTS");
}

TEST_CASE_METHOD(OnboardingFixture, "Location names the device, without the query of the request", "[onboarding][offer]") {
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  const std::string where = "http://127.0.0.1:" + std::to_string(ausf_port) + kDevices + kDimsi;
  CHECK(to_ausf("PUT", kDevices + kDimsi + "?from=here", offer(se), kAsync).header("location") == where);
}

TEST_CASE_METHOD(OnboardingFixture, "An offer that prefers an answer at once gets it, however that is written", "[onboarding][offer]") {
  GatedArpf gate(arpf_port);
  const SecureElement se = make_device(kDimsi);
  HeaderList headers;
  SECTION("preferred") {
    SECTION("plainly") { headers = {{"prefer", "respond-async"}}; }
    SECTION("in capitals") { headers = {{"prefer", "Respond-Async"}}; }
    SECTION("among others") { headers = {{"prefer", "wait=10 , RESPOND-ASYNC;foo=\"bar\", return=minimal"}}; }
    SECTION("in a second field") { headers = {{"prefer", "return=minimal"}, {"prefer", "respond-async"}}; }
    config.offer_wait = std::chrono::seconds(3600);  // the answer would never come
    start_ausf_ext(config);
    const Answer answer = put(se, headers);
    CHECK(answer.status == 202);
    CHECK(answer.content()["state"] == "OFFERED");
    gate.let_go();
    CHECK(comes_to(kDimsi, "FAILED"));
  }
  SECTION("not preferred") {
    SECTION("at all") {}
    SECTION("another one that begins alike") { headers = {{"prefer", "respond-asynchronously"}}; }
    SECTION("another one that ends alike") { headers = {{"prefer", "never-respond-async"}}; }
    SECTION("as a value") { headers = {{"prefer", "wait=respond-async"}}; }
    gate.let_go();
    start_ausf_ext(config);
    CHECK(put(se, headers).status == 201);
  }
}

// --- Who is worked on ---------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "No more devices than max_in_flight are worked on at once, and the others have their turn",
                 "[onboarding][in-flight]") {
  const auto limit = static_cast<std::size_t>(GENERATE(1, 2, 3));
  config.max_in_flight = limit;
  config.offer_wait = milliseconds(100);
  GatedArpf gate(arpf_port);
  start_ausf_ext(config);
  std::vector<std::string> dimsis;
  for (std::size_t i = 0; i < limit; ++i) {
    dimsis.push_back("90170000000000" + std::to_string(i));
    CHECK(put(make_device(dimsis.back()), kAsync).status == 202);
    CHECK(wait_until([&] { return gate.inside() == i + 1; }));  // one below, and at the limit
  }
  SECTION("an offer") {
    const Answer above = put(make_device("901700000000009"));
    CHECK(above.status == 202);
    CHECK(above.content()["state"] == "OFFERED");
    CHECK_FALSE(above.content().contains("problem"));
    dimsis.push_back("901700000000009");
  }
  SECTION("the same again, woken") { CHECK(retire(dimsis.front()).status == 204); }
  CHECK(gate.inside() == limit);
  gate.let_go();
  for (const auto& dimsi : dimsis) {
    const auto is_over = [](const json& device) { return device["state"] == "FAILED" || device["state"] == "RETIRED"; };
    CHECK(is_over(wait_for(dimsi, is_over)));
  }
  CHECK(gate.most() == limit);
}

TEST_CASE_METHOD(OnboardingFixture, "An offer that waits for room is answered when its device rests", "[onboarding][in-flight]") {
  config.max_in_flight = 1;
  GatedArpf gate(arpf_port);
  start_ausf_ext(config);
  CHECK(put(make_device(kDimsi), kAsync).status == 202);
  CHECK(wait_until([&] { return gate.inside() == 1; }));
  std::thread later([&] {
    wait_until([&] { return count("SELECT count(*) FROM devices") == 2; });
    gate.let_go();
  });
  const Answer answer = put(make_device(kSecond));
  later.join();
  CHECK(answer.status == 201);
  CHECK(answer.content()["state"] == "FAILED");
  CHECK(gate.most() == 1);
}

TEST_CASE_METHOD(OnboardingFixture, "Devices that cannot be worked on keep no others from their turn", "[onboarding][fault]") {
  start_arpf();
  config.max_in_flight = 2;
  start_ausf_ext(config);
  for (const auto& dimsi : {kDimsi, kSecond}) {
    put(make_device(dimsi), kAsync);
    CHECK(comes_to(dimsi, "KEY_RETRIEVED"));
  }
  ausf.reset();
  start_d_ausf();
  database().run("UPDATE devices SET ephemeral_key = x'00', due_at = 1, attempts = 0, problem_status = NULL");
  start_ausf_ext(config);
  for (const auto& dimsi : {kDimsi, kSecond}) CHECK(comes_to_cause(dimsi, "SYSTEM_FAILURE"));
  CHECK(get(kDimsi)["problem"]["status"] == 500);
  CHECK(count("SELECT count(*) FROM devices WHERE due_at > 1 AND attempts > 0") == 2);
  const std::string path = import(line(make_device(kThird)));
  CHECK(wait_for_import(path, "DONE")["preloaded"] == 1);
  CHECK(retire(kDimsi).status == 204);  // which needs no key
  CHECK(loses_problem(kDimsi));
}

TEST_CASE_METHOD(OnboardingFixture, "A function does not start with another key-encryption key than its database's", "[onboarding][fault]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  put(make_device(kDimsi));
  ausf.reset();
  SECTION("as it is now") {}
  SECTION("nor with a database of an earlier version") { database().run("DELETE FROM secrets WHERE name = 'key-encryption-key'"); }
  SECTION("nor if no device has a key") { database().run("UPDATE devices SET ephemeral_key = NULL"); }
  auto wrong = config;
  wrong.key_encryption_key = std::make_shared<const crypto::KeyEncryptionKey>(crypto::random_octets<32>());
  CHECK_THROWS_WITH(start_ausf_ext(wrong), Catch::Contains("key_encryption_key"));
  CHECK_NOTHROW(start_ausf_ext(config));
  CHECK(get(kDimsi)["state"] == "PRELOADED");
}

// --- Imports ------------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "An import is RUNNING until each of its devices is PRELOADED or FAILED, and then DONE", "[onboarding][import]") {
  start_arpf();
  start_ausf_ext(config);
  const Party stranger = make_party(wanted_ca("PN"));
  const std::string refused = line(make_device(kThird, stranger, make_se(stranger)));
  const std::string path = import(line(make_device(kDimsi)) + "\n" + line(make_device(kSecond)) + refused);
  CHECK(comes_to(kDimsi, "KEY_RETRIEVED"));
  CHECK(comes_to(kThird, "FAILED"));
  const json running = to_ausf("GET", path).content();
  CHECK(running["state"] == "RUNNING");
  CHECK(running["preloaded"] == 0);
  CHECK(running["failed"] == 1);
  start_d_ausf();
  const json done = wait_for_import(path, "DONE");
  CHECK(done["received"] == 3);
  CHECK(done["preloaded"] == 2);
  CHECK(done["failed"] == 1);
  const auto lines = problems(path);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["line"] == 4);
  CHECK(lines[0]["dimsi"] == kThird);
  CHECK(lines[0]["cause"] == "PN_CERTIFICATE_INVALID");

  SECTION("it counts each device with its present state") {
    CHECK(retire(kDimsi).status == 204);
    CHECK(to_ausf("GET", path).content()["preloaded"] == 2);
    CHECK(put(make_device(kThird)).content()["state"] == "PRELOADED");
    const json mended = to_ausf("GET", path).content();
    CHECK(mended["preloaded"] == 3);
    CHECK(mended["failed"] == 0);
    CHECK(problems(path).empty());
  }
  SECTION("after a restart as well") {
    ausf.reset();
    start_ausf_ext(config);
    CHECK(to_ausf("GET", path).content() == done);
  }
}

TEST_CASE_METHOD(OnboardingFixture, "The same import again is DONE at once, and a device may stand in several lines", "[onboarding][import]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const std::string lines = line(make_device(kDimsi)) + line(make_device(kSecond));
  const std::string first = import(lines);
  CHECK(wait_for_import(first, "DONE")["preloaded"] == 2);
  const Answer again = to_ausf_raw("POST", kImports, lines + lines, {{"content-type", "application/x-ndjson"}});
  CHECK(again.status == 202);
  CHECK(again.content()["state"] == "DONE");
  CHECK(again.content()["preloaded"] == 4);
  const std::string other = import(line(make_device(kDimsi)));
  CHECK(wait_for_import(other, "DONE")["failed"] == 1);
  CHECK(problems(other).at(0)["cause"] == "DEVICE_EXISTS");
}

TEST_CASE_METHOD(OnboardingFixture, "Refused lines do not stop the others, and each is named", "[onboarding][import]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  json unknown = offer(make_device(kThird), {"http://127.0.0.1:1"});
  unknown["dimsi"] = kThird;
  const std::string path = import("{\n" + line(make_device(kDimsi)) + R"({"dimsi":"12"})" + "\n" + unknown.dump() + "\n" +
                                  R"({"dimsi":")" + kSecond + "\"}");
  const json done = wait_for_import(path, "DONE");
  CHECK(done["received"] == 5);
  CHECK(done["preloaded"] == 1);
  CHECK(done["failed"] == 4);
  std::vector<std::string> seen;
  for (const json& each : problems(path)) seen.push_back(each["line"].dump() + " " + each["cause"].get<std::string>());
  CHECK(seen == std::vector<std::string>{"1 INVALID_MSG_FORMAT", "3 MANDATORY_IE_INCORRECT", "4 MANDATORY_IE_INCORRECT",
                                         "5 MANDATORY_IE_MISSING"});
}

TEST_CASE_METHOD(OnboardingFixture, "No problem of an import is left out, however many there are", "[onboarding][import]") {
  start_ausf_ext(config);
  constexpr std::size_t kCount = 100001;
  std::string lines;
  for (std::size_t i = 0; i < kCount; ++i) lines += "x\n";
  const std::string path = import(lines);
  CHECK(to_ausf("GET", path).content()["failed"] == kCount);
  const std::string all = read_all(ausf_port, path + "/problems");
  CHECK(static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n')) == kCount);
  CHECK(json::parse(all.substr(all.rfind('\n', all.size() - 2) + 1))["line"] == kCount);
}

TEST_CASE_METHOD(OnboardingFixture, "Problems that lie far apart are all there", "[onboarding][import]") {
  start_ausf_ext(config);
  std::string lines = "x\n";
  for (int i = 0; i < 2500; ++i) lines += "\n";
  const std::string path = import(lines + "x\n");
  const auto seen = problems(path);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0]["line"] == 1);
  CHECK(seen[1]["line"] == 2502);
  CHECK(to_ausf("GET", kImports + "/00000000000000000000000000000000/problems").verdict() == "404 CONTEXT_NOT_FOUND");
}

TEST_CASE("A database of version 3 is counted when it is brought to version 4", "[onboarding][import][pool]") {
  const TemporaryFolder folder;
  auto database = store::Database::open(folder / "old.db");
  const std::string schema = read_text(FIRST_ATTACH_SOURCE_DIR "/nf-ausf-ext/schema.sql");
  const std::size_t fourth = schema.find("-- version 4");
  REQUIRE(fourth != std::string::npos);
  store::migrate(database, schema.substr(0, fourth));
  // Device 1 is PRELOADED, 2 FAILED, 3 OFFERED, 4 RETIRED with a cleanup open; 5 was refused.
  database.script(
      "INSERT INTO devices (dimsi, state, epoch, offer_hash, expires_at) VALUES (1,2,1,x'',1), (2,6,1,x'',1), (3,0,1,x'',1), (4,5,1,x'',1);"
      "INSERT INTO imports VALUES ('a', 5, 1);"
      "INSERT INTO import_lines VALUES ('a',1,1,NULL,NULL), ('a',2,2,NULL,NULL), ('a',3,3,NULL,NULL), ('a',4,4,NULL,NULL), ('a',5,5,'X','y');"
      "INSERT INTO cleanups VALUES (4, 0, '');"
      "INSERT INTO imsis VALUES (101, 1, NULL), (104, 4, 50), (105, 4, 70), (106, 9, 60);");
  store::migrate(database, schema);
  const auto number = [&database](const char* sql) {
    auto rows = database.query(sql);
    return rows.next() ? rows.integer(0) : -1;
  };
  CHECK(number("SELECT preloaded FROM imports") == 2);
  CHECK(number("SELECT failed FROM imports") == 2);
  CHECK(number("SELECT imsi FROM cleanups") == 105);  // given up last
  CHECK(number("SELECT free_at = 9223372036854775807 FROM imsis WHERE imsi = 105") == 1);
  CHECK(number("SELECT count(*) FROM imsis WHERE free_at IN (50, 60)") == 2);
}

TEST_CASE("Reads of a database do not grow with its tables", "[onboarding][import][pool]") {
  const TemporaryFolder folder;
  auto database = store::Database::open(folder / "plans.db");
  store::migrate(database, read_text(FIRST_ATTACH_SOURCE_DIR "/nf-ausf-ext/schema.sql"));
  const auto plan = [&database](const std::string& sql) {
    std::string out;
    auto rows = database.query("EXPLAIN QUERY PLAN " + sql);
    while (rows.next()) out += rows.text(3) + "\n";
    return out;
  };
  CHECK_THAT(plan("SELECT dimsi FROM devices WHERE dimsi > $1 AND state = $3 ORDER BY dimsi LIMIT $2"),
             Catch::Contains("INDEX devices_state (state=? AND rowid>?)"));
  CHECK_THAT(plan("SELECT dimsi, due_at FROM devices WHERE due_at <= $1 AND (due_at, dimsi) > ($2, $3) ORDER BY due_at, dimsi LIMIT $4"),
             Catch::Contains("INDEX devices_due") && !Catch::Contains("TEMP B-TREE"));
  CHECK_THAT(plan("SELECT imsi FROM imsis WHERE free_at = 0 AND imsi BETWEEN $1 AND $2 ORDER BY imsi LIMIT 1"),
             Catch::Contains("INDEX imsis_resting (free_at=? AND rowid>? AND rowid<?)"));
  CHECK_THAT(plan("SELECT import_id FROM import_lines WHERE dimsi = $1 AND cause IS NULL"),
             Catch::Contains("INDEX import_lines_dimsi (dimsi=?)"));
}
