// SQLite, as nf-d-ausf uses it, beside LMDB: the same rows, the same order, one thread, no network (docs/decisions/0018).
//   bench-engines FOLDER [ROWS]
// FOLDER: an empty one on the disk that is to be measured. Prints what each engine does in a second of CPU and of time.
#include <lmdb.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>

#include "lib/store/batch_snapshot.hpp"
#include "nf-d-ausf/schema.hpp"
#include "nf-d-ausf/vectors.hpp"
#include "tests/bench/random.hpp"

namespace {

constexpr std::uint64_t kFirst = 901700000000000;
constexpr std::size_t kMapped = std::size_t{2047} * 1024 * 1024;
constexpr int kReadsATurn = 32;  // of one connection, as scripts/bench asks
constexpr int kLinesAPiece = 4096;
constexpr int kWritesAGroup = 256;
constexpr std::uint64_t kReads = 2'000'000;
constexpr std::uint64_t kGroups = 400;

profile::DiscoveryImsi dimsi_at(std::uint64_t row) { return profile::DiscoveryImsi::from_digits(std::to_string(kFirst + row)).value(); }

d_ausf::Vector vector_of(std::uint64_t value) {
  d_ausf::Vector vector{{}, profile::Imsi::from_digits("001010000000001").value(), profile::ReceiptHash{}, std::nullopt};
  for (std::size_t i = 0; i < vector.challenge.rand.size(); ++i) {
    vector.challenge.rand[i] = static_cast<std::uint8_t>(bench::mix(value) >> (i % 8 * 8));
    vector.challenge.autn[i] = static_cast<std::uint8_t>(bench::mix(~value) >> (i % 8 * 8));
  }
  return vector;
}

/// What nf-d-ausf does of an engine.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;
  virtual void begin_writing() = 0;
  virtual void put(std::uint64_t row, std::uint64_t value) = 0;
  virtual void commit() = 0;  ///< durable when it returns
  virtual void begin_reading() = 0;
  virtual std::uint8_t get(std::uint64_t row) = 0;  ///< an octet of its RAND
  virtual void end_reading() = 0;
};

class Sqlite final : public Engine {
 public:
  explicit Sqlite(const std::string& path)
      : writer_(opened(path)), reader_(store::Database::open(path, store::Database::Mode::read_only, kMapped)), snapshot_(reader_) {}
  void begin_writing() override { writer_.run("BEGIN IMMEDIATE"); }
  void put(std::uint64_t row, std::uint64_t value) override {
    d_ausf::put_vector(writer_, dimsi_at(row), vector_of(value), "anonymous", base::from_unix_ms(0));
  }
  void commit() override { writer_.run("COMMIT"); }
  void begin_reading() override { snapshot_.begin_batch(); }
  std::uint8_t get(std::uint64_t row) override {
    return challenges_.find(dimsi_at(row)).value().rand[0];
  }
  void end_reading() override {
    challenges_.end_batch();
    snapshot_.end_batch();
  }
  void checkpoint() { writer_.checkpoint(); }

 private:
  static store::Database opened(const std::string& path) {
    store::Database database = store::Database::open(path);
    store::migrate(database, kSchema);
    return database;
  }

  store::Database writer_;
  store::Database reader_;
  store::BatchSnapshot snapshot_;
  d_ausf::Challenges challenges_{reader_, snapshot_};
};

void must(int result) {
  if (result != MDB_SUCCESS) throw std::runtime_error(std::string("LMDB: ") + mdb_strerror(result));
}

