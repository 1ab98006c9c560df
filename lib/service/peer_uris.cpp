#include "lib/service/peer_uris.hpp"

#include <boost/asio/ip/address.hpp>

#include "lib/service/config.hpp"

namespace service {
namespace {

/// True if a connection to it does not leave this machine. Of a name other than localhost that is not ours to say.
bool stays_here(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return host == "localhost" || (!error && address.is_loopback());
}

}  // namespace

void require_confidential(const Section& section, const std::string& key, const sbi::Uri& uri, bool may_be_open, const std::string& where) {
  if (uri.scheme != "http" || may_be_open || stays_here(uri.host)) return;
  section.problem(key, uri.origin() + " is beyond loopback and in clear: whoever is on the way reads and changes what goes there. Give an https URI, "
                       "or say insecure_beyond_loopback: true in " + where);
}

void check_peer_uri(const Section& section, const std::string& key, const sbi::Uri& uri, const CommonConfig& common) {
  require_confidential(section, key, uri, common.may_call_in_clear, "client");
  if (uri.scheme == "https" && !common.client_tls) section.problem(key, uri.origin() + " needs client: tls, whose ca it is verified against");
}

sbi::Uri read_peer_uri(const Section& section, const std::string& key, const CommonConfig& common) {
  sbi::Uri uri = read_uri(section, key);
  check_peer_uri(section, key, uri, common);
  return uri;
}

}  // namespace service
