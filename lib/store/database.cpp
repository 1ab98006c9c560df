#include "lib/store/database.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "lib/base/log.hpp"
#include "lib/store/kept_mapping.hpp"
#include "lib/store/keyed_query.hpp"

namespace store {
namespace {

constexpr int kWriterBusyTimeoutMs = 5000;
constexpr int kReaderBusyTimeoutMs = 250;
constexpr std::size_t kMaxAddresses = 1024;  ///< texts known by their address

/// True for what a disk says; what else errno may hold is of some other call.
bool is_disk_error(int error) {
  constexpr std::array kErrors{EIO, ENOSPC, EDQUOT, EROFS, EACCES, EPERM, EFBIG, ENXIO, ENOENT, EMFILE, ENFILE, ESTALE};
  return std::find(kErrors.begin(), kErrors.end(), error) != kErrors.end();
}

/// What was asked of the disk when it failed; empty where the message says it.
const char* asked_of_disk(int code) {
  switch (code) {
    case SQLITE_IOERR_READ: case SQLITE_IOERR_SHORT_READ: return ", read";
    case SQLITE_IOERR_WRITE: return ", write";
    case SQLITE_IOERR_FSYNC: case SQLITE_IOERR_DIR_FSYNC: return ", fsync";
    case SQLITE_IOERR_TRUNCATE: case SQLITE_IOERR_SHMSIZE: return ", change of size";
    default: return "";
  }
}

StoreError::Fault fault_of(int primary) {
  switch (primary) {
    case SQLITE_IOERR: case SQLITE_CORRUPT: case SQLITE_NOTADB: case SQLITE_CANTOPEN: return StoreError::Fault::medium;
    case SQLITE_READONLY: return StoreError::Fault::read_only;
    default: return StoreError::Fault::other;
  }
}

/// The error of the last call: `COMMIT: disk I/O error (/x/d-ausf.db, SQLite code 1034, fsync)`.
[[noreturn]] void fail(sqlite3* database, const std::string& what) {
  if (database == nullptr) throw StoreError(what + ": out of memory");
  const int code = sqlite3_extended_errcode(database);
  const int primary = code & 0xFF;
  const char* const file = sqlite3_db_filename(database, "main");
  std::string where = file != nullptr && *file != '\0' ? std::string(file) + ", " : "";
  where += "SQLite code " + std::to_string(code) + asked_of_disk(code);
  const int system_error = errno;
  if (is_disk_error(system_error)) where += ", " + std::generic_category().message(system_error);
  throw StoreError(what + ": " + sqlite3_errmsg(database) + " (" + where + ")", fault_of(primary));
}

/// Before the first connection: SQLite keeps no account of its memory, which would cost each of its allocations a lock.
void configure_once() {
  static const int result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  if (result != SQLITE_OK) base::log::debug("SQLite was in use before it could be configured");
}

int access_of(Database::Mode mode) {
  switch (mode) {
    case Database::Mode::read_only: return SQLITE_OPEN_READONLY;
    case Database::Mode::read_write_existing: return SQLITE_OPEN_READWRITE;
    case Database::Mode::read_write: return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  }
  return SQLITE_OPEN_READONLY;
}

}  // namespace

Rows::Rows(Rows&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), is_done_(other.is_done_) {}

Rows::~Rows() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  if (is_done_) return false;  // SQLite would run the statement anew
  errno = 0;
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) fail(database_, sqlite3_sql(statement_));
  is_done_ = true;
  return false;
}

bool Rows::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Rows::text(int column) const {
  return std::string(base::as_text(octets(column)));
}

base::Bytes Rows::blob(int column) const {
  const base::BytesView view = octets(column);
  return {view.begin(), view.end()};
}

