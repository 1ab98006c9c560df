#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sbi {

/// Cuts NDJSON that comes in pieces into lines, counted from 1. Memory stays bounded: of an overlong line nothing is kept.
class NdjsonLines {
 public:
  /// Called for every line that is not blank; `line` is empty, and `is_overlong` set, for one beyond the limit.
  using Take = std::function<void(std::size_t number, std::string_view line, bool is_overlong)>;

  NdjsonLines(std::size_t max_line_bytes, Take take) : max_line_bytes_(max_line_bytes), take_(std::move(take)) {}

  void add(std::string_view octets);
  /// Takes what is left: a last line without its newline.
  void finish();

 private:
  void end_line(std::string_view line);

  std::size_t max_line_bytes_;
  Take take_;
  std::string rest_;
  bool is_overlong_ = false;
  std::size_t number_ = 0;
};

}  // namespace sbi
