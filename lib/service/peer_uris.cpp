#include "lib/service/peer_uris.hpp"

#include "lib/service/config.hpp"

namespace service {

void require_confidential(const Section& section, const std::string& key, const sbi::Uri& uri, bool may_be_open, const std::string& where) {
  if (uri.scheme != "http" || may_be_open || uri.is_at_loopback()) return;
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
