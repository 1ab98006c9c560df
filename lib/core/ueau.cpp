#include "lib/core/ueau.hpp"

#include "lib/aka/serving_network_name.hpp"
#include "lib/core/pvs_info.hpp"
#include "lib/core/usual_authentication_info.hpp"
#include "lib/core/usual_confirmation.hpp"
#include "lib/crypto/cipher.hpp"

namespace core {
namespace {

using base::Error;
using base::ErrorKind;
using nlohmann::ordered_json;
using sbi::JsonObject;
using sbi::Request;
using sbi::Response;

std::string read_serving_network_name(const JsonObject& object) {
  std::string name = object.text("servingNetworkName");
  if (!aka::is_serving_network_name(name)) {
    object.fail("servingNetworkName", "is not of the form 5G:mnc001.mcc001.3gppnetwork.org");
  }
  return name;
}

Error malformed(const std::string& param, const aka::IdentityError& error) {
  return {ErrorKind::bad_request, "MANDATORY_IE_INCORRECT", param + ": " + error.what(), {{param, error.what()}}};
}

/// TS 29.509, 6.1.7.3, and TS 29.503, 6.3.7.3.
Error unopened(const std::string& param, const aka::SuciError& error) {
  const std::vector<base::InvalidParam> params{{param, error.what()}};
  const std::string detail = param + ": " + error.what();
  switch (error.kind()) {
    case aka::SuciError::Kind::unknown_key:
      return {ErrorKind::forbidden, "INVALID_HN_PUBLIC_KEY_IDENTIFIER", detail, params};
    case aka::SuciError::Kind::invalid_output:
      return {ErrorKind::forbidden, "INVALID_SCHEME_OUTPUT", detail, params};
    case aka::SuciError::Kind::unsupported_scheme:
      break;
  }
  return {ErrorKind::not_implemented, "UNSUPPORTED_PROTECTION_SCHEME", detail, params};
}

profile::Imsi supi_of(const std::string& text, const std::string& param) {
  try {
    return aka::parse_supi(text);
  } catch (const aka::IdentityError& error) {
    throw malformed(param, error);
  }
}

}  // namespace

std::string context_uri(const Request& request, const std::string& context_id) {
  std::string uri;
  uri.reserve(192);
  uri += request.scheme;
  uri += "://";
  uri += request.authority;
  uri += "/nausf-auth/v1/ue-authentications/";
  uri += context_id;
  return uri;
}

std::optional<Resynchronization> read_resynchronization(const JsonObject& object) {
  const auto info = object.optional_object("resynchronizationInfo");
  if (!info) return std::nullopt;
  return Resynchronization{info->hex<16>("rand"), info->hex<14>("auts")};
}

Identity read_identity(std::string_view text, const std::string& param) {
  try {
    return aka::parse_supi_or_suci(text);
  } catch (const aka::IdentityError& error) {
    throw malformed(param, error);
  }
}

Subscriber subscriber_of(const Identity& identity, const std::string& param, const aka::HomeNetworkKeys& keys) {
  if (const auto* imsi = std::get_if<profile::Imsi>(&identity)) return {*imsi, false};
  try {
    return {keys.deconceal(std::get<aka::Suci>(identity)), true};
  } catch (const aka::IdentityError& error) {
    throw malformed(param, error);
  } catch (const aka::SuciError& error) {
    throw unopened(param, error);
  }
}

Subscriber read_subscriber(const std::string& text, const std::string& param, const aka::HomeNetworkKeys& keys) {
  return subscriber_of(read_identity(text, param), param, keys);
}

AuthenticationRequest read_authentication_info(const Request& request, const aka::HomeNetworkKeys& keys) {
  const std::string param = "/supiOrSuci";
  if (const auto usual = read_usual_authentication_info(request.body)) {
    const Identity identity = read_identity(usual->supi_or_suci, param);
    return {subscriber_of(identity, param, keys), std::string(usual->serving_network_name), std::nullopt, false, ""};
  }
  const nlohmann::json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  const Identity identity = read_identity(object.text("supiOrSuci", aka::kMaxIdentitySize), param);
  std::string serving_network_name = read_serving_network_name(object);
  const auto resynchronization = read_resynchronization(object);
  const bool is_onboarding = object.optional_boolean("onboardingInd").value_or(false);
  return {subscriber_of(identity, param, keys), std::move(serving_network_name), resynchronization, is_onboarding, ""};
}

AuthenticationRequest read_generate_auth_data(const Request& request, const aka::HomeNetworkKeys& keys) {
  const std::string param = "{supiOrSuci}";
  const Identity identity = read_identity(request.path("supiOrSuci"), param);
  const nlohmann::json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  std::string serving_network_name = read_serving_network_name(object);
  std::string ausf_instance_id = object.text("ausfInstanceId");
  const auto resynchronization = read_resynchronization(object);
  return {subscriber_of(identity, param, keys), std::move(serving_network_name), resynchronization, false, std::move(ausf_instance_id)};
}

/// Every text in it is hex digits, or an authority that was checked: nothing needs JSON's escapes.
Response ue_authentication_context(const Request& request, const std::string& context_id, const Challenge& challenge) {
  const std::string uri = context_uri(request, context_id);
  std::string body;
  body.reserve(512);
  body += R"({"authType":"5G_AKA","5gAuthData":{"rand":")";
  base::append_hex(body, challenge.rand);
  body += R"(","hxresStar":")";
  base::append_hex(body, challenge.hxres_star);
  body += R"(","autn":")";
  base::append_hex(body, challenge.autn);
  body += R"("},"_links":{"5g-aka":{"href":")";
  body += uri;
  body += R"(/5g-aka-confirmation"}}})";
  return Response(201, sbi::kHalJson, std::move(body)).with("location", uri);
}

