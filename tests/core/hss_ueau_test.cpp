#include "lib/core/hss_ueau.hpp"

#include <catch2/catch.hpp>

#include "lib/aka/serving_network_name.hpp"

using core::HssAuthType;
using nlohmann::json;

namespace {

sbi::Request request_of(const std::string& type, const json& body, const std::string& supi = "imsi-901700000000001") {
  sbi::Request request;
  request.method = "POST";
  request.body = body.dump();
  request.path_parameters = {{"supi", supi}, {"hssAuthType", type}};
  return request;
}

json body_of(const std::string& type, const json& vectors = 1) {
  return {{"hssAuthType", type},
          {"numOfRequestedVectors", vectors},
          {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}},
          {"requestingNodeType", "MME"},
          {"anId", "WLAN"}};
}

/// `400 MANDATORY_IE_MISSING /anId`: kind as HTTP has it, cause, member; empty if it is no fault.
std::string fault_of(const sbi::Request& request) {
  try {
    (void)core::read_hss_authentication(request);
    return "";
  } catch (const base::Error& error) {
    const std::string kind = error.kind() == base::ErrorKind::bad_request ? "400" : error.kind() == base::ErrorKind::not_implemented ? "501" : "?";
    return kind + " " + error.cause() + " " + (error.invalid_params().empty() ? "" : error.invalid_params().front().param);
  }
}

template <std::size_t N>
std::array<std::uint8_t, N> filled(std::uint8_t with) {
  std::array<std::uint8_t, N> out{};
  out.fill(with);
  return out;
}

aka::AuthenticationVector quintet() {
  return {filled<16>(0x11), filled<16>(0x22), aka::Res(filled<8>(0x33)), aka::Ck(filled<16>(0x44)), aka::Ik(filled<16>(0x55))};
}

}  // namespace

TEST_CASE("The PLMN's octets are those of EPS, with F for the third digit of an MNC of two", "[core][hss]") {
  // TS 24.008, 10.5.1.13 (as TS 24.301 codes it): 001/01 is 00 F1 10, 310/410 is 13 00 14, 901/70 is 09 F1 07.
  CHECK(base::to_hex(aka::plmn_octets(*profile::Plmn::from("001", "01"))) == "00f110");
  CHECK(base::to_hex(aka::plmn_octets(*profile::Plmn::from("310", "410"))) == "130014");
  CHECK(base::to_hex(aka::plmn_octets(*profile::Plmn::from("901", "70"))) == "09f107");
}

TEST_CASE("A request for vectors is read for each type, with 1 to 5 vectors", "[core][hss]") {
  using Row = std::tuple<std::string, std::string, HssAuthType>;
  const auto [in_uri, in_body, type] = GENERATE(values<Row>({{"eps-aka", "EPS_AKA", HssAuthType::eps_aka},
                                                             {"eap-aka", "EAP_AKA", HssAuthType::eap_aka},
                                                             {"eap-aka-prime", "EAP_AKA_PRIME", HssAuthType::eap_aka_prime},
                                                             {"ims-aka", "IMS_AKA", HssAuthType::ims_aka},
                                                             {"gba-aka", "GBA_AKA", HssAuthType::gba_aka},
                                                             {"umts-aka", "UMTS_AKA", HssAuthType::umts_aka}}));
  for (std::size_t count = 1; count <= 5; ++count) {
    const auto wanted = core::read_hss_authentication(request_of(in_uri, body_of(in_body, count)));
    CHECK(wanted.type == type);
    CHECK(wanted.vectors == count);
    CHECK(wanted.imsi.digits() == "901700000000001");
    CHECK(wanted.serving_network->prefix() == "00101");
    CHECK(wanted.access_network == "WLAN");
    CHECK_FALSE(wanted.resynchronization);
  }
  CHECK(fault_of(request_of(in_uri, body_of("OTHER_AKA"))) == "400 MANDATORY_IE_INCORRECT /hssAuthType");
  CHECK(fault_of(request_of(in_uri, body_of(in_uri))) == "400 MANDATORY_IE_INCORRECT /hssAuthType");
  CHECK(fault_of(request_of(in_body, body_of(in_body))) == "501  {hssAuthType}");
}

