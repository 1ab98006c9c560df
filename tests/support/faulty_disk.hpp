#pragma once

#include <cstddef>
#include <string>

namespace test {

/// A disk for SQLite that fails on command, and that knows what a power cut would leave of it. A VFS in front of the ordinary one, and
/// the default while it lives: make it before the databases, and end it after them. One at a time; on any thread.
class FaultyDisk {
 public:
  enum class Operation { open, read, write, sync };

  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  /// From now on, `operation` on files whose names end with `suffix` returns `code` (SQLITE_FULL, SQLITE_IOERR_FSYNC, ...): `times` times,
  /// and with `errno` set to match. A failed sync drops what was written since the last one, and is told to everyone who has the file open,
  /// once, as Linux does with pages that it could not write: the next sync succeeds without them.
  void fail(Operation operation, const std::string& suffix, int code, std::size_t times = static_cast<std::size_t>(-1));
  /// Ends the faults.
  void heal();
  /// How often it has failed.
  [[nodiscard]] std::size_t failures() const;

  /// What lies on the medium of a database and its WAL now, only what was synced, as the files `to` and `to`-wal.
  void cut_power(const std::string& database, const std::string& to) const;
};

}  // namespace test
