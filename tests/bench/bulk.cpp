#include "tests/bench/bulk.hpp"

#include <cstring>

namespace bench {

Bulk::Bulk(const Options& options)
    : first_(std::stoull(options.first_dimsi)),
      count_(options.count),
      seed_(options.seed),
      is_random_(options.order == "random"),
      order_(options.count, options.seed) {}

void Bulk::begin(Exchange& exchange) {
  exchange.method = "POST";
  exchange.path = "/ndausf-vectors/v1/vectors";
  exchange.content_type = "application/x-ndjson";
  exchange.source = this;
}

bool Bulk::is_right(Exchange& exchange) {
  constexpr std::string_view kAccepted = "\"accepted\":";
  answer_ = exchange.answer;
  const std::size_t found = answer_.find(kAccepted);
  accepted_ = found == std::string::npos ? 0 : std::stoull(answer_.substr(found + kAccepted.size()));
  return accepted_ == count_;
}

std::size_t Bulk::read(char* out, std::size_t room) {
  std::size_t size = 0;
  while (size < room) {
    if (line_begin_ == line_end_) {
      if (next_ == count_) break;
      const std::uint64_t index = is_random_ ? order_.at(next_) : next_;
      ++next_;
      std::array<char, 15> digits{};
      write_dimsi(digits.data(), first_, index);
      line_end_ = write_vector(line_.data(), {digits.data(), digits.size()}, mix(seed_) + index * 4, index);
      line_[line_end_++] = '\n';
      line_begin_ = 0;
    }
    const std::size_t part = std::min(room - size, line_end_ - line_begin_);
    std::memcpy(out + size, line_.data() + line_begin_, part);
    line_begin_ += part;
    size += part;
  }
  return size;
}

}  // namespace bench
