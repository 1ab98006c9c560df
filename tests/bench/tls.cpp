#include "tests/bench/tls.hpp"

#include <openssl/x509v3.h>

#include <stdexcept>

namespace bench {
namespace {

constexpr int kReadAhead = 64 * 1024;

void require(bool is_done, const char* what) {
  if (!is_done) throw std::runtime_error(std::string("TLS: ") + what);
}

}  // namespace

TlsContext make_tls_context(const Options& options) {
  static constexpr unsigned char kH2[] = {2, 'h', '2'};
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  require(context != nullptr, "no context");
  SSL_CTX* const raw = context.get();
  require(SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) == 1, "no TLS 1.3");
  require(SSL_CTX_set_alpn_protos(raw, kH2, sizeof kH2) == 0, "no ALPN");
  require(!options.ca.empty() && SSL_CTX_load_verify_locations(raw, options.ca.c_str(), nullptr) == 1, "--ca cannot be read");
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  if (options.connections < 1000) {  // not for idle ones by the thousand
    SSL_CTX_set_read_ahead(raw, 1);
    SSL_CTX_set_default_read_buffer_len(raw, kReadAhead);
  }
  if (options.certificate.empty()) return context;
  require(SSL_CTX_use_certificate_chain_file(raw, options.certificate.c_str()) == 1, "--certificate cannot be read");
  require(SSL_CTX_use_PrivateKey_file(raw, options.private_key.c_str(), SSL_FILETYPE_PEM) == 1, "--private-key cannot be read");
  return context;
}

SSL* make_tls(SSL_CTX* context, int socket, const std::string& host) {
  SSL* const ssl = SSL_new(context);
  require(ssl != nullptr && SSL_set_fd(ssl, socket) == 1, "no connection");
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
  if (!is_address) require(X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), 0) == 1, "no host");
  SSL_set_connect_state(ssl);
  return ssl;
}

}  // namespace bench
