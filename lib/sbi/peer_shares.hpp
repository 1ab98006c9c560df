#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "lib/sbi/turns.hpp"

namespace sbi {

/// How much of a loop's time each peer took lately, so that one that takes nearly all of it stands behind the others. One a loop.
class PeerShares {
 public:
  using Duration = Instant::duration;

  /// A part of the loop's time that nobody minds: what a peer takes beyond it is its debt, which it works off by taking less.
  static constexpr int kFreePart = 4;
  /// A debt that does not count yet: a burst of a few connections or some hundred requests.
  static constexpr std::chrono::milliseconds kCredit{2};
  /// No debt is more: who floods is forgiven kFreePart times this after its end.
  static constexpr std::chrono::milliseconds kMostDebt{50};
  /// As long after another peer's turn the loop counts as shared. A peer that is alone owes nobody anything.
  static constexpr std::chrono::seconds kShared{1};

  static constexpr std::size_t kFirstTurnOctets = std::size_t{16} * 1024;  ///< that a new connection reads in its first turn, or less

  /// Of one peer, for all its connections. Times do not go back.
  class Share {
   public:
    [[nodiscard]] Instant last() const noexcept { return last_; }

    /// How much a connection of the peer last read in a turn, so that its next new one begins with that.
    std::size_t turn_octets = kFirstTurnOctets;

   private:
    friend class PeerShares;
    void work_off(Instant at);

    Duration debt_{};
    Instant last_{};
  };

  /// That of the peer, which it keeps over its connections.
  std::shared_ptr<Share> share_of(const std::string& peer);

  /// Who keeps its share for most connections, and for how many. Looks at all peers.
  struct Crowd {
    const Share* share = nullptr;
    std::size_t connections = 0;
  };
  [[nodiscard]] Crowd largest() const;
  [[nodiscard]] bool is_of(const Crowd& crowd, const std::string& peer) const {
    const auto found = shares_.find(peer);
    return found != shares_.end() && found->second.get() == crowd.share;
  }
  /// How many connections keep the share of that peer.
  [[nodiscard]] std::size_t connections_of(const std::string& peer) const;
  /// The same of a share that a connection keeps, or shares_.
  [[nodiscard]] static std::size_t connections_of(const std::shared_ptr<Share>& share) { return static_cast<std::size_t>(share.use_count()) - 1; }

  /// The peer had a turn, which ended at `at`.
  void took(Share& share, Instant at, Duration taken);

  /// More than one peer has turns.
  [[nodiscard]] bool are_shared(Instant at) const noexcept { return at < shared_until_; }

  /// What the peer took beyond its free part, no more than kMostDebt; nothing while the loop is not shared.
  [[nodiscard]] Duration debt(Share& share, Instant at) const;

  /// True if the peer is to let others go first.
  [[nodiscard]] bool is_in_debt(Share& share, Instant at) const { return debt(share, at) > kCredit; }

  /// Forgets peers without connections that owe nothing.
  void sweep(Instant at);
  [[nodiscard]] std::size_t peers() const noexcept { return shares_.size(); }

 private:
  std::unordered_map<std::string, std::shared_ptr<Share>> shares_;
  const Share* last_ = nullptr;  ///< who had the last turn; null: nobody, or one that is forgotten
  Instant shared_until_{};
};

}  // namespace sbi
