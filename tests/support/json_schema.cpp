#include "tests/support/json_schema.hpp"

#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#ifndef VALIJSON_USE_EXCEPTIONS
#define VALIJSON_USE_EXCEPTIONS 1
#endif
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace test {
namespace {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

json without_formats(json node) {
  if (node.is_object()) node.erase("format");
  for (auto& child : node) {
    if (child.is_structured()) child = without_formats(std::move(child));
  }
  return node;
}

}  // namespace

struct JsonSchema::State {
  valijson::Schema schema;
};

JsonSchema::JsonSchema(const json& schema) : state_(std::make_unique<State>()) {
  const json document = without_formats(schema);
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.populateSchema(Adapter(document), state_->schema);
}

JsonSchema::~JsonSchema() = default;
JsonSchema::JsonSchema(JsonSchema&&) noexcept = default;

std::string JsonSchema::fault_of(const json& document) const {
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(state_->schema, Adapter(document), &results)) return "";
  std::string faults;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const auto& part : error.context) faults += " " + part;
    faults += " " + error.description + ";";
  }
  return faults.empty() ? "is not as the schema wants it" : faults;
}

const JsonSchema* shared_schema(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<JsonSchema>> schemas;
  static bool has_warned = false;
  const std::lock_guard lock(mutex);
  if (const auto known = schemas.find(name); known != schemas.end()) return known->second.get();
  std::ifstream in(FIRST_ATTACH_SOURCE_DIR "/../shared/3gpp/schemas/" + name + ".schema.json");
  if (!in) {
    if (!std::exchange(has_warned, true)) std::cout << "skipped: the schemas of 3GPP are not beside the project\n";
    return nullptr;
  }
  return schemas.emplace(name, std::make_unique<JsonSchema>(json::parse(in))).first->second.get();
}

}  // namespace test
