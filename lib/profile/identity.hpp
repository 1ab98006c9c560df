#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Subscriber identities (PROTOCOL.md, section 2; TS 23.003, clause 2.2).
namespace profile {

/// The 8 octets of TBCD(imsi): digit 1 in the low nibble of octet 1; unused nibbles are F.
using TbcdImsi = std::array<std::uint8_t, 8>;

/// An IMSI of 6 to 15 decimal digits. A value: 8 octets, compared and ordered as text of equal length is.
class Imsi {
 public:
  static constexpr std::size_t kMinDigits = 6;
  static constexpr std::size_t kMaxDigits = 15;

  /// Nothing unless `digits` is 6 to 15 decimal digits.
  static std::optional<Imsi> from_digits(std::string_view digits);
  /// Nothing unless the octets are 6 to 15 digits, then F to the end.
  static std::optional<Imsi> from_tbcd(const TbcdImsi& octets);
  /// The inverse of packed(); nothing if `packed` is no such number.
  static std::optional<Imsi> from_packed(std::uint64_t packed);

  [[nodiscard]] std::string digits() const;
  [[nodiscard]] TbcdImsi tbcd() const;
  /// Sixteen BCD nibbles, digit 1 the most significant, filled with F: the key of every table, in the order of the digits.
  [[nodiscard]] std::uint64_t packed() const noexcept { return packed_; }
  [[nodiscard]] std::size_t size() const noexcept;
  /// The digits as a number, for ranges of IMSIs of one length.
  [[nodiscard]] std::uint64_t value() const;
  /// The IMSI of `size` digits whose number is `value`; nothing if it does not fit.
  static std::optional<Imsi> from_value(std::uint64_t value, std::size_t size);

  auto operator<=>(const Imsi&) const = default;

 private:
  explicit Imsi(std::uint64_t packed) : packed_(packed) {}
  std::uint64_t packed_;
};

/// The dIMSI: an IMSI by form, of a type of its own so that neither is taken for the other.
class DiscoveryImsi {
 public:
  explicit DiscoveryImsi(Imsi imsi) : imsi_(imsi) {}
  static std::optional<DiscoveryImsi> from_digits(std::string_view digits);
  static std::optional<DiscoveryImsi> from_packed(std::uint64_t packed);

  [[nodiscard]] const Imsi& imsi() const noexcept { return imsi_; }
  [[nodiscard]] std::string digits() const { return imsi_.digits(); }
  [[nodiscard]] TbcdImsi tbcd() const { return imsi_.tbcd(); }
  [[nodiscard]] std::uint64_t packed() const noexcept { return imsi_.packed(); }

  auto operator<=>(const DiscoveryImsi&) const = default;

 private:
  Imsi imsi_;
};

/// A network: MCC of 3 digits, MNC of 2 or 3 (never guessed).
struct Plmn {
  std::string mcc;
  std::string mnc;

  /// Nothing unless the digits are 3 and 2 or 3.
  static std::optional<Plmn> from(std::string_view mcc, std::string_view mnc);
  [[nodiscard]] std::string prefix() const { return mcc + mnc; }
  /// True if the IMSI's first digits are this PLMN's.
  [[nodiscard]] bool is_home_of(const Imsi& imsi) const;
  auto operator<=>(const Plmn&) const = default;
};

}  // namespace profile
