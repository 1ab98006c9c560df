#include "lib/core/usual_authentication_info.hpp"

#include "lib/aka/serving_network_name.hpp"
#include "lib/aka/supi_or_suci.hpp"

namespace core {
namespace {

/// Takes tokens of JSON from a body; false for what this path leaves to the document reader.
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

bool take_member(Scanner& scanner, UsualAuthenticationInfo& info) {
  std::string_view name;
  std::string_view value;
  if (!scanner.take_text(name) || !scanner.take(':') || !scanner.take_text(value) || value.empty()) return false;
  std::string_view* const member = name == "supiOrSuci"           ? &info.supi_or_suci
                                   : name == "servingNetworkName" ? &info.serving_network_name
                                                                  : nullptr;
  if (member == nullptr || !member->empty()) return false;  // another one, or the same twice
  *member = value;
  return true;
}

}  // namespace

std::optional<UsualAuthenticationInfo> read_usual_authentication_info(std::string_view body) {
  Scanner scanner(body);
  UsualAuthenticationInfo info;
  const bool is_usual = scanner.take('{') && take_member(scanner, info) && scanner.take(',') && take_member(scanner, info) &&
                        scanner.take('}') && scanner.at_end();
  if (!is_usual || info.supi_or_suci.size() > aka::kMaxIdentitySize) return std::nullopt;
  if (!aka::is_serving_network_name(info.serving_network_name)) return std::nullopt;
  return info;
}

}  // namespace core
