#include "tests/scenarios/scripted_amf.hpp"

#include <catch2/catch.hpp>

#include "lib/aka/supi_or_suci.hpp"
#include "lib/core/nrf_messages.hpp"

namespace test {
namespace {

const HeaderList kHeaders{{"user-agent", "AMF"},
                          {"content-type", "application/json"},
                          {"accept", "application/3gppHal+json,application/problem+json"},
                          {"3gpp-sbi-sender-timestamp", "Tue, 24 Nov 2026 21:00:00.000 GMT"},
                          {"3gpp-sbi-max-rsp-time", "10000"}};

json plmn_list(const profile::Plmn& plmn) {
  json list = json::array();
  list.push_back({{"mcc", plmn.mcc}, {"mnc", plmn.mnc}});
  return list;
}

}  // namespace

std::uint16_t ScriptedAmf::discover(const std::string& type, const std::string& service, const profile::Plmn& plmn) {
  std::string target = "/nnrf-disc/v1/nf-instances?target-nf-type=" + type + "&requester-nf-type=AMF&service-names=" + service;
  // Open5GS adds the target PLMN when the SUCI's is not one that it serves.
  if (plmn != home_) {
    target += "&target-plmn-list=" + core::percent_encoded(plmn_list(plmn).dump()) +
              "&requester-plmn-list=" + core::percent_encoded(plmn_list(home_).dump());
  }
  const Answer found = caller_.send_raw(nrf_, "GET", target, "", {{"user-agent", "AMF"}});
  CAPTURE(found.body);
  REQUIRE(found.status == 200);
  const json content = found.content();
  for (const json& instance : content["nfInstances"]) {
    const bool serves = !instance.contains("plmnList") ||
                        std::any_of(instance["plmnList"].begin(), instance["plmnList"].end(), [&](const json& one) {
                          return one == plmn_list(plmn)[0];
                        });
    if (!serves) continue;
    for (const json& offered : instance["nfServices"]) {
      if (offered["serviceName"] == service) return offered["ipEndPoints"][0]["port"];
    }
  }
  FAIL("the NRF knows no " + type);
  return 0;
}

Answer ScriptedAmf::challenge(std::uint16_t ausf, const std::string& suci, const json& more) {
  json body{{"supiOrSuci", suci}, {"servingNetworkName", kServingNetwork}};
  body.update(more);
  Answer answer = caller_.send_raw(ausf, "POST", "/nausf-auth/v1/ue-authentications", body.dump(), kHeaders);
  if (answer.status != 201) return answer;
  // What aborts Open5GS' AMF, or makes it reject the UE.
  const auto location = sbi::Uri::parse(answer.header("location"));
  const auto href = sbi::Uri::parse(answer.content()["_links"]["5g-aka"]["href"].get<std::string>());
  REQUIRE(location.origin() == href.origin());
  for (const char* member : {"rand", "autn", "hxresStar"}) REQUIRE(answer.content()["5gAuthData"].contains(member));
  REQUIRE(answer.content_type == "application/3gppHal+json");
  return answer;
}

int ScriptedAmf::nas_cause_of(int status) {
  switch (status) {
    case 404: return 7;
    case 500: return 9;
    case 403:
    case 503: return 111;
    case 504: return 90;
    default: return 95;
  }
}

ScriptedAmf::Registered ScriptedAmf::register_ue(const std::string& suci, const Ue& ue) {
  Registered out;
  const profile::Plmn plmn = aka::parse_suci(suci).home_network;
  out.ausf = discover("AUSF", "nausf-auth", plmn);
  REQUIRE(out.ausf != 0);
  Answer answer = challenge(out.ausf, suci, json::object());
  UeResponse response;
  for (int tries = 0; tries < 2; ++tries) {
    if (answer.status != 201) {
      out.nas_cause = nas_cause_of(answer.status);
      return out;
    }
    const json vector = answer.content()["5gAuthData"];
    response = ue(vector);
    if (response.res_star || !response.auts) break;
    if (tries == 1) return out;  // a second synchronisation failure is Authentication Reject
    answer = challenge(out.ausf, suci, {{"resynchronizationInfo", {{"rand", vector["rand"]}, {"auts", *response.auts}}}});
  }
  if (!response.res_star) return out;  // MAC failure: Authentication Reject
  const std::string href = answer.content()["_links"]["5g-aka"]["href"];
  out.context = href;
  const auto uri = sbi::Uri::parse(href);
  const auto port = static_cast<std::uint16_t>(std::stoi(uri.port));
  const Answer confirmed = caller_.send_raw(port, "PUT", uri.path, json{{"resStar", *response.res_star}}.dump(), kHeaders);
  if (confirmed.status != 200) {
    out.nas_cause = nas_cause_of(confirmed.status);
    return out;
  }
  if (confirmed.content()["authResult"] != "AUTHENTICATION_SUCCESS") return out;
  out.supi = confirmed.content()["supi"];
  out.kseaf = confirmed.content()["kseaf"];

  const std::uint16_t udm = discover("UDM", "nudm-uecm", plmn);
  REQUIRE(udm != 0);
  const json registration{{"amfInstanceId", "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01"},
                          {"deregCallbackUri", "http://127.0.0.5:7777/namf-callback/v1/" + out.supi + "/dereg-notify"},
                          {"guami", {{"plmnId", {{"mcc", home_.mcc}, {"mnc", home_.mnc}}}, {"amfId", "020040"}}},
                          {"ratType", "NR"}};
  const std::string path = "/nudm-uecm/v1/" + out.supi + "/registrations/amf-3gpp-access";
  const Answer registered = caller_.send_raw(udm, "PUT", path, registration.dump(), kHeaders);
  out.is_accepted = registered.status == 200 || registered.status == 201;
  if (!out.is_accepted) out.nas_cause = nas_cause_of(registered.status);
  return out;
}

int ScriptedAmf::deregister(const Registered& registered) {
  const auto uri = sbi::Uri::parse(registered.context);
  return caller_.send_raw(static_cast<std::uint16_t>(std::stoi(uri.port)), "DELETE", uri.path, "", {{"user-agent", "AMF"}}).status;
}

}  // namespace test
