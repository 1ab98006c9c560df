// The receipt of PROTOCOL.md, section 7.5, at the D-AUSF: what is one, what is recorded of it, and how the owner of its vector is told.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/scenarios/faulty_answers.hpp"
#include "tests/scenarios/receipts_lab.hpp"
#include "tests/support/fake_function.hpp"

using namespace test;

namespace {

/// An owner of vectors: what it was told, and what it answers.
class Owner {
 public:
  explicit Owner(std::uint16_t port, std::vector<int> answers = {204})
      : answers_(std::move(answers)),
        peer_(FakePeer::Http::v2, port, "POST", "/told", [this](const sbi::Request& request) { return take(request); }) {}

  std::vector<json> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  sbi::Response take(const sbi::Request& request) {
    const std::lock_guard lock(mutex_);
    told_.push_back(json::parse(request.body));
    const std::size_t i = std::min(told_.size(), answers_.size()) - 1;
    return sbi::Response(answers_[i]);
  }

  mutable std::mutex mutex_;
  std::vector<json> told_;
  std::vector<int> answers_;
  FakePeer peer_;
};

}  // namespace

TEST_CASE_METHOD(ReceiptFixture, "The owner is told what was received, in the form of the interface", "[receipt][d-ausf]") {
  start_d_ausf();
  const std::uint16_t port = free_port();
  const Owner owner(port);
  REQUIRE(put_vector(port).status == 201);
  CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  const json record = to_d_ausf("GET", kVector).content();
  REQUIRE(wait_until([&] { return pending() == 0; }));
  REQUIRE(owner.told().size() == 1);
  const json told = owner.told().front();
  CHECK(told == json{{"dimsi", kDimsi},
                     {"imsi", kImsi},
                     {"auts", kAuts},
                     {"receivedAt", record["receivedAt"]},
                     {"servingNetworkName", kServingNetwork}});
  CHECK(fault_of({"POST", kReceipts, told.dump(), 204, "", ""}) == "");
}

TEST_CASE_METHOD(ReceiptFixture, "The same receipt again is answered alike, recorded once and told once", "[receipt][d-ausf]") {
  start_d_ausf();
  const std::uint16_t port = free_port();
  REQUIRE(put_vector(port).status == 201);
  CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  const json received_at = to_d_ausf("GET", kVector).content()["receivedAt"];
  CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  CHECK(pending() == 1);
  const Owner owner(port);
  REQUIRE(wait_until([&] { return pending() == 0; }));
  CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  CHECK(pending() == 0);
  CHECK(owner.told().size() == 1);
  CHECK(to_d_ausf("GET", kVector).content()["receivedAt"] == received_at);
  CHECK(send(kRand, altered(kAuts, 3)).verdict() == "403 AUTHENTICATION_REJECTED");
}

TEST_CASE_METHOD(ReceiptFixture, "What is no receipt is answered by what it is, and nothing is recorded", "[receipt][d-ausf]") {
  start_d_ausf();
  REQUIRE(put_vector(free_port()).status == 201);
  SECTION("a wrong AUTS") {
    for (std::size_t i = 0; i < kAuts.size(); ++i) {
      CHECK(send(kRand, altered(kAuts, i)).verdict() == "403 AUTHENTICATION_REJECTED");
    }
  }
  SECTION("the answer to another challenge") {
    for (std::size_t i = 0; i < kRand.size(); ++i) CHECK(send(altered(kRand, i), kAuts).verdict() == "504 NETWORK_FAILURE");
    CHECK(send(altered(kRand, 0), altered(kAuts, 0)).verdict() == "504 NETWORK_FAILURE");
  }
  SECTION("a vector that expects none") {
    json body{{"rand", kRand}, {"autn", std::string(32, 'b')}, {"imsi", kImsi}};
    REQUIRE(to_d_ausf("PUT", kVector, body).status == 200);
    CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  }
  SECTION("a vector that was replaced") {
    REQUIRE(put_vector(0, altered(kRand, 5)).status == 200);
    CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  }
  SECTION("malformed") {
    CHECK(send(kRand, kAuts.substr(2)).params() == std::vector<std::string>{"/resynchronizationInfo/auts"});
    CHECK(send(kRand, "zz" + kAuts.substr(2)).verdict() == "400 MANDATORY_IE_INCORRECT");
    CHECK(send(kRand.substr(1), kAuts).params() == std::vector<std::string>{"/resynchronizationInfo/rand"});
  }
  CHECK_FALSE(is_recorded());
  CHECK(pending() == 0);
}

