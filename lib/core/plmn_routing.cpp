#include "lib/core/plmn_routing.hpp"

#include <algorithm>
#include <set>

namespace core {
namespace {

using profile::Imsi;
using profile::Plmn;

bool is_plmn_of(const RoutingEntry& entry, const RoutedSubscriber& subscriber) {
  if (subscriber.home_network) return *subscriber.home_network == entry.plmn;
  return subscriber.imsi && entry.plmn.is_home_of(*subscriber.imsi);
}

bool matches(const RoutingEntry& entry, const RoutedSubscriber& subscriber) {
  if (!is_plmn_of(entry, subscriber)) return false;
  if (entry.imsis && !(subscriber.imsi && entry.imsis->contains(*subscriber.imsi))) return false;
  return !entry.routing_indicator || (subscriber.home_network && *entry.routing_indicator == subscriber.routing_indicator);
}

std::uint64_t size_of(const ImsiRange& range) { return range.to.value() - range.from.value() + 1; }

/// True if `a` says more about a subscriber than `b` does, both matching.
bool is_more_specific(const RoutingEntry& a, const RoutingEntry& b) {
  if (a.imsis && b.imsis && size_of(*a.imsis) != size_of(*b.imsis)) return size_of(*a.imsis) < size_of(*b.imsis);
  if (a.imsis.has_value() != b.imsis.has_value()) return a.imsis.has_value();
  if (a.routing_indicator.has_value() != b.routing_indicator.has_value()) return a.routing_indicator.has_value();
  return a.plmn.prefix().size() > b.plmn.prefix().size();
}

bool is_inside(const ImsiRange& inner, const ImsiRange& outer) {
  return outer.contains(inner.from) && outer.contains(inner.to);
}

/// Why two entries cannot stand in one table; empty if they can.
std::string conflict_of(const RoutingEntry& a, const RoutingEntry& b) {
  const bool is_same_plmn = a.plmn == b.plmn;
  if (!is_same_plmn) {
    const std::string first = a.plmn.prefix();
    const std::string second = b.plmn.prefix();
    const bool is_prefix = first.starts_with(second) || second.starts_with(first);
    const bool either_has_range = a.imsis || b.imsis;
    if (!is_prefix || either_has_range) return "";
    return "a SUPI does not tell " + a.plmn.mcc + "/" + a.plmn.mnc + " from " + b.plmn.mcc + "/" + b.plmn.mnc +
           ": give ranges of IMSIs to one of them";
  }
  if (a.imsis.has_value() != b.imsis.has_value()) return "";
  if (a.imsis && a.routing_indicator == b.routing_indicator) {
    const bool touches = a.imsis->from.size() == b.imsis->from.size() && a.imsis->from <= b.imsis->to && b.imsis->from <= a.imsis->to;
    const bool is_nested = touches && !(*a.imsis == *b.imsis) && (is_inside(*a.imsis, *b.imsis) || is_inside(*b.imsis, *a.imsis));
    return touches && !is_nested ? "its range of IMSIs overlaps with another entry's, and neither holds the other" : "";
  }
  if (a.imsis || a.routing_indicator != b.routing_indicator) return "";
  return a.routing_indicator ? "another entry has the same PLMN and routing indicator" : "another entry has the same PLMN";
}

}  // namespace

PlmnRouting::PlmnRouting(std::vector<RoutingEntry> entries, RoutingTarget otherwise)
    : entries_(std::move(entries)), otherwise_(std::move(otherwise)) {
  std::stable_sort(entries_.begin(), entries_.end(), is_more_specific);
}

PlmnRouting::Match PlmnRouting::find(const RoutedSubscriber& subscriber) const {
  for (const RoutingEntry& entry : entries_) {
    if (matches(entry, subscriber)) return {entry.target, entry.plmn};
  }
  return {otherwise_, subscriber.home_network};
}

bool PlmnRouting::is_all_here() const noexcept {
  const auto is_here = [](const RoutingEntry& entry) { return std::holds_alternative<ServedHere>(entry.target); };
  return std::holds_alternative<ServedHere>(otherwise_) && std::all_of(entries_.begin(), entries_.end(), is_here);
}

bool PlmnRouting::serves_here(const ImsiRange& range) const {
  // Between two neighbouring borders of ranges and of PLMNs every IMSI matches alike.
  const std::size_t digits = range.from.size();
  std::set<std::uint64_t> borders{range.from.value()};
  for (const RoutingEntry& entry : entries_) {
    const std::string prefix = entry.plmn.prefix();
    const auto first = Imsi::from_digits(prefix + std::string(digits - prefix.size(), '0'));
    const auto last = Imsi::from_digits(prefix + std::string(digits - prefix.size(), '9'));
    if (first && last) borders.insert({first->value(), last->value() + 1});
    if (entry.imsis && entry.imsis->from.size() == digits) borders.insert({entry.imsis->from.value(), entry.imsis->to.value() + 1});
  }
  return std::all_of(borders.begin(), borders.end(), [&](std::uint64_t border) {
    const auto imsi = Imsi::from_value(border, digits);
    if (!imsi || !range.contains(*imsi)) return true;
    return std::holds_alternative<ServedHere>(find({*imsi, std::nullopt, ""}).target);
  });
}

bool PlmnRouting::has_ranges_of(const Plmn& plmn) const {
  return std::any_of(entries_.begin(), entries_.end(), [&plmn](const RoutingEntry& entry) { return entry.imsis && entry.plmn == plmn; });
}

std::vector<RoutingFault> faults_of(const std::vector<RoutingEntry>& entries) {
  std::vector<RoutingFault> faults;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      std::string conflict = conflict_of(entries[i], entries[earlier]);
      if (!conflict.empty()) faults.push_back({i, std::move(conflict)});
    }
  }
  return faults;
}

}  // namespace core
