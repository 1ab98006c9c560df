#include "lib/service/audit_log.hpp"

#include <algorithm>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/service/audit_file.hpp"
#include "lib/service/audit_lines.hpp"

namespace service {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxGroup = 2048;  ///< lines in one write, after which no more are taken
constexpr std::chrono::milliseconds kLongestTurn{2000};   ///< of a command, for which a function waits
constexpr std::chrono::milliseconds kLongestWait{10000};  ///< of a command, for a function that writes group after group

std::exception_ptr disk_failure() {
  return std::make_exception_ptr(
      base::Error(base::ErrorKind::unavailable, "INSUFFICIENT_RESOURCES", "the audit log cannot be written now; nothing was recorded"));
}

std::exception_ptr congestion() {
  return std::make_exception_ptr(base::Error(base::ErrorKind::unavailable, "NF_CONGESTION",
                                             "more has come than the audit log can take now; nothing was recorded"));
}

std::string torn_text(std::uint64_t octets) {
  return "a crash left " + std::to_string(octets) + " octets of a line that was not acknowledged; they were cut off";
}

/// The file at a path, and its turn.
struct OpenedForCommand {
  explicit OpenedForCommand(const std::string& path) : file(path, AuditHolder::command), turn(file, kLongestWait) {}
  AuditFile file;
  AuditTurn turn;
};

/// Without a file, or with an empty one, the function may be about to go on in it: the chain must not begin anew then.
std::unique_ptr<OpenedForCommand> open_for_command(const std::string& path, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto is_late = [deadline] { return std::chrono::steady_clock::now() >= deadline; };
  while (true) {
    if (is_late() || std::filesystem::exists(path)) {
      auto opened = std::make_unique<OpenedForCommand>(path);
      const bool is_there = opened->file.lies_at(path);  // it may have been renamed before the turn came
      if (is_there && (is_late() || !opened->file.is_empty())) return opened;
      if (!is_there && is_late()) throw std::runtime_error("the audit log " + path + " does not stay where it is");
    }
    std::this_thread::sleep_for(kAuditTurnLook);
  }
}

}  // namespace

void append_to_audit_log(const std::string& path, const AuditEvent& event, base::Time at, std::chrono::milliseconds patience) {
  try {
    const auto opened = open_for_command(path, patience);
    const AuditFile::End end = opened->file.mend_end(AuditHolder::command);
    AuditLines lines(end.seq, end.hash);
    if (end.torn > 0) lines.add({.action = AuditAction::dropped, .detail = torn_text(end.torn)}, at);
    lines.add(bounded(event), at);
    opened->file.append(lines.text());
  } catch (const std::system_error& error) {
    throw std::runtime_error("the audit log " + path + " cannot be written: " + error.what());
  }
}

AuditLog::AuditLog(std::string path, base::Clock clock, std::size_t max_waiting)
    : path_(std::move(path)),
      clock_(std::move(clock)),
      max_waiting_(max_waiting),
      file_(std::make_unique<AuditFile>(path_, AuditHolder::function)) {
  AuditFile::End end;
  {
    const AuditTurn turn(*file_, kLongestTurn);
    end = file_->mend_end(AuditHolder::function);
  }
  if (end.seq > 0) go_on_behind(end.seq, end.hash);
  if (end.seq == 0) base::log::info("the audit log {} begins a new chain", path_);
  if (end.torn > 0) {
    const std::string what = torn_text(end.torn);
    base::log::warning("the audit log {}: {}", path_, what);
    (void)enqueue(Row::front, {.action = AuditAction::dropped, .detail = what}, {}, nullptr, {});
  }
  thread_ = std::thread([this] { run(); });
}

AuditLog::~AuditLog() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

asio::awaitable<void> AuditLog::record(AuditEvent event) { return record_in(Row::front, std::move(event), {}); }

asio::awaitable<void> AuditLog::record_together(AuditEvent common, std::vector<AuditItem> few) {
  return record_in(Row::front, std::move(common), std::move(few));
}

asio::awaitable<void> AuditLog::record_all(AuditEvent common, std::vector<AuditItem> items) {
  return record_in(Row::back, std::move(common), std::move(items));
}

asio::awaitable<void> AuditLog::record_in(Row row, AuditEvent common, std::vector<AuditItem> items) {
  const auto initiate = [this, row](auto handler, AuditEvent what, std::vector<AuditItem> each) {
    using Handler = decltype(handler);
    const asio::any_io_executor executor = asio::get_associated_executor(handler);
    const auto shared = std::make_shared<Handler>(std::move(handler));
    const auto resume = [shared](bool is_written) { std::move (*shared)(is_written ? nullptr : disk_failure()); };
    if (enqueue(row, std::move(what), std::move(each), resume, executor)) return;
    asio::post(executor, [shared] { std::move (*shared)(congestion()); });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(initiate, asio::use_awaitable, std::move(common),
                                                                                       std::move(items));
}

void AuditLog::record_and_wait(AuditEvent event) {
  std::promise<bool> done;
  if (!enqueue(Row::front, std::move(event), {}, [&done](bool is_written) { done.set_value(is_written); }, {})) std::rethrow_exception(congestion());
  if (!done.get_future().get()) std::rethrow_exception(disk_failure());
}

void AuditLog::note(AuditEvent event) { (void)enqueue(Row::front, std::move(event), {}, nullptr, {}); }

void AuditLog::reopen() {
  {
    const std::lock_guard lock(mutex_);
    is_rotation_due_ = true;
  }
  wake_.notify_one();
}

std::string AuditLog::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

bool AuditLog::enqueue(Row row, AuditEvent&& event, std::vector<AuditItem>&& items, Done done, asio::any_io_executor executor) {
  AuditEvent what = bounded(std::move(event));
  for (AuditItem& item : items) item = bounded(std::move(item));
  if (row == Row::back) {
    {
      const std::lock_guard lock(mutex_);
      waiting_behind_.push_back({std::move(what), std::move(items), clock_(), std::move(done), std::move(executor)});
    }
    wake_.notify_one();
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!done && waiting_.size() >= max_waiting_ / 2) {
      ++dropped_;
      return false;
    }
    if (waiting_.size() >= max_waiting_) return false;
    waiting_.push_back({std::move(what), std::move(items), clock_(), std::move(done), std::move(executor)});
  }
  wake_.notify_one();
  return true;
}

