#include "lib/service/audit_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "lib/base/log.hpp"

namespace service {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
// Octets of the file that are locked to say something, far behind all that it ever has.
constexpr off_t kFunctionOctet = std::numeric_limits<off_t>::max() - 2;  ///< by the function, as long as it runs
constexpr off_t kTurnOctet = kFunctionOctet + 1;                         ///< by whoever writes, as long as it writes
constexpr std::string_view kFirstLineBegins = R"({"seq":1,"at":")";

[[noreturn]] void fail_system(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

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

}  // namespace

AuditTurn::AuditTurn(const AuditFile& file, std::chrono::milliseconds limit) : descriptor_(file.descriptor_) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!lock_octet(descriptor_, kTurnOctet, F_WRLCK)) {
    if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("another process does not end its turn at " + file.path_);
    std::this_thread::sleep_for(kAuditTurnLook);
  }
}

AuditTurn::~AuditTurn() {
  try {
    (void)lock_octet(descriptor_, kTurnOctet, F_UNLCK);
  } catch (const std::system_error& error) {
    base::log::error("a turn at an audit log does not end: {}", error.what());
  }
}

AuditFile::AuditFile(const std::string& path, AuditHolder holder)
    : path_(path), descriptor_(open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, S_IRUSR | S_IWUSR)) {
  if (descriptor_ < 0) {
    const std::string why = errno == ELOOP ? "it is a link, which may lead to another file than is meant" : std::generic_category().message(errno);
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
  if (found.st_nlink != 1) throw std::runtime_error("the audit log " + path_ + " has another name besides, which may be another file than is meant: copy it");
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
  if (is_synced && holder != AuditHolder::function) give_to_owner_of(directory);
  if (directory >= 0) close(directory);
  if (!is_synced) {
    throw std::runtime_error("the folder of the audit log " + path_ + " cannot be synced: " + std::generic_category().message(error));
  }
}

/// A command that root carries out may be the first to need the file, which the function's user must be able to write later.
void AuditFile::give_to_owner_of(int directory) const {
  struct stat folder {};
  const struct stat found = status();
  const bool is_foreign = geteuid() == 0 && found.st_uid == 0 && found.st_size == 0 && fstat(directory, &folder) == 0 && folder.st_uid != 0;
  if (is_foreign && fchown(descriptor_, folder.st_uid, folder.st_gid) != 0) {
    base::log::warning("the audit log {} is root's: chown it to the user of the function", path_);
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
  auto size = static_cast<std::uint64_t>(status().st_size);
  if (has_remains_ && size > length_ && (remains_end_ == 0 || size == remains_end_)) {
    cut_remains();
    return std::nullopt;
  }
  has_remains_ = false;
  if (size > length_) size = cut_torn(size);
  if (size == length_) return std::nullopt;
  auto end = size > length_ ? chained_until(size, seq, hash) : std::nullopt;
  if (!end) {  // what others write is no remains: it is evidence
    base::log::error("somebody else has changed the audit log {}: it has {} octets, where {} were written; the chain will show it", path_, size,
                     length_);
  }
  length_ = size;
  return end;
}

/// What a command that was killed left of a line: nobody was told that it is there, and the next line must not stand behind it. Where the file ends then.
std::uint64_t AuditFile::cut_torn(std::uint64_t size) const {
  const std::uint64_t whole = begin_of_line(size);
  if (whole == size || whole < length_) return size;
  truncate(whole);
  if (fdatasync(descriptor_) != 0) fail_system("fdatasync");
  base::log::warning("the audit log {}: {} octets of a line that a command did not end were cut off", path_, size - whole);
  return whole;
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

}  // namespace service
