#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <iosfwd>
#include <string>
#include <utility>

#include "lib/base/bytes.hpp"

/// Keys as types: wiped when they go, moved but never copied, compared in constant time, and impossible to print.
/// The only way to the octets is reveal(), a name that one can grep for.
namespace base {

/// Overwrites the octets in a way that the optimiser keeps.
inline void wipe(std::span<std::uint8_t> octets) noexcept {
  if (!octets.empty()) explicit_bzero(octets.data(), octets.size());
}

/// Overwrites and empties a text that may hold a secret. What it left behind where it grew is beyond reach.
inline void wipe(std::string& text) noexcept {
  wipe(std::span(reinterpret_cast<std::uint8_t*>(text.data()), text.size()));
  text.clear();
}

/// True if the octets are equal; time depends on the lengths alone.
inline bool equal_in_constant_time(BytesView a, BytesView b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

/// A key of N octets. `Tag` names its purpose: a key of one purpose is not accepted for another.
template <class Tag, std::size_t N>
class SecretKey {
 public:
  static constexpr std::size_t kSize = N;

  explicit SecretKey(std::span<const std::uint8_t, N> octets) { std::copy(octets.begin(), octets.end(), octets_.begin()); }
  SecretKey(SecretKey&& other) noexcept : octets_(other.octets_) { wipe(other.octets_); }
  SecretKey& operator=(SecretKey&& other) noexcept {
    if (this != &other) {
      octets_ = other.octets_;
      wipe(other.octets_);
    }
    return *this;
  }
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey() { wipe(octets_); }

  /// A key whose octets `write(std::span<std::uint8_t, N>)` puts in place, so that they stand nowhere else.
  template <class Write>
  static SecretKey written_by(Write&& write) {
    SecretKey key;
    std::forward<Write>(write)(std::span<std::uint8_t, N>(key.octets_));
    return key;
  }

  [[nodiscard]] std::span<const std::uint8_t, N> reveal() const noexcept { return octets_; }

  friend bool operator==(const SecretKey& a, const SecretKey& b) noexcept {
    return equal_in_constant_time(a.octets_, b.octets_);
  }
  friend std::ostream& operator<<(std::ostream&, const SecretKey&) = delete;

 private:
  SecretKey() = default;
  std::array<std::uint8_t, N> octets_{};
};

/// Secret octets whose number is known at run time only (a shared secret, a decrypted content).
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : octets_(size) {}
  explicit SecretBytes(BytesView octets) : octets_(octets.begin(), octets.end()) {}
  SecretBytes(SecretBytes&& other) noexcept : octets_(std::exchange(other.octets_, {})) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe(octets_);
      octets_ = std::exchange(other.octets_, {});
    }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { wipe(octets_); }

  [[nodiscard]] BytesView reveal() const noexcept { return octets_; }
  /// For writing in place, before the value is used.
  [[nodiscard]] std::span<std::uint8_t> writable() noexcept { return octets_; }
  [[nodiscard]] std::size_t size() const noexcept { return octets_.size(); }
  /// Drops, wiped, what lies beyond `size` octets.
  void truncate(std::size_t size) {
    if (size >= octets_.size()) return;
    wipe(std::span(octets_).subspan(size));
    octets_.resize(size);
  }

  friend bool operator==(const SecretBytes& a, const SecretBytes& b) noexcept {
    return equal_in_constant_time(a.octets_, b.octets_);
  }
  friend std::ostream& operator<<(std::ostream&, const SecretBytes&) = delete;

 private:
  Bytes octets_;
};

}  // namespace base
