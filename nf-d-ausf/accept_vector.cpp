#include "nf-d-ausf/accept_vector.hpp"

namespace d_ausf {
namespace {

using base::Error;
using base::ErrorKind;
using store::Database;

void require_conditions(const Preconditions& conditions, const std::optional<StoredVector>& present) {
  const auto version = present ? std::optional(version_of(present->vector)) : std::nullopt;
  if (conditions.if_match && !conditions.if_match->match_strongly(version)) {
    throw Error(ErrorKind::precondition_failed, "", "the vector is not of the version in If-Match",
                {{"header if-match", "is not the present version"}});
  }
  if (conditions.if_none_match && conditions.if_none_match->match_weakly(version)) {
    throw Error(ErrorKind::precondition_failed, "", "there is such a vector already",
                {{"header if-none-match", "names the present version"}});
  }
}

void require_owner(const std::optional<StoredVector>& present, const Owner& owner) {
  base::require(!present || !owner || present->owner == *owner, "NOT_OWNER", "another target AUSF preloaded this dIMSI");
}

/// What is decided without looking at the store.
void require_rights(const Owners& owners, const Owner& owner, const profile::DiscoveryImsi& dimsi, const Vector& vector) {
  owners.require_right(owner, dimsi);
  if (vector.notification_uri) owners.require_destination(owner, *vector.notification_uri);
}

AcceptedVector put_one(Database& database, const profile::DiscoveryImsi& dimsi, const Vector& vector, const Owner& owner,
                       const Preconditions& conditions, base::Time now) {
  const auto present = find_vector(database, dimsi);
  require_owner(present, owner);
  require_conditions(conditions, present);
  if (present && present->vector == vector) return {false, *present};
  StoredVector stored{vector, owner.value_or("anonymous"), now, 0, std::nullopt, std::nullopt, std::nullopt};
  put_vector(database, dimsi, vector, stored.owner, now);
  return {!present, std::move(stored)};
}

/// The vector that may be removed.
StoredVector require_removable_one(Database& database, const profile::DiscoveryImsi& dimsi, const Owner& owner, const Preconditions& conditions) {
  auto present = find_vector(database, dimsi);
  if (!present) throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "there is no vector for this dIMSI");
  require_owner(present, owner);
  require_conditions(conditions, present);
  return std::move(*present);
}

/// The vector must be the one that was looked at: none goes under the IMSI or the owner of another.
void require_unchanged(const StoredVector& present, const std::optional<StoredVector>& seen) {
  const bool is_same =
      !seen || (present.vector == seen->vector && present.owner == seen->owner && present.created_at == seen->created_at);
  if (is_same) return;
  throw Error(ErrorKind::conflict, "VECTOR_REPLACED",
              "the vector was replaced while it was to be deleted: nothing was; look at the vector that there is (GET), and ask again if that one is to go");
}

}  // namespace

boost::asio::awaitable<AcceptedVector> AcceptVector::put(profile::DiscoveryImsi dimsi, Vector vector, Owner owner,
                                                         Preconditions conditions) {
  require_rights(owners_, owner, dimsi, vector);
  store::Committer::Work<AcceptedVector> work = [=, now = clock_()](Database& database) {
    return put_one(database, dimsi, vector, owner, conditions, now);
  };
  return committer_.write(std::move(work));
}

boost::asio::awaitable<StoredVector> AcceptVector::require_removable(profile::DiscoveryImsi dimsi, Owner owner, Preconditions conditions) {
  owners_.require_right(owner, dimsi);
  store::Committer::Work<StoredVector> work = [=](Database& database) { return require_removable_one(database, dimsi, owner, conditions); };
  return committer_.write(std::move(work));
}

boost::asio::awaitable<void> AcceptVector::remove(profile::DiscoveryImsi dimsi, Owner owner, Preconditions conditions,
                                                  std::optional<StoredVector> seen) {
  owners_.require_right(owner, dimsi);
  store::Committer::Work<void> work = [=](Database& database) {
    require_unchanged(require_removable_one(database, dimsi, owner, conditions), seen);
    delete_vector(database, dimsi);
  };
  return committer_.write(std::move(work));
}

boost::asio::awaitable<StoredPiece> AcceptVector::put_all(std::vector<VectorLine> lines, Owner owner, bool tells_taken) {
  store::Committer::Work<StoredPiece> work = [&owners = owners_, lines = std::move(lines), owner, tells_taken, now = clock_()](Database& database) {
    StoredPiece out;
    if (tells_taken) out.taken.reserve(lines.size());
    const std::string name = owner.value_or("anonymous");
    bool is_likely_new = true;  // as the line before: most loads are all new, or all replacing
    for (const VectorLine& line : lines) {
      try {
        require_rights(owners, owner, line.dimsi, line.vector);
        const bool is_inserted = is_likely_new && insert_vector(database, line.dimsi, line.vector, name, now);
        is_likely_new = is_inserted || put_one(database, line.dimsi, line.vector, owner, {}, now).is_new;
        if (tells_taken) out.taken.push_back({line.number, line.dimsi, line.vector.imsi, is_likely_new});
      } catch (const Error& error) {
        out.refused.push_back({line.number, line.dimsi, error});
      }
    }
    return out;
  };
  return committer_.write(std::move(work));
}

}  // namespace d_ausf
