#include "lib/service/audit_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <future>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/sbi/json.hpp"

namespace service {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxGroup = 2048;  ///< lines in one write, after which no more are taken
constexpr std::size_t kChunk = 64 * 1024;
constexpr std::chrono::milliseconds kLongestTurn{2000};   ///< of a command, for which a function waits
constexpr std::chrono::milliseconds kLongestWait{10000};  ///< of a command, for a function that writes group after group
constexpr std::chrono::milliseconds kLook{1};
// Octets of the file that are locked to say something, far behind all that it ever has.
constexpr off_t kFunctionOctet = std::numeric_limits<off_t>::max() - 2;  ///< by the function, as long as it runs
constexpr off_t kTurnOctet = kFunctionOctet + 1;                         ///< by whoever writes, as long as it writes
constexpr std::string_view kFirstLineBegins = R"({"seq":1,"at":")";

std::exception_ptr disk_failure() {
  return std::make_exception_ptr(
      base::Error(base::ErrorKind::unavailable, "INSUFFICIENT_RESOURCES", "the audit log cannot be written now; nothing was recorded"));
}

std::exception_ptr congestion() {
  return std::make_exception_ptr(base::Error(base::ErrorKind::unavailable, "NF_CONGESTION",
                                             "more has come than the audit log can take now; nothing was recorded"));
}

[[noreturn]] void fail_system(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// Cuts a text that is too long, between two characters of UTF-8.
void bound(std::string& text) {
  constexpr std::string_view kCut = "...";
  if (text.size() <= kMaxAuditText) return;
  std::size_t size = kMaxAuditText - kCut.size();
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  text += kCut;
}

/// For as long as its file is open, or until it is unlocked. False if another one has it.
bool lock_octet(int descriptor, off_t octet, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = octet;
  lock.l_len = 1;
  if (fcntl(descriptor, F_OFD_SETLK, &lock) == 0) return true;
  if (errno != EAGAIN && errno != EACCES) fail_system("lock");
  return false;
}

/// What may wait: bounded, and without the query, which may hold what is not the log's business.
AuditEvent bounded(AuditEvent event) {
  if (event.peer.empty()) event.peer = sbi::kAnonymous;
  if (event.target) event.target->resize(std::min(event.target->find('?'), event.target->size()));
  bound(event.peer);
  bound(event.address);
  for (auto* const text : {&event.operator_id, &event.dimsi, &event.imsi, &event.target, &event.cause, &event.detail}) {
    if (*text) bound(**text);
  }
  return event;
}

AuditItem bounded(AuditItem item) {
  for (auto* const text : {&item.dimsi, &item.imsi, &item.cause, &item.detail}) {
    if (*text) bound(**text);
  }
  return item;
}

/// True for what a terminal or an editor would act on instead of showing it: DEL, C1, line separators and changes of direction.
bool is_unseen(unsigned point) {
  return (point >= 0x7F && point <= 0x9F) || (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/// The JSON text, which is valid UTF-8, with these escaped as well.
std::string without_unseen(std::string text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; })) return text;
  std::string out;
  const auto octet = [&text](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t size = 1;
    unsigned point = octet(i);
    if (point >= 0xC0) {
      size = point < 0xE0 ? 2 : point < 0xF0 ? 3 : 4;
      point &= 0xFFU >> (size + 1);
      for (std::size_t j = 1; j < size; ++j) point = point << 6 | (octet(i + j) & 0x3F);
    }
    if (is_unseen(point)) {
      out += fmt::format("\\u{:04x}", point);
    } else {
      out.append(text, i, size);
    }
    i += size;
  }
  return out;
}

std::string line_of(const AuditEvent& event, base::Time at, std::uint64_t seq, std::string_view prev) {
  sbi::ObjectWriter line;
  line.integer("seq", static_cast<std::int64_t>(seq)).text("at", base::to_rfc3339(at)).text("action", name_of(event.action));
  line.text("outcome", event.outcome == AuditOutcome::done ? "done" : "refused").text("peer", event.peer).text("address", event.address);
  const auto add = [&line](const char* name, const std::optional<std::string>& text) {
    if (text) line.text(name, *text);
  };
  add("operator", event.operator_id);
  add("dimsi", event.dimsi);
  add("imsi", event.imsi);
  add("target", event.target);
  add("cause", event.cause);
  add("detail", event.detail);
  line.text("prev", prev);
  return without_unseen(std::move(line).finish());
}

}  // namespace

