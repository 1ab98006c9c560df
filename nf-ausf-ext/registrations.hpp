#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"

namespace ausf_ext {

/// The AMF that serves a device (TS 29.503, Amf3GppAccessRegistration).
struct AmfRegistration {
  std::string amf_instance;
  std::string guami;    ///< mcc-mnc-amfId, in lower case
  std::string content;  ///< JSON, as it is answered
};

/// The SMF of one PDU session (TS 29.503, SmfRegistration).
struct SmfRegistration {
  std::uint8_t pdu_session_id = 0;
  std::string content;  ///< JSON, as it is answered
};

/// A consumer that wants to hear of changes (TS 29.503, SdmSubscription). Nothing ever changes here, so nobody is ever told.
struct SdmSubscription {
  std::string id;
  std::string scope;       ///< subscriber NF, S-NSSAI and DNN, in one text
  bool is_unique = false;  ///< replaces the others of its scope
};

/// A UE has at most 15 PDU sessions (TS 24.501, clause 9.4); some room for what an SMF forgot to remove.
inline constexpr std::size_t kMaxSmfRegistrations = 20;
inline constexpr std::size_t kMaxSdmSubscriptions = 20;
/// Octets of the JSON of one registration.
inline constexpr std::size_t kMaxRegistrationSize = 16384;

// The tables amf_registrations, smf_registrations and sdm_subscriptions: every SQL text of them is in registrations.cpp. All throw
// store::StoreError; all run inside the caller's transaction.

std::optional<AmfRegistration> find_amf_registration(store::Database& database, const profile::Imsi& imsi);
/// Puts the registration in place of the present one. True if there was none.
bool put_amf_registration(store::Database& database, const profile::Imsi& imsi, const AmfRegistration& registration);

std::optional<SmfRegistration> find_smf_registration(store::Database& database, const profile::Imsi& imsi,
                                                     std::uint8_t pdu_session_id);
/// All of a device, in the order of their PDU sessions; at most kMaxSmfRegistrations.
std::vector<SmfRegistration> find_smf_registrations(store::Database& database, const profile::Imsi& imsi);
/// Puts the registration in place of the present one of its PDU session. True if there was none.
/// Throws Error{unavailable, INSUFFICIENT_RESOURCES} if the device has kMaxSmfRegistrations of others.
bool put_smf_registration(store::Database& database, const profile::Imsi& imsi, const SmfRegistration& registration);
/// False if there is none.
bool remove_smf_registration(store::Database& database, const profile::Imsi& imsi, std::uint8_t pdu_session_id);

/// Adds a subscription; beyond kMaxSdmSubscriptions of a device the oldest goes, for consumers that crash do not unsubscribe.
void add_sdm_subscription(store::Database& database, const profile::Imsi& imsi, const SdmSubscription& subscription);
/// False if there is none.
bool remove_sdm_subscription(store::Database& database, const profile::Imsi& imsi, const std::string& id);

/// Forgets everything of an IMSI that is given up, step (11).
void remove_registrations(store::Database& database, const profile::Imsi& imsi);

}  // namespace ausf_ext
