#include "nf-d-ausf/config.hpp"

#include <algorithm>

#include "lib/sbi/message.hpp"
#include "lib/service/home_network_keys.hpp"
#include "lib/service/peer_uris.hpp"
#include "lib/service/routing_config.hpp"

namespace d_ausf {
namespace {

/// Lookups ask for rows at random: read through a mapping each costs about two thirds (docs/decisions/0018).
constexpr std::int64_t kMappedMib = 2047;

using std::chrono::milliseconds;

std::optional<DimsiRange> read_range(const service::Section& section) {
  const auto read_end = [&section](const char* key) {
    const std::string digits = section.text(key);
    const auto dimsi = profile::DiscoveryImsi::from_digits(digits);
    if (!dimsi && !digits.empty()) section.problem(key, "is not 6 to 15 decimal digits");
    return dimsi;
  };
  const auto from = read_end("from");
  const auto to = read_end("to");
  if (!from || !to) return std::nullopt;
  if (from->imsi().size() != to->imsi().size()) {
    section.problem("to", "has another number of digits than from");
    return std::nullopt;
  }
  if (*to < *from) {
    section.problem("to", "is before from");
    return std::nullopt;
  }
  return DimsiRange{*from, *to};
}

void read_ranges(const service::Section& section, const core::PlmnRouting& routing, OwnerRights& rights) {
  const auto ranges = section.sections("dimsi_ranges");
  const bool has_all = section.boolean("all_dimsis", rights.peer == sbi::kAnonymous);  // in a lab
  if (section.has("dimsi_ranges") && ranges.empty()) section.problem("dimsi_ranges", "is empty: say all_dimsis: true for all dIMSIs");
  if (!section.has("dimsi_ranges") && !has_all) section.problem("dimsi_ranges", "is missing: which dIMSIs the peer may preload; or say all_dimsis: true");
  if (section.has("dimsi_ranges") && section.has("all_dimsis")) section.problem("all_dimsis", "beside dimsi_ranges: say the one or the other");
  for (const service::Section& one : ranges) {
    const auto range = read_range(one);
    if (!range) continue;
    if (!routing.serves_here({range->from.imsi(), range->to.imsi()})) {
      one.problem("from", "the routing table sends dIMSIs of this range elsewhere: their vectors would never be served");
    }
    const auto overlaps = [&range](const DimsiRange& other) { return range->contains(other.from) || other.contains(range->from); };
    if (std::any_of(rights.ranges.begin(), rights.ranges.end(), overlaps)) {
      one.problem("from", "this range overlaps with another one of the same peer");
    }
    rights.ranges.push_back(*range);
  }
}

OwnerRights read_owner(const service::Section& section, const Config& config) {
  OwnerRights rights;
  rights.peer = section.text("peer");
  if (rights.peer == "*") section.problem("peer", "* stands for nobody here: name the peers");
  if (section.has("notification_origin")) {
    const sbi::Uri origin = service::read_peer_uri(section, "notification_origin", config.common);
    if (!origin.path.empty()) section.problem("notification_origin", "has a path; an origin is http(s)://host:port");
    rights.notification_origin = origin;
  }
  read_ranges(section, config.routing, rights);
  return rights;
}

/// `config`: with the routing table, and what is common.
Owners read_owners(const service::Section& function, const Config& config) {
  std::vector<OwnerRights> entries;
  const auto sections = function.sections("owners");
  if (function.has("owners") && sections.empty()) function.problem("owners", "is empty: leave it out to let everybody preload");
  for (const service::Section& section : sections) {
    OwnerRights rights = read_owner(section, config);
    const auto is_same = [&rights](const OwnerRights& other) { return other.peer == rights.peer; };
    if (std::any_of(entries.begin(), entries.end(), is_same)) section.problem("peer", rights.peer + " has an entry already");
    entries.push_back(std::move(rights));
  }
  return Owners(std::move(entries));
}

base::ErrorKind read_receipt_answer(const service::Section& function) {
  const std::int64_t status = function.integer("receipt_status", 100, 599, 504);
  if (status == 500) return base::ErrorKind::internal;
  if (status != 504) {
    function.problem("receipt_status", std::to_string(status) + " is neither 500 nor 504: others cost the device its time, or its USIM");
  }
  return base::ErrorKind::gateway_timeout;
}

ReceiptLimits read_receipt_limits(const service::Section& section) {
  ReceiptLimits limits;
  limits.first_pause = milliseconds(section.integer("first_pause_ms", 10, 60000, limits.first_pause.count()));
  limits.longest_pause = milliseconds(section.integer("longest_pause_ms", 10, 86400000, limits.longest_pause.count()));
  limits.max_in_flight = static_cast<std::size_t>(
      section.integer("max_in_flight", 1, 10000, static_cast<std::int64_t>(limits.max_in_flight)));
  if (limits.longest_pause < limits.first_pause) section.problem("longest_pause_ms", "is shorter than first_pause_ms");
  return limits;
}

}  // namespace

service::Access access_of(const Config& config) {
  service::Access access(config.peers);
  for (const std::string& owner : config.owners.peers()) access.add(owner, service::Role::target_ausf);
  return access;
}

Config read_config(const service::Section& root) {
  Config config;
  config.common = service::read_common(root, "d_ausf", kMappedMib);
  const service::Section function = root.section("d_ausf");
  config.home_network_keys = service::read_home_network_keys(function);
  config.routing = service::read_routing(function, config.common, !config.common.nrf.uris.empty());
  config.owners = read_owners(function, config);
  using service::Role;
  config.peers = service::read_access(function, {Role::access_network, Role::ausf, Role::core_function});
  service::require_known_peers(function, "access", config.common);  // `owners` refuse anonymous peers that they do not name
  if (config.common.knows_peers) {
    service::require_somebody(function, "owners", access_of(config), {Role::target_ausf});
    service::require_somebody(function, "access", access_of(config), {Role::access_network, Role::ausf});
  }
  config.common.direct = config.owners.origins();  // owners are told of receipts where they are, not through an SCP
  config.receipt_answer = read_receipt_answer(function);
  config.receipts = read_receipt_limits(function.section("receipts"));
  config.serving_notes_per_second = static_cast<std::size_t>(
      function.integer("serving_notes_per_second", 10, 1000000, static_cast<std::int64_t>(config.serving_notes_per_second)));
  return config;
}

}  // namespace d_ausf
