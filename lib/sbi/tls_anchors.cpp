#include "lib/sbi/tls_anchors.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "lib/sbi/name_pattern.hpp"
#include "lib/sbi/tls_owned.hpp"

namespace sbi {
namespace {

template <auto release>
struct Release {
  template <class Object>
  void operator()(Object* object) const {
    release(object);
  }
};
using Certificate = std::unique_ptr<X509, Release<&X509_free>>;
using Bio = std::unique_ptr<BIO, Release<&BIO_free>>;

/// A trust anchor, and what the files in which it stands say of it, together.
struct Anchor {
  Certificate certificate;
  bool is_for_any_name = false;
  std::vector<std::string> names;
  std::string members;  ///< of the configuration

  [[nodiscard]] bool may_vouch_for(const std::string& name) const {
    const auto matches = [&name](const std::string& pattern) { return matches_name(pattern, name); };
    return is_for_any_name || std::any_of(names.begin(), names.end(), matches);
  }
};

/// The anchors of a context. Few: they are looked through one by one.
struct Anchors {
  std::vector<Anchor> all;

  /// Null if it is none of them.
  [[nodiscard]] const Anchor* find(const X509* certificate) const {
    const auto is_it = [certificate](const Anchor& one) { return X509_cmp(one.certificate.get(), certificate) == 0; };
    const auto found = std::find_if(all.begin(), all.end(), is_it);
    return found == all.end() ? nullptr : &*found;
  }
  /// True if it was not there before.
  bool add(Certificate certificate, const CaFile& file) {
    const Anchor* const known = find(certificate.get());
    Anchor& anchor = known == nullptr ? all.emplace_back() : all[static_cast<std::size_t>(known - all.data())];
    if (known == nullptr) anchor.certificate = std::move(certificate);
    anchor.is_for_any_name = anchor.is_for_any_name || file.names.empty();
    anchor.names.insert(anchor.names.end(), file.names.begin(), file.names.end());
    anchor.members += (known == nullptr ? "" : ", ") + file.member;
    return known == nullptr;
  }
};

/// The certificates of a PEM file, at least one.
std::vector<Certificate> read_certificates(const std::string& path) {
  ERR_clear_error();
  std::vector<Certificate> out;
  std::string no_password;
  const Bio file(BIO_new_file(path.c_str(), "r"));
  while (file) {
    Certificate one(PEM_read_bio_X509_AUX(file.get(), nullptr, nullptr, no_password.data()));
    if (!one) break;
    out.push_back(std::move(one));
  }
  const auto last = ERR_peek_last_error();
  ERR_clear_error();
  const bool is_at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!is_at_end || out.empty()) throw std::runtime_error(path + ": no CA certificate can be read" + (out.empty() ? "" : " behind the first ones"));
  return out;
}

/// `O = Example, CN = Example CA`
std::string subject_of(const X509* certificate) {
  const Bio text(BIO_new(BIO_s_mem()));
  if (!text || X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE) < 0) return "";
  char* begin = nullptr;
  const long size = BIO_get_mem_data(text.get(), &begin);
  return size > 0 ? std::string(begin, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

void trust_by_names(SSL_CTX* context, const std::vector<CaFile>& files) {
  auto anchors = std::make_unique<Anchors>();
  for (const CaFile& file : files) {
    for (Certificate& certificate : read_certificates(file.path)) {
      X509* const one = certificate.get();
      if (!anchors->add(std::move(certificate), file)) continue;
      if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one) != 1 || SSL_CTX_add_client_CA(context, one) != 1) throw std::bad_alloc();
    }
  }
  give_to(context, std::move(anchors));
}

void require_vouched_for(SSL* connection, const std::string& name) {
  Anchors* const anchors = owned_by<Anchors>(SSL_get_SSL_CTX(connection));
  if (anchors == nullptr) return;
  const STACK_OF(X509)* const chain = SSL_get0_verified_chain(connection);
  const int size = chain == nullptr ? 0 : sk_X509_num(chain);
  if (size <= 0) throw std::runtime_error("it is not known which CA vouches for its certificate");  // of a resumed session; none is resumed
  const X509* const ca = sk_X509_value(chain, size - 1);
  const Anchor* const anchor = anchors->find(ca);
  if (anchor != nullptr && anchor->may_vouch_for(name)) return;
  throw std::runtime_error("its certificate is for the name " + name + ", for which its CA (" + subject_of(ca) + ") may not vouch: " +
                           (anchor != nullptr ? anchor->members : "it stands in no file"));
}

}  // namespace sbi
