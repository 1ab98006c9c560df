#include "lib/aka/eap_aka_prime_peer.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace aka {
namespace {

using base::Bytes;
using base::BytesView;

AkaPrimeMessage response_to(std::uint8_t identifier, AkaSubtype subtype) {
  AkaPrimeMessage response;
  response.code = EapCode::response;
  response.identifier = identifier;
  response.subtype = subtype;
  return response;
}

Bytes synchronisation_failure(const AkaPrimeMessage& request, const Auts& auts) {
  AkaPrimeMessage response = response_to(request.identifier, AkaSubtype::synchronization_failure);
  response.auts = auts;
  response.key_derivations = request.key_derivations;  // RFC 9048, 3.2
  return encode(response);
}

}  // namespace

EapAkaPrimePeer::EapAkaPrimePeer(std::string identity, std::string serving_network_name, bool wants_result_indication)
    : identity_(std::move(identity)),
      serving_network_name_(std::move(serving_network_name)),
      wants_result_indication_(wants_result_indication) {}

std::optional<Bytes> EapAkaPrimePeer::respond(BytesView request, const SubscriberKeys& keys, UsimSequence& sequence) {
  const EapHeader header = parse_eap_header(request);
  if (state_ != State::ongoing) throw EapError("the authentication has ended");
  if (header.code == EapCode::response) throw EapError("the EAP packet is a response");
  if (header.code != EapCode::request) {
    end(header);
    return std::nullopt;
  }
  if (!last_request_.empty() && std::ranges::equal(request, last_request_)) return last_response_;
  Bytes response = answer(request, header, keys, sequence);
  last_request_.assign(request.begin(), request.end());
  last_response_ = response;
  return response;
}

/// EAP-Success or EAP-Failure (RFC 3748, 4.2; RFC 4187, 6.3).
void EapAkaPrimePeer::end(const EapHeader& header) {
  if (last_response_.empty() || header.identifier != parse_eap_header(last_response_).identifier) {
    throw EapError("Identifier is not that of the last response");
  }
  const bool is_believed = keys_ && (is_success_notified_ || !is_indication_agreed_);
  if (header.code == EapCode::success && is_believed) {
    state_ = State::succeeded;
    return;
  }
  state_ = State::failed;
  if (header.code == EapCode::success) why_ = "EAP-Success, but the authentication did not lead there";
  if (why_.empty()) why_ = "EAP-Failure";
}

Kausf EapAkaPrimePeer::take_kausf() {
  if (state_ != State::succeeded || !keys_) throw std::logic_error("there is no KAUSF to be taken");
  Kausf kausf = std::move(keys_->kausf);
  keys_.reset();
  return kausf;
}

Bytes EapAkaPrimePeer::answer(BytesView packet, const EapHeader& header, const SubscriberKeys& keys,
                              UsimSequence& sequence) {
  switch (header.type) {
    case kEapAkaPrime:
      return answer_aka_prime(packet, header, keys, sequence);
    case kEapNotification:
      return encode_eap({EapCode::response, header.identifier, kEapNotification}, {});
    case kEapIdentity:
    case kEapNak:
      throw EapError("the EAP request is of a type that is not answered");
    default:  // another method: this one is wanted (RFC 3748, 5.3.1)
      return encode_eap({EapCode::response, header.identifier, kEapNak}, std::array<std::uint8_t, 1>{kEapAkaPrime});
  }
}

Bytes EapAkaPrimePeer::answer_aka_prime(BytesView packet, const EapHeader& header, const SubscriberKeys& keys,
                                        UsimSequence& sequence) {
  try {
    const AkaPrimeMessage request = parse_aka_prime(packet);
    if (request.subtype == AkaSubtype::challenge) return answer_challenge(packet, request, keys, sequence);
    if (request.subtype == AkaSubtype::notification) return answer_notification(packet, request);
    return refuse(header.identifier, {AkaSubtype::client_error, "a request of a kind that is not answered"});
  } catch (const EapError& error) {
    return refuse(header.identifier, {AkaSubtype::client_error, error.what()});
  }
}

Bytes EapAkaPrimePeer::refuse(std::uint8_t identifier, const Refusal& refusal) {
  why_ = refusal.why;
  keys_.reset();  // no EAP-Success is believed from here on
  AkaPrimeMessage response = response_to(identifier, refusal.subtype);
  if (refusal.subtype == AkaSubtype::client_error) response.client_error = kUnableToProcess;
  return encode(response);
}

std::optional<EapAkaPrimePeer::Refusal> EapAkaPrimePeer::fault_of_challenge(const AkaPrimeMessage& request) const {
  const auto unable = [](const char* why) { return Refusal{AkaSubtype::client_error, why}; };
  if (keys_) return unable("a challenge after one that was answered");
  if (!request.rand || !request.autn || !request.mac_offset) return unable("the challenge lacks RAND, AUTN or AT_MAC");
  if (!request.network_name || request.network_name->empty()) return unable("the challenge lacks the network's name");
  if (request.key_derivations.empty()) return unable("the challenge lacks AT_KDF");
  return std::nullopt;
}