TEST_CASE("What is wrong with a request for vectors is named", "[core][hss]") {
  const auto with = [](const std::string& member, const json& value) {
    json body = body_of("EPS_AKA");
    body[member] = value;
    return fault_of(request_of("eps-aka", body));
  };
  CHECK(with("anId", "WLAN") == "");
  for (const json& count : {json(0), json(6), json(-1), json(1.5), json("1"), json(nullptr), json(18446744073709551615ULL), json::array()}) {
    CAPTURE(count);
    CHECK(with("numOfRequestedVectors", count) == "400 MANDATORY_IE_INCORRECT /numOfRequestedVectors");
  }
  CHECK(with("hssAuthType", 1) == "400 MANDATORY_IE_INCORRECT /hssAuthType");
  CHECK(with("servingNetworkId", "00101") == "400 MANDATORY_IE_INCORRECT /servingNetworkId");
  CHECK(with("servingNetworkId", {{"mcc", "01"}, {"mnc", "01"}}) == "400 MANDATORY_IE_INCORRECT /servingNetworkId/mcc");
  CHECK(with("servingNetworkId", {{"mcc", "001"}, {"mnc", "1"}}) == "400 MANDATORY_IE_INCORRECT /servingNetworkId/mnc");
  CHECK(with("servingNetworkId", {{"mcc", "001"}, {"mnc", "0x"}}) == "400 MANDATORY_IE_INCORRECT /servingNetworkId/mnc");
  CHECK(with("servingNetworkId", {{"mcc", "001"}}) == "400 MANDATORY_IE_MISSING /servingNetworkId/mnc");
  CHECK(with("requestingNodeType", 5) == "400 OPTIONAL_IE_INCORRECT /requestingNodeType");
  CHECK(with("anId", "") == "400 OPTIONAL_IE_INCORRECT /anId");
  CHECK(with("resynchronizationInfo", {{"rand", std::string(32, '0')}}) == "400 MANDATORY_IE_MISSING /resynchronizationInfo/auts");
  CHECK(with("resynchronizationInfo", {{"rand", std::string(32, '0')}, {"auts", std::string(27, '0')}}) ==
        "400 MANDATORY_IE_INCORRECT /resynchronizationInfo/auts");
  for (const char* member : {"hssAuthType", "numOfRequestedVectors", "servingNetworkId"}) {
    json body = body_of("EPS_AKA");
    body.erase(member);
    CHECK(fault_of(request_of("eps-aka", body)) == std::string("400 MANDATORY_IE_MISSING /") + member);
  }
  json without = body_of("IMS_AKA");
  without.erase("servingNetworkId");
  CHECK(fault_of(request_of("ims-aka", without)) == "");  // only EPS keys are bound to it
  for (const char* supi : {"suci-0-901-70-0-0-0-0000000001", "imsi-", "imsi-12345", "901700000000001", "imsi-9017000000000011"}) {
    CHECK(fault_of(request_of("eps-aka", body_of("EPS_AKA"), supi)) == "400 MANDATORY_IE_INCORRECT {supi}");
  }
}

TEST_CASE("Keys of a type come from the quintet, bound to the network", "[core][hss]") {
  const auto made = [](const std::string& in_uri, const std::string& in_body) {
    return core::make_hss_vector(core::read_hss_authentication(request_of(in_uri, body_of(in_body))), quintet());
  };
  const aka::AuthenticationVector from = quintet();
  const auto eps = made("eps-aka", "EPS_AKA");
  const auto& eps_vector = std::get<core::EpsVector>(eps);
  CHECK(eps_vector.kasme == aka::derive_kasme(from.ck, from.ik, {0x00, 0xF1, 0x10}, aka::sqn_xor_ak(from.autn)));
  CHECK(eps_vector.xres == from.xres);
  const auto prime = made("eap-aka-prime", "EAP_AKA_PRIME");
  const auto& prime_vector = std::get<core::EapAkaPrimeVector>(prime);
  const auto [ck, ik] = aka::derive_prime_keys(from.ck, from.ik, "WLAN", aka::sqn_xor_ak(from.autn));
  CHECK(prime_vector.ck == ck);
  CHECK(prime_vector.ik == ik);
  const auto umts = made("umts-aka", "UMTS_AKA");
  const auto& umts_vector = std::get<core::UmtsVector>(umts);
  CHECK(umts_vector.ck == from.ck);
  CHECK(umts_vector.ik == from.ik);

  json body = body_of("EAP_AKA_PRIME");
  body.erase("anId");
  const auto unbound = core::read_hss_authentication(request_of("eap-aka-prime", body));
  CHECK_THROWS_AS(core::make_hss_vector(unbound, quintet()), base::Error);
  CHECK_THROWS_AS(core::require_key_binding(unbound), base::Error);
}

