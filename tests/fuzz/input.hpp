#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lib/base/bytes.hpp"

/// What every fuzz target needs: its input cut into pieces, and a way to say that a property does not hold.
namespace fuzz {

/// Ends the process, which libFuzzer and the replay take for a find, unless `holds`.
inline void require(bool holds, const std::string& property) {
  if (holds) return;
  std::fprintf(stderr, "property: %s\n", property.c_str());
  std::abort();
}

/// Takes pieces from the front of an input; at its end there are zeros and empty pieces.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  std::uint8_t octet() { return rest_.empty() ? std::uint8_t{0} : take(1)[0]; }
  std::size_t number() {
    const std::size_t high = octet();
    return high << 8 | octet();
  }
  /// At most `size` octets.
  base::BytesView take(std::size_t size) {
    const base::BytesView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  /// A length of two octets, big-endian, and so many octets.
  base::BytesView part() { return take(number()); }
  base::BytesView rest() { return take(rest_.size()); }
  std::string text() { return std::string(base::as_text(rest())); }

 private:
  base::BytesView rest_;
};

}  // namespace fuzz
