#include "tests/support/faulty_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace test {
namespace {

using Operation = FaultyDisk::Operation;
using Octets = std::vector<std::uint8_t>;

/// A write that is not synced, or (without content) a new size.
struct Change {
  std::size_t at;
  Octets content;
  bool is_truncation;
};

/// A file as the medium has it, and what is still on its way there.
struct Image {
  Octets medium;
  std::vector<Change> pending;
  std::size_t lost = 0;  ///< how often what was pending has been dropped
  int code = SQLITE_OK;  ///< the last time
};

struct State {
  std::mutex mutex;
  std::map<std::string, Image> images;
  Operation operation = Operation::open;
  std::string suffix;
  int code = SQLITE_OK;
  std::size_t times = 0;
  std::size_t failures = 0;
};

State& state() {
  static State the_state;
  return the_state;
}

/// What an operation is to return; SQLITE_OK: let it happen. The mutex is held.
int fault_of(Operation operation, const std::string& name) {
  State& now = state();
  const bool is_meant = now.times > 0 && operation == now.operation && name.ends_with(now.suffix);
  if (!is_meant) return SQLITE_OK;
  --now.times;
  ++now.failures;
  errno = now.code == SQLITE_FULL ? ENOSPC : EIO;
  return now.code;
}

int fault(Operation operation, const std::string& name) {
  const std::lock_guard lock(state().mutex);
  return fault_of(operation, name);
}

void apply(const Change& change, Octets& medium) {
  const std::size_t end = change.at + change.content.size();
  if (change.is_truncation || medium.size() < end) medium.resize(end);
  std::copy(change.content.begin(), change.content.end(), medium.begin() + static_cast<std::ptrdiff_t>(change.at));
}

/// What SQLite has in its hands; the ordinary VFS' file lies behind it.
struct File {
  sqlite3_file base;
  sqlite3_file* real;
  std::string* name;
  std::size_t known_losses;  ///< of Image::lost, what this opener has been told
};

sqlite3_vfs* ordinary = nullptr;

sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }
const std::string& name(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->name; }

int close_file(sqlite3_file* file) {
  delete reinterpret_cast<File*>(file)->name;
  return real(file)->pMethods->xClose(real(file));
}

int read_file(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
  const int code = fault(Operation::read, name(file));
  return code != SQLITE_OK ? code : real(file)->pMethods->xRead(real(file), to, size, at);
}

int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  const std::lock_guard lock(state().mutex);
  const int code = fault_of(Operation::write, name(file));
  if (code != SQLITE_OK) return code;
  const auto* const begin = static_cast<const std::uint8_t*>(from);
  state().images[name(file)].pending.push_back({static_cast<std::size_t>(at), Octets(begin, begin + size), false});
  return real(file)->pMethods->xWrite(real(file), from, size, at);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  const std::lock_guard lock(state().mutex);
  state().images[name(file)].pending.push_back({static_cast<std::size_t>(size), {}, true});
  return real(file)->pMethods->xTruncate(real(file), size);
}

int sync_file(sqlite3_file* file, int flags) {
  const std::lock_guard lock(state().mutex);
  Image& image = state().images[name(file)];
  const int code = fault_of(Operation::sync, name(file));
  if (code != SQLITE_OK) {
    ++image.lost;
    image.code = code;
  } else {
    for (const Change& change : image.pending) apply(change, image.medium);
  }
  image.pending.clear();
  std::size_t& known = reinterpret_cast<File*>(file)->known_losses;
  if (std::exchange(known, image.lost) != image.lost) return image.code;
  return real(file)->pMethods->xSync(real(file), flags);
}

// The rest is handed on.
int file_size(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int is_reserved(sqlite3_file* file, int* out) { return real(file)->pMethods->xCheckReservedLock(real(file), out); }
int control(sqlite3_file* file, int what, void* with) { return real(file)->pMethods->xFileControl(real(file), what, with); }
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int map_shm(sqlite3_file* file, int page, int size, int extends, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extends, out);
}
int lock_shm(sqlite3_file* file, int from, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), from, count, flags);
}
void barrier_shm(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shm(sqlite3_file* file, int is_deleted) { return real(file)->pMethods->xShmUnmap(real(file), is_deleted); }

constexpr sqlite3_io_methods kMethods{2, close_file, read_file, write_file, truncate_file, sync_file, file_size, lock_file, unlock_file,
                                      is_reserved, control, sector_size, characteristics, map_shm, lock_shm, barrier_shm, unmap_shm,
                                      nullptr, nullptr};

int open_file(sqlite3_vfs*, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags) {
  auto* const opened = reinterpret_cast<File*>(file);
  opened->base.pMethods = nullptr;
  const std::string file_name = path != nullptr ? path : "";
  const int code = fault(Operation::open, file_name);
  if (code != SQLITE_OK) return code;
  opened->real = reinterpret_cast<sqlite3_file*>(opened + 1);
  const int result = ordinary->xOpen(ordinary, path, opened->real, flags, out_flags);
  if (result != SQLITE_OK) return result;
  opened->name = new std::string(file_name);
  {
    const std::lock_guard lock(state().mutex);
    opened->known_losses = state().images[file_name].lost;
  }
  opened->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs*, const char* path, int is_synced) {
  const std::lock_guard lock(state().mutex);
  state().images.erase(path);
  return ordinary->xDelete(ordinary, path, is_synced);
}

sqlite3_vfs& faulty() {
  static sqlite3_vfs vfs;
  return vfs;
}

void write_image(const std::string& from, const std::string& to) {
  const auto found = state().images.find(from);
  const Octets none;
  const Octets& octets = found == state().images.end() ? none : found->second.medium;
  std::ofstream(to, std::ios::binary).write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
}

}  // namespace

FaultyDisk::FaultyDisk() {
  ordinary = sqlite3_vfs_find(nullptr);
  if (ordinary == nullptr) throw std::runtime_error("SQLite has no VFS");
  sqlite3_vfs& vfs = faulty();
  vfs = *ordinary;  // all that is not set below takes the VFS as its argument only to find its settings, which are the same
  vfs.pNext = nullptr;
  vfs.zName = "faulty-disk";
  vfs.szOsFile = static_cast<int>(sizeof(File)) + ordinary->szOsFile;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  state().images.clear();
  state().failures = 0;
  heal();
  sqlite3_vfs_register(&vfs, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&faulty());
  sqlite3_vfs_register(ordinary, 1);
}

void FaultyDisk::fail(Operation operation, const std::string& suffix, int code, std::size_t times) {
  const std::lock_guard lock(state().mutex);
  state().operation = operation;
  state().suffix = suffix;
  state().code = code;
  state().times = times;
}

void FaultyDisk::heal() {
  const std::lock_guard lock(state().mutex);
  state().times = 0;
}

std::size_t FaultyDisk::failures() const {
  const std::lock_guard lock(state().mutex);
  return state().failures;
}

void FaultyDisk::cut_power(const std::string& database, const std::string& to) const {
  const std::lock_guard lock(state().mutex);
  write_image(database, to);
  write_image(database + "-wal", to + "-wal");
}

}  // namespace test
