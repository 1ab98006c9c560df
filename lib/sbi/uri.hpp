#pragma once

#include <string>
#include <string_view>

namespace sbi {

/// True if the text is an IP address (IPv6 without brackets) at which nobody but this machine listens or is reached. A name is none: what it
/// stands for is not ours to say.
bool is_loopback_address(const std::string& text);

/// An absolute http or https URI, split. The path has no trailing slash, so that resources are appended.
struct Uri {
  std::string scheme;
  std::string host;  ///< a name or an address; IPv6 without brackets
  std::string port;
  std::string path;

  /// Throws std::invalid_argument that says what is wrong (no scheme, user information, a query, ...).
  static Uri parse(std::string_view text);
  [[nodiscard]] std::string authority() const;
  /// `scheme://authority`
  [[nodiscard]] std::string origin() const { return scheme + "://" + authority(); }
  /// True if a connection to the host does not leave this machine. Of names `localhost` alone is taken to say so.
  [[nodiscard]] bool is_at_loopback() const;
};

}  // namespace sbi
