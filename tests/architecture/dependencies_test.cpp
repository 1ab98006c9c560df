// Which way things may depend (docs/ARCHITECTURE.md), held against every #include of the tree.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// Which folders of lib/ a folder of lib/ may include besides itself.
const std::map<std::string, std::set<std::string>> kMayInclude{
    {"base", {}},
    {"store", {"base"}},
    {"crypto", {"base"}},
    {"profile", {"crypto", "base"}},
    {"aka", {"profile", "crypto", "base"}},
    {"sbi", {"base"}},
    {"web", {"base"}},
    {"core", {"sbi", "aka", "profile", "crypto", "base"}},
    {"service", {"core", "sbi", "store", "aka", "crypto", "base"}},
};

/// Headers of others that stay where they belong: whoever includes `header...` must begin with one of `homes`.
struct Foreign {
  std::string_view header;
  std::vector<std::string_view> homes;
};
const std::vector<Foreign> kForeign{
    {"openssl/", {"lib/crypto/", "lib/sbi/tls", "lib/sbi/transport"}},
    {"p11-kit/", {"lib/crypto/pkcs11.hpp"}},
    {"nghttp2/", {"lib/sbi/"}},
    {"pistache/", {"lib/sbi/"}},
    {"curl/", {"lib/web/", "ue-sim/"}},
    {"sqlite3.h", {"lib/store/"}},
    {"yaml-cpp/", {"lib/service/"}},
    {"nlohmann/", {"lib/sbi/", "lib/core/", "nf-*/api", "ue-sim/"}},
    {"boost/asio/ssl", {"lib/sbi/", "lib/service/"}},
};

bool starts_with_home(std::string_view file, std::string_view home) {
  const std::size_t star = home.find('*');
  if (star == std::string_view::npos) return file.starts_with(home);
  if (!file.starts_with(home.substr(0, star))) return false;
  const std::size_t slash = file.find('/');
  return slash != std::string_view::npos && file.substr(slash).starts_with(home.substr(star + 1));
}

/// The part of a path before the `depth`-th slash: `lib/sbi` of `lib/sbi/tls.cpp` at 2.
std::string folder(std::string_view path, int depth) {
  std::size_t end = 0;
  for (int i = 0; i < depth && end != std::string_view::npos; ++i) end = path.find('/', end + (i > 0 ? 1 : 0));
  return std::string(path.substr(0, end));
}

bool is_function(std::string_view path) { return path.starts_with("nf-") || path.starts_with("ue-sim/"); }

/// What is wrong with `file` including one of our own files; empty if nothing is.
std::string fault_of_own(const std::string& file, const std::string& included) {
  if (included.find("..") != std::string::npos) return "climbs out of its folder";
  if (is_function(file)) {
    const bool is_fine = included.starts_with("lib/") || folder(included, 1) == folder(file, 1);
    return is_fine ? "" : "a network function includes lib/ and its own folder";
  }
  if (!included.starts_with("lib/")) return "lib/ includes lib/ only";
  const std::string from = folder(file, 2).substr(4);
  const std::string to = folder(included, 2).substr(4);
  const auto allowed = kMayInclude.find(from);
  if (allowed == kMayInclude.end()) return "the folder is not in the plan";
  return from == to || allowed->second.contains(to) ? "" : "lib/" + from + " must not depend on lib/" + to;
}

std::string fault_of_foreign(const std::string& file, std::string_view included) {
  for (const Foreign& foreign : kForeign) {
    if (!included.starts_with(foreign.header)) continue;
    const auto is_home = [&file](std::string_view home) { return starts_with_home(file, home); };
    if (std::none_of(foreign.homes.begin(), foreign.homes.end(), is_home)) return "the header is not for this folder";
  }
  return "";
}

/// The fault of one line of a file; empty if it includes nothing, or what it may.
std::string fault_of(const std::string& file, std::string_view line) {
  const auto strip = [&line] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
  strip();
  if (!line.starts_with('#')) return "";
  line.remove_prefix(1);
  strip();
  if (!line.starts_with("include")) return "";
  line.remove_prefix(7);
  strip();
  if (line.empty()) return "an #include of nothing";
  const std::size_t end = line.find(line.front() == '<' ? '>' : '"', 1);
  if ((line.front() != '<' && line.front() != '"') || end == std::string_view::npos) return "an #include of no file";
  const std::string included(line.substr(1, end - 1));
  if (const auto foreign = fault_of_foreign(file, included); !foreign.empty()) return included + ": " + foreign;
  const bool is_own = line.front() == '"' || included.starts_with("lib/");
  const std::string fault = is_own ? fault_of_own(file, included) : "";
  return fault.empty() ? "" : included + ": " + fault;
}

/// The sources of the tree, relative to its root.
std::vector<std::string> sources() {
  const fs::path root = FIRST_ATTACH_SOURCE_DIR;
  std::vector<std::string> out;
  for (const auto& top : fs::directory_iterator(root)) {
    const std::string name = top.path().filename().string();
    if (!top.is_directory() || (name != "lib" && !is_function(name + "/"))) continue;
    for (const auto& entry : fs::recursive_directory_iterator(top.path())) {
      const auto extension = entry.path().extension();
      if (extension == ".cpp" || extension == ".hpp" || extension == ".h") out.push_back(fs::relative(entry.path(), root).string());
    }
  }
  return out;
}

}  // namespace

