#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

struct ssl_st;

namespace boost::asio::ssl {
class context;
}

namespace sbi {

/// CA certificates of a listener that may vouch for some names only.
struct CaFile {
  std::string path;
  std::vector<std::string> names;  ///< patterns (name_pattern.hpp) of the names in certificates; empty: any name
  std::string member = {};         ///< of the configuration, where `names` stand: for the log
};

/// The `tls` section of a listener or of a client. Paths of PEM files.
struct TlsFiles {
  std::string certificate;  ///< chain, leaf first; may be empty for a client
  std::string private_key;     ///< mode 0600 or stricter (base::read_secret_file)
  std::string ca;              ///< what peers are verified against; empty for a server that asks for no certificate
  bool verify_client = false;  ///< server: a connection without a certificate of `ca` is refused
  /// The secrets of each connection are appended there (as SSLKEYLOGFILE has them): for labs; empty: nowhere. A file that is there already must be an
  /// ordinary one, no link, this user's, and nobody else's to read.
  std::string key_log = {};
  /// Server: in place of `ca`. The name of a peer must be one that the trust anchor at the end of its chain may vouch for; of one that stands in
  /// several files, what they say together. Intermediate certificates do not count.
  std::vector<CaFile> cas = {};

  /// True for a server that asks for certificates.
  [[nodiscard]] bool asks_for_certificates() const noexcept { return !ca.empty() || !cas.empty(); }
};

/// TLS 1.2 (AEAD suites with forward secrecy only) and 1.3, ALPN `h2`.
/// Throws std::runtime_error that names the file at fault; a private key that others may read is one.
std::shared_ptr<boost::asio::ssl::context> make_server_context(const TlsFiles& files);
std::shared_ptr<boost::asio::ssl::context> make_client_context(const TlsFiles& files);

/// Client: sends the server's name and demands that its certificate bears it.
[[nodiscard]] bool expect_server_name(ssl_st* connection, const std::string& host);

/// True if ALPN chose `h2`.
bool chose_http2(ssl_st* connection);

/// The name in the peer's certificate: first DNS name, else first URI, else the common name; nothing if the peer showed none.
/// Throws std::runtime_error for a certificate by which nobody can be told: not verified, without any such name or with an empty
/// one, with the name `anonymous`, which stands for peers without a certificate, or with one that its CA may not vouch for (TlsFiles::cas).
std::optional<std::string> peer_name(ssl_st* connection);

/// After a handshake that failed: what is wrong with the certificate that the peer showed; nothing if it showed none, or that was not why.
std::optional<std::string> certificate_fault(ssl_st* connection);

/// The URIs in its subjectAltName; none if the peer showed no certificate. To be asked once peer_name() found it verified.
std::vector<std::string> peer_uris(ssl_st* connection);

}  // namespace sbi
