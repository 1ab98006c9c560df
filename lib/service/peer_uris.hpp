#pragma once

#include <string>

#include "lib/sbi/uri.hpp"
#include "lib/service/yaml.hpp"

/// URIs of a configuration that requests go to: what is in them (access tokens, dIMSIs, IMSIs) is not for who is on the way.
namespace service {

struct CommonConfig;

/// Notes a problem with `key` if what goes to `uri` could be read on its way: `http` to a host that is neither a loopback address nor
/// `localhost`, unless `may_be_open`. `where`: the section in which insecure_beyond_loopback says that it is meant. A URI without host, of which
/// something else was wrong, is passed over.
void require_confidential(const Section& section, const std::string& key, const sbi::Uri& uri, bool may_be_open, const std::string& where);

/// As above, of a peer that the SBI client is sent to; `https` without `client: tls` is a problem as well. Call it when `client` is read.
void check_peer_uri(const Section& section, const std::string& key, const sbi::Uri& uri, const CommonConfig& common);

/// read_uri(), and check_peer_uri() of what it says.
sbi::Uri read_peer_uri(const Section& section, const std::string& key, const CommonConfig& common);

}  // namespace service
