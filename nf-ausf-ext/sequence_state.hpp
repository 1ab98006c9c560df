#pragma once

#include <cstdint>

#include "lib/aka/sequence_number.hpp"

namespace ausf_ext {

/// What a subscriber's sequence numbers depend on, as its row has it. Where the global counter stands at v >= `counter`, all that was given out has a SEQ
/// of at most last.seq() + (v - counter): SEQ = GLC + DIF (TS 33.102, C.1.1.3), DIF being last.seq() - counter.
struct SequenceState {
  std::int64_t epoch = 0;      ///< of the device
  aka::SequenceNumber last;    ///< SEQ 0: none was ever given out
  std::uint64_t counter = 0;   ///< where the global counter stood when `last` was given out
};

}  // namespace ausf_ext
