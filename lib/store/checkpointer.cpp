#include "lib/store/checkpointer.hpp"

#include <chrono>
#include <utility>

namespace store {
namespace {

constexpr std::chrono::milliseconds kPause{200};  ///< after the first write
constexpr std::size_t kManyWrites = 8192;         ///< are reason enough sooner

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

void Checkpointer::note(std::size_t writes) {
  bool is_reason_to_wake = false;
  {
    const std::lock_guard lock(mutex_);
    is_reason_to_wake = pending_ == 0 || pending_ + writes >= kManyWrites;
    pending_ += writes;
  }
  if (is_reason_to_wake) wake_.notify_one();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return is_stopping_ || pending_ > 0; });
    wake_.wait_for(lock, kPause, [this] { return is_stopping_ || pending_ >= kManyWrites; });
    if (is_stopping_) return;  // closing the last connection does it
    pending_ = 0;
    lock.unlock();
    database_.checkpoint();
    lock.lock();
  }
}

}  // namespace store
