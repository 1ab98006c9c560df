#pragma once

#include "lib/store/database.hpp"

namespace store {

/// One view of the database for all reads of a batch: entering and leaving a read transaction costs more than a look-up. Between
/// batches nothing is held, so that each batch sees all that was committed before it. Belongs to its reader's thread.
class BatchSnapshot {
 public:
  /// `reader` outlives it.
  explicit BatchSnapshot(Database& reader) : reader_(reader) {}

  void begin_batch() noexcept { is_in_batch_ = true; }
  [[nodiscard]] bool is_in_batch() const noexcept { return is_in_batch_; }
  /// Ends the view. What fails goes to the log.
  void end_batch() noexcept;

  /// Before a read: opens the view, within a batch. Throws StoreError.
  void use() {
    if (is_in_batch_ && !is_open_) open();
  }

 private:
  void open();

  Database& reader_;
  bool is_in_batch_ = false;
  bool is_open_ = false;
};

}  // namespace store
