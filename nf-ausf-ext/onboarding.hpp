#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "lib/service/audit.hpp"
#include "lib/store/committer.hpp"
#include "lib/web/http_client.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/fetch_ephemeral_key.hpp"
#include "nf-ausf-ext/key_box.hpp"
#include "nf-ausf-ext/preload_vector.hpp"
#include "nf-ausf-ext/silent_peers.hpp"

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
    const SilentPeers& silent;  ///< what `fetch` and `preload` have too
    web::HttpClient& web;
    const KeyBox& keys;
    base::Clock clock;
    service::Audit audit = {};
  };

  Onboarding(boost::asio::io_context& loop, Parts parts);

  /// Begins to drive what is due.
  void start();
  /// Begins no more steps; those under way end with the loop.
  void stop();

  /// Looks at what is due now. From any thread.
  void wake();

  /// Drives the device, now or when there is room, and waits until it rests (PRELOADED, FAILED, ..., or a pause), at most `wait`.
  /// True if it rests.
  boost::asio::awaitable<bool> settle(profile::DiscoveryImsi dimsi, std::chrono::milliseconds wait);

 private:
  /// Changes a fresh copy of the device, inside a transaction.
  using Change = std::function<void(store::Database&, Device&)>;

  /// A settle() that waits for its device to come to rest.
  struct Waiting {
    Waiting(boost::asio::io_context& loop, std::chrono::milliseconds wait) : timer(loop, wait) {}
    boost::asio::steady_timer timer;
    bool has_come = false;
  };

  boost::asio::awaitable<void> run();
  /// Frees IMSIs whose quarantine is over. False: there was none.
  bool free_rested_imsis();
  /// What waits for silent peers takes none: there are never more than max_in_flight of it for each of them.
  [[nodiscard]] bool has_room() const;
  /// Starts what is due, the longest due first, while there is room.
  void start_due();
  /// False: nothing more is due now.
  bool look_on();
  void look_anew();
  [[nodiscard]] std::chrono::milliseconds until_next_due();
  [[nodiscard]] bool is_due(const profile::DiscoveryImsi& dimsi);
  void start_work(const profile::DiscoveryImsi& dimsi);
  boost::asio::awaitable<void> work_on(profile::DiscoveryImsi dimsi);
  boost::asio::awaitable<void> set_aside(profile::DiscoveryImsi dimsi, std::string fault);
  boost::asio::awaitable<void> pause_after_fault();
  void tell_waiting(const profile::DiscoveryImsi& dimsi);
  void stop_waiting(const profile::DiscoveryImsi& dimsi, const std::shared_ptr<Waiting>& waiting);
  boost::asio::awaitable<bool> step(profile::DiscoveryImsi dimsi);

  boost::asio::awaitable<bool> clean_up(Device device, std::vector<Cleanup> cleanups);
  boost::asio::awaitable<void> note_done(profile::DiscoveryImsi dimsi, Cleanup cleanup);
  boost::asio::awaitable<bool> fetch_key(Device device);
  boost::asio::awaitable<bool> preload(Device device);
  boost::asio::awaitable<void> recall_vector(Device device);
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
  std::set<profile::DiscoveryImsi> in_flight_;  ///< never more than max_in_flight, but for those that wait for silent peers
  std::deque<profile::DiscoveryImsi> due_;      ///< what the last look found, and has not begun
  std::optional<Due> seen_;                     ///< how far it looked; nothing: from the beginning
  base::Time looked_at_;
  std::chrono::steady_clock::time_point next_full_look_;
  std::set<profile::DiscoveryImsi> again_;  ///< woken while in flight
  std::map<profile::DiscoveryImsi, std::vector<std::shared_ptr<Waiting>>> waiting_;
  bool is_stopping_ = false;
};

}  // namespace ausf_ext
