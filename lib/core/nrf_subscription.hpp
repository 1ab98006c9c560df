#pragma once

#include <string>

#include "lib/core/nrf_link.hpp"
#include "lib/core/nrf_messages.hpp"

namespace core {

/// Keeps one subscription to the status changes of a target NF type (TS 29.510, 5.2.2.5): made, renewed when three quarters of
/// its time are over, made again when the NRF does not know it, ended at the end. Of one loop's thread.
class NrfSubscription {
 public:
  /// Who asks, and where notifications come to.
  struct Subscriber {
    std::string type;
    std::string instance_id;  ///< may be empty
    std::string root;         ///< `scheme://host:port` of a listener of ours
  };
  NrfSubscription(boost::asio::io_context& loop, NrfLink& link, const NrfSettings& settings, Subscriber subscriber,
                  std::string target_type);

  /// The last segment of the notification URI: 32 hex digits that nobody but the NRF knows.
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::string& target_type() const { return target_type_; }

  /// Runs until stop(), and then until the NRF was told.
  boost::asio::awaitable<void> run();
  void stop() { pause_.stop(); }
  /// Looks at once whether the NRF still has the subscription.
  void renew() { pause_.wake(); }

 private:
  boost::asio::awaitable<void> keep_subscribed();
  boost::asio::awaitable<bool> prolong();
  boost::asio::awaitable<void> subscribe();
  boost::asio::awaitable<void> leave();
  void take(const GrantedSubscription& granted);
  [[nodiscard]] std::string resource() const;
  [[nodiscard]] base::Time wanted_end() const;

  NrfLink& link_;
  const NrfSettings& settings_;
  Subscriber subscriber_;
  std::string target_type_;
  std::string key_;
  NrfPause pause_;
  std::string id_;  ///< the NRF's; empty: there is none
  int failures_ = 0;  ///< in a row
  std::chrono::milliseconds next_{0};
};

}  // namespace core
