#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lib/aka/milenage.hpp"

/// The resynchronisation token (TS 33.102, 6.3.3 and 6.3.5). Throws CryptoError only if OpenSSL itself fails.
namespace aka {

/// AUTS = (SQN_MS xor AK*) || MAC-S.
using Auts = std::array<std::uint8_t, 14>;

/// USIM side: AUTS for the challenge `rand`, with AMF* = 0000 (6.3.3).
Auts make_auts(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn_ms);

/// Home side: SQN_MS of an AUTS answered to `rand`; nothing unless its MAC-S is right, compared in constant time
/// (6.3.5). What to do with it: resynchronised() in sequence_number.hpp.
std::optional<SequenceNumber> open_auts(const SubscriberKeys& keys, const Rand& rand, const Auts& auts);

}  // namespace aka
