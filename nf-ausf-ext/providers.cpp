#include "nf-ausf-ext/providers.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/service/routing_config.hpp"

namespace ausf_ext {
namespace {

ProviderRanges read_provider(const service::Section& section) {
  ProviderRanges out;
  out.peer = section.text("peer");
  if (!section.has("dimsi_ranges")) section.problem("dimsi_ranges", "is missing");
  out.ranges = service::read_imsi_ranges(section, "dimsi_ranges", "this provider could offer nothing");
  return out;
}

}  // namespace

void Providers::require_right(const Provider& provider, const profile::DiscoveryImsi& dimsi) const {
  if (entries_.empty() || !provider) return;
  const auto entry = std::find_if(entries_.begin(), entries_.end(), [&provider](const ProviderRanges& one) { return one.peer == *provider; });
  base::require(entry != entries_.end(), "NOT_OWNER", "this service provider may offer nothing here: it has no entry in ausf_ext.providers");
  const bool is_in_range = std::any_of(entry->ranges.begin(), entry->ranges.end(),
                                       [&dimsi](const core::ImsiRange& range) { return range.contains(dimsi.imsi()); });
  base::require(is_in_range, "NOT_OWNER", "this dIMSI is in no range of this service provider");
}

Providers read_providers(const service::Section& function) {
  std::vector<ProviderRanges> entries;
  const auto sections = function.sections("providers");
  if (function.has("providers") && sections.empty()) function.problem("providers", "is empty: leave it out to let each provider offer every dIMSI");
  for (const service::Section& section : sections) {
    ProviderRanges entry = read_provider(section);
    const auto is_same = [&entry](const ProviderRanges& other) { return other.peer == entry.peer; };
    if (std::any_of(entries.begin(), entries.end(), is_same)) section.problem("peer", entry.peer + " has an entry already");
    entries.push_back(std::move(entry));
  }
  return Providers(std::move(entries));
}

}  // namespace ausf_ext
