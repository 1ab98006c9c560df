#include "nf-ausf-ext/api_bootstrap.hpp"

#include <algorithm>
#include <charconv>

#include "lib/aka/supi_or_suci.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/sbi/json.hpp"
#include "nf-ausf-ext/api_registrations.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;
using nlohmann::json;
using nlohmann::ordered_json;
using profile::Imsi;
using sbi::BodyKind;
using sbi::JsonObject;
using sbi::Request;
using sbi::Response;
using store::Database;

constexpr std::size_t kMaxDnn = 100;  ///< network and operator identifier (TS 23.003, clause 9.1)
constexpr std::size_t kMaxMonitored = 64;

// --- Whose subscriber ---------------------------------------------------------------------------------------------------------

/// The one place that decides over a subscriber who is not ours. Throws Error{not_found, USER_NOT_FOUND} (TS 29.503, table
/// 6.1.7.3-1 and 6.2.7.3-1).
Device require_subscriber(Database& database, const Imsi& imsi) {
  auto device = find_device_by_imsi(database, imsi);
  if (!device || !is_subscriber(*device)) {
    throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device");
  }
  return std::move(*device);
}

/// Registrations are taken once the device has proved who it is, as TS 33.501, 6.1.4.1a lets a UDM ask for.
void require_authenticated(Database& database, const Imsi& imsi) {
  base::require(require_subscriber(database, imsi).state == State::attached, "REAUTHENTICATION_REQUIRED",
                "this device was never authenticated here");
}

// --- Query parameters ---------------------------------------------------------------------------------------------------------

[[noreturn]] void fail_optional_query(const char* name, const std::string& reason) {
  sbi::fail_query_parameter("OPTIONAL_QUERY_PARAM_INCORRECT", name, reason);
}

/// A query parameter that holds a JSON object; nothing if it is absent.
std::optional<json> query_object(const Request& request, const char* name) {
  const auto text = request.query(name);
  if (!text) return std::nullopt;
  json document;
  try {
    document = sbi::parse_json(*text);
  } catch (const Error&) {
    fail_optional_query(name, "is not JSON");
  }
  if (!document.is_object()) fail_optional_query(name, "is not a JSON object");
  return document;
}

/// An S-NSSAI; what is wrong with it goes to `fail`, with the member's name.
template <class Fail>
Snssai read_snssai(const json& object, Fail&& fail) {
  Snssai out;
  const auto sst = object.find("sst");
  if (sst == object.end()) fail("sst", "is missing");
  if (!sst->is_number_unsigned() || sst->template get<std::uint64_t>() > 255) fail("sst", "is not a number from 0 to 255");
  out.sst = sst->template get<std::uint8_t>();
  const auto sd = object.find("sd");
  if (sd == object.end()) return out;
  const auto value = sd->is_string() ? Snssai::sd_from_hex(sd->template get_ref<const std::string&>()) : std::nullopt;
  if (!value) fail("sd", "is not 6 hex digits");
  out.sd = *value;
  return out;
}

std::optional<Snssai> query_snssai(const Request& request) {
  const auto object = query_object(request, "single-nssai");
  if (!object) return std::nullopt;
  return read_snssai(*object, [](const char* member, const char* reason) {
    fail_optional_query("single-nssai", std::string("has a member ") + member + " that " + reason);
  });
}

/// The profile is the same in every network: `plmn-id` is checked by form, and put aside.
void check_plmn_id(const Request& request) {
  const auto object = query_object(request, "plmn-id");
  if (!object) return;
  const auto digits = [&object](const char* name) {
    const auto member = object->find(name);
    return member != object->end() && member->is_string() ? member->get<std::string>() : std::string();
  };
  if (!profile::Plmn::from(digits("mcc"), digits("mnc"))) fail_optional_query("plmn-id", "has no mcc of 3 digits and mnc of 2 or 3");
}

std::optional<std::string> query_dnn(const Request& request) {
  const auto text = request.query("dnn");
  if (!text) return std::nullopt;
  if (text->empty() || text->size() > kMaxDnn) fail_optional_query("dnn", "is not 1 to " + std::to_string(kMaxDnn) + " characters");
  return std::string(*text);
}

