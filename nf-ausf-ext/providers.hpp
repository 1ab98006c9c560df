#pragma once

#include <string>
#include <vector>

#include "lib/core/plmn_routing.hpp"
#include "lib/service/yaml.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {

/// The dIMSIs that a service provider may offer.
struct ProviderRanges {
  std::string peer;                    ///< the name in its certificate, or the NF instance id of its token
  std::vector<core::ImsiRange> ranges;  ///< not empty
};

/// Who may offer which dIMSIs: no service provider keeps another one from offering its own devices. Immutable.
///
/// Without any entry every service provider may offer every dIMSI; the first one that offers it has it. With entries, who has none may offer nothing.
/// Ranges of two providers may overlap: there the first one has it still. Anonymous peers, in a lab, are not held to any.
class Providers {
 public:
  Providers() = default;
  explicit Providers(std::vector<ProviderRanges> entries) : entries_(std::move(entries)) {}

  /// Throws Error{forbidden, NOT_OWNER} unless the provider may offer this dIMSI.
  void require_right(const Provider& provider, const profile::DiscoveryImsi& dimsi) const;

 private:
  std::vector<ProviderRanges> entries_;
};

/// Reads `providers` of the function's section: a list of {peer, dimsi_ranges}; faults are noted in its document.
Providers read_providers(const service::Section& function);

}  // namespace ausf_ext
