#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/base/error.hpp"

namespace sbi {

/// How deep arrays and objects may nest in a request.
inline constexpr std::size_t kMaxJsonDepth = 32;

/// How many values a text may have, with their names: a text of many costs three times as much of the loop's time as one of its size that has few.
inline constexpr std::size_t kMaxJsonValues = 4096;
/// The same of what an NRF says, with the profiles of thousands of functions in one text: the length of its body is the limit.
inline constexpr std::size_t kMaxJsonValuesOfNrf = std::size_t{1} << 20U;

/// Reads a JSON text strictly: RFC 8259, valid UTF-8, no member twice in one object, at most kMaxJsonDepth levels and `max_values` values.
/// Throws Error{bad_request, INVALID_MSG_FORMAT} that says where it went wrong.
nlohmann::json parse_json(std::string_view text, std::size_t max_values = kMaxJsonValues);

/// Writes a JSON object of a few members without a document: what is answered most often. Members in the order in which they are added.
class ObjectWriter {
 public:
  /// Memory for most objects is there at once: a text that grows leaves what it held behind, and keys are among what is written.
  ObjectWriter() {
    out_.reserve(1024);
    out_ = "{";
  }
  ObjectWriter& text(std::string_view name, std::string_view value);
  ObjectWriter& hex(std::string_view name, base::BytesView octets);
  ObjectWriter& integer(std::string_view name, std::int64_t value);
  /// A value that is JSON already.
  ObjectWriter& json(std::string_view name, std::string_view value);
  /// The object. Nothing is added afterwards.
  [[nodiscard]] std::string finish() &&;

 private:
  void begin_member(std::string_view name);
  std::string out_;
};

/// One JSON object of a request and the way to it, so that every fault names its member as a JSON pointer
/// (TS 29.571, InvalidParam). Members that nobody asks for are ignored (TS 29.500, 5.2.9). Valid as long as the document.
/// All accessors throw Error{bad_request} with MANDATORY_IE_MISSING, MANDATORY_IE_INCORRECT or OPTIONAL_IE_INCORRECT.
class JsonObject {
 public:
  /// Takes the whole body, which must be an object.
  explicit JsonObject(const nlohmann::json& document) : JsonObject(document, "") {}

  [[nodiscard]] bool has(const char* name) const { return value_->contains(name); }
  [[nodiscard]] bool is_null(const char* name) const;

  /// A string of 1 to `max_size` octets without control octets.
  [[nodiscard]] std::string text(const char* name, std::size_t max_size = 256) const;
  [[nodiscard]] std::optional<std::string> optional_text(const char* name, std::size_t max_size = 256) const;
  [[nodiscard]] std::optional<bool> optional_boolean(const char* name) const;
  [[nodiscard]] bool boolean(const char* name) const;
  /// A whole number from `min` to `max`.
  [[nodiscard]] std::int64_t integer(const char* name, std::int64_t min, std::int64_t max) const;

  /// Hex of exactly N octets.
  template <std::size_t N>
  [[nodiscard]] std::array<std::uint8_t, N> hex(const char* name) const {
    const auto octets = base::from_hex_exactly<N>(text(name, 2 * N + 64));
    if (!octets) fail(name, "is not " + std::to_string(2 * N) + " hex digits");
    return *octets;
  }
  template <std::size_t N>
  [[nodiscard]] std::optional<std::array<std::uint8_t, N>> optional_hex(const char* name) const {
    if (!has(name)) return std::nullopt;
    const auto octets = base::from_hex_exactly<N>(optional_text(name, 2 * N + 64).value_or(""));
    if (!octets) fail_optional(name, "is not " + std::to_string(2 * N) + " hex digits");
    return octets;
  }
  /// Base64 of 1 to `max_octets` octets.
  [[nodiscard]] base::Bytes base64(const char* name, std::size_t max_octets) const;

  [[nodiscard]] JsonObject object(const char* name) const;
  [[nodiscard]] std::optional<JsonObject> optional_object(const char* name) const;
  /// An array of 1 to `max_items` objects.
  [[nodiscard]] std::vector<JsonObject> objects(const char* name, std::size_t max_items) const;

  /// Throws Error{bad_request, MANDATORY_IE_INCORRECT} naming the member.
  [[noreturn]] void fail(const char* name, const std::string& reason) const;
  /// Throws Error{bad_request, OPTIONAL_IE_INCORRECT} naming the member.
  [[noreturn]] void fail_optional(const char* name, const std::string& reason) const;

 private:
  JsonObject(const nlohmann::json& value, std::string pointer);
  [[nodiscard]] const nlohmann::json& member(const char* name) const;
  [[noreturn]] void fail_as(const char* cause, const char* name, const std::string& reason) const;
  /// Why `value` is no text as text() wants it; empty if it is.
  static std::string fault_of_text(const nlohmann::json& value, std::size_t max_size);

  const nlohmann::json* value_;
  std::string pointer_;
};

/// Throws Error{bad_request, MANDATORY_IE_INCORRECT} for a variable of the path, as `{dimsi}`.
[[noreturn]] void fail_path_parameter(const std::string& name, const std::string& reason);

/// Throws Error{bad_request, `cause`} for a parameter of the query, as `query limit`.
[[noreturn]] void fail_query_parameter(const char* cause, const std::string& name, const std::string& reason);

}  // namespace sbi
