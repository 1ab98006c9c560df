#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "lib/sbi/peer_lines.hpp"
#include "lib/sbi/peer_shares.hpp"
#include "lib/sbi/turns.hpp"

namespace sbi {

/// The later turns of handlers: one commit wakes all whose writes it made durable, and what each does then is not done at once, where everybody
/// else would wait for a whole batch, but a slice at a time, by lines of peers, and counts in their shares. One a server and loop, on whose thread all of it is.
class LaterTurns : public std::enable_shared_from_this<LaterTurns> {
 public:
  using Clock = std::function<Instant()>;

  /// Whoever waits goes on for so long, while more than one peer has turns; or for as long as others were served since, so that what has begun
  /// ends before too much else begins. A peer that is alone makes nobody wait: its handlers go on together, and their answers leave together.
  static constexpr std::chrono::microseconds kSlice{500};

  /// `loop` outlives the handlers; `shares` lasts until end().
  LaterTurns(boost::asio::io_context& loop, PeerShares& shares, Clock clock = now)
      : loop_(loop), shares_(shares), clock_(std::move(clock)) {}

  /// Until it is the turn of one of that peer's. What the caller does from then on, until it waits again, is the peer's time.
  boost::asio::awaitable<void> wait(std::shared_ptr<PeerShares::Share> share);
  /// Whoever waits is given up, and who comes later goes on as if nobody did.
  void end();

 private:
  struct Waiter {
    std::shared_ptr<PeerShares::Share> share;
    std::function<void()> go_on;
  };

  void push(Waiter waiter);
  void run_later();
  void run();

  boost::asio::io_context& loop_;
  PeerShares& shares_;
  Clock clock_;
  PeerLines<PeerShares::Share*, Waiter> lines_;
  Instant due_{};  ///< when run() was asked for
  bool is_due_ = false;
  bool is_ended_ = false;
};

}  // namespace sbi
