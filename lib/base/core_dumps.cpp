#include "lib/base/core_dumps.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace base {
namespace {

void require_done(int result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void forbid_core_dumps() {
  const rlimit none{0, 0};
  require_done(setrlimit(RLIMIT_CORE, &none), "core files cannot be forbidden: setrlimit");
  require_done(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L), "core dumps cannot be forbidden: prctl");
}

void allow_debugging() { require_done(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L), "debugging cannot be allowed: prctl"); }

}  // namespace base
