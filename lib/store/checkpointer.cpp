#include "lib/store/checkpointer.hpp"

#include <chrono>
#include <utility>

namespace store {
namespace {

constexpr std::chrono::milliseconds kQuiet{100};  ///< without a write

}  // namespace

Checkpointer::Checkpointer(Database database) : database_(std::move(database)), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Checkpointer::note() {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = writes_ == seen_;
    ++writes_;
  }
  if (is_first) wake_.notify_one();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return is_stopping_ || writes_ != seen_; });
    std::uint64_t before = 0;
    do {
      before = writes_;
      wake_.wait_for(lock, kQuiet, [this] { return is_stopping_; });
    } while (!is_stopping_ && writes_ != before);
    // Also at the end: the connection that is closed last may be one that only reads, which leaves the WAL as it is for the next start to work off.
    const bool is_last = is_stopping_;
    seen_ = before;
    lock.unlock();
    database_.checkpoint();
    lock.lock();
    if (is_last) return;
  }
}

}  // namespace store
