#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tests/scenarios/lab.hpp"

namespace test {

/// An AMF that asks as Open5GS' does, and is as strict: it finds its AUSF and UDM by the NRF, wants Location and links of one origin, and
/// makes NAS causes of statuses. The UE is a function that answers a challenge.
class ScriptedAmf {
 public:
  /// `nrf`: its port at loopback. `home`: the PLMN that the AMF serves.
  ScriptedAmf(Caller& caller, std::uint16_t nrf, profile::Plmn home) : caller_(caller), nrf_(nrf), home_(std::move(home)) {}

  /// What the UE makes of RAND and AUTN: RES*, or AUTS of a synchronisation failure, or neither (MAC failure).
  struct UeResponse {
    std::optional<std::string> res_star;
    std::optional<std::string> auts;
  };
  using Ue = std::function<UeResponse(const json& vector)>;

  struct Registered {
    bool is_accepted = false;
    int nas_cause = 0;  ///< of a Registration Reject; 0 with Authentication Reject, which bars the USIM
    std::string supi;
    std::string kseaf;
    std::string context;  ///< where the authentication is deleted
    std::uint16_t ausf = 0;
  };
  /// Authentication, and then the AMF's registration at the UDM.
  Registered register_ue(const std::string& suci, const Ue& ue);
  /// DELETE of the context, as at a deregistration; the status.
  int deregister(const Registered& registered);

  /// The first NF of that type and service for the PLMN of a SUCI, as the NRF orders them; its port at loopback. 0: none.
  std::uint16_t discover(const std::string& type, const std::string& service, const profile::Plmn& plmn);

 private:
  Answer challenge(std::uint16_t ausf, const std::string& suci, const json& more);
  static int nas_cause_of(int status);

  Caller& caller_;
  std::uint16_t nrf_;
  profile::Plmn home_;
};

}  // namespace test