std::vector<std::string> query_dataset_names(const Request& request) {
  constexpr const char* kName = "dataset-names";
  const auto text = request.query(kName);
  if (!text) sbi::fail_query_parameter("MANDATORY_QUERY_PARAM_MISSING", kName, "is missing");
  std::vector<std::string> out;
  std::string_view rest = *text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    if (name.empty()) sbi::fail_query_parameter("MANDATORY_QUERY_PARAM_INCORRECT", kName, "has an empty name");
    out.emplace_back(name);
    if (comma == std::string_view::npos) return out;
    rest.remove_prefix(comma + 1);
  }
}

// --- The subscription as JSON -------------------------------------------------------------------------------------------------
// No member is ever an empty array: Open5GS drops the whole message for one.

ordered_json to_json(const Snssai& snssai) {
  ordered_json out{{"sst", snssai.sst}};
  if (snssai.sd) out["sd"] = snssai.sd_hex();
  return out;
}

ordered_json to_json(const Ambr& ambr) {
  return ordered_json{{"uplink", ambr.uplink.text()}, {"downlink", ambr.downlink.text()}};
}

/// Nssai (TS 29.503, 6.1.6.2.2).
ordered_json nssai_of(const BootstrapSubscription& subscription) {
  ordered_json out = ordered_json::object();
  for (const SliceProfile& slice : subscription.slices) {
    out[slice.is_default ? "defaultSingleNssais" : "singleNssais"].push_back(to_json(slice.snssai));
  }
  return out;
}

/// AccessAndMobilitySubscriptionData (6.1.6.2.4).
ordered_json am_data_of(const BootstrapSubscription& subscription) {
  ordered_json out{{"subscribedUeAmbr", to_json(subscription.ue_ambr)}, {"nssai", nssai_of(subscription)}};
  if (subscription.rfsp_index) out["rfspIndex"] = *subscription.rfsp_index;
  return out;
}

/// SmfSelectionSubscriptionData (6.1.6.2.9).
ordered_json smf_select_data_of(const BootstrapSubscription& subscription) {
  ordered_json infos = ordered_json::object();
  for (const SliceProfile& slice : subscription.slices) {
    for (const DnnProfile& dnn : slice.dnns) {
      const bool is_default = &dnn == &slice.dnns.front();
      infos[slice.snssai.key()]["dnnInfos"].push_back({{"dnn", dnn.name}, {"defaultDnnIndicator", is_default}});
    }
  }
  return ordered_json{{"subscribedSnssaiInfos", infos}};
}

/// DnnConfiguration (6.1.6.2.11). Open5GS' SMF wants pduSessionTypes, sscModes and sessionAmbr, and aborts on an ARP without both
/// pre-emption members.
ordered_json dnn_configuration_of(const DnnProfile& dnn) {
  ordered_json types{{"defaultSessionType", name(dnn.pdu_session_types.front())}};
  for (const PduSessionType type : dnn.pdu_session_types) types["allowedSessionTypes"].push_back(name(type));
  const std::string mode = "SSC_MODE_" + std::to_string(dnn.ssc_mode);
  ordered_json modes{{"defaultSscMode", mode}};
  modes["allowedSscModes"].push_back(mode);
  const ordered_json arp{{"priorityLevel", dnn.retention.level},
                         {"preemptCap", dnn.retention.may_preempt ? "MAY_PREEMPT" : "NOT_PREEMPT"},
                         {"preemptVuln", dnn.retention.is_preemptable ? "PREEMPTABLE" : "NOT_PREEMPTABLE"}};
  return ordered_json{{"pduSessionTypes", types},
                      {"sscModes", modes},
                      {"5gQosProfile", {{"5qi", dnn.five_qi}, {"arp", arp}}},
                      {"sessionAmbr", to_json(dnn.session_ambr)}};
}

