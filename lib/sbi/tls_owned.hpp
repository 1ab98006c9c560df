#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <new>

/// Internal to TLS: what a context owns besides what OpenSSL knows of. One object of each type; it goes with the context.
namespace sbi {

template <class Owned>
int owned_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, [](void*, void* owned, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<Owned*>(owned);
  });
  return index;
}

template <class Owned>
void give_to(SSL_CTX* context, std::unique_ptr<Owned> owned) {
  if (SSL_CTX_set_ex_data(context, owned_index<Owned>(), owned.get()) != 1) throw std::bad_alloc();
  (void)owned.release();
}

/// Null if the context was given none.
template <class Owned>
Owned* owned_by(const SSL_CTX* context) {
  return static_cast<Owned*>(SSL_CTX_get_ex_data(context, owned_index<Owned>()));
}

}  // namespace sbi