std::string_view name_of(AuditAction action) {
  switch (action) {
    case AuditAction::release: return "RELEASE";
    case AuditAction::claim: return "CLAIM";
    case AuditAction::release_claim: return "RELEASE_CLAIM";
    case AuditAction::preload: return "PRELOAD";
    case AuditAction::replace: return "REPLACE";
    case AuditAction::remove: return "DELETE";
    case AuditAction::bulk_load: return "BULK_LOAD";
    case AuditAction::offer: return "OFFER";
    case AuditAction::retire: return "RETIRE";
    case AuditAction::vectors: return "VECTORS";
    case AuditAction::authenticate: return "AUTHENTICATE";
    case AuditAction::suspend: return "SUSPEND";
    case AuditAction::backup: return "BACKUP";
    case AuditAction::restore: return "RESTORE";
    case AuditAction::rotate_keys: return "ROTATE_KEYS";
    case AuditAction::export_keys: return "EXPORT";
    case AuditAction::wrap_key: return "WRAP_KEY";
    case AuditAction::reload: return "RELOAD";
    case AuditAction::start: return "START";
    case AuditAction::stop: return "STOP";
    case AuditAction::refusal: return "REFUSAL";
    case AuditAction::dropped: return "DROPPED";
    case AuditAction::rotate: break;
  }
  return "ROTATE";
}

AuditLine read_audit_line(std::string_view line) {
  AuditLine out;
  try {
    const auto document = sbi::parse_json(line);
    const sbi::JsonObject object(document);
    out.seq = static_cast<std::uint64_t>(object.integer("seq", 1, std::numeric_limits<std::int64_t>::max()));
    out.at = object.text("at", 32);
    (void)object.text("action", 32);
    if (const std::string outcome = object.text("outcome", 16); outcome != "done" && outcome != "refused") {
      throw std::runtime_error("/outcome is neither done nor refused");
    }
    for (const char* const name : {"peer", "address"}) {
      if (!object.has(name)) throw std::runtime_error(std::string("/") + name + " is missing");
    }
    out.prev = base::to_hex(object.hex<32>("prev"));
  } catch (const base::Error& error) {
    const std::string what = error.what();
    throw std::runtime_error(what.starts_with("the body") ? "the line" + what.substr(8) : what);
  }
  const std::string begins = R"({"seq":)" + std::to_string(out.seq) + R"(,"at":")";
  const std::string ends = R"(,"prev":")" + out.prev + R"("})";
  if (!line.starts_with(begins) || !line.ends_with(ends)) throw std::runtime_error("the line does not begin with seq and at and end with prev");
  return out;
}

std::string hash_of_audit_line(std::string_view line) { return base::to_hex(crypto::sha256(base::as_bytes(line))); }

/// Who opens a file of the log.
enum class AuditHolder {
  function,  ///< one at a time, as long as the file is open
  command,   ///< beside the function, and others like it
};

/// Lines one behind the other, as they are put together.
class AuditLines {
 public:
  AuditLines(std::uint64_t seq, std::string hash) : seq_(seq), hash_(std::move(hash)) {}

  void add(const AuditEvent& event, base::Time at) {
    const std::string line = line_of(event, at, ++seq_, hash_);
    hash_ = hash_of_audit_line(line);
    text_ += line;
    text_ += '\n';
  }
  void add(const AuditEvent& common, const std::vector<AuditItem>& items, base::Time at) {
    AuditEvent event = common;
    for (const AuditItem& item : items) {
      event.action = item.action;
      event.outcome = item.outcome;
      event.dimsi = item.dimsi;
      event.imsi = item.imsi;
      event.cause = item.cause;
      event.detail = item.detail;
      add(event, at);
    }
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }  ///< of the last line
  [[nodiscard]] const std::string& hash() const noexcept { return hash_; }

 private:
  std::uint64_t seq_;
  std::string hash_;
  std::string text_;
};

