#include "nf-ausf-ext/imsi_pools.hpp"

namespace ausf_ext {
namespace {

using store::Database;
using store::Rows;

constexpr const char* kFindNext = "SELECT next FROM pools WHERE first = $1";
constexpr const char* kPutNext = "INSERT INTO pools (first, next) VALUES ($1, $2) ON CONFLICT (first) DO UPDATE SET next = $2";
constexpr const char* kIsKnown = "SELECT 1 FROM imsis WHERE imsi = $1";
constexpr const char* kAllocate = "INSERT INTO imsis (imsi, dimsi, free_at) VALUES ($1, $2, NULL)";
constexpr const char* kFindRested =
    "SELECT imsi FROM imsis WHERE free_at <= $1 AND imsi BETWEEN $2 AND $3 ORDER BY free_at LIMIT 1";
constexpr const char* kReallocate = "UPDATE imsis SET dimsi = $2, free_at = NULL WHERE imsi = $1";
constexpr const char* kQuarantine = "UPDATE imsis SET free_at = $2 WHERE imsi = $1";
constexpr const char* kCountUse =
    "SELECT count(*) FILTER (WHERE free_at IS NULL), count(*) FILTER (WHERE free_at > $3) FROM imsis WHERE imsi BETWEEN $1 AND $2";
constexpr const char* kNextFree = "SELECT min(free_at) FROM imsis WHERE free_at IS NOT NULL";

/// The first IMSI of the pool that nobody ever had; nothing if there is none. Pools that overlap with earlier ones of other
/// configurations skip what is known.
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

std::optional<profile::Imsi> find_rested(Database& database, const ImsiPool& pool, base::Time now) {
  Rows rows = database.query(kFindRested, base::to_unix_ms(now), pool.from.packed(), pool.to.packed());
  return rows.next() ? profile::Imsi::from_packed(rows.number(0)) : std::nullopt;
}

AllocatedImsi allocated(const ImsiPool& pool, const profile::Imsi& imsi) {
  return {imsi, static_cast<std::uint8_t>(pool.plmn.mnc.size())};
}

}  // namespace

std::optional<AllocatedImsi> allocate_imsi(Database& database, const std::vector<ImsiPool>& pools,
                                           const profile::DiscoveryImsi& dimsi, base::Time now) {
  for (const ImsiPool& pool : pools) {
    if (const auto imsi = find_fresh(database, pool)) {
      database.run(kPutNext, pool.from.packed(), imsi->value() + 1);
      database.run(kAllocate, imsi->packed(), dimsi.packed());
      return allocated(pool, *imsi);
    }
  }
  for (const ImsiPool& pool : pools) {
    if (const auto imsi = find_rested(database, pool, now)) {
      database.run(kReallocate, imsi->packed(), dimsi.packed());
      return allocated(pool, *imsi);
    }
  }
  return std::nullopt;
}

bool has_free_imsi(Database& database, const std::vector<ImsiPool>& pools, base::Time now) {
  for (const ImsiPool& pool : pools) {
    if (find_fresh(database, pool) || find_rested(database, pool, now)) return true;
  }
  return false;
}

void quarantine_imsi(Database& database, const profile::Imsi& imsi, base::Time free_at) {
  database.run(kQuarantine, imsi.packed(), base::to_unix_ms(free_at));
}

PoolUse use_of(Database& database, const ImsiPool& pool, base::Time now) {
  Rows rows = database.query(kCountUse, pool.from.packed(), pool.to.packed(), base::to_unix_ms(now));
  rows.next();
  return {rows.number(0), rows.number(1)};
}

std::optional<base::Time> next_free_at(Database& database) {
  Rows rows = database.query(kNextFree);
  if (!rows.next() || rows.is_null(0)) return std::nullopt;
  return base::from_unix_ms(rows.integer(0));
}

}  // namespace ausf_ext
