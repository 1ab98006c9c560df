#pragma once

#include <string>
#include <vector>

#include "lib/sbi/tls.hpp"

struct ssl_ctx_st;

/// Internal to TLS: trust anchors that vouch for some names only.
namespace sbi {

/// Puts the certificates of all files into the store of a server's context, asks clients for certificates of them, and keeps with the context
/// what each may vouch for. Throws std::runtime_error that names the file that has none.
void trust_by_names(ssl_ctx_st* context, const std::vector<CaFile>& files);

/// Of a handshake that is done and verified: throws std::runtime_error, which says who is meant, unless the trust anchor at the end of the
/// verified chain may vouch for the name. Nothing is asked of a context for which trust_by_names() was not called.
void require_vouched_for(ssl_st* connection, const std::string& name);

}  // namespace sbi