/// One file of the log. Throws std::system_error for what the disk refuses. On one thread at a time. Whoever reads its end or writes has the turn
/// (AuditTurn).
class AuditFile {
 public:
  /// The last line of the file, and what was behind it.
  struct End {
    std::uint64_t seq = 0;           ///< 0: there is no line
    std::string hash{kNoAuditLine};  ///< of that line
    std::uint64_t torn = 0;          ///< octets that were cut off
  };

  AuditFile(const std::string& path, AuditHolder holder);
  ~AuditFile() { close(descriptor_); }
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  /// Reads the end, and cuts off what a crash left of a line: not while a function has the file, of which it may be. Throws std::runtime_error, with
  /// nothing changed, if it is no audit log.
  End mend_end(AuditHolder holder);
  /// Writes all of `text` and brings it to the disk; if that fails, nothing of it stays.
  void append(std::string_view text);
  /// Before something is written behind the line `seq`, whose hash is `hash`: cuts off what is left of an append() that failed, if that has not been
  /// possible yet; and the end of the chain if others have gone on with it. What else others did is told in the function's log, and stays.
  std::optional<End> settle(std::uint64_t seq, const std::string& hash);
  /// True if it is the file that has this path.
  [[nodiscard]] bool lies_at(const std::string& path) const;
  /// True if it has nothing.
  [[nodiscard]] bool is_empty() const { return status().st_size == 0; }

 private:
  friend class AuditTurn;
  void claim(AuditHolder holder);
  void cut_remains();
  /// The end of the chain, if what is behind `length_` and before `end` goes on with it.
  [[nodiscard]] std::optional<End> chained_until(std::uint64_t end, std::uint64_t seq, const std::string& hash) const;
  [[nodiscard]] bool has_function() const;
  [[nodiscard]] struct stat status() const;
  void write_all(std::string_view text) const;
  void truncate(std::uint64_t length) const;
  [[nodiscard]] std::string read(std::uint64_t from, std::size_t size) const;
  /// Where the line begins that ends before `end`: behind a newline, or at 0.
  [[nodiscard]] std::uint64_t begin_of_line(std::uint64_t end) const;

  std::string path_;
  int descriptor_;
  std::uint64_t length_ = 0;        ///< of what is whole and on disk
  bool has_remains_ = false;        ///< of a group that failed, behind that
  std::uint64_t remains_end_ = 0;   ///< where they end, if that is known; else 0
};

/// The turn to read the end of a file and to write: its function and commands at a console take turns.
class AuditTurn {
 public:
  /// Waits for it, no longer than `limit`. Throws std::runtime_error.
  AuditTurn(const AuditFile& file, std::chrono::milliseconds limit) : descriptor_(file.descriptor_) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!lock_octet(descriptor_, kTurnOctet, F_WRLCK)) {
      if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("another process does not end its turn at " + file.path_);
      std::this_thread::sleep_for(kLook);
    }
  }
  ~AuditTurn() {
    try {
      (void)lock_octet(descriptor_, kTurnOctet, F_UNLCK);
    } catch (const std::system_error& error) {
      base::log::error("a turn at an audit log does not end: {}", error.what());
    }
  }
  AuditTurn(const AuditTurn&) = delete;
  AuditTurn& operator=(const AuditTurn&) = delete;

 private:
  int descriptor_;
};

AuditFile::AuditFile(const std::string& path, AuditHolder holder)
    : path_(path), descriptor_(open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR)) {
  if (descriptor_ < 0) {
    const std::string why = std::generic_category().message(errno);
    throw std::runtime_error("the audit log " + path + " cannot be opened: " + why +
                             "; its folder must exist, and both must be this user's to write");
  }
  try {
    claim(holder);
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

/// Makes the file this process' own, and sure to be found after a power cut.
void AuditFile::claim(AuditHolder holder) {
  const struct stat found = status();
  if (!S_ISREG(found.st_mode)) throw std::runtime_error("the audit log " + path_ + " is no ordinary file: name another");
  if (holder == AuditHolder::function && !lock_octet(descriptor_, kFunctionOctet, F_WRLCK)) {
    throw std::runtime_error("the audit log " + path_ + " is in use by another process: end that, or give each a file of its own");
  }
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0 && fchmod(descriptor_, S_IRUSR | S_IWUSR) != 0) {
    throw std::runtime_error("the audit log " + path_ + " may be read by others, and is another user's: chown it");
  }
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  const int directory = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = directory >= 0 && fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0) close(directory);
  if (!is_synced) {
    throw std::runtime_error("the folder of the audit log " + path_ + " cannot be synced: " + std::generic_category().message(error));
  }
}