/// SmSubsData (6.1.6.2.8) as the array of SessionManagementSubscriptionData that every release has; empty: there is none.
ordered_json sm_data_of(const BootstrapSubscription& subscription, const SessionFilter& filter) {
  ordered_json out = ordered_json::array();
  for (const SliceProfile& slice : sessions_of(subscription, filter)) {
    ordered_json configurations = ordered_json::object();
    for (const DnnProfile& dnn : slice.dnns) configurations[dnn.name] = dnn_configuration_of(dnn);
    out.push_back({{"singleNssai", to_json(slice.snssai)}, {"dnnConfigurations", configurations}});
  }
  return out;
}

/// UeContextInSmfData (6.1.6.2.16): what SMFs registered.
ordered_json ue_context_in_smf_of(Database& database, const Imsi& imsi) {
  ordered_json out = ordered_json::object();
  for (const SmfRegistration& registration : find_smf_registrations(database, imsi)) {
    const json content = json::parse(registration.content);
    ordered_json session = ordered_json::object();
    for (const char* member : {"dnn", "smfInstanceId", "plmnId", "singleNssai"}) session[member] = content.at(member);
    out["pduSessions"][std::to_string(registration.pdu_session_id)] = session;
  }
  return out;
}

[[noreturn]] void fail_data(const char* detail) { throw Error(ErrorKind::not_found, "DATA_NOT_FOUND", detail); }

Response ok(const ordered_json& content) { return {200, sbi::kJson, content.dump()}; }

// --- Registrations ------------------------------------------------------------------------------------------------------------

/// The AMF that registered, and no other, changes its registration.
void apply(Database& database, const Imsi& imsi, const AmfModification& modification) {
  const auto present = find_amf_registration(database, imsi);
  if (!present) throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "no AMF is registered for this device");
  (void)put_amf_registration(database, imsi, merged(*present, modification));
}

std::uint8_t read_session_id(const Request& request) {
  const std::string& text = request.path("pduSessionId");
  unsigned value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value > 255) {
    sbi::fail_path_parameter("pduSessionId", "is not a number from 0 to 255");
  }
  return static_cast<std::uint8_t>(value);
}

struct SmfRequest {
  SmfRegistration registration;
  SessionFilter session;
};

SmfRequest read_smf_registration(const Request& request) {
  const std::uint8_t id = read_session_id(request);
  const json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  (void)read_instance(object, "smfInstanceId");
  if (!object.has("pduSessionId")) (void)object.text("pduSessionId");  // missing, and says so
  const json& number = body.at("pduSessionId");
  const bool is_same = number.is_number_unsigned() && number.get<std::uint64_t>() == id;
  if (!is_same) object.fail("pduSessionId", "is not the one of the path");
  (void)read_plmn(object.object("plmnId"));
  const JsonObject slice = object.object("singleNssai");
  SmfRequest out;
  const auto fail = [&slice](const char* member, const char* reason) { slice.fail(member, reason); };
  out.session.snssai = read_snssai(body.at("singleNssai"), fail);
  out.session.dnn = object.text("dnn", kMaxDnn);
  out.registration = {id, registration_text(body)};
  return out;
}

// --- SDM subscriptions --------------------------------------------------------------------------------------------------------

struct SubscribeRequest {
  SdmSubscription subscription;
  json content;
};

void check_monitored(const JsonObject& object, const json& body) {
  constexpr const char* kName = "monitoredResourceUris";
  if (!object.has(kName)) (void)object.text(kName);  // missing, and says so
  const json& uris = body.at(kName);
  const auto is_uri = [](const json& item) {
    const std::size_t size = item.is_string() ? item.get_ref<const std::string&>().size() : 0;
    return size > 0 && size <= kMaxUriSize;
  };
  const bool is_list = uris.is_array() && !uris.empty() && uris.size() <= kMaxMonitored;
  if (!is_list || !std::all_of(uris.begin(), uris.end(), is_uri)) {
    object.fail(kName, "is not a list of 1 to " + std::to_string(kMaxMonitored) + " URIs");
  }
}

