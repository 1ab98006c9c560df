#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sbi/router.hpp"
#include "lib/service/yaml.hpp"

/// Who may ask what (docs/ACCESS.md): each function has one table of rules, a rule a route, and its configuration says which peer is what.
namespace service {

struct CommonConfig;

/// What a peer is to a function. A peer may be several things.
enum class Role : std::uint8_t {
  administrator,
  mobile_operator,   ///< of nf-arpf: an entry of `operators`
  target_ausf,       ///< of nf-d-ausf: an entry of `owners`
  access_network,    ///< an AMF or SEAF, or an AUSF that relays for one: asks for challenges (nausf-auth)
  ausf,              ///< an AUSF or HSS that has this function as its UDM: is given vectors with their keys (nudm-ueau)
  core_function,     ///< an AMF, SMF and others that ask a UDM for a subscription (nudm-sdm, nudm-uecm, ...)
  service_provider,  ///< offers devices
  rsmf,              ///< the remote subscription manager: retires devices
  d_ausf,            ///< of nf-ausf-ext: a Discovery AUSF, which tells of receipts
};

/// `access_network`, as configurations have it.
std::string_view name(Role role);

class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) add(role);
  }
  constexpr void add(Role role) { bits_ = static_cast<std::uint16_t>(bits_ | 1U << static_cast<unsigned>(role)); }
  constexpr void add(Roles roles) { bits_ = static_cast<std::uint16_t>(bits_ | roles.bits_); }
  [[nodiscard]] constexpr bool has(Role role) const { return (bits_ >> static_cast<unsigned>(role) & 1U) != 0; }
  [[nodiscard]] constexpr bool intersects(Roles other) const { return (bits_ & other.bits_) != 0; }
  [[nodiscard]] constexpr bool is_empty() const { return bits_ == 0; }
  /// `access_network or administrator`
  [[nodiscard]] std::string text() const;

 private:
  std::uint16_t bits_ = 0;
};

/// Who may call a route: whoever has one of these roles. Without roles: everybody who reaches the listener, without a token as well.
struct AccessRule {
  std::string_view method;
  std::string_view pattern;  ///< as the router's
  Roles roles;
};

/// What a configuration says of one peer.
struct PeerRights {
  std::string peer;  ///< the name in its certificate, or the NF instance id of its token; `*`: every peer that is known by either
  Roles roles;
  std::set<std::string> serving_networks;  ///< for which it may ask, as an access network or an AUSF (core::key_binding); empty: all
  std::string set = {};  ///< as an access network: goes on with what another one of this set began (an AMF set); empty: with its own only
};

/// Immutable, safe to share.
class Access {
 public:
  /// Nobody has any role: a lab without TLS, where every caller is anonymous and may do everything.
  Access() = default;
  explicit Access(std::vector<PeerRights> peers) : peers_(std::move(peers)) {}

  void add(std::string peer, Role role) { peers_.push_back({std::move(peer), {role}, {}}); }
  [[nodiscard]] bool is_empty() const noexcept { return peers_.empty(); }

  /// True if any peer has one of them.
  [[nodiscard]] bool has_any(Roles roles) const;

  /// Those of its own entries and of `*`.
  [[nodiscard]] Roles roles_of(const sbi::Peer& peer) const;

  /// Throws Error{forbidden, NOT_OWNER} unless the peer is anonymous, or has one of the rule's roles.
  void require(const AccessRule& rule, const sbi::Peer& peer) const;

  /// True for a peer that is anonymous or an administrator: it may do everything that is there for others.
  [[nodiscard]] bool may_everything(const sbi::Peer& peer) const;

  /// For whom the peer begins an authentication: the same text for those who may go on with it, the peer itself or its whole set, and for
  /// nobody else. Empty for anonymous peers, who are all the same.
  [[nodiscard]] std::string party_of(const sbi::Peer& peer) const;

  /// Throws Error{forbidden, SERVING_NETWORK_NOT_AUTHORIZED} if the peer, in this role, may ask for some serving networks only, and not for
  /// this one. `serving_network_name`: or what else the keys are bound to that it asks for (core::key_binding).
  void require_serving_network(const sbi::Peer& peer, Role role, std::string_view serving_network_name) const;

 private:
  template <class Visit>
  void visit(const sbi::Peer& peer, Visit visit) const;

  std::vector<PeerRights> peers_;
};

/// The routes that every function may have: those of nausf-* and nudm-*, served here or relayed, and those of the function itself.
std::span<const AccessRule> core_rules();

/// The rule of each route of the router, in the order of its routes. Throws std::logic_error for a route without one: nothing is served
/// that nobody thought about.
/// `table`: of the function, beside core_rules().
std::vector<AccessRule> rules_of(const sbi::Router& router, std::span<const AccessRule> table);

/// What is wrong with an entry of `serving_networks` (core::is_key_binding), behind it.
inline constexpr const char* kNoKeyBinding =
    " is neither of the form 5G:mnc001.mcc001.3gppnetwork.org, nor HRPD, WIMAX, WLAN or ETHERNET (EAP-AKA'), nor EAP_AKA, IMS_AKA, GBA_AKA or "
    "UMTS_AKA (CK and IK, for any network)";

/// Reads `access` of a function: a list of {peer, as, serving_networks}. `roles`: those that it gives at this function.
std::vector<PeerRights> read_access(const Section& function, Roles roles);

/// Notes a problem if a listener knows its peers and nobody has one of these roles: what they are for would be refused to everybody.
/// `key`: where they are given.
void require_somebody(const Section& function, const std::string& key, const Access& access, Roles roles);

/// Notes a problem if `key`, which says who is what, stands there and every caller may stay anonymous, who is everybody: no listener demands
/// certificates, and no access token is required. Where all listeners are at loopback addresses, a lab, it is enough that a caller may show one of
/// the two.
void require_known_peers(const Section& function, const std::string& key, const CommonConfig& common);

}  // namespace service
