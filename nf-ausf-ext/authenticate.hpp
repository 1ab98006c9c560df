#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <variant>

#include "lib/core/ueau.hpp"
#include "lib/store/batch_snapshot.hpp"
#include "nf-ausf-ext/authentication_contexts.hpp"
#include "nf-ausf-ext/config_authentication.hpp"
#include "nf-ausf-ext/provide_vectors.hpp"
#include "nf-ausf-ext/tell_udm.hpp"

namespace ausf_ext {

/// A challenge and the id under which it goes on.
struct Challenged {
  std::string context_id;
  std::variant<core::Challenge, base::Bytes> challenge;  ///< 5G AKA; or the first EAP request
};

/// The UE is authenticated.
struct Authenticated {
  profile::Imsi imsi;
  std::optional<profile::Imsi> supi;  ///< the same, if a SUCI came and the SEAF is to be told
  aka::Kseaf kseaf;
  bool is_first = false;              ///< the device is ATTACHED only now, and the RSMF is to be told
  core::ProvisioningServers servers;  ///< pvsInfo
};

/// What an EAP response led to.
struct EapAnswer {
  base::Bytes packet;
  bool is_ongoing = false;
  std::optional<Authenticated> authenticated;  ///< with neither it failed
};

/// Steps (8) to (10), the AUSF's part: 5G AKA and EAP-AKA' of an allocated IMSI with keys derived from eK (PROTOCOL.md, section 9;
/// TS 33.501, 6.1.3). One a loop.
class Authenticate {
 public:
  struct Parts {
    const AuthenticationConfig& config;
    store::Database& reader;
    store::BatchSnapshot& snapshot;  ///< of `reader`
    store::Committer& committer;
    Subscribers& subscribers;
    AuthenticationContexts& contexts;
    const ContextIds& ids;
    ProvideVectors& vectors;
    TellUdm& tell_udm;
    base::Clock clock;
  };

  explicit Authenticate(Parts parts) : parts_(std::move(parts)) {}

  /// Step (8): a challenge by the subscriber's method, whose sequence number is durably used up. `ind`: index_of_requester. `party`: who may
  /// go on with it (service::Access::party_of); to others the context is not there. Throws Error: 403
  /// SERVING_NETWORK_NOT_AUTHORIZED, 404 USER_NOT_FOUND, 403 AUTHENTICATION_REJECTED for an AUTS that is not the device's.
  boost::asio::awaitable<Challenged> challenge(core::AuthenticationRequest wanted, unsigned ind, std::string party);

  /// The same without waiting; nothing if that does not do, and challenge() is to be asked: 5G AKA alone, with a sequence number at hand.
  std::optional<Challenged> challenge_at_once(const core::AuthenticationRequest& wanted, unsigned ind, const std::string& party);

  /// Steps (9) and (10) of 5G AKA: nothing if RES* is wrong or null; then the context is gone. The device's state is durable, and an
  /// existing UDM told, before it returns. Throws Error{not_found, CONTEXT_NOT_FOUND}, and what TellUdm throws.
  boost::asio::awaitable<std::optional<Authenticated>> confirm(std::string context_id, std::string party, std::optional<aka::ResStar> res_star);

  /// The same without waiting; nothing if that does not do, and confirm() is to be asked: a right RES* of a device that has attached before, of which
  /// no UDM is to be told.
  std::optional<Authenticated> confirm_at_once(const std::string& context_id, const std::string& party, const std::optional<aka::ResStar>& res_star);

  /// The same with EAP: what the UE answered, and what it gets. Throws Error{bad_request} for a packet that is no answer to what was sent:
  /// the challenge stands then (RFC 3748, 4.1, drops it). The packet that led to success may come again, as a right RES* may.
  boost::asio::awaitable<EapAnswer> respond(std::string context_id, std::string party, base::Bytes packet);

  /// Forgets a context, and voids its result at an existing UDM. Throws Error{not_found, CONTEXT_NOT_FOUND} for an id that was never given out
  /// to that party.
  boost::asio::awaitable<void> end(std::string context_id, std::string party, std::string auth_type);

  /// The SEAF has no use for the subscriber's keys any more (TS 29.509, 5.2.2.6): none are kept here after success. Throws
  /// Error{not_found, USER_NOT_FOUND}.
  void deregister(const profile::Imsi& imsi) const;

 private:
  /// Takes a context out, of the party that began it. Throws Error{not_found, CONTEXT_NOT_FOUND}.
  AuthenticationContext take(const std::string& context_id, const std::string& party) const;
  std::shared_ptr<const Subscriber> require_admitted(const core::AuthenticationRequest& wanted);
  Challenged begin_5g_aka(const core::AuthenticationRequest& wanted, const Subscriber& subscriber, unsigned ind, std::string context_id,
                          aka::HomeEnvironmentVector vector);
  [[nodiscard]] Authenticated result_of(const AuthenticationContext& context, const aka::Kseaf& kseaf) const;
  boost::asio::awaitable<Authenticated> succeed(const AuthenticationContext& context, const aka::Kseaf& kseaf, std::string auth_type);
  boost::asio::awaitable<void> note_failure(const AuthenticationContext& context, std::string auth_type, std::string why);
  boost::asio::awaitable<EapAnswer> succeed_with_eap(std::string context_id, AuthenticationContext context);
  boost::asio::awaitable<EapAnswer> resynchronise(std::string context_id, AuthenticationContext context, core::Resynchronization resynchronization);
  AuthenticationContext make_context(const core::AuthenticationRequest& wanted, const Subscriber& subscriber, unsigned ind,
                                     AuthenticationMethod method) const;
  Parts parts_;
};

}  // namespace ausf_ext
