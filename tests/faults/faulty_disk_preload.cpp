// A disk that fails on command, for a process that was not built for it: LD_PRELOAD in front of the C library. Files whose path begins with
// FAULTY_DISK_PREFIX are concerned; the file FAULTY_DISK_CONTROL says what fails, while the process runs: empty, or lines of
// `OPERATION ERRNO [ENDING]`, the operation being write, read, sync or open (for writing), the error a number, and the ending that of the files
// that are concerned. Numbers of faults are added to FAULTY_DISK_CONTROL.count.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

/// The first `size` octets of a file as a text; by system calls, so that nothing of ours is called.
long read_small(const char* path, char* to, long size) {
  const long descriptor = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  const long count = syscall(SYS_read, descriptor, to, size - 1);
  syscall(SYS_close, descriptor);
  to[count < 0 ? 0 : count] = '\0';
  return count;
}

void note_fault(const char* control) {
  char path[PATH_MAX];
  std::snprintf(path, sizeof path, "%s.count", control);
  const long descriptor = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  syscall(SYS_write, descriptor, ".", 1);
  syscall(SYS_close, descriptor);
}

bool ends_with(const char* text, const char* ending) {
  const std::size_t size = std::strlen(text);
  const std::size_t wanted = std::strlen(ending);
  return size >= wanted && std::strcmp(text + size - wanted, ending) == 0;
}

/// The errno that `operation` on `path` is to fail with; 0: let it happen.
int fault_of_path(const char* operation, const char* path) {
  const char* const prefix = std::getenv("FAULTY_DISK_PREFIX");
  const char* const control = std::getenv("FAULTY_DISK_CONTROL");
  if (prefix == nullptr || control == nullptr || std::strncmp(path, prefix, std::strlen(prefix)) != 0) return 0;
  char text[256];
  if (read_small(control, text, sizeof text) <= 0) return 0;
  char* rest = nullptr;
  for (const char* line = strtok_r(text, "\n", &rest); line != nullptr; line = strtok_r(nullptr, "\n", &rest)) {
    char wanted[32];
    char ending[32] = "";
    int error = 0;
    if (std::sscanf(line, "%31s %d %31s", wanted, &error, ending) < 2) continue;
    if (std::strcmp(wanted, operation) != 0 || !ends_with(path, ending)) continue;
    note_fault(control);
    return error;
  }
  return 0;
}

int fault_of(const char* operation, int descriptor) {
  const int before = errno;
  char link[64];
  char path[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const long size = syscall(SYS_readlink, link, path, sizeof path - 1);
  errno = before;
  if (size < 0) return 0;
  path[size] = '\0';
  const int error = fault_of_path(operation, path);
  errno = before;
  return error;
}

/// Carries out a system call unless it is to fail.
template <class... Arguments>
long carry_out(const char* operation, long number, int descriptor, Arguments... arguments) {
  const int error = fault_of(operation, descriptor);
  if (error == 0) return syscall(number, descriptor, arguments...);
  errno = error;
  return -1;
}

int open_at(const char* path, int flags, mode_t mode) {
  const bool is_for_writing = (flags & (O_WRONLY | O_RDWR)) != 0;
  const int error = is_for_writing ? fault_of_path("open", path) : 0;
  if (error == 0) return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  errno = error;
  return -1;
}

mode_t mode_of(int flags, va_list arguments) { return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0; }

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* from, size_t size) { return carry_out("write", SYS_write, descriptor, from, size); }
ssize_t pwrite(int descriptor, const void* from, size_t size, off_t at) {
  return carry_out("write", SYS_pwrite64, descriptor, from, size, at);
}
ssize_t pwrite64(int descriptor, const void* from, size_t size, off64_t at) {
  return carry_out("write", SYS_pwrite64, descriptor, from, size, at);
}
int ftruncate(int descriptor, off_t size) noexcept { return static_cast<int>(carry_out("write", SYS_ftruncate, descriptor, size)); }
int ftruncate64(int descriptor, off64_t size) noexcept { return static_cast<int>(carry_out("write", SYS_ftruncate, descriptor, size)); }
ssize_t read(int descriptor, void* to, size_t size) { return carry_out("read", SYS_read, descriptor, to, size); }
ssize_t pread(int descriptor, void* to, size_t size, off_t at) { return carry_out("read", SYS_pread64, descriptor, to, size, at); }
ssize_t pread64(int descriptor, void* to, size_t size, off64_t at) { return carry_out("read", SYS_pread64, descriptor, to, size, at); }
int fsync(int descriptor) { return static_cast<int>(carry_out("sync", SYS_fsync, descriptor)); }
int fdatasync(int descriptor) { return static_cast<int>(carry_out("sync", SYS_fdatasync, descriptor)); }

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(path, flags | O_LARGEFILE, mode);
}

}  // extern "C"
