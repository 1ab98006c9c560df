#include "lib/sbi/ndjson.hpp"

#include <utility>

namespace sbi {

void NdjsonLines::add(std::string_view octets) {
  while (true) {
    const std::size_t end = octets.find('\n');
    const std::string_view part = octets.substr(0, end);
    if (rest_.size() + part.size() > max_line_bytes_) {
      is_overlong_ = true;
      rest_.clear();
    } else if (end != std::string_view::npos && rest_.empty() && !is_overlong_) {
      end_line(part);  // it lies in one piece: nothing to copy
      octets.remove_prefix(end + 1);
      continue;
    } else if (!is_overlong_) {
      rest_ += part;
    }
    if (end == std::string_view::npos) return;
    end_line(std::exchange(rest_, {}));
    octets.remove_prefix(end + 1);
  }
}

void NdjsonLines::finish() {
  if (!rest_.empty() || is_overlong_) end_line(std::exchange(rest_, {}));
}

void NdjsonLines::end_line(std::string_view line) {
  ++number_;
  const bool is_overlong = std::exchange(is_overlong_, false);
  const bool is_blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
  if (is_overlong || !is_blank) take_(number_, line, is_overlong);
}

}  // namespace sbi
