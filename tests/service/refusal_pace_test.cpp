#include "lib/service/refusal_pace.hpp"

#include <catch2/catch.hpp>

using service::RefusalPace;

namespace {

/// How many of so many refusals of a peer are admitted at once.
std::size_t admitted(RefusalPace& pace, const std::string& peer, std::size_t count, RefusalPace::Instant at) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < count; ++i) out += pace.admits(peer, at) ? 1 : 0;
  return out;
}

constexpr RefusalPace::Instant kBegin(std::chrono::hours(1));

}  // namespace

TEST_CASE("Of one peer so many refusals a second are recorded, and what goes beyond it is counted once", "[audit]") {
  RefusalPace pace;
  CHECK(admitted(pace, "one.example", RefusalPace::kOfOne, kBegin) == RefusalPace::kOfOne);
  CHECK(pace.take_left_out() == 0);
  CHECK(admitted(pace, "one.example", 5, kBegin) == 0);
  CHECK(pace.take_left_out() == 5);
  CHECK(pace.take_left_out() == 0);
  CHECK(admitted(pace, "two.example", 1, kBegin) == 1);  // another's are no less for it
  CHECK(admitted(pace, "one.example", 100, kBegin + std::chrono::seconds(2)) == RefusalPace::kOfOne);
}

TEST_CASE("Of all peers together so many refusals a second are recorded, however many peers there are", "[audit]") {
  RefusalPace pace;
  std::size_t all = 0;
  for (std::size_t i = 0; i < 3 * RefusalPace::kMaxPeers; ++i) all += admitted(pace, std::to_string(i), 1, kBegin);
  CHECK(all == RefusalPace::kOfAll);
  CHECK(pace.take_left_out() == 3 * RefusalPace::kMaxPeers - RefusalPace::kOfAll);
  CHECK(admitted(pace, "one.example", 1, kBegin + std::chrono::seconds(2)) == 1);  // they are forgotten
}

TEST_CASE("Peers beyond those that are told apart count as one", "[audit]") {
  RefusalPace pace;
  const auto fill = [&pace](RefusalPace::Instant at) {  // none of them is idle for a second
    for (std::size_t i = 0; i < RefusalPace::kMaxPeers; ++i) (void)pace.admits(std::to_string(i), at);
  };
  fill(kBegin);
  const auto later = kBegin + std::chrono::milliseconds(900);
  CHECK(admitted(pace, "one.example", 6, later) == 6);
  CHECK(admitted(pace, "two.example", 6, later) == RefusalPace::kOfOne - 6);
}
