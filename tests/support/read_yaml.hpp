#pragma once

#include <string>

#include "lib/service/yaml.hpp"

namespace test {

/// What a reader took from a YAML document, and what was wrong there; empty if nothing was.
template <class Config>
struct ReadConfig {
  Config config;
  std::string problems;
};

/// Calls `reader` with the root of `text`; problems name the document `file`.
template <class Reader>
auto read_yaml(const std::string& text, const Reader& reader, const std::string& file = "x.yaml") {
  const auto document = service::YamlDocument::parse(text, file);
  ReadConfig<decltype(reader(document.root()))> out{reader(document.root()), ""};
  try {
    document.finish();
  } catch (const service::ConfigError& error) {
    out.problems = error.what();
  }
  return out;
}

}  // namespace test
