#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <utility>

#include "lib/sbi/client.hpp"
#include "lib/store/committer.hpp"
#include "nf-d-ausf/receipts.hpp"

namespace d_ausf {

/// How receipts are delivered (YAML: `receipts`).
struct ReceiptLimits {
  std::chrono::milliseconds first_pause{500};  ///< doubles with each attempt
  std::chrono::milliseconds longest_pause{60000};
  std::size_t max_in_flight = 64;
};

/// Tells the owner of a vector of its device's receipt, at least once (PROTOCOL.md, section 7.5): what a crash or an owner that is down
/// left undelivered goes on by itself, with growing pauses. It ends with 204, or a 4xx that the same notification would meet
/// again. Lives on one loop; wake() alone may be called from any thread.
class NotifyReceipts {
 public:
  struct Parts {
    store::Database& reader;
    store::Committer& committer;
    sbi::Client& client;  ///< of the same loop
    base::Clock clock;
    std::chrono::milliseconds timeout;  ///< for one answer
    ReceiptLimits limits;
  };

  NotifyReceipts(boost::asio::io_context& loop, Parts parts) : loop_(loop), parts_(std::move(parts)), timer_(loop) {}

  /// Begins to deliver what is due.
  void start();
  /// Begins no more deliveries; those under way end with the loop.
  void stop();
  /// Looks at what is due now. From any thread.
  void wake();

 private:
  using Key = std::pair<profile::DiscoveryImsi, aka::Auts>;

  boost::asio::awaitable<void> run();
  void start_due();
  boost::asio::awaitable<void> deliver(PendingReceipt receipt);
  boost::asio::awaitable<void> attempt(PendingReceipt receipt);

  boost::asio::io_context& loop_;
  Parts parts_;
  boost::asio::steady_timer timer_;
  std::set<Key> in_flight_;
  bool is_stopping_ = false;
};

}  // namespace d_ausf
