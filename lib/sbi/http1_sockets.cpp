#include "lib/sbi/http1_sockets.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sbi {

Http1Sockets::Place Http1Sockets::take_in(int socket, const std::function<std::size_t*()>& hand_over, int told) {
  const std::lock_guard guard(mutex_);
  if (has_ended_) return Place::none;
  Place place = Place::taken;
  if (sockets_.size() - leaving_ >= most_) {
    if (silent_.empty()) {
      count_refused();
      return Place::none;
    }
    if (leaving_ >= kMostLeaving) {
      told_.insert(told);
      return Place::later;
    }
    send_away_oldest();
    place = Place::another_ones;
  }
  Entry& entry = sockets_.emplace(socket, Entry{next_age_}).first->second;
  silent_.emplace(next_age_++, socket);
  try {
    entry.of_its_thread = hand_over();  // under the lock: Pistache lets go of it only after whatever this still has of it is gone
  } catch (...) {
    silent_.erase(entry.age);
    sockets_.erase(socket);
    throw;
  }
  ++*entry.of_its_thread;
  return place;
}

void Http1Sockets::send_away_oldest() {
  const auto oldest = silent_.begin();
  count_refused();
  ::shutdown(oldest->second, SHUT_RDWR);
  sockets_.at(oldest->second).is_leaving = true;
  ++leaving_;
  silent_.erase(oldest);
}

void Http1Sockets::keep(int socket) {
  const std::lock_guard guard(mutex_);
  silent_.erase(sockets_.at(socket).age);
}

void Http1Sockets::let_go(int socket) {
  const std::lock_guard guard(mutex_);
  const auto found = sockets_.find(socket);
  if (found == sockets_.end()) return;
  silent_.erase(found->second.age);
  if (found->second.is_leaving) --leaving_;
  --*found->second.of_its_thread;
  sockets_.erase(found);
  tell_who_waits();
}

void Http1Sockets::end_all() {
  const std::lock_guard guard(mutex_);
  has_ended_ = true;
  for (const auto& [socket, entry] : sockets_) ::shutdown(socket, SHUT_RDWR);
  tell_who_waits();
}

void Http1Sockets::tell_who_waits() {
  for (const int each : told_) (void)::eventfd_write(each, 1);
  told_.clear();
}

void Http1Sockets::close_all() {
  const std::lock_guard guard(mutex_);
  for (const auto& [socket, entry] : sockets_) ::close(socket);
  sockets_.clear();
  silent_.clear();
  leaving_ = 0;
}

}  // namespace sbi
