#include "nf-d-ausf/receipts.hpp"

#include <algorithm>

namespace d_ausf {
namespace {

using store::Database;

constexpr const char* kAdd =
    "INSERT INTO receipts (dimsi, auts, imsi, received_at, serving_network, notification_uri, due_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $4) ON CONFLICT DO NOTHING";
constexpr const char* kFindDue =
    "SELECT dimsi, auts, imsi, received_at, serving_network, notification_uri, attempts FROM receipts "
    "WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
constexpr const char* kFindNextDue = "SELECT min(due_at) FROM receipts";
constexpr const char* kPostpone = "UPDATE receipts SET attempts = attempts + 1, due_at = $3 WHERE dimsi = $1 AND auts = $2";
constexpr const char* kRemove = "DELETE FROM receipts WHERE dimsi = $1 AND auts = $2";

PendingReceipt receipt_of(const store::Rows& rows) {
  const auto dimsi = profile::DiscoveryImsi::from_packed(rows.number(0));
  const base::Bytes auts = rows.blob(1);
  const auto imsi = profile::Imsi::from_packed(rows.number(2));
  if (!dimsi || !imsi || auts.size() != aka::Auts().size()) throw store::StoreError("the table receipts has a value that is none");
  PendingReceipt out{*dimsi, *imsi, aka::Auts(), base::from_unix_ms(rows.integer(3)), rows.text(4), rows.text(5), rows.integer(6)};
  std::copy(auts.begin(), auts.end(), out.auts.begin());
  return out;
}

}  // namespace

void add_receipt(Database& database, const PendingReceipt& receipt) {
  database.run(kAdd, receipt.dimsi.packed(), receipt.auts, receipt.imsi.packed(), base::to_unix_ms(receipt.received_at),
               receipt.serving_network, receipt.notification_uri);
}

std::vector<PendingReceipt> find_due_receipts(Database& database, base::Time now, std::size_t limit) {
  store::Rows rows = database.query(kFindDue, base::to_unix_ms(now), static_cast<std::uint64_t>(limit));
  std::vector<PendingReceipt> out;
  while (rows.next()) out.push_back(receipt_of(rows));
  return out;
}

std::optional<base::Time> find_next_due_receipt(Database& database) {
  store::Rows rows = database.query(kFindNextDue);
  if (!rows.next() || rows.is_null(0)) return std::nullopt;
  return base::from_unix_ms(rows.integer(0));
}

void postpone_receipt(Database& database, const PendingReceipt& receipt, base::Time due_at) {
  database.run(kPostpone, receipt.dimsi.packed(), receipt.auts, base::to_unix_ms(due_at));
}

void remove_receipt(Database& database, const PendingReceipt& receipt) {
  database.run(kRemove, receipt.dimsi.packed(), receipt.auts);
}

}  // namespace d_ausf
