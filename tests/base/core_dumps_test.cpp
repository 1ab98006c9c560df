#include "lib/base/core_dumps.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace {

struct Dumping {
  int is_dumpable;
  rlimit limit;
};

/// What `change` makes of a child of this process; this process stays what it is.
Dumping after(void (*change)()) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    change();
    Dumping found{prctl(PR_GET_DUMPABLE), {}};
    getrlimit(RLIMIT_CORE, &found.limit);
    _exit(write(ends[1], &found, sizeof found) == sizeof found ? 0 : 1);
  }
  Dumping found{-1, {1, 1}};
  close(ends[1]);
  const bool is_whole = read(ends[0], &found, sizeof found) == sizeof found;
  close(ends[0]);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(is_whole);
  return found;
}

}  // namespace

TEST_CASE("A process that forbids core dumps is neither dumped into a file nor into a pipe", "[base][core-dumps]") {
  const Dumping found = after([] { base::forbid_core_dumps(); });
  CHECK(found.is_dumpable == 0);
  CHECK(found.limit.rlim_cur == 0);
  CHECK(found.limit.rlim_max == 0);
}

TEST_CASE("A process that allows debugging still writes no core file", "[base][core-dumps]") {
  const Dumping found = after([] {
    base::forbid_core_dumps();
    base::allow_debugging();
  });
  CHECK(found.is_dumpable == 1);
  CHECK(found.limit.rlim_cur == 0);
}
