#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

/// Known answers that lie beside the project, in ../shared/vectors from its root, and are no part of it.
namespace test {

/// The folder; nothing if it is absent.
inline std::optional<std::filesystem::path> shared_vectors() {
  const std::filesystem::path folder = FIRST_ATTACH_SOURCE_DIR "/../shared/vectors";
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return std::nullopt;
  return folder;
}

/// True if the folder is there; says in the test's output that the test is skipped, if it is not. scripts/test counts what is said
/// with this word, so the reason stands on one line of 80.
inline bool have_shared_vectors() {
  if (shared_vectors()) return true;
  WARN("skipped: there are no known answers in ../shared/vectors");
  return false;
}

/// A JSON file of the folder, by its path there. It is kept until the program ends, so that references into it stay
/// valid. Throws std::runtime_error if it cannot be read.
inline const nlohmann::json& load_shared_json(const std::string& path) {
  static std::map<std::string, nlohmann::json> files;
  if (const auto found = files.find(path); found != files.end()) return found->second;
  std::ifstream in(shared_vectors().value_or("") / path);
  if (!in) throw std::runtime_error("cannot be read: " + path);
  return files.emplace(path, nlohmann::json::parse(in)).first->second;
}

/// A text member of a known answer.
inline std::string text(const nlohmann::json& object, const char* member) { return object.at(member).get<std::string>(); }

}  // namespace test

/// In a TEST_CASE: `folder` is the folder of the known answers; without it, the test says so and ends.
#define FIRST_ATTACH_NEEDS_SHARED_VECTORS(folder) \
  if (!test::have_shared_vectors()) return;       \
  const std::filesystem::path folder = *test::shared_vectors()
