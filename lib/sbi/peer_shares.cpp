#include "lib/sbi/peer_shares.hpp"

#include <algorithm>

namespace sbi {

void PeerShares::Share::work_off(Instant at) {
  debt_ = std::max(Duration::zero(), debt_ - (at - last_) / kFreePart);
  last_ = at;
}

std::shared_ptr<PeerShares::Share> PeerShares::share_of(const std::string& peer) {
  auto& share = shares_[peer];
  if (!share) share = std::make_shared<Share>();
  return share;
}

PeerShares::Crowd PeerShares::largest() const {
  Crowd largest;
  for (const auto& [peer, share] : shares_) {
    const Crowd one{share.get(), connections_of(share)};
    if (one.connections > largest.connections) largest = one;
  }
  return largest;
}

std::size_t PeerShares::connections_of(const std::string& peer) const {
  const auto found = shares_.find(peer);
  return found == shares_.end() ? 0 : connections_of(found->second);
}

void PeerShares::took(Share& share, Instant at, Duration taken) {
  share.work_off(at);
  share.debt_ = std::min<Duration>(share.debt_ + taken, kMostDebt);
  if (last_ != nullptr && last_ != &share) shared_until_ = at + kShared;
  last_ = &share;
}

PeerShares::Duration PeerShares::debt(Share& share, Instant at) const {
  if (!are_shared(at)) return Duration::zero();
  share.work_off(at);
  return share.debt_;
}

void PeerShares::sweep(Instant at) {
  std::erase_if(shares_, [this, at](const auto& entry) {
    const bool is_forgotten = entry.second.use_count() == 1 && at - entry.second->last_ > kFreePart * kMostDebt;
    if (is_forgotten && entry.second.get() == last_) last_ = nullptr;  // it is no other peer when it comes again
    return is_forgotten;
  });
}

}  // namespace sbi
