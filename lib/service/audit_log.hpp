#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/sbi/message.hpp"

namespace service {

/// What a line of the audit log tells of; docs/AUDIT.md says when each is recorded.
enum class AuditAction {
  release,
  claim,
  release_claim,
  preload,
  replace,
  remove,  ///< written DELETE
  bulk_load,
  offer,
  retire,
  vectors,       ///< keys of a subscriber that were handed out over nudm-ueau
  authenticate,  ///< KSEAF of a subscriber that was handed out over nausf-auth
  suspend,
  backup,  ///< this and the next four: at a console
  restore,
  rotate_keys,
  export_keys,  ///< written EXPORT
  wrap_key,
  reload,
  start,
  stop,
  refusal,
  dropped,  ///< the log's own: what was not recorded
  rotate,   ///< the log's own: the first line of a file that goes on from another
};

/// As it is written: `RELEASE_CLAIM`.
std::string_view name_of(AuditAction action);

enum class AuditOutcome { done, refused };

/// What happened, to whom, and who asked for it. Nothing in it may be secret: no key, no RES*, no body of a message. Texts come from peers, and
/// may hold any octets; what is longer than a member may be (kMaxAuditText) is cut, and ends with `...`.
struct AuditEvent {
  AuditAction action = AuditAction::refusal;
  AuditOutcome outcome = AuditOutcome::done;
  std::string peer = sbi::kAnonymous;  ///< as sbi::Peer has it
  std::string address{};               ///< as sbi::Peer has it; empty: nobody's request, the function itself
  std::optional<std::string> operator_id = std::nullopt;
  std::optional<std::string> dimsi = std::nullopt;
  std::optional<std::string> imsi = std::nullopt;
  std::optional<std::string> target = std::nullopt;  ///< method and path; what follows a `?` is left out
  std::optional<std::string> cause = std::nullopt;   ///< of a refusal, as base::Error has it
  std::optional<std::string> detail = std::nullopt;
};

/// One of many events of the same request: the members that it does not share with the others.
struct AuditItem {
  AuditAction action = AuditAction::refusal;
  AuditOutcome outcome = AuditOutcome::done;
  std::optional<std::string> dimsi = std::nullopt;
  std::optional<std::string> imsi = std::nullopt;
  std::optional<std::string> cause = std::nullopt;
  std::optional<std::string> detail = std::nullopt;
};

/// Items of one call of AuditLog::record_all().
inline constexpr std::size_t kMaxAuditItems = 4096;
/// Octets of a member of AuditEvent.
inline constexpr std::size_t kMaxAuditText = 1024;
/// Octets of a line, without its newline. (Escaped, all members together are shorter.)
inline constexpr std::size_t kMaxAuditLine = 64 * 1024;
/// `prev` of the first line of a chain.
inline constexpr std::string_view kNoAuditLine = "0000000000000000000000000000000000000000000000000000000000000000";

/// What the chain needs of a line.
struct AuditLine {
  std::uint64_t seq = 0;
  std::string at;
  std::string prev;  ///< 64 digits of lower-case hex
};

/// Reads a line, without its newline. Throws std::runtime_error that says what is wrong with it.
AuditLine read_audit_line(std::string_view line);

/// What `prev` of the next line must be: SHA-256 of all octets of the line without its newline, in lower-case hex.
std::string hash_of_audit_line(std::string_view line);

/// Adds a line to an audit log for a process that is not its function: a command at a console. The function may run and write meanwhile: it goes on
/// behind the line. Makes the file if it is not there; since a rotation may be under way, it waits for one to appear for as long as `patience`. What a
/// crash left of a line is cut off and told, as a function does at its start. The line is on disk when it returns. Blocks, some seconds at most. Throws
/// std::runtime_error that names the path; nothing is recorded then.
void append_to_audit_log(const std::string& path, const AuditEvent& event, base::Time at,
                         std::chrono::milliseconds patience = std::chrono::milliseconds(2000));

class AuditFile;

/// An append-only file, one JSON object a line, each with the hash of the line before it (docs/AUDIT.md). One a process, for all its
/// workers; every function is safe to call from any thread. Lines that append_to_audit_log() puts behind ours become part of the chain.
///
/// Lines are written by one thread, which groups what is waiting: one write and one fdatasync a group. A group is in the file as a whole
/// or not at all: what a full or broken disk left of one is cut off again, so that the chain stays whole; a failure is one line of the
/// function's log, and the next group tries again. What may wait is bounded: with `max_waiting` events record() refuses at once, and note()
/// drops at half of that already. What was dropped, or lost with the disk, is counted, and told by a line DROPPED as soon as one can be
/// written: with the next event, or at the end, if the disk has failed.
class AuditLog {
 public:
  static constexpr std::size_t kMaxWaiting = 16 * 1024;

