#include "nf-ausf-ext/devices.hpp"

#include <array>
#include <limits>

#include "lib/profile/attach_token.hpp"
#include "nf-ausf-ext/imports.hpp"

namespace ausf_ext {
namespace {

using store::Database;
using store::Rows;

#define DEVICE_COLUMNS                                                                                                  \
  "dimsi, state, epoch, offer_hash, arpf_position, ephemeral_key, imsi, mnc_length, problem_status, problem_cause, "   \
  "problem_detail, attempts, due_at, expires_at, notify_network, attached_at, offered_by"

constexpr const char* kFindDevice = "SELECT " DEVICE_COLUMNS " FROM devices WHERE dimsi = $1";
constexpr const char* kFindByImsi = "SELECT " DEVICE_COLUMNS " FROM devices WHERE imsi = $1";
constexpr const char* kFindSealed = "SELECT " DEVICE_COLUMNS " FROM devices WHERE ephemeral_key IS NOT NULL LIMIT 1";
#undef DEVICE_COLUMNS
constexpr const char* kFindHistory = "SELECT state, at FROM history WHERE dimsi = $1 ORDER BY seq";
constexpr const char* kFindOffer = "SELECT uri, token, se, pn, ci, offer_authorization FROM offers WHERE dimsi = $1 ORDER BY position";
constexpr const char* kFindArpf = "SELECT uri FROM offers WHERE dimsi = $1 AND position = $2";
constexpr const char* kFindCleanups = "SELECT kind, uri, imsi, had_key FROM cleanups WHERE dimsi = $1 ORDER BY kind";
constexpr const char* kAddCleanup = 
    "INSERT INTO cleanups (dimsi, kind, uri, imsi, had_key) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (dimsi, kind, uri) DO UPDATE SET had_key = max(had_key, excluded.had_key)";
constexpr const char* kRemoveCleanup = "DELETE FROM cleanups WHERE dimsi = $1 AND kind = $2 AND uri = $3";
constexpr const char* kFindDue =
    "SELECT dimsi, due_at FROM devices WHERE due_at <= $1 AND (due_at, dimsi) > ($2, $3) ORDER BY due_at, dimsi LIMIT $4";
constexpr const char* kFindNextDue = "SELECT min(due_at) FROM devices WHERE due_at > $1";
constexpr const char* kFindPage = "SELECT dimsi FROM devices WHERE dimsi > $1 ORDER BY dimsi LIMIT $2";
constexpr const char* kFindPageOfState = "SELECT dimsi FROM devices WHERE dimsi > $1 AND state = $3 ORDER BY dimsi LIMIT $2";
constexpr const char* kFindPageOfProvider = "SELECT dimsi FROM devices WHERE dimsi > $1 AND offered_by = $3 ORDER BY dimsi LIMIT $2";
constexpr const char* kFindPageOfBoth =
    "SELECT dimsi FROM devices WHERE dimsi > $1 AND offered_by = $3 AND state = $4 ORDER BY dimsi LIMIT $2";
constexpr const char* kPutDevice =
    "INSERT OR REPLACE INTO devices (dimsi, state, epoch, offer_hash, due_at, expires_at, offered_by) VALUES ($1, 0, $2, $3, $4, $5, $6)";
constexpr const char* kDeleteOffer = "DELETE FROM offers WHERE dimsi = $1";
constexpr const char* kDeleteHistory = "DELETE FROM history WHERE dimsi = $1";
constexpr const char* kAddOffer =
    "INSERT INTO offers (dimsi, position, uri, token, se, pn, ci, offer_authorization) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
constexpr const char* kAddHistory =
    "INSERT INTO history (dimsi, seq, state, at) VALUES ($1, (SELECT coalesce(max(seq), 0) + 1 FROM history WHERE dimsi = $1), $2, $3)";
constexpr const char* kUpdate =
    "UPDATE devices SET state = $3, arpf_position = $4, ephemeral_key = iif($5 IS NULL, NULL, coalesce(ephemeral_key, $5)), imsi = $6, mnc_length = $7, problem_status = $8, "
    "problem_cause = $9, problem_detail = $10, attempts = $11, due_at = $12, notify_network = $13, attached_at = $14 "
    "WHERE dimsi = $1 AND epoch = $2";
constexpr const char* kFindSealedPage =
    "SELECT dimsi, ephemeral_key FROM devices WHERE dimsi > $1 AND ephemeral_key IS NOT NULL ORDER BY dimsi LIMIT $2";
constexpr const char* kReplaceSealed = "UPDATE devices SET ephemeral_key = $2 WHERE dimsi = $1 AND ephemeral_key = $3";
constexpr const char* kFindState = "SELECT state FROM devices WHERE dimsi = $1";
constexpr const char* kHasState = "SELECT 1 FROM devices WHERE dimsi = $1 AND imsi = $2 AND state = $3 AND ephemeral_key IS NOT NULL";
constexpr const char* kBeginEpoch = "UPDATE devices SET epoch = epoch + 1 WHERE dimsi = $1";
constexpr const char* kFindSubscriber = "SELECT dimsi, state, ephemeral_key, epoch, last_sqn, sqn_counter FROM devices WHERE imsi = $1";
constexpr const char* kFindSequence = "SELECT epoch, last_sqn, sqn_counter FROM devices WHERE dimsi = $1";
constexpr const char* kPutSequence = "UPDATE devices SET last_sqn = $2, sqn_counter = $3 WHERE dimsi = $1";

constexpr std::array<std::string_view, 7> kStateNames{"OFFERED",  "KEY_RETRIEVED", "PRELOADED", "RECEIVED",
                                                      "ATTACHED", "RETIRED",       "FAILED"};

profile::DiscoveryImsi dimsi_of(const Rows& rows, int column) {
  const auto dimsi = profile::DiscoveryImsi::from_packed(rows.number(column));
  if (!dimsi) throw store::StoreError("the table devices has a dIMSI that is none");
  return *dimsi;
}

std::optional<base::Time> time_of(const Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return base::from_unix_ms(rows.integer(column));
}

std::optional<std::int64_t> ms(const std::optional<base::Time>& time) {
  return time ? std::optional(base::to_unix_ms(*time)) : std::nullopt;
}

std::optional<Device> device_of(Rows& rows) {
  if (!rows.next()) return std::nullopt;
  Device device{dimsi_of(rows, 0), static_cast<State>(rows.integer(1)), rows.integer(2), rows.blob(3), std::nullopt,
                rows.blob(5), std::nullopt, static_cast<std::uint8_t>(rows.integer(7)), std::nullopt, rows.integer(11),
                time_of(rows, 12), base::from_unix_ms(rows.integer(13)), std::nullopt, time_of(rows, 15)};
  if (!rows.is_null(4)) device.arpf_position = rows.integer(4);
  if (!rows.is_null(6)) device.imsi = profile::Imsi::from_packed(rows.number(6));
  if (!rows.is_null(8)) device.problem = Problem{static_cast<int>(rows.integer(8)), rows.text(9), rows.text(10)};
  if (!rows.is_null(14)) device.notify_network = rows.text(14);
  if (!rows.is_null(16)) device.offered_by = rows.text(16);
  return device;
}

bool has_key(State state) { return state != State::offered && state != State::retired && state != State::failed; }

/// From `first` on: epoch, last_sqn, sqn_counter.
SequenceState sequence_of(const Rows& rows, int first) {
  return {rows.integer(first), aka::SequenceNumber::from_value(rows.number(first + 1)), rows.number(first + 2)};
}

std::vector<profile::DiscoveryImsi> dimsis_of(Rows rows) {
  std::vector<profile::DiscoveryImsi> out;
  while (rows.next()) out.push_back(dimsi_of(rows, 0));
  return out;
}

/// The ephemeral key in a token; the token itself if it is none (the ARPF will say so).
base::Bytes key_of(const base::Bytes& token) {
  try {
    return profile::AttachToken::parse(token).ephemeral_point;
  } catch (const profile::TokenError&) {
    return token;
  }
}

}  // namespace

std::string_view name(State state) { return kStateNames.at(static_cast<std::size_t>(state)); }

bool is_subscriber(const Device& device) { return has_key(device.state) && device.imsi && !device.sealed_key.empty(); }

std::optional<State> state_from_name(std::string_view wanted) {
  for (std::size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == wanted) return static_cast<State>(i);
  }
  return std::nullopt;
}

