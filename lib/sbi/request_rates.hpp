#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

namespace sbi {

/// How many requests each peer may send a second: a bucket of tokens a peer, which fills at a constant rate and holds a second's worth.
/// One a loop.
class RequestRates {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  /// Of one peer, shared by its connections.
  class Bucket {
   public:
    explicit Bucket(double a_second) : a_second_(a_second), tokens_(a_second) {}
    /// True if the peer may have another request at this time, which does not go back.
    bool take(Instant now);
    [[nodiscard]] Instant last() const noexcept { return last_; }

   private:
    double a_second_;
    double tokens_;
    Instant last_{};
  };

  /// `a_second`: of each peer; 0: as many as they like.
  explicit RequestRates(std::size_t a_second) : a_second_(a_second) {}

  /// That of the peer, which it keeps over its connections; null without a limit.
  std::shared_ptr<Bucket> bucket_of(const std::string& peer);
  /// Forgets peers without connections whose buckets are full again.
  void sweep(Instant now);
  [[nodiscard]] std::size_t peers() const noexcept { return buckets_.size(); }

 private:
  const std::size_t a_second_;
  std::unordered_map<std::string, std::shared_ptr<Bucket>> buckets_;
};

}  // namespace sbi
