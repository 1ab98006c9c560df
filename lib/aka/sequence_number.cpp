#include "lib/aka/sequence_number.hpp"

#include <algorithm>
#include <stdexcept>

namespace aka {

SequenceNumber SequenceNumber::from_seq_and_ind(std::uint64_t seq, unsigned ind) {
  if (seq > kMaxSeq) throw std::invalid_argument("SEQ has more than 43 bits");
  if (ind >= kIndValues) throw std::invalid_argument("IND has more than 5 bits");
  return SequenceNumber((seq << kIndBits) | ind);
}

SequenceNumber SequenceNumber::from_value(std::uint64_t value) {
  if (value >> 48 != 0) throw std::invalid_argument("SQN has more than 48 bits");
  return SequenceNumber(value);
}

SequenceNumber SequenceNumber::from_octets(const SqnOctets& octets) noexcept {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : octets) value = (value << 8) | octet;
  return SequenceNumber(value);
}

SqnOctets SequenceNumber::octets() const noexcept {
  SqnOctets out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::uint8_t>((value_ >> (8 * (out.size() - 1 - i))) & 0xFF);
  }
  return out;
}

SequenceNumber advanced(const SequenceNumber& last, std::uint64_t steps, unsigned ind) {
  if (steps > SequenceNumber::kMaxSeq - last.seq()) throw std::overflow_error("the sequence numbers are exhausted");
  return SequenceNumber::from_seq_and_ind(last.seq() + steps, ind);
}

SequenceNumber resynchronised(const SequenceNumber& home, const SequenceNumber& mobile) {
  const std::uint64_t next_seq = home.seq() + 1;
  const bool is_next_accepted = next_seq > mobile.seq() && next_seq - mobile.seq() <= kMaxSeqStep;
  return is_next_accepted ? home : mobile;
}

UsimSequence::UsimSequence(const Entries& entries) : entries_(entries) {
  const auto is_too_large = [](std::uint64_t seq) { return seq > SequenceNumber::kMaxSeq; };
  if (std::ranges::any_of(entries_, is_too_large)) throw std::invalid_argument("SEQ has more than 43 bits");
}

bool UsimSequence::would_accept(const SequenceNumber& sqn) const noexcept {
  const std::uint64_t highest_seq = *std::ranges::max_element(entries_);
  const bool is_jump = sqn.seq() > highest_seq && sqn.seq() - highest_seq > kMaxSeqStep;  // C.2.1
  return !is_jump && sqn.seq() > entries_[sqn.ind()];                                     // C.2.2
}

bool UsimSequence::accept(const SequenceNumber& sqn) {
  if (!would_accept(sqn)) return false;
  entries_[sqn.ind()] = sqn.seq();
  return true;
}

SequenceNumber UsimSequence::highest() const {
  SequenceNumber highest;
  for (unsigned ind = 0; ind < SequenceNumber::kIndValues; ++ind) {
    if (entries_[ind] == 0) continue;  // nothing accepted with this IND
    highest = std::max(highest, SequenceNumber::from_seq_and_ind(entries_[ind], ind));
  }
  return highest;
}

}  // namespace aka
