#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/log.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/tls.hpp"
#include "lib/service/nrf_config.hpp"
#include "lib/service/token_guard.hpp"
#include "lib/service/yaml.hpp"

namespace service {

/// One address at which a function listens.
struct Listener {
  std::string address;
  std::uint16_t port = 0;
  std::optional<sbi::TlsFiles> tls = std::nullopt;
  std::optional<Registration> registration = std::nullopt;  ///< as which it is registered at the NRF
};

/// The sections that every function has (config/*.yaml explain each key).
struct CommonConfig {
  std::string log_file;
  base::log::Level log_level = base::log::Level::info;
  std::vector<Listener> http2;
  std::vector<Listener> http1;
  bool knows_peers = false;  ///< a listener demands certificates, or tokens are required: HTTP/1.1, which knows nobody, serves health and metrics only
  std::optional<TokenPolicy> tokens;  ///< `sbi: oauth2:`
  bool sends_tokens = false;          ///< `client: oauth2:`
  sbi::ServerLimits limits;
  std::optional<sbi::TlsFiles> client_tls;  ///< with `ca`
  bool may_call_in_clear = false;  ///< `client: insecure_beyond_loopback:`, of peers beyond loopback (check_peer_uri)
  std::chrono::milliseconds client_timeout{10000};
  std::optional<sbi::Uri> scp;   ///< `client: scp:`
  std::vector<sbi::Uri> direct;  ///< peers that are no part of the core, so not behind the SCP
  core::NrfSettings nrf;
  bool allows_debugging = false;  ///< `insecure_debugging:`, for labs: this process may be debugged (base::allow_debugging)
  std::string database;
  std::string audit_file;  ///< `audit: file:`; empty: nothing is recorded
  std::size_t mapped_octets = 0;  ///< of the database, for each worker's reads; see store::Database::open
  std::size_t workers = 1;
};

/// Reads `logger` and the common sections of `<nf>`. Faults are noted in the document. `mapped_mib`: of the database, unless
/// `database_mapped_mib` says otherwise.
CommonConfig read_common(const Section& root, const std::string& nf, std::int64_t mapped_mib = 0);

/// An absolute URI (sbi::Uri); notes a problem and returns an empty one if it is none. Of a peer that is called: read_peer_uri().
sbi::Uri read_uri(const Section& section, const std::string& key);

/// The `tls` section of a web::HttpClient: what servers are verified against (without `ca`: the system's CAs), and perhaps a certificate of its
/// own, tried out together. It logs no secrets of connections: `sslkeylogfile` is a problem, whatever stands beside it.
sbi::TlsFiles read_web_client_tls(const Section& section);

/// A file that must exist and be readable; notes a problem otherwise, and returns an empty path.
std::string read_file_path(const Section& section, const std::string& key);

}  // namespace service
