#include <catch2/catch.hpp>

#include "tests/scenarios/faulty_answers.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/fake_function.hpp"

/// Peers of the target AUSF that answer what they should not: garbage, half an answer, the wrong type, no ProblemDetails, a redirect, a body
/// without end. Each holds up its device alone, tells why, and is forgotten once the peer is sound.

using namespace test;

namespace {

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

  FakeFunction elsewhere{[](const sbi::Request&) { return sbi::Response(204); }};
  SecureElement device = make_device("901700000000001");
  const std::string path = "/nausfext-onboarding/v1/devices/" + device.dimsi;
};

}  // namespace

TEST_CASE_METHOD(FaultyLab, "An ARPF that answers what it should not holds up its device alone", "[ausf-ext][step-0e][faults]") {
  start_d_ausf();
  const auto faults = faulty_answers({200, 403, 500}, elsewhere.uri());
  const FaultyAnswer& fault = faults.at(static_cast<std::size_t>(GENERATE_COPY(range(0, static_cast<int>(faults.size())))));
  CAPTURE(fault.name, fault.answer().status);
  {
    FakePeer arpf_peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key",
                       [&fault](const sbi::Request&) { return fault.answer(); });
    offer_it();
    check_is_held_up_alone("OFFERED");
    CHECK(elsewhere.times_asked() == 0);
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
  const auto faults = faulty_answers({500, 503}, elsewhere.uri());
  const FaultyAnswer& fault = faults.at(static_cast<std::size_t>(GENERATE_COPY(range(0, static_cast<int>(faults.size())))));
  CAPTURE(fault.name, fault.answer().status);
  {
    FakePeer d_ausf_peer(FakePeer::Http::v2, d_ausf_port, "PUT", "/ndausf-vectors/v1/vectors/{dimsi}",
                         [&fault](const sbi::Request&) { return fault.answer(); });
    offer_it();
    check_is_held_up_alone("KEY_RETRIEVED");
    CHECK(elsewhere.times_asked() == 0);
  }
  start_d_ausf();
  CHECK(wait_for_state(device.dimsi, "PRELOADED")["state"] == "PRELOADED");
}
