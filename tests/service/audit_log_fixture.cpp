#include "tests/service/audit_log_fixture.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace audit_test {

Disk disk;

void wait_until(const std::atomic<bool>& flag, bool value) {
  const auto deadline = std::chrono::steady_clock::now() + test::kDeadline;
  while (flag != value && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
}

}  // namespace audit_test

using audit_test::disk;
using audit_test::wait_until;

extern "C" int fdatasync(int descriptor) {
  ++disk.syncs;
  if (disk.is_held) {
    disk.has_reached = true;
    wait_until(disk.is_held, false);
  }
  if (disk.sync_error == 0) return static_cast<int>(syscall(SYS_fdatasync, descriptor));
  errno = disk.sync_error;
  return -1;
}

extern "C" int ftruncate(int descriptor, off_t length) noexcept {
  if (disk.truncate_error == 0) return static_cast<int>(syscall(SYS_ftruncate, descriptor, length));
  errno = disk.truncate_error;
  return -1;
}
