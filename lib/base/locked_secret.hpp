#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "lib/base/secret.hpp"

namespace base {

/// Whole pages that hold nothing but a secret: never swapped out, in no core file, zeros in a child of fork(), wiped when they go. Moved,
/// never copied.
class LockedPages {
 public:
  /// At least `size` octets, all zero. Throws std::bad_alloc.
  explicit LockedPages(std::size_t size);
  LockedPages(LockedPages&& other) noexcept
      : octets_(std::exchange(other.octets_, {})), is_locked_(std::exchange(other.is_locked_, false)) {}
  LockedPages& operator=(LockedPages&& other) noexcept {
    std::swap(octets_, other.octets_);
    std::swap(is_locked_, other.is_locked_);
    return *this;
  }
  LockedPages(const LockedPages&) = delete;
  LockedPages& operator=(const LockedPages&) = delete;
  ~LockedPages();

  [[nodiscard]] std::span<std::uint8_t> octets() const noexcept { return octets_; }
  /// False if the system did not let them be locked (RLIMIT_MEMLOCK): they may be swapped out.
  [[nodiscard]] bool is_locked() const noexcept { return is_locked_; }

 private:
  std::span<std::uint8_t> octets_;  ///< whole pages; none once it was moved from
  bool is_locked_ = false;
};

/// A SecretKey in pages of its own: for the few keys that stay as long as the process. Once it was moved from it has no octets.
template <class Tag, std::size_t N>
class LockedKey {
 public:
  static constexpr std::size_t kSize = N;

  explicit LockedKey(std::span<const std::uint8_t, N> octets) : LockedKey() {
    std::copy(octets.begin(), octets.end(), pages_.octets().begin());
  }

  /// As SecretKey::written_by.
  template <class Write>
  static LockedKey written_by(Write&& write) {
    LockedKey key;
    std::forward<Write>(write)(key.pages_.octets().template first<N>());
    return key;
  }

  [[nodiscard]] std::span<const std::uint8_t, N> reveal() const noexcept { return pages_.octets().template first<N>(); }
  [[nodiscard]] bool is_locked() const noexcept { return pages_.is_locked(); }

  friend bool operator==(const LockedKey& a, const LockedKey& b) noexcept { return equal_in_constant_time(a.reveal(), b.reveal()); }
  friend std::ostream& operator<<(std::ostream&, const LockedKey&) = delete;

 private:
  LockedKey() : pages_(N) {}
  LockedPages pages_;
};

}  // namespace base