TEST_CASE("What the keys of a type are bound to is the PLMN of EPS, anId of EAP-AKA', and nothing else", "[core][hss]") {
  const auto binding = [](const std::string& in_uri, const std::string& in_body, const std::string& an_id = "WLAN") {
    json body = body_of(in_body);
    body["anId"] = an_id;
    return core::key_binding(core::read_hss_authentication(request_of(in_uri, body)));
  };
  CHECK(binding("eps-aka", "EPS_AKA") == "5G:mnc001.mcc001.3gppnetwork.org");
  CHECK(binding("eap-aka-prime", "EAP_AKA_PRIME") == "WLAN");
  const std::string elsewhere = "5G:mnc002.mcc001.3gppnetwork.org";
  CHECK(binding("eap-aka-prime", "EAP_AKA_PRIME", elsewhere) == elsewhere);
  for (const auto& [in_uri, in_body] : std::vector<std::pair<std::string, std::string>>{
           {"eap-aka", "EAP_AKA"}, {"ims-aka", "IMS_AKA"}, {"gba-aka", "GBA_AKA"}, {"umts-aka", "UMTS_AKA"}}) {
    CHECK(binding(in_uri, in_body, elsewhere) == in_body);
    CHECK(core::is_key_binding(in_body));
  }
  for (const char* text : {"5G:mnc001.mcc001.3gppnetwork.org", "HRPD", "WIMAX", "WLAN", "ETHERNET"}) CHECK(core::is_key_binding(text));
  const std::string short_mnc = "5G:mnc01.mcc001.3gppnetwork.org";
  for (const std::string text : {"", "wlan", short_mnc.c_str(), "EPS_AKA", "EAP_AKA_PRIME", "umts-aka"}) CHECK_FALSE(core::is_key_binding(text));
}

TEST_CASE("Vectors are written in the shape of their type, one to five", "[core][hss]") {
  const auto written = [](HssAuthType type, std::vector<core::HssVector> vectors) {
    return json::parse(core::hss_authentication_info_result(type, vectors).body)["hssAuthenticationVectors"];
  };
  std::vector<core::HssVector> two;
  two.emplace_back(quintet());
  two.emplace_back(quintet());
  const json expected{{"avType", "GBA_AKA"},           {"rand", std::string(32, '1')}, {"autn", std::string(32, '2')},
                      {"xres", std::string(16, '3')}, {"ck", std::string(32, '4')},   {"ik", std::string(32, '5')}};
  CHECK(written(HssAuthType::gba_aka, std::move(two)) == json{expected, expected});
  std::vector<core::HssVector> eps;
  eps.emplace_back(core::EpsVector{filled<16>(0x11), filled<16>(0x22), aka::Res(filled<8>(0x33)), aka::Kasme(filled<32>(0x66))});
  CHECK(written(HssAuthType::eps_aka, std::move(eps)) == json::array({{{"avType", "EPS_AKA"},
                                                                      {"rand", std::string(32, '1')},
                                                                      {"autn", std::string(32, '2')},
                                                                      {"xres", std::string(16, '3')},
                                                                      {"kasme", std::string(64, '6')}}}));
  std::vector<core::HssVector> prime;
  prime.emplace_back(core::EapAkaPrimeVector{filled<16>(0x11), filled<16>(0x22), aka::Res(filled<8>(0x33)), aka::CkPrime(filled<16>(0x44)),
                                             aka::IkPrime(filled<16>(0x55))});
  CHECK(written(HssAuthType::eap_aka_prime, std::move(prime)) == json::array({{{"avType", "EAP_AKA_PRIME"},
                                                                              {"rand", std::string(32, '1')},
                                                                              {"autn", std::string(32, '2')},
                                                                              {"xres", std::string(16, '3')},
                                                                              {"ckPrime", std::string(32, '4')},
                                                                              {"ikPrime", std::string(32, '5')}}}));
  CHECK_THROWS_AS(written(HssAuthType::eps_aka, {}), std::logic_error);
  std::vector<core::HssVector> other;
  other.emplace_back(quintet());
  CHECK_THROWS_AS(written(HssAuthType::eps_aka, std::move(other)), std::logic_error);
}
