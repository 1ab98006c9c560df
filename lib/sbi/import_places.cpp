#include "lib/sbi/import_places.hpp"

#include <unordered_map>
#include <utility>

#include "lib/base/error.hpp"

namespace sbi {

struct ImportPlaces::Place::Taken {
  std::size_t all = 0;
  std::unordered_map<std::string, std::size_t> of_peer;
};

ImportPlaces::Place ImportPlaces::take(const Peer& from) {
  using base::Error;
  using base::ErrorKind;
  const std::string peer = from.is_anonymous() ? from.address.substr(0, from.address.rfind(':')) : from.name;
  if (!taken_) taken_ = std::make_shared<Place::Taken>();
  if (taken_->all >= most_) throw Error(ErrorKind::unavailable, "NF_CONGESTION", "as many imports run as may: " + std::to_string(most_));
  const auto own = taken_->of_peer.find(peer);
  if (own != taken_->of_peer.end() && own->second >= most_of_a_peer_) {
    throw Error(ErrorKind::too_many_requests, "NF_CONGESTION_RISK",
                "as many imports of this peer run as may: " + std::to_string(most_of_a_peer_));
  }
  ++taken_->all;
  ++taken_->of_peer[peer];
  return {taken_, peer};
}

ImportPlaces::Place::~Place() {
  if (!taken_) return;  // it was moved
  --taken_->all;
  const auto own = taken_->of_peer.find(peer_);
  if (--own->second == 0) taken_->of_peer.erase(own);
}

std::size_t ImportPlaces::Place::running() const noexcept { return taken_->all; }

}  // namespace sbi
