// A token that is taken out and put back: SoftHSM2 behind numbers that begin anew then, as they do in modules that count from one or use addresses.
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "lib/crypto/pkcs11.hpp"
#include "tests/support/soft_hsm.hpp"

using crypto::Curve;
using crypto::PrivateKey;

namespace {

using Numbers = std::map<CK_ULONG, CK_ULONG>;  ///< what the caller is told, and what it is to SoftHSM

/// Stands in the place of a module's functions as long as it lives. One at a time, of one thread.
class Renumbered {
 public:
  explicit Renumbered(std::shared_ptr<const crypto::TokenModule> module) : module_(std::move(module)), own_(*module_->content().functions) {
    real = module_->content().functions;
    own_.C_OpenSession = open;
    own_.C_CloseSession = close;
    own_.C_GetSessionInfo = BySession<&CK_FUNCTION_LIST::C_GetSessionInfo>::call;
    own_.C_Login = BySession<&CK_FUNCTION_LIST::C_Login>::call;
    own_.C_FindObjectsInit = BySession<&CK_FUNCTION_LIST::C_FindObjectsInit>::call;
    own_.C_FindObjects = find;
    own_.C_FindObjectsFinal = BySession<&CK_FUNCTION_LIST::C_FindObjectsFinal>::call;
    own_.C_GetAttributeValue = ByObject<&CK_FUNCTION_LIST::C_GetAttributeValue>::call;
    own_.C_CreateObject = BySession<&CK_FUNCTION_LIST::C_CreateObject>::call;
    own_.C_SignInit = sign_init;
    own_.C_Sign = BySession<&CK_FUNCTION_LIST::C_Sign>::call;
    module_->content().functions = &own_;
  }
  ~Renumbered() {
    sessions.clear();
    objects.clear();
    module_->content().functions = real;
  }
  Renumbered(const Renumbered&) = delete;
  Renumbered& operator=(const Renumbered&) = delete;

  /// And put back: its sessions are gone, and the login.
  static void take_out() {
    crypto::pkcs11::check(real->C_CloseAllSessions(slot), "sessions");
    sessions.clear();
    objects.clear();
  }
  static std::size_t open_sessions() { return sessions.size(); }

 private:
  template <auto Member, class = std::remove_pointer_t<std::remove_reference_t<decltype(std::declval<CK_FUNCTION_LIST>().*Member)>>>
  struct BySession;
  template <auto Member, class... Rest>
  struct BySession<Member, CK_RV(CK_SESSION_HANDLE, Rest...)> {
    static CK_RV call(CK_SESSION_HANDLE session, Rest... rest) {
      const auto found = sessions.find(session);
      return found == sessions.end() ? CKR_SESSION_HANDLE_INVALID : (real->*Member)(found->second, rest...);
    }
  };
  template <auto Member, class = std::remove_pointer_t<std::remove_reference_t<decltype(std::declval<CK_FUNCTION_LIST>().*Member)>>>
  struct ByObject;
  template <auto Member, class... Rest>
  struct ByObject<Member, CK_RV(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, Rest...)> {
    static CK_RV call(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, Rest... rest) {
      const auto found = objects.find(object);
      return found == objects.end() ? CKR_OBJECT_HANDLE_INVALID : BySession<Member>::call(session, found->second, rest...);
    }
  };

  /// The lowest number that is free.
  static CK_ULONG number(Numbers& numbers, CK_ULONG real_one) {
    CK_ULONG out = 1;
    while (numbers.contains(out)) ++out;
    numbers[out] = real_one;
    return out;
  }
  static CK_RV open(CK_SLOT_ID of, CK_FLAGS flags, void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* session) {
    slot = of;
    const CK_RV answer = real->C_OpenSession(of, flags, application, notify, session);
    if (answer == CKR_OK) *session = number(sessions, *session);
    return answer;
  }
  static CK_RV close(CK_SESSION_HANDLE session) {
    const CK_RV answer = BySession<&CK_FUNCTION_LIST::C_CloseSession>::call(session);
    sessions.erase(session);
    return answer;
  }
  static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* found, CK_ULONG most, CK_ULONG* count) {
    const CK_RV answer = BySession<&CK_FUNCTION_LIST::C_FindObjects>::call(session, found, most, count);
    if (answer != CKR_OK) return answer;
    for (CK_ULONG i = 0; i < *count; ++i) found[i] = number(objects, found[i]);
    return answer;
  }
  static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    const auto found = objects.find(key);
    return found == objects.end() ? CKR_KEY_HANDLE_INVALID : BySession<&CK_FUNCTION_LIST::C_SignInit>::call(session, mechanism, found->second);
  }

  static inline CK_FUNCTION_LIST* real = nullptr;
  static inline CK_SLOT_ID slot = 0;
  static inline Numbers sessions;
  static inline Numbers objects;
  const std::shared_ptr<const crypto::TokenModule> module_;
  CK_FUNCTION_LIST own_;
};

/// Two keys of one curve in a token whose numbers begin anew.
struct LostSessionsLab {
  LostSessionsLab() {
    const test::TokenSession session(module);
    session.put(outside_one, "one", 1, {});
    session.put(outside_two, "two", 2, {});
  }
  static bool signs_as(const PrivateKey& key, const PrivateKey& outside) {
    const base::Bytes message{1, 2, 3};
    return crypto::verify(outside.public_key(), message, crypto::sign(key, message));
  }

  test::SoftHsm hsm;
  std::shared_ptr<const crypto::TokenModule> module = hsm.load();
  PrivateKey outside_one = PrivateKey::generate(Curve::p256);
  PrivateKey outside_two = PrivateKey::generate(Curve::p256);
  Renumbered renumbered{module};
};

}  // namespace

TEST_CASE("A session's number that is another key's since the token was put back is not used", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  LostSessionsLab lab;
  const PrivateKey one = PrivateKey::from_token("pkcs11:token=arpf;object=one", lab.module);
  const PrivateKey two = PrivateKey::from_token("pkcs11:token=arpf;object=two", lab.module);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(Renumbered::open_sessions() == 2);
    Renumbered::take_out();
    CHECK(lab.signs_as(two, lab.outside_two));  // in a session with the number, and with a number of its key, that the other key knew as its own
    CHECK(lab.signs_as(one, lab.outside_one));
    CHECK(lab.signs_as(two, lab.outside_two));
  }
}

TEST_CASE("A key that is read anew beside one whose session was lost has a session of its own", "[crypto][token]") {
  if (test::is_without_soft_hsm()) return;
  LostSessionsLab lab;
  const PrivateKey one = PrivateKey::from_token("pkcs11:token=arpf;object=one", lab.module);
  Renumbered::take_out();
  const PrivateKey two = PrivateKey::from_token("pkcs11:token=arpf;object=two", lab.module);  // nobody has met the loss yet: its number tells
  CHECK(lab.signs_as(one, lab.outside_one));
  CHECK(lab.signs_as(two, lab.outside_two));
  CHECK(Renumbered::open_sessions() == 2);
}
