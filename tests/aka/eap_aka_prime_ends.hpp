#pragma once

#include <catch2/catch.hpp>

#include "lib/aka/eap_aka_prime.hpp"
#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/aka/eap_aka_prime_server.hpp"
#include "tests/support/hex.hpp"

/// Both ends of EAP-AKA', and what the tests of it share.
namespace test {

using aka::AkaPrimeMessage;
using aka::AkaSubtype;
using aka::EapAkaPrimePeer;
using aka::EapAkaPrimeServer;
using aka::EapCode;
using aka::EapDiscarded;
using aka::EapError;
using aka::EapFailed;
using aka::EapOngoing;
using aka::EapOutcome;
using aka::EapResynchronise;
using aka::EapSucceeded;
using aka::SequenceNumber;

inline constexpr const char* kNetwork = "5G:mnc001.mcc001.3gppnetwork.org";
inline constexpr const char* kIdentity = "001010000000001";
inline constexpr std::uint8_t kIdentifier = 0xFE;  // so that the next one but one goes round to 0

/// Both ends of one authentication. The keys are secondAttach of case P-256 in vectors/first-attach-v1.json.
struct Ends {
  aka::SubscriberKeys home{key<aka::SubscriberKey>("12d9affaba09336bae825f338aed4202"),
                           key<aka::OperatorVariant>("adab8ce3b7a762ebc8f9228df856092c")};
  aka::SubscriberKeys usim{key<aka::SubscriberKey>("12d9affaba09336bae825f338aed4202"),
                           key<aka::OperatorVariant>("adab8ce3b7a762ebc8f9228df856092c")};
  aka::Rand rand = test::octets<16>("4f4ffd258ecb6b92f480f22499137a67");
  aka::Amf amf = aka::kSeparatedAmf;
  aka::UsimSequence sequence;
  EapAkaPrimeServer::Options options;
  std::string heard_network = kNetwork;  // what the UE makes of the network that it hears
  bool ue_wants_indications = true;

  [[nodiscard]] aka::TransformedVector vector(std::uint64_t seq) const {
    return aka::make_transformed_vector(home, rand, SequenceNumber::from_seq_and_ind(seq, 0), amf, kNetwork);
  }
  [[nodiscard]] EapAkaPrimeServer server(std::uint64_t seq = 1) const {
    return EapAkaPrimeServer(kIdentity, kNetwork, vector(seq), kIdentifier, options);
  }
  [[nodiscard]] EapAkaPrimePeer peer() const { return EapAkaPrimePeer(kIdentity, heard_network, ue_wants_indications); }
  base::Bytes answer(EapAkaPrimePeer& ue, const base::Bytes& request) {
    return ue.respond(request, usim, sequence).value();
  }
  /// K_aut of the vector with SEQ 1.
  [[nodiscard]] aka::EapAuthenticationKey k_aut() const {
    return std::move(aka::derive_eap_keys(vector(1).keys, kIdentity).k_aut);
  }
};

template <class Wanted>
Wanted take(EapOutcome outcome) {
  INFO("outcome " << outcome.index());
  if (const auto* failed = std::get_if<EapFailed>(&outcome)) UNSCOPED_INFO(failed->why);
  if (const auto* discarded = std::get_if<EapDiscarded>(&outcome)) UNSCOPED_INFO(discarded->why);
  REQUIRE(std::holds_alternative<Wanted>(outcome));
  return std::get<Wanted>(std::move(outcome));
}

inline AkaPrimeMessage response(std::uint8_t identifier, AkaSubtype subtype) {
  AkaPrimeMessage message;
  message.code = EapCode::response;
  message.identifier = identifier;
  message.subtype = subtype;
  return message;
}

/// The UE takes the end that the network sends, and is then in `state`.
inline void finish(Ends& ends, EapAkaPrimePeer& ue, const base::Bytes& packet, EapAkaPrimePeer::State state) {
  CHECK_FALSE(ue.respond(packet, ends.usim, ends.sequence));
  CHECK(ue.state() == state);
}

}  // namespace test
