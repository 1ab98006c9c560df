#include "lib/sbi/flat_json.hpp"

namespace sbi {
namespace {

/// Takes tokens from the front of a text; false for any other than the one that is asked for.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char token) {
    skip_white_space();
    if (rest_.empty() || rest_.front() != token) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_text(std::string_view& text) {
    if (!take('"')) return false;
    std::size_t size = 0;
    while (size < rest_.size() && is_plain(rest_[size])) ++size;
    if (size == rest_.size() || rest_[size] != '"') return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return true;
  }

  bool at_end() {
    skip_white_space();
    return rest_.empty();
  }

 private:
  static bool is_plain(char c) { return c >= 0x20 && c <= 0x7E && c != '"' && c != '\\'; }
  void skip_white_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\n' || rest_.front() == '\r')) {
      rest_.remove_prefix(1);
    }
  }

  std::string_view rest_;
};

}  // namespace

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

std::optional<FlatObject> FlatObject::read(std::string_view body) {
  std::optional<FlatObject> out(std::in_place);
  Scanner scanner(body);
  if (!scanner.take('{')) return std::nullopt;
  do {
    std::string_view name;
    std::string_view value;
    const bool is_member = scanner.take_text(name) && scanner.take(':') && scanner.take_text(value) && out->add(name, value);
    if (!is_member) return std::nullopt;
  } while (scanner.take(','));
  if (!scanner.take('}') || !scanner.at_end()) return std::nullopt;
  return out;
}

}  // namespace sbi