crypto::Sha256Digest hash_of(const std::vector<OfferedArpf>& arpfs) {
  base::Bytes all;
  for (const OfferedArpf& arpf : arpfs) {
    const auto uri = crypto::sha256(base::as_bytes(arpf.uri));
    const auto key = crypto::sha256(key_of(arpf.token));
    all.insert(all.end(), uri.begin(), uri.end());
    all.insert(all.end(), key.begin(), key.end());
  }
  return crypto::sha256(all);
}

std::optional<Device> find_device(Database& database, const profile::DiscoveryImsi& dimsi) {
  Rows rows = database.query(kFindDevice, dimsi.packed());
  return device_of(rows);
}

std::optional<Device> find_device_by_imsi(Database& database, const profile::Imsi& imsi) {
  Rows rows = database.query(kFindByImsi, imsi.packed());
  return device_of(rows);
}

std::optional<Device> find_sealed(Database& database) {
  Rows rows = database.query(kFindSealed);
  return device_of(rows);
}

std::vector<SealedKey> find_sealed_page(Database& database, std::optional<profile::DiscoveryImsi> after, std::size_t limit) {
  const std::int64_t first = after ? static_cast<std::int64_t>(after->packed()) : std::numeric_limits<std::int64_t>::min();
  Rows rows = database.query(kFindSealedPage, first, static_cast<std::uint64_t>(limit));
  std::vector<SealedKey> out;
  while (rows.next()) out.push_back({dimsi_of(rows, 0), rows.blob(1)});
  return out;
}