SubscribeRequest read_subscription(const Request& request) {
  SubscribeRequest out{{}, sbi::parse_json(request.body)};
  const JsonObject object(out.content);
  out.subscription.id = base::to_hex(crypto::random_octets<16>());
  const std::string instance = read_instance(object, "nfInstanceId");
  (void)object.text("callbackReference", kMaxUriSize);
  check_monitored(object, out.content);
  std::string slice = "any";
  if (const auto snssai = object.optional_object("singleNssai")) {
    slice = read_snssai(out.content.at("singleNssai"), [&snssai](const char* member, const char* reason) {
              snssai->fail_optional(member, reason);
            }).key();
  }
  const std::string dnn = object.optional_text("dnn", kMaxDnn).value_or("");
  out.subscription.is_unique = object.optional_boolean("uniqueSubscription").value_or(false);
  out.subscription.scope = instance + " " + slice + " " + dnn;
  (void)registration_text(out.content);
  out.content["subscriptionId"] = out.subscription.id;
  return out;
}

}  // namespace

// --- Routes -------------------------------------------------------------------------------------------------------------------

void BootstrapApi::add_routes(core::SubscriberRoutes& routes) {
  add_sdm_routes(routes);
  add_uecm_routes(routes);
}

void BootstrapApi::add_sdm_routes(core::SubscriberRoutes& routes) {
  const std::string root = "/nudm-sdm/v2/{supi}";
  const auto get = [&](const std::string& path, Response (BootstrapApi::*handler)(const Request&) const) {
    routes.add_by_path("GET", root + path, BodyKind::none, core::NfKind::udm,
             sbi::PlainHandler([this, handler](const Request& request) { return (this->*handler)(request); }));
  };
  get("", &BootstrapApi::get_data_sets);
  get("/am-data", &BootstrapApi::get_am_data);
  get("/nssai", &BootstrapApi::get_nssai);
  get("/smf-select-data", &BootstrapApi::get_smf_select_data);
  get("/sm-data", &BootstrapApi::get_sm_data);
  get("/ue-context-in-smf-data", &BootstrapApi::get_ue_context_in_smf);
  routes.add_by_path("POST", root + "/sdm-subscriptions", BodyKind::json, core::NfKind::udm,
             sbi::WaitingHandler([this](const Request& request) { return subscribe(request); }));
  routes.add_by_path("DELETE", root + "/sdm-subscriptions/{subscriptionId}", BodyKind::none, core::NfKind::udm,
             sbi::WaitingHandler([this](const Request& request) { return unsubscribe(request); }));
}

void BootstrapApi::add_uecm_routes(core::SubscriberRoutes& routes) {
  const std::string amf = "/nudm-uecm/v1/{ueId}/registrations/amf-3gpp-access";
  const std::string smf = "/nudm-uecm/v1/{ueId}/registrations/smf-registrations/{pduSessionId}";
  routes.add_by_path("GET", amf, BodyKind::none, core::NfKind::udm,
             sbi::PlainHandler([this](const Request& request) { return get_amf_registration(request); }));
  routes.add_by_path("PUT", amf, BodyKind::json, core::NfKind::udm,
             sbi::WaitingHandler([this](const Request& request) { return put_amf_registration(request); }));
  routes.add_by_path("PATCH", amf, BodyKind::merge_patch, core::NfKind::udm,
             sbi::WaitingHandler([this](const Request& request) { return patch_amf_registration(request); }));
  routes.add_by_path("GET", smf, BodyKind::none, core::NfKind::udm,
             sbi::PlainHandler([this](const Request& request) { return get_smf_registration(request); }));
  routes.add_by_path("PUT", smf, BodyKind::json, core::NfKind::udm,
             sbi::WaitingHandler([this](const Request& request) { return put_smf_registration(request); }));
  routes.add_by_path("DELETE", smf, BodyKind::none, core::NfKind::udm,
             sbi::WaitingHandler([this](const Request& request) { return remove_smf_registration(request); }));
}

