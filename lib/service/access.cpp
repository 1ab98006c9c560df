#include "lib/service/access.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "lib/base/error.hpp"
#include "lib/core/hss_ueau.hpp"
#include "lib/sbi/uri.hpp"
#include "lib/service/config.hpp"

namespace service {
namespace {

constexpr std::array<std::string_view, 9> kNames{"administrator", "operator",         "target_ausf", "access_network", "ausf",
                                                 "core_function", "service_provider", "rsmf",        "d_ausf"};
constexpr std::string_view kEverybody = "*";

std::vector<Role> all_roles() {
  std::vector<Role> out;
  for (std::size_t i = 0; i < kNames.size(); ++i) out.push_back(static_cast<Role>(i));
  return out;
}

Roles read_roles(const Section& entry, Roles known) {
  Roles out;
  const auto names = entry.texts("as");
  if (names.empty()) entry.problem("as", "is missing: what this peer is, " + known.text());
  for (const std::string& wanted : names) {
    const auto roles = all_roles();
    const auto found = std::find_if(roles.begin(), roles.end(), [&](Role role) { return known.has(role) && name(role) == wanted; });
    if (found == roles.end()) {
      entry.problem("as", wanted + " is not " + known.text());
    } else {
      out.add(*found);
    }
  }
  return out;
}

PeerRights read_rights(const Section& entry, Roles known) {
  PeerRights rights{entry.text("peer"), read_roles(entry, known), {}, entry.text("set", "")};
  if (rights.peer == sbi::kAnonymous) entry.problem("peer", "anonymous peers have no entry: without TLS or tokens they may do everything");
  const bool is_risky = rights.roles.intersects({Role::administrator, Role::ausf, Role::service_provider, Role::rsmf, Role::d_ausf});
  if (rights.peer == kEverybody && is_risky) entry.problem("peer", "* is for an access_network or a core_function only: name the peers that may do more");
  const auto networks = entry.texts("serving_networks");
  rights.serving_networks.insert(networks.begin(), networks.end());
  for (const std::string& network : networks) {
    if (!core::is_key_binding(network)) entry.problem("serving_networks", network + kNoKeyBinding);
  }
  if (networks.empty() && entry.has("serving_networks")) entry.problem("serving_networks", "is empty: leave it out for every serving network");
  const bool may_be_bound = rights.roles.intersects({Role::access_network, Role::ausf});
  if (!networks.empty() && !may_be_bound) entry.problem("serving_networks", "are for an access_network or an ausf only");
  if (!rights.set.empty() && !rights.roles.has(Role::access_network)) entry.problem("set", "is for an access_network only");
  return rights;
}

const AccessRule* find(std::span<const AccessRule> table, const sbi::Route& route) {
  const auto rule = std::find_if(table.begin(), table.end(), [&route](const AccessRule& one) {
    return one.method == route.method && one.pattern == route.pattern;
  });
  return rule == table.end() ? nullptr : &*rule;
}

bool is_at_loopback(const Listener& listener) { return sbi::is_loopback_address(listener.address); }

/// A lab in which callers may say who they are: those who do are held to their roles.
bool may_know_peers(const CommonConfig& common) {
  const auto asks = [](const Listener& listener) { return listener.tls && listener.tls->asks_for_certificates(); };
  const bool is_asked = common.tokens || std::any_of(common.http2.begin(), common.http2.end(), asks);
  return is_asked && std::all_of(common.http2.begin(), common.http2.end(), is_at_loopback) &&
         std::all_of(common.http1.begin(), common.http1.end(), is_at_loopback);
}

}  // namespace

std::string_view name(Role role) { return kNames.at(static_cast<std::size_t>(role)); }

std::string Roles::text() const {
  std::string out;
  for (const Role role : all_roles()) {
    if (has(role)) out.append(out.empty() ? "" : " or ").append(name(role));
  }
  return out;
}

template <class Visit>
void Access::visit(const sbi::Peer& peer, Visit visit) const {
  for (const PeerRights& rights : peers_) {
    if (rights.peer == peer.name || rights.peer == kEverybody) visit(rights);
  }
}

Roles Access::roles_of(const sbi::Peer& peer) const {
  Roles roles;
  if (!peer.is_anonymous()) visit(peer, [&roles](const PeerRights& rights) { roles.add(rights.roles); });
  return roles;
}

bool Access::has_any(Roles roles) const {
  return std::any_of(peers_.begin(), peers_.end(), [roles](const PeerRights& rights) { return rights.roles.intersects(roles); });
}

void Access::require(const AccessRule& rule, const sbi::Peer& peer) const {
  if (rule.roles.is_empty() || peer.is_anonymous() || roles_of(peer).intersects(rule.roles)) return;
  throw base::Error(base::ErrorKind::forbidden, "NOT_OWNER",
                    "this is for a peer that is " + rule.roles.text() + " by this function's configuration; the caller is not");
}

bool Access::may_everything(const sbi::Peer& peer) const { return peer.is_anonymous() || roles_of(peer).has(Role::administrator); }

std::string Access::party_of(const sbi::Peer& peer) const {
  if (peer.is_anonymous()) return {};
  std::string set;
  visit(peer, [&](const PeerRights& rights) {  // its own entry goes before that of everybody
    if (!rights.set.empty() && (set.empty() || rights.peer == peer.name)) set = rights.set;
  });
  return set.empty() ? "peer " + peer.name : "set " + set;
}

void Access::require_serving_network(const sbi::Peer& peer, Role role, std::string_view serving_network_name) const {
  if (peer.is_anonymous()) return;
  bool is_bound = false;
  bool is_allowed = false;
  visit(peer, [&](const PeerRights& rights) {
    if (!rights.roles.has(role)) return;
    (rights.serving_networks.empty() ? is_allowed : is_bound) = true;
    is_allowed = is_allowed || rights.serving_networks.contains(std::string(serving_network_name));
  });
  if (is_allowed || !is_bound) return;
  throw base::Error(base::ErrorKind::forbidden, "SERVING_NETWORK_NOT_AUTHORIZED",
                    "the caller does not speak for this serving network here (bare CK and IK are for every one)");
}

std::vector<AccessRule> rules_of(const sbi::Router& router, std::span<const AccessRule> table) {
  std::vector<AccessRule> out;
  for (const sbi::Route& route : router.routes()) {
    const AccessRule* rule = find(table, route);
    if (rule == nullptr) rule = find(core_rules(), route);
    if (rule == nullptr) throw std::logic_error("no rule says who may " + route.method + " " + route.pattern);
    out.push_back(*rule);
  }
  return out;
}

void require_somebody(const Section& function, const std::string& key, const Access& access, Roles roles) {
  if (access.has_any(roles)) return;
  function.problem(key, "names no peer that is " + roles.text() + ", and a listener demands certificates: everybody would be refused");
}

void require_known_peers(const Section& function, const std::string& key, const CommonConfig& common) {
  if (!function.has(key) || common.knows_peers || may_know_peers(common)) return;
  function.problem(key, "says who is what, but every caller may stay anonymous and is everybody then: give the listeners of sbi: server tls with ca and "
                        "verify_client: true, or sbi oauth2 with mode: required, or leave this out");
}

std::vector<PeerRights> read_access(const Section& function, Roles roles) {
  std::vector<PeerRights> out;
  for (const Section& entry : function.sections("access")) out.push_back(read_rights(entry, roles));
  return out;
}

}  // namespace service
