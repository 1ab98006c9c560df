#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <variant>
#include <vector>

#include "lib/aka/auts.hpp"
#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "tests/scenarios/lab.hpp"

/// What the tests of steps (8) to (10) share: a device at PRELOADED, its UE, and what is asked of the AUSF and of the UDM.
namespace test {

inline const std::string kOtherNetwork = "5G:mnc002.mcc001.3gppnetwork.org";
inline const std::string kAusf = "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01";

template <std::size_t N>
std::array<std::uint8_t, N> octets(const json& text) {
  return base::from_hex_exactly<N>(text.get<std::string>()).value();
}

/// The UE with the IMSI that it took: USIM and ME.
struct Ue {
  Ue(const SecureElement& element, std::string digits)
      : imsi(std::move(digits)),
        keys(profile::derive_subscriber_keys(*element.ephemeral_key, *profile::DiscoveryImsi::from_digits(element.dimsi),
                                             *profile::Imsi::from_digits(imsi))) {}

  [[nodiscard]] std::string supi() const { return "imsi-" + imsi; }
  [[nodiscard]] std::string suci() const { return "suci-0-001-01-0-0-0-" + imsi.substr(5); }
  aka::UsimAnswer answer(const json& vector, const std::string& network = kServingNetwork) {
    return aka::usim_authenticate(keys, octets<16>(vector["rand"]), octets<16>(vector["autn"]), sequence, network);
  }
  /// As after a long time elsewhere: the network's sequence numbers are old.
  void run_ahead(std::uint64_t seq) {
    aka::UsimSequence::Entries entries{};
    entries.fill(seq);
    sequence = aka::UsimSequence(entries);
  }

  std::string imsi;
  profile::SubscriberKeys keys;
  aka::UsimSequence sequence;
};

struct AuthenticationFixture : Lab {
  /// Starts everything, and takes a device to PRELOADED.
  Ue start(ausf_ext::AuthenticationConfig config = {}) {
    auto whole = ausf_ext_config();
    whole.authentication = std::move(config);
    start_arpf();
    start_d_ausf();
    start_ausf_ext(whole);
    const SecureElement element = make_device(kDimsi);
    const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + kDimsi, offer(element));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    return {element, offered.content()["imsi"]};
  }
  static ausf_ext::AuthenticationConfig eap() {
    ausf_ext::AuthenticationConfig config;
    config.method = ausf_ext::Method::eap_aka_prime;
    return config;
  }

  Answer authenticate(const std::string& identity, const json& more = json::object(), const std::string& network = kServingNetwork) {
    json body{{"supiOrSuci", identity}, {"servingNetworkName", network}};
    body.update(more);
    return to_ausf("POST", kContexts, body);
  }
  static std::string path_of(const std::string& uri) { return sbi::Uri::parse(uri).path; }
  static std::string link(const Answer& challenge, const std::string& name) {
    return path_of(challenge.content()["_links"][name]["href"].get<std::string>());
  }
  Answer confirm(const Answer& challenge, const aka::ResStar& res_star) {
    return to_ausf("PUT", link(challenge, "5g-aka"), {{"resStar", base::to_hex(res_star.reveal())}});
  }
  static json resynchronization(const json& vector, const aka::UsimAnswer& answer) {
    const auto& failure = std::get<aka::SynchronisationFailure>(answer);
    return {{"resynchronizationInfo", {{"rand", vector["rand"]}, {"auts", base::to_hex(failure.auts)}}}};
  }

  /// EAP until the network has said its last word; the answers in order.
  std::vector<Answer> run_eap(Ue& ue, aka::EapAkaPrimePeer& peer, const Answer& challenge) {
    std::vector<Answer> answers;
    const std::string path = link(challenge, "eap-session");
    std::string payload = challenge.content()["5gAuthData"];
    for (int round = 0; round < 10; ++round) {
      const auto response = peer.respond(base::from_base64(payload).value(), ue.keys, ue.sequence);
      REQUIRE(response);
      answers.push_back(to_ausf("POST", path, {{"eapPayload", base::to_base64(*response)}}));
      REQUIRE(answers.back().status == 200);
      payload = answers.back().content()["eapPayload"];
      if (answers.back().content()["authResult"] != "AUTHENTICATION_ONGOING") break;
    }
    (void)peer.respond(base::from_base64(payload).value(), ue.keys, ue.sequence);  // EAP-Success or EAP-Failure
    return answers;
  }
  aka::EapAkaPrimePeer peer_of(const Ue& ue, bool wants_indication = true) {
    return aka::EapAkaPrimePeer(ue.imsi, kServingNetwork, wants_indication);
  }
  std::string state() { return to_ausf("GET", "/nausfext-onboarding/v1/devices/" + kDimsi).content()["state"]; }

  Answer generate(const std::string& identity, const json& more = json::object()) {
    json body{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", kAusf}};
    body.update(more);
    return to_ausf("POST", "/nudm-ueau/v1/" + identity + "/security-information/generate-auth-data", body);
  }
  Answer generate_av(const Ue& ue, const std::string& in_uri, json body) {
    return to_ausf("POST", "/nudm-ueau/v1/" + ue.supi() + "/hss-security-information/" + in_uri + "/generate-av", std::move(body));
  }
  /// A vector of this type; what keys may be bound to is asked for as an HSS asks: the PLMN of EPS, anId of EAP-AKA'.
  static json wanted_av(const std::string& type, const std::string& mnc = "01", const std::string& an_id = "") {
    json body{{"hssAuthType", type}, {"numOfRequestedVectors", 1}, {"servingNetworkId", {{"mcc", "001"}, {"mnc", mnc}}}};
    if (!an_id.empty()) body["anId"] = an_id;
    return body;
  }
  static json event(bool success, const std::string& network = kServingNetwork) {
    return {{"nfInstanceId", kAusf},
            {"success", success},
            {"timeStamp", "2026-11-23T21:59:41.634605+00:00"},
            {"authType", "5G_AKA"},
            {"servingNetworkName", network}};
  }
};

}  // namespace test