bool replace_sealed(Database& database, const SealedKey& sealed, const base::Bytes& anew) {
  return database.run(kReplaceSealed, sealed.dimsi.packed(), anew, sealed.octets) > 0;
}

std::optional<std::string> find_arpf(Database& database, const profile::DiscoveryImsi& dimsi, std::int64_t position) {
  Rows rows = database.query(kFindArpf, dimsi.packed(), position);
  return rows.next() ? std::optional(rows.text(0)) : std::nullopt;
}

std::vector<HistoryEntry> find_history(Database& database, const profile::DiscoveryImsi& dimsi) {
  Rows rows = database.query(kFindHistory, dimsi.packed());
  std::vector<HistoryEntry> out;
  while (rows.next()) out.push_back({static_cast<State>(rows.integer(0)), base::from_unix_ms(rows.integer(1))});
  return out;
}

std::vector<OfferedArpf> find_offer(Database& database, const profile::DiscoveryImsi& dimsi) {
  Rows rows = database.query(kFindOffer, dimsi.packed());
  std::vector<OfferedArpf> out;
  while (rows.next()) out.push_back({rows.text(0), rows.blob(1), rows.blob(2), rows.blob(3), rows.blob(4), rows.blob(5)});
  return out;
}

std::vector<Cleanup> find_cleanups(Database& database, const profile::DiscoveryImsi& dimsi) {
  Rows rows = database.query(kFindCleanups, dimsi.packed());
  std::vector<Cleanup> out;
  while (rows.next()) {
    const auto imsi = rows.is_null(2) ? std::nullopt : profile::Imsi::from_packed(rows.number(2));
    out.push_back({static_cast<Cleanup::Kind>(rows.integer(0)), rows.text(1), imsi, rows.integer(3) != 0});
  }
  return out;
}

void add_cleanup(Database& database, const profile::DiscoveryImsi& dimsi, const Cleanup& cleanup) {
  const auto imsi = cleanup.imsi ? std::optional(cleanup.imsi->packed()) : std::nullopt;
  database.run(kAddCleanup, dimsi.packed(), static_cast<std::int64_t>(cleanup.kind), cleanup.uri, imsi, cleanup.had_key);
}
void remove_cleanup(Database& database, const profile::DiscoveryImsi& dimsi, const Cleanup& cleanup) {
  database.run(kRemoveCleanup, dimsi.packed(), static_cast<std::int64_t>(cleanup.kind), cleanup.uri);
}

std::vector<Due> find_due(Database& database, base::Time now, const std::optional<Due>& from, std::size_t limit) {
  const std::int64_t after = from ? base::to_unix_ms(from->at) : std::numeric_limits<std::int64_t>::min();
  const std::uint64_t after_dimsi = from ? from->dimsi.packed() : 0;
  Rows rows = database.query(kFindDue, base::to_unix_ms(now), after, after_dimsi, static_cast<std::uint64_t>(limit));
  std::vector<Due> out;
  while (rows.next()) out.push_back({base::from_unix_ms(rows.integer(1)), dimsi_of(rows, 0)});
  return out;
}

std::optional<base::Time> find_next_due(Database& database, base::Time time) {
  Rows rows = database.query(kFindNextDue, base::to_unix_ms(time));
  return rows.next() ? time_of(rows, 0) : std::nullopt;
}

