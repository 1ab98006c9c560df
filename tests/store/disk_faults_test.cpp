// What a disk that is full, broken, locked or damaged does to the store. The faults are made by a VFS in front of SQLite's own.
#include <sqlite3.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/store/committer.hpp"
#include "tests/support/faulty_disk.hpp"
#include "tests/support/temporary_folder.hpp"

using store::Committer;
using store::Database;
using store::StoreError;
using test::FaultyDisk;

namespace {

struct DiskFixture {
  DiskFixture() { Database::open(path).script("CREATE TABLE t (value INTEGER PRIMARY KEY, filler)"); }

  static std::vector<std::int64_t> stored(Database& reader) {
    auto rows = reader.query("SELECT value FROM t ORDER BY value");
    std::vector<std::int64_t> out;
    while (rows.next()) out.push_back(rows.integer(0));
    return out;
  }
  std::vector<std::int64_t> seen() {
    auto reader = Database::open(path, Database::Mode::read_only);
    return stored(reader);
  }
  /// What is there after a power cut and a start.
  std::vector<std::int64_t> seen_after_power_cut() {
    const std::string copy = folder / "after-the-cut.db";
    disk.cut_power(path, copy);
    auto reader = Database::open(copy);
    return stored(reader);
  }
  /// What the log said while `work` ran, of warnings and errors.
  template <class Work>
  std::string log_of(const Work& work) {
    const std::string log = folder / "log";
    base::log::open("store", log, base::log::Level::warning);
    work();
    base::log::open("store", "", base::log::Level::info);
    return test::read_text(log);
  }

  FaultyDisk disk;
  test::TemporaryFolder folder;
  std::string path = folder / "test.db";
};

Committer::Work<void> padded_insertion_of(int value) {
  return [value](Database& database) { database.run("INSERT INTO t VALUES ($1, $2)", value, base::Bytes(700)); };
}

/// True if the write was acknowledged; false if it was refused as it must be.
bool is_acknowledged(Committer& committer, int value) {
  try {
    committer.write_and_wait(padded_insertion_of(value));
    return true;
  } catch (const base::Error& error) {
    REQUIRE(error.kind() == base::ErrorKind::unavailable);
    REQUIRE(error.cause() == "INSUFFICIENT_RESOURCES");
    return false;
  }
}

struct Fault {
  FaultyDisk::Operation operation;
  std::string suffix;
  int code;
  std::string reason;  ///< in the log
};

using Operation = FaultyDisk::Operation;
constexpr std::chrono::seconds kStall(2);  ///< a loop that stands still so long is noticed

}  // namespace

TEST_CASE_METHOD(DiskFixture, "A write that the disk refuses is refused, and the log says why; once the disk is well the next is taken",
                 "[store][faults]") {
  const auto fault = GENERATE(values<Fault>({
      {Operation::write, "-wal", SQLITE_FULL, "SQLite code 13, No space left on device"},
      {Operation::write, "-wal", SQLITE_IOERR_WRITE, "SQLite code 778, write, Input/output error"},
      {Operation::sync, "-wal", SQLITE_IOERR_FSYNC, "SQLite code 1034, fsync, Input/output error"},
  }));
  Committer committer(Database::open(path));
  REQUIRE(is_acknowledged(committer, 1));
  disk.fail(fault.operation, fault.suffix, fault.code);
  const std::string log = log_of([&] { CHECK_FALSE(is_acknowledged(committer, 2)); });
  CAPTURE(log);
  CHECK_THAT(log, Catch::Contains(path) && Catch::Contains(fault.reason) && Catch::Contains("1 writes were not made"));
  CHECK(log.find("were not made") == log.rfind("were not made"));
  CHECK(disk.failures() > 0);
  CHECK(seen() == std::vector<std::int64_t>{1});
  CHECK_FALSE(is_acknowledged(committer, 3));
  disk.heal();
  CHECK(is_acknowledged(committer, 4));
  CHECK(seen() == std::vector<std::int64_t>{1, 4});
  CHECK(seen_after_power_cut() == std::vector<std::int64_t>{1, 4});
}

TEST_CASE_METHOD(DiskFixture, "A database that cannot be opened anew after an I/O error goes on once it can", "[store][faults]") {
  Committer committer(Database::open(path));
  disk.fail(Operation::read, "", SQLITE_IOERR_READ);
  const std::string log = log_of([&] {
    Committer::Work<void> work = [](Database& database) { (void)database.query("SELECT count(*) FROM t").next(); };
    CHECK_THROWS_AS(committer.write_and_wait(std::move(work)), base::Error);
  });
  CHECK_THAT(log, Catch::Contains("cannot be opened anew") && Catch::Contains(path));
  disk.heal();
  CHECK(is_acknowledged(committer, 1));
}

