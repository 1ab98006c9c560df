#include <catch2/catch.hpp>
#include <fstream>

#include "tests/scenarios/lab.hpp"
#include "ue-sim/attach.hpp"
#include "ue-sim/device_file.hpp"

using namespace test;

TEST_CASE_METHOD(Lab, "The simulator attaches with dIMSI and IMSI, then with the IMSI alone, until the third failure", "[ue-sim][attach]") {
  start_all();
  const std::string dimsi = "901700000000001";
  const std::string path = "/nausfext-onboarding/v1/devices/" + dimsi;
  const SecureElement se = make_device(dimsi);
  REQUIRE(to_ausf("PUT", path, offer(se)).content()["state"] == "PRELOADED");
  ue_sim::AttachRequest request;
  request.d_ausf = "http://127.0.0.1:" + std::to_string(d_ausf_port);
  request.ausf_ext = "http://127.0.0.1:" + std::to_string(ausf_port);
  request.device_file = folder / "devices.jsonl";
  std::ofstream(request.device_file) << ue_sim::to_line(se.device());
  const auto attach = [&request] { return ue_sim::attach(request).shown.at(0); };

  const auto first = attach();
  CHECK(first.is_attached);
  CHECK_FALSE(first.was_dimsi_skipped);
  CHECK(first.receipt.starts_with("504 NETWORK_FAILURE"));
  CHECK(wait_for_state(dimsi, "ATTACHED")["state"] == "ATTACHED");

  const auto second = attach();
  CHECK(second.is_attached);
  CHECK(second.was_dimsi_skipped);
  CHECK(second.receipt.empty());
  CHECK(second.failed_attaches == 0);

  REQUIRE(to_ausf("POST", path + "/retire").status == 204);
  for (unsigned failures = 1; failures <= 3; ++failures) {
    const auto failed = attach();
    CHECK_FALSE(failed.is_attached);
    CHECK(failed.was_dimsi_skipped);
    CHECK(failed.failed_step == "9");
    CHECK(failed.failed_attaches == failures);
    CHECK(failed.is_back_at_dimsi == (failures == 3));
  }
  const auto back = attach();
  CHECK_FALSE(back.was_dimsi_skipped);
  CHECK(back.failed_step == "4");  // the vector went with the device
  CHECK(back.imsi.empty());
}
