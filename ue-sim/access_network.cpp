#include "ue-sim/access_network.hpp"

#include <nlohmann/json.hpp>

#include "lib/aka/eap_packet.hpp"
#include "lib/base/bytes.hpp"
#include "lib/sbi/json.hpp"

namespace ue_sim {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

std::string authentication_info(const std::string& identity, const std::string& serving_network_name,
                                const std::optional<Resynchronisation>& resynchronisation) {
  json body{{"supiOrSuci", identity}, {"servingNetworkName", serving_network_name}};
  if (resynchronisation) {
    body["resynchronizationInfo"] = {{"rand", base::to_hex(resynchronisation->rand)},
                                     {"auts", base::to_hex(resynchronisation->auts)}};
  }
  return body.dump();
}

Challenge read_5g_aka(const sbi::Uri& ausf, const sbi::JsonObject& context) {
  const sbi::JsonObject data = context.object("5gAuthData");
  const sbi::JsonObject link = context.object("_links").object("5g-aka");
  return {data.hex<16>("rand"), data.hex<16>("autn"), data.hex<16>("hxresStar"),
          resolve(ausf, link.text("href", 2048))};
}

EapChallenge read_eap(const sbi::Uri& ausf, const sbi::JsonObject& context) {
  const sbi::JsonObject link = context.object("_links").object("eap-session");
  return {context.base64("5gAuthData", aka::kMaxEapSize), resolve(ausf, link.text("href", 2048))};
}

/// UEAuthenticationCtx; throws std::runtime_error that names what is wrong with it.
void read_challenge(const sbi::Uri& ausf, const Answer& answer, ChallengeResult& result) {
  const json document = answer.json();
  try {
    const sbi::JsonObject object(document);
    const std::string type = object.text("authType");
    if (type == "5G_AKA") {
      result.challenge = read_5g_aka(ausf, object);
    } else if (type == "EAP_AKA_PRIME") {
      result.eap = read_eap(ausf, object);
    } else {
      object.fail("authType", "is neither 5G_AKA nor EAP_AKA_PRIME");
    }
  } catch (const base::Error& error) {
    throw std::runtime_error(std::string("UEAuthenticationCtx: ") + error.what());
  }
}

std::optional<aka::Kseaf> read_kseaf(const sbi::JsonObject& object, const char* name) {
  auto octets = object.optional_hex<32>(name);
  if (!octets) return std::nullopt;
  std::optional<aka::Kseaf> kseaf(std::in_place, *octets);
  base::wipe(*octets);
  return kseaf;
}

/// ConfirmationDataResponse.
void read_confirmation(const Answer& answer, Confirmation& confirmation) {
  const json document = answer.json();
  try {
    const sbi::JsonObject object(document);
    confirmation.result = object.text("authResult");
    confirmation.supi = object.optional_text("supi").value_or("");
    confirmation.kseaf = read_kseaf(object, "kseaf");
  } catch (const base::Error& error) {
    throw std::runtime_error(std::string("ConfirmationDataResponse: ") + error.what());
  }
}

/// EapSession, whose members are spelled as they are.
void read_eap_session(const Answer& answer, EapAnswer& session) {
  const json document = answer.json();
  try {
    const sbi::JsonObject object(document);
    if (!object.is_null("eapPayload")) session.payload = object.base64("eapPayload", aka::kMaxEapSize);
    session.result = object.optional_text("authResult").value_or("AUTHENTICATION_ONGOING");
    session.supi = object.optional_text("supi").value_or("");
    session.kseaf = read_kseaf(object, "kSeaf");
  } catch (const base::Error& error) {
    throw std::runtime_error(std::string("EapSession: ") + error.what());
  }
}

}  // namespace

asio::awaitable<ChallengeResult> authenticate(Network& network, sbi::Uri ausf, std::string identity,
                                              std::string serving_network_name,
                                              std::optional<Resynchronisation> resynchronisation) {
  std::string path = "/nausf-auth/v1/ue-authentications";
  std::string body = authentication_info(identity, serving_network_name, resynchronisation);
  const Answer answer = co_await network.exchange("POST", ausf, std::move(path), std::move(body));
  ChallengeResult result;
  result.status = answer.status();
  result.summary = answer.summary();
  if (answer.status() == 201) {
    read_challenge(ausf, answer, result);
  } else {
    result.cause = answer.cause();
  }
  co_return result;
}

bool matches(const Challenge& challenge, const aka::ResStar& res_star) {
  return base::equal_in_constant_time(aka::derive_hres_star(challenge.rand, res_star), challenge.hxres_star);
}

asio::awaitable<Confirmation> confirm(Network& network, sbi::Uri confirmation, const aka::ResStar& res_star) {
  std::string body = json{{"resStar", base::to_hex(res_star.reveal())}}.dump();
  std::string suffix;
  const Answer answer = co_await network.exchange("PUT", std::move(confirmation), std::move(suffix), std::move(body));
  Confirmation result;
  result.status = answer.status();
  result.summary = answer.summary();
  if (answer.status() == 200) read_confirmation(answer, result);
  co_return std::move(result);
}

asio::awaitable<EapAnswer> send_eap(Network& network, sbi::Uri session, base::Bytes payload) {
  std::string body = json{{"eapPayload", base::to_base64(payload)}}.dump();
  std::string suffix;
  const Answer answer = co_await network.exchange("POST", std::move(session), std::move(suffix), std::move(body));
  EapAnswer result;
  result.status = answer.status();
  result.summary = answer.summary();
  if (answer.status() == 200) read_eap_session(answer, result);
  co_return std::move(result);
}

}  // namespace ue_sim
