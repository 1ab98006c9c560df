// FlatObject takes what the general parser takes for the same, and takes all that its contract says.
#include "lib/sbi/flat_json.hpp"
#include "lib/sbi/json.hpp"
#include "tests/fuzz/input.hpp"

namespace {

constexpr const char* kInner = "seCredentials";

std::optional<nlohmann::json> parsed(std::string_view body) {
  try {
    return sbi::parse_json(body);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E && c != '"'; });
}

/// What the contract lets into a FlatObject; `but`: a member that is not looked at, or null. Escapes are the caller's to look for.
bool is_flat(const nlohmann::json& object, const char* but) {
  std::size_t members = 0;
  for (const auto& [name, value] : object.items()) {
    if (but != nullptr && name == but) continue;
    if (!value.is_string() || ++members > sbi::FlatObject::kMaxMembers) return false;
    const auto& text = value.get_ref<const std::string&>();
    if (text.empty() || !is_plain(name) || !is_plain(text)) return false;
  }
  return true;
}

void require_same(const sbi::FlatObject& flat, const nlohmann::json& object, const char* but) {
  std::size_t members = 0;
  for (const auto& [name, value] : object.items()) {
    if (but != nullptr && name == but) continue;
    ++members;
    fuzz::require(value.is_string() && value.get_ref<const std::string&>() == flat.text(name), "a member is the document's");
  }
  fuzz::require(members == flat.size(), "the members are the document's");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body = fuzz::Input(data, size).text();
  const auto flat = sbi::FlatObject::read(body);
  const auto nested = sbi::FlatObject::read_with(kInner, body);
  const auto document = parsed(body);
  const bool is_object = document && document->is_object();
  fuzz::require(is_object || (!flat && !nested), "what is taken is an object to the general parser");
  if (!is_object) return 0;
  if (flat) require_same(*flat, *document, nullptr);
  if (nested) require_same(nested->first, *document, kInner);
  if (nested) require_same(nested->second, document->at(kInner), nullptr);
  const bool is_plain_text = body.find('\\') == std::string::npos && !body.starts_with("\xEF\xBB\xBF");
  if (!is_plain_text) return 0;
  fuzz::require(flat.has_value() == (!document->empty() && is_flat(*document, nullptr)), "all that is flat is taken");
  const bool has_inner = document->contains(kInner) && document->at(kInner).is_object() && !document->at(kInner).empty();
  fuzz::require(nested.has_value() == (has_inner && is_flat(*document, kInner) && is_flat(document->at(kInner), nullptr)),
                "all that has one flat member is taken");
  return 0;
}
