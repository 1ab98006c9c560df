#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "tests/bench/options.hpp"

namespace bench {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;

/// TLS 1.3 only, ALPN h2, the server verified against --ca. Throws std::runtime_error if a file cannot be read.
TlsContext make_tls_context(const Options& options);

/// A client's TLS over a connected socket; the server's certificate must be for `host`, an IP address or a name.
SSL* make_tls(SSL_CTX* context, int socket, const std::string& host);

}  // namespace bench
