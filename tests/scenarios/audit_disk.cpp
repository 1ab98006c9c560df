#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "tests/scenarios/audit_lab.hpp"

std::atomic<int> test::audit_disk_error = 0;

namespace {

std::mutex audit_work_mutex;
std::function<void()> audit_work;        // under the mutex
std::atomic<bool> has_audit_work = false;  // spares the databases the mutex

/// Once: while it runs, it may bring databases to the disk itself.
std::function<void()> take_audit_work() {
  const std::lock_guard lock(audit_work_mutex);
  has_audit_work = false;
  return std::exchange(audit_work, {});
}

}  // namespace

void test::at_next_audit_sync(std::function<void()> work) {
  const std::lock_guard lock(audit_work_mutex);
  has_audit_work = static_cast<bool>(work);
  audit_work = std::move(work);
}

bool test::has_audit_sync_come() { return !has_audit_work; }

extern "C" int fdatasync(int descriptor) {
  std::array<char, 4096> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const bool is_watched = test::audit_disk_error != 0 || has_audit_work;
  const ssize_t size = is_watched ? readlink(link.c_str(), name.data(), name.size()) : 0;
  const std::string_view path(name.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!path.ends_with(".audit")) return static_cast<int>(syscall(SYS_fdatasync, descriptor));
  if (const auto work = take_audit_work()) work();
  const int error = test::audit_disk_error;
  if (error == 0) return static_cast<int>(syscall(SYS_fdatasync, descriptor));
  errno = error;
  return -1;
}
