#include "nf-ausf-ext/api_peers.hpp"

#include "lib/sbi/json.hpp"

namespace ausf_ext {

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