TEST_CASE_METHOD(ReceiptFixture, "A dIMSI that is unknown has no receipt", "[receipt][d-ausf]") {
  start_d_ausf();
  CHECK(send(kRand, kAuts).verdict() == "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(ReceiptFixture, "A vector without notificationUri records its receipt, and nobody is told", "[receipt][d-ausf]") {
  start_d_ausf();
  REQUIRE(put_vector(0).status == 201);
  CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  CHECK(is_recorded());
  CHECK(pending() == 0);
}

TEST_CASE_METHOD(ReceiptFixture, "The answer to a synchronisation failure is 500 where that is configured", "[receipt][d-ausf]") {
  auto config = d_ausf_config();
  config.receipt_answer = base::ErrorKind::internal;
  start_d_ausf(config);
  REQUIRE(put_vector(0).status == 201);
  CHECK(send(altered(kRand, 0), kAuts).verdict() == "500 NETWORK_FAILURE");
  CHECK(send(kRand, kAuts).verdict() == "500 NETWORK_FAILURE");
  CHECK(is_recorded());
  CHECK(send(kRand, altered(kAuts, 0)).verdict() == "403 AUTHENTICATION_REJECTED");
}

TEST_CASE_METHOD(ReceiptFixture, "An owner is told until it answers 204, or will never", "[receipt][d-ausf]") {
  using Row = std::tuple<std::vector<int>, std::size_t>;
  const auto [answers, times] = GENERATE(values<Row>({{{204}, 1},
                                                      {{200, 201, 202, 204}, 4},
                                                      {{503, 500, 204}, 3},
                                                      {{429, 204}, 2},
                                                      {{408, 204}, 2},
                                                      {{403, 204}, 2},
                                                      {{401, 204}, 2},
                                                      {{302, 204}, 2},
                                                      {{400, 204}, 1},
                                                      {{404, 204}, 1},
                                                      {{415, 204}, 1}}));
  start_d_ausf();
  const std::uint16_t port = free_port();
  const Owner owner(port, answers);
  REQUIRE(put_vector(port).status == 201);
  CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  CAPTURE(answers);
  CHECK(wait_until([&] { return pending() == 0; }));
  CHECK(owner.told().size() == times);
}

TEST_CASE_METHOD(ReceiptFixture, "A receipt outlives its vector, and the function", "[receipt][d-ausf][recovery]") {
  start_d_ausf();
  const std::uint16_t port = free_port();
  REQUIRE(put_vector(port).status == 201);
  CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
  REQUIRE(pending() == 1);
  SECTION("replaced") { CHECK(put_vector(0, altered(kRand, 0)).status == 200); }
  SECTION("deleted") { CHECK(to_d_ausf("DELETE", kVector).status == 204); }
  SECTION("restarted") {
    d_ausf.reset();
    start_d_ausf();
  }
  SECTION("put once more, and received once more") {
    CHECK(to_d_ausf("DELETE", kVector).status == 204);
    CHECK(put_vector(port).status == 201);
    CHECK_FALSE(is_recorded());
    CHECK(send(kRand, kAuts).verdict() == "504 NETWORK_FAILURE");
    CHECK(is_recorded());
    CHECK(pending() == 1);
  }
  const Owner owner(port);
  REQUIRE(wait_until([&] { return pending() == 0; }));
  REQUIRE(owner.told().size() == 1);
  CHECK(owner.told().front()["imsi"] == kImsi);
  CHECK(owner.told().front()["auts"] == kAuts);
}

TEST_CASE_METHOD(ReceiptFixture, "More receipts than may be in flight are all delivered", "[receipt][d-ausf]") {
  auto config = d_ausf_config();
  config.receipts.max_in_flight = 2;
  start_d_ausf(config);
  const std::uint16_t port = free_port();
  const std::string uri = "http://127.0.0.1:" + std::to_string(port) + "/told";
  constexpr std::size_t kCount = 20;
  for (std::size_t i = 0; i < kCount; ++i) receive(std::to_string(901700000000100 + i), uri);
  CHECK(pending() == kCount);
  const Owner owner(port);
  REQUIRE(wait_until([&] { return pending() == 0; }));
  std::set<std::string> dimsis;
  for (const json& told : owner.told()) dimsis.insert(told["dimsi"].get<std::string>());
  CHECK(dimsis.size() == kCount);
}

namespace {

/// An owner with a fault for each of its dIMSIs; those without one, and all once it is mended, are answered 204.
class FaultyOwner {
 public:
  explicit FaultyOwner(const std::string& elsewhere) : faults_(faulty_answers({200, 201, 403, 503}, elsewhere)) {
    faults_.push_back(dripping_answer(200));
  }

  [[nodiscard]] const std::vector<FaultyAnswer>& faults() const { return faults_; }
  [[nodiscard]] static std::string dimsi_of(std::size_t fault) { return std::to_string(901700000000100 + fault); }
  [[nodiscard]] std::string uri() const { return function_.uri() + "/told"; }
  void mend() { is_mended_ = true; }
  /// How often it was told of a dIMSI's receipt.
  [[nodiscard]] std::size_t times_told(const std::string& dimsi) {
    const auto asked = function_.asked();
    const auto is_of_it = [&dimsi](const sbi::Request& request) { return dimsi_in(request) == dimsi; };
    return static_cast<std::size_t>(std::count_if(asked.begin(), asked.end(), is_of_it));
  }

 private:
  static std::string dimsi_in(const sbi::Request& request) { return json::parse(request.body)["dimsi"]; }
  sbi::Response answer(const sbi::Request& request) {
    const std::string dimsi = dimsi_in(request);
    for (std::size_t i = 0; i < faults_.size() && !is_mended_; ++i) {
      if (dimsi_of(i) == dimsi) return faults_[i].answer();
    }
    return sbi::Response(204);
  }

  std::vector<FaultyAnswer> faults_;
  std::atomic<bool> is_mended_{false};
  FakeFunction function_{[this](const sbi::Request& request) { return answer(request); }};
};

}  // namespace

TEST_CASE_METHOD(ReceiptFixture, "An owner whose answer is none is told again of that receipt, and of others meanwhile", "[receipt][d-ausf][faults]") {
  auto config = d_ausf_config();
  config.common.client_timeout = std::chrono::milliseconds(500);
  start_d_ausf(config);
  FakeFunction elsewhere([](const sbi::Request&) { return sbi::Response(204); });
  FaultyOwner owner(elsewhere.uri());
  const std::size_t count = owner.faults().size();
  for (std::size_t i = 0; i < count; ++i) receive(FaultyOwner::dimsi_of(i), owner.uri());
  receive(kDimsi, owner.uri());
  CHECK(wait_until([&] { return pending() == count; }));
  CHECK(owner.times_told(kDimsi) >= 1);
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(owner.faults()[i].name, i);
    CHECK(wait_until([&] { return owner.times_told(FaultyOwner::dimsi_of(i)) >= 2; }));
  }
  CHECK(pending() == count);
  CHECK(elsewhere.times_asked() == 0);  // no redirect is followed
  owner.mend();
  CHECK(wait_until([this] { return pending() == 0; }));
}

TEST_CASE_METHOD(ReceiptFixture, "An owner that says nothing is told again, and holds up no other's receipt", "[receipt][d-ausf][faults]") {
  auto config = d_ausf_config();
  config.common.client_timeout = std::chrono::milliseconds(500);
  start_d_ausf(config);
  const auto taken = [](const sbi::Request&) { return sbi::Response(204); };
  FakeFunction silent(taken);
  FakeFunction other(taken);
  silent.set_fault(FakeFunction::Fault::hang);
  receive("901700000000100", silent.uri() + "/told");
  REQUIRE(wait_until([&] { return silent.hanging() > 0; }));
  receive("901700000000101", other.uri() + "/told");
  CHECK(wait_until([this] { return pending() == 1; }));
  CHECK(other.times_asked() == 1);
  CHECK(wait_until([&] { return silent.times_asked() >= 2; }));
  CHECK(pending() == 1);
  silent.release();
  CHECK(wait_until([this] { return pending() == 0; }));
}
