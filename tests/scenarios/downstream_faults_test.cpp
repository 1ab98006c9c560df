#include <catch2/catch.hpp>
#include <map>

#include "tests/scenarios/faulty_answers.hpp"
#include "tests/scenarios/onboarding_lab.hpp"
#include "tests/support/fake_function.hpp"
#include "tests/support/patient_limits.hpp"

/// Peers of the target AUSF that answer what they should not: nothing at all, garbage, half an answer, the wrong type, no ProblemDetails, a
/// redirect, a body without end. Tables: each fault meets a device of its own, all of them at once, and the device ends in the state that the table
/// names; another device goes on meanwhile; and once the peer is sound, all go on that were not refused for good.

using namespace test;
using std::chrono::milliseconds;

namespace {

constexpr const char* kSilence = "TARGET_NF_NOT_REACHABLE";

/// What becomes of a device.
struct Outcome {
  std::string state;
  int status = 0;     ///< of its problem; 0: it has none
  std::string cause;  ///< empty: none

  [[nodiscard]] bool is_of(const json& device) const {
    if (device["state"] != state) return false;
    if (status == 0) return !device.contains("problem");
    return device.contains("problem") && device["problem"]["status"] == status && device["problem"].value("cause", "") == cause;
  }
  [[nodiscard]] bool is_refusal() const { return state == "FAILED"; }
};

/// A row of a table.
struct DownstreamFault {
  int status = 0;
  FaultyAnswer answer;  ///< without one: the request hangs
  Outcome outcome;
};

bool is_passing(int status) { return status >= 500 || status == 408 || status == 429; }

/// Each status with each body, and what `outcome_of` makes of the two.
std::vector<DownstreamFault> table_of(std::initializer_list<int> statuses, const std::string& elsewhere, Outcome (*outcome_of)(int status, bool ends)) {
  const auto fault_of = [outcome_of](int status, const FaultyAnswer& answer) { return DownstreamFault{status, answer, outcome_of(status, answer.ends)}; };
  std::vector<DownstreamFault> out{fault_of(0, {"no answer", nullptr, false}), fault_of(307, redirect_to(elsewhere)),
                         fault_of(200, dripping_answer(200))};
  for (const int status : statuses) {
    for (const FaultyAnswer& answer : faulty_answers_of(status)) out.push_back(fault_of(status, answer));
    if (status < 400) continue;
    for (const FaultyAnswer& answer : faulty_problems_of(status)) out.push_back(fault_of(status, answer));
  }
  return out;
}

/// In front of a sound peer: passes on what it is asked, but for requests of one method (at targets with this end) about devices that have a fault.
class FaultyFront {
 public:
  FaultyFront(std::uint16_t port, std::uint16_t behind, std::string method, std::map<std::string, FaultyAnswer> faults, std::string target_end = "")
      : behind_(sbi::Uri::parse("http://127.0.0.1:" + std::to_string(behind))),
        method_(std::move(method)),
        faults_(std::move(faults)),
        target_end_(std::move(target_end)) {
    router_.add("*", "/{rest...}", sbi::BodyKind::none,
                sbi::StreamingHandler([this](const sbi::Request& request, const std::shared_ptr<sbi::BodyReader>& body) { return serve(request, body); }));
    sbi::ServerLimits limits = patient_limits();
    limits.http2.max_streams = 10000;
    loop_.run([&] {
      held_.emplace(loop_.io(), std::chrono::steady_clock::time_point::max());
      client_ = std::make_unique<sbi::Client>(loop_.io(), "TEST", nullptr);
      server_ = std::make_unique<sbi::Http2Server>(loop_.io(), router_, limits);
      server_->listen("127.0.0.1", port, nullptr);
    });
  }
  ~FaultyFront() {
    mend();
    loop_.run([this] {
      server_.reset();
      client_.reset();
    });
    loop_.stop();
  }
  FaultyFront(const FaultyFront&) = delete;
  FaultyFront& operator=(const FaultyFront&) = delete;

  /// Passes everything on from now on, and what hangs too.
  void mend() {
    loop_.run([this] {
      is_mended_ = true;
      held_->cancel();
    });
  }

