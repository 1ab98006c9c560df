// Lines of a bulk load: what the fast reader takes is taken by the general one too, as the same vector, and nothing but base::Error comes out.
#include <optional>

#include "lib/sbi/ndjson.hpp"
#include "nf-d-ausf/api_bulk_load.hpp"
#include "nf-d-ausf/api_read_vector.hpp"
#include "tests/fuzz/input.hpp"

namespace {

std::optional<d_ausf::VectorLine> read_generally(std::size_t number, std::string_view line) {
  std::string dimsi;
  try {
    d_ausf::VectorLine read = d_ausf::read_any_line(number, line, dimsi);
    fuzz::require(dimsi == read.dimsi.digits(), "the dIMSI that is told is the line's");
    return read;
  } catch (const base::Error&) {
    fuzz::require(dimsi.empty() || profile::DiscoveryImsi::from_digits(dimsi), "the dIMSI that a refusal is told with is one");
    return std::nullopt;
  }
}

void take_line(std::size_t number, std::string_view line, bool is_overlong) {
  if (is_overlong) return;
  const auto usual = d_ausf::read_usual_line(number, line);
  const auto general = read_generally(number, line);
  if (!usual) return;
  fuzz::require(general.has_value(), "what the fast reader takes is a line to the general one");
  const bool is_same = usual->number == general->number && usual->dimsi == general->dimsi && usual->vector == general->vector;
  fuzz::require(is_same, "it is the same line to both");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sbi::NdjsonLines lines(d_ausf::BulkLoad::kMaxLineOctets, take_line);
  lines.add(fuzz::Input(data, size).text());
  lines.finish();
  return 0;
}
