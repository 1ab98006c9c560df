#pragma once

#include "ue-sim/attach.hpp"

/// Steps (8) to (10) by EAP-AKA' (TS 33.501, 6.1.3.1): the UE answers, the access network passes on.
namespace ue_sim {

/// Carries EAP packets between UE and AUSF until the AUSF has a verdict; the UE must come to the same one, with the
/// same KSEAF, and the SUPI must be its IMSI. The device must have an IMSI. Throws StepFailed.
boost::asio::awaitable<SecondAttach> attach_with_eap(Network& network, const AttachPath& path, Device& device,
                                                     EapChallenge challenge);

}  // namespace ue_sim
