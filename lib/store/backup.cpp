#include "lib/store/backup.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>

#include "lib/store/database.hpp"

namespace store {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 5000;
/// What stands beside a database while it is in use.
constexpr std::array<const char*, 3> kCompanions{"-wal", "-shm", "-journal"};

[[noreturn]] void fail_file(const std::string& what, const std::string& path) {
  throw StoreError(what + " " + path + ": " + std::generic_category().message(errno));
}

/// A descriptor, closed with it.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sync(const std::string& path, int flags) {
  const File file(open(path.c_str(), flags | O_CLOEXEC));
  if (file.get() < 0 || fsync(file.get()) != 0) fail_file("cannot sync", path);
}

/// A file beside its final name until it is whole, sound and on disk; removed if it never is.
class Part {
 public:
  explicit Part(std::string path) : path_(std::move(path)), part_(path_ + ".XXXXXX.part") {
    const File file(mkostemps(part_.data(), 5, O_CLOEXEC));  // of mode 0600
    if (file.get() < 0) fail_file("cannot make a file beside", path_);
  }
  ~Part() {
    for (const char* const companion : kCompanions) unlink((part_ + companion).c_str());
    unlink(part_.c_str());
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return part_; }

  /// Brings it to the disk, where it lies yet beside its name.
  void settle() const { sync(part_, O_RDWR); }
  /// Gives it its name, unless that is taken.
  void publish() {
    settle();
    if (link(part_.c_str(), path_.c_str()) != 0) fail_file("cannot make", path_);
    unlink(part_.c_str());
    sync_name();
  }
  /// Gives it its name, which another file has had until then. After settle(); before sync_name().
  void replace() const {
    if (std::rename(part_.c_str(), path_.c_str()) != 0) fail_file("cannot replace", path_);
  }
  void sync_name() const { sync(folder_of(path_), O_RDONLY | O_DIRECTORY); }

 private:
  std::string path_;
  std::string part_;
};

using Handle = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

[[noreturn]] void fail_backup(sqlite3* database, const std::string& what) {
  throw StoreError(what + ": " + (database != nullptr ? sqlite3_errmsg(database) : "out of memory"));
}

Handle open_handle(const std::string& path, int access) {
  sqlite3* raw = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &raw, access | SQLITE_OPEN_NOMUTEX, nullptr);
  Handle handle(raw, sqlite3_close);
  if (result != SQLITE_OK) fail_backup(handle.get(), "cannot open the database " + path);
  sqlite3_busy_timeout(handle.get(), kBusyTimeoutMs);
  return handle;
}

void run(sqlite3* database, const std::string& path, const char* sql) {
  if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail_backup(database, path + ": " + sql);
}

/// All pages in one step, hence in one read transaction: writers go on, and nothing of theirs comes in between. The copy leaves WAL mode,
/// so that it is one file.
void copy(const std::string& from, const std::string& to) {
  const Handle source = open_handle(from, SQLITE_OPEN_READONLY);
  const Handle copy = open_handle(to, SQLITE_OPEN_READWRITE);
  run(copy.get(), to, "PRAGMA synchronous=OFF");  // synced as a whole, before it gets its name
  sqlite3_backup* const backup = sqlite3_backup_init(copy.get(), "main", source.get(), "main");
  if (backup == nullptr) fail_backup(copy.get(), "cannot copy " + from);
  sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK) fail_backup(copy.get(), "cannot copy " + from);
  run(copy.get(), to, "PRAGMA journal_mode=DELETE");
}

/// Throws StoreError unless every page of `database`, a copy of `from`, is as it must be.
void require_sound(Database& database, const std::string& from) {
  std::string fault;
  try {
    Rows integrity = database.query("PRAGMA integrity_check(1)");
    if (!integrity.next() || integrity.text(0) != "ok") fault = integrity.text(0);
    Rows references = database.query("PRAGMA foreign_key_check");
    if (references.next()) fault = "a reference of the table " + references.text(0) + " leads nowhere";
  } catch (const StoreError& error) {  // what is too damaged to be checked
    fault = error.what();
  }
  if (!fault.empty()) throw StoreError(from + " is damaged: " + fault);
}

std::size_t version_of(Database& database) {
  Rows rows = database.query("PRAGMA user_version");
  rows.next();
  return static_cast<std::size_t>(rows.integer(0));
}

/// The tables and their columns; not the SQL text, whose comments may change.
std::string tables_of(Database& database) {
  Rows rows = database.query(
      "SELECT m.name, p.name, p.type, p.\"notnull\", p.pk FROM sqlite_master m JOIN pragma_table_info(m.name) p "
      "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.cid");
  std::string out;
  while (rows.next()) {
    out += rows.text(0) + "." + rows.text(1) + " " + rows.text(2) + " " + rows.text(3) + rows.text(4) + "\n";
  }
  return out;
}

