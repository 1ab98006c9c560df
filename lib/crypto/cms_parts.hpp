#pragma once

#include <array>
#include <cstdint>

#include "lib/crypto/cms.hpp"
#include "lib/crypto/der.hpp"

/// What both kinds of CMS objects have in common; for lib/crypto only.
namespace crypto::cms {

/// Room for what surrounds the content: certificates, names, algorithms.
inline constexpr std::size_t kMaxObject = kMaxCmsContent + 65536;

inline void require_content_size(BytesView content) {
  if (content.size() > kMaxCmsContent) throw CryptoError("the content is too large for a CMS object");
}

inline void require_object_size(BytesView der) {
  if (der.size() > kMaxObject) throw CryptoError("the CMS object is too large");
}

/// The content of an OBJECT IDENTIFIER.
template <std::size_t N>
constexpr std::array<std::uint8_t, N> octets(const std::uint8_t (&values)[N]) {
  return std::to_array(values);
}

inline constexpr auto kIdData = octets({0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01});  // 1.2.840.113549.1.7.1

inline Bytes object_id(BytesView content) { return der::encode(der::kObjectIdentifier, {content}); }

}  // namespace crypto::cms
