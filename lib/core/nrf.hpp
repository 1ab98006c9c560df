#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "lib/core/nrf_messages.hpp"
#include "lib/core/nrf_settings.hpp"
#include "lib/sbi/router.hpp"

namespace core {

/// What makes a function a citizen of a core: its instances are registered at the NRF, and it finds others there (TS 29.510).
/// All of it lives on one loop, that of the first worker; discover() and the routes may be used on any.
class Nrf {
 public:
  /// Loop and client must outlive stop(), or the loop's end. Nothing is sent before start() or discover().
  Nrf(boost::asio::io_context& loop, sbi::Client& client, NrfSettings settings);
  /// After stop(), or once the loop has ended.
  ~Nrf();
  Nrf(const Nrf&) = delete;
  Nrf& operator=(const Nrf&) = delete;

  /// Adds POST /nf-status-notify/v1/{subscription}, of any worker, before it serves.
  void add_routes(sbi::Router& router);

  /// Registers the instances, and goes on trying for as long as it takes; serve meanwhile. `notification_root` is the
  /// `scheme://host:port` at which the NRF reaches us, empty if it does not: then there are no subscriptions.
  /// On the loop's thread, once, when the ports are known.
  void start(std::vector<NfInstance> instances, std::string notification_root);

  /// Who offers the service, the best first: by priority, then in proportion to capacity, anew each time. Instances of our own are not
  /// among them. Empty if the NRF knows none. The answer is kept for its validityPeriod, changed by the NRF's notifications,
  /// and used beyond its time while no NRF answers. From a coroutine on any loop.
  /// Throws Error{gateway_timeout}: NRF_NOT_REACHABLE, or NF_DISCOVERY_FAILURE if the NRF answered what is of no use.
  boost::asio::awaitable<std::vector<DiscoveredInstance>> discover(DiscoveryQuery query);

  /// Tells the NRF that all instances leave and all subscriptions end; takes no longer than the settings' drain_time. On the loop.
  boost::asio::awaitable<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace core