void AuditLog::run() {
  for (bool is_last = false; !is_last;) {
    Group group;
    bool is_rotation_due = false;
    {
      std::unique_lock lock(mutex_);
      const auto has_work = [this] { return !waiting_.empty() || !waiting_behind_.empty() || is_rotation_due_ || (dropped_ > 0 && !is_failing_); };
      wake_.wait(lock, [&] { return is_stopping_ || has_work(); });
      is_last = !has_work();
      is_rotation_due = std::exchange(is_rotation_due_, false);
      group = take();
    }
    if (is_rotation_due) rotate();
    if (!group.empty()) write(group);
  }
}

AuditLog::Group AuditLog::take() {
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMaxGroup));
  Group out(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  for (std::size_t lines = out.size(); lines < kMaxGroup && !waiting_behind_.empty(); waiting_behind_.pop_front()) {
    lines += waiting_behind_.front().lines();
    out.push_back(std::move(waiting_behind_.front()));
  }
  if (const std::size_t dropped = std::exchange(dropped_, 0); dropped > 0) {
    Waiting line{{.action = AuditAction::dropped, .detail = "events that were not recorded: " + std::to_string(dropped)}, {}, clock_(), nullptr};
    line.stands_for = dropped;
    out.push_back(std::move(line));
  }
  return out;
}

void AuditLog::write(Group& group) {
  is_failing_ = true;
  std::size_t count = 0;
  for (const Waiting& waiting : group) count += waiting.lines();
  try {
    const AuditTurn turn(*file_, kLongestTurn);
    auto end = file_->settle(seq_, head_);
    if (end) go_on_behind(end->seq, std::move(end->hash));
    AuditLines lines(seq_, head_);
    for (const Waiting& waiting : group) {
      if (waiting.items.empty()) {
        lines.add(waiting.event, waiting.at);
      } else {
        lines.add(waiting.event, waiting.items, waiting.at);
      }
    }
    file_->append(lines.text());
    go_on_behind(lines.seq(), lines.hash());
    is_failing_ = false;
  } catch (const std::exception& error) {
    base::log::error("the audit log {} failed, {} lines were not written: {}", path_, count, error.what());
  }
  if (is_failing_) {
    const std::lock_guard lock(mutex_);
    for (const Waiting& waiting : group) dropped_ += waiting.done ? 0 : waiting.stands_for;
  }
  tell(group, !is_failing_);
}

void AuditLog::go_on_behind(std::uint64_t seq, std::string hash) {
  seq_ = seq;
  const std::lock_guard lock(mutex_);
  head_ = std::move(hash);
}

void AuditLog::tell(Group& group, bool is_written) {
  std::vector<std::pair<asio::any_io_executor, std::vector<Done>>> by_loop;  // one wake-up a loop, not one a writer
  for (Waiting& waiting : group) {
    if (!waiting.done) continue;
    if (!waiting.executor) {
      waiting.done(is_written);
      continue;
    }
    auto loop = std::find_if(by_loop.begin(), by_loop.end(), [&](const auto& known) { return known.first == waiting.executor; });
    if (loop == by_loop.end()) loop = by_loop.insert(by_loop.end(), {waiting.executor, {}});
    loop->second.push_back(std::move(waiting.done));
  }
  for (auto& [executor, told] : by_loop) {
    asio::post(executor, [told = std::move(told), is_written] {
      for (const Done& done : told) done(is_written);
    });
  }
}

void AuditLog::rotate() {
  try {
    if (file_->lies_at(path_)) return;
    auto next = std::make_unique<AuditFile>(path_, AuditHolder::function);
    begin(*next);
    file_ = std::move(next);
    base::log::info("the audit log goes on in a new file {}", path_);
  } catch (const std::exception& error) {
    base::log::error("the audit log goes on in the file that was open: {}", error.what());
  }
}

/// The line of a command at a console is behind the last one of this file, or behind the first one of the next, and nowhere between.
void AuditLog::begin(AuditFile& next) {
  const AuditTurn turn(*file_, kLongestTurn);
  const AuditTurn next_turn(next, kLongestTurn);
  auto end = file_->settle(seq_, head_);  // nothing of a group that failed stays behind in it
  if (end) go_on_behind(end->seq, std::move(end->hash));
  if (!next.is_empty()) throw std::runtime_error(path_ + " is another file, and not empty: move it away, and signal again");
  base::Time at;
  {
    const std::lock_guard lock(mutex_);
    at = clock_();
  }
  AuditLines lines(seq_, head_);
  lines.add({.action = AuditAction::rotate, .detail = "goes on from line " + std::to_string(seq_) + " of another file"}, at);
  next.append(lines.text());
  go_on_behind(lines.seq(), lines.hash());
}

}  // namespace service