Imsi BootstrapApi::require_ours(const Request& request, const char* parameter) const {
  const std::string& text = request.path(parameter);
  std::optional<Imsi> imsi;
  try {
    imsi = aka::parse_supi(text);
  } catch (const aka::IdentityError& error) {
    sbi::fail_path_parameter(parameter, error.what());
  }
  (void)require_subscriber(parts_.reader, *imsi);
  return *imsi;
}

/// GET /nudm-sdm/v2/{supi}?dataset-names=
Response BootstrapApi::get_data_sets(const Request& request) const {
  const Imsi imsi = require_ours(request, "supi");
  check_plmn_id(request);
  ordered_json out = ordered_json::object();
  for (const std::string& name : query_dataset_names(request)) {  // what is not known here has no data here
    if (name == "AM") out["amData"] = am_data_of(parts_.subscription);
    if (name == "SMF_SEL") out["smfSelData"] = smf_select_data_of(parts_.subscription);
    if (name == "UEC_SMF") out["uecSmfData"] = ue_context_in_smf_of(parts_.reader, imsi);
    if (name == "SM") out["smData"] = sm_data_of(parts_.subscription, {});
  }
  if (out.empty()) fail_data("the bootstrap subscription has none of these data sets");
  return ok(out);
}

/// GET /nudm-sdm/v2/{supi}/am-data
Response BootstrapApi::get_am_data(const Request& request) const {
  (void)require_ours(request, "supi");
  check_plmn_id(request);
  return ok(am_data_of(parts_.subscription));
}

/// GET /nudm-sdm/v2/{supi}/nssai
Response BootstrapApi::get_nssai(const Request& request) const {
  (void)require_ours(request, "supi");
  check_plmn_id(request);
  return ok(nssai_of(parts_.subscription));
}

/// GET /nudm-sdm/v2/{supi}/smf-select-data
Response BootstrapApi::get_smf_select_data(const Request& request) const {
  (void)require_ours(request, "supi");
  check_plmn_id(request);
  return ok(smf_select_data_of(parts_.subscription));
}

/// GET /nudm-sdm/v2/{supi}/sm-data?single-nssai=&dnn=
Response BootstrapApi::get_sm_data(const Request& request) const {
  (void)require_ours(request, "supi");
  check_plmn_id(request);
  const SessionFilter filter{query_snssai(request), query_dnn(request)};
  const ordered_json out = sm_data_of(parts_.subscription, filter);
  if (out.empty()) fail_data("the bootstrap subscription has no such DNN in such a slice");
  return ok(out);
}

/// GET /nudm-sdm/v2/{supi}/ue-context-in-smf-data
Response BootstrapApi::get_ue_context_in_smf(const Request& request) const {
  return ok(ue_context_in_smf_of(parts_.reader, require_ours(request, "supi")));
}

/// POST /nudm-sdm/v2/{supi}/sdm-subscriptions
BootstrapApi::Answer BootstrapApi::subscribe(const Request& request) {
  const Imsi imsi = require_ours(request, "supi");
  const SubscribeRequest wanted = read_subscription(request);
  store::Committer::Work<void> work = [imsi, subscription = wanted.subscription](Database& database) {
    require_authenticated(database, imsi);
    add_sdm_subscription(database, imsi, subscription);
  };
  co_await parts_.committer.write(std::move(work));
  Response response(201, sbi::kJson, wanted.content.dump());
  const std::string subscriptions = request.api_root() + "/nudm-sdm/v2/" + aka::to_supi(imsi) + "/sdm-subscriptions/";
  response.with("location", subscriptions + wanted.subscription.id);
  co_return std::move(response);
}

/// DELETE /nudm-sdm/v2/{supi}/sdm-subscriptions/{subscriptionId}
BootstrapApi::Answer BootstrapApi::unsubscribe(const Request& request) {
  const Imsi imsi = require_ours(request, "supi");
  store::Committer::Work<void> work = [imsi, id = request.path("subscriptionId")](Database& database) {
    if (remove_sdm_subscription(database, imsi, id)) return;
    throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is no such subscription");
  };
  co_await parts_.committer.write(std::move(work));
  co_return Response(204);
}

