#include "nf-ausf-ext/onboarding.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "nf-ausf-ext/api_peers.hpp"
#include "nf-ausf-ext/retire.hpp"

namespace ausf_ext {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLongestLook{1000};  ///< another instance may have left work in the database

constexpr milliseconds kPauseAfterFault{1000};

Problem unreachable(const std::string& why) { return {504, "TARGET_NF_NOT_REACHABLE", why}; }
Problem pool_exhausted() { return {503, "IMSI_POOL_EXHAUSTED", "no IMSI is free; the device goes on when there is room"}; }

/// When a resting device is to be looked at next: at its end, unless it is over already.
std::optional<base::Time> rest_until(const Device& device) {
  if (device.state == State::retired) return std::nullopt;
  return device.expires_at;
}

}  // namespace

Onboarding::Onboarding(asio::io_context& loop, Parts parts) : loop_(loop), parts_(std::move(parts)), timer_(loop) {}

void Onboarding::start() { asio::co_spawn(loop_, run(), asio::detached); }

void Onboarding::stop() {
  is_stopping_ = true;
  timer_.cancel();
}

void Onboarding::wake() {
  asio::post(loop_, [this] { timer_.cancel(); });
}

asio::awaitable<void> Onboarding::run() {
  while (!is_stopping_) {
    milliseconds pause = kLongestLook;
    try {
      start_due();
      const auto next = find_next_due(parts_.reader);
      const bool has_room = in_flight_.size() < parts_.config.max_in_flight;
      if (next && has_room) pause = std::clamp<milliseconds>(*next - parts_.clock(), milliseconds(20), kLongestLook);
    } catch (const std::exception& error) {
      base::log::error("onboarding cannot read what is due: {}", error.what());
    }
    timer_.expires_after(pause);
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void Onboarding::start_due() {
  const std::size_t limit = parts_.config.max_in_flight;
  if (in_flight_.size() >= limit) return;
  // Those in flight are due as well: ask for enough to see past them.
  for (const auto& dimsi : find_due(parts_.reader, parts_.clock(), limit + in_flight_.size())) {
    if (in_flight_.size() >= limit) return;
    if (!in_flight_.contains(dimsi)) start_work(dimsi);
  }
}

void Onboarding::start_work(const profile::DiscoveryImsi& dimsi) {
  in_flight_.insert(dimsi);
  asio::co_spawn(loop_, work_on(dimsi), asio::detached);
}

asio::awaitable<void> Onboarding::work_on(profile::DiscoveryImsi dimsi) {
  bool is_broken = false;
  try {
    bool goes_on = true;
    while (goes_on && !is_stopping_) goes_on = co_await step(dimsi);
  } catch (const std::exception& error) {  // the store, or a key that cannot be opened: it stays due
    base::log::error("{}: onboarding stopped: {}", dimsi.digits(), error.what());
    is_broken = true;
  }
  if (is_broken) {
    asio::steady_timer pause(loop_, kPauseAfterFault);
    boost::system::error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  in_flight_.erase(dimsi);
  for (const auto& timer : std::exchange(waiting_[dimsi], {})) timer->cancel();
  waiting_.erase(dimsi);
  if (again_.erase(dimsi) > 0 && !is_stopping_) start_work(dimsi);
  timer_.cancel();  // there is room for another
}

asio::awaitable<bool> Onboarding::settle(profile::DiscoveryImsi dimsi, milliseconds wait) {
  if (in_flight_.contains(dimsi)) {
    again_.insert(dimsi);
  } else {
    start_work(dimsi);
  }
  const auto deadline = steady_clock::now() + wait;
  while (in_flight_.contains(dimsi) && steady_clock::now() < deadline) {
    const auto timer = std::make_shared<asio::steady_timer>(loop_, deadline);
    waiting_[dimsi].push_back(timer);
    boost::system::error_code ignored;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return !in_flight_.contains(dimsi);
}

/// One step of a device. True if another one may follow at once.
asio::awaitable<bool> Onboarding::step(profile::DiscoveryImsi dimsi) {
  auto device = find_device(parts_.reader, dimsi);
  if (!device) co_return false;
  auto cleanups = find_cleanups(parts_.reader, dimsi);
  if (!cleanups.empty()) co_return co_await clean_up(std::move(*device), std::move(cleanups));
  const auto until = rest_until(*device);
  if (until && *until <= parts_.clock()) co_return co_await expire(std::move(*device));
  if (device->state == State::offered) co_return co_await fetch_key(std::move(*device));
  if (device->state == State::key_retrieved) co_return co_await preload(std::move(*device));
  if (device->notify_network) co_return co_await notify(std::move(*device));
  if (device->due_at != until) co_await rest(std::move(*device));
  co_return false;
}

/// Step (11): what a retire, or another offer, left to do at the peers.
asio::awaitable<bool> Onboarding::clean_up(Device device, std::vector<Cleanup> cleanups) {
  for (const Cleanup& cleanup : cleanups) {
    bool is_done = false;
    if (cleanup.kind == Cleanup::Kind::vector) {
      is_done = co_await parts_.preload.remove(device.dimsi);
    } else {
      is_done = co_await parts_.fetch.spend(device.dimsi, cleanup.uri);
    }
    if (!is_done) {
      Problem problem = unreachable("a peer that must forget this device gave no answer");
      co_await pause(std::move(device), std::move(problem));
      co_return false;
    }
    store::Committer::Work<void> work = [dimsi = device.dimsi, cleanup](store::Database& database) {
      remove_cleanup(database, dimsi, cleanup);
    };
    co_await parts_.committer.write(std::move(work));
  }
  co_return true;
}

/// Steps (0-e) and (1): asks the ARPFs in their order; the first key that arrives is stored together with an IMSI.
asio::awaitable<bool> Onboarding::fetch_key(Device device) {
  if (!device.arpf_position && !has_free_imsi(parts_.reader, parts_.config.pools, parts_.clock())) {
    Problem problem = pool_exhausted();
    co_await pause(std::move(device), std::move(problem));
    co_return false;
  }
  const std::vector<OfferedArpf> offered = find_offer(parts_.reader, device.dimsi);
  std::optional<Problem> refusal;
  std::optional<Problem> silence;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i);
    if (device.arpf_position && *device.arpf_position != position) continue;  // its key arrived once: no other is asked
    base::Bytes sealed;
    try {
      const profile::EphemeralKey key = co_await parts_.fetch(device.dimsi, offered[i]);
      sealed = parts_.keys.seal(key, device.dimsi);
    } catch (const PeerRefused& error) {
      refusal = error.problem();
    } catch (const PeerUnavailable& error) {
      silence = unreachable(error.what());
    }
    if (!sealed.empty()) co_return co_await store_key(std::move(device), position, std::move(sealed));
  }
  if (silence || !refusal) {
    Problem problem = silence.value_or(unreachable("there is no ARPF to ask"));
    co_await pause(std::move(device), std::move(problem));
  } else {
    co_await fail(std::move(device), std::move(*refusal));
  }
  co_return false;
}

asio::awaitable<bool> Onboarding::store_key(Device device, std::int64_t position, base::Bytes sealed) {
  const auto has_imsi = std::make_shared<bool>(false);
  const base::Time now = parts_.clock();
  Change take = [this, position, sealed, has_imsi, now](store::Database& database, Device& fresh) {
    fresh.arpf_position = position;
    const auto allocated = allocate_imsi(database, parts_.config.pools, fresh.dimsi, now);
    if (!allocated) return;  // the last one went meanwhile: the key can be had again, from this ARPF only
    *has_imsi = true;
    fresh.state = State::key_retrieved;
    fresh.sealed_key = sealed;
    fresh.imsi = allocated->imsi;
    fresh.mnc_length = allocated->mnc_length;
    fresh.problem.reset();
    fresh.attempts = 0;
  };
  Device before = device;
  const bool is_stored = co_await change(std::move(before), std::move(take));
  if (is_stored && !*has_imsi) {
    Problem problem = pool_exhausted();
    co_await pause(std::move(device), std::move(problem));
    co_return false;
  }
  co_return is_stored;
}

/// Step (2).
asio::awaitable<bool> Onboarding::preload(Device device) {
  std::optional<Problem> refusal;
  std::optional<Problem> silence;
  try {
    const profile::EphemeralKey key = parts_.keys.open(device.sealed_key, device.dimsi);
    const AllocatedImsi allocated{*device.imsi, device.mnc_length};
    PreparedVector prepared = prepare_vector(key, device.dimsi, allocated);
    co_await parts_.preload(device.dimsi, *device.imsi, std::move(prepared));
  } catch (const PeerRefused& error) {
    refusal = error.problem();
  } catch (const PeerUnavailable& error) {
    silence = unreachable(error.what());
  }
  if (silence) {
    co_await pause(std::move(device), std::move(*silence));
    co_return false;
  }
  if (refusal) {
    co_await fail(std::move(device), std::move(*refusal));
    co_return false;
  }
  Change take = [](store::Database&, Device& fresh) {
    fresh.state = State::preloaded;
    fresh.problem.reset();
    fresh.attempts = 0;
    fresh.due_at = rest_until(fresh);
  };
  co_await change(std::move(device), std::move(take));
  co_return false;
}

/// Section 10: the RSMF is told until it answers 2xx.
asio::awaitable<bool> Onboarding::notify(Device device) {
  std::string body = write_notification(device.dimsi, *device.imsi, *device.notify_network, device.attached_at.value_or(parts_.clock()));
  std::string failure;
  try {
    const int status = co_await parts_.web.post_json(parts_.config.rsmf_uri, std::move(body), parts_.config.common.client_timeout);
    if (status < 200 || status > 299) failure = "the RSMF answered " + std::to_string(status);
  } catch (const web::HttpError& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    base::log::warning("{}: the RSMF is not told yet: {}", device.dimsi.digits(), failure);
    Problem problem = unreachable(failure);
    co_await pause(std::move(device), std::move(problem));
    co_return false;
  }
  Change told = [](store::Database&, Device& fresh) {
    fresh.notify_network.reset();
    fresh.problem.reset();
    fresh.attempts = 0;
    fresh.due_at = rest_until(fresh);
  };
  co_await change(std::move(device), std::move(told));
  co_return false;
}

/// A device that was never retired ends in the same way.
asio::awaitable<bool> Onboarding::expire(Device device) {
  base::log::info("{}: expired", device.dimsi.digits());
  store::Committer::Work<void> work = [this, dimsi = device.dimsi, now = parts_.clock()](store::Database& database) {
    retire(database, dimsi, parts_.config, now);
  };
  co_await parts_.committer.write(std::move(work));
  co_return true;
}

asio::awaitable<void> Onboarding::fail(Device device, Problem problem) {
  base::log::info("{}: failed: {}", device.dimsi.digits(), problem.detail);
  Change refused = [problem](store::Database&, Device& fresh) {
    fresh.state = State::failed;
    fresh.problem = problem;
    fresh.due_at = rest_until(fresh);
  };
  co_await change(std::move(device), std::move(refused));
}

/// Tries again after a pause that doubles with each attempt.
asio::awaitable<void> Onboarding::pause(Device device, Problem problem) {
  const base::Time now = parts_.clock();
  Change wait = [this, problem, now](store::Database&, Device& fresh) {
    const auto doublings = std::min<std::int64_t>(fresh.attempts, 20);
    const milliseconds pause = std::min(parts_.config.longest_pause, parts_.config.first_pause * (std::int64_t{1} << doublings));
    ++fresh.attempts;
    fresh.problem = problem;
    fresh.due_at = now + pause;
  };
  co_await change(std::move(device), std::move(wait));
}

asio::awaitable<void> Onboarding::rest(Device device) {
  Change settled = [](store::Database&, Device& fresh) {
    fresh.attempts = 0;
    if (fresh.state == State::retired) fresh.problem.reset();
    fresh.due_at = rest_until(fresh);
  };
  co_await change(std::move(device), std::move(settled));
}

asio::awaitable<bool> Onboarding::change(Device device, Change change) {
  store::Committer::Work<bool> work = [device, change, now = parts_.clock()](store::Database& database) {
    auto fresh = find_device(database, device.dimsi);
    if (!fresh || fresh->epoch != device.epoch || fresh->state != device.state) return false;
    change(database, *fresh);
    return update_device(database, *fresh, now);
  };
  const bool is_changed = co_await parts_.committer.write(std::move(work));
  co_return is_changed;
}

}  // namespace ausf_ext