class Lmdb final : public Engine {
 public:
  explicit Lmdb(const std::string& path) {
    must(mdb_env_create(&environment_));
    must(mdb_env_set_mapsize(environment_, std::size_t{4} << 30U));
    must(mdb_env_open(environment_, path.c_str(), MDB_NOSUBDIR, 0600));
    begin_writing();
    must(mdb_dbi_open(writing_, nullptr, MDB_INTEGERKEY, &table_));
    commit();
    must(mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reading_));
    mdb_txn_reset(reading_);
  }
  ~Lmdb() override {
    mdb_txn_abort(reading_);
    mdb_env_close(environment_);
  }
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;
  void begin_writing() override { must(mdb_txn_begin(environment_, nullptr, 0, &writing_)); }
  void put(std::uint64_t row, std::uint64_t value) override {
    const d_ausf::Vector vector = vector_of(value);
    std::array<std::uint8_t, 96> record{};  // what a row of the table `vectors` has, without names of its columns
    std::memcpy(record.data(), vector.challenge.rand.data(), 16);
    std::memcpy(record.data() + 16, vector.challenge.autn.data(), 16);
    std::uint64_t key = dimsi_at(row).packed();
    MDB_val at{sizeof key, &key};
    MDB_val octets{record.size(), record.data()};
    must(mdb_put(writing_, table_, &at, &octets, 0));
  }
  void commit() override { must(mdb_txn_commit(writing_)); }
  void begin_reading() override { must(mdb_txn_renew(reading_)); }
  std::uint8_t get(std::uint64_t row) override {
    std::uint64_t key = dimsi_at(row).packed();
    MDB_val at{sizeof key, &key};
    MDB_val octets{};
    must(mdb_get(reading_, table_, &at, &octets));
    return *static_cast<const std::uint8_t*>(octets.mv_data);
  }
  void end_reading() override { mdb_txn_reset(reading_); }

 private:
  MDB_env* environment_ = nullptr;
  MDB_txn* writing_ = nullptr;
  MDB_txn* reading_ = nullptr;
  MDB_dbi table_ = 0;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work>
void measure(const char* engine, const char* what, std::uint64_t count, Work work) {
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  work();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << engine << ' ' << what << ": " << static_cast<std::uint64_t>(static_cast<double>(count) / seconds) << " a second, "
            << (cpu_seconds() - cpu) * 1e6 / static_cast<double>(count) << " us of CPU each\n";
}

void load(Engine& engine, std::uint64_t rows) {
  for (std::uint64_t row = 0; row < rows;) {
    engine.begin_writing();
    for (int i = 0; i < kLinesAPiece && row < rows; ++i, ++row) engine.put(row, row);
    engine.commit();
  }
}

void read_at_random(Engine& engine, std::uint64_t rows) {
  bench::Random random(1);
  for (std::uint64_t done = 0; done < kReads; done += kReadsATurn) {
    engine.begin_reading();
    for (int i = 0; i < kReadsATurn; ++i) {
      const std::uint64_t row = random.below(rows);
      if (engine.get(row) != vector_of(row).challenge.rand[0]) throw std::runtime_error("a wrong row");
    }
    engine.end_reading();
  }
}

void write_at_random(Engine& engine, std::uint64_t rows) {
  bench::Random random(2);
  for (std::uint64_t group = 0; group < kGroups; ++group) {
    engine.begin_writing();
    for (int i = 0; i < kWritesAGroup; ++i) engine.put(random.below(rows), random.next());
    engine.commit();
  }
}

}  // namespace

int main(int count, char** arguments) try {
  if (count < 2) throw std::runtime_error("usage: bench-engines FOLDER [ROWS]");
  const std::filesystem::path folder = arguments[1];
  const std::uint64_t rows = count > 2 ? std::stoull(arguments[2]) : 1'000'000;
  Sqlite sqlite(folder / "engines.db");
  Lmdb lmdb(folder / "engines.mdb");
  measure("SQLite", "ascending load", rows, [&] { load(sqlite, rows); });
  measure("LMDB", "ascending load", rows, [&] { load(lmdb, rows); });
  sqlite.checkpoint();
  for (int turn = 0; turn < 3; ++turn) {
    measure("SQLite", "random reads, 32 a view", kReads, [&] { read_at_random(sqlite, rows); });
    measure("LMDB", "random reads, 32 a view", kReads, [&] { read_at_random(lmdb, rows); });
  }
  for (int turn = 0; turn < 3; ++turn) {
    measure("SQLite", "random writes, 256 a commit", kGroups * kWritesAGroup, [&] { write_at_random(sqlite, rows); });
    measure("LMDB", "random writes, 256 a commit", kGroups * kWritesAGroup, [&] { write_at_random(lmdb, rows); });
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "bench-engines: " << error.what() << '\n';
  return 1;
}
