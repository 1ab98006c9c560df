#include "lib/store/backup.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lib/store/committer.hpp"
#include "tests/support/faulty_disk.hpp"
#include "tests/support/temporary_folder.hpp"

using store::Database;
using store::StoreError;

namespace {

constexpr const char* kSchema =
    "-- version 1\nCREATE TABLE parents (id INTEGER PRIMARY KEY);\n"
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id), content BLOB);\n"
    "-- version 2\nALTER TABLE children ADD COLUMN more TEXT;\n";
constexpr const char* kOldSchema =
    "-- version 1\nCREATE TABLE parents (id INTEGER PRIMARY KEY); -- as it was\n"
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id), content BLOB);\n";
constexpr const char* kOtherSchema = "-- version 1\nCREATE TABLE claims (id INTEGER PRIMARY KEY);\n";

void fill(Database& database, int from, int to) {
  for (int i = from; i < to; ++i) {
    database.run("INSERT INTO parents (id) VALUES ($1)", i);
    database.run("INSERT INTO children (id, parent, content) VALUES ($1, $1, $2)", i, base::Bytes(3000));
  }
}

std::int64_t count_of(const std::string& path) {
  auto database = Database::open(path, Database::Mode::read_only);
  auto rows = database.query("SELECT count(*) FROM children");
  rows.next();
  return rows.integer(0);
}

struct BackupFixture {
  BackupFixture() {
    auto database = Database::open(path);
    store::migrate(database, kSchema);
    fill(database, 0, 50);
  }
  /// The files of the folder, without the database's own.
  std::vector<std::string> others() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path).parent_path())) {
      if (const std::string name = entry.path().filename(); !name.starts_with("test.db")) out.push_back(name);
    }
    return out;
  }

  test::FaultyDisk disk;
  test::TemporaryFolder folder;
  std::string path = folder / "test.db";
  std::string copy = folder / "copy";
};

}  // namespace

