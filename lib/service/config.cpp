#include "lib/service/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <stdexcept>

#include "lib/sbi/name_pattern.hpp"
#include "lib/service/key_files.hpp"
#include "lib/service/peer_uris.hpp"

namespace service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMib = 1024 * 1024;

/// What the TLS library itself has to say against the files: a key of another certificate, no certificates in `ca`. They name no log of keys, for reading a
/// configuration makes no file.
void try_out(const Section& tls, const sbi::TlsFiles& files, bool is_server) {
  try {
    (void)(is_server ? sbi::make_server_context(files) : sbi::make_client_context(files));
  } catch (const std::runtime_error& error) {
    const std::string fault = error.what();
    const auto is_of = [&fault](const std::string& ca) { return !ca.empty() && fault.starts_with(ca + ": no CA"); };
    const bool is_of_ca = is_of(files.ca) || std::any_of(files.cas.begin(), files.cas.end(), [&](const sbi::CaFile& one) { return is_of(one.path); });
    const bool is_of_key = fault.starts_with(files.private_key + ": no private key") || fault.starts_with("the file " + files.private_key + " ");
    tls.problem(is_of_ca ? "ca" : is_of_key ? "private_key" : "certificate", fault);
  }
}

/// `ca` of a listener as a list of {file, names}, or one such map.
std::vector<sbi::CaFile> read_ca_files(const Section& tls) {
  std::vector<sbi::CaFile> out;
  for (const Section& entry : tls.sections("ca", true)) {
    sbi::CaFile ca{read_file_path(entry, "file"), entry.texts("names"), entry.name("names")};
    if (ca.names.empty() && entry.has("names")) entry.problem("names", "is empty: leave it out for a CA that may vouch for any name");
    for (const std::string& name : ca.names) {
      if (!sbi::is_name_pattern(name)) entry.problem("names", "'" + name + "' is neither a name nor *.example.org, for one label before it");
    }
    if (!ca.path.empty()) out.push_back(std::move(ca));
  }
  return out;
}

/// All but the log of keys.
sbi::TlsFiles read_tls(const Section& tls, bool is_server) {
  sbi::TlsFiles files;
  const bool has_own = is_server || tls.has("certificate") || tls.has("private_key");
  if (has_own) {
    files.certificate = read_file_path(tls, "certificate");
    files.private_key = read_secret_path(tls, "private_key");
  }
  const bool has_names = is_server && (tls.is_list("ca") || tls.is_map("ca"));
  if (has_names) {
    files.cas = read_ca_files(tls);
  } else if (tls.has("ca")) {
    files.ca = read_file_path(tls, "ca");
  }
  if (is_server) {
    files.verify_client = tls.boolean("verify_client", tls.has("ca"));
    if (files.verify_client && !files.asks_for_certificates()) tls.problem("verify_client", "needs ca, the certificates that clients chain to");
  }
  const bool has_all = !has_own || (!files.certificate.empty() && !files.private_key.empty());
  if (has_all) try_out(tls, files, is_server);
  return files;
}

/// And where the secrets of connections go, in a lab that says that it is one.
sbi::TlsFiles read_tls_and_log(const Section& tls, bool is_server) {
  sbi::TlsFiles files = read_tls(tls, is_server);
  if (!tls.has("sslkeylogfile")) return files;
  files.key_log = tls.text("sslkeylogfile");
  if (!tls.boolean("insecure_key_log", false)) {
    tls.problem("sslkeylogfile", "lets whoever reads the file read every connection: for a lab, say insecure_key_log: true beside it");
  }
  return files;
}

/// `may_be_open`: what `sbi` says of listeners that say nothing themselves.
Listener read_listener(const Section& section, bool takes_tls, bool may_be_open, bool demands_tokens) {
  Listener listener;
  listener.address = section.text("address");
  listener.port = static_cast<std::uint16_t>(section.integer("port", 0, 65535, takes_tls ? 7777 : 8080));
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(listener.address, error);
  if (error && !listener.address.empty()) section.problem("address", listener.address + " is not an IP address");
  if (takes_tls && section.has("tls")) listener.tls = read_tls_and_log(section.section("tls"), true);
  const bool is_protected = listener.tls && (listener.tls->verify_client || demands_tokens);
  const bool is_meant = section.boolean("insecure_beyond_loopback", may_be_open);
  if (!error && !address.is_loopback() && !is_protected && !is_meant) {
    section.problem("address", listener.address + " is beyond loopback and whoever reaches it owns every key: give tls with "
                    "verify_client, or tls and oauth2 with mode required, or say insecure_beyond_loopback: true beside it");
  }
  if (takes_tls) listener.registration = read_registration(section, listener);
  return listener;
}

