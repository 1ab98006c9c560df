#include "nf-d-ausf/vectors.hpp"

#include <algorithm>

#include "lib/crypto/cipher.hpp"

namespace d_ausf {
namespace {

using store::Database;

constexpr const char* kFind =
    "SELECT rand, autn, imsi, owner, receipt_hash, notification_uri, created_at, served, last_served_at, "
    "last_serving_network, received_at FROM vectors WHERE dimsi = $1";
constexpr const char* kFindChallenge = "SELECT v.rand, v.autn FROM wanted_key LEFT JOIN vectors AS v ON v.dimsi = wanted_key.value";
constexpr const char* kPut =
    "INSERT INTO vectors (dimsi, rand, autn, imsi, owner, receipt_hash, notification_uri, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
    // Not OR REPLACE: that deletes and inserts, where this writes over a row of the same length.
    "ON CONFLICT (dimsi) DO UPDATE SET rand = $2, autn = $3, imsi = $4, owner = $5, receipt_hash = $6, notification_uri = $7, "
    "created_at = $8, served = 0, last_served_at = NULL, last_serving_network = NULL, received_at = NULL";
constexpr const char* kInsert =
    "INSERT INTO vectors (dimsi, rand, autn, imsi, owner, receipt_hash, notification_uri, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
constexpr const char* kDelete = "DELETE FROM vectors WHERE dimsi = $1";
constexpr const char* kNoteServed =
    "UPDATE vectors SET served = served + 1, last_served_at = $3, last_serving_network = $4 WHERE dimsi = $1 AND rand = $2";
constexpr const char* kNoteReceived = "UPDATE vectors SET received_at = $2 WHERE dimsi = $1";

template <std::size_t N>
std::array<std::uint8_t, N> octets(const store::Rows& rows, int column) {
  const base::BytesView blob = rows.octets(column);
  if (blob.size() != N) throw store::StoreError("the table vectors has a value of a wrong length");
  std::array<std::uint8_t, N> out{};
  std::copy(blob.begin(), blob.end(), out.begin());
  return out;
}

std::optional<base::Time> time(const store::Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return base::from_unix_ms(rows.integer(column));
}

}  // namespace

std::string version_of(const Vector& vector) {
  const base::BytesView hash = vector.receipt_hash ? base::BytesView(*vector.receipt_hash) : base::BytesView();
  const auto imsi = vector.imsi.tbcd();
  // Which of the two optional parts are there stands before them; all before the URI then has a known length, so that no two
  // contents share one text.
  const std::array<std::uint8_t, 2> present{vector.receipt_hash.has_value(), vector.notification_uri.has_value()};
  const base::Bytes all = base::concatenate(vector.challenge.rand, vector.challenge.autn, imsi, present, hash,
                                            base::as_bytes(vector.notification_uri.value_or("")));
  const auto digest = crypto::sha256(all);
  return "\"" + base::to_hex(base::BytesView(digest).first(16)) + "\"";
}

std::optional<StoredVector> find_vector(Database& database, const profile::DiscoveryImsi& dimsi) {
  store::Rows rows = database.query(kFind, dimsi.packed());
  if (!rows.next()) return std::nullopt;
  const auto imsi = profile::Imsi::from_packed(rows.number(2));
  if (!imsi) throw store::StoreError("the table vectors has an IMSI that is none");
  StoredVector out{Vector{{octets<16>(rows, 0), octets<16>(rows, 1)}, *imsi, std::nullopt, std::nullopt},
                   rows.text(3), base::from_unix_ms(rows.integer(6)), rows.integer(7), time(rows, 8),
                   std::nullopt, time(rows, 10)};
  if (!rows.is_null(4)) out.vector.receipt_hash = octets<32>(rows, 4);
  if (!rows.is_null(5)) out.vector.notification_uri = rows.text(5);
  if (!rows.is_null(9)) out.last_serving_network = rows.text(9);
  return out;
}

Challenges::Challenges(Database& reader, store::BatchSnapshot& snapshot) : query_(reader, snapshot, kFindChallenge) {}

std::optional<profile::DiscoveryVector> Challenges::find(const profile::DiscoveryImsi& dimsi) {
  const store::KeyedQuery::Use use(query_);
  const store::Rows& row = query_.find(dimsi.packed());
  if (row.is_null(0)) return std::nullopt;
  return profile::DiscoveryVector{octets<16>(row, 0), octets<16>(row, 1)};
}

namespace {

/// Rows that changed.
std::int64_t write_vector(Database& database, const char* sql, const profile::DiscoveryImsi& dimsi, const Vector& vector,
                          const std::string& owner, base::Time now) {
  return database.run(sql, dimsi.packed(), vector.challenge.rand, vector.challenge.autn, vector.imsi.packed(), owner,
                      vector.receipt_hash, vector.notification_uri, base::to_unix_ms(now));
}

}  // namespace

void put_vector(Database& database, const profile::DiscoveryImsi& dimsi, const Vector& vector, const std::string& owner,
                base::Time now) {
  write_vector(database, kPut, dimsi, vector, owner, now);
}

bool insert_vector(Database& database, const profile::DiscoveryImsi& dimsi, const Vector& vector, const std::string& owner,
                   base::Time now) {
  return write_vector(database, kInsert, dimsi, vector, owner, now) > 0;
}

void delete_vector(Database& database, const profile::DiscoveryImsi& dimsi) { database.run(kDelete, dimsi.packed()); }

void note_served(Database& database, const profile::DiscoveryImsi& dimsi, const profile::Rand& rand,
                 const std::string& serving_network, base::Time now) {
  const auto named = serving_network.empty() ? std::nullopt : std::optional(serving_network);
  database.run(kNoteServed, dimsi.packed(), rand, base::to_unix_ms(now), named);
}

void note_received(Database& database, const profile::DiscoveryImsi& dimsi, base::Time now) {
  database.run(kNoteReceived, dimsi.packed(), base::to_unix_ms(now));
}

}  // namespace d_ausf
