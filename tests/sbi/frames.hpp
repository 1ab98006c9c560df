#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace test {

/// How a client begins (RFC 9113, 3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The frame header of RFC 9113, 4.1, and a payload.
inline std::string frame(unsigned type, unsigned flags, unsigned stream, std::string_view payload) {
  std::string out;
  const auto put = [&out](std::size_t value, int octets) {
    while (octets-- > 0) out.push_back(static_cast<char>((value >> (8 * octets)) & 0xFFU));
  };
  put(payload.size(), 3);
  put(type, 1);
  put(flags, 1);
  put(stream, 4);
  return out.append(payload);
}

}  // namespace test
