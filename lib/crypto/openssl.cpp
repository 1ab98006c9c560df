#include "lib/crypto/openssl.hpp"

#include <openssl/err.h>

#include <limits>

#include "lib/crypto/keys.hpp"

namespace crypto::openssl {

void fail(std::string_view what) {
  std::string text(what);
  const char* separator = ": ";
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    if (const char* reason = ERR_reason_error_string(code); reason != nullptr) {
      text.append(separator).append(reason);
      separator = ", ";
    }
  }
  throw CryptoError(text);
}

ErrorQueueGuard::~ErrorQueueGuard() { ERR_clear_error(); }

Bio read_from(base::BytesView octets) {
  if (octets.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw CryptoError("the input is too large");
  static constexpr std::uint8_t kNothing = 0;
  const auto* data = octets.empty() ? &kNothing : octets.data();
  return Bio(check_not_null(BIO_new_mem_buf(data, static_cast<int>(octets.size())), "a memory BIO"));
}

base::BytesView octets_of(BIO& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&memory, &data);
  if (size <= 0) return {};
  return {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}

}  // namespace crypto::openssl
