#include "lib/store/kept_mapping.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "lib/store/database.hpp"
#include "tests/store/value_of.hpp"
#include "tests/support/temporary_folder.hpp"

/// A reader through a mapping that stays: it sees what is committed as one without does, and the mapping is where it was.

using store::Database;
using test::value_of;

namespace {

constexpr std::size_t kMappedOctets = std::size_t{64} * 1024 * 1024;

/// Where this process has mapped the file, as /proc/self/maps says it (the -shm file is another one).
std::vector<std::string> mappings_of(const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  std::vector<std::string> out;
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(" " + file)) out.push_back(line.substr(0, line.find(' ')));
  }
  return out;
}

struct MappedFixture {
  MappedFixture() {
    writer.script("CREATE TABLE items (id INTEGER PRIMARY KEY, value INTEGER NOT NULL, filling BLOB)");
    add(1, 2000);
    writer.checkpoint();
  }
  void add(int first, int count) {
    writer.script("BEGIN");
    for (std::int64_t id = first; id < first + count; ++id) writer.run("INSERT INTO items VALUES ($1, 0, zeroblob(200))", id);
    writer.script("COMMIT");
  }
  std::int64_t sum() { return value_of(reader, "SELECT sum(value) FROM items"); }

  test::TemporaryFolder folder;
  std::string path = folder / "x.db";
  Database writer = Database::open(path);
  Database reader = Database::open(path, Database::Mode::read_only, kMappedOctets);
};

}  // namespace

TEST_CASE_METHOD(MappedFixture, "A mapped reader sees each commit, and its mapping stays", "[store][mapping]") {
  REQUIRE(sum() == 0);
  const auto before = mappings_of(path);
  REQUIRE(before.size() == 1);
  for (std::int64_t round = 1; round <= 5; ++round) {
    writer.run("UPDATE items SET value = $1", round);
    CHECK(sum() == 2000 * round);  // from the write-ahead log
    writer.checkpoint();
    CHECK(sum() == 2000 * round);  // from the file, through the mapping
    CHECK(mappings_of(path) == before);
  }
}

TEST_CASE_METHOD(MappedFixture, "A mapped reader sees what a file that grew holds, and maps it anew", "[store][mapping]") {
  REQUIRE(sum() == 0);
  const auto before = mappings_of(path);
  add(2001, 5000);
  CHECK(value_of(reader, "SELECT count(*) FROM items") == 7000);
  writer.checkpoint();
  writer.run("UPDATE items SET value = 1 WHERE id = 7000");
  CHECK(sum() == 1);
  CHECK(mappings_of(path).size() == 1);
  CHECK(mappings_of(path) != before);
}

TEST_CASE_METHOD(MappedFixture, "A mapped reader outlives a file that became smaller", "[store][mapping]") {
  REQUIRE(sum() == 0);
  writer.script("DELETE FROM items WHERE id > 10");
  writer.script("VACUUM");
  writer.script("PRAGMA wal_checkpoint(TRUNCATE)");
  CHECK(value_of(reader, "SELECT count(*) FROM items") == 10);
  add(11, 3000);
  writer.checkpoint();
  CHECK(value_of(reader, "SELECT count(*) FROM items") == 3010);
  CHECK(value_of(reader, "SELECT count(*) FROM pragma_integrity_check") == 1);
}

TEST_CASE_METHOD(MappedFixture, "A view that is open keeps what it saw while others commit and checkpoint", "[store][mapping]") {
  reader.script("BEGIN");
  REQUIRE(sum() == 0);
  writer.script("UPDATE items SET value = 1");
  writer.checkpoint();
  CHECK(sum() == 0);
  reader.script("COMMIT");
  CHECK(sum() == 2000);
}

TEST_CASE_METHOD(MappedFixture, "Several mapped readers of one file, and of another, are each their own", "[store][mapping]") {
  Database second = Database::open(path, Database::Mode::read_only, kMappedOctets);
  const std::string other_path = folder / "other.db";
  Database other_writer = Database::open(other_path);
  other_writer.script("CREATE TABLE items (value); INSERT INTO items VALUES (7)");
  Database other = Database::open(other_path, Database::Mode::read_only, kMappedOctets);
  writer.script("UPDATE items SET value = 3");
  writer.checkpoint();
  CHECK(sum() == 6000);
  CHECK(value_of(second, "SELECT sum(value) FROM items") == 6000);
  CHECK(value_of(other, "SELECT value FROM items") == 7);
}