std::optional<aka::ResStar> read_confirmation(const Request& request) {
  if (auto usual = read_usual_confirmation(request.body)) return usual;
  const nlohmann::json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  if (object.is_null("resStar")) return std::nullopt;
  const auto octets = object.hex<16>("resStar");
  return aka::ResStar(octets);
}

Response authentication_failure() {
  return {200, sbi::kJson, ordered_json{{"authResult", "AUTHENTICATION_FAILURE"}}.dump()};
}

Response authentication_success(const std::optional<profile::Imsi>& supi, const aka::Kseaf& kseaf,
                                const ProvisioningServers& servers) {
  sbi::ObjectWriter body;
  body.text("authResult", "AUTHENTICATION_SUCCESS");
  if (supi) body.text("supi", aka::to_supi(*supi));
  body.hex("kseaf", kseaf.reveal());
  if (!servers.empty()) body.json("pvsInfo", write_pvs_info(servers).dump());
  return {200, sbi::kJson, std::move(body).finish()};
}

Response authentication_info_result(const profile::Imsi& supi, const HomeEnvironmentVectorView& vector,
                                    const ProvisioningServers& servers) {
  ordered_json body{{"authType", "5G_AKA"},
                          {"authenticationVector",
                           {{"avType", "5G_HE_AKA"},
                            {"rand", base::to_hex(vector.rand)},
                            {"autn", base::to_hex(vector.autn)},
                            {"xresStar", base::to_hex(vector.xres_star.reveal())},
                            {"kausf", base::to_hex(vector.kausf.reveal())}}},
                          {"supi", aka::to_supi(supi)}};
  if (!servers.empty()) body["pvsInfo"] = write_pvs_info(servers);
  return {200, sbi::kJson, body.dump()};
}

Response authentication_info_result(const profile::Imsi& supi, const aka::TransformedVector& vector,
                                    const ProvisioningServers& servers) {
  ordered_json body{{"authType", "EAP_AKA_PRIME"},
                    {"authenticationVector",
                     {{"avType", "EAP_AKA_PRIME"},
                      {"rand", base::to_hex(vector.rand)},
                      {"xres", base::to_hex(vector.xres.reveal())},
                      {"autn", base::to_hex(vector.autn)},
                      {"ckPrime", base::to_hex(vector.keys.ck.reveal())},
                      {"ikPrime", base::to_hex(vector.keys.ik.reveal())}}},
                    {"supi", aka::to_supi(supi)}};
  if (!servers.empty()) body["pvsInfo"] = write_pvs_info(servers);
  return {200, sbi::kJson, body.dump()};
}

profile::Imsi read_deregistration_info(const Request& request) {
  const nlohmann::json body = sbi::parse_json(request.body);
  return supi_of(JsonObject(body).text("supi", aka::kMaxIdentitySize), "/supi");
}

profile::Imsi read_supi(const Request& request) { return supi_of(request.path("supi"), "{supi}"); }

namespace {

AuthEvent event_of(const profile::Imsi& imsi, const nlohmann::json& body) {
  const JsonObject object(body);
  for (const char* name : {"nfInstanceId", "timeStamp", "authType"}) (void)object.text(name);
  const bool is_success = object.boolean("success");
  std::string network = read_serving_network_name(object);
  return {imsi, is_success, object.optional_boolean("authRemovalInd").value_or(false), std::move(network)};
}

}  // namespace

AuthEvent read_auth_event(const Request& request) {
  const profile::Imsi imsi = read_supi(request);
  return event_of(imsi, sbi::parse_json(request.body));
}

Response auth_event_created(const Request& request) {
  const nlohmann::json body = sbi::parse_json(request.body);
  (void)event_of(read_supi(request), body);
  const std::string id = base::to_hex(crypto::random_octets<8>());
  const std::string uri = request.api_root() + "/nudm-ueau/v1/" + request.path("supi") + "/auth-events/" + id;
  return Response(201, sbi::kJson, body.dump()).with("location", uri);
}

Response auth_event_removed(const Request& request) {
  (void)read_auth_event(request);
  return Response(204);
}

}  // namespace core
