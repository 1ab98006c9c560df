#include "nf-ausf-ext/global_counter.hpp"

namespace ausf_ext {
namespace {

constexpr const char* kFindCounter = "SELECT value FROM global_counter";
constexpr const char* kTakeCounter = "UPDATE global_counter SET value = value + 1";

}  // namespace

std::uint64_t GlobalCounter::value() const {
  const std::lock_guard lock(mutex_);
  return value_;
}

bool GlobalCounter::claim(std::uint64_t value, const profile::DiscoveryImsi& dimsi) {
  const std::lock_guard lock(mutex_);
  if (value == 0 || value != value_ || Clock::now() - taken_at_ >= times_.lapses_after) return false;
  return claimed_.insert(dimsi.packed()).second;
}

bool GlobalCounter::is_due_at(Clock::time_point now) const {
  const bool is_fresh = value_ != 0 && now - taken_at_ < times_.renewed_after;
  const bool is_asked_for = asked_at_ && now - *asked_at_ < times_.asked_again_after;
  return !is_fresh && !is_asked_for;
}

bool GlobalCounter::is_due() const {
  const std::lock_guard lock(mutex_);
  return is_due_at(Clock::now());
}

bool GlobalCounter::wants_renewal() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (!is_due_at(now)) return false;
  asked_at_ = now;
  return true;
}

void GlobalCounter::renew(std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  if (value <= value_) return;
  value_ = value;
  taken_at_ = Clock::now();
  claimed_.clear();
}

std::uint64_t find_global_counter(store::Database& database) {
  store::Rows rows = database.query(kFindCounter);
  if (!rows.next()) throw store::StoreError("the table global_counter has no row");
  return rows.number(0);
}

std::uint64_t take_global_counter(store::Database& database) {
  database.run(kTakeCounter);
  return find_global_counter(database);
}

}  // namespace ausf_ext
