#include "ue-sim/access_network.hpp"

#include <nlohmann/json.hpp>

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

/// UEAuthenticationCtx; throws std::runtime_error that names what is wrong with it.
Challenge read_challenge(const sbi::Uri& ausf, const Answer& answer) {
  const json document = answer.json();
  try {
    const sbi::JsonObject object(document);
    if (object.text("authType") != "5G_AKA") object.fail("authType", "is not 5G_AKA");
    const sbi::JsonObject data = object.object("5gAuthData");
    const sbi::JsonObject link = object.object("_links").object("5g-aka");
    return {data.hex<16>("rand"), data.hex<16>("autn"), data.hex<16>("hxresStar"),
            resolve(ausf, link.text("href", 2048))};
  } catch (const base::Error& error) {
    throw std::runtime_error(std::string("UEAuthenticationCtx: ") + error.what());
  }
}

/// ConfirmationDataResponse.
void read_confirmation(const Answer& answer, Confirmation& confirmation) {
  const json document = answer.json();
  try {
    const sbi::JsonObject object(document);
    confirmation.result = object.text("authResult");
    confirmation.supi = object.optional_text("supi").value_or("");
    auto kseaf = object.optional_hex<32>("kseaf");
    if (!kseaf) return;
    confirmation.kseaf.emplace(*kseaf);
    base::wipe(*kseaf);
  } catch (const base::Error& error) {
    throw std::runtime_error(std::string("ConfirmationDataResponse: ") + error.what());
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
    result.challenge = read_challenge(ausf, answer);
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

}  // namespace ue_sim