TEST_CASE_METHOD(BackupFixture, "A backup holds what was committed, in one file of mode 0600", "[store][backup]") {
  store::back_up(path, copy);
  CHECK(count_of(copy) == 50);
  struct stat status {};
  REQUIRE(stat(copy.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE_METHOD(BackupFixture, "A backup beside a writer is of one moment, without half a transaction", "[store][backup]") {
  std::atomic<bool> is_writing = true;
  std::atomic<int> written = 50;
  store::Committer committer(Database::open(path));
  std::thread writer([&] {
    for (int i = 50; is_writing; ++i) {
      committer.write_and_wait([i](Database& database) { fill(database, i, i + 1); });
      written = i + 1;
    }
  });
  for (int i = 0; i < 5; ++i) {
    const int before = written;
    const std::string to = copy + std::to_string(i);
    store::back_up(path, to);
    const auto held = count_of(to);
    CHECK(held >= before);
    CHECK(held <= written + 1);
    auto database = Database::open(to, Database::Mode::read_only);
    auto rows = database.query("SELECT count(*) FROM parents");
    REQUIRE(rows.next());
    CHECK(rows.integer(0) == held);
  }
  is_writing = false;
  writer.join();
}

TEST_CASE_METHOD(BackupFixture, "A backup that fails leaves no file, and replaces none", "[store][backup]") {
  SECTION("there is one of that name") {
    (void)folder.write("copy", "precious");
    CHECK_THROWS_WITH(store::back_up(path, copy), Catch::Contains("is there already"));
    CHECK(test::read_text(copy) == "precious");
    return;
  }
  SECTION("the disk is full") {
    disk.fail(test::FaultyDisk::Operation::write, ".part", SQLITE_FULL);
    CHECK_THROWS_WITH(store::back_up(path, copy), Catch::Contains("full"));
  }
  SECTION("the database is damaged") {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20 * 1024);
    file << std::string(10 * 1024, '\x5A');
    file.close();
    CHECK_THROWS_WITH(store::back_up(path, copy), Catch::Contains("is damaged"));
  }
  SECTION("a reference leads nowhere") {
    auto database = Database::open(path);
    database.script("PRAGMA foreign_keys=OFF; DELETE FROM parents WHERE id = 7");
    CHECK_THROWS_WITH(store::back_up(path, copy), Catch::Contains("children leads nowhere"));
  }
  SECTION("there is no database") { CHECK_THROWS_WITH(store::back_up(path + "x", copy), Catch::Contains("there is no database")); }
  SECTION("there is no such folder") { CHECK_THROWS_WITH(store::back_up(path, folder / "none/copy"), Catch::Contains("cannot make")); }
  disk.heal();
  CHECK(others().empty());
}

TEST_CASE_METHOD(BackupFixture, "A restored database is the backup, and what it replaces is kept aside, WAL and all", "[store][backup]") {
  store::back_up(path, copy);
  {
    auto database = Database::open(path);
    fill(database, 50, 60);
  }
  const std::string aside = store::restore(path, copy, kSchema);
  CHECK(count_of(path) == 50);
  CHECK(count_of(aside) == 60);
  CHECK(count_of(copy) == 50);
  std::filesystem::remove(path);
  CHECK(store::restore(path, copy, kSchema).empty());
  CHECK(count_of(path) == 50);
}

TEST_CASE_METHOD(BackupFixture, "A backup of an older version is restored, for the function to migrate", "[store][backup]") {
  const std::string old = folder / "old";
  {
    auto database = Database::open(old);
    store::migrate(database, kOldSchema);
    fill(database, 0, 3);
  }
  (void)store::restore(path, old, kSchema);
  auto database = Database::open(path);
  store::migrate(database, kSchema);
  CHECK(count_of(path) == 3);
}

TEST_CASE_METHOD(BackupFixture, "A restore that is refused changes nothing", "[store][backup]") {
  store::back_up(path, copy);
  std::optional<Database> user;
  std::string expected;
  SECTION("somebody has the database open") {
    user = Database::open(path, GENERATE(Database::Mode::read_only, Database::Mode::read_write));
    (void)user->query("SELECT count(*) FROM children").next();
    expected = "stop the function first";
  }
  SECTION("it is another function's") {
    std::filesystem::remove(copy);
    auto database = Database::open(copy);
    store::migrate(database, kOtherSchema);
    expected = "is not a backup of this function";
  }
  SECTION("it is empty") {
    std::filesystem::remove(copy);
    (void)folder.write("copy", "");
    expected = "is not a backup of this function";
  }
  SECTION("it is newer") {
    Database::open(copy).script("PRAGMA user_version=3");
    expected = "newer than this program knows (2)";
  }
  SECTION("it is damaged") {
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20 * 1024);
    file << std::string(10 * 1024, '\x5A');
    file.close();
    expected = "is damaged";
  }
  SECTION("it is no database") {
    std::filesystem::remove(copy);
    (void)folder.write("copy", std::string(5000, 'x'));
    expected = "not a database";
  }
  SECTION("the disk is full") {
    disk.fail(test::FaultyDisk::Operation::write, ".part", SQLITE_FULL);
    expected = "full";
  }
  CHECK_THROWS_WITH(store::restore(path, copy, kSchema), Catch::Contains(expected));
  disk.heal();
  user.reset();
  CHECK(count_of(path) == 50);
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path).parent_path())) {
    CHECK_THAT(entry.path().string(), !Catch::Contains(".part") && !Catch::Contains("before-restore"));
  }
}

TEST_CASE_METHOD(BackupFixture, "A damaged database does not keep its backup from being restored", "[store][backup]") {
  store::back_up(path, copy);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << std::string(2048, '\0');
  const std::string aside = store::restore(path, copy, kSchema);
  CHECK(count_of(path) == 50);
  CHECK(test::read_text(aside).substr(0, 2048) == std::string(2048, '\0'));
}

TEST_CASE_METHOD(BackupFixture, "While a backup is restored, the database is there at each moment: the old one, or the new", "[store][backup]") {
  store::back_up(path, copy);
  std::atomic<bool> is_over = false;
  std::atomic<int> looks = 0;
  std::atomic<int> missing = 0;
  std::thread watcher([&] {
    while (!is_over) {
      if (access(path.c_str(), F_OK) != 0) ++missing;
      ++looks;
    }
  });
  while (looks == 0) std::this_thread::yield();
  for (int i = 0; i < 5; ++i) (void)store::restore(path, copy, kSchema);
  is_over = true;
  watcher.join();
  CHECK(missing == 0);
  CHECK(count_of(path) == 50);
}
