#include "lib/service/key_files.hpp"

#include <sys/stat.h>

#include "lib/crypto/files.hpp"

namespace service {
namespace {

void warn_of_dates(const Section& section, const std::string& key, const std::string& path, const crypto::Certificate& certificate) {
  const auto fault = crypto::check_dates(certificate, base::system_now());
  if (fault != crypto::ChainFault::none) section.warning(key, path + ": " + std::string(crypto::describe(fault)));
}

template <class Loaded>
std::vector<Loaded> read_all(const Section& section, const std::string& key) {
  std::vector<Loaded> out;
  for (const std::string& path : section.texts(key)) {
    try {
      out.push_back(Loaded::load(path));
      if constexpr (std::is_same_v<Loaded, crypto::Certificate>) warn_of_dates(section, key, path, out.back());
    } catch (const crypto::CryptoError& error) {
      section.problem(key, error.what());
    }
  }
  return out;
}

}  // namespace

std::string read_secret_path(const Section& section, const std::string& key) {
  const std::string path = section.text(key);
  struct stat status {};
  if (path.empty()) return "";
  if (stat(path.c_str(), &status) != 0) {
    section.problem(key, "the file " + path + " cannot be read");
    return "";
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    section.problem(key, "the file " + path + " may be read by others: chmod 600 it");
    return "";
  }
  return path;
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
  return read_all<crypto::Certificate>(section, key);
}

std::vector<crypto::RevocationList> read_revocation_lists(const Section& section, const std::string& key) {
  return read_all<crypto::RevocationList>(section, key);
}

std::optional<KeyPair> read_key_pair(const Section& section, Dates dates) {
  auto certificate = read_certificate(section, "certificate", dates);
  const std::string path = read_secret_path(section, "private_key");
  if (path.empty() || !certificate) return std::nullopt;
  try {
    auto key = std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::load(path));
    const crypto::PublicKey& certified = certificate->public_key();
    if (certified.curve() != key->curve() || certified.point() != key->public_key().point()) {
      section.problem("private_key", "is not the key of the certificate");
      return std::nullopt;
    }
    return KeyPair{std::move(*certificate), std::move(key)};
  } catch (const crypto::CryptoError& error) {
    section.problem("private_key", error.what());
    return std::nullopt;
  }
}

std::shared_ptr<const crypto::KeyEncryptionKey> read_key_encryption_key(const Section& section, const std::string& key) {
  const std::string path = read_secret_path(section, key);
  if (path.empty()) return nullptr;
  base::SecretBytes content;
  try {
    content = crypto::read_file(path);
  } catch (const crypto::CryptoError& error) {
    section.problem(key, path + ": " + error.what());
    return nullptr;
  }
  std::string_view digits = base::as_text(content.reveal());
  while (digits.ends_with('\n') || digits.ends_with('\r')) digits.remove_suffix(1);
  auto octets = digits.size() == 64 ? base::from_hex(digits) : std::nullopt;
  if (!octets) {
    section.problem(key, "the file " + path + " does not hold 64 hex digits alone (openssl rand -hex 32)");
    return nullptr;
  }
  auto out = std::make_shared<const crypto::KeyEncryptionKey>(std::span<const std::uint8_t, 32>(octets->data(), 32));
  base::wipe(*octets);
  return out;
}

}  // namespace service
