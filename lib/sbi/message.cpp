#include "lib/sbi/message.hpp"

#include <algorithm>
#include <stdexcept>

namespace sbi {

void Headers::add(std::string_view name, std::string_view value) {
  if (fields_.empty()) fields_.reserve(kUsualFields);
  if (size_ == fields_.size()) fields_.emplace_back();
  Header& field = fields_[size_++];
  field.name = name;
  field.value = value;
  bytes_ += name.size() + value.size();
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Header& field : fields()) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

void Request::clear() {
  constexpr std::size_t kMaxKeptOctets = 1024;  // of each text, and of all header fields
  base::wipe(body);
  for (std::string* const text : {&method, &authority, &target, &body}) {
    text->clear();
    if (text->capacity() > kMaxKeptOctets) std::string().swap(*text);  // assigning would keep its memory
  }
  scheme = "http";
  if (headers.bytes() > kMaxKeptOctets) headers = Headers();
  headers.clear();
  peer = Peer();
  turns = nullptr;
  path_parameters.clear();
  query_parameters.clear();
}

const std::string& Request::path(std::string_view name) const {
  for (const auto& [known, value] : path_parameters) {
    if (known == name) return value;
  }
  throw std::out_of_range("the route has no path parameter " + std::string(name));
}

std::optional<std::string_view> Request::query(std::string_view name) const {
  for (const auto& [known, value] : query_parameters) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string_view without_space(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_authority(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~:[]").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace sbi