TEST_CASE_METHOD(DiskFixture, "A database file that is gone is not made anew behind the operator's back", "[store][faults]") {
  Committer committer(Database::open(path));
  std::filesystem::rename(path, path + ".moved");
  disk.fail(Operation::write, "-wal", SQLITE_IOERR_WRITE, 1);
  CHECK_FALSE(is_acknowledged(committer, 1));
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE_METHOD(DiskFixture, "After a failed sync nothing is acknowledged that a power cut would take away", "[store][faults]") {
  const int at = GENERATE(0, 1, 7, 19);
  const bool is_checkpointed = GENERATE(false, true);
  Committer committer(Database::open(path));
  std::vector<std::int64_t> acknowledged;
  for (int i = 0; i < 20; ++i) {
    if (i == at) disk.fail(Operation::sync, is_checkpointed ? ".db" : "-wal", SQLITE_IOERR_FSYNC, 1);
    if (is_acknowledged(committer, i)) acknowledged.push_back(i);
    if (i % 5 != 2 || !is_checkpointed) continue;
    try {  // another process' checkpoint, which may fail as well: what it could not bring into the file stays in the WAL
      Database::open(path).script("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const StoreError&) {
      CHECK(i >= at);
    }
  }
  CHECK(acknowledged.size() >= 19);
  CHECK(seen() == acknowledged);
  CHECK(seen_after_power_cut() == acknowledged);
}

TEST_CASE_METHOD(DiskFixture, "The power cut of these tests takes away what is not synced", "[store][faults]") {
  auto careless = Database::open(path);
  careless.script("PRAGMA synchronous=OFF");
  padded_insertion_of(1)(careless);
  CHECK(seen() == std::vector<std::int64_t>{1});
  CHECK(seen_after_power_cut().empty());
}

TEST_CASE_METHOD(DiskFixture, "A read that the disk refuses is an error that names the file; once the disk is well the connection reads on",
                 "[store][faults]") {
  auto reader = Database::open(path, Database::Mode::read_only);
  const int code = GENERATE(SQLITE_IOERR_READ, SQLITE_CORRUPT);
  disk.fail(Operation::read, "", code);
  try {
    (void)stored(reader);
    FAIL("it was read");
  } catch (const StoreError& error) {
    CHECK(error.is_medium());
    CHECK_THAT(error.what(), Catch::Contains(path));
  }
  disk.heal();
  CHECK(stored(reader).empty());
}

TEST_CASE_METHOD(DiskFixture, "A file that cannot be opened, or is no database, is named", "[store][faults]") {
  SECTION("it cannot be opened") {
    disk.fail(Operation::open, ".db", SQLITE_CANTOPEN);
    CHECK_THROWS_WITH(Database::open(path), Catch::Contains("cannot open the database " + path));
  }
  SECTION("it cannot be written") {
    Database::open(path).script("PRAGMA journal_mode=DELETE");  // so that opening writes
    disk.fail(Operation::write, "", SQLITE_READONLY);
    CHECK_THROWS_WITH(Database::open(path), Catch::Contains(path) && Catch::Contains("readonly"));
  }
  SECTION("its header is overwritten") {
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << "this was a database once";
    CHECK_THROWS_WITH(Database::open(path), Catch::Contains(path) && Catch::Contains("file is not a database"));
  }
}

TEST_CASE_METHOD(DiskFixture, "Pages that are overwritten are errors of those who read them, not of others", "[store][faults]") {
  {
    auto database = Database::open(path);
    database.script("CREATE TABLE other (id INTEGER PRIMARY KEY); INSERT INTO other VALUES (1)");
    for (int i = 0; i < 40; ++i) padded_insertion_of(i)(database);
  }
  auto root = [this] {
    auto reader = Database::open(path, Database::Mode::read_only);
    auto rows = reader.query("SELECT rootpage FROM sqlite_master WHERE name='t'");
    REQUIRE(rows.next());
    return rows.integer(0);
  }();
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp((root - 1) * 1024);
  file << std::string(1024, '\x5A');
  file.close();
  auto reader = Database::open(path, Database::Mode::read_only);
  CHECK_THROWS_WITH(stored(reader), Catch::Contains("malformed") && Catch::Contains(path));
  auto rows = reader.query("SELECT id FROM other");
  CHECK(rows.next());
}

TEST_CASE_METHOD(DiskFixture, "A reader goes on while another process writes, and is not held up long by one that has the file to itself",
                 "[store][faults]") {
  const auto begin = std::chrono::steady_clock::now();
  SECTION("BEGIN EXCLUSIVE keeps nobody from reading") {
    auto other = Database::open(path);
    other.script("BEGIN EXCLUSIVE; INSERT INTO t VALUES (1, NULL)");
    CHECK(seen().empty());
    other.script("COMMIT");
    CHECK(seen() == std::vector<std::int64_t>{1});
  }
  SECTION("a file that another has to itself is an error soon, and readable when that has ended") {
    {
      auto other = Database::open(path);
      other.script("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE");
      CHECK_THROWS_WITH(seen(), Catch::Contains("locked"));
    }
    CHECK(seen().empty());
  }
  CHECK(std::chrono::steady_clock::now() - begin < kStall);
}
