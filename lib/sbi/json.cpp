#include "lib/sbi/json.hpp"

#include <algorithm>
#include <limits>

namespace sbi {
namespace {

using nlohmann::json;

[[noreturn]] void fail_format(const std::string& detail) {
  throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", detail);
}

/// Builds the document as nlohmann's own parser does, but refuses what that lets pass: doubles and deep nesting.
class StrictBuilder : public nlohmann::json_sax<json> {
 public:
  explicit StrictBuilder(std::size_t max_values) : max_values_(max_values) {}
  json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (stack_.back()->contains(name)) {
      throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the body has a member twice in one object",
                        {{name.substr(0, 64), "stands twice in the same object"}});
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception& error) override {
    // Octets of the body are not repeated: a body may hold what no log or answer should.
    const bool utf8 = std::string_view(error.what()).find("UTF-8") != std::string_view::npos;
    fail_format("the body is not JSON: " + std::string(utf8 ? "invalid UTF-8" : "syntax error") + " at octet " +
                std::to_string(position));
  }

 private:
  json* place(json&& value) {
    if (++values_ > max_values_) fail_format("the body has more than " + std::to_string(max_values_) + " values");
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool put(json&& value) { return place(std::move(value)) != nullptr; }
  bool open(json&& value) {
    if (stack_.size() >= kMaxJsonDepth) {
      fail_format("the body nests deeper than " + std::to_string(kMaxJsonDepth) + " levels");
    }
    stack_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  const std::size_t max_values_;
  std::size_t values_ = 0;
  json root_;
  std::vector<json*> stack_;
  std::string key_;
};

bool has_control_octet(std::string_view text) {
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7F) return true;
  }
  return false;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, std::size_t max_values) {
  if (text.empty()) fail_format("the body is empty, where a JSON object is wanted");
  // The parser takes a zero octet for the end of its input, whatever follows.
  if (text.find('\0') != std::string_view::npos) fail_format("the body is not JSON: it has a zero octet");
  StrictBuilder builder(max_values);
  json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

void ObjectWriter::begin_member(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

ObjectWriter& ObjectWriter::text(std::string_view name, std::string_view value) {
  begin_member(name);
  const bool is_plain = std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E && c != '"' && c != '\\'; });
  if (is_plain) {
    out_ += '"';
    out_ += value;
    out_ += '"';
  } else {
    out_ += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return *this;
}

ObjectWriter& ObjectWriter::hex(std::string_view name, base::BytesView octets) {
  begin_member(name);
  out_ += '"';
  base::append_hex(out_, octets);
  out_ += '"';
  return *this;
}

ObjectWriter& ObjectWriter::integer(std::string_view name, std::int64_t value) {
  begin_member(name);
  out_ += std::to_string(value);
  return *this;
}

ObjectWriter& ObjectWriter::json(std::string_view name, std::string_view value) {
  begin_member(name);
  out_ += value;
  return *this;
}

std::string ObjectWriter::finish() && {
  out_ += '}';
  return std::move(out_);
}

JsonObject::JsonObject(const nlohmann::json& value, std::string pointer) : value_(&value), pointer_(std::move(pointer)) {
  if (!value.is_object()) fail_format("the body is not a JSON object");
}

const nlohmann::json& JsonObject::member(const char* name) const {
  const auto found = value_->find(name);
  if (found == value_->end()) fail_as("MANDATORY_IE_MISSING", name, "is missing");
  return *found;
}

void JsonObject::fail_as(const char* cause, const char* name, const std::string& reason) const {
  const std::string pointer = pointer_ + "/" + name;
  throw base::Error(base::ErrorKind::bad_request, cause, pointer + " " + reason, {{pointer, reason}});
}
void JsonObject::fail(const char* name, const std::string& reason) const { fail_as("MANDATORY_IE_INCORRECT", name, reason); }
void JsonObject::fail_optional(const char* name, const std::string& reason) const {
  fail_as("OPTIONAL_IE_INCORRECT", name, reason);
}

bool JsonObject::is_null(const char* name) const { return member(name).is_null(); }

std::string JsonObject::fault_of_text(const nlohmann::json& value, std::size_t max_size) {
  if (!value.is_string()) return "is not a string";
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) return "is empty";
  if (text.size() > max_size) return "is longer than " + std::to_string(max_size) + " octets";
  if (has_control_octet(text)) return "has a control character";
  return "";
}

std::string JsonObject::text(const char* name, std::size_t max_size) const {
  const auto& value = member(name);
  if (const auto fault = fault_of_text(value, max_size); !fault.empty()) fail(name, fault);
  return value.get<std::string>();
}

std::optional<std::string> JsonObject::optional_text(const char* name, std::size_t max_size) const {
  if (!has(name)) return std::nullopt;
  const auto& value = member(name);
  if (const auto fault = fault_of_text(value, max_size); !fault.empty()) fail_optional(name, fault);
  return value.get<std::string>();
}

bool JsonObject::boolean(const char* name) const {
  const auto& value = member(name);
  if (!value.is_boolean()) fail(name, "is not a boolean");
  return value.get<bool>();
}

std::int64_t JsonObject::integer(const char* name, std::int64_t min, std::int64_t max) const {
  const auto& value = member(name);
  if (!value.is_number_integer()) fail(name, "is not a whole number");
  const std::string range = "is not from " + std::to_string(min) + " to " + std::to_string(max);
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    fail(name, range);
  }
  const auto number = value.get<std::int64_t>();
  if (number < min || number > max) fail(name, range);
  return number;
}