  /// Opens the file, or makes it, of mode 0600, and goes on behind its last line; without one it begins a chain. A last line without its newline is
  /// what a crash left, and nobody was told of it: it is cut off, and a line DROPPED says so. Throws std::runtime_error that names the path and
  /// what to do: if it cannot be opened, another process has it, or it does not end with a line of an audit log (it is left as it is then).
  /// `clock` is called from any thread, one at a time.
  AuditLog(std::string path, base::Clock clock, std::size_t max_waiting = kMaxWaiting);
  /// Writes what is waiting, then ends. The loops of those who wait must still exist.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Resumes once the line is on disk. Throws base::Error, unavailable: INSUFFICIENT_RESOURCES if it cannot be written, NF_CONGESTION if too
  /// much is waiting.
  boost::asio::awaitable<void> record(AuditEvent event);
  /// The same for two lines or a few more that tell of one thing, one behind the other: `common`, with the items' own members in the place of its own.
  /// All are written, or none.
  boost::asio::awaitable<void> record_together(AuditEvent common, std::vector<AuditItem> few);
  /// The same for a line of each of the items, one to kMaxAuditItems, in their order: `common`, with the items' own members in the place of its own.
  /// All are written, or none. They are not refused for what is waiting: what waits is bounded by the callers, each of which goes on when its own
  /// are written. Throws INSUFFICIENT_RESOURCES alone.
  boost::asio::awaitable<void> record_all(AuditEvent common, std::vector<AuditItem> items);
  /// The same, for a thread that may block: a function's start and end.
  void record_and_wait(AuditEvent event);
  /// Records it soon; nobody waits for it.
  void note(AuditEvent event);

  /// After a rotation (SIGHUP): if `path` is another file now, or none, the chain goes on in a new one there, before the next line is written.
  /// Its first line, ROTATE, is on disk before the old file is closed. If that fails, the log goes on where it was, and the function's log
  /// says so. Returns at once.
  void reopen();

  /// The hash of the last line that is on disk; kNoAuditLine if there is none.
  [[nodiscard]] std::string head() const;

 private:
  using Done = std::function<void(bool is_written)>;
  struct Waiting {
    AuditEvent event;
    std::vector<AuditItem> items;  ///< none: the event alone
    base::Time at;
    Done done;                                ///< empty: nobody waits
    boost::asio::any_io_executor executor{};  ///< on which `done` is to be called; none: on the log's thread
    std::size_t stands_for = 1;               ///< events that are lost with it, if nobody waits

    [[nodiscard]] std::size_t lines() const noexcept { return items.empty() ? 1 : items.size(); }
  };
  using Group = std::vector<Waiting>;

  /// Where a call of record() waits, or one of record_all().
  enum class Row { front, back };
  boost::asio::awaitable<void> record_in(Row row, AuditEvent common, std::vector<AuditItem> items);
  /// False if there is no room for it, which the back row always has.
  bool enqueue(Row row, AuditEvent&& event, std::vector<AuditItem>&& items, Done done, boost::asio::any_io_executor executor);
  void run();
  /// What is waiting, and a line DROPPED if one is due. Under the mutex.
  Group take();
  void write(Group& group);
  /// As if it had been written: the next line follows it.
  void go_on_behind(std::uint64_t seq, std::string hash);
  static void tell(Group& group, bool is_written);
  void rotate();
  /// Goes on in that file with its first line. Throws if that cannot be.
  void begin(AuditFile& next);

  const std::string path_;
  const base::Clock clock_;
  const std::size_t max_waiting_;
  std::unique_ptr<AuditFile> file_;  ///< this and the next two are the thread's
  std::uint64_t seq_ = 0;            ///< of the last line
  bool is_failing_ = false;          ///< the last group was not written
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  std::deque<Waiting> waiting_behind_;  ///< the back row: they have their turn behind a group of the others
  std::size_t dropped_ = 0;  ///< since a line said so last
  bool is_rotation_due_ = false;
  bool is_stopping_ = false;
  std::string head_{kNoAuditLine};
  std::thread thread_;
};

}  // namespace service