 private:
  [[nodiscard]] const FaultyAnswer* fault_of(const sbi::Request& request) const {
    if (is_mended_ || request.method != method_ || !request.target.ends_with(target_end_)) return nullptr;
    for (const auto& [dimsi, fault] : faults_) {
      if (request.target.find("/" + dimsi) != std::string::npos) return &fault;
    }
    return nullptr;
  }
  boost::asio::awaitable<sbi::Response> serve(const sbi::Request& request, std::shared_ptr<sbi::BodyReader> body) {
    sbi::Request onward = sbi::make_request(request.method, behind_, request.target);
    while (true) {
      const std::optional<std::string> piece = co_await body->next();
      if (!piece) break;
      onward.body += *piece;
    }
    if (!onward.body.empty()) onward.headers.add("content-type", sbi::kJson);
    const FaultyAnswer* fault = fault_of(request);
    if (fault != nullptr && fault->answer) co_return fault->answer();
    boost::system::error_code ignored;
    if (fault != nullptr) co_await held_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    sbi::Response answer = co_await pass_on(std::move(onward));
    co_return std::move(answer);
  }
  boost::asio::awaitable<sbi::Response> pass_on(sbi::Request onward) {
    sbi::Response passed(503);
    try {
      passed = co_await client_->send(behind_, std::move(onward), kDeadline);
    } catch (const sbi::ClientError&) {
    }
    sbi::Response onward_answer(passed.status);
    for (const char* const name : {"content-type", "etag"}) {
      if (const auto value = passed.headers.find(name)) onward_answer.headers.add(name, *value);
    }
    onward_answer.body = passed.body;
    co_return std::move(onward_answer);
  }

  const sbi::Uri behind_;
  const std::string method_;
  const std::map<std::string, FaultyAnswer> faults_;
  const std::string target_end_;
  Loop loop_;
  sbi::Router router_;
  std::unique_ptr<sbi::Client> client_;
  std::unique_ptr<sbi::Http2Server> server_;
  std::optional<boost::asio::steady_timer> held_;
  bool is_mended_ = false;  ///< of the loop's thread, as all else
};

/// The functions, an ARPF and a D-AUSF behind fronts, and a device for each row of a table.
struct DownstreamLab : OnboardingFixture {
  DownstreamLab() {
    config.offer_wait = milliseconds(0);
    config.common.client_timeout = milliseconds(500);
    config.first_pause = config.longest_pause = milliseconds(200);
    config.max_in_flight = 256;  // all at once
  }

  static std::string dimsi_of(std::size_t row) { return std::to_string(901700000001000 + row); }

  void start_behind_fronts() {
    auto sound_arpf = arpf_config();
    sound_arpf.common.http2.front().port = arpf_behind;
    start_arpf(sound_arpf);
    auto sound_d_ausf = d_ausf_config();
    sound_d_ausf.common.http2.front().port = d_ausf_behind;
    start_d_ausf(sound_d_ausf);
    start_ausf_ext(config);
  }
  static std::map<std::string, FaultyAnswer> faults_of(const std::vector<DownstreamFault>& table) {
    std::map<std::string, FaultyAnswer> out;
    for (std::size_t row = 0; row < table.size(); ++row) out.emplace(dimsi_of(row), table[row].answer);
    return out;
  }

  Answer offer_anew(const std::string& dimsi) { return put(make_device(dimsi, pn, element), kAsync); }
  void offer_all(const std::vector<DownstreamFault>& table) {
    for (std::size_t row = 0; row < table.size(); ++row) REQUIRE(offer_anew(dimsi_of(row)).status < 300);
  }
  void check_outcomes(const std::vector<DownstreamFault>& table) {
    for (std::size_t row = 0; row < table.size(); ++row) {
      const auto& [status, answer, outcome] = table[row];
      const json seen = wait_for(dimsi_of(row), [&outcome = outcome](const json& device) { return outcome.is_of(device); });
      CAPTURE(answer.name, status, outcome.state, outcome.status, outcome.cause, seen.dump());
      CHECK(outcome.is_of(seen));
    }
    CHECK(elsewhere.times_asked() == 0);  // no redirect is followed
  }
  /// Whatever is held up is tried again and again.
  void check_is_tried_again() {
    CHECK(wait_until([this] { return count("SELECT count(*) FROM devices WHERE problem_status IS NOT NULL AND state <> 6 AND attempts < 2") == 0; }));
  }
  /// Another device is onboarded meanwhile, through the same fronts.
  void check_goes_on(const std::string& dimsi) {
    offer_anew(dimsi);
    CHECK(comes_to(dimsi, "PRELOADED"));
  }
  /// The peer is sound: what was not refused for good goes on by itself, the rest with another offer.
  void check_recovery(const std::vector<DownstreamFault>& table) {
    for (std::size_t row = 0; row < table.size(); ++row) {
      CAPTURE(table[row].answer.name, table[row].status);
      if (table[row].outcome.is_refusal()) offer_anew(dimsi_of(row));
      CHECK(comes_to(dimsi_of(row), "PRELOADED"));
    }
  }

