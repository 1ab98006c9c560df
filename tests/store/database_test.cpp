#include "lib/store/database.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "lib/store/batch_snapshot.hpp"
#include "tests/store/value_of.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/temporary_folder.hpp"

using store::Database;
using store::StoreError;
using test::value_of;

namespace {

struct DatabaseFixture {
  DatabaseFixture() { database.script("CREATE TABLE t (id INTEGER PRIMARY KEY, value)"); }
  /// The one value of the row `id`.
  store::Rows row(std::int64_t id) {
    auto rows = database.query("SELECT value FROM t WHERE id=$1", id);
    REQUIRE(rows.next());
    return rows;
  }
  test::TemporaryFolder folder;
  std::string path = folder / "test.db";
  Database database = Database::open(path);
};

}  // namespace

TEST_CASE_METHOD(DatabaseFixture, "Every type of value comes back as it went in", "[store]") {
  const auto insert = [this](const auto& value) { return database.run("INSERT INTO t VALUES (1,$1)", value); };
  SECTION("integers, to the ends of their range") {
    const std::int64_t value = GENERATE(0, 1, -1, INT64_MAX, INT64_MIN);
    CHECK(insert(value) == 1);
    CHECK(row(1).integer(0) == value);
  }
  SECTION("numbers of 64 bits without a sign, as a packed IMSI") {
    CHECK(insert(std::uint64_t{0xFFFFFFFFFFFFFFFF}) == 1);
    CHECK(row(1).number(0) == 0xFFFFFFFFFFFFFFFF);
  }
  SECTION("booleans") {
    insert(true);
    CHECK(row(1).integer(0) == 1);
  }
  SECTION("texts, quotes and zero octets among them") {
    const std::string value = GENERATE(std::string("x"), std::string("'; DROP TABLE t; --"), std::string("a\0b", 3), std::string("é"));
    insert(value);
    CHECK(row(1).text(0) == value);
  }
  SECTION("an empty text is no NULL") {
    insert(std::string_view());
    CHECK(row(1).text(0).empty());
    CHECK_FALSE(row(1).is_null(0));
  }
  SECTION("octets") {
    insert(test::bytes("00ff0027"));
    CHECK(row(1).blob(0) == test::bytes("00ff0027"));
  }
  SECTION("an array of octets") {
    insert(std::array<std::uint8_t, 2>{1, 0});
    CHECK(row(1).blob(0) == test::bytes("0100"));
  }
  SECTION("no octets are no NULL") {
    insert(base::Bytes());
    CHECK(row(1).blob(0).empty());
    CHECK_FALSE(row(1).is_null(0));
  }
  SECTION("a NULL, which reads as 0 or empty") {
    insert(std::nullopt);
    CHECK(row(1).is_null(0));
    CHECK(row(1).integer(0) == 0);
    CHECK(row(1).text(0).empty());
    CHECK(row(1).blob(0).empty());
  }
  SECTION("an optional value, there or not") {
    insert(std::optional<std::string>("x"));
    CHECK(row(1).text(0) == "x");
    database.run("UPDATE t SET value=$1", std::optional<std::string>());
    CHECK(row(1).is_null(0));
  }
}

TEST_CASE_METHOD(DatabaseFixture, "A statement forgets its values between two runs", "[store]") {
  const char* const insert = "INSERT INTO t VALUES ($1,$2)";
  database.run(insert, 1, "a");
  database.run(insert, 2, std::nullopt);
  database.run(insert, 3, "c");
  CHECK(row(1).text(0) == "a");
  CHECK(row(2).is_null(0));
  CHECK(row(3).text(0) == "c");
}

TEST_CASE_METHOD(DatabaseFixture, "A statement whose rows are being read is not used a second time", "[store]") {
  const char* const select = "SELECT id FROM t ORDER BY id";
  database.script("INSERT INTO t VALUES (1,1),(2,2)");
  {
    auto rows = database.query(select);
    REQUIRE(rows.next());
    CHECK_THROWS_AS(database.query(select), StoreError);
    CHECK(row(1).integer(0) == 1);  // another text may run meanwhile
    REQUIRE(rows.next());
    CHECK(rows.integer(0) == 2);
  }
  auto again = database.query(select);  // half-read rows are dropped with their object
  REQUIRE(again.next());
  CHECK(again.integer(0) == 1);
}

TEST_CASE_METHOD(DatabaseFixture, "Rows that have ended stay ended", "[store]") {
  {
    auto rows = database.query("INSERT INTO t VALUES ($1,0)", 7);
    CHECK_FALSE(rows.next());
    CHECK_FALSE(rows.next());  // SQLite itself would begin anew
  }
  auto count = database.query("SELECT count(*) FROM t");
  REQUIRE(count.next());
  CHECK(count.integer(0) == 1);
}

