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
constexpr milliseconds kShortestLook{20};
constexpr std::size_t kFreedAtOnce = 1000;  ///< IMSIs of one transaction

constexpr milliseconds kPauseAfterFault{1000};

Problem unreachable(const std::string& why) { return {504, "TARGET_NF_NOT_REACHABLE", why}; }
Problem pool_exhausted() { return {503, "IMSI_POOL_EXHAUSTED", "no IMSI is free; the device goes on when there is room"}; }

/// Asking again with the same vector would bring the same. Anything else the operators mend: a route, a right, a range.
bool is_final_at_d_ausf(int status) { return status == 400 || status == 409 || status == 412; }

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
  for (const auto& [dimsi, all] : waiting_) {
    for (const auto& waiting : all) waiting->timer.cancel();  // it is answered with what there is
  }
}

void Onboarding::wake() {
  asio::post(loop_, [this] {
    look_anew();
    timer_.cancel();
  });
}

asio::awaitable<void> Onboarding::run() {
  while (!is_stopping_) {
    milliseconds pause = kLongestLook;
    try {
      if (steady_clock::now() >= next_full_look_) look_anew();
      const bool may_free_more = free_rested_imsis();
      start_due();
      pause = may_free_more ? kShortestLook : until_next_due();
    } catch (const std::exception& error) {
      base::log::error("onboarding cannot read what is due: {}", error.what());
    }
    timer_.expires_after(pause);
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

bool Onboarding::free_rested_imsis() {
  const base::Time now = parts_.clock();
  const auto next = next_free_at(parts_.reader);
  if (!next || *next > now) return false;
  parts_.committer.write_later([now](store::Database& database) { free_rested(database, now, kFreedAtOnce); });
  return true;
}

bool Onboarding::has_room() const { return in_flight_.size() < parts_.config.max_in_flight + parts_.silent.waiting(); }

void Onboarding::start_due() {
  while (has_room()) {
    if (due_.empty() && !look_on()) return;
    const profile::DiscoveryImsi dimsi = due_.front();
    due_.pop_front();
    if (!in_flight_.contains(dimsi) && is_due(dimsi)) start_work(dimsi);
  }
}

/// Reads on where the last look ended, so that what is in flight, and due as well, is not read with each device that comes to rest.
bool Onboarding::look_on() {
  looked_at_ = parts_.clock();
  for (const Due& due : find_due(parts_.reader, looked_at_, seen_, parts_.config.max_in_flight)) {
    due_.push_back(due.dimsi);
    seen_ = due;
  }
  return !due_.empty();
}

void Onboarding::look_anew() {
  seen_.reset();
  due_.clear();
  next_full_look_ = steady_clock::now() + kLongestLook;
}

milliseconds Onboarding::until_next_due() {
  if (!has_room()) return kLongestLook;  // a device that comes to rest wakes the loop
  const auto next = find_next_due(parts_.reader, looked_at_);
  return next ? std::clamp<milliseconds>(*next - parts_.clock(), kShortestLook, kLongestLook) : kLongestLook;
}

bool Onboarding::is_due(const profile::DiscoveryImsi& dimsi) {
  const auto device = find_device(parts_.reader, dimsi);
  return device && device->due_at && *device->due_at <= parts_.clock();
}

void Onboarding::start_work(const profile::DiscoveryImsi& dimsi) {
  in_flight_.insert(dimsi);
  asio::co_spawn(loop_, work_on(dimsi), asio::detached);
}

asio::awaitable<void> Onboarding::work_on(profile::DiscoveryImsi dimsi) {
  std::optional<std::string> fault;
  bool is_written = true;
  try {
    bool goes_on = true;
    while (goes_on && !is_stopping_) goes_on = co_await step(dimsi);
  } catch (const base::Error& error) {
    is_written = error.kind() != base::ErrorKind::unavailable;
    fault = error.what();
  } catch (const std::exception& error) {  // a read of the store, or a key that cannot be opened
    fault = error.what();
  }
  if (!is_written) {
    co_await pause_after_fault();  // the store has said why, once for all who wait for it: nothing can be noted now
  } else if (fault) {
    co_await set_aside(dimsi, std::move(*fault));
  }
  in_flight_.erase(dimsi);
  if (again_.erase(dimsi) > 0 && !is_stopping_) {
    start_work(dimsi);
  } else {
    tell_waiting(dimsi);
  }
  timer_.cancel();  // there may be room for another
}

/// A device that cannot be worked on waits as for a peer that is down, so that it does not keep others from their turn.
asio::awaitable<void> Onboarding::set_aside(profile::DiscoveryImsi dimsi, std::string fault) {
  base::log::error("{}: onboarding stopped: {}", dimsi.digits(), fault);
  try {
    auto device = find_device(parts_.reader, dimsi);
    if (!device) co_return;
    Problem problem{500, "SYSTEM_FAILURE", "this device cannot be worked on; the log of this function says why"};
    co_await pause(std::move(*device), std::move(problem));
    co_return;
  } catch (const std::exception& error) {
    base::log::error("{}: nor can it be set aside: {}", dimsi.digits(), error.what());
  }
  co_await pause_after_fault();
}

asio::awaitable<void> Onboarding::pause_after_fault() {
  asio::steady_timer pause(loop_, kPauseAfterFault);
  boost::system::error_code ignored;
  co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void Onboarding::tell_waiting(const profile::DiscoveryImsi& dimsi) {
  const auto found = waiting_.find(dimsi);
  if (found == waiting_.end()) return;
  for (const auto& waiting : std::exchange(found->second, {})) {
    waiting->has_come = true;
    waiting->timer.cancel();
  }
  waiting_.erase(dimsi);
}

asio::awaitable<bool> Onboarding::settle(profile::DiscoveryImsi dimsi, milliseconds wait) {
  if (in_flight_.contains(dimsi)) {
    again_.insert(dimsi);
  } else if (has_room()) {
    start_work(dimsi);
  } else if (!is_due(dimsi)) {
    co_return true;
  }  // else its turn comes when there is room
  const auto waiting = std::make_shared<Waiting>(loop_, wait);
  waiting_[dimsi].push_back(waiting);
  boost::system::error_code ignored;
  co_await waiting->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!waiting->has_come) stop_waiting(dimsi, waiting);
  co_return waiting->has_come;
}

void Onboarding::stop_waiting(const profile::DiscoveryImsi& dimsi, const std::shared_ptr<Waiting>& waiting) {
  const auto found = waiting_.find(dimsi);
  if (found == waiting_.end()) return;
  std::erase(found->second, waiting);
  if (found->second.empty()) waiting_.erase(found);
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

/// Step (11): what a retire, or another offer, left to do at the peers. One that cannot be done now keeps no other one waiting.
asio::awaitable<bool> Onboarding::clean_up(Device device, std::vector<Cleanup> cleanups) {
  std::optional<Problem> open;
  for (const Cleanup& cleanup : cleanups) {
    std::optional<Problem> fault;
    if (cleanup.kind == Cleanup::Kind::vector) {
      fault = co_await parts_.preload.remove(device.dimsi);
    } else {
      fault = co_await parts_.fetch.spend(device.dimsi, cleanup);
    }
    if (fault) {
      open = std::move(fault);
    } else {
      co_await note_done(device.dimsi, cleanup);
    }
  }
  if (open) co_await pause(std::move(device), std::move(*open));
  co_return !open;
}

/// The IMSI of a vector begins to rest when that is gone: until then another device must not get it.
asio::awaitable<void> Onboarding::note_done(profile::DiscoveryImsi dimsi, Cleanup cleanup) {
  const base::Time free_at = parts_.clock() + parts_.config.quarantine;
  store::Committer::Work<void> work = [dimsi, cleanup, free_at](store::Database& database) {
    remove_cleanup(database, dimsi, cleanup);
    if (cleanup.imsi) rest_imsi(database, *cleanup.imsi, free_at);
  };
  co_await parts_.committer.write(std::move(work));
}

/// Steps (0-e) and (1): asks the ARPFs in their order; the first key that arrives is stored together with an IMSI.
asio::awaitable<bool> Onboarding::fetch_key(Device device) {
  if (!device.arpf_position && !has_free_imsi(parts_.reader, parts_.config.pools)) {
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
      silence = error.problem();
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
  Change take = [this, position, sealed, has_imsi](store::Database& database, Device& fresh) {
    fresh.arpf_position = position;
    const auto allocated = allocate_imsi(database, parts_.config.pools, fresh.dimsi);
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
  std::optional<Problem> passing;
  try {
    const profile::EphemeralKey key = parts_.keys.open(device.sealed_key, device.dimsi);
    const AllocatedImsi allocated{*device.imsi, device.mnc_length};
    PreparedVector prepared = prepare_vector(key, device.dimsi, allocated);
    co_await parts_.preload(device.dimsi, *device.imsi, std::move(prepared));
  } catch (const PeerRefused& error) {
    (is_final_at_d_ausf(error.problem().status) ? refusal : passing) = error.problem();
  } catch (const PeerUnavailable& error) {
    passing = error.problem();
  }
  if (passing) {
    co_await pause(std::move(device), std::move(*passing));
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
  Device before = device;
  const bool is_of_now = co_await change(std::move(before), std::move(take));
  if (!is_of_now) co_await recall_vector(std::move(device));
  co_return false;
}

/// The D-AUSF has a vector with an IMSI that the device may have given up meanwhile, by a retire at another instance, which may have found nothing to
/// delete there. Then it is deleted, again; or the vector of the IMSI that the device has now takes its place, again.
asio::awaitable<void> Onboarding::recall_vector(Device device) {
  store::Committer::Work<bool> work = [device, now = parts_.clock()](store::Database& database) {
    auto fresh = find_device(database, device.dimsi);
    if (!fresh || fresh->imsi == device.imsi) return false;
    if (fresh->state == State::preloaded) {
      begin_epoch(database, *fresh);
      fresh->state = State::key_retrieved;
    } else if (fresh->state != State::key_retrieved) {
      add_cleanup(database, device.dimsi, {Cleanup::Kind::vector, "", device.imsi});
      hold_again(database, *device.imsi);
    }
    fresh->due_at = now;
    return update_device(database, *fresh, now);
  };
  const bool is_recalled = co_await parts_.committer.write(std::move(work));
  if (is_recalled) base::log::info("{}: its vector came to the D-AUSF when the device had given up the IMSI: it is seen to", device.dimsi.digits());
}

/// Section 10: the RSMF is told until it answers 2xx.
asio::awaitable<bool> Onboarding::notify(Device device) {
  std::string body = write_notification(device.dimsi, *device.imsi, *device.notify_network, device.attached_at.value_or(parts_.clock()));
  std::string failure;
  try {
    SilentPeers::Call call(parts_.silent, parts_.config.rsmf_uri);
    const int status = co_await parts_.web.post_json(parts_.config.rsmf_uri, std::move(body), parts_.config.common.client_timeout);
    call.heard();
    if (status < 200 || status > 299) failure = "the RSMF answered " + std::to_string(status);
  } catch (const web::HttpError& error) {
    failure = error.what();
  } catch (const PeerUnavailable& error) {
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

/// A device that was never retired ends in the same way; unless it is retired, or there is another offer, since the step looked: that is another lifetime.
asio::awaitable<bool> Onboarding::expire(Device device) {
  store::Committer::Work<bool> work = [dimsi = device.dimsi, epoch = device.epoch, now = parts_.clock()](store::Database& database) {
    const auto fresh = find_device(database, dimsi);
    if (!fresh || fresh->epoch != epoch) return false;
    retire(database, dimsi, now);
    return true;
  };
  const bool is_expired = co_await parts_.committer.write(std::move(work));
  if (!is_expired) co_return true;
  base::log::info("{}: expired", device.dimsi.digits());
  service::AuditEvent event;
  event.action = service::AuditAction::retire;
  event.dimsi = device.dimsi.digits();
  event.detail = "its lifetime is over";
  parts_.audit.note(std::move(event));
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
