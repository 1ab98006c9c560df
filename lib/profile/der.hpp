#pragma once

#include <cstdint>
#include <stdexcept>

#include "lib/base/bytes.hpp"

/// The little of DER (ITU-T X.690) that the profile's own objects need: definite, minimal lengths of at most 65535
/// octets, tags of one or two identifier octets. Strict and bounded: what it reads, it would write the same.
namespace profile::der {

using base::Bytes;
using base::BytesView;

/// The octets break a rule of DER, or are not the element that was asked for. The text holds none of them.
class DerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The identifier octets, big-endian: one octet (below 0x100), or two for a tag number of 31 to 127.
enum class Tag : std::uint16_t {
  integer = 0x02,
  octet_string = 0x04,
  utf8_string = 0x0C,
  generalized_time = 0x18,
  sequence = 0x30,
  context_0 = 0x80,         ///< [0] IMPLICIT, primitive
  context_1 = 0x81,         ///< [1] IMPLICIT, primitive
  application_55 = 0x5F37,  ///< [APPLICATION 55] IMPLICIT, primitive: a signature, as in GSMA SGP.22
  application_73 = 0x5F49,  ///< [APPLICATION 73] IMPLICIT, primitive: an ephemeral public key, as in GSMA SGP.22
};

/// The largest content, in octets, that is read or written.
inline constexpr std::size_t kMaxContentSize = 0xFFFF;

/// Reads elements one after the other. Holds a view: the octets must outlive it and what it returns.
class Reader {
 public:
  explicit Reader(BytesView octets) : rest_(octets) {}

  /// The content of the next element. Throws DerError unless its tag is `expected`, and its length
  /// minimal and within bounds.
  BytesView read(Tag expected);
  /// As above, and throws unless the content has exactly `size` octets.
  BytesView read(Tag expected, std::size_t size);
  /// The whole of the next element, identifier and length included.
  BytesView read_whole(Tag expected);
  /// Throws DerError unless everything has been read.
  void finish() const;

 private:
  struct Element {
    BytesView content;
    BytesView whole;
  };
  Element next(Tag expected);

  BytesView rest_;
};

/// One element: identifier, minimal length, `content`. Throws DerError if the content is larger than kMaxContentSize.
Bytes encode(Tag tag, BytesView content);

}  // namespace profile::der
