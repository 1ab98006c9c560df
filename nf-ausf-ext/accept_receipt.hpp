#pragma once

#include <boost/asio/awaitable.hpp>

#include "lib/aka/auts.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/key_box.hpp"

namespace ausf_ext {

/// What the D-AUSF tells of a device that took its IMSI (PROTOCOL.md, section 8.3).
struct ReportedReceipt {
  profile::DiscoveryImsi dimsi;
  profile::Imsi imsi;
  aka::Auts auts;
};

/// What became of it. Who reports is not told: nothing is to be learnt from the answer.
enum class ReceiptVerdict {
  taken,   ///< the device is RECEIVED
  late,    ///< it is right, and the device is there already, or beyond
  ignored  ///< for no device, for another IMSI, or not what the device answers
};

/// Step (7), the receipt, at the vector's owner: believes nothing but the AUTS, which it computes itself (PROTOCOL.md, section 7.5).
/// One a loop.
class AcceptReceipt {
 public:
  struct Parts {
    store::Database& reader;
    store::Committer& committer;
    const KeyBox& keys;
    base::Clock clock;
  };

  explicit AcceptReceipt(Parts parts) : parts_(std::move(parts)) {}

  /// Takes a device from KEY_RETRIEVED or PRELOADED to RECEIVED, durably, before it returns; never backwards.
  boost::asio::awaitable<ReceiptVerdict> operator()(ReportedReceipt receipt);

 private:
  /// True if the device answers its vector with this AUTS. Compares in constant time.
  [[nodiscard]] bool is_genuine(const Device& device, const ReportedReceipt& receipt) const;

  Parts parts_;
};

}  // namespace ausf_ext
