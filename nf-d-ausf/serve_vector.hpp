#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.hpp"
#include "lib/store/committer.hpp"
#include "nf-d-ausf/vectors.hpp"

namespace d_ausf {

/// Steps (4) and (5): gives RAND and AUTN to the access network that a device attaches at. One a loop.
class ServeVector {
 public:
  /// Reader and committer are of the same database and outlive it.
  ServeVector(store::Database& reader, store::Committer& committer, base::Clock clock)
      : reader_(reader), committer_(committer), clock_(std::move(clock)) {}

  /// The preloaded challenge; counts that it was served. Throws Error{not_found, USER_NOT_FOUND}.
  profile::DiscoveryVector operator()(const profile::DiscoveryImsi& dimsi, const std::string& serving_network);

  /// Throws Error{not_found, USER_NOT_FOUND} if there is no vector for it.
  void require_known(const profile::DiscoveryImsi& dimsi) const;

  /// The vector's record. Throws Error{not_found, USER_NOT_FOUND}.
  [[nodiscard]] StoredVector record(const profile::DiscoveryImsi& dimsi) const;

 private:
  store::Database& reader_;
  store::Committer& committer_;
  base::Clock clock_;
};

/// authCtxId without memory: dIMSI and a random number, authenticated, so that a forged one is known as such.
class ContextIds {
 public:
  /// `key`: 16 octets.
  explicit ContextIds(base::SecretBytes key) : key_(std::move(key)) {}

  /// 64 hex digits.
  [[nodiscard]] std::string make(const profile::DiscoveryImsi& dimsi) const;
  /// Throws Error{not_found, CONTEXT_NOT_FOUND} unless make() made it.
  void check(std::string_view id) const;

 private:
  base::SecretBytes key_;
};

}  // namespace d_ausf
