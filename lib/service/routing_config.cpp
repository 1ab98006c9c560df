#include "lib/service/routing_config.hpp"

#include <algorithm>

#include "lib/service/peer_uris.hpp"

namespace service {
namespace {

using core::RoutingTarget;

bool is_any(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

/// True if a request to `uri` would come back to this function; a connection to the address "any" comes here too. Another name or address of this
/// machine is found out by the first request only (MSG_LOOP_DETECTED).
bool is_own(const sbi::Uri& uri, const CommonConfig& common) {
  return std::any_of(common.http2.begin(), common.http2.end(), [&uri](const Listener& listener) {
    const bool is_first_loopback = listener.address == "127.0.0.1" || listener.address == "::1";
    const bool is_here = uri.host == listener.address || (is_any(listener.address) && (uri.is_at_loopback() || is_any(uri.host))) ||
                         (is_first_loopback && (uri.host == "localhost" || is_any(uri.host)));
    return is_here && uri.port == std::to_string(listener.port);
  });
}

std::vector<sbi::Uri> read_roots(const Section& section, const std::string& key, const CommonConfig& common) {
  std::vector<sbi::Uri> roots;
  for (const std::string& text : section.texts(key)) {
    try {
      sbi::Uri uri = sbi::Uri::parse(text);
      if (is_own(uri, common)) {
        section.problem(key, text + " is this function itself: requests would go round in a loop");
      } else {
        check_peer_uri(section, key, uri, common);
      }
      roots.push_back(std::move(uri));
    } catch (const std::invalid_argument& error) {
      section.problem(key, text + " " + error.what());
    }
  }
  return roots;
}

core::ServedByPeers read_peers(const Section& section, const CommonConfig& common) {
  core::ServedByPeers peers;
  const auto both = read_roots(section, "uri", common);
  peers.ausf = section.has("ausf") ? read_roots(section, "ausf", common) : both;
  peers.udm = section.has("udm") ? read_roots(section, "udm", common) : both;
  if (peers.ausf.empty() && peers.udm.empty()) section.problem("target", "uri needs uri, or ausf and udm: where the subscribers are served");
  return peers;
}

core::Refused read_refused(const Section& section) {
  core::Refused refused;
  refused.status = static_cast<int>(section.integer("status", 400, 599, 404));
  refused.cause = section.text("cause", "USER_NOT_FOUND");
  return refused;
}

RoutingTarget read_target(const Section& section, const CommonConfig& common, bool has_nrf) {
  const std::string target = section.text("target");
  if (target == "local" || target.empty()) return core::ServedHere();
  if (target == "uri") return read_peers(section, common);
  if (target == "reject") return read_refused(section);
  if (target == "nrf") {
    if (!has_nrf) section.problem("target", "nrf needs client: nrf, whom to ask");
    return core::ServedByDiscovery();
  }
  section.problem("target", target + " is none of local, uri, nrf, reject");
  return core::ServedHere();
}

std::optional<std::string> read_routing_indicator(const Section& section) {
  if (!section.has("routing_indicator")) return std::nullopt;
  std::string text = section.text("routing_indicator");
  const bool is_sound = !text.empty() && text.size() <= 4 && text.find_first_not_of("0123456789") == std::string::npos;
  if (!is_sound) section.problem("routing_indicator", "is not 1 to 4 digits (quote them)");
  return text;
}

/// The entry; nothing if its subscribers cannot be told. What is wrong is noted in either case.
std::optional<core::RoutingEntry> read_entry(const Section& section, const CommonConfig& common, bool has_nrf) {
  const auto plmn = read_plmn(section.section("plmn", true));
  std::optional<core::ImsiRange> range;
  const bool has_range = section.has("imsi");
  if (has_range) range = read_imsi_range(section.section("imsi"));
  auto routing_indicator = read_routing_indicator(section);
  RoutingTarget target = read_target(section, common, has_nrf);
  if (!plmn || (has_range && !range)) return std::nullopt;
  if (range && !(plmn->is_home_of(range->from) && plmn->is_home_of(range->to))) {
    section.problem("imsi", "does not begin with " + plmn->prefix() + ", the entry's PLMN");
    return std::nullopt;
  }
  return core::RoutingEntry{*plmn, range, std::move(routing_indicator), std::move(target)};
}

}  // namespace

std::optional<profile::Plmn> read_plmn(const Section& section) {
  auto plmn = profile::Plmn::from(section.text("mcc"), section.text("mnc"));
  if (!plmn) section.problem("mcc", "mcc and mnc are not 3 and 2 or 3 digits (quote them: \"01\" is not 1)");
  return plmn;
}

std::optional<core::ImsiRange> read_imsi_range(const Section& section) {
  const auto from = profile::Imsi::from_digits(section.text("from"));
  const auto to = profile::Imsi::from_digits(section.text("to"));
  if (!from) section.problem("from", "is not 6 to 15 decimal digits");
  if (!to) section.problem("to", "is not 6 to 15 decimal digits");
  if (!from || !to) return std::nullopt;
  if (from->size() != to->size()) {
    section.problem("to", "has another number of digits than from");
    return std::nullopt;
  }
  if (*to < *from) {
    section.problem("to", "is before from");
    return std::nullopt;
  }
  return core::ImsiRange{*from, *to};
}

std::vector<core::ImsiRange> read_imsi_ranges(const Section& section, const std::string& key, const std::string& if_empty) {
  std::vector<core::ImsiRange> out;
  const auto sections = section.sections(key);
  if (section.has(key) && sections.empty()) section.problem(key, "is empty: " + if_empty);
  for (const Section& one : sections) {
    const auto range = read_imsi_range(one);
    if (!range) continue;
    const auto overlaps = [&range](const core::ImsiRange& other) { return range->contains(other.from) || other.contains(range->from); };
    if (std::any_of(out.begin(), out.end(), overlaps)) one.problem("from", "this range overlaps with another one of the same list");
    out.push_back(*range);
  }
  return out;
}

core::PlmnRouting read_routing(const Section& function, const CommonConfig& common, bool has_nrf) {
  if (!function.has("routing")) return {};
  const Section routing = function.section("routing");
  std::vector<core::RoutingEntry> entries;
  std::vector<Section> sections;
  for (const Section& section : routing.sections("entries")) {
    auto entry = read_entry(section, common, has_nrf);
    if (!entry) continue;
    entries.push_back(std::move(*entry));
    sections.push_back(section);
  }
  for (const core::RoutingFault& fault : core::faults_of(entries)) sections[fault.entry].problem("plmn", fault.what);
  RoutingTarget otherwise = core::ServedHere();
  if (routing.has("default")) {
    otherwise = read_target(routing.section("default"), common, has_nrf);
  } else {
    routing.problem("default", "is missing: subscribers that no entry matches would have no target");
  }
  return {std::move(entries), std::move(otherwise)};
}

}  // namespace service