TEST_CASE_METHOD(DatabaseFixture, "The number of changed rows is told", "[store]") {
  database.script("INSERT INTO t VALUES (1,1),(2,2),(3,2)");
  CHECK(database.run("UPDATE t SET value=$1 WHERE value=$2", 9, 2) == 2);
  CHECK(database.run("UPDATE t SET value=$1 WHERE value=$2", 9, 5) == 0);
  CHECK(database.run("DELETE FROM t WHERE id=$1", 1) == 1);
}

TEST_CASE_METHOD(DatabaseFixture, "A moved connection goes on, and its statements with it", "[store]") {
  database.run("INSERT INTO t VALUES ($1,$2)", 1, 1);
  Database moved(std::move(database));
  CHECK(moved.run("INSERT INTO t VALUES ($1,$2)", 2, 2) == 1);
  database = std::move(moved);
  CHECK(row(2).integer(0) == 2);
}

TEST_CASE_METHOD(DatabaseFixture, "Faults of SQL are errors that quote it", "[store]") {
  CHECK_THROWS_WITH(database.run("SELEKT 1"), Catch::Contains("SELEKT 1") && Catch::Contains("syntax error"));
  CHECK_THROWS_AS(database.script("CREATE TABLE t (x)"), StoreError);
  database.run("INSERT INTO t VALUES (1,1)");
  CHECK_THROWS_WITH(database.run("INSERT INTO t VALUES (1,1)"), Catch::Contains("UNIQUE"));
  CHECK(database.run("INSERT INTO t VALUES (2,1)") == 1);
}

TEST_CASE_METHOD(DatabaseFixture, "A reader sees what is committed, and cannot write", "[store]") {
  database.run("INSERT INTO t VALUES (1,1)");
  auto reader = Database::open(path, Database::Mode::read_only);
  const auto count = [&reader] {
    auto rows = reader.query("SELECT count(*) FROM t");
    rows.next();
    return rows.integer(0);
  };
  CHECK(count() == 1);
  database.script("BEGIN; INSERT INTO t VALUES (2,2)");
  CHECK(count() == 1);
  database.script("COMMIT");
  CHECK(count() == 2);
  CHECK_THROWS_AS(reader.run("INSERT INTO t VALUES (3,3)"), StoreError);
}

TEST_CASE("What is deleted or replaced is overwritten in the file", "[store][secure-delete]") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "test.db";
  const std::string sought = "what nobody is to find in the file again";
  const auto is_in_file = [&] { return test::read_text(path).find(sought) != std::string::npos; };
  {
    auto database = Database::open(path);
    database.script("CREATE TABLE t (id INTEGER PRIMARY KEY, value); INSERT INTO t VALUES (1, 'another')");
    database.run("INSERT INTO t VALUES (2,$1)", sought + std::string(40, '.'));  // behind it: a shorter row may come to lie at the end of this one
  }  // with its last connection a database's log goes into its file
  REQUIRE(is_in_file());
  const std::string change =
      GENERATE(as<std::string>(), "DELETE FROM t WHERE id=2", "UPDATE t SET value=NULL WHERE id=2", "UPDATE t SET value=x'00' WHERE id=2");
  const bool overwrites = GENERATE(true, false);
  CAPTURE(change, overwrites);
  {
    auto database = Database::open(path);
    if (!overwrites) database.script("PRAGMA secure_delete=OFF");  // of this connection: then it is found
    database.script(change);
  }
  CHECK(is_in_file() == !overwrites);
}

TEST_CASE("A database that cannot be opened is named", "[store]") {
  const test::TemporaryFolder folder;
  SECTION("its folder is not there") {
    CHECK_THROWS_WITH(Database::open(folder / "absent/x.db"), Catch::Contains(folder / "absent/x.db"));
  }
  SECTION("it is a folder") { CHECK_THROWS_AS(Database::open(folder / "."), StoreError); }
  SECTION("it is another kind of file") {
    const auto path = folder.write("x.db", std::string(4096, 'x'));
    CHECK_THROWS_WITH(Database::open(path), Catch::Contains(path));
  }
  SECTION("a reader finds no file, and makes none") {
    CHECK_THROWS_AS(Database::open(folder / "x.db", Database::Mode::read_only), StoreError);
    CHECK_FALSE(std::filesystem::exists(folder / "x.db"));
  }
}

namespace {

constexpr std::string_view kFirst = "-- version 1\nCREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n";
constexpr std::string_view kBoth =
    "-- version 1\nCREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n"
    "-- version 2\nALTER TABLE a ADD COLUMN y DEFAULT 5; -- a comment\nCREATE TABLE b (z);\n";

}  // namespace

