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
  const bool renews = counter_.wants_renewal();
  if (count == 1 && !wanted.resynchronization && !renews) {
    if (const auto claimed = claim(wanted)) co_return *claimed;
  }
  const aka::SequenceNumber first = co_await write_sequence_numbers(std::move(wanted), count, renews);
  co_return first;
}

// A value of the counter is one process's, and that gives it to a subscriber once. What is written to the row takes the counter's last value C,
// and a SEQ above all that values up to C give; by the row, those values are then spent. The row that was read must not be older than the value: with
// an older one, this value might give what another process has written since, with a C below it.
std::optional<aka::SequenceNumber> ProvideVectors::claim(const Wanted& wanted) {
  const Subscriber& subscriber = *wanted.subscriber;
  const SequenceState& state = subscriber.sequence;
  const bool is_first = state.last.seq() == 0;  // SEQ 1, written: a new USIM would refuse one that is far ahead (C.2.1)
  if (is_first || subscriber.counter <= state.counter) return std::nullopt;
  if (!counter_.claim(subscriber.counter, subscriber.dimsi)) return std::nullopt;
  return aka::advanced(state.last, subscriber.counter - state.counter, wanted.ind);
}

boost::asio::awaitable<aka::SequenceNumber> ProvideVectors::write_sequence_numbers(Wanted wanted, unsigned count, bool renews) {
  struct Written {
    aka::SequenceNumber first;
    std::uint64_t counter;
  };
  std::optional<aka::SequenceNumber> sqn_ms;
  if (wanted.resynchronization) sqn_ms = verify_auts(wanted.subscriber->keys, *wanted.resynchronization);
  store::Committer::Work<Written> work = [wanted, sqn_ms, count, renews](store::Database& database) {
    const Subscriber& subscriber = *wanted.subscriber;
    const auto present = find_sequence(database, subscriber.dimsi);
    if (!present || present->epoch != subscriber.sequence.epoch) {
      throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device any more");
    }
    const std::uint64_t counter = renews ? take_global_counter(database) : find_global_counter(database);
    const bool is_first = present->last.seq() == 0;
    aka::SequenceNumber last = is_first ? present->last : aka::advanced(present->last, counter - present->counter, wanted.ind);
    if (sqn_ms) last = aka::resynchronised(last, *sqn_ms);
    put_sequence(database, subscriber.dimsi, {present->epoch, aka::advanced(last, count, wanted.ind), counter});
    return Written{aka::next(last, wanted.ind), counter};
  };
  const Written written = co_await committer_.write(std::move(work));
  if (renews) counter_.renew(written.counter);
  co_return written.first;
}

boost::asio::awaitable<aka::HomeEnvironmentVector> ProvideVectors::for_5g_aka(Wanted wanted, std::string serving_network_name) {
  const auto subscriber = wanted.subscriber;
  const aka::SequenceNumber sqn = co_await use_sequence_numbers(std::move(wanted), 1);
  co_return aka::make_5g_he_av(subscriber->keys, crypto::random_octets<16>(), sqn, aka::kSeparatedAmf, serving_network_name);
}

std::optional<aka::HomeEnvironmentVector> ProvideVectors::for_5g_aka_at_once(const Wanted& wanted, std::string_view serving_network_name) {
  if (wanted.resynchronization || counter_.is_due()) return std::nullopt;
  const auto sqn = claim(wanted);
  if (!sqn) return std::nullopt;
  return aka::make_5g_he_av(wanted.subscriber->keys, crypto::random_octets<16>(), *sqn, aka::kSeparatedAmf, serving_network_name);
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
