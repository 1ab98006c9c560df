#include "lib/store/committer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temporary_folder.hpp"

using store::Committer;
using store::Database;

namespace {

struct CommitterFixture {
  CommitterFixture() { Database::open(path).script("CREATE TABLE t (n INTEGER PRIMARY KEY AUTOINCREMENT, value)"); }

  /// What another connection sees: each value, in the order in which it was written.
  std::vector<std::int64_t> seen() {
    auto reader = Database::open(path, Database::Mode::read_only);
    auto rows = reader.query("SELECT value FROM t ORDER BY n");
    std::vector<std::int64_t> values;
    while (rows.next()) values.push_back(rows.integer(0));
    return values;
  }

  test::TemporaryFolder folder;
  std::string path = folder / "test.db";
};

Committer::Work<void> insertion_of(int value) {
  return [value](Database& database) { database.run("INSERT INTO t (value) VALUES ($1)", value); };
}

/// Holds the committer in one piece of work, so that what comes meanwhile is one group; goes on when it is released.
class Gate {
 public:
  explicit Gate(Committer& committer) {
    committer.write_later([released = released_.get_future().share(), this](Database&) {
      reached_.set_value();
      released.wait_for(test::kDeadline);
    });
    auto reached = reached_.get_future();
    test::get(reached);
  }
  void release() { released_.set_value(); }

