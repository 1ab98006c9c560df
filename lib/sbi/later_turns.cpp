#include "lib/sbi/later_turns.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace sbi {

namespace asio = boost::asio;

asio::awaitable<void> LaterTurns::wait(std::shared_ptr<PeerShares::Share> share) {
  const auto initiate = [this](auto handler, std::shared_ptr<PeerShares::Share> of) {
    const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
    push({std::move(of), [kept] { std::move (*kept)(); }});
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate, asio::use_awaitable, std::move(share));
}

void LaterTurns::push(Waiter waiter) {
  if (is_ended_) return asio::post(loop_, std::move(waiter.go_on));
  PeerShares::Share* const peer = waiter.share.get();
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
  Instant at = clock_();
  const Instant until = shares_.are_shared(at) ? at + std::max<Instant::duration>(kSlice, at - due_) : Instant::max();
  while (!lines_.empty() && at < until) {
    const Waiter next = lines_.pop();
    next.go_on();
    if (is_ended_) return;
    const Instant ended = clock_();
    shares_.took(*next.share, ended, ended - at);
    at = ended;
  }
  is_due_ = false;
  if (!lines_.empty()) run_later();
}

void LaterTurns::end() {
  is_ended_ = true;
  lines_.clear();
}

}  // namespace sbi
