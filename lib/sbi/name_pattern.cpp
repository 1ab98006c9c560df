#include "lib/sbi/name_pattern.hpp"

namespace sbi {
namespace {

constexpr std::string_view kAnyLabel = "*.";

bool is_label(std::string_view text) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return !text.empty() && text.find_first_not_of(kLetters) == std::string_view::npos;
}

}  // namespace

bool is_name_pattern(std::string_view text) {
  if (text.starts_with(kAnyLabel)) {
    text.remove_prefix(kAnyLabel.size());
    if (text.starts_with('.')) return false;
  }
  return !text.empty() && text.find('*') == std::string_view::npos;
}

bool matches_name(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with(kAnyLabel)) return pattern == name;
  const std::size_t end = name.find('.');
  return end != std::string_view::npos && is_label(name.substr(0, end)) && name.substr(end) == pattern.substr(1);
}

}  // namespace sbi
