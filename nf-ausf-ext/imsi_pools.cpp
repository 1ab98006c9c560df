#include "nf-ausf-ext/imsi_pools.hpp"

#include <limits>

namespace ausf_ext {
namespace {

using store::Database;
using store::Rows;

constexpr const char* kFindNext = "SELECT next FROM pools WHERE first = $1";
constexpr const char* kPutNext = "INSERT INTO pools (first, next) VALUES ($1, $2) ON CONFLICT (first) DO UPDATE SET next = $2";
constexpr const char* kIsKnown = "SELECT 1 FROM imsis WHERE imsi = $1";
constexpr const char* kAllocate = "INSERT INTO imsis (imsi, dimsi, free_at) VALUES ($1, $2, NULL)";
// free_at: NULL, allocated; kHeld; the end of the quarantine; 0, free.
constexpr std::int64_t kHeld = std::numeric_limits<std::int64_t>::max();
constexpr const char* kFindFree = "SELECT imsi FROM imsis WHERE free_at = 0 AND imsi BETWEEN $1 AND $2 ORDER BY imsi LIMIT 1";
constexpr const char* kReallocate = "UPDATE imsis SET dimsi = $2, free_at = NULL WHERE imsi = $1";
constexpr const char* kHold = "UPDATE imsis SET free_at = $2 WHERE imsi = $1 AND free_at IS NULL";
constexpr const char* kHoldAgain = "UPDATE imsis SET free_at = $2 WHERE imsi = $1 AND free_at > 0";
constexpr const char* kRest = "UPDATE imsis SET free_at = $2 WHERE imsi = $1 AND free_at = $3";
constexpr const char* kFindRested = "SELECT imsi FROM imsis WHERE free_at > 0 AND free_at <= $1 ORDER BY free_at LIMIT $2";
constexpr const char* kFree = "UPDATE imsis SET free_at = 0 WHERE imsi = $1";
constexpr const char* kNextFree = "SELECT min(free_at) FROM imsis WHERE free_at > 0";

constexpr const char* kFindUse = "SELECT allocated, resting FROM pools WHERE first = $1";
constexpr const char* kIsCounted = "SELECT 1 FROM pools WHERE first = $1 AND last = $2";
constexpr const char* kCountPool =
    "INSERT INTO pools (first, last, next, allocated, resting) VALUES ($1, $2, $3, "
    "(SELECT count(*) FROM imsis WHERE imsi BETWEEN $1 AND $2 AND free_at IS NULL), "
    "(SELECT count(*) FROM imsis WHERE imsi BETWEEN $1 AND $2 AND free_at > 0)) "
    "ON CONFLICT (first) DO UPDATE SET last = excluded.last, allocated = excluded.allocated, resting = excluded.resting";
/// Pools of earlier configurations too: they stay right.
constexpr const char* kCount = "UPDATE pools SET allocated = allocated + $2, resting = resting + $3 WHERE $1 BETWEEN first AND last";

void count(Database& database, const profile::Imsi& imsi, std::int64_t allocated, std::int64_t resting) {
  database.run(kCount, imsi.packed(), allocated, resting);
}

/// The first IMSI of the pool that nobody ever had; nothing if there is none. Pools that overlap with earlier ones of other
/// configurations skip what is known: as far as note_next() has not said it yet.
std::optional<profile::Imsi> find_fresh(Database& database, const ImsiPool& pool) {
  std::uint64_t next = pool.from.value();
  {
    Rows rows = database.query(kFindNext, pool.from.packed());
    if (rows.next()) next = rows.number(0);
  }
  for (; next <= pool.to.value(); ++next) {
    const auto imsi = profile::Imsi::from_value(next, pool.from.size());
    if (imsi && !database.query(kIsKnown, imsi->packed()).next()) return imsi;
  }
  return std::nullopt;
}

/// Nobody looks for a fresh one below `next` any more.
void note_next(Database& database, const ImsiPool& pool, std::uint64_t next) { database.run(kPutNext, pool.from.packed(), next); }

std::optional<profile::Imsi> find_free(Database& database, const ImsiPool& pool) {
  Rows rows = database.query(kFindFree, pool.from.packed(), pool.to.packed());
  return rows.next() ? profile::Imsi::from_packed(rows.number(0)) : std::nullopt;
}

AllocatedImsi allocated(const ImsiPool& pool, const profile::Imsi& imsi) {
  return {imsi, static_cast<std::uint8_t>(pool.plmn.mnc.size())};
}

}  // namespace

std::optional<AllocatedImsi> allocate_imsi(Database& database, const std::vector<ImsiPool>& pools,
                                           const profile::DiscoveryImsi& dimsi) {
  for (const ImsiPool& pool : pools) {
    if (const auto imsi = find_fresh(database, pool)) {
      note_next(database, pool, imsi->value() + 1);
      database.run(kAllocate, imsi->packed(), dimsi.packed());
      count(database, *imsi, 1, 0);
      return allocated(pool, *imsi);
    }
  }
  for (const ImsiPool& pool : pools) {
    if (const auto imsi = find_free(database, pool)) {
      database.run(kReallocate, imsi->packed(), dimsi.packed());
      count(database, *imsi, 1, 0);
      return allocated(pool, *imsi);
    }
  }
  return std::nullopt;
}

bool has_free_imsi(Database& database, const std::vector<ImsiPool>& pools) {
  for (const ImsiPool& pool : pools) {
    if (find_fresh(database, pool) || find_free(database, pool)) return true;
  }
  return false;
}

void hold_imsi(Database& database, const profile::Imsi& imsi) {
  if (database.run(kHold, imsi.packed(), kHeld) > 0) count(database, imsi, -1, 1);
}

void rest_imsi(Database& database, const profile::Imsi& imsi, base::Time free_at) {
  database.run(kRest, imsi.packed(), base::to_unix_ms(free_at), kHeld);
}

void hold_again(Database& database, const profile::Imsi& imsi) { database.run(kHoldAgain, imsi.packed(), kHeld); }

void free_rested(Database& database, base::Time now, std::size_t limit) {
  std::vector<profile::Imsi> rested;
  {
    Rows rows = database.query(kFindRested, base::to_unix_ms(now), static_cast<std::uint64_t>(limit));
    while (rows.next()) {
      if (const auto imsi = profile::Imsi::from_packed(rows.number(0))) rested.push_back(*imsi);
    }
  }
  for (const profile::Imsi& imsi : rested) {
    database.run(kFree, imsi.packed());
    count(database, imsi, 0, -1);
  }
}

void count_pools(Database& database, const std::vector<ImsiPool>& pools) {
  for (const ImsiPool& pool : pools) {
    const bool is_counted = database.query(kIsCounted, pool.from.packed(), pool.to.packed()).next();
    if (is_counted) continue;
    database.run(kCountPool, pool.from.packed(), pool.to.packed(), pool.from.value());
    const auto fresh = find_fresh(database, pool);  // once, and not with each device: others may have had all of them
    note_next(database, pool, fresh ? fresh->value() : pool.to.value() + 1);
  }
}

PoolUse use_of(Database& database, const ImsiPool& pool) {
  Rows rows = database.query(kFindUse, pool.from.packed());
  return rows.next() ? PoolUse{rows.number(0), rows.number(1)} : PoolUse();
}

std::optional<base::Time> next_free_at(Database& database) {
  Rows rows = database.query(kNextFree);
  if (!rows.next() || rows.is_null(0)) return std::nullopt;
  return base::from_unix_ms(rows.integer(0));
}

}  // namespace ausf_ext