/// What RFC 9048, 3.1 and 3.2, and TS 33.501 want of a challenge before the USIM sees it.
std::optional<EapAkaPrimePeer::Refusal> EapAkaPrimePeer::fault_of_offer(const AkaPrimeMessage& request) const {
  const auto& offered = request.key_derivations;
  if (!asked_key_derivations_.empty() && offered != asked_key_derivations_) {
    return Refusal{AkaSubtype::client_error, "the challenge does not offer what the UE chose, and all as before"};
  }
  const std::set<std::uint16_t> distinct(offered.begin(), offered.end());
  if (asked_key_derivations_.empty() && distinct.size() != offered.size()) {
    return Refusal{AkaSubtype::authentication_reject, "a key derivation function is offered twice"};
  }
  if (!distinct.contains(kKdfPrime)) {
    return Refusal{AkaSubtype::authentication_reject, "no key derivation function of ours is offered"};
  }
  if (*request.network_name != serving_network_name_) {
    return Refusal{AkaSubtype::authentication_reject, "the network's name is not that of the serving network"};
  }
  if (!has_separation_bit(*request.autn)) {
    return Refusal{AkaSubtype::authentication_reject, "the AUTN has no AMF separation bit"};
  }
  return std::nullopt;
}

/// Another function than the first one, with the same challenge again (RFC 9048, 3.2).
Bytes EapAkaPrimePeer::choose_key_derivation(const AkaPrimeMessage& request) {
  asked_key_derivations_ = request.key_derivations;
  asked_key_derivations_.insert(asked_key_derivations_.begin(), kKdfPrime);
  AkaPrimeMessage response = response_to(request.identifier, AkaSubtype::challenge);
  response.key_derivations = {kKdfPrime};
  return encode(response);
}

Bytes EapAkaPrimePeer::answer_challenge(BytesView packet, const AkaPrimeMessage& request, const SubscriberKeys& keys,
                                        UsimSequence& sequence) {
  if (const auto fault = fault_of_challenge(request)) return refuse(request.identifier, *fault);
  if (const auto fault = fault_of_offer(request)) return refuse(request.identifier, *fault);
  if (request.key_derivations.front() != kKdfPrime) return choose_key_derivation(request);

  const UsimAnswer usim = usim_authenticate(keys, *request.rand, *request.autn, sequence, serving_network_name_);
  if (std::holds_alternative<MacFailure>(usim)) {
    return refuse(request.identifier, {AkaSubtype::authentication_reject, "the AUTN is not the home network's"});
  }
  if (const auto* out_of_step = std::get_if<SynchronisationFailure>(&usim)) {
    was_out_of_step_ = true;
    asked_key_derivations_.clear();  // what follows is another challenge
    return synchronisation_failure(request, out_of_step->auts);
  }
  return answer_usim(packet, request, std::get<Authenticated>(usim));
}

Bytes EapAkaPrimePeer::answer_usim(BytesView packet, const AkaPrimeMessage& request, const Authenticated& usim) {
  const PrimeKeys prime = derive_prime_keys(usim.ck, usim.ik, serving_network_name_, sqn_xor_ak(*request.autn));
  EapKeys keys = derive_eap_keys(prime, identity_);
  if (!has_valid_mac(packet, request, keys.k_aut)) {
    return refuse(request.identifier, {AkaSubtype::client_error, "AT_MAC of the challenge is wrong"});
  }
  is_indication_agreed_ = wants_result_indication_ && request.has_result_indication;
  keys_.emplace(Keys{std::move(keys.k_aut), derive_kausf(keys.emsk)});
  AkaPrimeMessage response = response_to(request.identifier, AkaSubtype::challenge);
  response.res.emplace(usim.res.reveal());
  response.has_result_indication = is_indication_agreed_;
  return encode_authenticated(response, keys_->k_aut);
}

/// RFC 4187, 6.1 to 6.3 and 10.19.
Bytes EapAkaPrimePeer::answer_notification(BytesView packet, const AkaPrimeMessage& request) {
  const auto unable = [&](const char* why) { return refuse(request.identifier, {AkaSubtype::client_error, why}); };
  if (!request.notification) return unable("the notification has no AT_NOTIFICATION");
  const bool is_success = (*request.notification & kNotificationSuccessBit) != 0;
  const bool is_before_authentication = (*request.notification & kNotificationPhaseBit) != 0;
  const AkaPrimeMessage response = response_to(request.identifier, AkaSubtype::notification);
  if (is_before_authentication) {
    // Nothing proves it, so it can only spoil what it could spoil by an EAP-Failure.
    if (is_success || request.mac_offset) return unable("the notification contradicts itself");
    why_ = "the network notified a failure";
    keys_.reset();
    return encode(response);
  }
  if (!keys_ || !has_valid_mac(packet, request, keys_->k_aut)) return unable("AT_MAC of the notification is wrong");
  if (is_success && !is_indication_agreed_) return unable("a success was notified that was not agreed on");
  Bytes octets = encode_authenticated(response, keys_->k_aut);
  is_success_notified_ = is_success;
  if (!is_success) {
    why_ = "the network notified a failure";
    keys_.reset();
  }
  return octets;
}

}  // namespace aka
