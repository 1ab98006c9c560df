#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "lib/sbi/message.hpp"
#include "lib/sbi/server_limits.hpp"

namespace sbi {

/// How many imports (requests that read a long body as it comes, and keep some of it) run at once on a loop: of one peer, and of all. What one
/// keeps is bounded by itself; this bounds their number. One a loop.
class ImportPlaces {
 public:
  explicit ImportPlaces(const ServerLimits& limits) : most_(limits.max_imports), most_of_a_peer_(limits.max_imports_per_peer) {}

  /// That of one import, until it goes. It may outlive the places.
  class Place {
   public:
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place();
    /// How many there are now on the loop, this one included.
    [[nodiscard]] std::size_t running() const noexcept;

   private:
    friend class ImportPlaces;
    struct Taken;
    Place(std::shared_ptr<Taken> taken, std::string peer) : taken_(std::move(taken)), peer_(std::move(peer)) {}
    std::shared_ptr<Taken> taken_;
    std::string peer_;
  };

  /// Throws Error{too_many_requests, NF_CONGESTION_RISK} if the peer has all that it may have, Error{unavailable, NF_CONGESTION} if the loop has.
  [[nodiscard]] Place take(const Peer& peer);

 private:
  std::size_t most_;
  std::size_t most_of_a_peer_;
  std::shared_ptr<Place::Taken> taken_;
};

}  // namespace sbi
