#include "lib/sbi/flat_json.hpp"

namespace sbi {

namespace {

/// True for what a text has as it stands: printable ASCII but the quotation mark and the backslash.
constexpr std::array<bool, 256> kIsPlain = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x20; c <= 0x7E; ++c) out[c] = c != '"' && c != '\\';
  return out;
}();

}  // namespace

/// Takes tokens from the front of a text; false for any other than the one that is asked for.
class FlatObject::Scanner {
 public:
  explicit Scanner(std::string_view text) : next_(text.data()), end_(text.data() + text.size()) {}

  bool take(char token) {
    skip_white_space();
    if (next_ == end_ || *next_ != token) return false;
    ++next_;
    return true;
  }

  bool take_text(std::string_view& text) {
    if (!take('"')) return false;
    const char* const begin = next_;
    while (next_ != end_ && kIsPlain[static_cast<unsigned char>(*next_)]) ++next_;
    text = {begin, static_cast<std::size_t>(next_ - begin)};
    if (next_ == end_ || *next_ != '"') return false;
    ++next_;
    return true;
  }

  bool at_end() {
    skip_white_space();
    return next_ == end_;
  }

 private:
  void skip_white_space() {
    while (next_ != end_ && (*next_ == ' ' || *next_ == '\t' || *next_ == '\n' || *next_ == '\r')) ++next_;
  }

  const char* next_;
  const char* end_;
};

bool FlatObject::add(std::string_view name, std::string_view value) {
  if (size_ == kMaxMembers || value.empty() || !text(name).empty()) return false;
  members_[size_++] = {name, value};
  return true;
}

std::string_view FlatObject::text(std::string_view name) const {
  for (std::size_t i = 0; i < size_; ++i) {
    if (members_[i].name == name) return members_[i].value;
  }
  return {};
}

bool FlatObject::take(Scanner& scanner, std::string_view inner_name, FlatObject* inner) {
  if (!scanner.take('{')) return false;
  do {
    std::string_view name;
    std::string_view value;
    if (!scanner.take_text(name) || !scanner.take(':')) return false;
    if (inner != nullptr && name == inner_name) {
      if (inner->size() > 0 || !inner->take(scanner, {}, nullptr)) return false;
    } else if (!scanner.take_text(value) || !add(name, value)) {
      return false;
    }
  } while (scanner.take(','));
  return scanner.take('}');
}

std::optional<FlatObject> FlatObject::read(std::string_view body) {
  std::optional<FlatObject> out(std::in_place);
  Scanner scanner(body);
  if (!out->take(scanner, {}, nullptr) || !scanner.at_end()) return std::nullopt;
  return out;
}

std::optional<std::pair<FlatObject, FlatObject>> FlatObject::read_with(std::string_view inner, std::string_view body) {
  std::optional<std::pair<FlatObject, FlatObject>> out(std::in_place);
  Scanner scanner(body);
  const bool is_read = out->first.take(scanner, inner, &out->second) && scanner.at_end() && out->second.size() > 0;
  if (!is_read) return std::nullopt;
  return out;
}

}  // namespace sbi
