#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "lib/store/checkpointer.hpp"
#include "lib/store/database.hpp"

namespace store {

/// All writes of a database, on one thread that groups what is waiting into one transaction and resumes each writer once
/// its change is on disk. A piece of work that throws is undone alone; its writer gets the exception. (Work may run twice, the first time
/// undone, if another piece of its group threw.) If the database
/// itself fails, every writer of the group gets base::Error{unavailable, INSUFFICIENT_RESOURCES} and the log says why, once a group.
/// What may wait is bounded: with `max_waiting` pieces of work a writer is refused at once, with Error{unavailable, NF_CONGESTION}, and what nobody waits
/// for is dropped at half of that already, so that it takes no writer's place.
class Committer {
 public:
  static constexpr std::size_t kMaxWaiting = 16 * 1024;

  /// Changes the database; runs on the committer's thread, so it captures values, not references to a loop's objects.
  template <class Result>
  using Work = std::function<Result(Database&)>;

  explicit Committer(Database database, std::size_t max_waiting = kMaxWaiting);
  /// Carries out what is waiting, then ends. Until then the loops of its writers must be there: they are woken from its thread.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// Runs `work` and returns its result once it is durable. On any loop.
  template <class Result>
  boost::asio::awaitable<Result> write(Work<Result> work) {
    const auto result = std::make_shared<std::optional<Result>>();
    Work<void> keep = [result, work = std::move(work)](Database& database) { result->emplace(work(database)); };
    co_await write(std::move(keep));
    co_return std::move(**result);
  }
  /// The same; not a coroutine of its own, for each costs a write its frame.
  boost::asio::awaitable<void> write(Work<void> work);

  /// Runs `work` soon; nobody waits for it. What it throws goes to the log, and so does how many were dropped: a line a group.
  void write_later(Work<void> work);

  /// From begin_batch on, what this thread asks for is not begun before it calls settle(): then there is one group of it, and one wake-up,
  /// where the first write would have had a transaction for itself. (Unless another thread's write takes it along.) end_batch gives true
  /// if settle() is to be called; what is asked for between the two is begun as without a batch. For the writes that a loop brings
  /// while it has more to read; of a thread, no more than one committer may have batches.
  void begin_batch() noexcept;
  [[nodiscard]] bool end_batch() noexcept;
  void settle() noexcept;

  /// As write, for a thread that may block: start-up and tests.
  template <class Result>
  Result write_and_wait(Work<Result> work) {
    std::optional<Result> result;
    block_on([&result, &work](Database& database) { result.emplace(work(database)); });
    return std::move(*result);
  }
  void write_and_wait(Work<void> work) { block_on(std::move(work)); }

 private:
  using Done = std::function<void(std::exception_ptr)>;
  struct Job {
    Work<void> work;
    Done done;                                ///< empty: nobody waits
    boost::asio::any_io_executor executor{};  ///< of the loop on which `done` is to be called; none: on the committer's thread
  };
  using Failures = std::vector<std::exception_ptr>;  ///< by job; null: it was done

  void block_on(Work<void> work);
  /// False if there is no room for it; it is then still the caller's.
  bool enqueue(Job&& job);
  void wake() noexcept;
  void run();
  void commit(std::vector<Job>& jobs);
  /// As attempt(), on another connection if the present one can only read.
  Failures attempt_on_writable(std::vector<Job>& jobs);
  /// What became of each job. Throws StoreError if the database itself failed.
  Failures attempt(std::vector<Job>& jobs);
  /// One transaction for all. Nothing if a job failed after it had changed something, which only a savepoint of its own undoes.
  std::optional<Failures> attempt_together(std::vector<Job>& jobs);
  /// The same with a savepoint a job.
  Failures attempt_each(std::vector<Job>& jobs);
  static void tell(std::vector<Job>& jobs, const Failures& failures, bool is_logged);
  void roll_back();
  void reopen();

  Database database_;
  Checkpointer checkpointer_;
  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  std::size_t dropped_ = 0;  ///< since the log said so last
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace store
