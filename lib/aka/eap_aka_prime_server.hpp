#pragma once

#include <optional>
#include <string>
#include <variant>

#include "lib/aka/eap_aka_prime.hpp"

/// The server's end of EAP-AKA' (RFC 9048; TS 33.501, 6.1.3.1): the AUSF, for one authentication.
namespace aka {

/// Send this request to the UE and wait for its response. The authentication goes on.
struct EapOngoing {
  base::Bytes packet;
};
/// The UE is authenticated. Send EAP-Success; KAUSF is given out once.
struct EapSucceeded {
  base::Bytes packet;
  Kausf kausf;
};
/// The UE is not authenticated. Send EAP-Failure. `why` is for the log.
struct EapFailed {
  base::Bytes packet;
  std::string why;
};
/// SQN was not fresh to the USIM. Resynchronise with AUTS, which only the home side can verify (open_auts), then call
/// restart() with another vector; if it is wrong, abandon().
struct EapResynchronise {
  Rand rand;
  Auts auts;
};
/// The octets are no answer to what was sent, and changed nothing: malformed, of another identifier or EAP type, or too
/// late. RFC 3748, 4.1, drops such silently; over HTTP it is a bad request (400), the challenge stands. `why` is for
/// the peer.
struct EapDiscarded {
  std::string why;
};
using EapOutcome = std::variant<EapOngoing, EapSucceeded, EapFailed, EapResynchronise, EapDiscarded>;

/// State of one authentication. It holds XRES and keys: moved, never copied. Not safe for several threads at once. No
/// call waits, draws random numbers or reads a clock. Throws CryptoError only if OpenSSL itself fails.
class EapAkaPrimeServer {
 public:
  /// What one authentication takes at most; whatever is more ends it with EapFailed.
  static constexpr int kMaxResponses = 16;          ///< calls of on_response(), discarded ones included
  static constexpr int kMaxResynchronisations = 2;  ///< as TS 24.501, 5.4.1, at the UE: the third one is an attack

  struct Options {
    /// Offers AT_RESULT_IND. If the UE wants it too, a success is told by a notification with AT_MAC first; and with
    /// this set, so is a failure (RFC 4187, 6.2 and 6.3).
    bool has_result_indications = false;
    /// The AT_KDFs, the preferred one first; kKdfPrime among them. Keys and AT_MAC are always those of kKdfPrime, so a
    /// UE must choose that; others are here for the day when there is another one.
    std::vector<std::uint16_t> key_derivations{kKdfPrime};
  };

  /// `identity`: see key_identity(). `serving_network_name`: AT_KDF_INPUT, the one that the vector was made for; it is
  /// not checked again. `identifier`: of the first request, by choice random. Throws std::invalid_argument if XRES is
  /// not kMinResSize to kMaxResSize octets, the name is empty, or kKdfPrime is not offered, and EapError if the name is
  /// too long.
  EapAkaPrimeServer(std::string identity, std::string serving_network_name, TransformedVector vector,
                    std::uint8_t identifier, Options options);
  /// As above, with the default options.
  EapAkaPrimeServer(std::string identity, std::string serving_network_name, TransformedVector vector,
                    std::uint8_t identifier);

  EapAkaPrimeServer(EapAkaPrimeServer&&) noexcept = default;
  EapAkaPrimeServer& operator=(EapAkaPrimeServer&&) noexcept = default;
  EapAkaPrimeServer(const EapAkaPrimeServer&) = delete;
  EapAkaPrimeServer& operator=(const EapAkaPrimeServer&) = delete;
  ~EapAkaPrimeServer() = default;

  /// The request that waits for its response: at first EAP-Request/AKA'-Challenge. Valid until the next call.
  [[nodiscard]] const base::Bytes& request() const noexcept { return request_; }

  /// Takes what the UE answered, `packet` being whatever came. Never throws for what is in it.
  EapOutcome on_response(base::BytesView packet);

  /// After EapResynchronise: goes on with another vector and the next identifier. Throws std::logic_error at any other
  /// time, and as the constructor does.
  EapOngoing restart(TransformedVector vector);

  /// After EapResynchronise: there is no vector to be had now, and the same response may come again, as if it had not come yet. Throws std::logic_error at any
  /// other time.
  void wait_again();

  /// Ends the authentication for a reason of the caller's.
  EapFailed abandon(std::string why);

  /// True after EapSucceeded and EapFailed: from then on every response is discarded.
  [[nodiscard]] bool has_ended() const noexcept { return phase_ == Phase::ended; }

 private:
  enum class Phase { challenge_sent, vector_wanted, success_notified, failure_notified, ended };

  /// What the vector gave. Wiped with it.
  struct Challenge {
    Rand rand;
    Autn autn;
    base::SecretBytes xres;
    EapAuthenticationKey k_aut;
    Kausf kausf;
  };
  [[nodiscard]] Challenge challenge_from(TransformedVector vector) const;

  EapOngoing send_challenge();
  EapOngoing send_notification(std::uint16_t code);
  EapOutcome on_message(base::BytesView packet, const AkaPrimeMessage& message);
  EapOutcome on_challenge_response(base::BytesView packet, const AkaPrimeMessage& message);
  EapOutcome on_key_derivation_chosen(const AkaPrimeMessage& message);
  EapOutcome on_synchronisation_failure(const AkaPrimeMessage& message);
  EapOutcome on_notification_response(base::BytesView packet, const AkaPrimeMessage& message);
  EapOutcome succeed();
  /// The UE's answer was wrong: tells it by a notification where result indications are used, else at once.
  EapOutcome fail(std::string why);
  EapFailed end(std::string why);

  std::string identity_;
  std::string serving_network_name_;
  Options options_;
  Challenge challenge_;
  std::uint8_t identifier_;
  std::vector<std::uint16_t> sent_key_derivations_;
  Phase phase_ = Phase::challenge_sent;
  bool is_authenticated_ = false;
  int responses_ = 0;
  int resynchronisations_ = 0;
  std::string failure_;  ///< why, while the UE is being told
  base::Bytes request_;
};

}  // namespace aka
