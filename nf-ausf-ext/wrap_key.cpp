#include "nf-ausf-ext/wrap_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <system_error>

#include "lib/crypto/cms.hpp"
#include "lib/service/key_files.hpp"

namespace ausf_ext {
namespace {

using crypto::KeyEncryptionKey;

std::shared_ptr<const KeyEncryptionKey> new_key() {
  return std::make_shared<const KeyEncryptionKey>(
      KeyEncryptionKey::written_by([](std::span<std::uint8_t, KeyEncryptionKey::kSize> out) { crypto::fill_random(out); }));
}

crypto::Certificate load_recipient(const std::string& path) {
  auto certificate = crypto::Certificate::load(path);
  if (certificate.has_key_usage(crypto::KeyUsage::key_agreement)) return certificate;
  throw crypto::CryptoError(path + ": the certificate must have the key usage keyAgreement");
}

/// A file that was not there before: a key-encryption key that is overwritten is lost, and all that was sealed under it.
void write_new_file(const std::string& path, base::BytesView octets) {
  const auto fail = [&path](const char* what) { throw std::system_error(errno, std::generic_category(), what + path); };
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) fail("cannot make ");
  const bool is_written = write(file, octets.data(), octets.size()) == static_cast<ssize_t>(octets.size()) && fsync(file) == 0;
  if (close(file) == 0 && is_written) return;
  (void)unlink(path.c_str());
  fail("cannot write ");
}

int run_wrap_key(const std::string&, const service::Command::Given& given) {
  const auto value = [&given](const std::string& option) -> std::optional<std::string> {
    const auto found = given.find(option);
    if (found == given.end() || found->second.empty()) return std::nullopt;
    return found->second;
  };
  const auto certificate = value("certificate");
  const auto out = value("out");
  if (!certificate || !out) throw service::ConfigError("wrap-key needs --certificate FILE and --out FILE");
  const auto key = value("key");
  wrap_key(*certificate, key, *out);
  std::cerr << (key ? "the key of " + *key : std::string("a new key")) << " is wrapped for " << *certificate << " in " << *out << "\n";
  return 0;
}

}  // namespace

void wrap_key(const std::string& certificate, const std::optional<std::string>& key, const std::string& out) {
  try {
    const crypto::Certificate recipient = load_recipient(certificate);
    const auto wrapped = key ? service::load_key_encryption_key(*key) : new_key();
    write_new_file(out, crypto::envelop(wrapped->reveal(), recipient));
  } catch (const crypto::CryptoError& error) {
    throw service::ConfigError(error.what());
  }
}

service::Command wrap_key_command() {
  return {"wrap-key",
          "wraps a key-encryption key for a certificate whose private key is in an HSM",
          {{"certificate", "of the key that unwraps it, with the key usage keyAgreement", false},
           {"key", "a file of mode 0600 with the key's 64 hex digits; without it a new key is made", false},
           {"out", "the file to make, of mode 0600; it must not be there yet", false}},
          run_wrap_key};
}

}  // namespace ausf_ext
