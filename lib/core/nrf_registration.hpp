#pragma once

#include <functional>
#include <optional>
#include <string>

#include "lib/core/nrf_link.hpp"
#include "lib/core/nrf_messages.hpp"

namespace core {

/// How long to wait between heartbeats when the NRF granted this heartBeatTimer: a tenth less, for it evicts whom it has not heard
/// of for that time. What is no positive number of seconds counts as not granted; kMaxHeartbeatS is the most that is believed.
std::chrono::milliseconds heartbeat_pause(const NrfSettings& settings, std::optional<std::int64_t> granted_s);

/// Keeps one instance registered (TS 29.510, 5.2.2.2 to 5.2.2.4): PUT until the NRF takes it, then a heartbeat a little more often
/// than it asked for; PUT again when it does not know us (any more); DELETE at the end. Of one loop's thread.
class NrfRegistration {
 public:
  /// `on_forgotten` is called when an NRF that had the registration has it no more, and has it again now.
  NrfRegistration(boost::asio::io_context& loop, NrfLink& link, const NrfSettings& settings, NfInstance instance,
                  std::function<void()> on_forgotten);

  /// Runs until stop(), and then until the NRF was told.
  boost::asio::awaitable<void> run();
  void stop() { pause_.stop(); }

 private:
  boost::asio::awaitable<void> keep_registered();
  boost::asio::awaitable<bool> beat();
  boost::asio::awaitable<void> enrol();
  boost::asio::awaitable<void> leave();
  void take_timer(const sbi::Response& answer);
  void refused(const sbi::Response& answer);
  [[nodiscard]] std::string resource() const { return "/nnrf-nfm/v1/nf-instances/" + instance_.id; }

  NrfLink& link_;
  const NrfSettings& settings_;
  NfInstance instance_;
  std::function<void()> on_forgotten_;
  NrfPause pause_;
  bool is_known_ = false;      ///< an NRF has us, as far as we know
  bool may_be_known_ = false;  ///< or it may have, though its answer was lost
  bool was_known_ = false;
  int failures_ = 0;  ///< in a row
  std::chrono::milliseconds next_{0};
  std::chrono::milliseconds heartbeat_{0};
};

}  // namespace core
