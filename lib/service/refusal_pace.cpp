#include "lib/service/refusal_pace.hpp"

namespace service {

bool RefusalPace::admits(const std::string& peer, Instant at) {
  if (at - swept_ > std::chrono::seconds(1)) {
    rates_.sweep(at);
    swept_ = at;
  }
  const bool is_crowded = rates_.peers() >= kMaxPeers;
  if (rates_.bucket_of(is_crowded ? std::string() : peer)->take(at) && all_.take(at)) return true;
  ++left_out_;
  return false;
}

}  // namespace service
