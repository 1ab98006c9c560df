#include "lib/service/key_files.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <span>

#include "lib/base/secret_file.hpp"
#include "lib/crypto/cms.hpp"
#include "lib/crypto/files.hpp"

namespace service {
namespace {

template <class Dated>
void warn_of_dates(const Section& section, const std::string& key, const std::string& path, const Dated& dated) {
  const auto fault = crypto::check_dates(dated, base::system_now());
  if (fault != crypto::ChainFault::none) section.warning(key, path + ": " + std::string(crypto::describe(fault)));
}

void require_secret_file(const std::string& path) {
  const std::string fault = base::fault_of_secret_file(path);
  if (!fault.empty()) throw crypto::CryptoError(fault);
}

std::string_view without_line_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

/// What `load` makes of each file of a list; a warning for what is not valid now.
template <class Load>
auto read_all(const Section& section, const std::string& key, const Load& load) {
  decltype(load(key)) out;
  for (const std::string& path : section.texts(key)) {
    try {
      for (auto& loaded : load(path)) {
        warn_of_dates(section, key, path, loaded);
        out.push_back(std::move(loaded));
      }
    } catch (const crypto::CryptoError& error) {
      section.problem(key, error.what());
    }
  }
  return out;
}

constexpr std::string_view kTokenScheme = "pkcs11:";

/// The PIN: all of a file but the end of its one line.
std::optional<base::SecretBytes> read_pin(const Section& section) {
  const std::string path = read_secret_path(section, "pin_file");
  if (path.empty()) return std::nullopt;
  try {
    base::SecretBytes pin = crypto::read_file(path);
    pin.truncate(without_line_end(base::as_text(pin.reveal())).size());
    const std::string_view text = base::as_text(pin.reveal());
    if (!text.empty() && text.find('\n') == std::string_view::npos) return pin;
    section.problem("pin_file", "the file " + path + " is not one line, the PIN");
  } catch (const crypto::CryptoError& error) {
    section.problem("pin_file", path + ": " + error.what());
  }
  return std::nullopt;
}

std::optional<crypto::PrivateKey> read_key_file(const Section& section, const std::optional<crypto::Certificate>& certificate) {
  const std::string path = read_secret_path(section, "private_key");
  if (path.empty() || !certificate) return std::nullopt;
  return crypto::PrivateKey::load(path);
}

std::optional<crypto::PrivateKey> read_token_key(const Section& section, const Tokens& tokens,
                                                 const std::optional<crypto::Certificate>& certificate) {
  if (!tokens.is_named) section.problem("private_key", "is in an HSM: the section pkcs11, beside logger, must name its module and pin_file");
  if (!tokens.module || !certificate) return std::nullopt;
  return crypto::PrivateKey::from_token(section.text("private_key"), tokens.module, &certificate->public_key());
}

/// Throws CryptoError unless a token's key does what its certificate is for, as the certificate's: a token may allow a key less than
/// that, and a public key that rests beside a private one need not be its half.
void try_out(const crypto::PrivateKey& key, const crypto::Certificate& certificate) {
  const crypto::PublicKey& certified = certificate.public_key();
  bool is_right = true;
  if (certificate.has_key_usage(crypto::KeyUsage::digital_signature)) {
    const auto message = crypto::random_octets<32>();
    is_right = crypto::verify(certified, message, crypto::sign(key, message));
  }
  if (certificate.has_key_usage(crypto::KeyUsage::key_agreement)) {
    const auto other = crypto::PrivateKey::generate(certified.curve());
    is_right = is_right && crypto::agree(key, other.public_key()) == crypto::agree(other, certified);
  }
  if (!is_right) throw crypto::CryptoError("the token's key is not the key of the certificate");
}

/// The key of 64 hex digits and the end of a line; null for anything else. Only 32 octets of it are left behind, in the key.
std::shared_ptr<const crypto::KeyEncryptionKey> key_of_digits(std::string_view digits) {
  digits = without_line_end(digits);
  auto octets = digits.size() == 64 ? base::from_hex(digits) : std::nullopt;
  if (!octets) return nullptr;
  auto out = std::make_shared<const crypto::KeyEncryptionKey>(std::span<const std::uint8_t, 32>(octets->data(), 32));
  base::wipe(*octets);
  return out;
}

std::shared_ptr<const crypto::KeyEncryptionKey> read_key_digits_of_file(const Section& section, const std::string& key) {
  const std::string path = section.text(key);
  if (path.empty()) return nullptr;
  try {
    return load_key_encryption_key(path);
  } catch (const crypto::CryptoError& error) {
    section.problem(key, error.what());
    return nullptr;
  }
}

/// Everything that can be read from a descriptor up to `most` octets; closes it.
base::SecretBytes read_and_close(int descriptor, std::size_t most) {
  base::SecretBytes content(most);
  std::size_t size = 0;
  while (size < most) {
    const auto got = read(descriptor, content.writable().data() + size, most - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  (void)close(descriptor);
  content.truncate(size);
  return content;
}

/// The variable is taken out of the environment: its number may soon be another file's.
std::shared_ptr<const crypto::KeyEncryptionKey> read_key_digits_of_descriptor(const Section& section) {
  const std::string variable = section.text("descriptor");
  const char* const given = variable.empty() ? nullptr : std::getenv(variable.c_str());
  const std::string_view number = given == nullptr ? "" : given;
  int descriptor = -1;
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), descriptor);
  const bool is_number = fault == std::errc() && end == number.data() + number.size() && descriptor > STDERR_FILENO;
  if (variable.empty()) return nullptr;
  if (!is_number) {
    section.problem("descriptor", "the environment variable " + variable + " is not the number of a file descriptor above 2: " + variable +
                                      "=3 ... 3<FILE");
    return nullptr;
  }
  (void)unsetenv(variable.c_str());
  constexpr std::size_t kMostOctets = 128;
  auto out = key_of_digits(base::as_text(read_and_close(descriptor, kMostOctets).reveal()));
  if (!out) {
    section.problem("descriptor", "the file descriptor that " + variable + " names does not give 64 hex digits alone (openssl rand -hex 32)");
  }
  return out;
}

/// A key-encryption key in an envelope.
std::shared_ptr<const crypto::KeyEncryptionKey> unwrap(const Section& section, const Tokens& tokens) {
  const std::string path = section.text("wrapped");
  const auto pair = read_key_pair(section, Dates::do_not_matter, tokens);
  if (path.empty() || !pair) return nullptr;
  try {
    const base::SecretBytes octets = crypto::open_envelope(crypto::read_file(path).reveal(), pair->certificate, *pair->key);
    if (octets.size() == crypto::KeyEncryptionKey::kSize) {
      return std::make_shared<const crypto::KeyEncryptionKey>(octets.reveal().first<crypto::KeyEncryptionKey::kSize>());
    }
    section.problem("wrapped", path + ": holds another number of octets than 32 (nf-ausf-ext wrap-key makes it)");
  } catch (const crypto::CryptoError& error) {
    section.problem("wrapped", path + ": " + error.what());
  }
  return nullptr;
}

}  // namespace

std::string read_secret_path(const Section& section, const std::string& key) {
  const std::string path = section.text(key);
  if (path.empty()) return "";
  try {
    require_secret_file(path);
    return path;
  } catch (const crypto::CryptoError& error) {
    section.problem(key, error.what());
    return "";
  }
}

std::optional<crypto::Certificate> read_certificate(const Section& section, const std::string& key, Dates dates) {
  const std::string path = section.text(key);
  if (path.empty()) return std::nullopt;
  try {
    auto certificate = crypto::Certificate::load(path);
    if (dates == Dates::matter) warn_of_dates(section, key, path, certificate);
    return certificate;
  } catch (const crypto::CryptoError& error) {
    section.problem(key, error.what());
    return std::nullopt;
  }
}

std::vector<crypto::Certificate> read_certificates(const Section& section, const std::string& key) {
  return read_all(section, key, [](const std::string& path) { return std::vector{crypto::Certificate::load(path)}; });
}

std::vector<crypto::RevocationList> read_revocation_lists(const Section& section, const std::string& key) {
  return read_all(section, key, crypto::RevocationList::load_all);
}

Tokens read_tokens(const Section& root) {
  Tokens out;
  out.is_named = root.has("pkcs11");
  if (!out.is_named) return out;
  const Section section = root.section("pkcs11");
  const std::string module = section.text("module");
  auto pin = read_pin(section);
  if (module.empty() || !pin) return out;
  try {
    out.module = crypto::TokenModule::load(module, *std::move(pin));
  } catch (const crypto::CryptoError& error) {
    section.problem("module", error.what());
  }
  return out;
}

std::optional<KeyPair> read_key_pair(const Section& section, Dates dates, const Tokens& tokens) {
  auto certificate = read_certificate(section, "certificate", dates);
  const bool is_in_token = section.text("private_key").starts_with(kTokenScheme);
  try {
    auto key = is_in_token ? read_token_key(section, tokens, certificate) : read_key_file(section, certificate);
    if (!key) return std::nullopt;
    const crypto::PublicKey& certified = certificate->public_key();
    if (certified.curve() != key->curve() || certified.point() != key->public_key().point()) {
      section.problem("private_key", "is not the key of the certificate");
      return std::nullopt;
    }
    if (is_in_token) try_out(*key, *certificate);
    return KeyPair{std::move(*certificate), std::make_shared<const crypto::PrivateKey>(*std::move(key))};
  } catch (const crypto::CryptoError& error) {
    section.problem("private_key", error.what());
    return std::nullopt;
  }
}

std::shared_ptr<const crypto::KeyEncryptionKey> load_key_encryption_key(const std::string& path) {
  require_secret_file(path);
  const base::SecretBytes content = crypto::read_named_file(path, [](base::BytesView octets) { return base::SecretBytes(octets); });
  auto out = key_of_digits(base::as_text(content.reveal()));
  if (!out) throw crypto::CryptoError("the file " + path + " does not hold 64 hex digits alone (openssl rand -hex 32)");
  return out;
}

std::shared_ptr<const crypto::KeyEncryptionKey> read_key_encryption_key(const Section& section, const std::string& key, const Tokens& tokens) {
  if (!section.is_map(key)) return read_key_digits_of_file(section, key);
  const Section where = section.section(key);
  const bool is_wrapped = where.has("wrapped");
  const bool is_handed_over = where.has("descriptor");
  if (is_wrapped == is_handed_over) {
    section.problem(key, "needs either wrapped, with certificate and private_key, or descriptor");
    return nullptr;
  }
  return is_wrapped ? unwrap(where, tokens) : read_key_digits_of_descriptor(where);
}

}  // namespace service
