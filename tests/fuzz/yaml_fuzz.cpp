// A configuration of any octets is read to its end; what is wrong with it comes out as ConfigError and nothing else.
#include "lib/service/config.hpp"
#include "tests/fuzz/input.hpp"

namespace {

void read(const std::string& text) {
  const auto document = service::YamlDocument::parse(text, "fuzz.yaml");
  const auto config = service::read_common(document.root(), "arpf");
  (void)document.root().section("arpf").texts("peers");
  (void)document.warnings();
  document.finish();
  fuzz::require(!config.http2.empty() && !config.database.empty(), "what is required is there where nothing is wrong");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    read(fuzz::Input(data, size).text());
  } catch (const service::ConfigError& error) {
    fuzz::require(std::string_view(error.what()).starts_with("fuzz.yaml:"), "each problem says where it is");
  }
  return 0;
}
