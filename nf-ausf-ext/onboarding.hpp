#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "lib/store/committer.hpp"
#include "lib/web/http_client.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/fetch_ephemeral_key.hpp"
#include "nf-ausf-ext/key_box.hpp"
#include "nf-ausf-ext/preload_vector.hpp"

namespace ausf_ext {

/// Drives every device from one state to the next, each step durable before the following one begins: what a crash or an absent peer
/// left unfinished goes on by itself, with growing pauses. Lives on one loop; wake() alone may be called from any thread.
class Onboarding {
 public:
  struct Parts {
    const Config& config;
    store::Database& reader;
    store::Committer& committer;
    FetchEphemeralKey& fetch;
    PreloadVector& preload;
    web::HttpClient& web;
    const KeyBox& keys;
    base::Clock clock;
  };

  Onboarding(boost::asio::io_context& loop, Parts parts);

  /// Begins to drive what is due.
  void start();
  /// Begins no more steps; those under way end with the loop.
  void stop();

  /// Looks at what is due now. From any thread.
  void wake();

  /// Drives the device and waits until it rests (PRELOADED, FAILED, ..., or a pause), at most `wait`. True if it rests.
  boost::asio::awaitable<bool> settle(profile::DiscoveryImsi dimsi, std::chrono::milliseconds wait);

 private:
  /// Changes a fresh copy of the device, inside a transaction.
  using Change = std::function<void(store::Database&, Device&)>;

  boost::asio::awaitable<void> run();
  void start_due();
  void start_work(const profile::DiscoveryImsi& dimsi);
  boost::asio::awaitable<void> work_on(profile::DiscoveryImsi dimsi);
  boost::asio::awaitable<bool> step(profile::DiscoveryImsi dimsi);

  boost::asio::awaitable<bool> clean_up(Device device, std::vector<Cleanup> cleanups);
  boost::asio::awaitable<bool> fetch_key(Device device);
  boost::asio::awaitable<bool> preload(Device device);
  boost::asio::awaitable<bool> notify(Device device);
  boost::asio::awaitable<bool> expire(Device device);

  boost::asio::awaitable<bool> store_key(Device device, std::int64_t position, base::Bytes sealed);
  boost::asio::awaitable<void> fail(Device device, Problem problem);
  boost::asio::awaitable<void> pause(Device device, Problem problem);
  boost::asio::awaitable<void> rest(Device device);
  /// Applies `change` if the device is still in the epoch and state in which the step began. False: it is not.
  boost::asio::awaitable<bool> change(Device device, Change change);

  boost::asio::io_context& loop_;
  Parts parts_;
  boost::asio::steady_timer timer_;
  std::set<profile::DiscoveryImsi> in_flight_;
  std::set<profile::DiscoveryImsi> again_;  ///< woken while in flight
  std::map<profile::DiscoveryImsi, std::vector<std::shared_ptr<boost::asio::steady_timer>>> waiting_;
  bool is_stopping_ = false;
};

}  // namespace ausf_ext
