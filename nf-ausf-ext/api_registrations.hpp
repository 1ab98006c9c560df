#pragma once

#include <string>

#include "lib/profile/identity.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/message.hpp"
#include "nf-ausf-ext/registrations.hpp"

/// What Nudm_SDM and Nudm_UECM (TS 29.503) have in their bodies of network functions: read, and merged into what is stored. A pure unit:
/// no database, no loop.
namespace ausf_ext {

/// Octets of a URI in a body.
inline constexpr std::size_t kMaxUriSize = 2048;

/// An NfInstanceId (TS 29.571): a UUID. Throws Error{bad_request} with the member named.
std::string read_instance(const sbi::JsonObject& object, const char* name);

/// A PlmnId (TS 29.571). Throws Error{bad_request} with the member named.
profile::Plmn read_plmn(const sbi::JsonObject& object);

/// The JSON as it is stored. Throws Error{too_large} beyond kMaxRegistrationSize.
std::string registration_text(const nlohmann::json& content);

/// Amf3GppAccessRegistration (6.2.6.2.2). Throws Error: bad_request with the member named, too_large.
AmfRegistration read_amf_registration(const sbi::Request& request);

/// Amf3GppAccessRegistrationModification (6.2.6.2.7): who sends it, and the members of a registration that it may change.
struct AmfModification {
  std::string guami;    ///< as AmfRegistration's
  std::string changes;  ///< a JSON merge patch (RFC 7396), at most kMaxRegistrationSize octets
};
/// Throws Error: bad_request with the member named, too_large.
AmfModification read_amf_modification(const sbi::Request& request);

/// The registration as the AMF that has it, and no other, changes it. Throws Error: forbidden INVALID_GUAMI, too_large.
AmfRegistration merged(AmfRegistration present, const AmfModification& modification);

}  // namespace ausf_ext
