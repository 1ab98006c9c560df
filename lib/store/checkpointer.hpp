#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "lib/store/database.hpp"

namespace store {

/// Moves the write-ahead log into the database file when nothing is written for a moment, on a thread and a connection of its own: readers are
/// quicker without a log to look into. Once more at its end, so that no start has to work off what the last run left. While writes go on the committer does it by itself, whenever the log has its full size.
class Checkpointer {
 public:
  /// `database` is a connection for writing, and used for nothing else.
  explicit Checkpointer(Database database);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// Something was committed. From any thread.
  void note();

 private:
  void run();

  Database database_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::uint64_t writes_ = 0;
  std::uint64_t seen_ = 0;  ///< of them, by the last checkpoint
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace store
