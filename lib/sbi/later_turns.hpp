#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

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
  /// ends before too much else begins.
  static constexpr std::chrono::microseconds kSlice{500};
  /// But no longer than this. A peer that is alone makes nobody wait: of its handlers all go on for so long, and their answers leave together.
  static constexpr std::chrono::milliseconds kMost{10};
  /// While so many wait, the loop does nothing else: what has begun holds memory.
  static constexpr std::size_t kMany = 2048;

  /// `loop` outlives the handlers; `shares` and `round` last until end().
  LaterTurns(boost::asio::io_context& loop, PeerShares& shares, Round& round, Clock clock = now)
      : loop_(loop), shares_(shares), round_(round), clock_(std::move(clock)) {}

  /// Until it is the turn of one of that peer's. What the caller does from then on, until it waits again, is the peer's time.
  /// `share`: one that the caller keeps; here it is not kept, for that would count as a connection of the peer.
  boost::asio::awaitable<void> wait(PeerShares::Share& share);
  /// Whoever waits is given up, and who comes later goes on as if nobody did.
  void end();

 private:
  struct Waiter {
    PeerShares::Share* share;
    std::function<void()> go_on;
  };

  void push(Waiter waiter);
  /// `others`: how long they were served since the last slice.
  [[nodiscard]] bool is_enough(Instant began, Instant at, Instant::duration others) const;
  void run_later();
  void run();

  boost::asio::io_context& loop_;
  PeerShares& shares_;
  Round& round_;
  Clock clock_;
  PeerLines<PeerShares::Share*, Waiter> lines_;
  Instant due_{};  ///< when run() was asked for
  bool is_due_ = false;
  bool is_ended_ = false;
};

}  // namespace sbi
