#include "lib/sbi/later_turns.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace sbi {

namespace asio = boost::asio;

asio::awaitable<void> LaterTurns::wait(PeerShares::Share& share) {
  const auto initiate = [this](auto handler, PeerShares::Share* of) {
    const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
    push({of, [kept] { std::move (*kept)(); }});
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate, asio::use_awaitable, &share);
}

void LaterTurns::push(Waiter waiter) {
  if (is_ended_) return asio::post(loop_, std::move(waiter.go_on));
  PeerShares::Share* const peer = waiter.share;
  lines_.push(peer, std::move(waiter));
  if (!is_due_) run_later();
}

/// Behind all that is ready now.
void LaterTurns::run_later() {
  is_due_ = true;
  due_ = clock_();
  asio::post(loop_, [self = shared_from_this()] { self->run(); });
}

void LaterTurns::run() {
  if (is_ended_) return;
  const Instant began = clock_();
  Instant at = began;
  while (!lines_.empty() && !is_enough(began, at, began - due_)) {
    const Waiter next = lines_.pop();
    next.go_on();
    if (is_ended_) return;
    const Instant ended = clock_();
    shares_.took(*next.share, ended, ended - at);  // the peer is known to them, even if that was its last connection's last request
    at = ended;
  }
  round_.work_between(began, at);
  is_due_ = false;
  if (!lines_.empty()) run_later();
}

bool LaterTurns::is_enough(Instant began, Instant at, Instant::duration others) const {
  if (lines_.size() >= kMany) return false;
  const Instant::duration slice = std::clamp<Instant::duration>(others, kSlice, kMost);
  return at - began >= (shares_.are_shared(at) ? slice : kMost);
}

void LaterTurns::end() {
  is_ended_ = true;
  lines_.clear();
}

}  // namespace sbi
