#include "nf-arpf/claims.hpp"

#include <utility>

#include "lib/base/error.hpp"

namespace arpf {
namespace {

using base::Error;
using base::ErrorKind;
using store::Database;

constexpr const char* kFindClaim = "SELECT operator, claimed_at, retrievals FROM claims WHERE dimsi = $1";
/// One statement, for to begin to read costs more than to read.
constexpr const char* kCheck =
    "SELECT EXISTS (SELECT 1 FROM suspensions WHERE part_number IN ($1, $2)), EXISTS (SELECT 1 FROM spent_keys WHERE point_hash IN ($3, $4)), "
    "(SELECT operator FROM claims WHERE dimsi = $5), (SELECT claimed_at FROM claims WHERE dimsi = $5)";
constexpr const char* kInsertClaim =
    "INSERT INTO claims (dimsi, operator, claimed_at, retrievals) VALUES ($1, $2, $3, 1) "
    "ON CONFLICT (dimsi) DO UPDATE SET retrievals = retrievals + 1";
constexpr const char* kNoteRelease =
    "INSERT INTO released_keys (dimsi, point_hash, released_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
constexpr const char* kSpendReleased =
    "INSERT INTO spent_keys (point_hash, dimsi, spent_at) "
    "SELECT point_hash, dimsi, $2 FROM released_keys WHERE dimsi = $1 ON CONFLICT DO NOTHING";
constexpr const char* kForgetReleased = "DELETE FROM released_keys WHERE dimsi = $1";
constexpr const char* kDeleteClaim = "DELETE FROM claims WHERE dimsi = $1";

std::optional<Claim> find_claim(Database& database, const profile::DiscoveryImsi& dimsi) {
  store::Rows rows = database.query(kFindClaim, dimsi.packed());
  if (!rows.next()) return std::nullopt;
  return Claim{rows.text(0), base::from_unix_ms(rows.integer(1)), rows.integer(2)};
}

/// Since when the operator holds the claim; nothing if nobody does. Throws as Claims::claim().
std::optional<base::Time> check(Database& database, const ClaimRequest& wanted) {
  store::Rows rows = database.query(kCheck, wanted.part_number.fingerprint, wanted.part_number.of_compressed, wanted.key, wanted.mirrored_key, wanted.dimsi.packed());
  rows.next();
  if (rows.integer(0) != 0) fail_suspended();
  base::require(rows.integer(1) == 0, "TOKEN_SPENT", "the token's ephemeral key has served its onboarding");
  if (rows.is_null(2)) return std::nullopt;
  if (rows.text(2) != wanted.operator_id) throw Error(ErrorKind::conflict, "DEVICE_CLAIMED", "another operator claims this dIMSI");
  return base::from_unix_ms(rows.integer(3));
}

/// The claim, which must be the claimant's.
Claim require_claim(Database& database, const profile::DiscoveryImsi& dimsi, const Claimant& claimant) {
  auto claim = find_claim(database, dimsi);
  if (!claim) throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "nobody claims this dIMSI");
  base::require(!claimant || *claimant == claim->operator_id, "NOT_OWNER", "another operator claims this dIMSI");
  return std::move(*claim);
}

/// The claim must be the one that was looked at, which may have retrieved again since: nobody's goes under another's name.
void require_unchanged(const Claim& present, const std::optional<Claim>& seen) {
  if (!seen || (present.operator_id == seen->operator_id && present.claimed_at == seen->claimed_at)) return;
  throw Error(ErrorKind::conflict, "DEVICE_CLAIMED",
              "this dIMSI was claimed anew while its former claim was to be released: nothing was; look at the claim that there is (GET), "
              "and ask again if that one is to go");
}

/// Spends what was released under the claim.
void spend(Database& database, const profile::DiscoveryImsi& dimsi, base::Time now) {
  database.run(kSpendReleased, dimsi.packed(), base::to_unix_ms(now));
  database.run(kForgetReleased, dimsi.packed());
}

}  // namespace

boost::asio::awaitable<std::optional<base::Time>> Claims::claim(ClaimRequest wanted) {
  using Since = std::optional<base::Time>;
  store::Committer::Work<Since> work = [wanted = std::move(wanted), now = clock_()](Database& database) {
    const Since since = check(database, wanted);
    database.run(kInsertClaim, wanted.dimsi.packed(), wanted.operator_id, base::to_unix_ms(now));
    database.run(kNoteRelease, wanted.dimsi.packed(), wanted.key, base::to_unix_ms(now));
    return since;
  };
  const Since since = co_await committer_.write(std::move(work));
  co_return since;
}

std::optional<Claim> Claims::find(const profile::DiscoveryImsi& dimsi) const { return find_claim(reader_, dimsi); }

boost::asio::awaitable<Claim> Claims::retire(profile::DiscoveryImsi dimsi, Claimant claimant) {
  store::Committer::Work<Claim> work = [dimsi, claimant, now = clock_()](Database& database) {
    Claim claim = require_claim(database, dimsi, claimant);
    spend(database, dimsi, now);
    return claim;
  };
  return committer_.write(std::move(work));
}

boost::asio::awaitable<Claim> Claims::require_releasable(profile::DiscoveryImsi dimsi, Claimant claimant) {
  store::Committer::Work<Claim> work = [dimsi, claimant](Database& database) { return require_claim(database, dimsi, claimant); };
  return committer_.write(std::move(work));
}

boost::asio::awaitable<void> Claims::release(profile::DiscoveryImsi dimsi, Claimant claimant, std::optional<Claim> seen) {
  store::Committer::Work<void> work = [dimsi, claimant, seen, now = clock_()](Database& database) {
    require_unchanged(require_claim(database, dimsi, claimant), seen);
    spend(database, dimsi, now);
    database.run(kDeleteClaim, dimsi.packed());
  };
  co_await committer_.write(std::move(work));
}

}  // namespace arpf
