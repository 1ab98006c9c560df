#include <catch2/catch.hpp>
#include <mutex>

#include "lib/profile/discovery_vector.hpp"
#include "nf-d-ausf/receipts.hpp"
#include "tests/scenarios/faulty_answers.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/fake_function.hpp"

/// The receipt of PROTOCOL.md, section 7.5, from the device's synchronisation failure to the owner of its vector.

using namespace test;

namespace {

const std::string kImsi = "001010000000001";
const std::string kReceipts = "/nausfext-onboarding/v1/receipts";
const std::string kRand(32, 'a');
const std::string kAuts(28, '5');

/// SHA-256 of the octets of kAuts.
std::string hash_of_auts() {
  return base::to_hex(profile::receipt_hash(base::from_hex_exactly<14>(kAuts).value()));
}

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

struct ReceiptFixture : Lab {
  static json failure_of(const std::string& challenge, const std::string& answer) {
    return {{"supiOrSuci", kDimsiSupi},
            {"servingNetworkName", kServingNetwork},
            {"resynchronizationInfo", {{"rand", challenge}, {"auts", answer}}}};
  }
  Answer send(const std::string& challenge, const std::string& answer) {
    return to_d_ausf("POST", kContexts, failure_of(challenge, answer));
  }

  /// A vector of our own whose owner is at `port`; 0: nobody is told.
  Answer put_vector(std::uint16_t port, const std::string& challenge = kRand) {
    json body{{"rand", challenge}, {"autn", std::string(32, 'b')}, {"imsi", kImsi}, {"receiptHash", hash_of_auts()}};
    if (port != 0) body["notificationUri"] = "http://127.0.0.1:" + std::to_string(port) + "/told";
    return to_d_ausf("PUT", kVector, body);
  }
  /// A vector of another dIMSI whose owner is to be told at `uri`, and its receipt, which is due at once.
  void receive(const std::string& dimsi, const std::string& uri) {
    const json body{{"rand", kRand}, {"autn", std::string(32, 'b')}, {"imsi", kImsi}, {"receiptHash", hash_of_auts()}, {"notificationUri", uri}};
    REQUIRE(to_d_ausf("PUT", kVectors + "/" + dimsi, body).status == 201);
    json failure = failure_of(kRand, kAuts);
    failure["supiOrSuci"] = "imsi-" + dimsi;
    CHECK(to_d_ausf("POST", kContexts, failure).verdict() == "504 NETWORK_FAILURE");
  }
  bool is_recorded() { return to_d_ausf("GET", kVector).content().contains("receivedAt"); }

