#include "nf-arpf/suspensions.hpp"

#include <algorithm>

#include "lib/base/error.hpp"

namespace arpf {
namespace {

using store::Database;

constexpr const char* kAll = "SELECT part_number, suspended_at, suspended_by FROM suspensions ORDER BY part_number";
constexpr const char* kFind = "SELECT part_number, suspended_at, suspended_by FROM suspensions WHERE part_number = $1";
constexpr const char* kPut =
    "INSERT INTO suspensions (part_number, suspended_at, suspended_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
constexpr const char* kRemove = "DELETE FROM suspensions WHERE part_number = $1";

Suspension suspension_of(store::Rows& rows) {
  Suspension out{{}, base::from_unix_ms(rows.integer(1)), rows.text(2)};
  const base::Bytes octets = rows.blob(0);
  if (octets.size() != out.part_number.size()) throw store::StoreError("the table suspensions has a fingerprint that is none");
  std::ranges::copy(octets, out.part_number.begin());
  return out;
}

[[noreturn]] void fail_unsuspended() {
  throw base::Error(base::ErrorKind::not_found, "CONTEXT_NOT_FOUND", "this part number is not suspended");
}

}  // namespace

std::vector<Suspension> Suspensions::all() const {
  store::Rows rows = reader_.query(kAll);
  std::vector<Suspension> out;
  while (rows.next()) out.push_back(suspension_of(rows));
  return out;
}

std::optional<Suspension> Suspensions::find(const Fingerprint& part_number) const {
  store::Rows rows = reader_.query(kFind, part_number);
  if (!rows.next()) return std::nullopt;
  return suspension_of(rows);
}

boost::asio::awaitable<bool> Suspensions::suspend(Fingerprint part_number, std::string by) {
  store::Committer::Work<bool> work = [part_number, by, now = clock_()](Database& database) {
    return database.run(kPut, part_number, base::to_unix_ms(now), by) > 0;
  };
  const bool is_new = co_await committer_.write(std::move(work));
  co_return is_new;
}

boost::asio::awaitable<void> Suspensions::require_suspended(Fingerprint part_number) {
  store::Committer::Work<void> work = [part_number](Database& database) {
    if (!database.query(kFind, part_number).next()) fail_unsuspended();
  };
  co_await committer_.write(std::move(work));
}

boost::asio::awaitable<void> Suspensions::lift(Fingerprint part_number) {
  store::Committer::Work<void> work = [part_number](Database& database) {
    if (database.run(kRemove, part_number) == 0) fail_unsuspended();
  };
  co_await committer_.write(std::move(work));
}

void fail_suspended() {
  constexpr const char* kWhy = "the part number is suspended at this ARPF";
  throw base::Error(base::ErrorKind::forbidden, "CERTIFICATE_REVOKED", std::string("/seCredentials/pnCertificate: ") + kWhy,
                    {{"/seCredentials/pnCertificate", kWhy}});
}

}  // namespace arpf
