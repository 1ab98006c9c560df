#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "lib/aka/auts.hpp"
#include "lib/base/clock.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"

namespace d_ausf {

/// A receipt whose owner is not told yet (PROTOCOL.md, section 7.5).
struct PendingReceipt {
  profile::DiscoveryImsi dimsi;
  profile::Imsi imsi;  ///< of the vector that it acknowledges
  aka::Auts auts;
  base::Time received_at;
  std::string serving_network;  ///< empty if the access network named none
  std::string notification_uri;
  std::int64_t attempts = 0;  ///< deliveries that failed
};

// The table `receipts`: every SQL text of it is in receipts.cpp. All throw store::StoreError. A receipt outlives its vector.

/// Adds a receipt, due at once; one that waits already stays as it is.
void add_receipt(store::Database& database, const PendingReceipt& receipt);
/// Those due at `now`, the longest due first.
std::vector<PendingReceipt> find_due_receipts(store::Database& database, base::Time now, std::size_t limit);
/// When the next one is due; nothing if none waits.
std::optional<base::Time> find_next_due_receipt(store::Database& database);
/// Notes a delivery that failed.
void postpone_receipt(store::Database& database, const PendingReceipt& receipt, base::Time due_at);
void remove_receipt(store::Database& database, const PendingReceipt& receipt);

}  // namespace d_ausf
