#pragma once

#include <cstdint>
#include <optional>

#include "lib/store/batch_snapshot.hpp"
#include "lib/store/database.hpp"

struct sqlite3;

namespace store {

/// Look-ups by key of which one batch brings many, as the rows of one statement that goes on: to begin a statement and to end it costs
/// SQLite more than to find a row. The statement joins the table `wanted_key (value)`, which has whatever key is wanted at the moment, row after row:
///   SELECT ... FROM wanted_key LEFT JOIN t ON t.key = wanted_key.value
/// Belongs to its reader's thread.
class KeyedQuery {
 public:
  /// `sql` stays where it is; it and the others outlive this.
  KeyedQuery(Database& reader, BatchSnapshot& snapshot, const char* sql) : reader_(reader), snapshot_(snapshot), sql_(sql) {}

  /// The row of the key, of which all columns are NULL if there is none; until the next call, or the batch's end. Throws StoreError.
  const Rows& find(std::uint64_t key);

  /// The batch ends: the statement lets go of the view.
  void end() noexcept { rows_.reset(); }

  /// Around a find() and the use of its row: outside of a batch the view ends with it.
  class Use {
   public:
    explicit Use(KeyedQuery& query) : query_(query.snapshot_.is_in_batch() ? nullptr : &query) {}
    ~Use() {
      if (query_ != nullptr) query_->end();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    KeyedQuery* query_;
  };

 private:
  Database& reader_;
  BatchSnapshot& snapshot_;
  const char* sql_;
  std::optional<Rows> rows_;  ///< while the statement goes on
};

/// Makes `wanted_key` known to a connection. For Database::open.
int add_wanted_key(sqlite3* connection);

}  // namespace store
