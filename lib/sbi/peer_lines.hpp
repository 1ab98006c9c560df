#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace sbi {

/// Who waits: a line for each peer, first in first out, and one of each line in turns. So whoever comes alone waits for no more than one of each
/// other peer, however many it has. Peers without anybody who waits are forgotten.
template <class Peer, class Waiter>
class PeerLines {
 public:
  PeerLines() = default;
  PeerLines(PeerLines&&) = default;
  PeerLines& operator=(PeerLines&&) = default;
  ~PeerLines() = default;

  void push(const Peer& peer, Waiter waiter) {
    const auto [known, is_new] = of_peer_.try_emplace(peer);
    if (is_new) known->second = lines_.insert(lines_.end(), Line{peer, {}});
    known->second->waiters.push_back(std::move(waiter));
    ++size_;
  }

  /// There must be one.
  Waiter pop() {
    const auto line = lines_.begin();
    Waiter first = std::move(line->waiters.front());
    line->waiters.pop_front();
    lines_.splice(lines_.end(), lines_, line);
    forget_one_of(line);
    return first;
  }

  /// The last of the longest line; nothing if nobody waits.
  std::optional<Waiter> pop_last_of_longest() {
    const auto longest =
        std::max_element(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) { return a.waiters.size() < b.waiters.size(); });
    if (longest == lines_.end()) return std::nullopt;
    Waiter last = std::move(longest->waiters.back());
    longest->waiters.pop_back();
    forget_one_of(longest);
    return last;
  }

  void clear() { *this = PeerLines(); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Line {
    Peer peer;
    std::deque<Waiter> waiters;
  };
  using Lines = std::list<Line>;

  void forget_one_of(typename Lines::iterator line) {
    --size_;
    if (!line->waiters.empty()) return;
    of_peer_.erase(line->peer);
    lines_.erase(line);
  }

  Lines lines_;  ///< none is empty; the next to have its turn first
  std::unordered_map<Peer, typename Lines::iterator> of_peer_;
  std::size_t size_ = 0;
};

}  // namespace sbi