  /// At the ARPF itself.
  std::int64_t spent_tokens() {
    auto ledger = store::Database::open(folder / "arpf.db", store::Database::Mode::read_only);
    auto rows = ledger.query("SELECT count(*) FROM spent_keys");
    return rows.next() ? rows.integer(0) : -1;
  }

  FakeFunction elsewhere{[](const sbi::Request&) { return sbi::Response(204); }};
  const std::uint16_t arpf_behind = free_port();
  const std::uint16_t d_ausf_behind = free_port();
  const Party element = make_se(pn);
};

Outcome after_retrieve_key(int status, bool ends) {
  if (!ends || is_passing(status)) return {"OFFERED", 504, kSilence};
  if (status < 300) return {"FAILED", 403, "AUTHENTICATION_REJECTED"};  // an answer that is not to be trusted
  if (status < 400) return {"FAILED", 502, ""};
  return {"FAILED", status, ""};
}

/// None of the table's 2xx has an ETag, so none is the D-AUSF's word that it has the vector.
Outcome after_put(int status, bool ends) {
  if (!ends || is_passing(status)) return {"KEY_RETRIEVED", 504, kSilence};
  if (status < 400) return {"KEY_RETRIEVED", 502, ""};
  if (status == 400 || status == 409 || status == 412) return {"FAILED", status, ""};
  return {"KEY_RETRIEVED", status, ""};
}

/// Of a vector at the D-AUSF, or of a token at the ARPF: 204 is its word. A 404 without a cause may be anybody's: it may be there still.
Outcome after_removal(int status, bool ends) {
  if (!ends || is_passing(status)) return {"RETIRED", 504, kSilence};
  if (status == 204) return {"RETIRED", 0, ""};
  if (status < 400) return {"RETIRED", 502, ""};
  return {"RETIRED", status, ""};
}

/// Sound JSON, or nearly, that is no answer to retrieve-key.
std::vector<DownstreamFault> untrustworthy_keys() {
  std::vector<DownstreamFault> out;
  for (const char* const body : {"{}", "[]", "7", R"({"encryptedKey":null,"endorsement":null})", R"({"encryptedKey":7,"endorsement":{}})",
                                 R"({"encryptedKey":"AAAA"})", R"({"encryptedKey":"AAAA","endorsement":"AAAA"})", R"({"encryptedKey":"","endorsement":""})",
                                 R"({"encryptedKey":"MAA=","endorsement":"MAA="})", R"({"encryptedKey":"?","endorsement":"?"})"}) {
    const auto answer = [body = std::string(body)] { return sbi::Response(200, sbi::kJson, body); };
    out.push_back({200, {body, answer}, after_retrieve_key(200, true)});
  }
  return out;
}

/// Successes with an ETag: which of them are the D-AUSF's word that it has the vector.
std::vector<DownstreamFault> tagged_answers() {
  const Outcome stored{"PRELOADED", 0, ""};
  const Outcome none = after_put(200, true);
  const auto row = [](int status, const char* name, const Outcome& outcome, const std::string& tag, const std::string& type = "",
                      const std::string& body = "") {
    const auto answer = [=] {
      sbi::Response out = type.empty() ? sbi::Response(status) : sbi::Response(status, type, body);
      out.headers.add("etag", tag);
      return out;
    };
    return DownstreamFault{status, {name, answer}, outcome};
  };
  const std::string record = R"({"dimsi":"901700000000001"})";
  return {row(201, "an ETag alone", stored, R"("1")"),
          row(200, "a weak ETag alone", stored, R"(W/"1")"),
          row(201, "a record", stored, R"("1")", sbi::kJson, record),
          row(200, "a record, with a parameter of its type", stored, R"("1")", "Application/JSON; charset=utf-8", record),
          row(202, "an ETag that promises", none, R"("1")"),
          row(204, "an ETag without a record", none, R"("1")"),
          row(206, "a part of a record", none, R"("1")", sbi::kJson, record),
          row(201, "an ETag without quotes", none, "1"),
          row(201, "an ETag with half its quotes", none, R"(W/")"),
          row(200, "a page", none, R"("1")", "text/html", "<html>"),
          row(200, "a record of another type", none, R"("1")", "text/plain", record),
          row(201, "null and an ETag", none, R"("1")", sbi::kJson, "null"),
          row(201, "an array and an ETag", none, R"("1")", sbi::kJson, "[]"),
          row(201, "half a record", none, R"("1")", sbi::kJson, record.substr(0, 10)),
          row(201, "a record that is too deep", none, R"("1")", sbi::kJson, R"({"a":)" + std::string(100000, '['))};
}

}  // namespace

