#include "lib/sbi/uri.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <stdexcept>

#include "lib/sbi/message.hpp"

namespace sbi {
namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos &&
         std::stoul(std::string(text)) - 1 < 65535;
}

}  // namespace

Uri Uri::parse(std::string_view text) {
  Uri uri;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) throw std::invalid_argument("is not an absolute URI (http://host:port)");
  uri.scheme = text.substr(0, scheme_end);
  if (uri.scheme != "http" && uri.scheme != "https") throw std::invalid_argument("is neither http nor https");
  text.remove_prefix(scheme_end + 3);
  const std::size_t path_begin = text.find('/');
  std::string_view authority = text.substr(0, path_begin);
  uri.path = path_begin == std::string_view::npos ? "" : text.substr(path_begin);
  while (uri.path.ends_with('/')) uri.path.pop_back();
  if (!is_authority(authority)) throw std::invalid_argument("has no host, or one with characters that a host cannot have");
  for (const char c : uri.path) {
    if (c <= ' ' || c == '?' || c == '#' || c == 0x7F) throw std::invalid_argument("has a query, a fragment or white space");
  }
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) throw std::invalid_argument("has a [ without ]");
  if (authority.find_first_of("[]", bracket + 1) != std::string_view::npos) throw std::invalid_argument("has a bracket too many");
  const std::size_t colon = authority.find(':', bracket);
  if (bracket != 0 && bracket + 1 != std::min(colon, authority.size())) {
    throw std::invalid_argument("has characters between ] and the port");
  }
  uri.host = bracket != 0 ? authority.substr(1, bracket - 1) : authority.substr(0, colon);
  if (uri.host.empty()) throw std::invalid_argument("has no host");
  uri.port = colon == std::string_view::npos ? (uri.scheme == "https" ? "443" : "80") : authority.substr(colon + 1);
  if (!is_port(uri.port)) throw std::invalid_argument("has a port that is not a number from 1 to 65535");
  return uri;
}

std::string Uri::authority() const {
  const bool is_default = (scheme == "https" && port == "443") || (scheme == "http" && port == "80");
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return is_default ? name : name + ":" + port;
}

bool Uri::is_at_loopback() const { return host == "localhost" || is_loopback_address(host); }

bool is_loopback_address(const std::string& text) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(text, error);
  return !error && address.is_loopback();
}

}  // namespace sbi
