#include "lib/sbi/http1_sockets.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace sbi {

bool Http1Sockets::take_in(int socket, const std::function<std::size_t*()>& hand_over) {
  std::unique_lock lock(mutex_);
  while (!has_ended_ && sockets_.size() - leaving_ >= most_) {
    if (silent_.empty()) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    if (leaving_ < kMostLeaving) {
      send_away_oldest();
    } else {
      one_gone_.wait(lock);
    }
  }
  if (has_ended_) return false;
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
  return true;
}

void Http1Sockets::send_away_oldest() {
  const auto oldest = silent_.begin();
  refused_.fetch_add(1, std::memory_order_relaxed);
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
  one_gone_.notify_all();
}

void Http1Sockets::end_all() {
  const std::lock_guard guard(mutex_);
  has_ended_ = true;
  for (const auto& [socket, entry] : sockets_) ::shutdown(socket, SHUT_RDWR);
  one_gone_.notify_all();
}

void Http1Sockets::close_all() {
  const std::lock_guard guard(mutex_);
  for (const auto& [socket, entry] : sockets_) ::close(socket);
  sockets_.clear();
  silent_.clear();
  leaving_ = 0;
}

}  // namespace sbi
