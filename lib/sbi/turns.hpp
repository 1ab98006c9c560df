#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <utility>

namespace sbi {

using Instant = std::chrono::steady_clock::time_point;

inline Instant now() { return std::chrono::steady_clock::now(); }

/// How long the connections that are ready wait for their turn. A round begins with the first of those that the loop found ready together,
/// and ends when all of them had their turn. A loop that was idle before a turn has no one waiting: that turn is a round of its own.
class Round {
 public:
  /// A connection has its turn, which it has waited for since `since`. True if end() is to be called behind all that are ready now.
  bool begin_turn(Instant at, Instant since) {
    since_ = since;
    ++turns_;
    if (is_marked_) return false;
    if (!goes_on_) began_ = at;
    goes_on_ = false;
    is_marked_ = at - last_turn_ < kIdle;
    return is_marked_;
  }
  void end_turn(Instant at) { last_turn_ = at; }
  void end() {
    goes_on_ = turns_ >= kManyTurns;
    is_marked_ = false;
    turns_ = 0;
  }
  /// Since the round began, or since the connection waits if that is longer; at a time within a turn.
  [[nodiscard]] Instant::duration age(Instant at) const { return at - (since_ < began_ ? since_ : began_); }

 private:
  /// As many as the loop finds ready at a time, or nearly: there are more, which wait since the same time.
  static constexpr int kManyTurns = 100;
  /// Longer than from one turn to the next that was ready with it.
  static constexpr std::chrono::microseconds kIdle{20};

  Instant began_;
  Instant since_;
  Instant last_turn_;  ///< its end
  int turns_ = 0;
  bool is_marked_ = false;
  bool goes_on_ = false;
};

/// Those who wait while others are served first. The newest and the oldest leave it in turns: who comes last does not wait for a crowd
/// that came before, and who came first is not forgotten while more come. Debtors, who have had more than others (PeerShares), have every
/// second place only, and leave in the order in which they came: nobody needs to be saved from a crowd among them.
template <class Waiter>
class BackRow {
 public:
  struct Place {
    Waiter waiter;
    Instant since;
  };

  void push(Waiter waiter, Instant at, bool is_debtor = false) { (is_debtor ? debtors_ : others_).push_back({std::move(waiter), at}); }
  /// There must be one.
  Place pop() {
    is_debtors_turn_ = !is_debtors_turn_;
    const bool takes_debtor = others_.empty() || (is_debtors_turn_ && !debtors_.empty());
    if (takes_debtor) return take_first(debtors_);
    takes_newest_ = !takes_newest_;
    return takes_newest_ ? take_last(others_) : take_first(others_);
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return others_.size() + debtors_.size(); }
  void clear() { *this = BackRow(); }
  template <class Predicate>
  void drop_if(const Predicate& is_unwanted) {
    for (auto* line : {&others_, &debtors_}) {
      std::erase_if(*line, [&is_unwanted](const Place& place) { return is_unwanted(place.waiter); });
    }
  }

 private:
  static Place take_first(std::deque<Place>& line) {
    Place out = std::move(line.front());
    line.pop_front();
    return out;
  }
  static Place take_last(std::deque<Place>& line) {
    Place out = std::move(line.back());
    line.pop_back();
    return out;
  }

  std::deque<Place> others_;
  std::deque<Place> debtors_;
  bool takes_newest_ = false;
  bool is_debtors_turn_ = true;  ///< next time it is not
};

}  // namespace sbi
