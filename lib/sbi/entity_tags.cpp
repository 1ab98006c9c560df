#include "lib/sbi/entity_tags.hpp"

#include <algorithm>

#include "lib/base/error.hpp"

namespace sbi {
namespace {

void skip_space(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

/// etagc (RFC 9110, 8.8.3): printable but for the quote, and what is beyond ASCII.
bool is_tag_octet(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet == 0x21 || (octet >= 0x23 && octet != 0x7F);
}

}  // namespace

bool EntityTags::add(std::string_view line) {
  while (true) {
    skip_space(line);
    Tag tag;
    if (line.starts_with("W/")) {
      tag.is_weak = true;
      line.remove_prefix(2);
    }
    const std::size_t end = line.starts_with('"') ? line.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos || !std::all_of(line.begin() + 1, line.begin() + static_cast<std::ptrdiff_t>(end), is_tag_octet)) {
      return false;
    }
    tag.opaque = line.substr(0, end + 1);
    tags_.push_back(std::move(tag));
    line.remove_prefix(end + 1);
    skip_space(line);
    if (line.empty()) return true;
    if (line.front() != ',') return false;
    line.remove_prefix(1);
  }
}

std::optional<EntityTags> EntityTags::of(const Request& request, std::string_view name) {
  EntityTags out;
  std::size_t lines = 0;
  bool is_sound = true;
  for (const Header& field : request.headers.fields()) {
    if (field.name != name) continue;
    ++lines;
    if (field.value == "*") {
      out.is_any_ = true;
    } else {
      is_sound = out.add(field.value) && is_sound;
    }
  }
  if (lines == 0) return std::nullopt;
  if (!is_sound || (out.is_any_ && lines > 1)) {
    throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", std::string(name) + " is neither * nor a list of entity tags",
                      {{"header " + std::string(name), "is neither * nor a list of entity tags"}});
  }
  return out;
}

bool EntityTags::match_strongly(const std::optional<std::string>& current) const {
  if (!current) return false;
  return is_any_ || std::any_of(tags_.begin(), tags_.end(), [&](const Tag& tag) { return !tag.is_weak && tag.opaque == *current; });
}

bool EntityTags::match_weakly(const std::optional<std::string>& current) const {
  if (!current) return false;
  return is_any_ || std::any_of(tags_.begin(), tags_.end(), [&](const Tag& tag) { return tag.opaque == *current; });
}

}  // namespace sbi
