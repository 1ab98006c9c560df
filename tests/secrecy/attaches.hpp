#pragma once

#include <functional>
#include <string>

#include "lib/aka/authentication_vector.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/secrecy/secrecy_lab.hpp"
#include "ue-sim/secure_element.hpp"

/// What devices do in a secrecy::Lab; each collects every key that comes to be on its way, at whatever end.
namespace secrecy {

/// A device with its eK, that nobody knows of yet.
ue_sim::Device personalise(Lab& lab, const std::string& dimsi, Secrets& secrets);
/// A device that is offered, and comes to be in `state`; the answer to the offer is `status`. `before` is told of the device first.
ue_sim::Device onboard(Lab& lab, const std::string& dimsi, Secrets& secrets, const std::string& state = "PRELOADED",
                       const std::function<void(const ue_sim::Device&)>& before = nullptr);
/// Body of an offer of the device, to this lab's ARPF, with the service provider's word for it.
json offer_of(Lab& lab, const ue_sim::Device& device);

/// Steps (3) to (7): the device takes its IMSI, and its receipt is told, if `tells`.
void take_imsi(Lab& lab, ue_sim::Device& device, Secrets& secrets, bool tells = true);

/// Steps (8) to (10) with a SUCI, by 5G AKA and by EAP-AKA' in turn.
void attach_by_5g_aka(Lab& lab, ue_sim::Device& device, Secrets& secrets);
void attach_by_eap(Lab& lab, ue_sim::Device& device, Secrets& secrets);
/// The same, when all goes wrong that can before: RES* that is wrong, cut short and no hex, a loss of synchronism.
void attach_by_5g_aka_with_faults(Lab& lab, ue_sim::Device& device, Secrets& secrets);
/// An EAP packet cut short, with AT_MAC changed, and what is no EAP at all.
void attach_by_eap_with_faults(Lab& lab, ue_sim::Device& device, Secrets& secrets);

/// nudm-ueau for the device's IMSI: a vector for 5G, of the lab's method, and those for an HSS.
void ask_as_ausf(Lab& lab, const ue_sim::Device& device, Secrets& secrets);

std::string supi_of(const ue_sim::Device& device);
/// All private keys of the lab's certificates, those of TLS and the service provider's among them, its home network keys and its key-encryption key.
void add_private_keys(const Lab& lab, Secrets& secrets);

}  // namespace secrecy
