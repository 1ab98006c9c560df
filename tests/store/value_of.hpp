#pragma once

#include <string_view>

#include "lib/store/database.hpp"

namespace test {

/// The number that a query answers with, in its first row and column; -1 without a row.
inline std::int64_t value_of(store::Database& database, std::string_view sql) {
  store::Rows rows = database.query(sql);
  return rows.next() ? rows.integer(0) : -1;
}

}  // namespace test
