#pragma once

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/secret.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/crypto/token_module.hpp"

/// PKCS#11 (Cryptoki 2.40) as p11-kit declares it, with its answers as exceptions. For lib/crypto/token_*.cpp alone.
namespace crypto::pkcs11 {

/// Throws CryptoError with `what` and the meaning of the answer, unless that is CKR_OK.
void check(CK_RV answer, std::string_view what);

struct FreeUri {
  void operator()(P11KitUri* uri) const noexcept { p11_kit_uri_free(uri); }
};
using Uri = std::unique_ptr<P11KitUri, FreeUri>;

/// A text that PKCS#11 pads with blanks.
template <std::size_t N>
std::string text_of(const unsigned char (&padded)[N]) {
  std::string text(reinterpret_cast<const char*>(padded), N);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace crypto::pkcs11

namespace crypto {

struct TokenModule::Content {
  CK_FUNCTION_LIST* functions = nullptr;
  base::SecretBytes pin;
  std::mutex mutex;              ///< of what follows
  bool is_pin_refused = false;  ///< it is then never tried again: tokens lock after a few attempts
  const pid_t process = getpid();

  /// A session as its token knows it, and as we do: a token that was taken out and put back, or an HSM that was started anew, has lost all its sessions,
  /// and may give their numbers to others.
  struct Session {
    CK_SESSION_HANDLE handle = 0;
    std::uint64_t serial = 0;  ///< no two have the same
  };

  /// A session with the one token that the URI fits, logged in. Throws CryptoError that says what to do.
  Session open_session(P11KitUri* uri);
  /// False once it is known to be lost, with all others of its token: its number may be another session's.
  [[nodiscard]] bool has(const Session& session);
  /// Closes it, if the token has it still. Not in a child of fork().
  void close(const Session& session) noexcept;
  /// False in a child of fork(), where nothing of the module may be used.
  [[nodiscard]] bool is_own_process() const noexcept { return getpid() == process; }

 private:
  struct Opened {
    std::uint64_t serial;
    CK_SLOT_ID slot;
  };
  [[nodiscard]] CK_SLOT_ID find_slot(P11KitUri* uri) const;
  void log_in(CK_SESSION_HANDLE session);
  [[nodiscard]] bool is_known(const Session& session) const;
  void forget_all_of(CK_SLOT_ID slot);

  std::map<CK_SESSION_HANDLE, Opened> sessions_;  ///< that are open, as far as we know
  std::uint64_t last_serial_ = 0;
};

}  // namespace crypto
