#pragma once

#include <fstream>
#include <string>
#include <utility>

#include "lib/base/secret.hpp"
#include "lib/crypto/keys.hpp"

namespace crypto {

/// No key, certificate or revocation list is larger.
inline constexpr std::size_t kMaxFileSize = 16 * 1024 * 1024;

/// The octets of a file. Throws CryptoError if it cannot be read, or is larger than kMaxFileSize.
inline base::SecretBytes read_file(const std::string& path) {
  std::ifstream in;
  in.rdbuf()->pubsetbuf(nullptr, 0);  // no buffer, which would keep a copy of a key
  in.open(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : -1;
  if (size < 0) throw CryptoError("the file cannot be read");
  if (static_cast<std::size_t>(size) > kMaxFileSize) throw CryptoError("the file is too large");
  base::SecretBytes octets(static_cast<std::size_t>(size));
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(octets.writable().data()), size)) throw CryptoError("the file cannot be read");
  return octets;
}

/// What `parse` makes of the octets of a file; a CryptoError names the file.
template <class Parse>
auto read_named_file(const std::string& path, Parse&& parse) {
  try {
    return std::forward<Parse>(parse)(read_file(path).reveal());
  } catch (const CryptoError& error) {
    throw CryptoError(path + ": " + error.what());
  }
}

}  // namespace crypto
