#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/core/nrf_link.hpp"
#include "lib/core/nrf_messages.hpp"

namespace core {

/// The most answers that are kept; beyond, the one that ends first goes.
inline constexpr std::size_t kMaxDiscoveries = 1000;
/// An answer without instances is believed for no longer, in seconds: the NRF may have lost its memory a moment ago.
inline constexpr std::int64_t kEmptyValidityS = 2;
/// And if there were instances before, they are used for so long after the NRF last named them, in seconds.
inline constexpr std::int64_t kEmptyGraceS = 60;

/// Discoveries, each asked once and kept for its validityPeriod (TS 29.510, 5.3.2.2). Of one loop's thread.
class NrfDiscovery {
 public:
  /// Starts a coroutine on the loop that may outlive its caller.
  using Spawn = std::function<void(boost::asio::awaitable<void>)>;
  NrfDiscovery(boost::asio::io_context& loop, NrfLink& link, const NrfSettings& settings, Spawn spawn);

  /// See Nrf::discover.
  boost::asio::awaitable<std::vector<DiscoveredInstance>> find(DiscoveryQuery query);

  /// Instances of our own are never found.
  void set_own(std::set<std::string> instance_ids) { own_ = std::move(instance_ids); }
  /// An instance has gone: it is taken out of every answer of its type.
  void remove(const std::string& target_type, const std::string& instance_id);
  /// Something has changed: answers of this type are asked for again when they are next wanted.
  void expire(const std::string& target_type);

 private:
  using Instant = std::chrono::steady_clock::time_point;
  /// A request under way, and who waits for it.
  struct Flight;
  /// A query and what is known of its answer.
  struct Entry {
    std::string target_type;
    std::vector<DiscoveredInstance> instances;
    Instant until;      ///< instances are fresh so long
    Instant confirmed;  ///< when an NRF last named them
    std::shared_ptr<Flight> flight;
  };

  boost::asio::awaitable<void> ask(std::string key, DiscoveryQuery query, std::shared_ptr<Flight> flight);
  void settle(Entry& entry, const DiscoveryQuery& query, Flight& flight, const sbi::Response& answer);
  void keep(Entry& entry, SearchResult found, const Flight& flight);
  void use_stale(Entry& entry, Flight& flight, base::Error failure, const std::string& why);
  void make_room();
  [[nodiscard]] std::vector<DiscoveredInstance> in_order(std::vector<DiscoveredInstance> instances) const;
  [[nodiscard]] std::chrono::milliseconds seconds(std::int64_t count) const { return settings_.second * count; }

  boost::asio::io_context& loop_;
  NrfLink& link_;
  const NrfSettings& settings_;
  Spawn spawn_;
  std::set<std::string> own_;
  std::map<std::string, Entry> entries_;  ///< by the request's target
};

}  // namespace core
