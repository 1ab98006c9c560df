#include "lib/store/committer.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <algorithm>
#include <future>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"

namespace store {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxGroup = 4096;  ///< writes in one transaction

std::exception_ptr store_failure() {
  return std::make_exception_ptr(base::Error(base::ErrorKind::unavailable, "INSUFFICIENT_RESOURCES",
                                             "the store cannot write now; nothing was recorded"));
}

std::exception_ptr congestion() {
  return std::make_exception_ptr(
      base::Error(base::ErrorKind::unavailable, "NF_CONGESTION", "more writes have come than the store can take now; nothing was recorded"));
}

/// The failures of writes that nobody waits for: one line for all of a group.
struct Unheard {
  void add(const std::exception_ptr& failure) {
    if (!failure) return;
    if (count++ == 0) first = failure;
  }
  void log() const {
    if (count == 0) return;
    try {
      std::rethrow_exception(first);
    } catch (const std::exception& error) {
      base::log::warning("{} writes that nobody waits for failed, the first: {}", count, error.what());
    }
  }
  std::size_t count = 0;
  std::exception_ptr first;
};

/// The batch of this thread, and what it owes since.
struct Batch {
  const Committer* of = nullptr;
  bool owes_wake = false;
};
thread_local Batch batch;

}  // namespace

Committer::Committer(Database database, std::size_t max_waiting)
    : database_(std::move(database)),
      checkpointer_(Database::open(database_.path())),
      max_waiting_(max_waiting),
      thread_([this] { run(); }) {}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

asio::awaitable<void> Committer::write(Work<void> work) {
  const auto initiate = [this](auto handler, Work<void> job) {
    using Handler = decltype(handler);
    const asio::any_io_executor executor = asio::get_associated_executor(handler);
    const auto shared = std::make_shared<Handler>(std::move(handler));
    const auto resume = [shared](std::exception_ptr failure) { std::move (*shared)(failure); };
    if (enqueue({std::move(job), resume, executor})) return;
    asio::post(executor, [resume] { resume(congestion()); });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(initiate, asio::use_awaitable, std::move(work));
}

void Committer::write_later(Work<void> work) { (void)enqueue({std::move(work), nullptr, {}}); }

void Committer::block_on(Work<void> work) {
  std::promise<void> done;
  const auto finish = [&done](std::exception_ptr failure) { failure ? done.set_exception(failure) : done.set_value(); };
  if (!enqueue({std::move(work), finish, {}})) finish(congestion());
  if (batch.of == this) wake_.notify_one();  // nobody else would before it blocks
  done.get_future().get();
}

bool Committer::enqueue(Job&& job) {
  {
    const std::lock_guard lock(mutex_);
    if (!job.done && waiting_.size() >= max_waiting_ / 2) {
      ++dropped_;
      return false;
    }
    if (waiting_.size() >= max_waiting_) return false;
    waiting_.push_back(std::move(job));
  }
  wake();
  return true;
}

void Committer::wake() noexcept {
  if (batch.of == this) {
    batch.owes_wake = true;
  } else {
    wake_.notify_one();
  }
}

void Committer::begin_batch() noexcept { batch.of = this; }

bool Committer::end_batch() noexcept {
  batch.of = nullptr;
  return batch.owes_wake;
}

void Committer::settle() noexcept {
  if (std::exchange(batch.owes_wake, false)) wake_.notify_one();
}

void Committer::run() {
  while (true) {
    std::vector<Job> jobs;
    std::size_t dropped = 0;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::size_t count = std::min(waiting_.size(), kMaxGroup);
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
      jobs.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
      dropped = std::exchange(dropped_, 0);
    }
    if (dropped > 0) base::log::warning("the database {} is behind: {} writes that nobody waits for were dropped", database_.path(), dropped);
    commit(jobs);
    checkpointer_.note();
  }
}