TEST_CASE_METHOD(DownstreamLab, "Whatever an ARPF answers to retrieve-key in place of a key, it holds up its device alone", "[ausf-ext][step-0e][faults]") {
  auto table = table_of({200, 403, 503}, elsewhere.uri(), after_retrieve_key);
  for (DownstreamFault& fault : untrustworthy_keys()) table.push_back(std::move(fault));
  for (const int status : {201, 204, 206, 400, 401, 404, 408, 409, 410, 429, 451, 500, 501, 502, 504, 599}) {
    table.push_back({status, {"a status alone", [status] { return sbi::Response(status); }}, after_retrieve_key(status, true)});
  }
  const auto with_cause = [] { return sbi::Response(403, sbi::kProblemJson, R"({"status":"x","detail":null,"cause":"CI_NOT_AGREED"})"); };
  table.push_back({403, {"a cause among members of other types", with_cause}, {"FAILED", 403, "CI_NOT_AGREED"}});

  FaultyFront arpf_front(arpf_port, arpf_behind, "POST", faults_of(table));
  FaultyFront d_ausf_front(d_ausf_port, d_ausf_behind, "", {});
  start_behind_fronts();
  offer_all(table);
  check_goes_on(kDimsi);
  check_outcomes(table);
  check_is_tried_again();
  arpf_front.mend();
  check_recovery(table);
}

TEST_CASE_METHOD(DownstreamLab, "Whatever a D-AUSF answers to a vector, it holds up its device alone", "[ausf-ext][step-2][faults]") {
  auto table = table_of({201, 403, 409, 503}, elsewhere.uri(), after_put);
  for (const int status : {200, 204, 400, 401, 404, 405, 408, 412, 415, 429, 500, 501, 502, 504, 599}) {
    table.push_back({status, {"a status alone", [status] { return sbi::Response(status); }}, after_put(status, true)});
  }
  const auto untagged = [] { return sbi::Response(201, sbi::kJson, R"({"dimsi":"901700000000001"})"); };
  table.push_back({201, {"a record without an ETag", untagged}, after_put(201, true)});
  for (DownstreamFault& answer : tagged_answers()) table.push_back(std::move(answer));
  FaultyFront arpf_front(arpf_port, arpf_behind, "", {});
  FaultyFront d_ausf_front(d_ausf_port, d_ausf_behind, "PUT", faults_of(table));
  start_behind_fronts();
  offer_all(table);
  check_goes_on(kDimsi);
  check_outcomes(table);
  check_is_tried_again();
  d_ausf_front.mend();
  check_recovery(table);
}

