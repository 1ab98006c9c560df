#include <catch2/catch.hpp>

#include "tests/scenarios/lab.hpp"

/// Peers of the target AUSF that answer what they should not: garbage, half an answer, the wrong type, no ProblemDetails, a redirect, a body
/// without end. Each holds up its device alone, tells why, and is forgotten once the peer is sound.

using namespace test;

namespace {

/// A body that never ends.
class EndlessBody final : public sbi::BodyReader {
 public:
  boost::asio::awaitable<std::optional<std::string>> next() override {
    std::string piece(64 * 1024, ' ');
    co_return std::move(piece);
  }
};

sbi::Response answer(int status, const char* type, std::string body) { return {status, type, std::move(body)}; }
sbi::Response endless(int status) {
  sbi::Response out(status);
  out.headers.add("content-type", "application/json");
  out.stream = std::make_shared<EndlessBody>();
  return out;
}
sbi::Response redirect() { return sbi::Response(307).with("location", "http://127.0.0.1:1/elsewhere"); }

struct Fault {
  const char* name;
  std::function<sbi::Response()> answer;
};

/// Whatever the status says.
std::vector<Fault> faults_of(int status) {
  const char* const type = status < 300 ? sbi::kJson : sbi::kProblemJson;
  return {{"garbage", [=] { return answer(status, type, "{\"encryptedKey\":]"); }},
          {"half of it", [=] { return answer(status, type, "{\"encryptedKey\":\"AAAA\""); }},
          {"another type", [=] { return answer(status, "text/html", "<html>"); }},
          {"null", [=] { return answer(status, type, "null"); }},
          {"nothing", [=] { return sbi::Response(status); }},
          {"octets that are no UTF-8", [=] { return answer(status, type, "{\"cause\":\"\xff\xfe\"}"); }},
          {"no end", [=] { return endless(status); }}};
}

std::vector<Fault> all_faults(std::initializer_list<int> statuses) {
  std::vector<Fault> out{{"a redirect", [] { return redirect(); }}};
  for (const int status : statuses) {
    for (Fault& fault : faults_of(status)) out.push_back(std::move(fault));
  }
  return out;
}

struct FaultyLab : Lab {
  void offer_it() {
    auto config = ausf_ext_config();
    config.offer_wait = std::chrono::milliseconds(0);
    start_ausf_ext(config);
    REQUIRE(to_ausf("PUT", path, offer(device)).status == 202);
  }
  /// The device tells of a problem, and the function serves others.
  void check_is_held_up_alone(const std::string& state) {
    const json seen = wait_for(device.dimsi, [](const json& one) { return one.contains("problem"); });
    CHECK(seen.contains("problem"));
    CHECK((seen["state"] == state || seen["state"] == "FAILED"));
    CHECK(to_ausf("GET", "/nausfext-onboarding/v1/imsi-pools").status == 200);
  }

  SecureElement device = make_device("901700000000001");
  const std::string path = "/nausfext-onboarding/v1/devices/" + device.dimsi;
};

}  // namespace

TEST_CASE_METHOD(FaultyLab, "An ARPF that answers what it should not holds up its device alone", "[ausf-ext][step-0e][faults]") {
  start_d_ausf();
  const auto faults = all_faults({200, 403, 500});
  const Fault& fault = faults.at(static_cast<std::size_t>(GENERATE_COPY(range(0, static_cast<int>(faults.size())))));
  CAPTURE(fault.name, fault.answer().status);
  {
    FakePeer arpf_peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key",
                       [&fault](const sbi::Request&) { return fault.answer(); });
    offer_it();
    check_is_held_up_alone("OFFERED");
  }
  start_arpf();  // and is sound now: what was not refused for good goes on by itself, the rest with another offer
  if (to_ausf("GET", path).content()["state"] == "FAILED") {
    device = make_device(device.dimsi);
    CHECK(to_ausf("PUT", path, offer(device)).status < 300);
  }
  CHECK(wait_for_state(device.dimsi, "PRELOADED")["state"] == "PRELOADED");
}

TEST_CASE_METHOD(FaultyLab, "A D-AUSF that answers what it should not holds up its device alone", "[ausf-ext][step-2][faults]") {
  start_arpf();
  const auto faults = all_faults({500, 503});
  const Fault& fault = faults.at(static_cast<std::size_t>(GENERATE_COPY(range(0, static_cast<int>(faults.size())))));
  CAPTURE(fault.name, fault.answer().status);
  {
    FakePeer d_ausf_peer(FakePeer::Http::v2, d_ausf_port, "PUT", "/ndausf-vectors/v1/vectors/{dimsi}",
                         [&fault](const sbi::Request&) { return fault.answer(); });
    offer_it();
    check_is_held_up_alone("KEY_RETRIEVED");
  }
  start_d_ausf();
  CHECK(wait_for_state(device.dimsi, "PRELOADED")["state"] == "PRELOADED");
}
