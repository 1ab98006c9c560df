// A configuration of any octets is read to its end, by the reader of each function that it has a section for; what is wrong with it comes out as
// ConfigError and nothing else.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "nf-arpf/config.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-d-ausf/config.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/temporary_folder.hpp"
#include "ue-sim/pki.hpp"

namespace {

/// The files that a configuration may name: `lab/pki/...` in it is this folder's, as `ue-sim pki` makes them.
struct LabFiles : test::TemporaryFolder {
  LabFiles() {
    ue_sim::PkiRequest request;
    request.directory = *this / "pki";
    (void)ue_sim::make_pki(request);
  }
  [[nodiscard]] std::string with_paths(std::string text) const {
    constexpr std::string_view kLab = "lab/";
    const std::string folder = *this / "";
    for (std::size_t at = text.find(kLab); at != std::string::npos; at = text.find(kLab, at + folder.size())) {
      text.replace(at, kLab.size(), folder);
    }
    return text;
  }
};

/// What reading does beyond reading: it loads a library, it writes a file, it takes a descriptor of this process, it waits for a device. That is
/// not for an input to say.
bool has_effects(const std::string& text) {
  constexpr std::array<std::string_view, 5> kKeys{"module", "sslkeylogfile", "descriptor", "/dev/", "/proc/"};
  return std::any_of(kKeys.begin(), kKeys.end(), [&text](std::string_view key) { return text.find(key) != std::string::npos; });
}

bool has_common(const service::CommonConfig& config) { return !config.http2.empty() && !config.database.empty(); }

/// What is required is there where nothing is wrong.
bool has_all(const service::CommonConfig& config) { return has_common(config); }
bool has_all(const arpf::Config& config) { return has_common(config.common) && config.trust != nullptr; }
bool has_all(const d_ausf::Config& config) { return has_common(config.common) && config.home_network_keys != nullptr; }
bool has_all(const ausf_ext::Config& config) {
  const bool has_keys = config.key_encryption_key && config.operator_certificate && config.operator_key && config.home_network_keys;
  return has_common(config.common) && has_keys && !config.arpfs.empty() && !config.pools.empty() && !config.rsmf_uri.empty();
}

template <class Reader>
void read(const std::string& text, Reader reader) {
  try {
    const auto document = service::YamlDocument::parse(text, "fuzz.yaml");
    const auto config = reader(document.root());
    (void)document.warnings();
    document.finish();
    fuzz::require(has_all(config), "what is required is there where nothing is wrong");
  } catch (const service::ConfigError& error) {
    fuzz::require(std::string_view(error.what()).starts_with("fuzz.yaml:"), "each problem says where it is");
  }
}

/// Each input costs the readers of the sections that it seems to have, and so one of them mostly.
void read_as_functions(const std::string& text) {
  const auto has = [&text](std::string_view section) { return text.find(section) != std::string::npos; };
  if (has("arpf:")) read(text, [](const service::Section& root) { return arpf::read_config(root); });
  if (has("d_ausf:")) read(text, [](const service::Section& root) { return d_ausf::read_config(root); });
  if (has("ausf_ext:")) read(text, [](const service::Section& root) { return ausf_ext::read_config(root); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LabFiles files;
  const std::string text = files.with_paths(fuzz::Input(data, size).text());
  if (has_effects(text)) return 0;
  read(text, [](const service::Section& root) {
    (void)root.section("arpf").texts("peers");
    return service::read_common(root, "arpf");
  });
  read_as_functions(text);
  return 0;
}
