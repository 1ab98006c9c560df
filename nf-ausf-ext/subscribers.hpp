#pragma once

#include <memory>
#include <optional>

#include "lib/profile/subscriber_keys.hpp"
#include "lib/store/batch_snapshot.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/global_counter.hpp"
#include "nf-ausf-ext/key_box.hpp"

namespace ausf_ext {

/// A device seen as a subscriber: its allocated IMSI and the Milenage keys from its eK (PROTOCOL.md, section 9).
struct Subscriber {
  profile::DiscoveryImsi dimsi;
  profile::Imsi imsi;
  SequenceState sequence;     ///< its epoch is the device's: what began before is dropped after another offer or a retire
  std::uint64_t counter = 0;  ///< a value of GlobalCounter that was taken before the above was read; 0: none
  profile::SubscriberKeys keys;
};

/// The subscribers, as the database has them. One a loop.
class Subscribers {
 public:
  /// All outlive it; `snapshot` is of `reader`.
  Subscribers(store::Database& reader, store::BatchSnapshot& snapshot, const KeyBox& keys, const GlobalCounter& counter)
      : reader_(reader), snapshot_(snapshot), keys_(keys), counter_(counter) {}

  /// To be called before the batch's view is opened: that view is then not older than the value that goes with it.
  void begin_batch() { batch_value_ = counter_.value(); }
  void end_batch() noexcept { batch_value_.reset(); }

  /// The subscriber of an IMSI. Throws Error{not_found, USER_NOT_FOUND}, StoreError, and std::runtime_error if eK cannot be opened.
  std::shared_ptr<const Subscriber> require(const profile::Imsi& imsi);
  /// True if require() finds it.
  bool has(const profile::Imsi& imsi);

 private:
  store::Database& reader_;
  store::BatchSnapshot& snapshot_;
  const KeyBox& keys_;
  const GlobalCounter& counter_;
  std::optional<std::uint64_t> batch_value_;  ///< in a batch
};

}  // namespace ausf_ext
