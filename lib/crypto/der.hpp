#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "lib/base/bytes.hpp"

/// As much of DER (X.690) as the fixed structures of CMS need: tags of one octet, definite lengths in their shortest
/// form.
namespace crypto::der {

using base::Bytes;
using base::BytesView;

inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kNull = 0x05;
inline constexpr std::uint8_t kObjectIdentifier = 0x06;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;

/// The first octet of a BIT STRING of whole octets (X.690, 8.6.2.2).
inline constexpr std::array<std::uint8_t, 1> kNoUnusedBits{0};

/// Tag [number], context-specific: of a primitive and of a constructed value.
constexpr std::uint8_t primitive_tag(unsigned number) { return static_cast<std::uint8_t>(0x80U | number); }
constexpr std::uint8_t constructed_tag(unsigned number) { return static_cast<std::uint8_t>(0xa0U | number); }

/// Tag, length and the parts one after the other as the value.
Bytes encode(std::uint8_t tag, std::initializer_list<BytesView> parts);

/// Takes value after value from `octets`, in place: they must outlive it. Every fault is a CryptoError.
class Reader {
 public:
  explicit Reader(BytesView octets) : rest_(octets) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  [[nodiscard]] bool next_is(std::uint8_t tag) const noexcept { return !rest_.empty() && rest_[0] == tag; }
  /// The content of the next value, which must have this tag.
  BytesView take(std::uint8_t tag);
  /// The next value with tag and length; it must have this tag.
  BytesView take_whole(std::uint8_t tag);
  /// A reader of the content of the next value.
  Reader enter(std::uint8_t tag) { return Reader(take(tag)); }
  /// Takes the next value and throws unless it is exactly `expected`.
  void expect(std::uint8_t tag, BytesView expected);
  /// Throws if anything is left.
  void expect_end() const;

 private:
  BytesView rest_;
};

}  // namespace crypto::der
