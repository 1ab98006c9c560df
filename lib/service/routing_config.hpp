#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/core/plmn_routing.hpp"
#include "lib/service/config.hpp"

namespace service {

/// `routing` of a function's section: who serves whom, by PLMN (config/ausf-ext.yaml explains it); everybody here if it is absent.
/// Notes as problems: overlaps, a missing default, targets that are this function itself, or that check_peer_uri() refuses, a discovery without
/// an NRF (`has_nrf`).
core::PlmnRouting read_routing(const Section& function, const CommonConfig& common, bool has_nrf);

/// `from` and `to` of a section, IMSIs of one length in order; notes what is wrong and returns nothing then.
std::optional<core::ImsiRange> read_imsi_range(const Section& section);

/// A list of such ranges that must not overlap, or one; notes what is wrong, `if_empty` of a list without any.
std::vector<core::ImsiRange> read_imsi_ranges(const Section& section, const std::string& key, const std::string& if_empty);

/// `mcc` and `mnc` of a section; notes what is wrong and returns nothing then.
std::optional<profile::Plmn> read_plmn(const Section& section);

}  // namespace service
