#include "lib/profile/der.hpp"

namespace profile::der {
namespace {

/// The largest length that is written in one octet.
constexpr std::size_t kMaxShortLength = 0x7F;

struct Length {
  std::size_t value;
  std::size_t octets;  ///< how many octets the length itself takes
};

std::size_t identifier_size(Tag tag) { return static_cast<std::uint16_t>(tag) > 0xFF ? 2 : 1; }

/// Reads a length: one octet up to 127, then `81` and one octet, then `82` and two; each only where it is the shortest.
Length read_length(BytesView octets) {
  if (octets.empty()) throw DerError("the length is missing");
  const std::size_t first = octets[0];
  if (first <= kMaxShortLength) return {first, 1};
  if (first != 0x81 && first != 0x82) throw DerError("the length is indefinite or of more than two octets");
  const std::size_t count = first - 0x80;
  if (octets.size() < 1 + count) throw DerError("the length is cut short");
  std::size_t value = 0;
  for (std::size_t i = 1; i <= count; ++i) value = (value << 8) | octets[i];
  const std::size_t smallest = count == 1 ? kMaxShortLength + 1 : 0x100;
  if (value < smallest) throw DerError("the length is not of the shortest form");
  return {value, 1 + count};
}

void append_length(Bytes& out, std::size_t length) {
  if (length > 0xFF) {
    out.push_back(0x82);
    out.push_back(static_cast<std::uint8_t>(length >> 8));
  } else if (length > kMaxShortLength) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(length & 0xFF));
}

}  // namespace

Reader::Element Reader::next(Tag expected) {
  const auto code = static_cast<std::uint16_t>(expected);
  const std::size_t tag_size = identifier_size(expected);
  if (rest_.size() < tag_size) throw DerError("an element is missing");
  const std::size_t found = tag_size == 2 ? static_cast<std::size_t>(rest_[0] << 8 | rest_[1]) : rest_[0];
  if (found != code) throw DerError("an element has another tag than expected");
  const Length length = read_length(rest_.subspan(tag_size));
  const std::size_t header_size = tag_size + length.octets;
  if (rest_.size() - header_size < length.value) throw DerError("an element is cut short");
  const BytesView whole = rest_.first(header_size + length.value);
  rest_ = rest_.subspan(whole.size());
  return {whole.subspan(header_size), whole};
}

BytesView Reader::read(Tag expected) { return next(expected).content; }

BytesView Reader::read(Tag expected, std::size_t size) {
  const BytesView content = next(expected).content;
  if (content.size() != size) throw DerError("an element has another size than expected");
  return content;
}

BytesView Reader::read_whole(Tag expected) { return next(expected).whole; }

void Reader::finish() const {
  if (!rest_.empty()) throw DerError("there are octets after the last element");
}

Bytes encode(Tag tag, BytesView content) {
  if (content.size() > kMaxContentSize) throw DerError("the content is too large");
  const auto code = static_cast<std::uint16_t>(tag);
  Bytes out;
  out.reserve(content.size() + 5);
  if (identifier_size(tag) == 2) out.push_back(static_cast<std::uint8_t>(code >> 8));
  out.push_back(static_cast<std::uint8_t>(code & 0xFF));
  append_length(out, content.size());
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

}  // namespace profile::der
