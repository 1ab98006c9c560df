#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/aka/authentication_vector.hpp"
#include "lib/aka/eap_aka_prime.hpp"
#include "lib/core/ueau.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/subscribers.hpp"

namespace ausf_ext {

/// Who asks for vectors, by the index of the sequence numbers that it gets: requesters that run ahead of one another do not make the
/// USIM lose step (TS 33.102, C.1.2 and C.2.2). Of 32 indices; two requesters may share one.
unsigned index_of_requester(std::string_view requester);

/// The AMF of vectors that are not for 5G, E-UTRAN or EAP-AKA': the separation bit must be 0 there (TS 33.102, annex H).
inline constexpr aka::Amf kUnseparatedAmf{0x00, 0x00};

/// The UDM's and ARPF's part of steps (8) to (10): vectors whose sequence numbers are used once, whatever crashes and however many instances
/// share the database (docs/decisions/0024). One a loop.
class ProvideVectors {
 public:
  /// Both outlive it; `counter` is that of all loops.
  ProvideVectors(store::Committer& committer, GlobalCounter& counter) : committer_(committer), counter_(counter) {}

  /// What a requester wants of one subscriber.
  struct Wanted {
    std::shared_ptr<const Subscriber> subscriber;
    unsigned ind = 0;  ///< index_of_requester
    std::optional<core::Resynchronization> resynchronization;
  };

  // All throw Error{forbidden, AUTHENTICATION_REJECTED} for an AUTS that the device did not make (nothing changes then), and
  // Error{not_found, USER_NOT_FOUND} if the device was retired meanwhile.

  /// 5G AKA. `serving_network_name` as aka::is_serving_network_name() accepts it.
  boost::asio::awaitable<aka::HomeEnvironmentVector> for_5g_aka(Wanted wanted, std::string serving_network_name);
  /// The same without waiting; nothing if a sequence number has to be written for it, or it is time for another value of the counter.
  std::optional<aka::HomeEnvironmentVector> for_5g_aka_at_once(const Wanted& wanted, std::string_view serving_network_name);
  /// EAP-AKA'.
  boost::asio::awaitable<aka::TransformedVector> for_eap_aka_prime(Wanted wanted, std::string serving_network_name);
  /// `count` quintets, 1 to 5, with one AMF and consecutive sequence numbers.
  boost::asio::awaitable<std::vector<aka::AuthenticationVector>> quintets(Wanted wanted, aka::Amf amf, unsigned count);

 private:
  /// The first of `count` sequence numbers, all of them used up.
  boost::asio::awaitable<aka::SequenceNumber> use_sequence_numbers(Wanted wanted, unsigned count);
  /// The one that the subscriber has of the counter's present value, without a write; nothing if there is none or it was used.
  std::optional<aka::SequenceNumber> claim(const Wanted& wanted);
  /// The same by writing them into the subscriber's row; `renews`: and with another value of the counter.
  boost::asio::awaitable<aka::SequenceNumber> write_sequence_numbers(Wanted wanted, unsigned count, bool renews);

  store::Committer& committer_;
  GlobalCounter& counter_;
};

}  // namespace ausf_ext
