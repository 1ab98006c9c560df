#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace sbi {

using Instant = std::chrono::steady_clock::time_point;

inline Instant now() { return std::chrono::steady_clock::now(); }

/// How long the connections that are ready wait for their turn, and whether that is too long. A round begins with the first of those that
/// the loop found ready together, and ends when all of them had their turn: more than it finds ready at a time are one round until one of
/// them comes again, or nobody does. A loop that was idle before a turn has no one waiting: that turn is a round of its own.
class Round {
 public:
  using Number = std::uint64_t;

  explicit Round(Instant::duration max_wait) : max_wait_(max_wait) {}

  /// A connection has its turn, which it has waited for since `since`. `last`: the round of its last turn, 0 before the first; this one
  /// afterwards. True if end_pass() is to be called behind all that are ready now.
  bool begin_turn(Instant at, Instant since, Number& last) {
    since_ = since;
    const bool follows = this->follows(at);
    turn_began_ = at;
    const bool begins_pass = !is_marked_;
    if (begins_pass) {
      pass_began_ = at;
      turns_ = 0;
    }
    ++turns_;
    const bool has_come_again = last == number_ && began_ != pass_began_;
    if (has_come_again || (begins_pass && !(goes_on_ && follows))) begin(pass_began_);
    last = number_;
    if (begins_pass) is_marked_ = follows;
    return begins_pass && is_marked_;
  }
  void end_turn(Instant at) { last_ended_ = at; }
  /// Behind a turn the loop did what is no turn of a connection (LaterTurns): who was ready waited for that too.
  void work_between(Instant began, Instant ended) {
    if (!follows(began)) return;
    turn_began_ += ended - last_ended_;  // the turn is as long as it was
    last_ended_ = ended;
  }
  /// All that were ready when it was asked for have had their turn.
  void end_pass() {
    is_marked_ = false;
    goes_on_ = turns_ >= kManyTurns;
  }
  /// Since the round began, or since the connection waits if that is longer; at a time within a turn.
  [[nodiscard]] Instant::duration age(Instant at) const { return at - std::min(since_, began_); }
  /// What is served at that time has waited too long: longer than `max_wait`, and for more than once. A loop that was held up (by a disk,
  /// by the machine's other work) catches up in no time: a round that is late is no overload yet if none was within `max_wait` before it,
  /// unless it is very late. Nor is the wait of those who stand back for others.
  [[nodiscard]] bool is_too_late(Instant at) const {
    const Instant::duration waited = age(at);
    return waited > max_wait_ && (follows_late_ || waited > kPatience * max_wait_);
  }

  /// Whether what is served at that time is turned away: all that waited longer than four times `max_wait`, and of what is too late otherwise
  /// one in four. To turn a request away costs a third of serving it: where each that is turned away makes room for another, whoever turns
  /// all of them away serves half of what it could.
  bool turns_away(Instant at) {
    if (!is_too_late(at)) return false;
    return age(at) > kPatience * max_wait_ || ++late_ % kOneIn == 0;
  }

  static constexpr int kPatience = 4;
  static constexpr std::uint64_t kOneIn = 4;

 private:
  /// What begins then was ready while the last turn was under way.
  [[nodiscard]] bool follows(Instant at) const { return at - last_ended_ < std::max(goes_on_ ? kIdleOfMany : kIdle, last_ended_ - turn_began_); }
  /// What was ready since `at`; the round before ended with the last turn.
  void begin(Instant at) {
    if (last_ended_ - began_ > max_wait_ / 2) late_ended_ = last_ended_;
    began_ = at;
    follows_late_ = at - late_ended_ < max_wait_;
    ++number_;
  }

  /// As many as the loop finds ready at a time, or nearly: there are more, which wait since the same time.
  static constexpr int kManyTurns = 100;
  /// Longer than from one turn to the next that was ready with it; after a turn that took longer, as long as that one: a machine that
  /// is slow at the one is slow at the other.
  static constexpr Instant::duration kIdle = std::chrono::microseconds(20);
  /// Longer than it takes to find the next of many that are ready.
  static constexpr Instant::duration kIdleOfMany = std::chrono::milliseconds(1);

  Instant::duration max_wait_;
  Number number_ = 0;
  Instant began_;
  Instant pass_began_;  ///< the first turn of those that the loop found ready at a time
  Instant since_;
  Instant turn_began_;
  Instant last_ended_;  ///< of the turns
  Instant late_ended_;  ///< the last round that took more than half of max_wait
  std::uint64_t late_ = 0;  ///< requests that were too late, and not by far
  int turns_ = 0;       ///< of this pass
  bool is_marked_ = false;
  bool goes_on_ = false;
  bool follows_late_ = false;
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
  /// Without the debtors.
  [[nodiscard]] std::size_t others() const noexcept { return others_.size(); }
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
