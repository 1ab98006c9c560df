#include "lib/store/keyed_query.hpp"

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.hpp"

using store::Database;
using store::KeyedQuery;

namespace {

constexpr const char* kFind = "SELECT items.value FROM wanted_key LEFT JOIN items ON items.id = wanted_key.value";

struct KeyedFixture {
  KeyedFixture() {
    writer.script("CREATE TABLE items (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)");
    for (std::int64_t id = 0; id < 100; ++id) put(id, id * id);
  }
  void put(std::int64_t id, std::int64_t value) { writer.run("INSERT OR REPLACE INTO items VALUES ($1, $2)", id, value); }
  /// -1: there is no such row.
  std::int64_t value_of(std::int64_t id) {
    const store::Rows& row = query.find(static_cast<std::uint64_t>(id));
    return row.is_null(0) ? -1 : row.integer(0);
  }

  test::TemporaryFolder folder;
  Database writer = Database::open(folder / "x.db");
  Database reader = Database::open(folder / "x.db", Database::Mode::read_only);
  store::BatchSnapshot snapshot{reader};
  KeyedQuery query{reader, snapshot, kFind};
};

}  // namespace

TEST_CASE_METHOD(KeyedFixture, "Keys are found one after another by one statement, in any order, and those that are not there are not", "[store][keyed]") {
  snapshot.begin_batch();
  for (const std::int64_t id : {7, 99, 0, 100, 7, -1, 50}) CHECK(value_of(id) == (id >= 0 && id < 100 ? id * id : -1));
  query.end();
  snapshot.end_batch();
}

TEST_CASE_METHOD(KeyedFixture, "A batch has one view, and the next one sees what was committed", "[store][keyed]") {
  snapshot.begin_batch();
  CHECK(value_of(1) == 1);
  put(1, 10);
  put(2, 20);
  CHECK(value_of(1) == 1);
  CHECK(value_of(2) == 4);
  query.end();
  snapshot.end_batch();
  CHECK_FALSE(reader.is_in_transaction());

  snapshot.begin_batch();
  CHECK(value_of(1) == 10);
  CHECK(value_of(2) == 20);
  query.end();
  snapshot.end_batch();
}

TEST_CASE_METHOD(KeyedFixture, "Outside of a batch each use ends its view", "[store][keyed]") {
  const auto use = [this](std::int64_t id) {
    const KeyedQuery::Use within(query);
    return value_of(id);
  };
  CHECK(use(3) == 9);
  put(3, 30);
  CHECK(use(3) == 30);
  CHECK(use(1000) == -1);
  writer.script("PRAGMA wal_checkpoint(TRUNCATE)");  // it would fail to, were a view open
  CHECK(std::filesystem::file_size(folder / "x.db-wal") == 0);
}

TEST_CASE_METHOD(KeyedFixture, "Two queries of two connections have each their own key", "[store][keyed]") {
  Database second = Database::open(folder / "x.db", Database::Mode::read_only);
  store::BatchSnapshot other_snapshot{second};
  KeyedQuery other(second, other_snapshot, kFind);
  snapshot.begin_batch();
  other_snapshot.begin_batch();
  for (std::uint64_t i = 0; i < 50; ++i) {
    CHECK(value_of(static_cast<std::int64_t>(i)) == static_cast<std::int64_t>(i * i));
    CHECK(other.find(99 - i).integer(0) == static_cast<std::int64_t>((99 - i) * (99 - i)));
  }
  other.end();
  query.end();
  other_snapshot.end_batch();
  snapshot.end_batch();
}

TEST_CASE_METHOD(KeyedFixture, "A statement that ends is an error, and the next one begins anew", "[store][keyed]") {
  KeyedQuery inner(reader, snapshot, "SELECT items.value FROM wanted_key LEFT JOIN items ON items.id = wanted_key.value LIMIT 1");
  CHECK(inner.find(5).integer(0) == 25);
  CHECK_THROWS_AS(inner.find(6), store::StoreError);
  CHECK(inner.find(6).integer(0) == 36);
}
