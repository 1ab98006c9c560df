#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace ausf_ext {

/// Remembers which of the onboarding's peers (ARPFs, the D-AUSF, the RSMF) are silent, so that one that takes requests and never answers holds up
/// no device but those that need it.
///
/// A peer is silent from when calls to it waited for `patience` and nothing was heard from it meanwhile, until it answers one, whatever the status.
/// A silent peer is asked one thing at a time; what else is meant for it fails at once, as at a peer that cannot be reached. What waits for a
/// silent peer is told apart (waiting()), for it is to take nobody's room. A peer that answers may have any number of calls.
///
/// As many peers as the configuration names. Of one loop; a Call may outlive it.
class SilentPeers {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  using Now = std::function<Instant()>;

  explicit SilentPeers(std::chrono::milliseconds patience, Now now = std::chrono::steady_clock::now);

  /// One call, from before it is sent until it has ended.
  class Call;

  /// How many calls are waiting for peers that are silent now.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Peer;
  struct State;
  std::shared_ptr<State> state_;
};

class SilentPeers::Call {
 public:
  /// `peer`: its origin, or what else is the same with each call to it. Throws PeerUnavailable if it is silent, and being asked already.
  Call(const SilentPeers& peers, const std::string& peer);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// An answer came. Without it the call failed.
  void heard();

 private:
  std::shared_ptr<State> state_;
  Peer& peer_;  ///< of `state_`
};

}  // namespace ausf_ext