base::BytesView Rows::octets(int column) const {
  const auto* const data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Database Database::open(const std::string& path, Mode mode, std::size_t mapped_octets) {
  configure_once();
  Database out;
  out.path_ = path;
  out.mapped_octets_ = mapped_octets;
  errno = 0;
  if (sqlite3_open_v2(path.c_str(), &out.handle_, access_of(mode) | SQLITE_OPEN_NOMUTEX, mapped_octets > 0 ? kept_mapping_vfs() : nullptr) !=
      SQLITE_OK) {
    fail(out.handle_, "cannot open the database " + path);
  }
  if (mode != Mode::read_only && sqlite3_db_readonly(out.handle_, "main") == 1) {
    throw StoreError("the database " + path + " cannot be written: the file is read-only, or another user's, or lies on a read-only disk");
  }
  sqlite3_busy_timeout(out.handle_, mode == Mode::read_only ? kReaderBusyTimeoutMs : kWriterBusyTimeoutMs);
  sqlite3_extended_result_codes(out.handle_, 1);
  if (add_wanted_key(out.handle_) != SQLITE_OK) fail(out.handle_, "cannot open the database " + path);
  try {
    if (mode != Mode::read_only) {
      out.script("PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                 "PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=16384;");
    }
    out.script("PRAGMA cache_size=-16384;");
    if (mapped_octets > 0) out.script("PRAGMA mmap_size=" + std::to_string(mapped_octets) + ";");
  } catch (const StoreError& error) {
    throw StoreError("the database " + path + ": " + error.what(), error.fault());
  }
  return out;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      path_(std::move(other.path_)),
      mapped_octets_(other.mapped_octets_),
      statements_(std::exchange(other.statements_, {})),
      by_address_(std::exchange(other.by_address_, {})) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  std::swap(mapped_octets_, other.mapped_octets_);
  std::swap(statements_, other.statements_);
  std::swap(by_address_, other.by_address_);
  return *this;
}

Database::~Database() {
  for (const auto& [sql, prepared] : statements_) sqlite3_finalize(prepared->statement);
  sqlite3_close(handle_);
}

void Database::script(const std::string& sql) {
  errno = 0;
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(handle_, sql.substr(0, 60));
}

const Database::Prepared& Database::prepare(std::string_view sql) {
  const auto known = by_address_.find(sql.data());
  Prepared* prepared = known != by_address_.end() && known->second->sql == sql ? known->second : nullptr;
  if (prepared == nullptr) {
    const auto found = statements_.find(sql);
    prepared = found != statements_.end() ? found->second.get() : &prepare_anew(sql);
    if (by_address_.size() < kMaxAddresses) by_address_[sql.data()] = prepared;
  }
  // A second run of a text whose rows are still being read would reset them.
  if (sqlite3_stmt_busy(prepared->statement) != 0) throw StoreError("a statement is used twice at once: " + prepared->sql);
  return *prepared;
}

Database::Prepared& Database::prepare_anew(std::string_view sql) {
  auto prepared = std::make_unique<Prepared>();
  prepared->sql = sql;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &prepared->statement,
                         nullptr) != SQLITE_OK) {
    fail(handle_, prepared->sql);
  }
  const auto count = static_cast<std::size_t>(sqlite3_bind_parameter_count(prepared->statement));
  for (std::size_t number = 1; number <= count; ++number) {
    prepared->indices.push_back(sqlite3_bind_parameter_index(prepared->statement, ("$" + std::to_string(number)).c_str()));
  }
  return *statements_.emplace(prepared->sql, std::move(prepared)).first->second;
}

void Database::checkpoint() noexcept {
  const int result = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (result != SQLITE_OK && result != SQLITE_BUSY) base::log::error("the database {}: a checkpoint failed: {}", path_, sqlite3_errmsg(handle_));
}

std::int64_t Database::total_changes() const { return sqlite3_total_changes64(handle_); }

bool Database::is_in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

std::int64_t Database::changes() const { return sqlite3_changes(handle_); }

void Database::bind(Parameter parameter, std::int64_t value) {
  sqlite3_bind_int64(parameter.statement, parameter.index, value);
}
void Database::bind(Parameter parameter, std::string_view value) {
  sqlite3_bind_text(parameter.statement, parameter.index, value.data() == nullptr ? "" : value.data(), static_cast<int>(value.size()),
                    parameter.octets == Octets::copied ? SQLITE_TRANSIENT : SQLITE_STATIC);
}
void Database::bind(Parameter parameter, base::BytesView value) {
  if (value.empty()) {
    sqlite3_bind_zeroblob(parameter.statement, parameter.index, 0);
  } else {
    sqlite3_bind_blob(parameter.statement, parameter.index, value.data(), static_cast<int>(value.size()),
                      parameter.octets == Octets::copied ? SQLITE_TRANSIENT : SQLITE_STATIC);
  }
}
void Database::bind(Parameter parameter, std::nullopt_t) { sqlite3_bind_null(parameter.statement, parameter.index); }

void migrate(Database& database, std::string_view schema) {
  constexpr std::string_view kMark = "-- version ";
  std::vector<std::string> versions;
  for (std::size_t at = schema.find(kMark); at != std::string_view::npos;) {
    const std::size_t next = schema.find(kMark, at + 1);
    versions.emplace_back(schema.substr(at, next == std::string_view::npos ? next : next - at));
    at = next;
  }
  const auto read_version = [&database] {
    Rows rows = database.query("PRAGMA user_version");
    rows.next();
    return static_cast<std::size_t>(rows.integer(0));
  };
  const std::size_t present = read_version();
  if (present == 0 && database.path() != ":memory:") base::log::info("the database {} is a new one, without any record", database.path());
  if (present > versions.size()) {
    throw StoreError("the database " + database.path() + " is of version " + std::to_string(present) +
                     ", newer than this program knows (" + std::to_string(versions.size()) + ")");
  }
  for (std::size_t version = present; version < versions.size(); ++version) {
    database.script("BEGIN IMMEDIATE");
    try {
      if (read_version() <= version) {  // another process may have been first
        database.script(versions[version]);
        database.script("PRAGMA user_version=" + std::to_string(version + 1));
      }
      database.script("COMMIT");
    } catch (...) {
      database.script("ROLLBACK");
      throw;
    }
  }
}

}  // namespace store