/// GET /nudm-uecm/v1/{ueId}/registrations/amf-3gpp-access
Response BootstrapApi::get_amf_registration(const Request& request) const {
  const auto found = find_amf_registration(parts_.reader, require_ours(request, "ueId"));
  if (!found) throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "no AMF is registered for this device");
  return {200, sbi::kJson, found->content};
}

/// PUT /nudm-uecm/v1/{ueId}/registrations/amf-3gpp-access
BootstrapApi::Answer BootstrapApi::put_amf_registration(const Request& request) {
  const Imsi imsi = require_ours(request, "ueId");
  const AmfRegistration registration = read_amf_registration(request);
  store::Committer::Work<bool> work = [imsi, registration](Database& database) {
    require_authenticated(database, imsi);
    return ausf_ext::put_amf_registration(database, imsi, registration);
  };
  const bool is_new = co_await parts_.committer.write(std::move(work));
  Response response(is_new ? 201 : 200, sbi::kJson, registration.content);
  if (is_new) {
    response.with("location", request.api_root() + "/nudm-uecm/v1/" + aka::to_supi(imsi) + "/registrations/amf-3gpp-access");
  }
  co_return std::move(response);
}

/// PATCH /nudm-uecm/v1/{ueId}/registrations/amf-3gpp-access: with purgeFlag, the deregistration (TS 29.503, 5.3.2.4.2).
BootstrapApi::Answer BootstrapApi::patch_amf_registration(const Request& request) {
  const Imsi imsi = require_ours(request, "ueId");
  const AmfModification modification = read_amf_modification(request);
  store::Committer::Work<void> work = [imsi, modification](Database& database) {
    (void)require_subscriber(database, imsi);
    apply(database, imsi, modification);
  };
  co_await parts_.committer.write(std::move(work));
  co_return Response(204);
}

/// GET /nudm-uecm/v1/{ueId}/registrations/smf-registrations/{pduSessionId}
Response BootstrapApi::get_smf_registration(const Request& request) const {
  const Imsi imsi = require_ours(request, "ueId");
  const auto found = find_smf_registration(parts_.reader, imsi, read_session_id(request));
  if (!found) throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "no SMF is registered for this PDU session");
  return {200, sbi::kJson, found->content};
}

/// PUT /nudm-uecm/v1/{ueId}/registrations/smf-registrations/{pduSessionId}
BootstrapApi::Answer BootstrapApi::put_smf_registration(const Request& request) {
  const Imsi imsi = require_ours(request, "ueId");
  const SmfRequest wanted = read_smf_registration(request);
  base::require(!sessions_of(parts_.subscription, wanted.session).empty(), "DNN_NOT_ALLOWED",
                "the bootstrap subscription has no such DNN in such a slice");
  store::Committer::Work<bool> work = [imsi, registration = wanted.registration](Database& database) {
    require_authenticated(database, imsi);
    return ausf_ext::put_smf_registration(database, imsi, registration);
  };
  const bool is_new = co_await parts_.committer.write(std::move(work));
  Response response(is_new ? 201 : 200, sbi::kJson, wanted.registration.content);
  if (is_new) {
    const std::string registrations = request.api_root() + "/nudm-uecm/v1/" + aka::to_supi(imsi) + "/registrations/smf-registrations/";
    response.with("location", registrations + std::to_string(wanted.registration.pdu_session_id));
  }
  co_return std::move(response);
}

/// DELETE /nudm-uecm/v1/{ueId}/registrations/smf-registrations/{pduSessionId}
BootstrapApi::Answer BootstrapApi::remove_smf_registration(const Request& request) {
  const Imsi imsi = require_ours(request, "ueId");
  store::Committer::Work<void> work = [imsi, id = read_session_id(request)](Database& database) {
    if (ausf_ext::remove_smf_registration(database, imsi, id)) return;
    throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "no SMF is registered for this PDU session");
  };
  co_await parts_.committer.write(std::move(work));
  co_return Response(204);
}

}  // namespace ausf_ext
