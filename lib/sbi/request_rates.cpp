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
  auto& bucket = buckets_[peer];
  if (!bucket) bucket = std::make_shared<Bucket>(static_cast<double>(a_second_));
  return bucket;
}

void RequestRates::sweep(Instant now) {
  std::erase_if(buckets_, [now](const auto& entry) { return entry.second.use_count() == 1 && now - entry.second->last() > std::chrono::seconds(1); });
}

}  // namespace sbi