/// Throws StoreError unless `database`, a copy of `from`, has the tables that `schema` had at that version.
void require_tables(Database& database, const std::string& from, std::string_view schema) {
  const std::size_t version = version_of(database);
  const std::size_t end = schema.find("-- version " + std::to_string(version + 1));
  Database expected = Database::open(":memory:");
  migrate(expected, schema.substr(0, end));
  const std::size_t newest = version_of(expected);
  if (version > newest) {
    throw StoreError(from + " is of version " + std::to_string(version) + ", newer than this program knows (" +
                     std::to_string(newest) + ")");
  }
  if (version == 0 || tables_of(database) != tables_of(expected)) throw StoreError(from + " is not a backup of this function");
}

/// Holds a database file against every process that has it open, this one included; SQLite's own bytes, so that what opens it waits.
class Lock {
 public:
  explicit Lock(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (file_.get() < 0) fail_file("cannot open the database", path);
    constexpr off_t kPendingByte = 0x40000000;  // sqlite.org/fileformat2.html, 1.2: PENDING, RESERVED and the 510 SHARED ones
    struct flock wanted {};
    wanted.l_type = F_WRLCK;
    wanted.l_whence = SEEK_SET;
    wanted.l_start = kPendingByte;
    wanted.l_len = 512;
    if (fcntl(file_.get(), F_OFD_SETLK, &wanted) == 0) return;
    if (errno == EAGAIN || errno == EACCES) throw StoreError("the database " + path + " is in use: stop the function first");
    fail_file("cannot lock the database", path);
  }

 private:
  File file_;
};

/// Brings what is in the WAL into the file itself, and removes the WAL, if nobody has it open and it is sound.
void settle(const std::string& path) {
  try {
    Database database = Database::open(path, Database::Mode::read_write_existing);
    (void)version_of(database);
  } catch (const StoreError&) {
    // It is damaged: perhaps why it is replaced. It goes aside as it is, WAL and all.
  }
}

std::string free_name_beside(const std::string& path) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string name = path + ".before-restore-" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  std::string out = name;
  for (int i = 2; fs::exists(out); ++i) out = name + "-" + std::to_string(i);
  return out;
}

/// Gives the database another name, besides its own: at no moment is there none, where a function that starts would begin with an empty one. And moves its WAL
/// there, which the new one must never meet.
class Aside {
 public:
  Aside(std::string path, std::string aside) : path_(std::move(path)), aside_(std::move(aside)) {
    if (link(path_.c_str(), aside_.c_str()) != 0) fail_file("cannot keep aside", path_);
    try {
      for (const char* const companion : kCompanions) move(path_ + companion, aside_ + companion);
    } catch (...) {
      undo();
      throw;
    }
  }
  ~Aside() {
    if (!is_kept_) undo();
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  void keep() noexcept { is_kept_ = true; }

 private:
  static void move(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) fail_file("cannot move aside", from);
  }
  void undo() const noexcept {
    for (const char* const companion : kCompanions) (void)std::rename((aside_ + companion).c_str(), (path_ + companion).c_str());
    unlink(aside_.c_str());
  }

  std::string path_;
  std::string aside_;
  bool is_kept_ = false;
};

}  // namespace

void back_up(const std::string& database, const std::string& to) {
  if (!fs::exists(database)) throw StoreError("there is no database " + database);
  if (fs::exists(to)) throw StoreError(to + " is there already, and a backup replaces no file");
  Part part(to);
  copy(database, part.name());
  {
    Database copied = Database::open(part.name(), Database::Mode::read_only);
    require_sound(copied, "the copy of " + database);
  }
  part.publish();
}

std::string restore(const std::string& database, const std::string& from, std::string_view schema) {
  if (!fs::exists(from)) throw StoreError("there is no backup " + from);
  Part part(database);
  copy(from, part.name());
  {
    Database copied = Database::open(part.name(), Database::Mode::read_only);
    require_sound(copied, from);
    require_tables(copied, from, schema);
  }
  if (!fs::exists(database)) {
    part.publish();
    return {};
  }
  settle(database);
  const Lock lock(database);
  part.settle();
  part.sync_name();  // that it can be done, before anything has changed
  const std::string name = free_name_beside(database);
  Aside aside(database, name);
  part.replace();
  aside.keep();
  part.sync_name();
  return name;
}

}  // namespace store
