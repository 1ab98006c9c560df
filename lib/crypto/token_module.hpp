#pragma once

#include <memory>
#include <string>

#include "lib/base/secret.hpp"

namespace crypto {

/// A PKCS#11 module (the library that comes with an HSM) and the PIN of the tokens behind it. Every key that is read through it shares it.
/// Safe to use from several threads at once; not in a child of fork().
class TokenModule {
 public:
  /// Loads and initialises the module. The PIN is not tried before a key asks for it. Throws CryptoError if it cannot be loaded.
  static std::shared_ptr<const TokenModule> load(const std::string& path, base::SecretBytes pin);

  ~TokenModule();
  TokenModule(const TokenModule&) = delete;
  TokenModule& operator=(const TokenModule&) = delete;

  /// For lib/crypto alone (pkcs11.hpp).
  struct Content;
  [[nodiscard]] Content& content() const noexcept { return *content_; }

 private:
  explicit TokenModule(std::unique_ptr<Content> content);
  const std::unique_ptr<Content> content_;
};

}  // namespace crypto
