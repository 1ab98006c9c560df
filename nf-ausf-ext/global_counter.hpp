#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"

namespace ausf_ext {

/// The global counter that all sequence numbers follow (GLC of TS 33.102, C.1.1.3). It stands in the database, and each value is taken durably, by one
/// process, once: with it that process may give each subscriber one sequence number more without writing anything. It is no clock:
/// whatever the time of day does, it only grows; and where nobody authenticates, it rests.
///
/// Safe for several threads; one a process.
class GlobalCounter {
 public:
  using Clock = std::chrono::steady_clock;

  struct Times {
    Clock::duration renewed_after = std::chrono::seconds(1);   ///< another value is wanted then
    Clock::duration lapses_after = std::chrono::seconds(2);    ///< no longer used: another process may be far ahead of it
    Clock::duration asked_again_after = std::chrono::seconds(1);  ///< if the last renewal did not succeed
  };

  GlobalCounter() : GlobalCounter(Times{}) {}
  explicit GlobalCounter(Times times) : times_(times) {}

  /// The value at hand; 0: none.
  [[nodiscard]] std::uint64_t value() const;

  /// Uses up the subscriber's one sequence number of `value`. False if it was used, or `value` is not the one at hand, or lapsed.
  bool claim(std::uint64_t value, const profile::DiscoveryImsi& dimsi);

  /// True if it is time for another value, and nobody is at it.
  [[nodiscard]] bool is_due() const;

  /// The same, to one caller at a time: that one takes it from the database, and tells it by renew().
  bool wants_renewal();

  /// `value` was taken, and is durable.
  void renew(std::uint64_t value);

 private:
  [[nodiscard]] bool is_due_at(Clock::time_point now) const;  ///< with `mutex_` held

  const Times times_;
  mutable std::mutex mutex_;
  std::uint64_t value_ = 0;
  Clock::time_point taken_at_;
  std::optional<Clock::time_point> asked_at_;
  boost::unordered_flat_set<std::uint64_t> claimed_;  ///< dIMSIs, packed, that have had theirs of `value_`
};

// The table global_counter. Both throw store::StoreError.
/// The last value that anybody took.
std::uint64_t find_global_counter(store::Database& database);
/// Takes the next value: the caller's alone, once the transaction is durable.
std::uint64_t take_global_counter(store::Database& database);

}  // namespace ausf_ext
