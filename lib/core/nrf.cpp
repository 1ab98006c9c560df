#include "lib/core/nrf.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/core/nrf_discovery.hpp"
#include "lib/core/nrf_registration.hpp"
#include "lib/core/nrf_subscription.hpp"

namespace core {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

/// NF types that are subscribed to at most: a function asks for two or three.
constexpr std::size_t kMaxSubscriptions = 16;

}  // namespace

/// On the loop's thread alone. Its coroutines own it; what waits on other loops does not, for those may live longer than this one.
struct Nrf::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, sbi::Client& client, NrfSettings given)
      : loop(io),
        settings(std::move(given)),
        link(client, settings),
        discovery(io, link, settings, [this](asio::awaitable<void> work) { spawn(std::move(work), false); }),
        farewell(io) {}

  /// `is_awaited`: stop() waits for it.
  void spawn(asio::awaitable<void> work, bool is_awaited) {
    if (is_awaited) ++running;
    asio::co_spawn(loop, supervised(shared_from_this(), std::move(work), is_awaited), asio::detached);
  }
  static asio::awaitable<void> supervised(std::shared_ptr<State> self, asio::awaitable<void> work, bool is_awaited) {
    try {
      co_await std::move(work);
    } catch (const std::exception& error) {
      base::log::error("what is done at the NRF stopped: {}", error.what());
    }
    if (is_awaited && --self->running == 0) self->farewell.cancel();
  }

  void register_instance(NfInstance instance) {
    const auto on_forgotten = [this] {
      for (const auto& subscription : subscriptions) subscription->renew();
    };
    registrations.push_back(std::make_unique<NrfRegistration>(loop, link, settings, std::move(instance), on_forgotten));
    spawn(registrations.back()->run(), true);
  }

  /// Types are subscribed to when they are first asked for.
  void subscribe(const std::string& target_type) {
    const auto is_of_type = [&](const auto& known) { return known->target_type() == target_type; };
    if (is_stopping || subscriber.root.empty() || subscriptions.size() >= kMaxSubscriptions) return;
    if (std::any_of(subscriptions.begin(), subscriptions.end(), is_of_type)) return;
    subscriptions.push_back(std::make_unique<NrfSubscription>(loop, link, settings, subscriber, target_type));
    spawn(subscriptions.back()->run(), true);
  }

  static asio::awaitable<std::vector<DiscoveredInstance>> discover(std::shared_ptr<State> self, DiscoveryQuery query) {
    self->subscribe(query.target_nf_type);
    std::vector<DiscoveredInstance> found = co_await self->discovery.find(std::move(query));
    co_return std::move(found);
  }

  /// False for a key that is none of ours.
  static asio::awaitable<bool> take(std::shared_ptr<State> self, std::string key, StatusNotification notification) {
    if (!self) co_return false;
    const auto is_meant = [&](const auto& known) { return known->key() == key; };
    const auto found = std::find_if(self->subscriptions.begin(), self->subscriptions.end(), is_meant);
    if (found == self->subscriptions.end()) co_return false;
    const std::string& type = (*found)->target_type();
    base::log::debug("the NRF tells of {} {}: {}", type, notification.instance_id, notification.event);
    if (notification.event == "NF_DEREGISTERED") {
      self->discovery.remove(type, notification.instance_id);
    } else {
      self->discovery.expire(type);
    }
    co_return true;
  }

  static asio::awaitable<sbi::Response> on_notification(std::weak_ptr<State> state, asio::io_context& loop,
                                                        const sbi::Request& request) {
    StatusNotification notification = read_notification(request);
    auto taking = take(state.lock(), request.path("subscription"), std::move(notification));
    const bool is_taken = co_await asio::co_spawn(loop, std::move(taking), asio::use_awaitable);
    if (!is_taken) {
      throw base::Error(base::ErrorKind::not_found, "SUBSCRIPTION_NOT_FOUND", "this function has no such subscription");
    }
    co_return sbi::Response(204);
  }

  asio::awaitable<void> stop() {
    const auto self = shared_from_this();
    is_stopping = true;
    for (const auto& registration : registrations) registration->stop();
    for (const auto& subscription : subscriptions) subscription->stop();
    const auto end = steady_clock::now() + settings.drain_time;
    while (running > 0 && steady_clock::now() < end) {
      farewell.expires_at(end);
      boost::system::error_code ignored;
      co_await farewell.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (running > 0) base::log::warning("the NRF does not answer: it will see for itself that we are gone");
    link.close();
  }

  asio::io_context& loop;
  const NrfSettings settings;
  NrfLink link;
  NrfDiscovery discovery;
  NrfSubscription::Subscriber subscriber;
  std::vector<std::unique_ptr<NrfRegistration>> registrations;
  std::vector<std::unique_ptr<NrfSubscription>> subscriptions;
  int running = 0;  ///< registrations and subscriptions
  bool is_stopping = false;
  asio::steady_timer farewell;
};

Nrf::Nrf(asio::io_context& loop, sbi::Client& client, NrfSettings settings)
    : state_(std::make_shared<State>(loop, client, std::move(settings))) {
  state_->subscriber.type = state_->settings.requester_type;
}

Nrf::~Nrf() { state_->link.close(); }

void Nrf::add_routes(sbi::Router& router) {
  const auto notify = [state = std::weak_ptr<State>(state_), &loop = state_->loop](const sbi::Request& request) {
    return State::on_notification(state, loop, request);
  };
  router.add("POST", "/nf-status-notify/v1/{subscription}", sbi::BodyKind::json, sbi::WaitingHandler(notify));
}

void Nrf::start(std::vector<NfInstance> instances, std::string notification_root) {
  state_->subscriber.root = std::move(notification_root);
  if (!instances.empty()) state_->subscriber.instance_id = instances.front().id;
  std::set<std::string> own;
  for (const NfInstance& instance : instances) own.insert(instance.id);
  state_->discovery.set_own(std::move(own));
  for (NfInstance& instance : instances) state_->register_instance(std::move(instance));
}

asio::awaitable<std::vector<DiscoveredInstance>> Nrf::discover(DiscoveryQuery query) {
  asio::io_context& loop = state_->loop;
  auto finding = State::discover(state_, std::move(query));
  std::vector<DiscoveredInstance> found = co_await asio::co_spawn(loop, std::move(finding), asio::use_awaitable);
  co_return std::move(found);
}

asio::awaitable<void> Nrf::stop() { return state_->stop(); }

}  // namespace core
