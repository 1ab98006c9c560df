#pragma once

#include <memory>

#include "tests/bench/exchange.hpp"
#include "tests/bench/options.hpp"

namespace bench {

/// What is asked for, in one mode.
class Work {
 public:
  virtual ~Work() = default;
  /// Fills in method, path and body of a new exchange.
  virtual void begin(Exchange& exchange) = 0;
  /// After a 2xx: true if the answer is the right one.
  virtual bool is_right(Exchange& /*exchange*/) { return true; }
  /// After a right answer: true if another request follows it, which is filled in.
  virtual bool go_on(Exchange& /*exchange*/) { return false; }
  /// True if answers are to be kept.
  [[nodiscard]] virtual bool wants_answers() const { return false; }
};

/// Throws std::runtime_error if a file that the mode needs is missing or wrong.
std::unique_ptr<Work> make_work(const Options& options);

/// The 15 digits of the dIMSI that comes `index` after the first.
void write_dimsi(char* out, std::uint64_t first, std::uint64_t index);

/// A line or body of a vector whose RAND and AUTN come from `content`: {["dimsi":...,]"rand":...,"autn":...,"imsi":...}.
/// `dimsi` may be empty. The octets written, at most 160.
std::size_t write_vector(char* out, std::string_view dimsi, std::uint64_t content, std::uint64_t index);

}  // namespace bench
