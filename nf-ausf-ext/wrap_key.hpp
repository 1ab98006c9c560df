#pragma once

#include <optional>
#include <string>

#include "lib/service/run.hpp"

namespace ausf_ext {

/// Writes a key-encryption key in an envelope (crypto::envelop) for the key of a certificate, to a new file of mode 0600: what
/// `key_encryption_key: {wrapped: ...}` names. `key`: a file of mode 0600 or stricter with its 64 hex digits; nothing: a new, random key, which is
/// then nowhere else. Throws service::ConfigError for what is given wrongly, std::runtime_error if `out` is there already or cannot be written.
void wrap_key(const std::string& certificate, const std::optional<std::string>& key, const std::string& out);

/// `nf-ausf-ext wrap-key --certificate FILE [--key FILE] --out FILE`. Needs no configuration, and no HSM.
service::Command wrap_key_command();

}  // namespace ausf_ext
