#include "lib/crypto/token_key.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/crypto/der.hpp"
#include "lib/crypto/openssl.hpp"
#include "lib/crypto/pkcs11.hpp"

namespace crypto {
namespace {

using pkcs11::check;

// CKA_EC_PARAMS: the curve's OBJECT IDENTIFIER.
constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 11> kBrainpoolP256r1{0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> kP384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

Curve curve_of(BytesView parameters) {
  if (std::ranges::equal(parameters, kP256)) return Curve::p256;
  if (std::ranges::equal(parameters, kBrainpoolP256r1)) return Curve::brainpool_p256r1;
  if (std::ranges::equal(parameters, kP384)) return Curve::p384;
  throw CryptoError("the key is not of P-256, brainpoolP256r1 or P-384, or its token does not tell");
}

template <class T>
CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, T& value) {
  return {type, &value, sizeof value};
}

// The URI without its query, in which a PIN may stand that has no place there.
std::string tellable(const std::string& uri) { return uri.substr(0, uri.find('?')); }

// What may stand in a URI: PIN and module are for the configuration, and what is not known may be a slip of the pen.
pkcs11::Uri parse(const std::string& text) {
  pkcs11::Uri uri(p11_kit_uri_new());
  const int answer = p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_OBJECT_ON_TOKEN, uri.get());
  if (answer != P11_KIT_URI_OK) throw CryptoError(std::string("is not a PKCS#11 URI (RFC 7512): ") + p11_kit_uri_message(answer));
  if (text.find('?') != std::string::npos) throw CryptoError("a PIN or a module has no place in the URI: the section pkcs11 names both");
  if (p11_kit_uri_any_unrecognized(uri.get()) != 0) throw CryptoError("has an attribute that RFC 7512 does not know");
  if (p11_kit_uri_get_attribute(uri.get(), CKA_LABEL) == nullptr && p11_kit_uri_get_attribute(uri.get(), CKA_ID) == nullptr) {
    throw CryptoError("names no object: add object=LABEL, or id=%01");
  }
  CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
  CK_ATTRIBUTE wanted_class = attribute(CKA_CLASS, wanted);
  const CK_ATTRIBUTE* const given = p11_kit_uri_get_attribute(uri.get(), CKA_CLASS);
  if (given != nullptr && *static_cast<const CK_OBJECT_CLASS*>(given->pValue) != wanted) throw CryptoError("is not of type=private");
  if (p11_kit_uri_set_attribute(uri.get(), &wanted_class) != P11_KIT_URI_OK) throw CryptoError("a PKCS#11 URI");
  return uri;
}

std::vector<CK_OBJECT_HANDLE> find_objects(const CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session, CK_ATTRIBUTE* wanted,
                                           CK_ULONG count) {
  check(functions.C_FindObjectsInit(session, wanted, count), "the token's objects cannot be listed");
  std::vector<CK_OBJECT_HANDLE> found(2);  // a second one is one too many
  CK_ULONG found_count = 0;
  const CK_RV answer = functions.C_FindObjects(session, found.data(), found.size(), &found_count);
  (void)functions.C_FindObjectsFinal(session);
  check(answer, "the token's objects cannot be listed");
  found.resize(found_count);
  return found;
}

// A public attribute of an object; empty if the token does not tell it.
Bytes read_attribute(const CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE wanted{type, nullptr, 0};
  if (functions.C_GetAttributeValue(session, object, &wanted, 1) != CKR_OK || wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION) return {};
  Bytes value(wanted.ulValueLen);
  wanted.pValue = value.data();
  if (functions.C_GetAttributeValue(session, object, &wanted, 1) != CKR_OK) return {};
  value.resize(wanted.ulValueLen);
  return value;
}

// CKA_EC_POINT is the point in an OCTET STRING; some tokens leave that away.
PublicKey public_key_of(Curve curve, BytesView value) {
  const bool is_bare = value.size() == 1 + 2 * field_size(curve);
  return PublicKey::from_point(curve, is_bare ? value : der::Reader(value).take(der::kOctetString));
}

// The session object that holds a shared secret until it is read.
class SharedSecretObject {
 public:
  SharedSecretObject(const CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) : functions_(functions), session_(session) {}
  ~SharedSecretObject() {
    if (object_ != CK_INVALID_HANDLE) (void)functions_.C_DestroyObject(session_, object_);
  }
  SharedSecretObject(const SharedSecretObject&) = delete;
  SharedSecretObject& operator=(const SharedSecretObject&) = delete;

