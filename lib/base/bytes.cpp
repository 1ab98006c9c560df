#include "lib/base/bytes.hpp"

#include <algorithm>

namespace base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of a hex digit, or -1.
int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/// The value of a base64 digit, or -1.
int base64_value(char digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  if (digit == '+') return 62;
  if (digit == '/') return 63;
  return -1;
}

}  // namespace

void append_hex(std::string& out, BytesView octets) {
  const std::size_t begin = out.size();
  out.resize(begin + 2 * octets.size());
  char* digit = out.data() + begin;
  for (const std::uint8_t octet : octets) {
    *digit++ = kHexDigits[octet >> 4U];
    *digit++ = kHexDigits[octet & 0x0FU];
  }
}

std::string to_hex(BytesView octets) {
  std::string out;
  append_hex(out, octets);
  return out;
}

bool read_hex(std::string_view hex, std::span<std::uint8_t> out) {
  if (hex.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::optional<Bytes> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  Bytes out(hex.size() / 2);
  if (!read_hex(hex, out)) return std::nullopt;
  return out;
}

std::string to_base64(BytesView octets) {
  std::string out;
  out.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, octets.size() - i);
    std::uint32_t group = static_cast<std::uint32_t>(octets[i]) << 16U;
    if (left > 1) group |= static_cast<std::uint32_t>(octets[i + 1]) << 8U;
    if (left > 2) group |= octets[i + 2];
    out.push_back(kBase64Digits[group >> 18U]);
    out.push_back(kBase64Digits[(group >> 12U) & 63U]);
    out.push_back(left > 1 ? kBase64Digits[(group >> 6U) & 63U] : '=');
    out.push_back(left > 2 ? kBase64Digits[group & 63U] : '=');
  }
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const int value = is_padding ? 0 : base64_value(text[i]);
    if (value < 0) return std::nullopt;
    group = (group << 6U) | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    const std::size_t octets = i + 1 == text.size() ? 3 - padding : 3;
    if (octets < 3 && (group & (octets == 2 ? 0xFFU : 0xFFFFU)) != 0) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(group >> 16U));
    if (octets > 1) out.push_back(static_cast<std::uint8_t>(group >> 8U));
    if (octets > 2) out.push_back(static_cast<std::uint8_t>(group));
    group = 0;
  }
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