/// What one connection may bring about; `size` reads a key.
template <class Size>
void read_session_limits(const Size& size, sbi::Http2Session::Limits& limits) {
  limits.max_streams = static_cast<std::uint32_t>(size("max_streams", 1, 10000, limits.max_streams));
  limits.max_headers = size("max_headers", 16, 1000, limits.max_headers);
  limits.max_header_bytes = size("max_header_bytes", 1024, 65536, limits.max_header_bytes);
  limits.max_header_expansion = size("max_header_expansion", 1, 100, limits.max_header_expansion);
  limits.max_idle_frames_per_second = size("max_idle_frames_per_second", 100, 10000000, limits.max_idle_frames_per_second);
  limits.max_stream_errors_per_second = size("max_stream_errors_per_second", 1, 1000000, limits.max_stream_errors_per_second);
  limits.max_client_resets_per_second = size("max_client_resets_per_second", 1, 1000000, limits.max_client_resets_per_second);
  limits.max_client_resets_burst = size("max_client_resets_burst", 1, 1000000, limits.max_client_resets_burst);
}

sbi::ServerLimits read_limits(const Section& section) {
  sbi::ServerLimits limits;
  const auto size = [&section](const char* key, std::int64_t min, std::int64_t max, std::size_t otherwise) {
    return static_cast<std::size_t>(section.integer(key, min, max, static_cast<std::int64_t>(otherwise)));
  };
  const auto duration = [&section](const char* key, seconds otherwise) {
    return seconds(section.integer(key, 1, 86400, otherwise.count()));
  };
  limits.max_connections = size("max_connections", 1, 1000000, limits.max_connections);
  limits.max_http1_connections = size("max_http1_connections", 1, 100000, limits.max_http1_connections);
  limits.max_handshakes = size("max_handshakes", 1, 100000, limits.max_handshakes);
  limits.max_handshakes_per_second = size("max_handshakes_per_second", 0, 1000000, limits.max_handshakes_per_second);
  limits.max_half_open_streams = size("max_half_open_streams", 1, 10000000, limits.max_half_open_streams);
  limits.max_buffered_bytes = size("max_buffered_mib", 1, 65536, limits.max_buffered_bytes / kMib) * kMib;
  limits.max_requests_per_second = size("max_requests_per_second", 0, 10000000, limits.max_requests_per_second);
  limits.max_imports = size("max_imports", 1, 1000, limits.max_imports);
  limits.max_imports_per_peer = size("max_imports_per_peer", 1, 1000, limits.max_imports_per_peer);
  read_session_limits(size, limits.http2);
  limits.max_http1_bytes = size("max_http1_mib", 1, 64, limits.max_http1_bytes / kMib) * kMib;
  limits.max_body_bytes = size("max_body_bytes", 1024, 8 * 1024 * 1024, limits.max_body_bytes);
  limits.first_byte_timeout = duration("first_byte_timeout_s", limits.first_byte_timeout);
  limits.request_timeout = duration("request_timeout_s", limits.request_timeout);
  limits.idle_timeout = duration("idle_timeout_s", limits.idle_timeout);
  limits.write_timeout = duration("write_timeout_s", limits.write_timeout);
  limits.max_wait = milliseconds(section.integer("max_wait_ms", 1, 60000, limits.max_wait.count()));
  return limits;
}

/// As which this function is known to the NRF.
std::vector<std::string> nf_types(const CommonConfig& config) {
  std::vector<std::string> out;
  for (const Listener& listener : config.http2) {
    if (listener.registration) out.push_back(listener.registration->instance.nf_type);
  }
  return out;
}

