#include "tests/secrecy/attaches.hpp"

#include <catch2/catch.hpp>

#include "lib/aka/eap_aka_prime.hpp"
#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/aka/suci_concealment.hpp"
#include "ue-sim/home_network_key.hpp"
#include "ue-sim/offer_authorizer.hpp"
#include "ue-sim/pki.hpp"

namespace secrecy {
namespace {

const std::string kContexts = "/nausf-auth/v1/ue-authentications";

json challenge(Lab& lab, const std::string& root, const std::string& supi_or_suci) {
  return lab.call(root, "POST", kContexts, {{"supiOrSuci", supi_or_suci}, {"servingNetworkName", kServingNetwork}}, 201);
}

/// The path of a link in a challenge.
std::string link(const json& context, const char* name) {
  return sbi::Uri::parse(context["_links"][name]["href"].get<std::string>()).path;
}

template <std::size_t N>
std::array<std::uint8_t, N> octets(const json& hex) {
  return base::from_hex_exactly<N>(hex.get<std::string>()).value();
}

profile::SubscriberKeys keys_of(const ue_sim::Device& device) {
  return profile::derive_subscriber_keys(device.ephemeral_key, device.dimsi, device.subscription->imsi);
}

std::string suci_of(const Lab& lab, const ue_sim::Device& device) {
  return ue_sim::suci_of(device.subscription->imsi, 2, ue_sim::read_home_network_key("2:B:" + lab.pki() + "/hn-b.pem"));
}

/// What the USIM and the ME make of a challenge of 5G AKA; the device's sequence goes on.
aka::UsimAnswer answer_of(ue_sim::Device& device, const json& context) {
  const json& vector = context["5gAuthData"];
  return aka::usim_authenticate(keys_of(device), octets<16>(vector["rand"]), octets<16>(vector["autn"]), device.subscription->sequence,
                                kServingNetwork);
}

void add_keys(const aka::Authenticated& proved, Secrets& secrets) {
  secrets.add("XRES", proved.res.reveal());
  secrets.add("CK", proved.ck.reveal());
  secrets.add("IK", proved.ik.reveal());
  secrets.add("XRES*", proved.res_star.reveal());
  secrets.add("KAUSF", proved.kausf.reveal());
  secrets.add("KSEAF", aka::derive_kseaf(proved.kausf, kServingNetwork).reveal());
}

/// The keys of EAP-AKA' that belong to a challenge. The device's sequence stays.
void add_keys_of_eap(const ue_sim::Device& device, base::BytesView packet, Secrets& secrets) {
  const auto message = aka::parse_aka_prime(packet);
  aka::UsimSequence sequence = device.subscription->sequence;
  const auto answer = aka::usim_authenticate(keys_of(device), message.rand.value(), message.autn.value(), sequence, kServingNetwork);
  const auto& proved = std::get<aka::Authenticated>(answer);
  const auto prime = aka::derive_prime_keys(proved.ck, proved.ik, kServingNetwork, aka::sqn_xor_ak(*message.autn));
  const auto keys = aka::derive_eap_keys(prime, aka::key_identity(device.subscription->imsi));
  const auto kausf = aka::derive_kausf(keys.emsk);
  secrets.add("XRES of EAP", proved.res.reveal());
  secrets.add("CK of EAP", proved.ck.reveal());
  secrets.add("IK of EAP", proved.ik.reveal());
  secrets.add("CK'", prime.ck.reveal());
  secrets.add("IK'", prime.ik.reveal());
  secrets.add("K_encr", keys.k_encr.reveal());
  secrets.add("K_aut", keys.k_aut.reveal());
  secrets.add("K_re", keys.k_re.reveal());
  secrets.add("MSK", keys.msk.reveal());
  secrets.add("EMSK", keys.emsk.reveal());
  secrets.add("KAUSF of EAP", kausf.reveal());
  secrets.add("KSEAF of EAP", aka::derive_kseaf(kausf, kServingNetwork).reveal());
}

/// Those members of a vector of nudm-ueau that are keys, or the answer to its challenge.
void add_issued(const json& vector, Secrets& secrets) {
  std::size_t count = 0;
  for (const char* name : {"xres", "xresStar", "kausf", "ck", "ik", "ckPrime", "ikPrime", "kasme"}) {
    if (!vector.contains(name)) continue;
    secrets.add(std::string("issued ") + name, base::from_hex(vector[name].get<std::string>()).value());
    ++count;
  }
  REQUIRE(count >= 2);
}

aka::EapAkaPrimePeer peer_of(const ue_sim::Device& device) { return {device.subscription->imsi.digits(), kServingNetwork}; }

}  // namespace

std::string supi_of(const ue_sim::Device& device) { return "imsi-" + device.subscription->imsi.digits(); }

json offer_of(Lab& lab, const ue_sim::Device& device) {
  const ue_sim::PartNumber part_number = ue_sim::load_part_number(lab.pki());
  const json credentials{{"token", base::to_base64(device.token)},
                         {"seCertificate", base::to_base64(device.se_certificate)},
                         {"pnCertificate", base::to_base64(part_number.certificate.der())},
                         {"ciCertificate", base::to_base64(part_number.issuer.der())}};
  const ue_sim::OfferAuthorizer provider({lab.pki() + "/service-provider.pem", lab.pki() + "/service-provider.key", "Example MNO"});
  const std::string word = base::to_base64(provider.authorize(device.token));
  return {{"arpfs", {{{"uri", lab.arpf_uri()}, {"seCredentials", credentials}, {"authorization", word}}}}};
}

ue_sim::Device personalise(Lab& lab, const std::string& dimsi, Secrets& secrets) {
  const ue_sim::Factory factory(ue_sim::load_part_number(lab.pki()), crypto::Certificate::load(lab.pki() + "/arpf-ecka.pem"), base::system_now());
  ue_sim::Device device = factory.personalise(DiscoveryImsi::from_digits(dimsi).value());
  secrets.add("eK", device.ephemeral_key.reveal());
  secrets.add("eKc", profile::derive_encryption_key(device.ephemeral_key, device.dimsi).reveal());
  secrets.add("eKi", profile::derive_integrity_key(device.ephemeral_key, device.dimsi).reveal());
  return device;
}

ue_sim::Device onboard(Lab& lab, const std::string& dimsi, Secrets& secrets, const std::string& state,
                       const std::function<void(const ue_sim::Device&)>& before) {
  ue_sim::Device device = personalise(lab, dimsi, secrets);
  if (before) before(device);
  const json answer = lab.call(lab.ausf_ext_uri(), "PUT", "/nausfext-onboarding/v1/devices/" + dimsi, offer_of(lab, device), 201);
  REQUIRE(answer["state"] == state);
  return device;
}

void take_imsi(Lab& lab, ue_sim::Device& device, Secrets& secrets, bool tells) {
  const auto hn_a = ue_sim::read_home_network_key("1:A:" + lab.pki() + "/hn-a.pem");
  const json vector = challenge(lab, lab.d_ausf_uri(), ue_sim::suci_of(device.dimsi.imsi(), 2, hn_a))["5gAuthData"];
  const auto receipt = ue_sim::take_imsi(device, octets<16>(vector["rand"]), octets<16>(vector["autn"]));
  REQUIRE(receipt);
  const auto keys = keys_of(device);
  secrets.add("K", keys.k.reveal());
  secrets.add("OPc", keys.opc.reveal());
  if (!tells) return;
  const std::string auts = base::to_hex(receipt->reveal());
  lab.call(lab.d_ausf_uri(), "POST", kContexts,
           {{"supiOrSuci", "imsi-" + device.dimsi.digits()},
            {"servingNetworkName", kServingNetwork},
            {"resynchronizationInfo", {{"rand", vector["rand"]}, {"auts", auts}}}},
           504);
  lab.call(lab.ausf_ext_uri(), "POST", "/nausfext-onboarding/v1/receipts",
           {{"dimsi", device.dimsi.digits()}, {"imsi", device.subscription->imsi.digits()}, {"auts", auts}, {"receivedAt", "2026-11-25T07:02:11.912Z"}},
           204);
  secrets.add("receipt", receipt->reveal());
}

void attach_by_5g_aka(Lab& lab, ue_sim::Device& device, Secrets& secrets) {
  const json context = challenge(lab, lab.ausf_ext_uri(), suci_of(lab, device));
  const auto answer = answer_of(device, context);
  const auto& proved = std::get<aka::Authenticated>(answer);
  add_keys(proved, secrets);
  const json confirmed = lab.call(lab.ausf_ext_uri(), "PUT", link(context, "5g-aka"), {{"resStar", base::to_hex(proved.res_star.reveal())}}, 200);
  REQUIRE(confirmed["authResult"] == "AUTHENTICATION_SUCCESS");
  REQUIRE(confirmed["kseaf"] == base::to_hex(aka::derive_kseaf(proved.kausf, kServingNetwork).reveal()));
}

void attach_by_eap(Lab& lab, ue_sim::Device& device, Secrets& secrets) {
  const json context = challenge(lab, lab.ausf_ext_uri(), suci_of(lab, device));
  base::Bytes packet = base::from_base64(context["5gAuthData"].get<std::string>()).value();
  add_keys_of_eap(device, packet, secrets);
  auto peer = peer_of(device);
  const auto keys = keys_of(device);
  json answer;
  while (peer.state() == aka::EapAkaPrimePeer::State::ongoing) {
    const auto response = peer.respond(packet, keys, device.subscription->sequence);
    if (!response) break;
    answer = lab.call(lab.ausf_ext_uri(), "POST", link(context, "eap-session"), {{"eapPayload", base::to_base64(*response)}}, 200);
    packet = base::from_base64(answer["eapPayload"].get<std::string>()).value();
  }
  REQUIRE(answer["authResult"] == "AUTHENTICATION_SUCCESS");
  REQUIRE(answer["kSeaf"] == base::to_hex(aka::derive_kseaf(peer.take_kausf(), kServingNetwork).reveal()));
}

void attach_by_5g_aka_with_faults(Lab& lab, ue_sim::Device& device, Secrets& secrets) {
  const json context = challenge(lab, lab.ausf_ext_uri(), supi_of(device));
  const std::string path = link(context, "5g-aka");
  const auto answer = answer_of(device, context);
  const auto& proved = std::get<aka::Authenticated>(answer);
  add_keys(proved, secrets);
  const std::string right = base::to_hex(proved.res_star.reveal());
  secrets.add("RES* cut short", proved.res_star.reveal().first(15));
  for (const json& no_res_star : {json(right.substr(0, 30)), json(right + "0"), json(right.substr(0, 31) + "x"), json::array({right}), json(7)}) {
    lab.call(lab.ausf_ext_uri(), "PUT", path, {{"resStar", no_res_star}}, 400);
  }
  lab.call(lab.ausf_ext_uri(), "PUT", kContexts + "/" + std::string(64, '0') + "/5g-aka-confirmation", {{"resStar", right}}, 404);
  auto wrong = base::Bytes(proved.res_star.reveal().begin(), proved.res_star.reveal().end());
  wrong.back() ^= 1;
  secrets.add("the wrong RES*", wrong);
  const json refused = lab.call(lab.ausf_ext_uri(), "PUT", path, {{"resStar", base::to_hex(wrong)}}, 200);
  REQUIRE(refused["authResult"] == "AUTHENTICATION_FAILURE");

  const auto again = answer_of(device, context);  // no longer fresh
  const auto& lost = std::get<aka::SynchronisationFailure>(again);
  const json resynchronisation{{"supiOrSuci", supi_of(device)},
                               {"servingNetworkName", kServingNetwork},
                               {"resynchronizationInfo", {{"rand", context["5gAuthData"]["rand"]}, {"auts", base::to_hex(lost.auts)}}}};
  const auto fresh = answer_of(device, lab.call(lab.ausf_ext_uri(), "POST", kContexts, resynchronisation, 201));
  add_keys(std::get<aka::Authenticated>(fresh), secrets);
}

void attach_by_eap_with_faults(Lab& lab, ue_sim::Device& device, Secrets& secrets) {
  const json context = challenge(lab, lab.ausf_ext_uri(), supi_of(device));
  const std::string path = link(context, "eap-session");
  const base::Bytes packet = base::from_base64(context["5gAuthData"].get<std::string>()).value();
  add_keys_of_eap(device, packet, secrets);
  auto peer = peer_of(device);
  base::Bytes response = peer.respond(packet, keys_of(device), device.subscription->sequence).value();
  const std::string payload = base::to_base64(response);
  for (const json& no_packet : {json(payload + "="), json(base::to_hex(response)), json::array({payload}), json(nullptr)}) {
    REQUIRE(lab.send(lab.ausf_ext_uri(), "POST", path, json{{"eapPayload", no_packet}}.dump()).status == 400);
  }
  const base::Bytes cut(response.begin(), response.end() - 8);
  (void)lab.send(lab.ausf_ext_uri(), "POST", path, json{{"eapPayload", base::to_base64(cut)}}.dump());
  response.back() ^= 1;
  const sbi::Response refused = lab.send(lab.ausf_ext_uri(), "POST", path, json{{"eapPayload", base::to_base64(response)}}.dump());
  REQUIRE(refused.body.find("AUTHENTICATION_SUCCESS") == std::string::npos);
}

void ask_as_ausf(Lab& lab, const ue_sim::Device& device, Secrets& secrets) {
  const std::string root = "/nudm-ueau/v1/" + supi_of(device);
  const json vector = lab.call(lab.ausf_ext_uri(), "POST", root + "/security-information/generate-auth-data",
                               {{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01"}}, 200);
  add_issued(vector["authenticationVector"], secrets);
  struct Row {
    const char* in_uri;
    const char* type;
  };
  for (const Row& row : {Row{"eps-aka", "EPS_AKA"}, Row{"umts-aka", "UMTS_AKA"}, Row{"eap-aka-prime", "EAP_AKA_PRIME"}}) {
    json body{{"hssAuthType", row.type}, {"numOfRequestedVectors", 2}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", "01"}}}};
    if (std::string(row.type) == "EAP_AKA_PRIME") body["anId"] = "WLAN";
    const json given = lab.call(lab.ausf_ext_uri(), "POST", root + "/hss-security-information/" + row.in_uri + "/generate-av", body, 200);
    for (const json& one : given["hssAuthenticationVectors"]) add_issued(one, secrets);
  }
}

void add_private_keys(const Lab& lab, Secrets& secrets) {
  for (const char* name : {"arpf-ecka", "arpf-ecdsa", "operator", "operator-ca", "ci", "pn", "service-provider", "tls-ca", "tls-arpf", "tls-d-ausf",
                           "tls-ausf-ext", "tls-rsmf", "tls-ue-sim"}) {
    secrets.add(std::string("private key ") + name, crypto::PrivateKey::load(lab.pki() + "/" + name + ".key").scalar().reveal());
  }
  // PKCS#8 of X25519 (RFC 8410) ends with the 32 octets of the key.
  std::string pem = test::read_text(lab.pki() + "/hn-a.key");
  pem = pem.substr(pem.find('\n') + 1);
  const auto der = base::from_base64(pem.substr(0, pem.find('\n')));
  REQUIRE(der);
  REQUIRE(der->size() == 48);
  secrets.add("home network key A", base::BytesView(*der).last(32));
  secrets.add("home network key B", crypto::PrivateKey::load(lab.pki() + "/hn-b.key").scalar().reveal());
  const auto kek = base::from_hex(test::read_text(lab.pki() + "/kek.hex").substr(0, 64));
  REQUIRE(kek);
  secrets.add("key-encryption key", *kek);
}

}  // namespace secrecy