std::optional<bool> JsonObject::optional_boolean(const char* name) const {
  if (!has(name)) return std::nullopt;
  const auto& value = member(name);
  if (!value.is_boolean()) fail_optional(name, "is not a boolean");
  return value.get<bool>();
}

base::Bytes JsonObject::base64(const char* name, std::size_t max_octets) const {
  const auto octets = base::from_base64(text(name, (max_octets + 2) / 3 * 4));
  if (!octets) fail(name, "is not base64 (RFC 4648 section 4, padded)");
  if (octets->size() > max_octets) fail(name, "is longer than " + std::to_string(max_octets) + " octets");
  return *octets;
}

JsonObject JsonObject::object(const char* name) const {
  const auto& value = member(name);
  if (!value.is_object()) fail(name, "is not an object");
  return {value, pointer_ + "/" + name};
}

std::optional<JsonObject> JsonObject::optional_object(const char* name) const {
  if (!has(name)) return std::nullopt;
  const auto& value = member(name);
  if (!value.is_object()) fail_optional(name, "is not an object");
  return JsonObject(value, pointer_ + "/" + name);
}

std::vector<JsonObject> JsonObject::objects(const char* name, std::size_t max_items) const {
  const auto& value = member(name);
  if (!value.is_array()) fail(name, "is not an array");
  if (value.empty()) fail(name, "is empty");
  if (value.size() > max_items) fail(name, "has more than " + std::to_string(max_items) + " items");
  std::vector<JsonObject> out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string item = std::string(name) + "/" + std::to_string(i);
    if (!value[i].is_object()) fail(item.c_str(), "is not an object");
    out.push_back(JsonObject(value[i], pointer_ + "/" + item));
  }
  return out;
}

void fail_path_parameter(const std::string& name, const std::string& reason) {
  const std::string param = "{" + name + "}";
  throw base::Error(base::ErrorKind::bad_request, "MANDATORY_IE_INCORRECT", param + " " + reason, {{param, reason}});
}

void fail_query_parameter(const char* cause, const std::string& name, const std::string& reason) {
  const std::string param = "query " + name;
  throw base::Error(base::ErrorKind::bad_request, cause, param + " " + reason, {{param, reason}});
}

}  // namespace sbi