  /// Receipts whose owner is not told yet.
  std::size_t pending() const {
    auto database = store::Database::open(folder / "d-ausf.db", store::Database::Mode::read_only);
    return d_ausf::find_due_receipts(database, base::system_now() + std::chrono::hours(24), 100).size();
  }
  static bool wait_until(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  /// Onboards a device; `receipt` is the AUTS that it answers to the challenge `rand`.
  void onboard() {
    se = std::make_unique<SecureElement>(make_device(kDimsi));
    const Answer offered = to_ausf("PUT", kDevice, offer(*se));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    take_challenge();
  }
  void take_challenge() {
    device = std::make_unique<ue_sim::Device>(se->device());
    const Answer challenge = to_d_ausf("POST", kContexts, {{"supiOrSuci", kDimsiSupi}, {"servingNetworkName", kServingNetwork}});
    REQUIRE(challenge.status == 201);
    const json data = challenge.content()["5gAuthData"];
    rand = data["rand"];
    const auto taken = ue_sim::take_imsi(*device, octets(data["rand"]), octets(data["autn"]));
    REQUIRE(taken);
    auts = base::to_hex(taken->reveal());
    imsi = device->subscription->imsi.digits();
  }
  static aka::Rand octets(const json& hex) { return base::from_hex_exactly<16>(hex.get<std::string>()).value(); }

  /// The second attach, to its end.
  void attach() {
    const json wanted{{"supiOrSuci", "imsi-" + imsi}, {"servingNetworkName", kServingNetwork}};
    const json challenge = to_ausf("POST", kContexts, wanted).content();
    const json data = challenge["5gAuthData"];
    const auto answer = ue_sim::answer_challenge(*device, octets(data["rand"]), octets(data["autn"]), kServingNetwork);
    const std::string path = sbi::Uri::parse(challenge["_links"]["5g-aka"]["href"].get<std::string>()).path;
    const std::string res_star = base::to_hex(std::get<ue_sim::UeAnswer>(answer).res_star.reveal());
    REQUIRE(to_ausf("PUT", path, {{"resStar", res_star}}).content()["authResult"] == "AUTHENTICATION_SUCCESS");
  }
  std::string state() { return to_ausf("GET", kDevice).content()["state"]; }
  std::vector<std::string> history() {
    const json shown = to_ausf("GET", kDevice).content();
    std::vector<std::string> out;
    for (const json& entry : shown["history"]) out.push_back(entry["state"]);
    return out;
  }
  json report() const {
    return {{"dimsi", kDimsi}, {"imsi", imsi}, {"auts", auts}, {"receivedAt", "2026-11-25T07:02:11.912Z"}, {"servingNetworkName", kServingNetwork}};
  }

  std::unique_ptr<SecureElement> se;
  std::unique_ptr<ue_sim::Device> device;
  std::string rand, auts, imsi;
};

/// The text with another digit at `i`.
std::string altered(std::string hex, std::size_t i) {
  hex[i] = hex[i] == '0' ? '1' : '0';
  return hex;
}

}  // namespace

TEST_CASE_METHOD(ReceiptFixture, "A device's receipt goes through the access network to the vector's owner", "[receipt][step-7]") {
  start_all();
  onboard();
  SECTION("by nausf-auth") { CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE"); }
  SECTION("by nudm-ueau") {
    const json wanted{{"servingNetworkName", kServingNetwork},
                      {"ausfInstanceId", "4947a69a-f61b-4bc1-b9da-47c9c5d14b64"},
                      {"resynchronizationInfo", {{"rand", rand}, {"auts", auts}}}};
    const std::string target = "/nudm-ueau/v1/suci-0-901-70-0-0-0-0000000001/security-information/generate-auth-data";
    CHECK(to_d_ausf("POST", target, wanted).verdict() == "504 NETWORK_FAILURE");
  }
  SECTION("by the HSS's vectors, from a network that names itself or not") {
    const json network = GENERATE(json(nullptr), json({{"mcc", "001"}, {"mnc", "01"}}));
    json wanted{{"hssAuthType", "IMS_AKA"}, {"numOfRequestedVectors", 1}, {"resynchronizationInfo", {{"rand", rand}, {"auts", auts}}}};
    if (!network.is_null()) wanted["servingNetworkId"] = network;
    const std::string target = "/nudm-ueau/v1/" + kDimsiSupi + "/hss-security-information/ims-aka/generate-av";
    CHECK(to_d_ausf("POST", target, wanted).verdict() == "504 NETWORK_FAILURE");
  }
  CHECK(is_recorded());
  CHECK(wait_for_state(kDimsi, "RECEIVED")["state"] == "RECEIVED");
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "RECEIVED"});
  attach();
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "RECEIVED", "ATTACHED"});
}

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

TEST_CASE_METHOD(ReceiptFixture, "A receipt reaches a target AUSF that was down, and over a restart of the D-AUSF", "[receipt][recovery]") {
  start_arpf();
  start_d_ausf();
  const auto config = ausf_ext_config();
  start_ausf_ext(config);
  onboard();
  ausf.reset();
  CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE");
  CHECK(pending() == 1);
  SECTION("as it is") {}
  SECTION("restarted") {
    d_ausf.reset();
    start_d_ausf();
    CHECK(pending() == 1);
  }
  start_ausf_ext(config);
  CHECK(wait_for_state(kDimsi, "RECEIVED")["state"] == "RECEIVED");
  CHECK(wait_until([&] { return pending() == 0; }));
}

TEST_CASE_METHOD(ReceiptFixture, "A late receipt moves nothing back", "[receipt][ausf-ext]") {
  start_all();
  onboard();
  attach();
  const auto before = history();
  CHECK(before.back() == "ATTACHED");
  CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE");
  REQUIRE(wait_until([&] { return pending() == 0; }));
  CHECK(history() == before);

  SECTION("nor for a device that is retired") {
    CHECK(to_ausf("POST", kDevice + "/retire").status == 204);
    CHECK(to_ausf("POST", kReceipts, report()).status == 204);
    CHECK(state() == "RETIRED");
  }
  SECTION("nor for one that was offered anew with another token") {
    CHECK(to_ausf("POST", kDevice + "/retire").status == 204);
    const SecureElement other = make_device(kDimsi);
    REQUIRE(to_ausf("PUT", kDevice, offer(other)).content()["state"] == "PRELOADED");
    CHECK(to_ausf("POST", kReceipts, report()).status == 204);
    CHECK(state() == "PRELOADED");
  }
}

TEST_CASE_METHOD(ReceiptFixture, "The target AUSF believes the AUTS alone", "[receipt][ausf-ext]") {
  start_all();
  onboard();
  const auto reported = [this](const std::string& member, const std::string& value) {
    json body = report();
    body[member] = value;
    return to_ausf("POST", kReceipts, body).status;
  };
  for (std::size_t i = 0; i < auts.size(); ++i) CHECK(reported("auts", altered(auts, i)) == 204);
  CHECK(reported("imsi", "001010000009999") == 204);
  CHECK(reported("dimsi", "901700000000009") == 204);
  CHECK(state() == "PRELOADED");

  json body = report();
  SECTION("in either case of its digits") {
    for (char& c : auts) c = static_cast<char>(std::toupper(c));
    body["auts"] = auts;
  }
  SECTION("without the name of a network") { body.erase("servingNetworkName"); }
  CHECK(to_ausf("POST", kReceipts, body).status == 204);
  CHECK(state() == "RECEIVED");
  const auto before = history();
  CHECK(to_ausf("POST", kReceipts, body).status == 204);
  CHECK(history() == before);
}

