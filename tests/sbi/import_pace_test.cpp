#include "lib/sbi/import_pace.hpp"

#include <catch2/catch.hpp>
#include <string>

using sbi::ImportPace;
using namespace std::chrono_literals;

namespace {

struct Paced {
  /// Reads a slice of plenty, which takes a millisecond; its size.
  std::size_t read(bool had_wrong_lines, std::size_t running = 1) {
    const std::string plenty(1 << 20, 'x');
    std::string_view left(plenty);
    const std::size_t size = pace.begin(left, at).size();
    CHECK(left.size() == plenty.size() - size);
    pause = pace.end(had_wrong_lines, running, at += 1ms);
    return size;
  }
  ImportPace pace{1000, 10};
  ImportPace::Clock::time_point at{1h};
  ImportPace::Clock::duration pause{};
};

}  // namespace

TEST_CASE_METHOD(Paced, "While its lines are good an import is read in longer and longer slices, without a pause", "[sbi][import]") {
  CHECK(read(false) == 256);
  CHECK(read(false) == 512);
  CHECK(read(false) == 1000);
  CHECK(read(false) == 1000);
  CHECK(pause == 0ms);
}

TEST_CASE_METHOD(Paced, "Wrong lines make slices short, and all imports that have some share a part of the time", "[sbi][import]") {
  CHECK(read(true) == 256);
  CHECK(pause == 10ms);
  CHECK(read(true, 3) == 64);
  CHECK(pause == 30ms);
  CHECK(read(false) == 64);  // no fewer
  CHECK(pause == 0ms);
  CHECK(read(false) == 128);
}

TEST_CASE_METHOD(Paced, "The last slice is what is left", "[sbi][import]") {
  std::string_view left("ab");
  CHECK(pace.begin(left, at) == "ab");
  CHECK(left.empty());
}
