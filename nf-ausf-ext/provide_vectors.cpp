#include "nf-ausf-ext/provide_vectors.hpp"

#include "lib/base/error.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/crypto/kdf.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;

aka::SequenceNumber verify_auts(const profile::SubscriberKeys& keys, const core::Resynchronization& resynchronization) {
  const auto sqn_ms = aka::open_auts(keys, resynchronization.rand, resynchronization.auts);
  if (!sqn_ms) throw Error(ErrorKind::forbidden, "AUTHENTICATION_REJECTED", "the AUTS is not the device's");
  return *sqn_ms;
}

}  // namespace

unsigned index_of_requester(std::string_view requester) {
  return crypto::sha256(base::as_bytes(requester)).front() % aka::SequenceNumber::kIndValues;
}

boost::asio::awaitable<aka::SequenceNumber> ProvideVectors::use_sequence_numbers(Wanted wanted, unsigned count) {
  std::optional<aka::SequenceNumber> sqn_ms;
  if (wanted.resynchronization) sqn_ms = verify_auts(wanted.subscriber->keys, *wanted.resynchronization);
  store::Committer::Work<aka::SequenceNumber> work = [wanted, sqn_ms, count](store::Database& database) {
    const Subscriber& subscriber = *wanted.subscriber;
    const auto present = find_sequence(database, subscriber.dimsi);
    if (!present || present->epoch != subscriber.epoch) {
      throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device any more");
    }
    aka::SequenceNumber last = present->last;
    if (sqn_ms) last = aka::resynchronised(last, *sqn_ms);
    const aka::SequenceNumber first = aka::next(last, wanted.ind);
    aka::SequenceNumber used = first;
    for (unsigned i = 1; i < count; ++i) used = aka::next(used, wanted.ind);
    put_sqn(database, subscriber.dimsi, used);
    return first;
  };
  const aka::SequenceNumber sqn = co_await committer_.write(std::move(work));
  co_return sqn;
}

boost::asio::awaitable<aka::HomeEnvironmentVector> ProvideVectors::for_5g_aka(Wanted wanted, std::string serving_network_name) {
  const auto subscriber = wanted.subscriber;
  const aka::SequenceNumber sqn = co_await use_sequence_numbers(std::move(wanted), 1);
  co_return aka::make_5g_he_av(subscriber->keys, crypto::random_octets<16>(), sqn, aka::kSeparatedAmf, serving_network_name);
}

boost::asio::awaitable<aka::TransformedVector> ProvideVectors::for_eap_aka_prime(Wanted wanted, std::string serving_network_name) {
  const auto subscriber = wanted.subscriber;
  const aka::SequenceNumber sqn = co_await use_sequence_numbers(std::move(wanted), 1);
  co_return aka::make_transformed_vector(subscriber->keys, crypto::random_octets<16>(), sqn, aka::kSeparatedAmf, serving_network_name);
}

boost::asio::awaitable<std::vector<aka::AuthenticationVector>> ProvideVectors::quintets(Wanted wanted, aka::Amf amf, unsigned count) {
  const auto subscriber = wanted.subscriber;
  const unsigned ind = wanted.ind;
  aka::SequenceNumber sqn = co_await use_sequence_numbers(std::move(wanted), count);
  std::vector<aka::AuthenticationVector> vectors;
  for (unsigned i = 0; i < count; ++i) {
    if (i > 0) sqn = aka::next(sqn, ind);
    vectors.push_back(aka::make_authentication_vector(subscriber->keys, crypto::random_octets<16>(), sqn, amf));
  }
  co_return std::move(vectors);
}

}  // namespace ausf_ext
