#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "lib/base/clock.hpp"
#include "lib/core/ueau.hpp"
#include "lib/store/committer.hpp"
#include "nf-d-ausf/vectors.hpp"

namespace d_ausf {

/// What came as resynchronizationInfo of a dIMSI.
enum class ReceiptVerdict {
  recorded,  ///< the device's receipt, for the first time: durable, and its owner will be told
  known,     ///< the same once more
  wrong,     ///< for the present challenge, but not what the device answers to it
  unrelated  ///< for another challenge, or a vector that expects no receipt
};

/// Step (7), the receipt (PROTOCOL.md, section 7.5): a device says with a synchronisation failure that it took its IMSI. One a loop.
class TakeReceipt {
 public:
  /// Reader and committer are of the same database and outlive it.
  TakeReceipt(store::Database& reader, store::Committer& committer, base::Clock clock)
      : reader_(reader), committer_(committer), clock_(std::move(clock)) {}

  /// Compares in constant time. Throws Error{not_found, USER_NOT_FOUND}.
  boost::asio::awaitable<ReceiptVerdict> operator()(profile::DiscoveryImsi dimsi, core::Resynchronization answer,
                                                    std::string serving_network);

 private:
  store::Database& reader_;
  store::Committer& committer_;
  base::Clock clock_;
};

}  // namespace d_ausf
