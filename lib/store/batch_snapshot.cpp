#include "lib/store/batch_snapshot.hpp"

#include "lib/base/log.hpp"

namespace store {

void BatchSnapshot::open() {
  if (reader_.is_in_transaction()) reader_.run("ROLLBACK");  // of a view whose end failed
  reader_.run("BEGIN");
  is_open_ = true;
}

void BatchSnapshot::end_batch() noexcept {
  is_in_batch_ = false;
  if (!is_open_) return;
  is_open_ = false;
  try {
    if (reader_.is_in_transaction()) reader_.run("COMMIT");
  } catch (const std::exception& error) {
    base::log::error("the database {}: {}", reader_.path(), error.what());
  }
}

}  // namespace store
