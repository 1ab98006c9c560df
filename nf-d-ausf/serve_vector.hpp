#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/store/batch_snapshot.hpp"
#include "nf-d-ausf/note_servings.hpp"
#include "nf-d-ausf/vectors.hpp"

namespace d_ausf {

/// Steps (4) and (5): gives RAND and AUTN to the access network that a device attaches at. One a loop.
class ServeVector {
 public:
  /// The three are of the same database and outlive it.
  ServeVector(store::Database& reader, store::BatchSnapshot& snapshot, NoteServings& notes, base::Clock clock)
      : reader_(reader), snapshot_(snapshot), challenges_(reader, snapshot), notes_(notes), clock_(std::move(clock)) {}

  /// Between the two all is of one view of the database.
  void begin_batch() noexcept { snapshot_.begin_batch(); }
  void end_batch() noexcept {
    challenges_.end_batch();
    snapshot_.end_batch();
  }

  /// The preloaded challenge; counts that it was served. Throws Error{not_found, USER_NOT_FOUND}.
  profile::DiscoveryVector operator()(const profile::DiscoveryImsi& dimsi, const std::string& serving_network);

  /// Throws Error{not_found, USER_NOT_FOUND} if there is no vector for it.
  void require_known(const profile::DiscoveryImsi& dimsi);

  /// The vector's record. Throws Error{not_found, USER_NOT_FOUND}.
  [[nodiscard]] StoredVector record(const profile::DiscoveryImsi& dimsi) const;

 private:
  store::Database& reader_;
  store::BatchSnapshot& snapshot_;
  Challenges challenges_;
  NoteServings& notes_;
  base::Clock clock_;
};

/// authCtxId without memory: dIMSI and a random number, authenticated, so that a forged one is known as such. One a loop.
class ContextIds {
 public:
  /// `key`: 16 octets.
  explicit ContextIds(const base::SecretBytes& key) : mac_(key.reveal().first<16>()) {}

  /// 40 hex digits.
  [[nodiscard]] std::string make(const profile::DiscoveryImsi& dimsi) const;
  /// Throws Error{not_found, CONTEXT_NOT_FOUND} unless make() made it.
  void check(std::string_view id) const;

 private:
  crypto::Cmac mac_;
};

}  // namespace d_ausf
