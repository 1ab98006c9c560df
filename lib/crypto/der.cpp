#include "lib/crypto/der.hpp"

#include <algorithm>

#include "lib/crypto/keys.hpp"

namespace crypto::der {
namespace {

[[noreturn]] void refuse(const char* why) { throw CryptoError(std::string("DER: ") + why); }

struct Header {
  std::size_t size;  // of tag and length
  std::size_t content_size;
};

// Lengths above 32 bits are refused: nothing here comes near.
Header read_header(BytesView octets) {
  if (octets.size() < 2) refuse("a value is cut short");
  if ((octets[0] & 0x1fU) == 0x1fU) refuse("a tag of several octets");
  if (octets[1] < 0x80) return {2, octets[1]};
  const std::size_t count = octets[1] & 0x7fU;
  if (count == 0 || count > 4) refuse("a length that is indefinite or too large");
  if (octets.size() < 2 + count) refuse("a length is cut short");
  std::size_t length = 0;
  for (std::size_t i = 0; i < count; ++i) length = (length << 8U) | octets[2 + i];
  if (octets[2] == 0 || length < 0x80) refuse("a length that is not in its shortest form");
  return {2 + count, length};
}

}  // namespace

Bytes encode(std::uint8_t tag, std::initializer_list<BytesView> parts) {
  std::size_t length = 0;
  for (const auto part : parts) length += part.size();
  Bytes out;
  out.reserve(length + 6);
  out.push_back(tag);
  if (length < 0x80) {
    out.push_back(static_cast<std::uint8_t>(length));
  } else {
    unsigned count = 1;
    while (length >> (8U * count) != 0) ++count;
    out.push_back(static_cast<std::uint8_t>(0x80U | count));
    while (count-- > 0) out.push_back(static_cast<std::uint8_t>(length >> (8U * count)));
  }
  for (const auto part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

BytesView Reader::take(std::uint8_t tag) {
  const BytesView whole = take_whole(tag);
  return whole.subspan(read_header(whole).size);
}

BytesView Reader::take_whole(std::uint8_t tag) {
  if (!next_is(tag)) refuse("another value is expected");
  const Header header = read_header(rest_);
  if (header.content_size > rest_.size() - header.size) refuse("a value is cut short");
  const BytesView whole = rest_.first(header.size + header.content_size);
  rest_ = rest_.subspan(whole.size());
  return whole;
}

void Reader::expect(std::uint8_t tag, BytesView expected) {
  if (!std::ranges::equal(take(tag), expected)) refuse("a value is not the one that the profile demands");
}

void Reader::expect_end() const {
  if (!at_end()) refuse("octets are left over");
}

}  // namespace crypto::der
