#include "lib/crypto/token_module.hpp"

#include <vector>

#include "lib/crypto/openssl.hpp"
#include "lib/crypto/pkcs11.hpp"

namespace crypto {

void pkcs11::check(CK_RV answer, std::string_view what) {
  if (answer == CKR_OK) return;
  throw CryptoError(std::string(what) + ": " + p11_kit_strerror(answer));
}

namespace {

bool is_refusal(CK_RV answer) {
  return answer == CKR_PIN_INCORRECT || answer == CKR_PIN_INVALID || answer == CKR_PIN_LEN_RANGE || answer == CKR_PIN_EXPIRED ||
         answer == CKR_PIN_LOCKED;
}

std::vector<CK_SLOT_ID> slots_with_tokens(const CK_FUNCTION_LIST& functions) {
  CK_ULONG count = 0;
  pkcs11::check(functions.C_GetSlotList(CK_TRUE, nullptr, &count), "the tokens cannot be listed");
  std::vector<CK_SLOT_ID> slots(count);
  pkcs11::check(functions.C_GetSlotList(CK_TRUE, slots.data(), &count), "the tokens cannot be listed");
  slots.resize(count);
  return slots;
}

}  // namespace

CK_SLOT_ID TokenModule::Content::find_slot(P11KitUri* uri) const {
  std::vector<CK_SLOT_ID> found;
  std::string present;
  for (const CK_SLOT_ID slot : slots_with_tokens(*functions)) {
    CK_TOKEN_INFO token{};
    const bool is_usable = functions->C_GetTokenInfo(slot, &token) == CKR_OK && (token.flags & CKF_TOKEN_INITIALIZED) != 0;
    if (!is_usable) continue;  // it was taken out just now, or is blank
    present += (present.empty() ? "" : ", ") + pkcs11::text_of(token.label);
    if (p11_kit_uri_match_token_info(uri, &token) == 1) found.push_back(slot);
  }
  if (found.empty()) {
    throw CryptoError("there is no such token: correct token=, or connect it; there are: " + (present.empty() ? "none" : present));
  }
  if (found.size() > 1) throw CryptoError("several tokens fit: say which with token= or serial=; there are: " + present);
  return found.front();
}

void TokenModule::Content::log_in(CK_SESSION_HANDLE session) {
  const base::BytesView digits = pin.reveal();
  const CK_RV answer = functions->C_Login(session, CKU_USER, const_cast<unsigned char*>(digits.data()), digits.size());
  if (answer == CKR_USER_ALREADY_LOGGED_IN) return;  // by another session: the login is the process's
  is_pin_refused = is_refusal(answer);
  pkcs11::check(answer, is_pin_refused ? "the token refuses the PIN, which is not tried again so that the token does not lock: correct the "
                                         "PIN's file, then start anew"
                                       : "the token cannot be logged in to");
}

TokenModule::Content::Session TokenModule::Content::open_session(P11KitUri* uri) {
  const std::lock_guard lock(mutex);
  if (is_pin_refused) throw CryptoError("the PIN was refused before, and is not tried again so that the token does not lock");
  const CK_SLOT_ID slot = find_slot(uri);
  Session session;
  pkcs11::check(functions->C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session.handle), "no session with the token");
  try {
    log_in(session.handle);
    const auto former = sessions_.find(session.handle);
    if (former != sessions_.end()) forget_all_of(former->second.slot);  // it was open, for all that we knew
    session.serial = ++last_serial_;
    sessions_.emplace(session.handle, Opened{session.serial, slot});
  } catch (...) {
    (void)functions->C_CloseSession(session.handle);
    throw;
  }
  return session;
}

bool TokenModule::Content::is_known(const Session& session) const {
  const auto known = sessions_.find(session.handle);
  return known != sessions_.end() && known->second.serial == session.serial;
}

void TokenModule::Content::forget_all_of(CK_SLOT_ID slot) {
  std::erase_if(sessions_, [slot](const auto& known) { return known.second.slot == slot; });
}

bool TokenModule::Content::has(const Session& session) {
  const std::lock_guard lock(mutex);
  return is_known(session);
}

void TokenModule::Content::close(const Session& session) noexcept {
  const std::lock_guard lock(mutex);
  if (!is_known(session)) return;
  const CK_SLOT_ID slot = sessions_.find(session.handle)->second.slot;
  CK_SESSION_INFO info{};
  if (functions->C_GetSessionInfo(session.handle, &info) != CKR_OK) return forget_all_of(slot);
  sessions_.erase(session.handle);
  (void)functions->C_CloseSession(session.handle);
}

TokenModule::TokenModule(std::unique_ptr<Content> content) : content_(std::move(content)) {}

std::shared_ptr<const TokenModule> TokenModule::load(const std::string& path, base::SecretBytes pin) {
  const openssl::ErrorQueueGuard guard;  // a module may use our OpenSSL
  auto content = std::make_unique<Content>();
  content->pin = std::move(pin);
  p11_kit_be_quiet();
  content->functions = p11_kit_module_load(path.c_str(), 0);
  if (content->functions == nullptr) {
    const char* const why = p11_kit_message();
    throw CryptoError("the PKCS#11 module " + path + " cannot be loaded: install it, or correct its path: " +
                      (why != nullptr ? why : "no module"));
  }
  const CK_RV answer = p11_kit_module_initialize(content->functions);
  if (answer != CKR_OK) {
    p11_kit_module_release(content->functions);
    pkcs11::check(answer, "the PKCS#11 module " + path +
                              " cannot be initialised (its own configuration, for SoftHSM SOFTHSM2_CONF, may be amiss)");
  }
  return std::shared_ptr<const TokenModule>(new TokenModule(std::move(content)));
}

TokenModule::~TokenModule() {
  if (!content_->is_own_process()) return;
  const openssl::ErrorQueueGuard guard;
  (void)p11_kit_module_finalize(content_->functions);
  p11_kit_module_release(content_->functions);
}

}  // namespace crypto
