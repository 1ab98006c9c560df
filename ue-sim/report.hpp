#pragma once

#include "ue-sim/attach.hpp"
#include "ue-sim/demo.hpp"
#include "ue-sim/offer.hpp"
#include "ue-sim/personalise.hpp"
#include "ue-sim/pki.hpp"
#include "ue-sim/rsmf.hpp"

/// Runs a command and says on stdout how it went, for people or as one JSON text. Returns the exit status: 0 only if
/// all of it succeeded. Throws what the command throws when it cannot begin.
namespace ue_sim {

int report_pki(const PkiRequest& request, bool is_json);
int report_personalise(const PersonaliseRequest& request, bool is_json);
int report_offer(const OfferRequest& request, bool is_json);
int report_attach(const AttachRequest& request, bool is_json);
int report_demo(const DemoRequest& request, bool is_json);

}  // namespace ue_sim
