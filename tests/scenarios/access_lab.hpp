#pragma once

#include <array>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nf-arpf/access.hpp"
#include "nf-ausf-ext/access.hpp"
#include "nf-d-ausf/access.hpp"
#include "tests/scenarios/routing_lab.hpp"

/// The routes of each function and who may call them (docs/ACCESS.md), and configurations in which one peer has each role: the same for peers that are
/// known by certificates, and by tokens.
namespace test {

inline constexpr std::array kAllRoles{service::Role::administrator,    service::Role::mobile_operator, service::Role::target_ausf,
                                      service::Role::access_network,   service::Role::ausf,            service::Role::core_function,
                                      service::Role::service_provider, service::Role::rsmf,            service::Role::d_ausf};

/// The name of the one peer of a role.
using NameOfRole = std::string (*)(service::Role);

/// True for the guard's refusal of who has not the role; what a handler refuses is another one.
inline bool is_refused_for_role(const Answer& answer) {
  return answer.verdict() == "403 NOT_OWNER" && answer.content()["detail"].get<std::string>().starts_with("this is for a peer that is ");
}

/// The rules of one function: its own, and those of nausf-* and nudm-*.
inline std::vector<service::AccessRule> rules_of(std::span<const service::AccessRule> own, bool has_core) {
  std::vector<service::AccessRule> out(own.begin(), own.end());
  for (const service::AccessRule& rule : service::core_rules()) {
    const bool is_of_core = rule.pattern.starts_with("/nausf-") || rule.pattern.starts_with("/nudm-");
    if (has_core && is_of_core) out.push_back(rule);
  }
  return out;
}
inline std::vector<service::AccessRule> rules_of_arpf() { return rules_of(arpf::kAccessRules, false); }
inline std::vector<service::AccessRule> rules_of_d_ausf() {
  auto rules = rules_of(d_ausf::kAccessRules, true);
  std::erase_if(rules, [](const service::AccessRule& rule) {  // what nf-ausf-ext alone serves, and nf-d-ausf relays
    const bool is_of_udm = rule.pattern.starts_with("/nudm-sdm/v2") || rule.pattern.starts_with("/nudm-uecm/v1");
    return is_of_udm || rule.pattern.ends_with("/eap-session");
  });
  return rules;
}
inline std::vector<service::AccessRule> rules_of_ausf_ext() { return rules_of(ausf_ext::kAccessRules, true); }

/// A target of the pattern.
inline std::string target_of(std::string_view pattern) {
  std::string out(pattern);
  out = std::regex_replace(out, std::regex(R"(\{dimsi\})"), "901700000000001");
  out = std::regex_replace(out, std::regex(R"(\{rest\.\.\.\})"), "v9/nothing/here");
  return std::regex_replace(out, std::regex(R"(\{[A-Za-z]+\})"), "x");
}

/// Calls `check` with each rule, and each method that its route is asked for: several, where it is one of any method (`*`).
template <class Check>
void for_each_route(const std::vector<service::AccessRule>& rules, const Check& check) {
  for (const service::AccessRule& rule : rules) {
    std::vector<std::string> methods{std::string(rule.method)};
    if (rule.method == "*") methods = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (const std::string& method : methods) check(rule, method);
  }
}

inline std::vector<service::PeerRights> one_peer_a_role(NameOfRole name_of) {
  std::vector<service::PeerRights> out;
  for (const service::Role role : kAllRoles) out.push_back({name_of(role), {role}, {}});
  return out;
}
/// Routes for whatever is not served here exist with a routing table; this one sends nobody anywhere.
inline core::PlmnRouting refusing_others(std::vector<core::RoutingEntry> own) { return {std::move(own), core::Refused{404, "USER_NOT_FOUND"}}; }

inline arpf::Config with_roles(arpf::Config config, NameOfRole name_of) {
  config.operators_by_peer = {{name_of(service::Role::mobile_operator), "Test Operator"}};
  config.administrators = {name_of(service::Role::administrator)};
  return config;
}
inline d_ausf::Config with_roles(d_ausf::Config config, NameOfRole name_of) {
  config.owners = d_ausf::Owners({{name_of(service::Role::target_ausf), std::nullopt, {}}});
  config.peers = one_peer_a_role(name_of);
  config.routing = refusing_others({{plmn_of("901", "70"), std::nullopt, std::nullopt, core::ServedHere()}});
  return config;
}
inline ausf_ext::Config with_roles(ausf_ext::Config config, NameOfRole name_of) {
  config.access = service::Access(one_peer_a_role(name_of));
  config.routing = refusing_others({{plmn_of("001", "01"), core::ImsiRange{config.pools[0].from, config.pools[0].to}, std::nullopt, core::ServedHere()}});
  config.bootstrap_subscription = ausf_ext::BootstrapSubscription();
  return config;
}

}  // namespace test