void Committer::commit(std::vector<Job>& jobs) {
  Failures failures;
  bool is_logged = false;
  try {
    failures = attempt_on_writable(jobs);
  } catch (const std::exception& error) {
    base::log::error("the database {} failed, {} writes were not made: {}", database_.path(), jobs.size(), error.what());
    is_logged = true;
    failures.assign(jobs.size(), store_failure());
    roll_back();
    const auto* const fault = dynamic_cast<const StoreError*>(&error);
    if (fault != nullptr && fault->is_medium()) reopen();
  }
  tell(jobs, failures, is_logged);
}

void Committer::tell(std::vector<Job>& jobs, const Failures& failures, bool is_logged) {
  using Answers = std::vector<std::pair<Done, std::exception_ptr>>;
  std::vector<std::pair<asio::any_io_executor, Answers>> by_loop;  // one wake-up a loop, not one a writer
  Unheard unheard;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].work = nullptr;  // what it captured goes on this thread, before the writer goes on
    if (!jobs[i].done) {
      unheard.add(failures[i]);
    } else if (!jobs[i].executor) {
      jobs[i].done(failures[i]);
    } else {
      auto loop = std::find_if(by_loop.begin(), by_loop.end(), [&](const auto& known) { return known.first == jobs[i].executor; });
      if (loop == by_loop.end()) loop = by_loop.insert(by_loop.end(), {jobs[i].executor, Answers()});
      loop->second.emplace_back(std::move(jobs[i].done), failures[i]);
    }
  }
  for (auto& [executor, answers] : by_loop) {
    asio::post(executor, [told = std::move(answers)] {
      for (const auto& [done, failure] : told) done(failure);
    });
  }
  if (!is_logged) unheard.log();
}

void Committer::roll_back() {
  try {
    database_.script("ROLLBACK");
  } catch (const StoreError&) {
    // SQLite has rolled back by itself already, as it does when the disk is full.
  }
}

/// After an I/O error nothing that the connection keeps of the file is trusted any more: pages in memory may be ones that the file will
/// never have. If it cannot be opened (yet), the old connection goes on failing, and the next group tries again.
void Committer::reopen() {
  try {
    database_ = Database::open(database_.path(), Database::Mode::read_write_existing, database_.mapped_octets());
  } catch (const StoreError& error) {
    base::log::error("the database {} cannot be opened anew: {}", database_.path(), error.what());
  }
}

/// A connection that was made anew while the disk could only be read has its WAL for reading, and that stays so: as soon as it says so, another
/// one tells how the disk is by now.
Committer::Failures Committer::attempt_on_writable(std::vector<Job>& jobs) {
  try {
    return attempt(jobs);
  } catch (const StoreError& error) {
    if (!error.is_read_only()) throw;
  }
  roll_back();
  reopen();
  return attempt(jobs);
}

Committer::Failures Committer::attempt(std::vector<Job>& jobs) {
  auto together = attempt_together(jobs);
  return together ? std::move(*together) : attempt_each(jobs);
}

std::optional<Committer::Failures> Committer::attempt_together(std::vector<Job>& jobs) {
  Failures failures(jobs.size());
  database_.run("BEGIN IMMEDIATE");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::int64_t before = database_.total_changes();
    try {
      jobs[i].work(database_);
    } catch (const StoreError&) {
      throw;
    } catch (...) {
      failures[i] = std::current_exception();
    }
    if (failures[i] && database_.total_changes() != before) {
      database_.run("ROLLBACK");
      return std::nullopt;
    }
  }
  database_.run("COMMIT");
  return failures;
}

Committer::Failures Committer::attempt_each(std::vector<Job>& jobs) {
  Failures failures(jobs.size());
  database_.run("BEGIN IMMEDIATE");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    database_.run("SAVEPOINT job");
    try {
      jobs[i].work(database_);
    } catch (const StoreError&) {
      throw;
    } catch (...) {
      failures[i] = std::current_exception();
      database_.run("ROLLBACK TO job");
    }
    database_.run("RELEASE job");
  }
  database_.run("COMMIT");
  return failures;
}

}  // namespace store