/// With a CA in any case: the peers of a core are not whoever has a certificate of a public CA for their address.
sbi::TlsFiles read_sbi_client_tls(const Section& tls) {
  if (!tls.has("ca")) tls.problem("ca", "is missing: the certificates that peers chain to, else every public CA could vouch for them");
  return read_tls_and_log(tls, false);
}

/// `client` of a function, but for `nrf` and `oauth2`. What it says of TLS and of loopback comes first: every peer's URI is held against it.
void read_client(const Section& client, CommonConfig& config) {
  if (client.has("tls")) config.client_tls = read_sbi_client_tls(client.section("tls"));
  config.may_call_in_clear = client.boolean("insecure_beyond_loopback", false);
  config.client_timeout = milliseconds(client.integer("timeout_ms", 10, 600000, config.client_timeout.count()));
  if (client.has("scp")) config.scp = read_peer_uri(client.section("scp"), "uri", config);
}

void read_logger(const Section& logger, CommonConfig& config) {
  config.log_file = logger.section("file").text("path", "");
  const std::string level = logger.text("level", "info");
  if (!base::log::level_from_name(level, config.log_level)) {
    logger.problem("level", level + " is none of trace, debug, info, warning, error, fatal, off");
  }
}

}  // namespace

CommonConfig read_common(const Section& root, const std::string& nf, std::int64_t mapped_mib) {
  CommonConfig config;
  read_logger(root.section("logger"), config);
  const Section function = root.section(nf, true);
  const Section sbi = function.section("sbi", true);
  const bool may_be_open = sbi.boolean("insecure_beyond_loopback", false);
  const bool demands_tokens = sbi.section("oauth2").text("mode", "") == "required";
  for (const Section& server : sbi.sections("server", true)) config.http2.push_back(read_listener(server, true, may_be_open, demands_tokens));
  for (const Section& server : sbi.sections("http1")) config.http1.push_back(read_listener(server, false, may_be_open, false));
  config.tokens = read_token_policy(sbi, nf_types(config));
  config.knows_peers = std::any_of(config.http2.begin(), config.http2.end(),
                                   [](const Listener& listener) { return listener.tls && listener.tls->verify_client; }) ||
                       demands_tokens;
  for (std::size_t i = 0; config.knows_peers && !demands_tokens && i < config.http2.size(); ++i) {
    const auto& tls = config.http2[i].tls;
    if (tls && tls->verify_client) continue;
    sbi.sections("server")[i].problem("address", "is a way around the listener that has verify_client, for whoever comes here is anonymous and owns every key: "
                                      "give it tls with verify_client as well");
  }
  config.limits = read_limits(sbi.section("limits"));
  const Section client = function.section("client");
  read_client(client, config);
  read_nrf(function, config);
  config.sends_tokens = client.boolean("oauth2", false);
  if (config.sends_tokens && config.nrf.uris.empty()) client.problem("oauth2", "needs nrf, which gives the access tokens");
  config.allows_debugging = function.boolean("insecure_debugging", false);
  config.database = function.text("database");
  if (function.has("audit")) config.audit_file = function.section("audit").text("file");
  config.mapped_octets = static_cast<std::size_t>(function.integer("database_mapped_mib", 0, 2047, mapped_mib)) * 1024 * 1024;
  config.workers = static_cast<std::size_t>(function.integer("workers", 1, 64, 1));
  config.limits.share_port = config.workers > 1;
  return config;
}

sbi::Uri read_uri(const Section& section, const std::string& key) {
  const std::string text = section.text(key);
  if (text.empty()) return {};
  try {
    return sbi::Uri::parse(text);
  } catch (const std::invalid_argument& error) {
    section.problem(key, text + " " + error.what());
    return {};
  }
}

std::string read_file_path(const Section& section, const std::string& key) {
  const std::string path = section.text(key);
  if (path.empty() || access(path.c_str(), R_OK) == 0) return path;
  section.problem(key, "the file " + path + " cannot be read");
  return "";
}

sbi::TlsFiles read_web_client_tls(const Section& section) {
  if (section.has("sslkeylogfile")) {
    (void)section.has("insecure_key_log");  // of no avail, and no other problem
    section.problem("sslkeylogfile", "is not supported here: of these connections no secrets are ever logged; take it out");
  }
  return read_tls(section, false);
}

}  // namespace service
