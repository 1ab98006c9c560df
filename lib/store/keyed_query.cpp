#include "lib/store/keyed_query.hpp"

#include <sqlite3.h>

#include <new>

namespace store {
namespace {

/// What wanted_key has now: of the thread that steps a statement, which uses one at a time.
thread_local std::int64_t wanted_key = 0;

/// The table wanted_key: a row that never ends, whose value is what is wanted when it is asked for (sqlite.org/vtab.html).
struct WantedKey {
  static int connect(sqlite3* connection, void*, int, const char* const*, sqlite3_vtab** table, char**) {
    *table = new (std::nothrow) sqlite3_vtab();
    return *table == nullptr ? SQLITE_NOMEM : sqlite3_declare_vtab(connection, "CREATE TABLE wanted_key (value INTEGER)");
  }
  static int disconnect(sqlite3_vtab* table) {
    delete table;
    return SQLITE_OK;
  }
  static int best_index(sqlite3_vtab*, sqlite3_index_info* plan) {
    plan->estimatedCost = 1;
    return SQLITE_OK;
  }
  static int open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
    *cursor = new (std::nothrow) sqlite3_vtab_cursor();
    return *cursor == nullptr ? SQLITE_NOMEM : SQLITE_OK;
  }
  static int close(sqlite3_vtab_cursor* cursor) {
    delete cursor;
    return SQLITE_OK;
  }
  static int filter(sqlite3_vtab_cursor*, int, const char*, int, sqlite3_value**) { return SQLITE_OK; }
  static int next(sqlite3_vtab_cursor*) { return SQLITE_OK; }
  static int is_at_end(sqlite3_vtab_cursor*) { return 0; }
  static int column(sqlite3_vtab_cursor*, sqlite3_context* out, int) {
    sqlite3_result_int64(out, wanted_key);
    return SQLITE_OK;
  }
  static int row_id(sqlite3_vtab_cursor*, sqlite3_int64* out) {
    *out = 0;
    return SQLITE_OK;
  }

  static const sqlite3_module* module() {
    static const sqlite3_module methods = [] {
      sqlite3_module out{};  // without xCreate: it is there by its name, and in no schema
      out.xConnect = connect;
      out.xDisconnect = disconnect;
      out.xBestIndex = best_index;
      out.xOpen = open;
      out.xClose = close;
      out.xFilter = filter;
      out.xNext = next;
      out.xEof = is_at_end;
      out.xColumn = column;
      out.xRowid = row_id;
      return out;
    }();
    return &methods;
  }
};

}  // namespace

const Rows& KeyedQuery::find(std::uint64_t key) {
  snapshot_.use();
  if (!rows_) rows_.emplace(reader_.query(sql_));
  wanted_key = static_cast<std::int64_t>(key);
  try {
    if (!rows_->next()) throw StoreError("a statement with wanted_key has ended: is it a LEFT JOIN?");
  } catch (...) {
    end();
    throw;
  }
  return *rows_;
}

int add_wanted_key(sqlite3* connection) { return sqlite3_create_module_v2(connection, "wanted_key", WantedKey::module(), nullptr, nullptr); }

}  // namespace store
