#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ue-sim/secure_element.hpp"

/// Devices of a lab on disk, JSON Lines, one a device. The file holds eK, for the simulator is the Secure Element: mode
/// 0600.
namespace ue_sim {

/// One line, with its end.
std::string to_line(const Device& device);

/// Throws std::runtime_error that says which member is wrong.
Device device_from_line(std::string_view line);

/// The dIMSI digits of a line of a device file or a ledger; empty if there are none.
std::string dimsi_of_line(std::string_view line);

}  // namespace ue_sim
