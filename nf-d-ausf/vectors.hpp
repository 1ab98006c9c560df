#pragma once

#include <optional>
#include <string>

#include "lib/base/clock.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/profile/discovery_vector.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/keyed_query.hpp"

namespace d_ausf {

/// What a target AUSF preloads for a dIMSI (PROTOCOL.md, section 8.2).
struct Vector {
  profile::DiscoveryVector challenge;
  profile::Imsi imsi;
  std::optional<profile::ReceiptHash> receipt_hash;
  std::optional<std::string> notification_uri;
  bool operator==(const Vector&) const = default;
};

/// A vector as it rests here.
struct StoredVector {
  Vector vector;
  std::string owner;
  base::Time created_at;
  std::int64_t served = 0;
  std::optional<base::Time> last_served_at;
  std::optional<std::string> last_serving_network;
  std::optional<base::Time> received_at;
};

/// The ETag of a vector: a hash of what was preloaded, so that the same content has the same one and serving leaves it alone.
std::string version_of(const Vector& vector);

// The table `vectors`: every SQL text of it is in vectors.cpp. All throw store::StoreError.
std::optional<StoredVector> find_vector(store::Database& database, const profile::DiscoveryImsi& dimsi);
/// Puts a new vector in the place of any other; what was served and received begins anew.
void put_vector(store::Database& database, const profile::DiscoveryImsi& dimsi, const Vector& vector, const std::string& owner,
                base::Time now);
/// Puts a vector where there is none; false, and nothing changed, where there is one.
bool insert_vector(store::Database& database, const profile::DiscoveryImsi& dimsi, const Vector& vector, const std::string& owner,
                   base::Time now);
void delete_vector(store::Database& database, const profile::DiscoveryImsi& dimsi);
/// Counts that `rand` was served; nothing if another vector has taken its place. `serving_network`: empty if it was not named.
void note_served(store::Database& database, const profile::DiscoveryImsi& dimsi, const profile::Rand& rand,
                 const std::string& serving_network, base::Time now);

/// RAND and AUTN alone: what is served. Of one loop.
class Challenges {
 public:
  /// `snapshot` is of `reader`; both outlive it.
  Challenges(store::Database& reader, store::BatchSnapshot& snapshot);

  /// Nothing if there is no vector. Throws store::StoreError.
  std::optional<profile::DiscoveryVector> find(const profile::DiscoveryImsi& dimsi);

  /// Before that of the snapshot.
  void end_batch() noexcept { query_.end(); }

 private:
  store::KeyedQuery query_;
};

/// Notes that the receipt of the present vector came.
void note_received(store::Database& database, const profile::DiscoveryImsi& dimsi, base::Time now);

}  // namespace d_ausf
