#pragma once

#include <optional>
#include <string>

#include "lib/aka/eap_aka_prime.hpp"

/// The peer's end of EAP-AKA' (RFC 9048; TS 33.501, 6.1.3.1): the ME with its USIM, for one authentication.
namespace aka {

/// State of one authentication. It holds keys: moved, never copied. Not safe for several threads at once.
class EapAkaPrimePeer {
 public:
  enum class State {
    ongoing,
    succeeded,  ///< EAP-Success came after a challenge that was answered: take_kausf()
    failed,     ///< EAP-Failure came, or an EAP-Success that nothing led to; see why()
  };

  /// `identity`: see key_identity(). `serving_network_name`: what the UE itself makes of the network that it hears.
  /// `wants_result_indication`: answers AT_RESULT_IND with its own, and then believes no EAP-Success without a
  /// notification.
  EapAkaPrimePeer(std::string identity, std::string serving_network_name, bool wants_result_indication = true);

  EapAkaPrimePeer(EapAkaPrimePeer&&) noexcept = default;
  EapAkaPrimePeer& operator=(EapAkaPrimePeer&&) noexcept = default;
  EapAkaPrimePeer(const EapAkaPrimePeer&) = delete;
  EapAkaPrimePeer& operator=(const EapAkaPrimePeer&) = delete;
  ~EapAkaPrimePeer() = default;

  /// What the UE answers; nothing to EAP-Success and EAP-Failure, which end the authentication: see state(). The same
  /// request again has the same answer (RFC 3748, 4.1). `sequence` changes when the USIM takes a vector, whatever
  /// follows.
  ///
  /// A request of EAP-AKA' that cannot be processed is answered with AKA'-Client-Error. Refused with
  /// AKA'-Authentication-Reject: a wrong MAC-A, another network's name, no AMF separation bit, no key derivation
  /// function of ours. Identity requests get a Client-Error: the SUCI went in NAS, and the SUPI goes to nobody
  /// (TS 33.501, F.2).
  ///
  /// Throws EapError for what RFC 3748 drops silently: no EAP packet, a response, an end that does not follow the last
  /// response, anything after the end. Throws CryptoError only if OpenSSL itself fails.
  std::optional<base::Bytes> respond(base::BytesView request, const SubscriberKeys& keys, UsimSequence& sequence);

  [[nodiscard]] State state() const noexcept { return state_; }
  /// What last went wrong, in words; empty if nothing did.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }
  /// True if a synchronisation failure was answered.
  [[nodiscard]] bool was_out_of_step() const noexcept { return was_out_of_step_; }
  /// After success, once. Throws std::logic_error at any other time.
  Kausf take_kausf();

 private:
  struct Keys {
    EapAuthenticationKey k_aut;
    Kausf kausf;
  };
  struct Refusal {
    AkaSubtype subtype;
    const char* why;
  };

  base::Bytes answer(base::BytesView packet, const EapHeader& header, const SubscriberKeys& keys,
                     UsimSequence& sequence);
  base::Bytes answer_aka_prime(base::BytesView packet, const EapHeader& header, const SubscriberKeys& keys,
                               UsimSequence& sequence);
  base::Bytes answer_challenge(base::BytesView packet, const AkaPrimeMessage& request, const SubscriberKeys& keys,
                               UsimSequence& sequence);
  base::Bytes answer_usim(base::BytesView packet, const AkaPrimeMessage& request, const Authenticated& usim);
  base::Bytes answer_notification(base::BytesView packet, const AkaPrimeMessage& request);
  [[nodiscard]] std::optional<Refusal> fault_of_challenge(const AkaPrimeMessage& request) const;
  [[nodiscard]] std::optional<Refusal> fault_of_offer(const AkaPrimeMessage& request) const;
  base::Bytes choose_key_derivation(const AkaPrimeMessage& request);
  base::Bytes refuse(std::uint8_t identifier, const Refusal& refusal);
  void end(const EapHeader& header);

  std::string identity_;
  std::string serving_network_name_;
  bool wants_result_indication_;
  State state_ = State::ongoing;
  std::string why_;
  bool was_out_of_step_ = false;
  std::optional<Keys> keys_;           ///< once a challenge was answered
  bool is_indication_agreed_ = false;  ///< both sides set AT_RESULT_IND
  bool is_success_notified_ = false;
  std::vector<std::uint16_t> asked_key_derivations_;  ///< what the next challenge must offer, after a choice
  base::Bytes last_request_;
  base::Bytes last_response_;
};

}  // namespace aka
