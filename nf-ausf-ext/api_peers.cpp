#include "nf-ausf-ext/api_peers.hpp"

#include <algorithm>
#include <cctype>

#include "lib/base/error.hpp"
#include "lib/sbi/json.hpp"

namespace ausf_ext {
namespace {

/// `"..."`, or `W/"..."` (RFC 9110, 8.8.3).
bool is_entity_tag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  return text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
}

bool is_json_object(const sbi::Response& answer) {
  std::string type(answer.headers.find("content-type").value_or(""));
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool is_json = sbi::without_space(std::string_view(type).substr(0, type.find(';'))) == sbi::kJson;
  try {
    return is_json && sbi::parse_json(answer.body).is_object();
  } catch (const base::Error&) {
    return false;
  }
}

}  // namespace

using nlohmann::ordered_json;

std::string write_key_request(const OfferedArpf& offered, const crypto::Certificate& operator_certificate) {
  ordered_json body{{"seCredentials",
                       {{"token", base::to_base64(offered.token)},
                        {"seCertificate", base::to_base64(offered.secure_element)},
                        {"pnCertificate", base::to_base64(offered.part_number)},
                        {"ciCertificate", base::to_base64(offered.issuer)}}},
                    {"operatorCertificate", base::to_base64(operator_certificate.der())}};
  if (!offered.authorization.empty()) body["authorization"] = base::to_base64(offered.authorization);
  return body.dump();
}

KeyAnswer read_key_answer(const std::string& body) {
  const nlohmann::json document = sbi::parse_json(body);
  const sbi::JsonObject object(document);
  return {object.base64("encryptedKey", 8192), object.base64("endorsement", 16384)};
}

std::string write_vector(const profile::DiscoveryVector& vector, const profile::Imsi& imsi, const profile::ReceiptHash& receipt_hash,
                         const std::optional<std::string>& notification_uri) {
  ordered_json body{{"rand", base::to_hex(vector.rand)},
                    {"autn", base::to_hex(vector.autn)},
                    {"imsi", imsi.digits()},
                    {"receiptHash", base::to_hex(receipt_hash)}};
  if (notification_uri) body["notificationUri"] = *notification_uri;
  return body.dump();
}

std::string fault_of_vector_answer(const sbi::Response& answer) {
  if (answer.status != 200 && answer.status != 201) return "only 200 and 201 say so";
  if (!is_entity_tag(answer.headers.find("etag").value_or(""))) return "it has no ETag";
  if (!answer.body.empty() && !is_json_object(answer)) return "its body is no JSON object";
  return "";
}

std::string write_notification(const profile::DiscoveryImsi& dimsi, const profile::Imsi& imsi,
                               const std::string& serving_network_name, base::Time at) {
  return ordered_json{{"dimsi", dimsi.digits()},
                      {"imsi", imsi.digits()},
                      {"servingNetworkName", serving_network_name},
                      {"at", base::to_rfc3339(at)}}
      .dump();
}

std::string write_auth_event(const std::string& nf_instance_id, const TellUdm::Event& event, bool is_removal) {
  ordered_json body{{"nfInstanceId", nf_instance_id},
                    {"success", event.is_success},
                    {"timeStamp", base::to_rfc3339(event.at)},
                    {"authType", event.auth_type},
                    {"servingNetworkName", event.serving_network_name}};
  if (is_removal) body["authRemovalInd"] = true;
  return body.dump();
}

}  // namespace ausf_ext
