// Requests that carry a secret where none belongs: who sends it by mistake does not find it in an error, a log, an audit log or a metric.
// (In a database it may be: RAND of a vector is stored, whatever it is.)
#include <catch2/catch.hpp>

#include "tests/secrecy/attaches.hpp"

using namespace secrecy;

namespace {

/// A request that would be sound, or nearly so.
struct Sound {
  std::string root, method, target;
  json body;
};

std::vector<Sound> sound_requests(Lab& lab, const ue_sim::Device& device) {
  const std::string zeros(32, '0');
  const std::string dimsi = device.dimsi.digits();
  const std::string context = "/nausf-auth/v1/ue-authentications/" + std::string(64, '0');
  const std::string udm = "/nudm-ueau/v1/imsi-001010000000001";
  const json offer = offer_of(lab, device);
  const json resynchronisation{{"rand", zeros}, {"auts", std::string(28, '0')}};
  const auto authentication = [&](const std::string& supi) {
    return json{{"supiOrSuci", supi}, {"servingNetworkName", kServingNetwork}, {"resynchronizationInfo", resynchronisation}};
  };
  const json retrieval{{"seCredentials", offer["arpfs"][0]["seCredentials"]},
                       {"operatorCertificate", base::to_base64(crypto::Certificate::load(lab.pki() + "/operator.pem").der())}};
  const json event{{"nfInstanceId", kConsumer},       {"success", true}, {"timeStamp", "2026-11-23T21:59:41.634605+00:00"},
                   {"authType", "5G_AKA"}, {"servingNetworkName", kServingNetwork}};
  return {
      {lab.arpf_uri(), "POST", "/narpf-keys/v1/devices/" + dimsi + "/retrieve-key", retrieval},
      {lab.d_ausf_uri(), "PUT", "/ndausf-vectors/v1/vectors/" + dimsi,
       {{"rand", zeros}, {"autn", zeros}, {"imsi", "001010000000001"}, {"receiptHash", zeros + zeros}, {"notificationUri", "http://127.0.0.1:1/"}}},
      {lab.d_ausf_uri(), "POST", "/nausf-auth/v1/ue-authentications", authentication("imsi-" + dimsi)},
      {lab.d_ausf_uri(), "PUT", context + "/5g-aka-confirmation", {{"resStar", zeros}}},
      {lab.ausf_ext_uri(), "PUT", "/nausfext-onboarding/v1/devices/" + dimsi, offer},
      {lab.ausf_ext_uri(), "POST", "/nausfext-onboarding/v1/receipts",
       {{"dimsi", dimsi}, {"imsi", "001010000000001"}, {"auts", std::string(28, '0')}, {"receivedAt", "2026-11-25T07:02:11.912Z"}}},
      {lab.ausf_ext_uri(), "POST", "/nausf-auth/v1/ue-authentications", authentication("imsi-001010000000001")},
      {lab.ausf_ext_uri(), "PUT", context + "/5g-aka-confirmation", {{"resStar", zeros}}},
      {lab.ausf_ext_uri(), "POST", context + "/eap-session", {{"eapPayload", "AgAABTI="}}},
      {lab.ausf_ext_uri(), "POST", udm + "/security-information/generate-auth-data",
       {{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", kConsumer}, {"resynchronizationInfo", resynchronisation}}},
      {lab.ausf_ext_uri(), "POST", udm + "/hss-security-information/eps-aka/generate-av",
       {{"hssAuthType", "EPS_AKA"}, {"numOfRequestedVectors", 1}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}}}},
      {lab.ausf_ext_uri(), "POST", udm + "/auth-events", event},
  };
}

/// Bodies that have the secret in each member in turn, in several forms, beside them, or where the body breaks off.
std::vector<std::string> bodies_with(base::BytesView secret, const json& sound) {
  const std::string hex = base::to_hex(secret);
  std::string upper = hex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  const std::vector<json> forms{hex, upper, base::to_base64(secret), hex + "x", json{{"is", hex}}, json{{hex, 1}}, json::array({hex})};
  std::vector<std::string> out;
  const json members = sound.flatten();
  for (const auto& [pointer, ignored] : members.items()) {
    for (const json& form : forms) {
      json body = sound;
      body[json::json_pointer(pointer)] = form;
      out.push_back(body.dump());
    }
  }
  json more = sound;
  more["eK"] = hex;
  more[hex] = hex;
  const std::string text = more.dump();
  out.insert(out.end(), {text, text.substr(0, text.find(hex) + 8 + hex.size()), text + text, hex, "\"" + hex, "{\"eK\":" + hex + "}",
                         std::string(base::as_text(secret)), "{\"eK\":\"" + std::string(base::as_text(secret)) + "\"}"});
  return out;
}

}  // namespace

TEST_CASE("a key that a peer sends where none belongs is in no error, log, audit log or metric", "[secrecy]") {
  Lab lab;
  Secrets secrets;
  lab.start();
  const ue_sim::Device device = onboard(lab, "901700000000001", secrets);
  std::size_t refused = 0;
  std::size_t sent = 0;
  for (const Sound& request : sound_requests(lab, device)) {
    for (const std::string& body : bodies_with(device.ephemeral_key.reveal(), request.body)) {
      ++sent;
      if (lab.send(request.root, request.method, request.target, body).status >= 400) ++refused;
    }
  }
  CHECK(sent > 300);
  CHECK(refused > sent * 3 / 4);
  const Traces traces = check_nothing_is_told(lab, secrets);
  REQUIRE(traces.audits.find("\"action\":\"REFUSAL\"") != std::string::npos);  // what was refused is in them, too
}
