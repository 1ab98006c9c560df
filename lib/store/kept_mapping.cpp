#include "lib/store/kept_mapping.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <new>

#include "lib/store/database.hpp"

namespace store {
namespace {

constexpr const char* kName = "unix-kept-mapping";

sqlite3_vfs* base_vfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  return vfs;
}

/// What is kept of an open file, behind the system's own object.
struct Kept {
  const sqlite3_io_methods* methods;  ///< the system's
  sqlite3_int64 size;                 ///< of the file, when it was mapped
};

std::size_t offset_of_kept() {
  constexpr std::size_t kAlignment = alignof(Kept);
  return (static_cast<std::size_t>(base_vfs()->szOsFile) + kAlignment - 1) / kAlignment * kAlignment;
}

Kept& kept_of(sqlite3_file* file) { return *reinterpret_cast<Kept*>(reinterpret_cast<std::byte*>(file) + offset_of_kept()); }

/// With `page`: it is not used any more. Without: SQLite has seen a commit and wants the whole mapping away.
int unfetch(sqlite3_file* file, sqlite3_int64 offset, void* page) {
  Kept& kept = kept_of(file);
  if (page != nullptr) return kept.methods->xUnfetch(file, offset, page);
  sqlite3_int64 size = 0;
  const int result = kept.methods->xFileSize(file, &size);
  if (result == SQLITE_OK && size == kept.size) return SQLITE_OK;
  kept.size = result == SQLITE_OK ? size : -1;
  return kept.methods->xUnfetch(file, offset, nullptr);
}

/// The system's methods with ours in one place; they are the same for each database file.
const sqlite3_io_methods* methods_over(const sqlite3_io_methods* base) {
  static const sqlite3_io_methods methods = [base] {
    sqlite3_io_methods out = *base;
    out.xUnfetch = unfetch;
    return out;
  }();
  return &methods;
}

int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  const int result = base_vfs()->xOpen(base_vfs(), name, file, flags, out_flags);
  const bool can_map = result == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0 && file->pMethods != nullptr && file->pMethods->iVersion >= 3;
  if (!can_map) return result;
  // Of a file system on which SQLite locks otherwise the methods may be others: such a file is left as it is.
  static const sqlite3_io_methods* const first = file->pMethods;
  if (file->pMethods != first) return result;
  new (&kept_of(file)) Kept{first, -1};
  file->pMethods = methods_over(first);
  return result;
}

}  // namespace

const char* kept_mapping_vfs() {
  static const bool is_registered = [] {
    if (base_vfs() == nullptr) return false;
    static sqlite3_vfs vfs = *base_vfs();
    vfs.pNext = nullptr;
    vfs.zName = kName;
    vfs.szOsFile = static_cast<int>(offset_of_kept() + sizeof(Kept));
    vfs.xOpen = open;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
  }();
  if (!is_registered) throw StoreError("SQLite has no file system");
  return kName;
}

}  // namespace store