 private:
  std::promise<void> released_;
  std::promise<void> reached_;
};

struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The kind of base::Error that `work` throws; nothing if it throws none.
template <class Work>
std::optional<base::ErrorKind> error_of(const Work& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

boost::asio::awaitable<int> write_one(Committer& committer, int value) {
  Committer::Work<int> work = [value](Database& database) {
    database.run("INSERT INTO t (value) VALUES ($1)", value);
    return 2 * value;
  };
  const int result = co_await committer.write(std::move(work));
  co_return result;
}

}  // namespace

TEST_CASE_METHOD(CommitterFixture, "What a thread asks for within a batch is done in its order, and none of it waits for ever", "[committer]") {
  Committer committer(Database::open(path));
  committer.begin_batch();
  for (int i = 0; i < 3; ++i) committer.write_later(insertion_of(i));
  SECTION("settling begins it") {
    REQUIRE(committer.end_batch());
    committer.settle();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (seen().size() < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK(seen().size() == 3);
    committer.write_and_wait(insertion_of(3));
  }
  SECTION("a write behind it begins it") {
    REQUIRE(committer.end_batch());
    committer.write_and_wait(insertion_of(3));
  }
  SECTION("whoever blocks within it is heard at once") {
    committer.write_and_wait(insertion_of(3));
    CHECK(committer.end_batch());
  }
  SECTION("another thread's write takes it along") {
    std::thread([&committer] { committer.write_and_wait(insertion_of(3)); }).join();
    CHECK(committer.end_batch());
  }
  CHECK(seen() == std::vector<std::int64_t>{0, 1, 2, 3});
  committer.settle();
  committer.begin_batch();
  CHECK_FALSE(committer.end_batch());  // nothing was asked for
}

TEST_CASE_METHOD(CommitterFixture, "A write is on disk when it returns", "[store][committer]") {
  Committer committer(Database::open(path));
  for (int i = 0; i < 5; ++i) {
    committer.write_and_wait(insertion_of(i));
    REQUIRE(seen().size() == static_cast<std::size_t>(i) + 1);
  }
  CHECK(committer.write_and_wait<std::string>([](Database&) { return std::string("result"); }) == "result");
}

TEST_CASE_METHOD(CommitterFixture, "A coroutine goes on, on its own loop, once its write is on disk", "[store][committer]") {
  test::Loop loop;
  Committer committer(Database::open(path));
  CHECK(loop.await(write_one(committer, 21)) == 42);
  CHECK(seen() == std::vector<std::int64_t>{21});
}

TEST_CASE_METHOD(CommitterFixture, "What throws is undone alone; the rest of its group is kept", "[store][committer]") {
  test::Loop loop;
  Committer committer(Database::open(path));
  Gate gate(committer);
  std::vector<std::future<void>> writers;
  for (int i = 0; i < 3; ++i) {
    Committer::Work<void> work = [i](Database& database) {
      insertion_of(i)(database);
      if (i == 1) throw Refusal("the second is refused");
    };
    writers.push_back(loop.start(committer.write(std::move(work))));
  }
  loop.run([] {});  // all three wait at the committer now: one group
  gate.release();
  CHECK_NOTHROW(test::get(writers[0]));
  CHECK_THROWS_AS(test::get(writers[1]), Refusal);
  CHECK_NOTHROW(test::get(writers[2]));
  CHECK(seen() == std::vector<std::int64_t>{0, 2});
}

TEST_CASE_METHOD(CommitterFixture, "An exception reaches the coroutine that wrote", "[store][committer]") {
  test::Loop loop;
  Committer committer(Database::open(path));
  Committer::Work<void> work = [](Database& database) {
    insertion_of(1)(database);
    throw Refusal("no");
  };
  CHECK_THROWS_AS(loop.await(committer.write(std::move(work))), Refusal);
  CHECK(seen().empty());
}

TEST_CASE_METHOD(CommitterFixture, "Writes are carried out in the order in which they came", "[store][committer]") {
  std::vector<std::int64_t> expected;
  {
    Committer committer(Database::open(path));
    Gate gate(committer);
    for (int i = 0; i < 300; ++i) {
      committer.write_later(insertion_of(i));
      expected.push_back(i);
    }
    gate.release();
  }  // what waits is carried out before it ends
  CHECK(seen() == expected);
}

TEST_CASE_METHOD(CommitterFixture, "More writes than one group holds are all carried out", "[store][committer]") {
  {
    Committer committer(Database::open(path));
    Gate gate(committer);
    for (int i = 0; i < 4097; ++i) committer.write_later(insertion_of(i));
    gate.release();
  }
  CHECK(seen().size() == 4097);
}

TEST_CASE_METHOD(CommitterFixture, "A write that nobody waits for may fail without harm", "[store][committer]") {
  Committer committer(Database::open(path));
  committer.write_later([](Database&) { throw Refusal("nobody hears this"); });
  committer.write_and_wait(insertion_of(1));
  CHECK(seen() == std::vector<std::int64_t>{1});
}

TEST_CASE_METHOD(CommitterFixture, "What waits is bounded, and writers come before what nobody waits for", "[store][committer]") {
  test::Loop loop;
  Committer committer(Database::open(path), 8);
  Gate gate(committer);  // it is at work, and waits no more
  for (int i = 0; i < 4; ++i) committer.write_later(insertion_of(i));
  committer.write_later(insertion_of(100));  // one above half: dropped
  std::vector<std::future<void>> writers;
  for (int i = 4; i < 8; ++i) writers.push_back(loop.start(committer.write(insertion_of(i))));
  auto beyond = loop.start(committer.write(insertion_of(101)));
  CHECK(error_of([&] { test::get(beyond); }) == base::ErrorKind::unavailable);  // at once, though the committer is held
  CHECK(error_of([&] { committer.write_and_wait(insertion_of(102)); }) == base::ErrorKind::unavailable);
  gate.release();
  for (auto& writer : writers) CHECK_NOTHROW(test::get(writer));
  CHECK(seen() == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK_NOTHROW(committer.write_and_wait(insertion_of(8)));  // there is room again
}

TEST_CASE_METHOD(CommitterFixture, "What a group has to complain of is one line of the log, whatever its size", "[store][committer]") {
  const std::string log = folder / "store.log";
  base::log::open("store", log, base::log::Level::warning);
  std::string expected;
  {
    Committer committer(Database::open(path), 400);
    Gate gate(committer);
    SECTION("the database fails") {
      for (int i = 0; i < 100; ++i) committer.write_later(insertion_of(i));
      committer.write_later([](Database& database) { database.script("no SQL"); });
      expected = "failed, 101 writes were not made";
    }
    SECTION("writes fail that nobody waits for") {
      for (int i = 0; i < 100; ++i) committer.write_later([](Database&) { throw Refusal("no such row"); });
      expected = "100 writes that nobody waits for failed, the first: no such row";
    }
    SECTION("writes are dropped") {
      for (int i = 0; i < 300; ++i) committer.write_later(insertion_of(i));
      expected = "100 writes that nobody waits for were dropped";
    }
    gate.release();
  }
  base::log::open("store", "", base::log::Level::info);
  const std::string text = test::read_text(log);
  CAPTURE(text);
  CHECK_THAT(text, Catch::Contains(expected));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE_METHOD(CommitterFixture, "Many coroutines write at once, each with its own result", "[store][committer]") {
  test::Loop loop;
  Committer committer(Database::open(path));
  std::vector<std::future<int>> results;
  for (int i = 0; i < 500; ++i) results.push_back(loop.start(write_one(committer, i)));
  int faults = 0;
  for (int i = 0; i < 500; ++i) faults += test::get(results[static_cast<std::size_t>(i)]) == 2 * i ? 0 : 1;
  CHECK(faults == 0);
  auto values = seen();
  std::sort(values.begin(), values.end());
  REQUIRE(values.size() == 500);
  CHECK(values.front() == 0);
  CHECK(values.back() == 499);
}

TEST_CASE_METHOD(CommitterFixture, "A database that another holds is unavailable, and comes back", "[store][committer]") {
  auto impatient = Database::open(path);
  impatient.script("PRAGMA busy_timeout=20");
  Committer committer(std::move(impatient));
  auto other = Database::open(path);
  other.script("BEGIN IMMEDIATE");
  CHECK(error_of([&] { committer.write_and_wait(insertion_of(1)); }) == base::ErrorKind::unavailable);
  CHECK(seen().empty());
  other.script("ROLLBACK");
  CHECK_NOTHROW(committer.write_and_wait(insertion_of(2)));
  CHECK(seen() == std::vector<std::int64_t>{2});
}

TEST_CASE_METHOD(CommitterFixture, "A full disk is unavailable for the whole group, and nothing of it stays", "[store][committer]") {
  auto small = Database::open(path);
  small.script("PRAGMA max_page_count=40");  // of 1024 octets
  test::Loop loop;
  Committer committer(std::move(small));
  Gate gate(committer);
  Committer::Work<void> large = [](Database& database) {
    database.run("INSERT INTO t (value) VALUES ($1)", base::Bytes(100 * 1024));
  };
  auto fits = loop.start(committer.write(insertion_of(1)));
  auto does_not = loop.start(committer.write(std::move(large)));
  loop.run([] {});  // both wait at the committer now: one group
  gate.release();
  CHECK(error_of([&] { test::get(does_not); }) == base::ErrorKind::unavailable);
  CHECK(error_of([&] { test::get(fits); }) == base::ErrorKind::unavailable);
  CHECK(seen().empty());
  committer.write_and_wait(insertion_of(2));
  CHECK(seen() == std::vector<std::int64_t>{2});
}

TEST_CASE_METHOD(CommitterFixture, "What was committed is in the database file itself once the committer has gone, whoever else has it open", "[store][committer]") {
  const auto reader = Database::open(path, Database::Mode::read_only);  // the last one to go, which could not do it
  {
    Committer committer(Database::open(path));
    committer.write_and_wait(insertion_of(7));
  }
  const std::string copy = folder / "copy.db";  // without the WAL
  std::filesystem::copy_file(path, copy);
  auto alone = Database::open(copy, Database::Mode::read_only);
  auto rows = alone.query("SELECT value FROM t");
  REQUIRE(rows.next());
  CHECK(rows.integer(0) == 7);
}

TEST_CASE_METHOD(CommitterFixture, "A connection that can only read is made anew, for its file may be written by now", "[store][committer]") {
  Committer committer(Database::open(path, Database::Mode::read_only));
  CHECK_NOTHROW(committer.write_and_wait(insertion_of(1)));
  CHECK(seen() == std::vector<std::int64_t>{1});
}

TEST_CASE_METHOD(CommitterFixture, "A database that may not be written is unavailable", "[store][committer]") {
  auto database = Database::open(path);
  database.script("PRAGMA query_only=ON");
  test::Loop loop;
  Committer committer(std::move(database));
  std::filesystem::rename(path, path + ".elsewhere");  // no other connection can be made
  CHECK(error_of([&] { committer.write_and_wait(insertion_of(1)); }) == base::ErrorKind::unavailable);
  CHECK(error_of([&] { loop.await(write_one(committer, 1)); }) == base::ErrorKind::unavailable);
  std::filesystem::rename(path + ".elsewhere", path);
  CHECK(seen().empty());
}