TEST_CASE("Every file of the tree depends only on what it may", "[architecture]") {
  const auto files = sources();
  REQUIRE(files.size() > 50);
  std::string faults;
  std::size_t includes = 0;
  for (const std::string& file : files) {
    std::ifstream in(fs::path(FIRST_ATTACH_SOURCE_DIR) / file);
    REQUIRE(in);
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      if (line.find("#include") != std::string::npos) ++includes;
      const std::string fault = fault_of(file, line);
      if (!fault.empty()) faults += file + ":" + std::to_string(number) + ": " + fault + "\n";
    }
  }
  CHECK(includes > 200);
  CHECK(faults.empty());
  if (!faults.empty()) FAIL(faults);
}

TEST_CASE("The plan of dependencies has no cycle", "[architecture]") {
  for (const auto& [from, direct] : kMayInclude) {
    for (const auto& to : direct) {
      CAPTURE(from, to);
      REQUIRE(kMayInclude.contains(to));
      CHECK_FALSE(kMayInclude.at(to).contains(from));
      for (const auto& further : kMayInclude.at(to)) CHECK(further != from);
    }
  }
}

TEST_CASE("An #include in the wrong direction is found", "[architecture]") {
  const auto [file, line] = GENERATE(table<std::string, std::string>({
      {"lib/base/log.cpp", R"(#include "lib/store/database.hpp")"},
      {"lib/store/database.cpp", R"(#include "lib/sbi/json.hpp")"},
      {"lib/crypto/kdf.cpp", R"(#include "lib/profile/identity.hpp")"},
      {"lib/profile/identity.cpp", R"(#include "lib/sbi/json.hpp")"},
      {"lib/aka/milenage.cpp", R"(#include "lib/core/nrf.hpp")"},
      {"lib/sbi/tls.cpp", R"(#include "lib/crypto/keys.hpp")"},
      {"lib/web/http_client.cpp", R"(#include "lib/sbi/message.hpp")"},
      {"lib/core/nrf.cpp", R"(#include "lib/store/database.hpp")"},
      {"lib/service/run.cpp", R"(#include "lib/profile/identity.hpp")"},
      {"lib/service/run.cpp", R"(#include "nf-arpf/api.hpp")"},
      {"lib/service/run.cpp", R"(#include "run.hpp")"},
      {"lib/unplanned/x.cpp", R"(#include "lib/base/log.hpp")"},
      {"lib/base/log.cpp", R"(#include "lib/base/../store/database.hpp")"},
      {"lib/base/log.cpp", R"(#include <lib/store/database.hpp>)"},
      {"lib/base/log.cpp", R"(  #  include "lib/store/database.hpp")"},
      {"nf-arpf/api.cpp", R"(#include "nf-d-ausf/vectors.hpp")"},
      {"nf-arpf/api.cpp", R"(#include "ue-sim/device.hpp")"},
      {"ue-sim/main.cpp", R"(#include "nf-arpf/api.hpp")"},
      {"nf-arpf/release_ephemeral_key.cpp", "#include <openssl/evp.h>"},
      {"lib/sbi/client.cpp", "#include <openssl/ssl.h>"},
      {"lib/service/key_files.cpp", "#include <p11-kit/p11-kit.h>"},
      {"lib/crypto/keys.cpp", "#include <p11-kit/p11-kit.h>"},
      {"nf-arpf/api.cpp", "#include <nghttp2/nghttp2.h>"},
      {"lib/service/run.cpp", "#include <pistache/http.h>"},
      {"nf-ausf-ext/offer.cpp", "#include <curl/curl.h>"},
      {"nf-arpf/claims.cpp", "#include <sqlite3.h>"},
      {"nf-arpf/config.cpp", "#include <yaml-cpp/yaml.h>"},
      {"nf-arpf/claims.cpp", "#include <nlohmann/json.hpp>"},
      {"lib/service/run.cpp", "#include <nlohmann/json_fwd.hpp>"},
      {"nf-arpf/api.cpp", "#include <boost/asio/ssl/context.hpp>"},
  }));
  CAPTURE(file, line);
  CHECK_FALSE(fault_of(file, line).empty());
}

TEST_CASE("An #include in the right direction is none", "[architecture]") {
  const auto [file, line] = GENERATE(table<std::string, std::string>({
      {"lib/base/log.cpp", R"(#include "lib/base/log.hpp")"},
      {"lib/core/nrf.cpp", R"(#include "lib/profile/identity.hpp")"},
      {"lib/service/home_network_keys.hpp", R"(#include "lib/aka/suci_concealment.hpp")"},
      {"lib/sbi/tls.cpp", "#include <openssl/ssl.h>"},
      {"lib/web/http_client.cpp", "#include <curl/curl.h>"},
      {"lib/crypto/pkcs11.hpp", "#include <p11-kit/p11-kit.h>"},
      {"nf-arpf/api.cpp", R"(#include "nf-arpf/claims.hpp")"},
      {"nf-arpf/api.cpp", R"(#include "lib/sbi/json.hpp")"},
      {"nf-arpf/api.cpp", "#include <nlohmann/json.hpp>"},
      {"nf-ausf-ext/api_onboarding.cpp", "#include <nlohmann/json.hpp>"},
      {"ue-sim/device.cpp", "#include <curl/curl.h>"},
      {"lib/base/log.cpp", "#include <vector>"},
      {"lib/base/log.cpp", "// #include \"lib/store/database.hpp\""},
      {"lib/base/log.cpp", "#pragma once"},
  }));
  CAPTURE(file, line);
  CHECK(fault_of(file, line).empty());
}
