#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/bytes.hpp"

struct sqlite3;
struct sqlite3_stmt;

/// The one seam to the database: SQL with $1, $2, ... over SQLite, the embedded default.
namespace store {

/// The database failed: disk full, file locked, corrupt, ... The text is for the log; it names the file, where SQLite does.
class StoreError : public std::runtime_error {
 public:
  enum class Fault { other, medium, read_only };

  explicit StoreError(const std::string& text, Fault fault = Fault::other) : std::runtime_error(text), fault_(fault) {}

  /// The file, or what it lies on, is at fault (an I/O error, a damaged file): what the connection holds of it is not to be trusted.
  [[nodiscard]] bool is_medium() const noexcept { return fault_ == Fault::medium; }
  /// The connection can only read, and will not do more: it was made while its files could not be written.
  [[nodiscard]] bool is_read_only() const noexcept { return fault_ == Fault::read_only; }
  [[nodiscard]] Fault fault() const noexcept { return fault_; }

 private:
  Fault fault_;
};

/// The rows of one running statement. At most one of a statement's text at a time; gone before its Database.
class Rows {
 public:
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) = delete;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  /// Steps to the next row; false when there is none. Throws StoreError.
  bool next();

  // Columns of the present row, from 0. A NULL is 0 or empty.
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] base::Bytes blob(int column) const;
  /// The octets of a text or a blob where SQLite has them: until the next row, or the end.
  [[nodiscard]] base::BytesView octets(int column) const;

 private:
  friend class Database;
  Rows(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  sqlite3* database_;
  sqlite3_stmt* statement_;
  bool is_done_ = false;
};

/// One connection. Used by one thread at a time; statements are prepared once and kept.
class Database {
 public:
  enum class Mode { read_write, read_only, read_write_existing };

  /// Opens a file (made if it is not there, with read_write) in WAL mode with synchronous=FULL: what a transaction committed
  /// is on disk. Wiped pages are overwritten (secure_delete). A writer waits 5 s for another process that writes; a reader, which may be a
  /// loop's own, 0.25 s, and only for one that has the whole file to itself. Throws StoreError that names the file.
  /// `mapped_octets`: so much of the file, from its beginning, is read through a mapping, which spares a call and a copy a page; 0: nothing.
  /// Should the storage fail under a mapped page, or the file be cut short by others, the process ends with SIGBUS instead of a StoreError.
  static Database open(const std::string& path, Mode mode = Mode::read_write, std::size_t mapped_octets = 0);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Runs one statement; the rows it yields, if any, are for the caller to step through. Throws StoreError.
  template <class... Values>
  [[nodiscard]] Rows query(std::string_view sql, const Values&... values) {
    return start(Octets::copied, sql, values...);
  }

  /// Runs one statement to its end. The number of rows that it changed. Throws StoreError.
  template <class... Values>
  std::int64_t run(std::string_view sql, const Values&... values) {
    Rows rows = start(Octets::borrowed, sql, values...);
    while (rows.next()) {
    }
    return changes();
  }

  /// Rows that this connection has inserted, changed or deleted since it was opened, those that were undone included.
  [[nodiscard]] std::int64_t total_changes() const;

  /// False also where SQLite has ended the transaction by itself, as it may after an I/O error.
  [[nodiscard]] bool is_in_transaction() const;

  /// Moves what the write-ahead log holds into the database file, as far as readers let it: they then need not look into the log. What
  /// fails goes to the log file; nothing is lost by it.
  void checkpoint() noexcept;

  /// Runs statements without values, separated by semicolons.
  void script(const std::string& sql);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::size_t mapped_octets() const noexcept { return mapped_octets_; }

 private:
  /// SQLite numbers its parameters in the order in which they stand in the text.
  struct Prepared {
    std::string sql;
    sqlite3_stmt* statement = nullptr;
    std::vector<int> indices;  ///< of $1, $2, ...
    [[nodiscard]] int index_of(std::size_t number) const { return number <= indices.size() ? indices[number - 1] : 0; }
  };

  Database() = default;
  const Prepared& prepare(std::string_view sql);
  Prepared& prepare_anew(std::string_view sql);
  [[nodiscard]] std::int64_t changes() const;

  /// Texts and blobs are copied for a statement that goes on after the call, and lent to one that ends within it.
  enum class Octets { copied, borrowed };
  struct Parameter {
    sqlite3_stmt* statement;
    int index;
    Octets octets;
  };

  template <class... Values>
  Rows start([[maybe_unused]] Octets octets, std::string_view sql, const Values&... values) {
    const Prepared& prepared = prepare(sql);
    Rows rows(handle_, prepared.statement);  // lets go of what is lent, whatever happens
    std::size_t number = 0;
    (bind({prepared.statement, prepared.index_of(++number), octets}, values), ...);
    return rows;
  }

  static void bind(Parameter parameter, std::int64_t value);
  static void bind(Parameter parameter, std::uint64_t value) { bind(parameter, static_cast<std::int64_t>(value)); }
  static void bind(Parameter parameter, int value) { bind(parameter, static_cast<std::int64_t>(value)); }
  static void bind(Parameter parameter, bool value) { bind(parameter, static_cast<std::int64_t>(value)); }
  static void bind(Parameter parameter, std::string_view value);
  static void bind(Parameter parameter, const std::string& value) { bind(parameter, std::string_view(value)); }
  static void bind(Parameter parameter, const char* value) { bind(parameter, std::string_view(value)); }
  static void bind(Parameter parameter, base::BytesView value);
  static void bind(Parameter parameter, std::nullopt_t);
  template <std::size_t N>
  static void bind(Parameter parameter, const std::array<std::uint8_t, N>& value) {
    bind(parameter, base::BytesView(value));
  }
  static void bind(Parameter parameter, const base::Bytes& value) { bind(parameter, base::BytesView(value)); }
  template <class Value>
  static void bind(Parameter parameter, const std::optional<Value>& value) {
    value ? bind(parameter, *value) : bind(parameter, std::nullopt);
  }

  sqlite3* handle_ = nullptr;
  std::string path_;
  std::size_t mapped_octets_ = 0;
  std::map<std::string, std::unique_ptr<Prepared>, std::less<>> statements_;
  std::unordered_map<const char*, Prepared*> by_address_;  ///< of the text: nearly every text is a constant
};

/// Brings the database to the newest version of `schema`: SQL with a line `-- version N` before the statements of each
/// version, from 1. Each version is one transaction. Throws StoreError, also if the database is newer than the schema.
void migrate(Database& database, std::string_view schema);

}  // namespace store