std::vector<profile::DiscoveryImsi> find_page(Database& database, const PageFilter& filter,
                                              std::optional<profile::DiscoveryImsi> from, std::size_t limit) {
  const std::int64_t after =
      from ? static_cast<std::int64_t>(from->packed()) : std::numeric_limits<std::int64_t>::min();
  const auto count = static_cast<std::uint64_t>(limit);
  const auto& [state, provider] = filter;
  if (state && provider) return dimsis_of(database.query(kFindPageOfBoth, after, count, *provider, static_cast<std::int64_t>(*state)));
  if (state) return dimsis_of(database.query(kFindPageOfState, after, count, static_cast<std::int64_t>(*state)));
  if (provider) return dimsis_of(database.query(kFindPageOfProvider, after, count, *provider));
  return dimsis_of(database.query(kFindPage, after, count));
}

void put_offer(Database& database, const Offer& offer, const std::optional<Device>& present, base::Time now,
               base::Time expires_at) {
  const std::uint64_t dimsi = offer.dimsi.packed();
  const std::int64_t epoch = present ? present->epoch + 1 : 1;
  database.run(kPutDevice, dimsi, epoch, offer.hash, base::to_unix_ms(now), base::to_unix_ms(expires_at),
               offer.offered_by);
  database.run(kDeleteOffer, dimsi);
  database.run(kDeleteHistory, dimsi);
  for (std::size_t i = 0; i < offer.arpfs.size(); ++i) {
    const OfferedArpf& arpf = offer.arpfs[i];
    database.run(kAddOffer, dimsi, static_cast<std::uint64_t>(i), arpf.uri, arpf.token, arpf.secure_element, arpf.part_number,
                 arpf.issuer, arpf.authorization.empty() ? std::nullopt : std::optional(arpf.authorization));
  }
  database.run(kAddHistory, dimsi, static_cast<std::int64_t>(State::offered), base::to_unix_ms(now));
  if (present) count_in_imports(database, offer.dimsi, present->state, State::offered);
}

bool update_device(Database& database, const Device& device, base::Time now) {
  const auto before = [&]() -> std::optional<State> {
    Rows rows = database.query(kFindState, device.dimsi.packed());
    if (!rows.next()) return std::nullopt;
    return static_cast<State>(rows.integer(0));
  }();
  const auto status = device.problem ? std::optional<std::int64_t>(device.problem->status) : std::nullopt;
  const auto cause = device.problem ? std::optional(device.problem->cause) : std::nullopt;
  const auto detail = device.problem ? std::optional(device.problem->detail) : std::nullopt;
  const auto sealed = device.sealed_key.empty() ? std::nullopt : std::optional(device.sealed_key);
  const auto imsi = device.imsi ? std::optional(device.imsi->packed()) : std::nullopt;
  const std::int64_t changed = database.run(
      kUpdate, device.dimsi.packed(), device.epoch, static_cast<std::int64_t>(device.state), device.arpf_position, sealed, imsi,
      static_cast<std::int64_t>(device.mnc_length), status, cause, detail, device.attempts, ms(device.due_at),
      device.notify_network, ms(device.attached_at));
  if (changed == 0) return false;
  if (before && *before != device.state) {
    database.run(kAddHistory, device.dimsi.packed(), static_cast<std::int64_t>(device.state), base::to_unix_ms(now));
    count_in_imports(database, device.dimsi, *before, device.state);
  }
  return true;
}

void begin_epoch(Database& database, Device& device) {
  database.run(kBeginEpoch, device.dimsi.packed());
  ++device.epoch;
}

bool has_state(Database& database, const profile::DiscoveryImsi& dimsi, const profile::Imsi& imsi, State state) {
  return database.query(kHasState, dimsi.packed(), imsi.packed(), static_cast<std::int64_t>(state)).next();
}

std::optional<StoredSubscriber> find_subscriber(Database& database, const profile::Imsi& imsi) {
  Rows rows = database.query(kFindSubscriber, imsi.packed());
  if (!rows.next() || !has_key(static_cast<State>(rows.integer(1))) || rows.is_null(2)) return std::nullopt;
  return StoredSubscriber{dimsi_of(rows, 0), rows.blob(2), sequence_of(rows, 3)};
}

std::optional<SequenceState> find_sequence(Database& database, const profile::DiscoveryImsi& dimsi) {
  Rows rows = database.query(kFindSequence, dimsi.packed());
  if (!rows.next()) return std::nullopt;
  return sequence_of(rows, 0);
}

void put_sequence(Database& database, const profile::DiscoveryImsi& dimsi, const SequenceState& state) {
  database.run(kPutSequence, dimsi.packed(), state.last.value(), state.counter);
}

}  // namespace ausf_ext
