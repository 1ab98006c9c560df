#pragma once

#include <catch2/catch.hpp>
#include <utility>

#include "tests/scenarios/lab.hpp"

namespace test {

/// The functions, and devices of which an RSMF is to hear.
struct RsmfLab : Lab {
  void start(ausf_ext::Config config) {
    start_arpf();
    start_d_ausf();
    start_ausf_ext(std::move(config));
  }
  /// A device whose first authentication an existing AUSF tells of: the RSMF is to hear of it.
  void attach(const SecureElement& device) {
    CHECK(to_ausf("PUT", kDevices + device.dimsi, offer(device)).status < 300);
    const std::string subscriber = "/nudm-ueau/v1/imsi-" + wait_for_state(device.dimsi, "PRELOADED")["imsi"].get<std::string>();
    const std::string ausf_id = "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01";
    const json wanted{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", ausf_id}};
    CHECK(to_ausf("POST", subscriber + "/security-information/generate-auth-data", wanted).status == 200);
    const json event{{"nfInstanceId", ausf_id},
                     {"success", true},
                     {"timeStamp", "2026-11-23T21:59:41Z"},
                     {"authType", "5G_AKA"},
                     {"servingNetworkName", kServingNetwork}};
    CHECK(to_ausf("POST", subscriber + "/auth-events", event).status == 201);
  }
};

}  // namespace test