  void derive(CK_OBJECT_HANDLE key, BytesView point, std::size_t size) {
    CK_ECDH1_DERIVE_PARAMS peer{CKD_NULL, 0, nullptr, point.size(), const_cast<unsigned char*>(point.data())};
    CK_MECHANISM mechanism{CKM_ECDH1_DERIVE, &peer, sizeof peer};
    CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
    CK_KEY_TYPE key_type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG length = size;
    std::array wanted{attribute(CKA_CLASS, object_class), attribute(CKA_KEY_TYPE, key_type), attribute(CKA_TOKEN, no),
                      attribute(CKA_SENSITIVE, no),       attribute(CKA_EXTRACTABLE, yes),   attribute(CKA_VALUE_LEN, length)};
    check(functions_.C_DeriveKey(session_, &mechanism, key, wanted.data(), wanted.size(), &object_),
          "the token makes no key agreement (CKA_DERIVE)");
  }

  [[nodiscard]] base::SecretBytes read(std::size_t size) const {
    base::SecretBytes out(size);
    CK_ATTRIBUTE value{CKA_VALUE, out.writable().data(), size};
    check(functions_.C_GetAttributeValue(session_, object_, &value, 1), "the shared secret cannot be read from the token");
    if (value.ulValueLen > size) throw CryptoError("the token's shared secret has another length");
    if (value.ulValueLen < size) {  // without the zeros that it begins with
      const auto octets = out.writable();
      const auto missing = static_cast<std::ptrdiff_t>(size - value.ulValueLen);
      std::copy_backward(octets.begin(), octets.end() - missing, octets.end());
      std::fill_n(octets.begin(), missing, std::uint8_t{0});
    }
    return out;
  }

 private:
  const CK_FUNCTION_LIST& functions_;
  CK_SESSION_HANDLE session_;
  CK_OBJECT_HANDLE object_ = CK_INVALID_HANDLE;
};

}  // namespace

struct TokenKey::Session {
  TokenModule::Content::Session opened;
  CK_OBJECT_HANDLE key;  ///< as this session knows it
};

// A session while it is used: closed afterwards, as an operation may be left in it, unless all went well.
class TokenKey::Lease {
 public:
  Lease(const TokenKey& key, const Session& session) : key_(key), session_(session) {}
  ~Lease() {
    if (!is_kept_) key_.close(session_);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] const Session& session() const noexcept { return session_; }
  void give_back() {
    const std::lock_guard lock(key_.mutex_);
    key_.free_.push_back(session_);
    is_kept_ = true;
  }

 private:
  const TokenKey& key_;
  const Session session_;
  bool is_kept_ = false;
};

template <class Operation>
auto TokenKey::with_session(const Operation& operation) const {
  const openssl::ErrorQueueGuard guard;  // a module may use our OpenSSL
  if (!module_->content().is_own_process()) throw CryptoError(text_ + ": a token's key is of no use in a child process");
  const auto attempt = [&](const Session& session) {
    Lease lease(*this, session);
    auto out = operation(lease.session());
    // Lost meanwhile, its number may have been another's already, and the key another key.
    if (!module_->content().has(session.opened)) throw CryptoError("the token has lost the session");
    lease.give_back();
    return out;
  };
  const std::optional<Session> waiting = take_free();
  if (waiting) {
    try {
      return attempt(*waiting);
    } catch (const CryptoError&) {  // HSMs name the loss of a session in many ways: whatever it was, one more attempt in a new one
      close_free();
    }
  }
  try {
    return attempt(open());
  } catch (const CryptoError& error) {
    throw CryptoError(text_ + ": " + error.what());
  }
}

