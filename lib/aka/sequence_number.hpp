#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>

/// Sequence numbers (TS 33.102, annex C): the home side's next one, the USIM's memory, resynchronisation.
namespace aka {

/// The 6 octets of SQN, big-endian.
using SqnOctets = std::array<std::uint8_t, 6>;

/// SQN = SEQ || IND, 48 bits: SEQ 43 bits, IND 5 bits (TS 33.102, C.1.1.1 and C.3). A value.
class SequenceNumber {
 public:
  static constexpr unsigned kIndBits = 5;
  static constexpr unsigned kIndValues = 1U << kIndBits;
  static constexpr std::uint64_t kMaxSeq = (std::uint64_t{1} << 43) - 1;

  constexpr SequenceNumber() = default;
  /// Throws std::invalid_argument unless `seq` <= kMaxSeq and `ind` < kIndValues.
  static SequenceNumber from_seq_and_ind(std::uint64_t seq, unsigned ind);
  /// Throws std::invalid_argument if `value` needs more than 48 bits.
  static SequenceNumber from_value(std::uint64_t value);
  static SequenceNumber from_octets(const SqnOctets& octets) noexcept;

  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }
  [[nodiscard]] std::uint64_t seq() const noexcept { return value_ >> kIndBits; }
  [[nodiscard]] unsigned ind() const noexcept { return static_cast<unsigned>(value_ & (kIndValues - 1)); }
  [[nodiscard]] SqnOctets octets() const noexcept;

  auto operator<=>(const SequenceNumber&) const = default;

 private:
  explicit constexpr SequenceNumber(std::uint64_t value) : value_(value) {}
  std::uint64_t value_ = 0;
};

/// The largest step of SEQ that a USIM accepts (TS 33.102, C.2.1 and C.3).
inline constexpr std::uint64_t kMaxSeqStep = std::uint64_t{1} << 28;

/// Home side: the sequence number whose SEQ is `steps` above that of `last`, for the index `ind` (TS 33.102, C.1.2).
/// Throws std::invalid_argument if `ind` >= 32, std::overflow_error if SEQ is exhausted.
SequenceNumber advanced(const SequenceNumber& last, std::uint64_t steps, unsigned ind);

/// Home side: the sequence number after `last`, for the index `ind`. Throws as advanced() does.
inline SequenceNumber next(const SequenceNumber& last, unsigned ind) { return advanced(last, 1, ind); }

/// Home side: the sequence number to go on from, given the SQN_MS of a verified AUTS (TS 33.102, 6.3.5): `home` if the
/// next one made from it would be accepted by the USIM, else `mobile`. The latter is behind `home` only if that was
/// more than kMaxSeqStep ahead of all that the USIM ever accepted.
SequenceNumber resynchronised(const SequenceNumber& home, const SequenceNumber& mobile);

/// USIM side: the highest SEQ accepted for each IND (TS 33.102, C.2.2). A value; not safe for several threads at once.
class UsimSequence {
 public:
  using Entries = std::array<std::uint64_t, SequenceNumber::kIndValues>;

  /// All zero, as a new USIM has it.
  UsimSequence() = default;
  /// As stored; throws std::invalid_argument if an entry exceeds SequenceNumber::kMaxSeq.
  explicit UsimSequence(const Entries& entries);

  /// Takes `sqn` if it is fresh: SEQ > SEQ_MS(IND), and SEQ - SEQ_MS <= kMaxSeqStep. If not: false, no change.
  bool accept(const SequenceNumber& sqn);
  /// What accept would return; changes nothing.
  [[nodiscard]] bool would_accept(const SequenceNumber& sqn) const noexcept;
  /// SQN_MS: the highest sequence number accepted anywhere in the array (among equal SEQ, that of the highest IND).
  [[nodiscard]] SequenceNumber highest() const;
  [[nodiscard]] const Entries& entries() const noexcept { return entries_; }

 private:
  Entries entries_{};
};

}  // namespace aka
