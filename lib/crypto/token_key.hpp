#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/crypto/keys.hpp"
#include "lib/crypto/token_module.hpp"

struct p11_kit_uri;

namespace crypto {

/// A private elliptic-curve key that stays in a PKCS#11 token: what PrivateKey holds in place of a key of OpenSSL's. Safe to use from several
/// threads at once: each operation has a session of its own, of which there are as many as there were operations at a time. A session that is
/// lost (the token was taken out, the login ended) is opened anew, once; then CryptoError. Once one key has met the loss of its session, none uses a session of
/// before, whose number may be another's. A call lasts as long as the token takes.
class TokenKey {
 public:
  /// Finds the key of an RFC 7512 URI, `pkcs11:token=arpf;object=ecka;type=private`, or with `id=%01`. Throws CryptoError that says what
  /// to do.
  TokenKey(const std::string& uri, std::shared_ptr<const TokenModule> module);
  ~TokenKey();
  TokenKey(const TokenKey&) = delete;
  TokenKey& operator=(const TokenKey&) = delete;

  [[nodiscard]] Curve curve() const noexcept { return curve_; }
  /// What the token tells of its public half; nothing if it does not.
  [[nodiscard]] const std::optional<PublicKey>& public_key() const noexcept { return public_key_; }

  /// ECDSA over a digest of the field's length: `r || s`.
  [[nodiscard]] Bytes sign(BytesView digest) const;
  /// ECDH with `04 || X || Y`, a point of the curve: the x-coordinate of the shared point, which alone leaves the token.
  [[nodiscard]] base::SecretBytes agree(BytesView point) const;

 private:
  struct Session;
  class Lease;

  /// What `operation(session)` returns, with a session of its own.
  template <class Operation>
  auto with_session(const Operation& operation) const;
  [[nodiscard]] Session open() const;
  void close(const Session& session) const noexcept;
  [[nodiscard]] std::optional<Session> take_free() const;
  void close_free() const noexcept;
  [[nodiscard]] unsigned long find(unsigned long session) const;
  void read_public_half(const Session& session);

  const std::shared_ptr<const TokenModule> module_;
  const std::string text_;  ///< the URI
  const std::unique_ptr<p11_kit_uri, void (*)(p11_kit_uri*)> uri_;
  Curve curve_ = Curve::p256;
  std::optional<PublicKey> public_key_;
  mutable std::mutex mutex_;           ///< of what follows
  mutable std::vector<Session> free_;  ///< the last that was used at the end
};

}  // namespace crypto
