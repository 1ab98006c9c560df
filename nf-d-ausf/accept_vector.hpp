#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/sbi/entity_tags.hpp"
#include "lib/store/committer.hpp"
#include "nf-d-ausf/owners.hpp"
#include "nf-d-ausf/vectors.hpp"

namespace d_ausf {

/// If-Match and If-None-Match of a request, where it has them.
struct Preconditions {
  std::optional<sbi::EntityTags> if_match;
  std::optional<sbi::EntityTags> if_none_match;
};

struct AcceptedVector {
  bool is_new = false;
  StoredVector stored;
};

/// One line of a bulk load, and its number, from 1.
struct VectorLine {
  std::size_t number;
  profile::DiscoveryImsi dimsi;
  Vector vector;
};

/// A line that was not taken, and what put() would have thrown for it.
struct RefusedLine {
  std::size_t number;
  profile::DiscoveryImsi dimsi;
  base::Error error;
};

/// A line that was taken.
struct TakenLine {
  std::size_t number;
  profile::DiscoveryImsi dimsi;
  profile::Imsi imsi;
  bool is_new;  ///< false: it replaced another vector of the owner's, or the same one
};

/// What became of a piece of a bulk load; both in the order in which the lines came.
struct StoredPiece {
  std::vector<RefusedLine> refused;
  std::vector<TakenLine> taken;  ///< if it was asked for
};

/// Step (2): takes the vector that a target AUSF preloads. One a loop; what it answers is durable.
class AcceptVector {
 public:
  /// Both outlive it.
  AcceptVector(store::Committer& committer, const Owners& owners, base::Clock clock)
      : committer_(committer), owners_(owners), clock_(std::move(clock)) {}

  /// Stores a vector, or replaces the owner's own; the same content again changes nothing. Throws Error{forbidden, NOT_OWNER},
  /// Error{bad_request, OPTIONAL_IE_INCORRECT} for a notificationUri that is not the owner's, and Error{precondition_failed}.
  boost::asio::awaitable<AcceptedVector> put(profile::DiscoveryImsi dimsi, Vector vector, Owner owner, Preconditions conditions);

  /// The vector that remove() would delete: asked behind all that was written before. Throws as put(), and Error{not_found, USER_NOT_FOUND}; changes nothing.
  boost::asio::awaitable<StoredVector> require_removable(profile::DiscoveryImsi dimsi, Owner owner, Preconditions conditions);

  /// `seen`: what require_removable() answered; without it the vector goes that there is. Throws as that, and Error{conflict, VECTOR_REPLACED}, and changes
  /// nothing, if another one is in the place of `seen`, or it was preloaded anew. Served or received meanwhile it is the same one.
  boost::asio::awaitable<void> remove(profile::DiscoveryImsi dimsi, Owner owner, Preconditions conditions, std::optional<StoredVector> seen);

  /// Stores a piece of a bulk load in one transaction, but for the lines that are refused. `tells_taken`: which are not refused is told as well.
  boost::asio::awaitable<StoredPiece> put_all(std::vector<VectorLine> lines, Owner owner, bool tells_taken = false);

 private:
  store::Committer& committer_;
  const Owners& owners_;
  base::Clock clock_;
};

}  // namespace d_ausf
