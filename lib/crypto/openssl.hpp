#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/bytes.hpp"

/// OpenSSL's objects with owners, and its error queue as exceptions. For the files of lib/crypto and lib/sbi/tls only.
namespace crypto::openssl {

/// Calls an OpenSSL function to free what a handle owns.
template <auto function>
struct FreedBy {
  template <class T>
  void operator()(T* object) const noexcept {
    function(object);
  }
};

template <class T, auto function>
using Handle = std::unique_ptr<T, FreedBy<function>>;

using BigNumber = Handle<BIGNUM, BN_clear_free>;
using BigNumberContext = Handle<BN_CTX, BN_CTX_free>;
using Bio = Handle<BIO, BIO_free_all>;
using CipherContext = Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using CmsContentInfo = Handle<CMS_ContentInfo, CMS_ContentInfo_free>;
using Crl = Handle<X509_CRL, X509_CRL_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcGroup = Handle<EC_GROUP, EC_GROUP_free>;
using EcPoint = Handle<EC_POINT, EC_POINT_clear_free>;
using EcdsaSignature = Handle<ECDSA_SIG, ECDSA_SIG_free>;
using KdfContext = Handle<EVP_KDF_CTX, EVP_KDF_CTX_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using X509Certificate = Handle<X509, X509_free>;

/// Throws CryptoError with `what` and the reasons that stand in this thread's error queue, which is empty afterwards.
[[noreturn]] void fail(std::string_view what);

/// Throws as fail() unless `holds`: for functions of OpenSSL that answer 1 for success.
inline void check(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

/// `pointer`, unless it is null: then it throws as fail().
template <class T>
T* check_not_null(T* pointer, std::string_view what) {
  if (pointer == nullptr) fail(what);
  return pointer;
}

/// Empties this thread's error queue when it goes: for functions to which a refusal is an ordinary answer.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() = default;
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
  ~ErrorQueueGuard();
};

/// A BIO that reads `octets` in place; they must outlive it.
Bio read_from(base::BytesView octets);

/// OpenSSL's callback for a passphrase, which never asks at the terminal: an encrypted key is an error.
inline int no_passphrase(char* /*out*/, int /*size*/, int /*is_for_writing*/, void* /*given*/) { return -1; }

/// The octets that were written to a memory BIO; valid as long as it is.
base::BytesView octets_of(BIO& memory);

/// The DER of an object by its i2d function, which answers a negative number on failure.
template <class T, class I2d>
base::Bytes to_der(const T* object, I2d i2d, std::string_view what) {
  const int size = i2d(object, nullptr);
  if (size < 0) fail(what);
  base::Bytes der(static_cast<std::size_t>(size));
  unsigned char* out = der.data();
  if (i2d(object, &out) != size) fail(what);
  return der;
}

}  // namespace crypto::openssl
