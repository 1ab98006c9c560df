#include "nf-ausf-ext/silent_peers.hpp"

#include <map>

#include "nf-ausf-ext/peer_answer.hpp"

namespace ausf_ext {

struct SilentPeers::Peer {
  std::size_t calls = 0;   ///< under way
  Instant quiet_since;     ///< while there are calls: nothing was heard from it since
  bool is_silent = false;  ///< found to be, and not heard since
};

struct SilentPeers::State {
  /// Looks whether the patience with it is at its end.
  bool is_silent(Peer& peer) const {
    if (peer.calls > 0 && now() - peer.quiet_since >= patience) peer.is_silent = true;
    return peer.is_silent;
  }

  std::chrono::milliseconds patience;
  Now now;
  std::map<std::string, Peer> peers;  ///< none is ever taken out: calls refer to them
};

SilentPeers::SilentPeers(std::chrono::milliseconds patience, Now now)
    : state_(std::make_shared<State>(State{patience, std::move(now), {}})) {}

std::size_t SilentPeers::waiting() const {
  std::size_t calls = 0;
  for (auto& [name, peer] : state_->peers) {
    if (state_->is_silent(peer)) calls += peer.calls;
  }
  return calls;
}

SilentPeers::Call::Call(const SilentPeers& peers, const std::string& peer) : state_(peers.state_), peer_(state_->peers[peer]) {
  if (state_->is_silent(peer_) && peer_.calls > 0) {
    throw PeerUnavailable(peer + ": it gave no answer to what it was asked before, and is asked one thing at a time until it does");
  }
  if (peer_.calls == 0) peer_.quiet_since = state_->now();
  ++peer_.calls;
}

/// A silent peer stays so when the last call to it has failed.
SilentPeers::Call::~Call() {
  (void)state_->is_silent(peer_);
  --peer_.calls;
}

void SilentPeers::Call::heard() {
  peer_.is_silent = false;
  peer_.quiet_since = state_->now();
}

}  // namespace ausf_ext