TokenKey::TokenKey(const std::string& uri, std::shared_ptr<const TokenModule> module) try
    : module_(std::move(module)), text_(tellable(uri)), uri_(parse(uri).release(), p11_kit_uri_free) {
  const openssl::ErrorQueueGuard guard;
  Lease lease(*this, open());
  read_public_half(lease.session());
  lease.give_back();
} catch (const CryptoError& error) {
  throw CryptoError(tellable(uri) + ": " + error.what());
}

TokenKey::~TokenKey() { close_free(); }

TokenKey::Session TokenKey::open() const {
  Session session{module_->content().open_session(uri_.get()), CK_INVALID_HANDLE};
  try {
    session.key = find(session.opened.handle);
  } catch (...) {
    close(session);
    throw;
  }
  return session;
}

void TokenKey::close(const Session& session) const noexcept {
  auto& module = module_->content();
  if (module.is_own_process()) module.close(session.opened);
}

/// One that waits to be used again; nothing if there is none.
std::optional<TokenKey::Session> TokenKey::take_free() const {
  const std::lock_guard lock(mutex_);
  while (!free_.empty()) {
    const Session session = free_.back();
    free_.pop_back();
    if (module_->content().has(session.opened)) return session;
  }
  return std::nullopt;
}

void TokenKey::close_free() const noexcept {
  const openssl::ErrorQueueGuard guard;
  std::vector<Session> sessions;
  {
    const std::lock_guard lock(mutex_);
    sessions.swap(free_);
  }
  for (const Session& session : sessions) close(session);
}

unsigned long TokenKey::find(unsigned long session) const {
  CK_ULONG count = 0;
  CK_ATTRIBUTE* const wanted = p11_kit_uri_get_attributes(uri_.get(), &count);
  const auto found = find_objects(*module_->content().functions, session, wanted, count);
  if (found.empty()) {
    throw CryptoError("the token has no such private key: correct object= or id= (pkcs11-tool --login --list-objects shows what there is)");
  }
  if (found.size() > 1) throw CryptoError("several private keys fit: say which with object= and id=");
  return found.front();
}

void TokenKey::read_public_half(const Session& session) {
  const CK_FUNCTION_LIST& functions = *module_->content().functions;
  curve_ = curve_of(read_attribute(functions, session.opened.handle, session.key, CKA_EC_PARAMS));
  Bytes id = read_attribute(functions, session.opened.handle, session.key, CKA_ID);
  Bytes point;
  if (!id.empty()) {
    CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    std::array wanted{attribute(CKA_CLASS, object_class), CK_ATTRIBUTE{CKA_ID, id.data(), id.size()}};
    const auto found = find_objects(functions, session.opened.handle, wanted.data(), wanted.size());
    if (found.size() == 1) point = read_attribute(functions, session.opened.handle, found.front(), CKA_EC_POINT);
  }
  if (point.empty()) point = read_attribute(functions, session.opened.handle, session.key, CKA_EC_POINT);
  if (!point.empty()) public_key_ = public_key_of(curve_, point);
}

Bytes TokenKey::sign(BytesView digest) const {
  return with_session([&](const Session& session) {
    const CK_FUNCTION_LIST& functions = *module_->content().functions;
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    check(functions.C_SignInit(session.opened.handle, &mechanism, session.key), "the token makes no signature (CKA_SIGN)");
    Bytes signature(2 * field_size(curve_));
    CK_ULONG size = signature.size();
    check(functions.C_Sign(session.opened.handle, const_cast<unsigned char*>(digest.data()), digest.size(), signature.data(), &size),
          "a signature of the token");
    if (size != signature.size()) throw CryptoError("the token's signature has another length");
    return signature;
  });
}

base::SecretBytes TokenKey::agree(BytesView point) const {
  return with_session([&](const Session& session) {
    SharedSecretObject secret(*module_->content().functions, session.opened.handle);
    secret.derive(session.key, point, field_size(curve_));
    return secret.read(field_size(curve_));
  });
}

}  // namespace crypto
