#include "lib/aka/eap_aka_prime_server.hpp"

#include <algorithm>
#include <stdexcept>

namespace aka {

using base::BytesView;

EapAkaPrimeServer::EapAkaPrimeServer(std::string identity, std::string serving_network_name, TransformedVector vector,
                                     std::uint8_t identifier)
    : EapAkaPrimeServer(std::move(identity), std::move(serving_network_name), std::move(vector), identifier,
                        Options{}) {}

EapAkaPrimeServer::EapAkaPrimeServer(std::string identity, std::string serving_network_name, TransformedVector vector,
                                     std::uint8_t identifier, Options options)
    : identity_(std::move(identity)),
      serving_network_name_(std::move(serving_network_name)),
      options_(std::move(options)),
      challenge_(challenge_from(std::move(vector))),
      identifier_(identifier),
      sent_key_derivations_(options_.key_derivations) {
  if (serving_network_name_.empty()) throw std::invalid_argument("EAP-AKA' needs the serving network's name");
  if (std::ranges::count(options_.key_derivations, kKdfPrime) != 1) {
    throw std::invalid_argument("EAP-AKA' offers key derivation function 1, once");
  }
  send_challenge();
}

EapAkaPrimeServer::Challenge EapAkaPrimeServer::challenge_from(TransformedVector vector) const {
  if (vector.xres.size() < kMinResSize || vector.xres.size() > kMaxResSize) {
    throw std::invalid_argument("XRES is not 4 to 16 octets");
  }
  EapKeys keys = derive_eap_keys(vector.keys, identity_);
  return {vector.rand, vector.autn, std::move(vector.xres), std::move(keys.k_aut), derive_kausf(keys.emsk)};
}

EapOngoing EapAkaPrimeServer::send_challenge() {
  AkaPrimeMessage message;
  message.identifier = identifier_;
  message.rand = challenge_.rand;
  message.autn = challenge_.autn;
  message.network_name = serving_network_name_;
  message.key_derivations = sent_key_derivations_;
  message.has_result_indication = options_.has_result_indications;
  request_ = encode_authenticated(message, challenge_.k_aut);
  phase_ = Phase::challenge_sent;
  return {request_};
}

EapOngoing EapAkaPrimeServer::send_notification(std::uint16_t code) {
  AkaPrimeMessage message;
  message.identifier = ++identifier_;
  message.subtype = AkaSubtype::notification;
  message.notification = code;
  const bool has_mac = (code & kNotificationPhaseBit) == 0;
  request_ = has_mac ? encode_authenticated(message, challenge_.k_aut) : encode(message);
  return {request_};
}

EapOutcome EapAkaPrimeServer::on_response(BytesView packet) {
  if (has_ended()) return EapDiscarded{"the authentication has ended"};
  if (++responses_ > kMaxResponses) return end("too many responses");
  try {
    const EapHeader header = parse_eap_header(packet);
    if (header.code != EapCode::response) return EapDiscarded{"the EAP packet is no response"};
    if (phase_ == Phase::vector_wanted) return EapDiscarded{"no request is waiting for a response"};
    if (header.identifier != identifier_) return EapDiscarded{"Identifier is not that of the request"};
    if (phase_ == Phase::failure_notified) return end(failure_);  // whatever it says (RFC 4187, 6.3.3)
    if (header.type == kEapNak) return end("the UE does not want EAP-AKA'");
    if (header.type != kEapAkaPrime) return EapDiscarded{"the response is not of type EAP-AKA'"};
    return on_message(packet, parse_aka_prime(packet));
  } catch (const EapError& error) {
    return EapDiscarded{error.what()};
  }
}

EapOutcome EapAkaPrimeServer::on_message(BytesView packet, const AkaPrimeMessage& message) {
  if (message.subtype == AkaSubtype::client_error) return end("the UE could not process the request");
  if (phase_ == Phase::success_notified) return on_notification_response(packet, message);
  switch (message.subtype) {
    case AkaSubtype::challenge:
      return on_challenge_response(packet, message);
    case AkaSubtype::synchronization_failure:
      return on_synchronisation_failure(message);
    case AkaSubtype::authentication_reject:
      return end("the UE rejects the network: AUTN, the network's name or the AMF separation bit");
    default:
      return fail("the response is of a kind that was not asked for");
  }
}

EapOutcome EapAkaPrimeServer::on_challenge_response(BytesView packet, const AkaPrimeMessage& message) {
  if (!message.res && !message.mac_offset && !message.key_derivations.empty()) return on_key_derivation_chosen(message);
  if (!has_valid_mac(packet, message, challenge_.k_aut)) return fail("AT_MAC of the response is wrong");
  const auto is_ours = [](std::uint16_t kdf) { return kdf == kKdfPrime; };
  if (!std::ranges::all_of(message.key_derivations, is_ours)) return fail("AT_KDF of the response is another one");
  if (!message.res || !(*message.res == challenge_.xres)) return fail("RES is not XRES");
  is_authenticated_ = true;
  if (!options_.has_result_indications || !message.has_result_indication) return succeed();
  phase_ = Phase::success_notified;
  return send_notification(kNotifiedSuccess);
}

/// The UE wants another function than the first one: the same challenge again, with that one in front (RFC 9048, 3.2).
EapOutcome EapAkaPrimeServer::on_key_derivation_chosen(const AkaPrimeMessage& message) {
  const auto& offered = options_.key_derivations;
  const std::uint16_t chosen = message.key_derivations.front();
  const bool is_first_choice = sent_key_derivations_ == offered;
  const bool is_offered = std::find(offered.begin() + 1, offered.end(), chosen) != offered.end();
  if (message.key_derivations.size() != 1 || !is_first_choice || !is_offered) {
    return fail("the UE wants a key derivation function that was not offered");
  }
  if (chosen != kKdfPrime) return fail("the UE wants a key derivation function that there is not");
  sent_key_derivations_.insert(sent_key_derivations_.begin(), chosen);
  ++identifier_;
  return send_challenge();
}

EapOutcome EapAkaPrimeServer::on_synchronisation_failure(const AkaPrimeMessage& message) {
  if (!message.auts) return fail("the synchronisation failure has no AUTS");
  // The UE copies what was offered (RFC 9048, 3.2); some leave it out.
  if (!message.key_derivations.empty() && message.key_derivations != sent_key_derivations_) {
    return fail("the key derivation functions in the synchronisation failure are not those that were offered");
  }
  if (++resynchronisations_ > kMaxResynchronisations) return end("too many synchronisation failures");
  phase_ = Phase::vector_wanted;
  return EapResynchronise{challenge_.rand, *message.auts};
}

EapOutcome EapAkaPrimeServer::on_notification_response(BytesView packet, const AkaPrimeMessage& message) {
  if (message.subtype != AkaSubtype::notification) return fail("the response is of a kind that was not asked for");
  if (!has_valid_mac(packet, message, challenge_.k_aut)) return fail("AT_MAC of the notification's response is wrong");
  return succeed();
}

EapOngoing EapAkaPrimeServer::restart(TransformedVector vector) {
  if (phase_ != Phase::vector_wanted) throw std::logic_error("no synchronisation failure waits for another vector");
  challenge_ = challenge_from(std::move(vector));
  sent_key_derivations_ = options_.key_derivations;
  ++identifier_;
  return send_challenge();
}

void EapAkaPrimeServer::wait_again() {
  if (phase_ != Phase::vector_wanted) throw std::logic_error("no synchronisation failure waits for another vector");
  phase_ = Phase::challenge_sent;
  --resynchronisations_;
  --responses_;
}

EapFailed EapAkaPrimeServer::abandon(std::string why) { return end(std::move(why)); }

EapOutcome EapAkaPrimeServer::succeed() {
  phase_ = Phase::ended;
  return EapSucceeded{eap_success(identifier_), std::move(challenge_.kausf)};
}

EapOutcome EapAkaPrimeServer::fail(std::string why) {
  if (!options_.has_result_indications) return end(std::move(why));
  failure_ = std::move(why);
  phase_ = Phase::failure_notified;
  return send_notification(is_authenticated_ ? kNotifiedFailureAfterAuthentication : kNotifiedFailure);
}

EapFailed EapAkaPrimeServer::end(std::string why) {
  phase_ = Phase::ended;
  return {eap_failure(identifier_), std::move(why)};
}

}  // namespace aka
