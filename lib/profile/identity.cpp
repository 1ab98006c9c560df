#include "lib/profile/identity.hpp"

#include <algorithm>

#include "lib/base/digits.hpp"

namespace profile {
namespace {

using base::are_digits;

constexpr std::size_t kNibbles = 16;
constexpr std::uint64_t kFiller = 0xF;

/// Nibble `index`, from the most significant.
std::uint64_t nibble(std::uint64_t packed, std::size_t index) { return (packed >> (4 * (kNibbles - 1 - index))) & 0xF; }

/// The octet with its nibbles exchanged: packed order to TBCD order and back.
std::uint8_t exchange_nibbles(std::uint64_t octet) { return static_cast<std::uint8_t>((octet << 4) | (octet >> 4)); }

/// The number of leading nibbles that are not F.
std::size_t leading_digits(std::uint64_t packed) {
  std::size_t count = 0;
  while (count < kNibbles && nibble(packed, count) != kFiller) ++count;
  return count;
}

}  // namespace

std::optional<Imsi> Imsi::from_digits(std::string_view digits) {
  if (digits.size() < kMinDigits || digits.size() > kMaxDigits || !are_digits(digits)) return std::nullopt;
  std::uint64_t packed = 0;
  for (std::size_t i = 0; i < kNibbles; ++i) {
    packed = (packed << 4) | (i < digits.size() ? static_cast<std::uint64_t>(digits[i] - '0') : kFiller);
  }
  return Imsi(packed);
}

std::optional<Imsi> Imsi::from_tbcd(const TbcdImsi& octets) {
  std::uint64_t packed = 0;
  for (const std::uint8_t octet : octets) packed = (packed << 8) | exchange_nibbles(octet);
  return from_packed(packed);
}

std::optional<Imsi> Imsi::from_packed(std::uint64_t packed) {
  const std::size_t size = leading_digits(packed);
  if (size < kMinDigits || size > kMaxDigits) return std::nullopt;
  for (std::size_t i = 0; i < kNibbles; ++i) {
    const bool is_well_formed = i < size ? nibble(packed, i) <= 9 : nibble(packed, i) == kFiller;
    if (!is_well_formed) return std::nullopt;
  }
  return Imsi(packed);
}

std::string Imsi::digits() const {
  std::string out(size(), '0');
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>('0' + nibble(packed_, i));
  return out;
}

TbcdImsi Imsi::tbcd() const {
  TbcdImsi out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = exchange_nibbles((packed_ >> (8 * (out.size() - 1 - i))) & 0xFF);
  }
  return out;
}

std::size_t Imsi::size() const noexcept { return leading_digits(packed_); }

std::uint64_t Imsi::value() const {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size(); ++i) value = value * 10 + nibble(packed_, i);
  return value;
}

std::optional<Imsi> Imsi::from_value(std::uint64_t value, std::size_t size) {
  if (size > kMaxDigits) return std::nullopt;
  const std::string digits = std::to_string(value);
  if (digits.size() > size) return std::nullopt;
  return from_digits(std::string(size - digits.size(), '0') + digits);
}

std::optional<DiscoveryImsi> DiscoveryImsi::from_digits(std::string_view digits) {
  const auto imsi = Imsi::from_digits(digits);
  return imsi ? std::optional(DiscoveryImsi(*imsi)) : std::nullopt;
}

std::optional<DiscoveryImsi> DiscoveryImsi::from_packed(std::uint64_t packed) {
  const auto imsi = Imsi::from_packed(packed);
  return imsi ? std::optional(DiscoveryImsi(*imsi)) : std::nullopt;
}

std::optional<Plmn> Plmn::from(std::string_view mcc, std::string_view mnc) {
  const bool has_sizes = mcc.size() == 3 && (mnc.size() == 2 || mnc.size() == 3);
  if (!has_sizes || !are_digits(mcc) || !are_digits(mnc)) return std::nullopt;
  return Plmn{std::string(mcc), std::string(mnc)};
}

bool Plmn::is_home_of(const Imsi& imsi) const { return imsi.digits().starts_with(prefix()); }

}  // namespace profile
