// Runs every input of the corpus, and every one that once ended a target, through its target: what was found stays found, in all builds.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/fuzz/targets.hpp"

namespace {

namespace fs = std::filesystem;

/// The files of a folder in the order of their names; none if it is not there.
std::set<fs::path> files_in(const fs::path& folder) {
  std::set<fs::path> out;
  if (!fs::exists(folder)) return out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) out.insert(entry.path());
  }
  return out;
}

/// How many there were. A property that does not hold ends the process; the last name on stdout is the input's.
std::size_t replay(const fuzz::Target& target, const fs::path& folder) {
  const auto files = files_in(folder);
  for (const fs::path& path : files) {
    std::printf("%s %s\n", target.name, path.filename().c_str());
    std::fflush(stdout);
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> octets{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    target.run(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
  }
  return files.size();
}

}  // namespace

int main() {
  const fs::path root = fs::path(FIRST_ATTACH_SOURCE_DIR) / "tests" / "fuzz";
  bool has_all = true;
  for (const fuzz::Target& target : fuzz::kTargets) {
    const std::size_t seeds = replay(target, root / "corpus" / target.name);
    const std::size_t crashes = replay(target, root / "crashes" / target.name);
    std::printf("%s: %zu seeds, %zu crashes that were\n", target.name, seeds, crashes);
    has_all = has_all && seeds > 0;
    if (seeds == 0) std::fprintf(stderr, "%s has no corpus\n", target.name);
  }
  return has_all ? 0 : 1;
}