AuditFile::End AuditFile::mend_end(AuditHolder holder) {
  length_ = static_cast<std::uint64_t>(status().st_size);
  const std::uint64_t whole = begin_of_line(length_);
  End out;
  out.torn = length_ - whole;
  if (whole > 0) {
    const std::uint64_t begin = begin_of_line(whole - 1);
    const std::uint64_t size = whole - 1 - begin;
    const std::string line = size <= kMaxAuditLine ? read(begin, size) : std::string();
    try {
      out.seq = read_audit_line(line).seq;
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("the audit log " + path_ + " does not end with a line of an audit log (" + error.what() +
                               "): keep it elsewhere, and let the function begin a new one");
    }
    out.hash = hash_of_audit_line(line);
  } else if (!kFirstLineBegins.starts_with(read(0, std::min<std::uint64_t>(out.torn, kFirstLineBegins.size())))) {
    throw std::runtime_error("the file " + path_ + " is no audit log: name another");
  }
  if (out.torn == 0) return out;
  if (holder == AuditHolder::command && has_function()) {
    throw std::runtime_error("the audit log " + path_ + " cannot be written now: its function could not bring a line to the disk; its log says why");
  }
  try {
    truncate(whole);
    if (fdatasync(descriptor_) != 0) fail_system("fdatasync");
  } catch (const std::system_error& error) {
    throw std::runtime_error("the audit log " + path_ + " cannot be written: " + error.what());
  }
  length_ = whole;
  return out;
}

void AuditFile::append(std::string_view text) {
  try {
    write_all(text);
    if (fdatasync(descriptor_) != 0) fail_system("fdatasync");
  } catch (const std::system_error&) {
    has_remains_ = true;
    remains_end_ = 0;
    try {
      remains_end_ = static_cast<std::uint64_t>(status().st_size);
      cut_remains();
    } catch (const std::system_error&) {
      // The next settle() tries again before anything is written.
    }
    throw;
  }
  length_ += text.size();
}

void AuditFile::cut_remains() {
  const auto size = static_cast<std::uint64_t>(status().st_size);
  if (size > length_) truncate(length_);
  has_remains_ = false;
}

std::optional<AuditFile::End> AuditFile::settle(std::uint64_t seq, const std::string& hash) {
  const auto size = static_cast<std::uint64_t>(status().st_size);
  if (has_remains_ && size > length_ && (remains_end_ == 0 || size == remains_end_)) {
    cut_remains();
    return std::nullopt;
  }
  has_remains_ = false;
  if (size == length_) return std::nullopt;
  auto end = size > length_ ? chained_until(size, seq, hash) : std::nullopt;
  if (!end) {  // what others write is no remains: it is evidence
    base::log::error("somebody else has changed the audit log {}: it has {} octets, where {} were written; the chain will show it", path_, size,
                     length_);
  }
  length_ = size;
  return end;
}

std::optional<AuditFile::End> AuditFile::chained_until(std::uint64_t end, std::uint64_t seq, const std::string& hash) const {
  End out{seq, hash};
  for (std::uint64_t at = length_; at < end;) {
    const std::string piece = read(at, std::min<std::uint64_t>(end - at, 2 * kMaxAuditLine));
    std::size_t begin = 0;
    for (std::size_t newline = piece.find('\n'); newline != std::string::npos; newline = piece.find('\n', begin)) {
      const auto line = std::string_view(piece).substr(begin, newline - begin);
      try {
        const AuditLine next = read_audit_line(line);
        if (next.seq != out.seq + 1 || next.prev != out.hash) return std::nullopt;
      } catch (const std::runtime_error&) {
        return std::nullopt;
      }
      ++out.seq;
      out.hash = hash_of_audit_line(line);
      begin = newline + 1;
    }
    if (begin == 0) return std::nullopt;  // no line is as long as that, or it has no end
    at += begin;
  }
  return out;
}

