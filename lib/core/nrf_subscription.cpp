#include "lib/core/nrf_subscription.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>

#include "lib/base/bytes.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/sbi/problem.hpp"

namespace core {

namespace asio = boost::asio;
using std::chrono::milliseconds;

NrfSubscription::NrfSubscription(asio::io_context& loop, NrfLink& link, const NrfSettings& settings, Subscriber subscriber,
                                 std::string target_type)
    : link_(link),
      settings_(settings),
      subscriber_(std::move(subscriber)),
      target_type_(std::move(target_type)),
      key_(base::to_hex(crypto::random_octets<16>())),
      pause_(loop) {}

std::string NrfSubscription::resource() const { return "/nnrf-nfm/v1/subscriptions/" + percent_encoded(id_); }

base::Time NrfSubscription::wanted_end() const { return settings_.clock() + settings_.second * settings_.subscription_s; }

asio::awaitable<void> NrfSubscription::run() {
  while (!pause_.is_stopped()) {
    co_await keep_subscribed();
    co_await pause_.rest(next_);
  }
  if (!id_.empty()) co_await leave();
}

/// One round; next_ is the time until the next one.
asio::awaitable<void> NrfSubscription::keep_subscribed() {
  try {
    bool is_kept = false;
    if (!id_.empty()) is_kept = co_await prolong();
    if (!is_kept) co_await subscribe();
  } catch (const NrfUnavailable& error) {
    next_ = growing_pause(settings_, failures_++);
    base::log::debug("no NRF can be reached for the subscription to {}: {}", target_type_, error.what());
  }
}

/// False if the NRF has no such subscription.
asio::awaitable<bool> NrfSubscription::prolong() {
  const base::Time end = wanted_end();
  NrfRequest request{"PATCH", resource(), write_validity(end), kPatchJson, true};
  const sbi::Response answer = co_await link_.send(std::move(request));
  if (answer.status != 200 && answer.status != 204) {
    base::log::warning("the NRF answered the renewal of the subscription to {} with {}: it is made again", target_type_, answer.status);
    id_.clear();
    co_return false;
  }
  failures_ = 0;
  GrantedSubscription granted{id_, read_subscription(answer).valid_until.value_or(end)};
  take(granted);
  co_return true;
}

asio::awaitable<void> NrfSubscription::subscribe() {
  const base::Time end = wanted_end();
  const std::string uri = subscriber_.root + "/nf-status-notify/v1/" + key_;
  const StatusSubscription wanted{target_type_, subscriber_.type, subscriber_.instance_id, uri, end};
  NrfRequest request{"POST", "/nnrf-nfm/v1/subscriptions", write_subscription(wanted), sbi::kJson, true};
  const sbi::Response answer = co_await link_.send(std::move(request));
  if (answer.status != 200 && answer.status != 201) {
    const auto problem = sbi::read_problem(answer);
    next_ = growing_pause(settings_, failures_++);
    base::log::error("the NRF refuses the subscription to {} with {} {}: asked again in {} ms", target_type_, answer.status,
                     problem.detail.empty() ? problem.title : problem.detail, next_.count());
    co_return;
  }
  failures_ = 0;
  take(read_subscription(answer));
  base::log::info("subscribed at the NRF to changes of {}", target_type_);
}

/// Without an id the subscription cannot be renewed: another one is made in its time.
void NrfSubscription::take(const GrantedSubscription& granted) {
  id_ = granted.id;
  if (id_.empty()) base::log::warning("the NRF names no id for the subscription to {}", target_type_);
  const milliseconds wished = settings_.second * settings_.subscription_s;
  milliseconds left = granted.valid_until ? *granted.valid_until - settings_.clock() : wished;
  if (left <= milliseconds::zero()) {
    base::log::warning("the NRF's subscription to {} ends before it begins: do the clocks agree?", target_type_);
    left = wished;
  }
  next_ = std::clamp<milliseconds>(left * 3 / 4, settings_.second, settings_.second * kMaxSubscriptionS);
}

asio::awaitable<void> NrfSubscription::leave() {
  try {
    NrfRequest request{"DELETE", resource(), "", sbi::kJson, true};
    co_await link_.send(std::move(request));
  } catch (const NrfUnavailable& error) {
    base::log::warning("the NRF could not be told that the subscription to {} ends: {}", target_type_, error.what());
  }
}

}  // namespace core
