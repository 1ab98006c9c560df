#include "lib/core/eap_session.hpp"

#include "lib/aka/supi_or_suci.hpp"
#include "lib/core/pvs_info.hpp"
#include "lib/core/ueau.hpp"
#include "lib/sbi/json.hpp"

namespace core {
namespace {

using nlohmann::ordered_json;
using sbi::JsonObject;
using sbi::Request;
using sbi::Response;

constexpr std::size_t kMaxEapOctets = 65535;  ///< the length field of an EAP packet has 16 bits (RFC 3748, 4)

ordered_json link_of(const std::string& uri) { return {{"eap-session", {{"href", uri + "/eap-session"}}}}; }

}  // namespace

Response eap_authentication_context(const Request& request, const std::string& context_id, base::BytesView packet) {
  const std::string uri = context_uri(request, context_id);
  const ordered_json body{{"authType", "EAP_AKA_PRIME"}, {"5gAuthData", base::to_base64(packet)}, {"_links", link_of(uri)}};
  return Response(201, sbi::kHalJson, body.dump()).with("location", uri);
}

base::Bytes read_eap_session(const Request& request) {
  const nlohmann::json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  if (object.is_null("eapPayload")) return {};
  return object.base64("eapPayload", kMaxEapOctets);
}

Response eap_session_ongoing(const Request& request, const std::string& context_id, base::BytesView packet) {
  const ordered_json body{{"eapPayload", base::to_base64(packet)},
                          {"_links", link_of(context_uri(request, context_id))},
                          {"authResult", "AUTHENTICATION_ONGOING"}};
  return {200, sbi::kHalJson, body.dump()};
}

Response eap_session_failure(base::BytesView packet) {
  return {200, sbi::kJson, ordered_json{{"eapPayload", base::to_base64(packet)}, {"authResult", "AUTHENTICATION_FAILURE"}}.dump()};
}

Response eap_session_success(base::BytesView packet, const std::optional<profile::Imsi>& supi, const aka::Kseaf& kseaf,
                             const ProvisioningServers& servers) {
  ordered_json body{{"eapPayload", base::to_base64(packet)},
                    {"kSeaf", base::to_hex(kseaf.reveal())},
                    {"authResult", "AUTHENTICATION_SUCCESS"}};
  if (supi) body["supi"] = aka::to_supi(*supi);
  if (!servers.empty()) body["pvsInfo"] = write_pvs_info(servers);
  return {200, sbi::kJson, body.dump()};
}

}  // namespace core
