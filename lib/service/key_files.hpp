#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/crypto/certificate.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/crypto/token_module.hpp"
#include "lib/service/yaml.hpp"

/// Certificates and keys that a configuration names, in files or in an HSM. Each reader notes a problem with the key of the file, and returns nothing
/// then.
namespace service {

/// The path of a file that must be of mode 0600 or stricter; empty if it is not, or cannot be read. What passes besides, here and wherever a file of mode
/// 0600 is meant below: base::fault_of_secret_file().
std::string read_secret_path(const Section& section, const std::string& key);

/// Whether a certificate that is not valid now is worth a warning.
enum class Dates { matter, do_not_matter };

std::optional<crypto::Certificate> read_certificate(const Section& section, const std::string& key, Dates dates = Dates::matter);

/// Every file of a list; a warning for each certificate that is not valid now.
std::vector<crypto::Certificate> read_certificates(const Section& section, const std::string& key);
/// The same of lists, of which a file has one or several.
std::vector<crypto::RevocationList> read_revocation_lists(const Section& section, const std::string& key);

/// The HSM of a configuration: the section `pkcs11` beside `logger`, with `module` and `pin_file`.
struct Tokens {
  bool is_named = false;                              ///< the section is there
  std::shared_ptr<const crypto::TokenModule> module;  ///< null if it is not, or is at fault
};

/// Reads `pkcs11` of the whole document, and loads the module. `pin_file` is one line, in a file of mode 0600 or stricter.
Tokens read_tokens(const Section& root);

/// A certificate and its private key.
struct KeyPair {
  crypto::Certificate certificate;
  std::shared_ptr<const crypto::PrivateKey> key;
};

/// `certificate` and `private_key` of the section, which must belong together. The latter is the path of a file of mode 0600 or stricter, or
/// the `pkcs11:` URI of a key of `tokens`, which is used once for all that the certificate's key usage says.
std::optional<KeyPair> read_key_pair(const Section& section, Dates dates = Dates::matter, const Tokens& tokens = {});

/// The key-encryption key in a file of mode 0600 or stricter: 64 hex digits. Throws crypto::CryptoError, which names the file.
std::shared_ptr<const crypto::KeyEncryptionKey> load_key_encryption_key(const std::string& path);

/// The key-encryption key. Either the path of a file of mode 0600 or stricter with 64 hex digits, as `openssl rand -hex 32` makes them; or a
/// map: `descriptor`, the environment variable that holds the number of a file descriptor from which such digits are read, once; or `wrapped`,
/// a file with a CMS envelope of its 32 octets (`nf-ausf-ext wrap-key`), with the `certificate` and the `private_key`, as of read_key_pair(),
/// that it was made for.
std::shared_ptr<const crypto::KeyEncryptionKey> read_key_encryption_key(const Section& section, const std::string& key, const Tokens& tokens = {});

}  // namespace service
