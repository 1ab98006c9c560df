#include "lib/base/locked_secret.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace base {

LockedPages::LockedPages(std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t whole = (size + page - 1) / page * page;
  void* const pages = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  octets_ = {static_cast<std::uint8_t*>(pages), whole};
  is_locked_ = mlock(pages, whole) == 0;
  // Both are of no use to a kernel that does not know them, and no harm.
  (void)madvise(pages, whole, MADV_DONTDUMP);
  (void)madvise(pages, whole, MADV_WIPEONFORK);  // not DONTFORK: what a child destroys must be there
}

LockedPages::~LockedPages() {
  if (octets_.empty()) return;
  wipe(octets_);
  (void)munmap(octets_.data(), octets_.size());  // which unlocks them
}

}  // namespace base
