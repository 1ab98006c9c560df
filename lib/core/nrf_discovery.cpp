#include "lib/core/nrf_discovery.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <cstring>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/sbi/problem.hpp"

namespace core {
namespace {

namespace asio = boost::asio;
using base::Error;
using base::ErrorKind;

constexpr std::int64_t kUsualValidityS = 30;

std::uint64_t machine_random() {
  const auto octets = crypto::random_octets<8>();
  std::uint64_t out = 0;
  std::memcpy(&out, octets.data(), sizeof out);
  return out;
}

/// A number above 0 and up to 1.
double unit(std::uint64_t random) { return (static_cast<double>(random >> 11U) + 1.0) / 9007199254740992.0; }

}  // namespace

struct NrfDiscovery::Flight {
  explicit Flight(asio::io_context& loop) : landed(loop, Instant::max()) {}
  asio::steady_timer landed;  ///< cancelled when it has
  bool is_over = false;
  bool is_outdated = false;  ///< something changed meanwhile
  std::vector<DiscoveredInstance> instances;
  std::optional<Error> failure;
};

NrfDiscovery::NrfDiscovery(asio::io_context& loop, NrfLink& link, const NrfSettings& settings, Spawn spawn)
    : loop_(loop), link_(link), settings_(settings), spawn_(std::move(spawn)) {}

asio::awaitable<std::vector<DiscoveredInstance>> NrfDiscovery::find(DiscoveryQuery query) {
  if (query.requester_nf_type.empty()) query.requester_nf_type = settings_.requester_type;
  const std::string key = discovery_target(query, settings_.plmns);
  const auto known = entries_.find(key);
  if (known != entries_.end() && !known->second.flight && settings_.instant() < known->second.until) {
    co_return in_order(known->second.instances);
  }
  if (known == entries_.end()) make_room();
  auto flight = entries_[key].flight;
  if (!flight) {
    flight = std::make_shared<Flight>(loop_);
    entries_[key].target_type = query.target_nf_type;
    entries_[key].flight = flight;
    spawn_(ask(key, std::move(query), flight));
  }
  while (!flight->is_over) {
    boost::system::error_code ignored;
    co_await flight->landed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (flight->failure) throw Error(*flight->failure);
  co_return in_order(flight->instances);
}

asio::awaitable<void> NrfDiscovery::ask(std::string key, DiscoveryQuery query, std::shared_ptr<Flight> flight) {
  sbi::Response answer;
  std::string silence;
  try {
    NrfRequest request{"GET", key, ""};
    answer = co_await link_.send(std::move(request));
  } catch (const NrfUnavailable& error) {
    silence = error.what();
  }
  Entry& entry = entries_.at(key);  // no one removes it while it is in flight
  entry.flight.reset();
  if (silence.empty()) {
    settle(entry, query, *flight, answer);
  } else {
    const std::string detail = "no NRF can be asked where to find " + query.target_nf_type;
    use_stale(entry, *flight, Error(ErrorKind::gateway_timeout, "NRF_NOT_REACHABLE", detail), silence);
  }
  if (flight->failure) entries_.erase(key);
  flight->is_over = true;
  flight->landed.cancel();
}

/// What an NRF's answer means. 404 is an answer too: there is no such instance.
void NrfDiscovery::settle(Entry& entry, const DiscoveryQuery& query, Flight& flight, const sbi::Response& answer) {
  std::string why;
  try {
    if (answer.status == 200 || answer.status == 404) {
      keep(entry, answer.status == 200 ? read_search_result(answer, query) : SearchResult(), flight);
      flight.instances = entry.instances;
      return;
    }
    const auto problem = sbi::read_problem(answer);
    why = "the NRF answered " + std::to_string(answer.status) + " " + (problem.cause.empty() ? problem.title : problem.cause);
  } catch (const Error& error) {
    why = std::string("the NRF's answer is no SearchResult: ") + error.what();
  }
  const std::string detail = "the NRF does not say where to find " + query.target_nf_type;
  use_stale(entry, flight, Error(ErrorKind::gateway_timeout, "NF_DISCOVERY_FAILURE", detail), why);
}

void NrfDiscovery::keep(Entry& entry, SearchResult found, const Flight& flight) {
  const auto is_own = [this](const DiscoveredInstance& instance) { return own_.contains(instance.id); };
  std::erase_if(found.instances, is_own);
  if (found.passed_over > 0) {
    base::log::warning("of the {} instances that the NRF named, {} are of no use", entry.target_type, found.passed_over);
  }
  const Instant now = settings_.instant();
  std::int64_t validity_s = found.validity_s.value_or(kUsualValidityS);
  if (validity_s <= 0) validity_s = kMinValidityS;
  validity_s = std::clamp(validity_s, kMinValidityS, kMaxValidityS);
  if (found.instances.empty()) validity_s = std::min(validity_s, kEmptyValidityS);
  const bool is_in_grace = !entry.instances.empty() && now < entry.confirmed + seconds(kEmptyGraceS);
  if (!found.instances.empty() || !is_in_grace) {
    entry.instances = std::move(found.instances);
    entry.confirmed = now;
  }
  entry.until = flight.is_outdated ? now : now + seconds(validity_s);
}

/// What was known before serves while the NRF says nothing; without it, the discovery fails.
void NrfDiscovery::use_stale(Entry& entry, Flight& flight, Error failure, const std::string& why) {
  if (entry.instances.empty()) {
    base::log::warning("{}: {}", failure.what(), why);
    flight.failure.emplace(std::move(failure));
    return;
  }
  base::log::warning("{} as it was known before is used: {}", entry.target_type, why);
  entry.until = settings_.instant() + seconds(kMinValidityS);
  flight.instances = entry.instances;
}

void NrfDiscovery::remove(const std::string& target_type, const std::string& instance_id) {
  for (auto& [key, entry] : entries_) {
    if (entry.target_type != target_type) continue;
    std::erase_if(entry.instances, [&](const DiscoveredInstance& instance) { return instance.id == instance_id; });
    if (entry.instances.empty()) entry.until = settings_.instant();
    if (entry.flight) entry.flight->is_outdated = true;
  }
}

void NrfDiscovery::expire(const std::string& target_type) {
  for (auto& [key, entry] : entries_) {
    if (entry.target_type != target_type) continue;
    entry.until = settings_.instant();
    if (entry.flight) entry.flight->is_outdated = true;
  }
}

/// Makes room for one more entry. Those in flight are waited for and stay.
void NrfDiscovery::make_room() {
  if (entries_.size() < kMaxDiscoveries) return;
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->second.flight) continue;
    if (oldest == entries_.end() || entry->second.until < oldest->second.until) oldest = entry;
  }
  if (oldest == entries_.end()) {
    throw Error(ErrorKind::unavailable, "INSUFFICIENT_RESOURCES", "too many discoveries are under way");
  }
  entries_.erase(oldest);
}

/// By priority; within one, at random so that each comes first in proportion to its capacity (weighted sampling without
/// replacement: the key of each is an exponential time of that rate).
std::vector<DiscoveredInstance> NrfDiscovery::in_order(std::vector<DiscoveredInstance> instances) const {
  const auto random = settings_.random ? settings_.random : machine_random;
  std::vector<std::pair<double, std::size_t>> times;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const double rate = std::max(static_cast<double>(instances[i].capacity), 0.001);
    times.emplace_back(-std::log(unit(random())) / rate, i);
  }
  std::sort(times.begin(), times.end(), [&](const auto& a, const auto& b) {
    return std::pair(instances[a.second].priority, a.first) < std::pair(instances[b.second].priority, b.first);
  });
  std::vector<DiscoveredInstance> out;
  for (const auto& [time, i] : times) out.push_back(std::move(instances[i]));
  return out;
}

}  // namespace core
