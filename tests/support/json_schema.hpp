#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace test {

/// A JSON schema, draft 7, ready to hold documents against.
class JsonSchema {
 public:
  /// Without `format`, which this version of valijson looks at even where the value is no string, and then throws; what the
  /// formats say is in the patterns.
  explicit JsonSchema(const nlohmann::json& schema);
  ~JsonSchema();
  JsonSchema(JsonSchema&&) noexcept;

  /// What is wrong with a document; empty if nothing is.
  [[nodiscard]] std::string fault_of(const nlohmann::json& document) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A schema of 3GPP by its file's name (`TS29510_Nnrf_NFManagement.NFProfile`), from ../shared/3gpp/schemas. Null if the folder is
/// not beside the project, which is said once. Safe to call from any thread; lives until the program ends.
const JsonSchema* shared_schema(const std::string& name);

}  // namespace test
