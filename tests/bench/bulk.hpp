#pragma once

#include <array>

#include "tests/bench/random.hpp"
#include "tests/bench/work.hpp"

namespace bench {

/// Vectors as NDJSON on one stream: each dIMSI once, in ascending or in random order.
class Bulk : public Work, private BodySource {
 public:
  explicit Bulk(const Options& options);
  void begin(Exchange& exchange) override;
  /// True if all lines were accepted.
  bool is_right(Exchange& exchange) override;
  [[nodiscard]] bool wants_answers() const override { return true; }

  [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
  [[nodiscard]] const std::string& answer() const noexcept { return answer_; }

 private:
  std::size_t read(char* out, std::size_t room) override;

  std::uint64_t first_;
  std::uint64_t count_;
  std::uint64_t seed_;
  bool is_random_;
  Permutation order_;
  std::uint64_t next_ = 0;
  std::array<char, 192> line_{};  ///< what did not fit into the last frame
  std::size_t line_begin_ = 0;
  std::size_t line_end_ = 0;
  std::uint64_t accepted_ = 0;
  std::string answer_;
};

}  // namespace bench
