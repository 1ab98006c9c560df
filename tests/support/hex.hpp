#pragma once

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"

/// Octets written as hex in a test; throws if they are not.
namespace test {

inline base::Bytes bytes(std::string_view hex) {
  auto octets = base::from_hex(hex);
  if (!octets) throw std::invalid_argument("a test's hex is wrong");
  return std::move(*octets);
}

template <std::size_t N>
std::array<std::uint8_t, N> octets(std::string_view hex) {
  const auto out = base::from_hex_exactly<N>(hex);
  if (!out) throw std::invalid_argument("a test's hex is wrong, or of another size");
  return *out;
}

/// A key of a type of its own, from hex.
template <class Key>
Key key(std::string_view hex) {
  return Key(octets<Key::kSize>(hex));
}

/// A secret's octets: in tests, where secrets are known answers.
inline base::Bytes reveal(const base::SecretBytes& secret) { return {secret.reveal().begin(), secret.reveal().end()}; }

/// The hex of a key's octets: in tests, where keys are known answers.
template <class Key>
std::string hex_of(const Key& key) {
  return base::to_hex(key.reveal());
}

}  // namespace test
