#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.hpp"

/// The search for secrets in what a run left behind.
namespace secrecy {

/// A text as it is, and as it is looked through: once for all secrets.
class Searched {
 public:
  explicit Searched(std::string_view text) : text_(text), lower_case_(text), base64_(text) {
    for (char& c : lower_case_) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::replace(base64_.begin(), base64_.end(), '-', '+');  // of the alphabet for URIs
    std::replace(base64_.begin(), base64_.end(), '_', '/');
    std::erase_if(base64_, [](char c) { return c == '\n' || c == '\r'; });  // of PEM, whose lines are shorter than a key
  }
  [[nodiscard]] bool has(std::string_view octets) const { return text_.find(octets) != std::string::npos; }
  [[nodiscard]] bool has_hex(const std::string& digits) const { return lower_case_.find(digits) != std::string::npos; }
  [[nodiscard]] bool has_base64(const std::string& digits) const { return base64_.find(digits) != std::string::npos; }

 private:
  std::string text_, lower_case_, base64_;
};

/// Something that nobody is to read, of at least 8 octets.
struct Secret {
  std::string name;
  base::Bytes octets;

  /// `eK in hex`; empty if it is in the text in no form.
  [[nodiscard]] std::string found_in(const Searched& text) const {
    if (text.has_hex(base::to_hex(octets))) return name + " in hex";
    if (text.has(base::as_text(octets))) return name + " in binary";
    // Base64 of the secret inside anything longer: those digits that are its own, whatever stands beside it.
    for (std::size_t before = 0; before < 3; ++before) {
      const base::Bytes shifted = base::concatenate(base::Bytes(before, 0), octets);
      const std::size_t first = (8 * before + 5) / 6;
      if (text.has_base64(base::to_base64(shifted).substr(first, 8 * shifted.size() / 6 - first))) return name + " in base64";
    }
    return "";
  }
};

class Secrets {
 public:
  void add(const std::string& name, base::BytesView octets) { all_.push_back({name, {octets.begin(), octets.end()}}); }
  /// One that is a text itself: a PIN, an access token.
  void add_text(const std::string& name, std::string_view text) { add(name, base::as_bytes(text)); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] std::vector<std::string> found_in(std::string_view text) const {
    const Searched searched(text);
    std::vector<std::string> out;
    for (const Secret& secret : all_) {
      if (const auto found = secret.found_in(searched); !found.empty()) out.push_back(found);
    }
    return out;
  }

 private:
  std::vector<Secret> all_;
};

}  // namespace secrecy