TEST_CASE_METHOD(ReceiptFixture, "A report of a receipt that is malformed is named", "[receipt][ausf-ext]") {
  start_all();
  onboard();
  const auto fault_at = [this](const char* member, const json& value, const std::string& verdict) {
    json body = report();
    body[member] = value;
    const Answer answer = to_ausf("POST", kReceipts, body);
    CAPTURE(member, value);
    CHECK(answer.verdict() == verdict);
    CHECK(answer.params() == std::vector<std::string>{std::string("/") + member});
  };
  fault_at("dimsi", "12345", "400 MANDATORY_IE_INCORRECT");
  fault_at("imsi", "0010100000000012", "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", std::string(26, '0'), "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", std::string(30, '0'), "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", std::string(28, 'g'), "400 MANDATORY_IE_INCORRECT");
  fault_at("auts", 7, "400 MANDATORY_IE_INCORRECT");
  fault_at("receivedAt", 0, "400 MANDATORY_IE_INCORRECT");
  fault_at("servingNetworkName", "5G:", "400 OPTIONAL_IE_INCORRECT");
  for (const char* member : {"dimsi", "imsi", "auts", "receivedAt"}) {
    json body = report();
    body.erase(member);
    CHECK(to_ausf("POST", kReceipts, body).verdict() == "400 MANDATORY_IE_MISSING");
  }
  CHECK(state() == "PRELOADED");
}

TEST_CASE_METHOD(ReceiptFixture, "A receipt may come before the D-AUSF's answer to the vector did", "[receipt][ausf-ext]") {
  start_arpf();
  auto config = ausf_ext_config();
  config.offer_wait = std::chrono::milliseconds(0);
  start_ausf_ext(config);
  const SecureElement own = make_device(kDimsi);
  CHECK(to_ausf("PUT", kDevice, offer(own)).status == 202);
  imsi = wait_for_state(kDimsi, "KEY_RETRIEVED")["imsi"];
  const auto dimsi = *profile::DiscoveryImsi::from_digits(kDimsi);
  auts = base::to_hex(profile::make_receipt(*own.ephemeral_key, dimsi, *profile::Imsi::from_digits(imsi), 2).reveal());
  CHECK(to_ausf("POST", kReceipts, report()).status == 204);
  CHECK(state() == "RECEIVED");
  start_d_ausf();  // whatever its preloading was about to do, the state stays
  const SecureElement second = make_device("901700000000002");
  CHECK(to_ausf("PUT", "/nausfext-onboarding/v1/devices/901700000000002", offer(second)).status < 300);
  CHECK(wait_for_state("901700000000002", "PRELOADED")["state"] == "PRELOADED");
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "RECEIVED"});
}

TEST_CASE_METHOD(ReceiptFixture, "A device that is RECEIVED counts as one that is on its way", "[receipt][ausf-ext]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext();
  onboard();
  CHECK(to_ausf("POST", kReceipts, report()).status == 204);
  SECTION("another offer is refused, retiring is not, and the lists know it") {
    CHECK(to_ausf("PUT", kDevice, offer(make_device(kDimsi))).verdict() == "409 DEVICE_EXISTS");
    CHECK(to_ausf("GET", "/nausfext-onboarding/v1/devices?state=RECEIVED").content()["devices"].size() == 1);
    CHECK(to_ausf("POST", kDevice + "/retire").status == 204);
    CHECK(wait_for_state(kDimsi, "RETIRED")["state"] == "RETIRED");
    CHECK(to_d_ausf("GET", kVector).verdict() == "404 USER_NOT_FOUND");
  }
  SECTION("it expires as others do") {
    auto database = store::Database::open(folder / "ausf-ext.db");
    database.run("UPDATE devices SET expires_at = 1, due_at = 1");
    CHECK(wait_for_state(kDimsi, "RETIRED")["state"] == "RETIRED");
    CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "RECEIVED", "RETIRED"});
  }
}

TEST_CASE_METHOD(ReceiptFixture, "Without a notification URI the vector has none, and the device attaches all the same", "[receipt][ausf-ext]") {
  start_arpf();
  start_d_ausf();
  auto config = ausf_ext_config();
  config.notification_uri.reset();
  start_ausf_ext(config);
  onboard();
  CHECK(send(rand, auts).verdict() == "504 NETWORK_FAILURE");
  CHECK(is_recorded());
  CHECK(pending() == 0);
  attach();
  CHECK(history() == std::vector<std::string>{"OFFERED", "KEY_RETRIEVED", "PRELOADED", "ATTACHED"});
}
