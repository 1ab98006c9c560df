#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "tests/scenarios/audit_lab.hpp"

std::atomic<int> test::audit_disk_error = 0;

extern "C" int fdatasync(int descriptor) {
  std::array<char, 4096> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = test::audit_disk_error == 0 ? 0 : readlink(link.c_str(), name.data(), name.size());
  const std::string_view path(name.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!path.ends_with(".audit")) return static_cast<int>(syscall(SYS_fdatasync, descriptor));
  errno = test::audit_disk_error;
  return -1;
}
