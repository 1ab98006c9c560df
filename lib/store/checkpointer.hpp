#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "lib/store/database.hpp"

namespace store {

/// Moves the write-ahead log into the database file on a thread and a connection of its own, beside the committer, which would else stand
/// still for it; and soon after the last write, for readers are quicker without a log to look into.
class Checkpointer {
 public:
  /// `database` is a connection for writing, and used for nothing else.
  explicit Checkpointer(Database database);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// So many pieces of work were committed. From any thread.
  void note(std::size_t writes);

 private:
  void run();

  Database database_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::size_t pending_ = 0;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace store
