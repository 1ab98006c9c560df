#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/service/audit_log.hpp"

namespace service {

/// Between two looks whether another process is done with a file of the log.
inline constexpr std::chrono::milliseconds kAuditTurnLook{1};

/// Who opens a file of the log.
enum class AuditHolder {
  function,  ///< one at a time, as long as the file is open
  command,   ///< beside the function, and others like it
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
  void give_to_owner_of(int directory) const;
  void cut_remains();
  [[nodiscard]] std::uint64_t cut_torn(std::uint64_t size) const;
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
  AuditTurn(const AuditFile& file, std::chrono::milliseconds limit);
  ~AuditTurn();
  AuditTurn(const AuditTurn&) = delete;
  AuditTurn& operator=(const AuditTurn&) = delete;

 private:
  int descriptor_;
};

}  // namespace service
