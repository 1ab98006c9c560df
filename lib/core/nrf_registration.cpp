#include "lib/core/nrf_registration.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>

#include "lib/base/log.hpp"
#include "lib/sbi/problem.hpp"

namespace core {

namespace asio = boost::asio;
using std::chrono::milliseconds;

milliseconds heartbeat_pause(const NrfSettings& settings, std::optional<std::int64_t> granted_s) {
  std::int64_t timer_s = granted_s.value_or(settings.heartbeat_s);
  if (timer_s <= 0) timer_s = settings.heartbeat_s;
  timer_s = std::clamp(timer_s, kMinHeartbeatS, kMaxHeartbeatS);
  if (granted_s && timer_s != *granted_s) base::log::warning("the NRF wants a heartbeat every {} s: it gets one every {} s", *granted_s, timer_s);
  return std::max(settings.second * timer_s * 9 / 10, milliseconds(1));
}

NrfRegistration::NrfRegistration(asio::io_context& loop, NrfLink& link, const NrfSettings& settings, NfInstance instance,
                                 std::function<void()> on_forgotten)
    : link_(link),
      settings_(settings),
      instance_(std::move(instance)),
      on_forgotten_(std::move(on_forgotten)),
      pause_(loop) {
  instance_.heartbeat_s = settings.heartbeat_s;
  take_timer(sbi::Response(204));
}

asio::awaitable<void> NrfRegistration::run() {
  while (!pause_.is_stopped()) {
    co_await keep_registered();
    co_await pause_.rest(next_);
  }
  if (may_be_known_) co_await leave();
}

/// One round; next_ is the time until the next one.
asio::awaitable<void> NrfRegistration::keep_registered() {
  try {
    bool is_kept = false;
    if (is_known_) is_kept = co_await beat();
    if (!is_kept) co_await enrol();
  } catch (const NrfUnavailable& error) {
    next_ = growing_pause(settings_, failures_++);
    base::log::debug("{} {} cannot reach an NRF: {}", instance_.nf_type, instance_.id, error.what());
  }
}

/// The heartbeat. False if the NRF does not know us: it was restarted, or it is another one.
asio::awaitable<bool> NrfRegistration::beat() {
  NrfRequest request{"PATCH", resource(), write_heartbeat(instance_), kPatchJson, true};
  const sbi::Response answer = co_await link_.send(std::move(request));
  if (answer.status == 200) take_timer(answer);
  const bool is_taken = answer.status == 200 || answer.status == 204;
  if (is_taken) {
    failures_ = 0;
    next_ = heartbeat_;
  } else {
    base::log::warning("the NRF answered the heartbeat of {} {} with {}: it is registered again", instance_.nf_type, instance_.id,
                       answer.status);
  }
  co_return is_taken;
}

asio::awaitable<void> NrfRegistration::enrol() {
  NrfRequest request{"PUT", resource(), write_nf_profile(instance_), sbi::kJson, true};
  is_known_ = false;
  may_be_known_ = true;
  const sbi::Response answer = co_await link_.send(std::move(request));
  if (answer.status != 200 && answer.status != 201) {
    refused(answer);
    co_return;
  }
  is_known_ = true;
  failures_ = 0;
  take_timer(answer);
  next_ = heartbeat_;
  base::log::info("registered at the NRF as {} {}, {}", instance_.nf_type, instance_.id, instance_.api_root());
  if (std::exchange(was_known_, true) && answer.status == 201) on_forgotten_();
}

void NrfRegistration::refused(const sbi::Response& answer) {
  may_be_known_ = false;
  const auto problem = sbi::read_problem(answer);
  next_ = growing_pause(settings_, failures_++);
  base::log::error("the NRF refuses {} {} with {} {}: asked again in {} ms", instance_.nf_type, instance_.id, answer.status,
                   problem.detail.empty() ? problem.title : problem.detail, next_.count());
}

void NrfRegistration::take_timer(const sbi::Response& answer) {
  heartbeat_ = heartbeat_pause(settings_, read_heartbeat_timer(answer));
}

asio::awaitable<void> NrfRegistration::leave() {
  try {
    NrfRequest request{"DELETE", resource(), "", sbi::kJson, true};
    const sbi::Response answer = co_await link_.send(std::move(request));
    base::log::info("left the NRF as {} {} ({})", instance_.nf_type, instance_.id, answer.status);
  } catch (const NrfUnavailable& error) {
    base::log::warning("the NRF could not be told that {} {} leaves: {}", instance_.nf_type, instance_.id, error.what());
  }
}

}  // namespace core
