#include "nf-ausf-ext/api_registrations.hpp"

#include "lib/base/bytes.hpp"
#include "lib/base/error.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;
using nlohmann::json;
using sbi::JsonObject;
using sbi::Request;

/// Guami (TS 29.571) as one text to compare: mcc-mnc-amfId.
std::string read_guami(const JsonObject& object) {
  const JsonObject guami = object.object("guami");
  const profile::Plmn plmn = read_plmn(guami.object("plmnId"));
  const auto amf_id = guami.hex<3>("amfId");
  return plmn.mcc + "-" + plmn.mnc + "-" + base::to_hex(amf_id);
}

}  // namespace

std::string read_instance(const JsonObject& object, const char* name) {
  constexpr std::string_view kForm = "00000000-0000-0000-0000-000000000000";
  const std::string text = object.text(name, 64);
  bool is_uuid = text.size() == kForm.size();
  for (std::size_t i = 0; is_uuid && i < text.size(); ++i) {
    const bool is_hex = std::string_view("0123456789abcdefABCDEF").find(text[i]) != std::string_view::npos;
    is_uuid = kForm[i] == '-' ? text[i] == '-' : is_hex;
  }
  if (!is_uuid) object.fail(name, "is not a UUID");
  return text;
}

profile::Plmn read_plmn(const JsonObject& object) {
  const std::string mcc = object.text("mcc");
  const std::string mnc = object.text("mnc");
  const auto plmn = profile::Plmn::from(mcc, mnc);
  if (!plmn) object.fail("mnc", "and mcc are not 3 and 2 or 3 digits");
  return *plmn;
}

std::string registration_text(const json& content) {
  std::string text = content.dump();
  if (text.size() > kMaxRegistrationSize) {
    throw Error(ErrorKind::too_large, "", "a registration takes at most " + std::to_string(kMaxRegistrationSize) + " octets");
  }
  return text;
}

AmfRegistration read_amf_registration(const Request& request) {
  json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  AmfRegistration out;
  out.amf_instance = read_instance(object, "amfInstanceId");
  (void)object.text("deregCallbackUri", kMaxUriSize);
  out.guami = read_guami(object);
  (void)object.text("ratType", 64);
  body.erase("purgeFlag");  // who registers serves the device
  out.content = registration_text(body);
  return out;
}

AmfModification read_amf_modification(const Request& request) {
  const json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  const std::string guami = read_guami(object);
  (void)object.optional_boolean("purgeFlag");
  json changes = json::object();
  for (const char* member : {"purgeFlag", "pei", "imsVoPs", "backupAmfInfo", "epsInterworkingInfo", "ueSrvccCapability"}) {
    if (body.contains(member)) changes[member] = body.at(member);
  }
  return {guami, registration_text(changes)};
}

AmfRegistration merged(AmfRegistration present, const AmfModification& modification) {
  base::require(present.guami == modification.guami, "INVALID_GUAMI", "this is not the AMF that is registered for the device");
  json content = json::parse(present.content);
  content.merge_patch(json::parse(modification.changes));
  present.content = registration_text(content);
  return present;
}

}  // namespace ausf_ext
