#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/profile/identity.hpp"

/// The serving network name (TS 24.501, 9.12.1; TS 29.571, ServingNetworkName).
namespace aka {

/// True for `5G:mncNNN.mccNNN.3gppnetwork.org`, with or without `:` and a NID of 11 upper-case hex digits.
bool is_serving_network_name(std::string_view name);

/// `5G:mncNNN.mccNNN.3gppnetwork.org` of a PLMN: an MNC of 2 digits gets a 0 in front (TS 24.501, 9.12.1).
std::string serving_network_name(const profile::Plmn& plmn);

/// The serving network identity of EPS, 3 octets: MCC digits 2 and 1; MNC digit 3 (F where there is none) and MCC digit 3; MNC
/// digits 2 and 1 (TS 33.401, A.2).
std::array<std::uint8_t, 3> plmn_octets(const profile::Plmn& plmn);

}  // namespace aka