bool AuditFile::has_function() const {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kFunctionOctet;
  lock.l_len = 1;
  if (fcntl(descriptor_, F_OFD_GETLK, &lock) != 0) fail_system("lock");
  return lock.l_type != F_UNLCK;
}

bool AuditFile::lies_at(const std::string& path) const {
  struct stat there {};
  if (stat(path.c_str(), &there) != 0) return false;
  const struct stat own = status();
  return own.st_dev == there.st_dev && own.st_ino == there.st_ino;
}

struct stat AuditFile::status() const {
  struct stat out {};
  if (fstat(descriptor_, &out) != 0) fail_system("fstat");
  return out;
}

void AuditFile::write_all(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;
    if (count <= 0) fail_system("write");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AuditFile::truncate(std::uint64_t length) const {
  if (ftruncate(descriptor_, static_cast<off_t>(length)) != 0) fail_system("ftruncate");
}

std::string AuditFile::read(std::uint64_t from, std::size_t size) const {
  std::string out(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = pread(descriptor_, out.data() + done, size - done, static_cast<off_t>(from + done));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;  // it was longer
    if (count <= 0) throw std::runtime_error("the audit log " + path_ + " cannot be read: " + std::generic_category().message(errno));
    done += static_cast<std::size_t>(count);
  }
  return out;
}

std::uint64_t AuditFile::begin_of_line(std::uint64_t end) const {
  while (end > 0) {
    const std::uint64_t size = std::min<std::uint64_t>(end, kChunk);
    const std::size_t newline = read(end - size, size).rfind('\n');
    if (newline != std::string::npos) return end - size + newline + 1;
    end -= size;
  }
  return 0;
}

namespace {

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
    std::this_thread::sleep_for(kLook);
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
    (void)enqueue({.action = AuditAction::dropped, .detail = what}, {}, nullptr, {});
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

asio::awaitable<void> AuditLog::record(AuditEvent event) { return record_all(std::move(event), {}); }

asio::awaitable<void> AuditLog::record_all(AuditEvent common, std::vector<AuditItem> items) {
  const auto initiate = [this](auto handler, AuditEvent what, std::vector<AuditItem> each) {
    using Handler = decltype(handler);
    const asio::any_io_executor executor = asio::get_associated_executor(handler);
    const auto shared = std::make_shared<Handler>(std::move(handler));
    const auto resume = [shared](bool is_written) { std::move (*shared)(is_written ? nullptr : disk_failure()); };
    if (enqueue(std::move(what), std::move(each), resume, executor)) return;
    asio::post(executor, [shared] { std::move (*shared)(congestion()); });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(initiate, asio::use_awaitable, std::move(common),
                                                                                       std::move(items));
}

void AuditLog::record_and_wait(AuditEvent event) {
  std::promise<bool> done;
  if (!enqueue(std::move(event), {}, [&done](bool is_written) { done.set_value(is_written); }, {})) std::rethrow_exception(congestion());
  if (!done.get_future().get()) std::rethrow_exception(disk_failure());
}

void AuditLog::note(AuditEvent event) { (void)enqueue(std::move(event), {}, nullptr, {}); }

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

bool AuditLog::enqueue(AuditEvent&& event, std::vector<AuditItem>&& items, Done done, asio::any_io_executor executor) {
  AuditEvent what = bounded(std::move(event));
  for (AuditItem& item : items) item = bounded(std::move(item));
  if (!items.empty()) {
    {
      const std::lock_guard lock(mutex_);
      waiting_items_.push_back({std::move(what), std::move(items), clock_(), std::move(done), std::move(executor)});
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
    waiting_.push_back({std::move(what), {}, clock_(), std::move(done), std::move(executor)});
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
      const auto has_work = [this] { return !waiting_.empty() || !waiting_items_.empty() || is_rotation_due_ || (dropped_ > 0 && !is_failing_); };
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
  for (std::size_t lines = out.size(); lines < kMaxGroup && !waiting_items_.empty(); waiting_items_.pop_front()) {
    lines += waiting_items_.front().lines();
    out.push_back(std::move(waiting_items_.front()));
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
