#pragma once

#include <bit>
#include <cstdint>

namespace bench {

/// One number a counter, well mixed (SplitMix64): the same seed gives the same run.
inline std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(mix(seed)) {}
  std::uint64_t next() noexcept { return mix(state_++); }
  /// Uniform in 0 to `bound` - 1.
  std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64U);
  }

 private:
  std::uint64_t state_;
};

/// The numbers 0 to size - 1, each once, in an order that looks random, without a table: a Feistel network that walks cycles.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed)
      : size_(size), half_bits_((static_cast<unsigned>(std::bit_width(size - 1)) + 1) / 2), seed_(seed) {}

  [[nodiscard]] std::uint64_t at(std::uint64_t index) const noexcept {
    if (size_ < 2) return 0;
    do index = encrypt(index);
    while (index >= size_);
    return index;
  }

 private:
  [[nodiscard]] std::uint64_t encrypt(std::uint64_t value) const noexcept {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = value >> half_bits_;
    std::uint64_t right = value & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t next = left ^ (mix(right ^ (seed_ + (round << 56U))) & mask);
      left = right;
      right = next;
    }
    return (left << half_bits_) | right;
  }

  std::uint64_t size_;
  unsigned half_bits_;
  std::uint64_t seed_;
};

}  // namespace bench
