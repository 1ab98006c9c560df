#pragma once

#include <optional>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"

namespace ausf_ext {

/// A range of IMSIs of one PLMN and one length, both ends included.
struct ImsiPool {
  profile::Plmn plmn;
  profile::Imsi from;
  profile::Imsi to;

  [[nodiscard]] std::uint64_t size() const { return to.value() - from.value() + 1; }
};

struct PoolUse {
  std::uint64_t allocated = 0;
  std::uint64_t quarantined = 0;  ///< held ones included
};

/// An IMSI and the length of its MNC, which the device needs.
struct AllocatedImsi {
  profile::Imsi imsi;
  std::uint8_t mnc_length;
};

// The tables imsis and pools: every SQL text of them is in imsi_pools.cpp. All run inside the caller's transaction, so that
// an IMSI and the device that has it are stored together or not at all.

/// A fresh IMSI of the first pool that has one, else one that was freed again; nothing if all are in use.
std::optional<AllocatedImsi> allocate_imsi(store::Database& database, const std::vector<ImsiPool>& pools,
                                           const profile::DiscoveryImsi& dimsi);

/// True if allocate_imsi would find one.
bool has_free_imsi(store::Database& database, const std::vector<ImsiPool>& pools);

/// Its device gave the IMSI up, but the D-AUSF may still serve a vector with it: nobody gets it until it has rested.
void hold_imsi(store::Database& database, const profile::Imsi& imsi);
/// The D-AUSF has no vector with a held IMSI any more: it rests until `free_at`.
void rest_imsi(store::Database& database, const profile::Imsi& imsi, base::Time free_at);
/// A vector with it came to the D-AUSF late: a resting IMSI is held once more. One that another device has got meanwhile stays its.
void hold_again(store::Database& database, const profile::Imsi& imsi);
/// Frees at most `limit` IMSIs whose rest is over.
void free_rested(store::Database& database, base::Time now, std::size_t limit);

/// Counts the use of pools that are new to the database, at the start; from then on it is kept with every change.
void count_pools(store::Database& database, const std::vector<ImsiPool>& pools);
PoolUse use_of(store::Database& database, const ImsiPool& pool);

/// When the next resting IMSI is to be freed; nothing if none rests.
std::optional<base::Time> next_free_at(store::Database& database);

}  // namespace ausf_ext
