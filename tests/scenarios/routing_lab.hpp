#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "lib/core/plmn_routing.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/fake_function.hpp"

/// The lab beside a core that was there before: an AUSF and a UDM that serve the subscribers of 001/01 who are not ours.
namespace test {

inline const std::string kOurs = "imsi-001010000000001";    ///< in the pool of nf-ausf-ext
inline const std::string kTheirs = "imsi-001019000000001";  ///< of the same PLMN, known to the old core

inline profile::Plmn plmn_of(const std::string& mcc, const std::string& mnc) { return profile::Plmn::from(mcc, mnc).value(); }
inline core::ServedByPeers peers_at(std::vector<sbi::Uri> ausf, std::vector<sbi::Uri> udm) {
  return {std::move(ausf), std::move(udm)};
}
inline std::string authentication_of(const std::string& identity) {
  return json{{"supiOrSuci", identity}, {"servingNetworkName", kServingNetwork}}.dump();
}
/// An address of loopback at which nobody listens.
inline sbi::Uri nobody() { return sbi::Uri::parse("http://127.0.0.1:" + std::to_string(free_port())); }

struct RoutingLab : Lab {
  explicit RoutingLab(bool uses_eap = false) : old_ausf(uses_eap) {}
  ~RoutingLab() {
    old_ausf->release();
    old_udm->release();
  }

  [[nodiscard]] core::RoutingTarget old_core() { return peers_at({old_ausf->root()}, {old_udm->root()}); }
  [[nodiscard]] core::RoutingEntry pool() const {
    const auto config = ausf_ext_config();
    return {plmn_of("001", "01"), core::ImsiRange{config.pools[0].from, config.pools[0].to}, std::nullopt, core::ServedHere()};
  }
  [[nodiscard]] core::RoutingEntry home(core::RoutingTarget target) const {
    return {plmn_of("001", "01"), std::nullopt, std::nullopt, std::move(target)};
  }
  [[nodiscard]] core::RoutingEntry dimsis(core::RoutingTarget target) const {
    return {plmn_of("901", "70"), std::nullopt, std::nullopt, std::move(target)};
  }
  [[nodiscard]] static core::RoutingTarget peer_at(std::uint16_t port) {
    const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
    return peers_at({uri}, {uri});
  }

  /// nf-ausf-ext serves its pool, nf-d-ausf the dIMSIs, the old core the rest of 001/01; all others are refused.
  [[nodiscard]] core::PlmnRouting ausf_table() {
    return {{pool(), home(old_core()), dimsis(peer_at(d_ausf_port))}, core::Refused{403, "SERVING_NETWORK_NOT_AUTHORIZED"}};
  }
  [[nodiscard]] core::PlmnRouting d_ausf_table() {
    core::RoutingEntry ours = pool();
    ours.target = peer_at(ausf_port);
    return {{ours, home(old_core()), dimsis(core::ServedHere())}, core::Refused{403, "SERVING_NETWORK_NOT_AUTHORIZED"}};
  }
  [[nodiscard]] ausf_ext::Config routed_ausf_config(core::PlmnRouting table) {
    auto config = ausf_ext_config();
    config.routing = std::move(table);
    config.key_encryption_key = kek;  // the same over restarts
    return config;
  }
  [[nodiscard]] d_ausf::Config routed_d_ausf_config(core::PlmnRouting table) {
    auto config = d_ausf_config();
    config.routing = std::move(table);
    return config;
  }
  void start_ausf(core::PlmnRouting table) { start_ausf_ext(routed_ausf_config(std::move(table))); }
  void start_routed() {
    start_arpf();
    start_d_ausf(routed_d_ausf_config(d_ausf_table()));
    start_ausf(ausf_table());
  }
  /// A device PRELOADED; its IMSI.
  std::string onboard() {
    const Answer offered = to_ausf("PUT", "/nausfext-onboarding/v1/devices/" + kDimsi, offer(make_device(kDimsi)));
    REQUIRE(offered.content()["state"] == "PRELOADED");
    return offered.content()["imsi"];
  }

  Answer authenticate(std::uint16_t port, const std::string& identity, const HeaderList& headers = {}) {
    return caller.send_raw(port, "POST", kContexts, authentication_of(identity), with_json(headers));
  }
  static HeaderList with_json(HeaderList headers) {
    headers.emplace_back("content-type", "application/json");
    return headers;
  }
  static std::string root_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }
  static std::string path_of(const std::string& uri) { return sbi::Uri::parse(uri).path; }
  static std::string link(const Answer& challenge, const std::string& name = "5g-aka") {
    return path_of(challenge.content()["_links"][name]["href"].get<std::string>());
  }
  Answer confirm(std::uint16_t port, const std::string& path) {
    return caller.send_raw(port, "PUT", path, json{{"resStar", FakeAusf::kResStar}}.dump(), with_json({}));
  }

  FakeAusf old_ausf;
  FakeUdm old_udm;
  std::shared_ptr<const crypto::KeyEncryptionKey> kek =
      std::make_shared<const crypto::KeyEncryptionKey>(crypto::random_octets<32>());
};

}  // namespace test
