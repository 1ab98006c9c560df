#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "lib/aka/eap_aka_prime_server.hpp"
#include "lib/aka/key_hierarchy.hpp"
#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/profile/identity.hpp"

namespace ausf_ext {

/// 5G AKA between the challenge and RES* (TS 33.501, 6.1.3.2.0, steps 3 to 11).
struct AkaExpectation {
  aka::ResStar xres_star;
  aka::Kseaf kseaf;
};

/// EAP-AKA' after the UE's last packet: what the SEAF is answered to that one, once more if the answer was lost.
struct EapAnswered {
  base::Bytes response;
  base::Bytes success;
  aka::Kseaf kseaf;
};

using AuthenticationMethod = std::variant<AkaExpectation, aka::EapAkaPrimeServer, EapAnswered>;

/// An authentication under way: what the AUSF keeps between two requests of the SEAF. Holds keys: moved, never copied.
struct AuthenticationContext {
  profile::DiscoveryImsi dimsi;
  profile::Imsi imsi;
  std::string serving_network_name;
  unsigned ind = 0;             ///< index_of_requester, for a resynchronisation within EAP
  bool tells_supi = false;      ///< a SUCI came (TS 33.501, 6.1.3.2.0, step 12)
  bool tells_servers = false;   ///< pvsInfo is wanted
  AuthenticationMethod method;
  std::chrono::steady_clock::time_point expires_at;
};

/// The ids of contexts: whoever has one learns nothing from it, nobody can make one, and what it stands for outlives the context, so that
/// a deregistration days later is still understood. An id is of use to the party that it was made for (service::Access::party_of), and to
/// others it is as one that was never made. One a loop.
class ContextIds {
 public:
  static constexpr std::size_t kKeyOctets = 32;

  /// `key`: kKeyOctets, the same for every instance. Throws std::invalid_argument for another length.
  explicit ContextIds(const base::SecretBytes& key);

  struct Named {
    profile::Imsi imsi;
    std::string serving_network_name;  ///< without NID
  };
  /// 64 hex digits, different each time.
  [[nodiscard]] std::string make(const profile::Imsi& imsi, std::string_view serving_network_name, std::string_view party) const;
  /// True if make() made it for this party.
  [[nodiscard]] bool is_of(std::string_view id, std::string_view party) const { return concealed_of(id, party).has_value(); }
  /// What it stands for; nothing unless is_of().
  [[nodiscard]] std::optional<Named> open(std::string_view id, std::string_view party) const;

 private:
  [[nodiscard]] std::optional<crypto::Block> concealed_of(std::string_view id, std::string_view party) const;
  [[nodiscard]] crypto::Block mac_of(base::BytesView concealed, std::string_view party) const;

  ContextIds(std::span<const std::uint8_t, 16> encryption_key, std::span<const std::uint8_t, 16> integrity_key);

  crypto::Aes128 encrypt_;
  crypto::Cmac mac_;
  base::SecretKey<ContextIds, 16> encryption_key_;  ///< to decrypt, which is rare
};

/// The contexts of all workers; bounded, and each for a short time. Those that were answered are kept beside those under way, so that an
/// answer that was lost can be had again, but never at their cost. Whatever is done costs the same however many there are. Safe for several
/// threads: a context belongs to whoever has taken it.
class AuthenticationContexts {
 public:
  static constexpr std::size_t kMaxContexts = 100000;
  /// Of them, answered: an answer that was lost is asked for again at once, and more of them would only be in the way of the processor's cache.
  static constexpr std::size_t kMaxAnswered = 10000;

  explicit AuthenticationContexts(std::chrono::seconds lifetime) : lifetime_(lifetime) {}

  /// Keeps a new context; in a full table in the place of the one answered longest ago, or, if none was answered, of the one that is under way
  /// for longest: most likely its device has gone, and who floods the table cannot shut it to others.
  void add(const std::string& id, AuthenticationContext context);
  /// Takes a context out. Throws Error{not_found, CONTEXT_NOT_FOUND}.
  AuthenticationContext take(const std::string& id);
  /// Puts back what was taken; it ends when it would have.
  void put_back(const std::string& id, AuthenticationContext context);
  /// The same for one that was answered.
  void put_back_answered(const std::string& id, AuthenticationContext context);
  void remove(const std::string& id);

 private:
  struct Entry {
    std::string id;
    AuthenticationContext context;
  };
  using Entries = std::list<Entry>;  ///< the oldest first
  struct Place {
    Entries* entries;
    Entries::iterator at;
  };

  using ById = std::unordered_map<std::string_view, Place>;

  // With `mutex_` held.
  void erase(ById::iterator found);
  void insert(Entries& entries, const std::string& id, AuthenticationContext context);
  void drop_oldest(Entries& entries);
  void drop_expired(std::chrono::steady_clock::time_point now);

  std::chrono::seconds lifetime_;
  std::mutex mutex_;
  Entries under_way_;
  Entries answered_;
  ById by_id_;  ///< the texts are those of the entries
};

}  // namespace ausf_ext
