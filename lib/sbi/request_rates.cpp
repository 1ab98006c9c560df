#include "lib/sbi/request_rates.hpp"

#include <algorithm>

namespace sbi {

bool RequestRates::Bucket::take(Instant now) {
  if (last_ != Instant()) {
    const double seconds = std::chrono::duration<double>(std::max(now - last_, Instant::duration::zero())).count();
    tokens_ = std::min(a_second_, tokens_ + seconds * a_second_);
  }
  last_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

std::shared_ptr<RequestRates::Bucket> RequestRates::bucket_of(const std::string& peer) {
  if (a_second_ == 0) return nullptr;
  auto& known = buckets_[peer];
  if (auto bucket = known.lock()) return bucket;
  auto fresh = std::make_shared<Bucket>(static_cast<double>(a_second_));
  known = fresh;
  return fresh;
}

void RequestRates::sweep() {
  std::erase_if(buckets_, [](const auto& entry) { return entry.second.expired(); });
}

}  // namespace sbi