TEST_CASE("A database is brought to the newest version", "[store][migrate]") {
  const test::TemporaryFolder folder;
  auto database = Database::open(folder / "x.db");
  SECTION("from nothing") {
    store::migrate(database, kBoth);
    CHECK(value_of(database, "SELECT y FROM a") == 5);
    CHECK(value_of(database, "PRAGMA user_version") == 2);
  }
  SECTION("from version 1, whose rows stay") {
    store::migrate(database, kFirst);
    CHECK(value_of(database, "PRAGMA user_version") == 1);
    database.run("UPDATE a SET x=7");
    store::migrate(database, kBoth);
    CHECK(value_of(database, "SELECT x FROM a") == 7);
    CHECK(value_of(database, "SELECT y FROM a") == 5);
    CHECK(value_of(database, "SELECT count(*) FROM b") == 0);
  }
  SECTION("twice is once") {
    store::migrate(database, kBoth);
    store::migrate(database, kBoth);
    CHECK(value_of(database, "SELECT count(*) FROM a") == 1);
  }
}

TEST_CASE("A database newer than the program is refused and left alone", "[store][migrate]") {
  const test::TemporaryFolder folder;
  auto database = Database::open(folder / "x.db");
  store::migrate(database, kBoth);
  CHECK_THROWS_WITH(store::migrate(database, kFirst), Catch::Contains("x.db is of version 2, newer than") && Catch::Contains("(1)"));
  CHECK(value_of(database, "PRAGMA user_version") == 2);
}

TEST_CASE("A step that fails is undone whole; those before it stand", "[store][migrate]") {
  const test::TemporaryFolder folder;
  auto database = Database::open(folder / "x.db");
  const std::string broken = std::string(kFirst) + "-- version 2\nUPDATE a SET x=9;\nCREATE TABLE b (z);\nCREATE TABLE a (x);\n";
  CHECK_THROWS_AS(store::migrate(database, broken), StoreError);
  CHECK(value_of(database, "PRAGMA user_version") == 1);
  CHECK(value_of(database, "SELECT x FROM a") == 1);
  CHECK_THROWS_AS(database.query("SELECT z FROM b"), StoreError);
  store::migrate(database, kBoth);  // and the mended step goes through
  CHECK(value_of(database, "PRAGMA user_version") == 2);
}

TEST_CASE_METHOD(DatabaseFixture, "A text at another text's address is another statement", "[store]") {
  std::string sql = "INSERT INTO t VALUES (1,$1)";
  database.run(sql, 7);
  sql = "INSERT INTO t VALUES (2,$1)";  // of the same size, in the same memory
  database.run(sql, 8);
  CHECK(row(1).integer(0) == 7);
  CHECK(row(2).integer(0) == 8);
}

TEST_CASE_METHOD(DatabaseFixture, "Parameters are bound by their numbers, in whatever order they stand, and as often as they do", "[store]") {
  auto rows = database.query("SELECT $3, $1, $2, $1", 1, 2, 3);
  REQUIRE(rows.next());
  CHECK(rows.integer(0) == 3);
  CHECK(rows.integer(1) == 1);
  CHECK(rows.integer(2) == 2);
  CHECK(rows.integer(3) == 1);
}

TEST_CASE_METHOD(DatabaseFixture, "A batch's reads see one state of the database, the next batch the newest", "[store][snapshot]") {
  Database reader = Database::open(path, Database::Mode::read_only);
  store::BatchSnapshot snapshot(reader);
  const auto count = [&] {
    snapshot.use();
    auto rows = reader.query("SELECT count(*) FROM t");
    rows.next();
    return rows.integer(0);
  };
  const auto insert = [&](int id) { database.run("INSERT INTO t VALUES ($1,0)", id); };
  SECTION("within a batch nothing changes") {
    snapshot.begin_batch();
    CHECK(count() == 0);
    insert(1);
    CHECK(count() == 0);
    snapshot.end_batch();
    snapshot.begin_batch();
    CHECK(count() == 1);
    snapshot.end_batch();
  }
  SECTION("the state is that of the first read, not of the batch's begin") {
    snapshot.begin_batch();
    insert(1);
    CHECK(count() == 1);
    snapshot.end_batch();
  }
  SECTION("outside of a batch each read sees the newest") {
    CHECK(count() == 0);
    insert(1);
    CHECK(count() == 1);
  }
  SECTION("a batch without a read holds nothing") {
    snapshot.begin_batch();
    snapshot.end_batch();
    insert(1);
    CHECK(count() == 1);
  }
}
