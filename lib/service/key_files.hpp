#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/crypto/certificate.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/service/yaml.hpp"

/// Certificates and keys that a configuration names. Each reader notes a problem with the key of the file, and returns nothing
/// then.
namespace service {

/// The path of a file that must be of mode 0600 or stricter; empty if it is not, or cannot be read.
std::string read_secret_path(const Section& section, const std::string& key);

/// Whether a certificate that is not valid now is worth a warning.
enum class Dates { matter, do_not_matter };

std::optional<crypto::Certificate> read_certificate(const Section& section, const std::string& key, Dates dates = Dates::matter);

/// Every file of a list; a warning for each certificate that is not valid now.
std::vector<crypto::Certificate> read_certificates(const Section& section, const std::string& key);
std::vector<crypto::RevocationList> read_revocation_lists(const Section& section, const std::string& key);

/// A certificate and its private key.
struct KeyPair {
  crypto::Certificate certificate;
  std::shared_ptr<const crypto::PrivateKey> key;
};

/// `certificate` and `private_key` of the section, which must belong together; the latter's file must be of mode 0600 or stricter.
std::optional<KeyPair> read_key_pair(const Section& section, Dates dates = Dates::matter);

/// A file with 64 hex digits, as `openssl rand -hex 32` makes them, of mode 0600 or stricter.
std::shared_ptr<const crypto::KeyEncryptionKey> read_key_encryption_key(const Section& section, const std::string& key);

}  // namespace service
