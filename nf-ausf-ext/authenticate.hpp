#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "lib/core/ueau.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/key_box.hpp"

namespace ausf_ext {

/// An authentication under way: what the AUSF keeps between the challenge and RES* (TS 33.501, 6.1.3.2.0).
struct AuthenticationContext {
  profile::DiscoveryImsi dimsi;
  profile::Imsi imsi;
  std::string serving_network_name;
  bool tells_supi = false;
  aka::ResStar xres_star;
  aka::Kseaf kseaf;
  std::chrono::steady_clock::time_point expires_at;
};

/// The contexts of all workers; bounded, and each for a short time. Safe for several threads.
class AuthenticationContexts {
 public:
  static constexpr std::size_t kMaxContexts = 100000;

  explicit AuthenticationContexts(std::chrono::seconds lifetime) : lifetime_(lifetime) {}

  /// Keeps a context and returns its id. Throws Error{unavailable, NF_CONGESTION} if the table is full.
  std::string add(AuthenticationContext context);
  /// Throws Error{not_found, CONTEXT_NOT_FOUND}.
  std::shared_ptr<const AuthenticationContext> find(const std::string& id);
  void remove(const std::string& id);

 private:
  void drop_expired();

  std::chrono::seconds lifetime_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const AuthenticationContext>> contexts_;
};

/// A challenge and the id under which it is confirmed.
struct Challenged {
  std::string context_id;
  core::Challenge challenge;
};

/// What a confirmation led to; nothing of it if RES* was wrong.
struct Confirmed {
  std::optional<profile::Imsi> supi;
  aka::Kseaf kseaf;
};

/// Steps (8) to (10): 5G AKA of an allocated IMSI with the keys derived from eK (PROTOCOL.md, section 9). One a loop.
class Authenticate {
 public:
  struct Parts {
    store::Database& reader;
    store::Committer& committer;
    AuthenticationContexts& contexts;
    const KeyBox& keys;
    base::Clock clock;
  };

  explicit Authenticate(Parts parts) : parts_(std::move(parts)) {}

  /// Step (8): a challenge whose SQN is durably used up before it leaves. Throws Error{not_found, USER_NOT_FOUND}, and
  /// Error{forbidden, AUTHENTICATION_REJECTED} for an AUTS that the device did not make.
  boost::asio::awaitable<Challenged> challenge(core::AuthenticationRequest wanted);

  /// Steps (9) and (10): nothing if RES* is wrong. The first success makes the device ATTACHED, durably, before this returns;
  /// `is_first` is then true, and the RSMF is to be told.
  boost::asio::awaitable<std::optional<Confirmed>> confirm(std::string context_id, std::optional<aka::ResStar> res_star,
                                                           bool& is_first);

  /// Forgets a context. Throws Error{not_found, CONTEXT_NOT_FOUND}.
  void end(const std::string& context_id);

 private:
  boost::asio::awaitable<aka::SequenceNumber> use_sqn(profile::DiscoveryImsi dimsi, std::int64_t epoch,
                                                      std::optional<aka::SequenceNumber> sqn_ms);
  boost::asio::awaitable<bool> mark_attached(std::shared_ptr<const AuthenticationContext> context);

  Parts parts_;
};

}  // namespace ausf_ext
