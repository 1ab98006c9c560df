// Lines of NDJSON are the same in whatever pieces they come, and those that a plain split at each newline gives.
#include <tuple>
#include <vector>

#include "lib/sbi/ndjson.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using Line = std::tuple<std::size_t, std::string, bool>;

std::vector<Line> lines_of_split(std::string_view text, std::size_t max_line_bytes) {
  std::vector<Line> out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool is_overlong = line.size() > max_line_bytes;
    const bool is_blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
    if (is_overlong || !is_blank) out.emplace_back(number, is_overlong ? "" : line, is_overlong);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t max_line_bytes = input.octet();
  const auto piece_sizes = input.take(4);
  const std::string text = input.text();
  std::vector<Line> taken;
  sbi::NdjsonLines lines(max_line_bytes, [&taken](std::size_t number, std::string_view line, bool is_overlong) {
    taken.emplace_back(number, line, is_overlong);
  });
  for (std::size_t at = 0, piece = 0; at < text.size(); ++piece) {
    const std::size_t wanted = piece_sizes.empty() ? 1 : piece_sizes[piece % piece_sizes.size()] + std::size_t{1};
    lines.add(std::string_view(text).substr(at, wanted));
    at += wanted;
  }
  lines.finish();
  fuzz::require(taken == lines_of_split(text, max_line_bytes), "the lines are those of a plain split");
  return 0;
}
