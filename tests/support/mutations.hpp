#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// Texts that are nearly those of a list: one or two octets changed, taken out, or put in. The same ones in each run.
class Mutations {
 public:
  /// `alphabet`: what is put in.
  Mutations(std::vector<std::string> texts, std::string alphabet) : texts_(std::move(texts)), alphabet_(std::move(alphabet)) {}

  std::string next() {
    std::string text = texts_[next_++ % texts_.size()];
    for (std::size_t n = 1 + below(2); n > 0; --n) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0: text[at] = alphabet_[below(alphabet_.size())]; break;
        case 1: text.erase(at, 1); break;
        default: text.insert(at, 1, alphabet_[below(alphabet_.size())]);
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

  std::vector<std::string> texts_;
  std::string alphabet_;
  std::size_t next_ = 0;
  std::mt19937 random_{20261125};
};

}  // namespace test
