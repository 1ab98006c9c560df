#pragma once

#include <array>
#include <cstdint>

namespace profile {

/// arpfKeyId: the 20-octet subjectKeyIdentifier of CERT.ARPF.ECKA (PROTOCOL.md, section 4).
using ArpfKeyId = std::array<std::uint8_t, 20>;

}  // namespace profile
