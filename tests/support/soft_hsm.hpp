#pragma once

#include <p11-kit/pkcs11.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/crypto/der.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/crypto/pkcs11.hpp"
#include "tests/support/temporary_folder.hpp"

/// An HSM in software (SoftHSM2) with a token of a test's own.
namespace test {

/// Where Debian has SoftHSM's module; empty if it, or its tool, is not installed.
inline std::string soft_hsm_module() {
  for (const char* const path : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"}) {
    if (std::filesystem::exists(path) && std::filesystem::exists("/usr/bin/softhsm2-util")) return path;
  }
  return "";
}

/// True, and says so on a line of its own, if there is no SoftHSM to test with.
inline bool is_without_soft_hsm() {
  if (!soft_hsm_module().empty()) return false;
  std::cout << "skipped: SoftHSM2 is not installed\n";
  return true;
}

/// The token `arpf`, in a folder of its own that SOFTHSM2_CONF names as long as it lives. One at a time.
class SoftHsm {
 public:
  explicit SoftHsm(std::string pin = "1234") : pin_(std::move(pin)) {
    std::filesystem::create_directory(folder_ / "tokens");
    const std::string conf = folder_.write("softhsm2.conf", "directories.tokendir = " + folder_ / "tokens" + "\nobjectstore.backend = file\nlog.level = ERROR\n");
    setenv("SOFTHSM2_CONF", conf.c_str(), 1);
    init_token("arpf");
  }
  ~SoftHsm() { unsetenv("SOFTHSM2_CONF"); }
  SoftHsm(const SoftHsm&) = delete;
  SoftHsm& operator=(const SoftHsm&) = delete;

  void init_token(const std::string& label) const {
    run({"softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin_, "--so-pin", "5678"});
  }
  /// A key as softhsm2-util brings it in: it signs, and makes no key agreement.
  void import_to_sign(const crypto::PrivateKey& key, const std::string& label, const std::string& id) const {
    const std::string pem = folder_.write("import.key", base::as_text(key.to_pem().reveal()));
    run({"softhsm2-util", "--import", pem, "--token", "arpf", "--label", label, "--id", id, "--pin", pin_});
    std::filesystem::remove(pem);
  }
  [[nodiscard]] std::shared_ptr<const crypto::TokenModule> load() const { return load(pin_); }
  [[nodiscard]] std::shared_ptr<const crypto::TokenModule> load(std::string_view pin) const {
    return crypto::TokenModule::load(soft_hsm_module(), base::SecretBytes(base::as_bytes(pin)));
  }
  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }

 private:
  static void run(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", 1, 0);
    pid_t child = 0;
    int status = -1;
    const int fault = posix_spawnp(&child, arguments[0], &quiet, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (fault != 0 || waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error("softhsm2-util failed");
  }
  std::string pin_;
  TemporaryFolder folder_;
};

/// The module beside the code under test, in the same process: puts keys in, and disturbs.
class TokenSession {
 public:
  explicit TokenSession(std::shared_ptr<const crypto::TokenModule> module, const std::string& token = "arpf")
      : module_(std::move(module)), functions_(*module_->content().functions) {
    const crypto::pkcs11::Uri uri(p11_kit_uri_new());
    p11_kit_uri_parse(("pkcs11:token=" + token).c_str(), P11_KIT_URI_FOR_TOKEN, uri.get());
    reading_ = module_->content().open_session(uri.get());
    CK_SESSION_INFO info{};
    functions_.C_GetSessionInfo(reading_.handle, &info);
    slot_ = info.slotID;
    crypto::pkcs11::check(functions_.C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session_), "a session");
  }
  ~TokenSession() {
    functions_.C_CloseSession(session_);
    module_->content().close(reading_);
  }
  TokenSession(const TokenSession&) = delete;
  TokenSession& operator=(const TokenSession&) = delete;

  /// What a key may be used for, and whether its public half rests beside it.
  struct Wanted {
    bool derives = true;
    bool signs = true;
    bool has_public_half = true;
  };
  void put(const crypto::PrivateKey& key, std::string label, std::uint8_t id, const Wanted& wanted) const {
    put(key, key.public_key(), std::move(label), id, wanted);
  }
  void put(const crypto::PrivateKey& key, const crypto::PublicKey& beside, std::string label, std::uint8_t id, const Wanted& wanted) const {
    CK_OBJECT_CLASS kind = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL signs = wanted.signs ? CK_TRUE : CK_FALSE;
    CK_BBOOL derives = wanted.derives ? CK_TRUE : CK_FALSE;
    base::Bytes curve = parameters(key.curve());
    const auto scalar = key.scalar();
    base::Bytes point = crypto::der::encode(crypto::der::kOctetString, {beside.point()});
    std::vector<CK_ATTRIBUTE> attributes{{CKA_CLASS, &kind, sizeof kind},   {CKA_KEY_TYPE, &type, sizeof type},
                                         {CKA_TOKEN, &yes, sizeof yes},     {CKA_PRIVATE, &yes, sizeof yes},
                                         {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_LABEL, label.data(), label.size()},
                                         {CKA_ID, &id, sizeof id},          {CKA_EC_PARAMS, curve.data(), curve.size()},
                                         {CKA_SIGN, &signs, sizeof signs},  {CKA_DERIVE, &derives, sizeof derives},
                                         {CKA_VALUE, const_cast<std::uint8_t*>(scalar.reveal().data()), scalar.size()}};
    create(attributes);
    if (!wanted.has_public_half) return;
    kind = CKO_PUBLIC_KEY;
    attributes = {{CKA_CLASS, &kind, sizeof kind}, {CKA_KEY_TYPE, &type, sizeof type},         {CKA_TOKEN, &yes, sizeof yes},
                  {CKA_ID, &id, sizeof id},        {CKA_LABEL, label.data(), label.size()},    {CKA_EC_PARAMS, curve.data(), curve.size()},
                  {CKA_EC_POINT, point.data(), point.size()}};
    create(attributes);
  }
  /// As when an HSM was started anew: every session of the process is gone, and the login with the last one.
  void close_all() const { crypto::pkcs11::check(functions_.C_CloseAllSessions(slot_), "sessions"); }
  void log_out() const { crypto::pkcs11::check(functions_.C_Logout(reading_.handle), "a logout"); }

 private:
  static base::Bytes parameters(crypto::Curve curve) {
    const char* const digits = curve == crypto::Curve::p256   ? "06082a8648ce3d030107"
                               : curve == crypto::Curve::p384 ? "06052b81040022"
                                                              : "06092b2403030208010107";
    return *base::from_hex(digits);
  }
  void create(std::vector<CK_ATTRIBUTE>& attributes) const {
    CK_OBJECT_HANDLE object = 0;
    crypto::pkcs11::check(functions_.C_CreateObject(session_, attributes.data(), attributes.size(), &object), "an object");
  }

  std::shared_ptr<const crypto::TokenModule> module_;
  CK_FUNCTION_LIST& functions_;
  CK_SLOT_ID slot_ = 0;
  crypto::TokenModule::Content::Session reading_;
  CK_SESSION_HANDLE session_ = 0;
};

}  // namespace test