TEST_CASE_METHOD(DownstreamLab, "Whatever a D-AUSF answers to a deletion, it is asked again until the vector is gone, and its device waits alone",
                 "[ausf-ext][step-11][faults]") {
  auto table = table_of({200, 404, 403, 503}, elsewhere.uri(), after_removal);
  for (const int status : {204, 201, 202, 206, 400, 401, 405, 408, 409, 410, 412, 429, 500, 501, 502, 504, 599}) {
    table.push_back({status, {"a status alone", [status] { return sbi::Response(status); }}, after_removal(status, true)});
  }
  const auto unknown = [] { return sbi::Response(404, sbi::kProblemJson, R"({"status":null,"cause":"USER_NOT_FOUND"})"); };
  table.push_back({404, {"a cause alone", unknown}, {"RETIRED", 0, ""}});
  const auto no_path = [] { return sbi::Response(404, sbi::kProblemJson, R"({"cause":"RESOURCE_URI_STRUCTURE_NOT_FOUND"})"); };
  table.push_back({404, {"the path is unknown", no_path}, {"RETIRED", 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND"}});

  FaultyFront arpf_front(arpf_port, arpf_behind, "", {});
  FaultyFront d_ausf_front(d_ausf_port, d_ausf_behind, "DELETE", faults_of(table));
  start_behind_fronts();
  offer_all(table);
  for (std::size_t row = 0; row < table.size(); ++row) REQUIRE(comes_to(dimsi_of(row), "PRELOADED"));
  for (std::size_t row = 0; row < table.size(); ++row) REQUIRE(retire(dimsi_of(row)).status == 204);
  check_goes_on(kDimsi);
  CHECK(retire(kDimsi).status == 204);
  const std::string deletions = "SELECT count(*) FROM cleanups WHERE kind = 0";
  CHECK(wait_until([&] { return count(deletions + " AND dimsi = " + std::to_string(profile::DiscoveryImsi::from_digits(kDimsi)->packed())) == 0; }));
  check_outcomes(table);
  check_is_tried_again();
  const auto waits = std::count_if(table.begin(), table.end(), [](const DownstreamFault& fault) { return fault.outcome.status != 0; });
  CHECK(wait_until([&] { return count(deletions) == waits; }));
  CHECK(pool()["allocated"] == 0);
  CHECK(pool()["quarantined"] == table.size() + 1);  // an IMSI whose vector may be there is no other device's
  d_ausf_front.mend();
  CHECK(wait_until([&] { return count(deletions) == 0; }));
  for (std::size_t row = 0; row < table.size(); ++row) CHECK(loses_problem(dimsi_of(row)));
}

TEST_CASE_METHOD(DownstreamLab, "Whatever an ARPF answers to a retire, it is asked again until the token is spent, and its device waits alone",
                 "[ausf-ext][step-11][faults]") {
  auto table = table_of({200, 404, 403, 503}, elsewhere.uri(), after_removal);
  for (const int status : {204, 201, 202, 206, 400, 401, 405, 408, 409, 410, 429, 500, 501, 502, 504, 599}) {
    table.push_back({status, {"a status alone", [status] { return sbi::Response(status); }}, after_removal(status, true)});
  }
  const auto refusal = [](int status, const std::string& cause) { return [=] { return problem(status, cause); }; };
  table.push_back({404, {"no claim", refusal(404, "USER_NOT_FOUND")}, {"RETIRED", 0, ""}});
  table.push_back({404, {"the path is unknown", refusal(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")}, {"RETIRED", 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND"}});
  table.push_back({403, {"another's claim, whose key came", refusal(403, "NOT_OWNER")}, {"RETIRED", 403, "NOT_OWNER"}});

  FaultyFront arpf_front(arpf_port, arpf_behind, "POST", faults_of(table), "/retire");
  FaultyFront d_ausf_front(d_ausf_port, d_ausf_behind, "", {});
  start_behind_fronts();
  offer_all(table);
  for (std::size_t row = 0; row < table.size(); ++row) REQUIRE(comes_to(dimsi_of(row), "PRELOADED"));
  for (std::size_t row = 0; row < table.size(); ++row) REQUIRE(retire(dimsi_of(row)).status == 204);
  check_goes_on(kDimsi);
  CHECK(retire(kDimsi).status == 204);
  CHECK(wait_until([this] { return spent_tokens() == 1; }));  // that one's
  check_outcomes(table);
  check_is_tried_again();
  const auto waits = std::count_if(table.begin(), table.end(), [](const DownstreamFault& fault) { return fault.outcome.status != 0; });
  CHECK(wait_until([&] { return count("SELECT count(*) FROM cleanups") == waits; }));  // none of a vector: those wait for no token
  CHECK(spent_tokens() == 1);
  arpf_front.mend();
  CHECK(wait_until([this] { return count("SELECT count(*) FROM cleanups") == 0; }));
  CHECK(spent_tokens() == waits + 1);
  for (std::size_t row = 0; row < table.size(); ++row) CHECK(loses_problem(dimsi_of(row)));
}

TEST_CASE_METHOD(DownstreamLab, "A peer that takes connections and speaks no HTTP/2 holds up its device alone", "[ausf-ext][faults]") {
  const std::string greeting = GENERATE(std::string(), std::string("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), std::string(1000, '\xff'));
  const NoHttp2 no_peer(greeting);
  config.arpfs.push_back({no_peer.root().origin(), ci.certificate});
  SECTION("an ARPF") {
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
    CHECK(to_ausf("PUT", kDevices + kSecond, offer(make_device(kSecond), {no_peer.root().origin()}), kAsync).status == 202);
    check_goes_on(kDimsi);
    CHECK(comes_to_cause(kSecond, kSilence));
    CHECK(get(kSecond)["state"] == "OFFERED");
  }
  SECTION("a D-AUSF") {
    config.d_ausf = no_peer.root();
    start_arpf();
    start_ausf_ext(config);
    for (const auto& dimsi : {kDimsi, kSecond}) offer_anew(dimsi);
    for (const auto& dimsi : {kDimsi, kSecond}) {
      CHECK(comes_to_cause(dimsi, kSilence));
      CHECK(get(dimsi)["state"] == "KEY_RETRIEVED");
    }
    ausf.reset();
    config.d_ausf = ausf_ext_config().d_ausf;
    start_d_ausf();
    start_ausf_ext(config);
    for (const auto& dimsi : {kDimsi, kSecond}) CHECK(comes_to(dimsi, "PRELOADED"));
  }
}
