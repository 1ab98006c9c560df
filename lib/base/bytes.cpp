#include "lib/base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::int8_t kNoDigit = -1;
using DigitValues = std::array<std::int8_t, 256>;  ///< of each octet, or kNoDigit

constexpr DigitValues values_of(std::string_view digits) {
  DigitValues values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < digits.size(); ++i) values[static_cast<std::uint8_t>(digits[i])] = static_cast<std::int8_t>(i);
  return values;
}

constexpr DigitValues kBase64Values = values_of(kBase64Digits);

/// The two digits of each octet.
constexpr std::array<std::array<char, 2>, 256> kHexPairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t octet = 0; octet < pairs.size(); ++octet) pairs[octet] = {kHexDigits[octet >> 4U], kHexDigits[octet & 0x0FU]};
  return pairs;
}();

constexpr DigitValues kHexValues = [] {
  DigitValues values = values_of(kHexDigits);
  for (std::size_t letter = 'a'; letter <= 'f'; ++letter) values[letter - 'a' + 'A'] = values[letter];
  return values;
}();

}  // namespace

void append_hex(std::string& out, BytesView octets) {
  const std::size_t begin = out.size();
  out.resize(begin + 2 * octets.size());
  char* digits = out.data() + begin;
  for (const std::uint8_t octet : octets) {
    std::memcpy(digits, kHexPairs[octet].data(), 2);
    digits += 2;
  }
}

std::string to_hex(BytesView octets) {
  std::string out;
  append_hex(out, octets);
  return out;
}

bool read_hex(std::string_view hex, std::span<std::uint8_t> out) {
  if (hex.size() != 2 * out.size()) return false;
  int all = 0;  // negative once one of them is no digit
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = kHexValues[static_cast<std::uint8_t>(hex[2 * i])];
    const int low = kHexValues[static_cast<std::uint8_t>(hex[2 * i + 1])];
    all |= high | low;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return all >= 0;
}

std::optional<Bytes> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  Bytes out(hex.size() / 2);
  if (!read_hex(hex, out)) return std::nullopt;
  return out;
}

std::string to_base64(BytesView octets) {
  std::string out((octets.size() + 2) / 3 * 4, '=');
  char* next = out.data();
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t left = octets.size() - i;
    std::uint32_t group = static_cast<std::uint32_t>(octets[i]) << 16U;
    if (left > 1) group |= static_cast<std::uint32_t>(octets[i + 1]) << 8U;
    if (left > 2) group |= octets[i + 2];
    next[0] = kBase64Digits[group >> 18U];
    next[1] = kBase64Digits[(group >> 12U) & 63U];
    if (left > 1) next[2] = kBase64Digits[(group >> 6U) & 63U];
    if (left > 2) next[3] = kBase64Digits[group & 63U];
    next += 4;
  }
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes out(text.size() / 4 * 3);
  std::uint8_t* next = out.data();
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    int all = 0;  // negative once one of them is no digit
    for (std::size_t j = 0; j < 4; ++j) {
      const int value = j < digits ? kBase64Values[static_cast<std::uint8_t>(text[i + j])] : 0;
      all |= value;
      group = (group << 6U) | (static_cast<std::uint32_t>(value) & 63U);
    }
    const std::uint32_t unused = digits == 4 ? 0 : digits == 3 ? 0xFFU : 0xFFFFU;
    if (all < 0 || (group & unused) != 0) return std::nullopt;
    next[0] = static_cast<std::uint8_t>(group >> 16U);
    next[1] = static_cast<std::uint8_t>(group >> 8U);
    next[2] = static_cast<std::uint8_t>(group);
    next += 3;
  }
  out.resize(out.size() - padding);
  return out;
}

std::string to_base64url(BytesView octets) {
  std::string out = to_base64(octets);
  while (out.ends_with('=')) out.pop_back();
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

std::optional<Bytes> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  return from_base64(padded);
}

}  // namespace base
