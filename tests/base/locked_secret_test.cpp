#include "lib/base/locked_secret.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <string>

namespace {

/// The sanitizers' runtimes put an mlock in the place of libc's that does nothing and says that it did.
#if defined(__has_feature)
constexpr bool kLocksNothing = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kLocksNothing = false;
#endif

/// Says so, if nothing is locked in this build.
bool locks_nothing() {
  if (kLocksNothing) std::puts("skipped: a sanitizer's mlock locks nothing");
  return kLocksNothing;
}

struct TestTag;
using Key = base::LockedKey<TestTag, 32>;

std::array<std::uint8_t, 32> octets(std::uint8_t octet) {
  std::array<std::uint8_t, 32> out{};
  out.fill(octet);
  return out;
}

/// The flags of the mapping that holds an address, as /proc/self/smaps has them.
std::string flags_of(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool is_there = false;
  for (std::string line; std::getline(smaps, line);) {
    std::size_t end = 0;
    const std::size_t dash = line.find('-');
    if (dash != std::string::npos && line.find_first_not_of("0123456789abcdef") == dash) {
      const auto from = std::stoull(line, nullptr, 16);
      const auto to = std::stoull(line.substr(dash + 1), &end, 16);
      is_there = from <= wanted && wanted < to;
    }
    if (is_there && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

}  // namespace

static_assert(!std::is_copy_constructible_v<Key> && std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_assignable_v<Key>);

TEST_CASE("A locked key holds its octets, moves, and compares", "[base][secret]") {
  Key key(octets(7));
  CHECK(std::ranges::equal(key.reveal(), octets(7)));
  const Key same = Key::written_by([](std::span<std::uint8_t, 32> out) { std::ranges::fill(out, std::uint8_t{7}); });
  CHECK(key == same);
  CHECK_FALSE(key == Key(octets(8)));
  Key moved = std::move(key);
  CHECK(moved == same);
  moved = Key(octets(9));
  CHECK(std::ranges::equal(moved.reveal(), octets(9)));
}

TEST_CASE("A locked key's pages are locked and left out of core files", "[base][secret]") {
  const Key key(octets(7));
  if (!key.is_locked()) {
    std::puts("skipped: no memory may be locked here");
    return;
  }
  const std::string flags = flags_of(key.reveal().data());
  CAPTURE(flags);
  if (!locks_nothing()) CHECK(flags.find(" lo ") != std::string::npos);
  CHECK(flags.find(" dd ") != std::string::npos);
  CHECK(flags.find(" wf ") != std::string::npos);
}

TEST_CASE("A child of fork has zeros in the place of a locked key", "[base][secret]") {
  auto key = std::make_unique<Key>(octets(7));
  const pid_t child = fork();
  if (child == 0) {
    const bool is_wiped = std::ranges::equal(key->reveal(), octets(0));
    key.reset();
    _exit(is_wiped ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(std::ranges::equal(key->reveal(), octets(7)));
}

TEST_CASE("A key works where no memory may be locked, and says so", "[base][secret]") {
  if (locks_nothing()) return;
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{0, 0};
    int status = setrlimit(RLIMIT_MEMLOCK, &none) == 0 && (geteuid() != 0 || seteuid(65534) == 0) ? 0 : 1;  // root locks without limit
    const Key key(octets(7));
    if (key.is_locked()) status |= 2;
    if (!std::ranges::equal(key.reveal(), octets(7))) status |= 4;
    _exit(status);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
