#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Octet strings and their textual forms (PROTOCOL.md, section 2). Nothing here is secret: keys are base::SecretKey.
namespace base {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

/// Lower-case hex, two digits an octet.
std::string to_hex(BytesView octets);
/// The same, at the end of `out`.
void append_hex(std::string& out, BytesView octets);

/// The octets of `hex` (either case); nothing if a digit is not hex or their number is odd.
std::optional<Bytes> from_hex(std::string_view hex);

/// Fills `out`; false unless `hex` is exactly as many octets, in which case `out` holds anything.
bool read_hex(std::string_view hex, std::span<std::uint8_t> out);

/// As above, and nothing unless there are exactly N octets.
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> from_hex_exactly(std::string_view hex) {
  std::array<std::uint8_t, N> out{};
  if (!read_hex(hex, out)) return std::nullopt;
  return out;
}

/// Base64 with padding, RFC 4648 section 4.
std::string to_base64(BytesView octets);

/// Strict RFC 4648 section 4: padded, no white space, unused bits zero; nothing otherwise.
std::optional<Bytes> from_base64(std::string_view text);

/// Base64 with the alphabet for URIs and without padding, RFC 4648 section 5.
std::string to_base64url(BytesView octets);

/// Strict RFC 4648 section 5 without padding; nothing otherwise.
std::optional<Bytes> from_base64url(std::string_view text);

/// The octets of a text, without a copy; valid as long as `text`.
inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The text of octets, without a copy; valid as long as `octets`.
inline std::string_view as_text(BytesView octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

/// a || b || c ...
template <class... Parts>
Bytes concatenate(const Parts&... parts) {
  Bytes out;
  out.reserve((std::size_t{0} + ... + std::size(parts)));
  (out.insert(out.end(), std::begin(parts), std::end(parts)), ...);
  return out;
}

}  // namespace base
