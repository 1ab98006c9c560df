#include "lib/sbi/peer_shares.hpp"

#include <catch2/catch.hpp>

using sbi::Instant;
using sbi::PeerShares;
using namespace std::chrono_literals;

namespace {

constexpr auto kTick = std::chrono::steady_clock::duration(1);

struct Peers {
  PeerShares shares;
  std::shared_ptr<PeerShares::Share> heavy = shares.share_of("heavy");
  std::shared_ptr<PeerShares::Share> light = shares.share_of("light");
  Instant at{1h};
};

}  // namespace

TEST_CASE_METHOD(Peers, "A peer that is alone owes nobody anything", "[sbi][shares]") {
  for (int i = 0; i < 100; ++i) shares.took(*heavy, at += 1ms, 1ms);
  CHECK_FALSE(shares.is_in_debt(*heavy, at));
}

TEST_CASE_METHOD(Peers, "A peer's own connections are not others", "[sbi][shares]") {
  for (int i = 0; i < 100; ++i) shares.took(*shares.share_of("heavy"), at += 1ms, 1ms);
  CHECK(shares.peers() == 2);
  CHECK_FALSE(shares.is_in_debt(*heavy, at));
}

TEST_CASE_METHOD(Peers, "Who takes more than its credit beside others is in debt, and others are not", "[sbi][shares]") {
  shares.took(*light, at, 10us);
  SECTION("no more than that") {
    shares.took(*heavy, at, PeerShares::kCredit);
    CHECK_FALSE(shares.is_in_debt(*heavy, at));
  }
  SECTION("a little more") {
    shares.took(*heavy, at, PeerShares::kCredit + kTick);
    CHECK(shares.is_in_debt(*heavy, at));
  }
  CHECK_FALSE(shares.is_in_debt(*light, at));
}

TEST_CASE_METHOD(Peers, "A debt is worked off by the free part of the time, and is never more than the most", "[sbi][shares]") {
  shares.took(*light, at, 10us);
  shares.took(*heavy, at, 10s);
  const auto until_free = PeerShares::kFreePart * (PeerShares::kMostDebt - PeerShares::kCredit);
  for (Instant now = at; now < at + until_free; now += 1ms) shares.took(*light, now, 1us);  // the loop is still shared
  CHECK(shares.is_in_debt(*heavy, at + until_free - PeerShares::kFreePart * kTick));
  CHECK_FALSE(shares.is_in_debt(*heavy, at + until_free + PeerShares::kFreePart * kTick));
}

TEST_CASE_METHOD(Peers, "Who takes no more than the free part is never in debt", "[sbi][shares]") {
  for (int i = 0; i < 1000; ++i) {
    shares.took(*light, at, 1us);
    shares.took(*heavy, at += PeerShares::kFreePart * 1ms, 1ms);
    REQUIRE_FALSE(shares.is_in_debt(*heavy, at));
  }
}

TEST_CASE_METHOD(Peers, "After the last turn of another peer the loop counts as shared for a second", "[sbi][shares]") {
  shares.took(*light, at, 1us);
  shares.took(*heavy, at, 1us);
  shares.took(*heavy, at + PeerShares::kShared - kTick, 1s);
  CHECK(shares.is_in_debt(*heavy, at + PeerShares::kShared - kTick));
  CHECK_FALSE(shares.is_in_debt(*heavy, at + PeerShares::kShared));
}

TEST_CASE_METHOD(Peers, "A peer is forgotten once it has no connection and can owe nothing any more", "[sbi][shares]") {
  shares.took(*heavy, at, 10s);
  light.reset();
  const auto all = PeerShares::kFreePart * PeerShares::kMostDebt;
  shares.sweep(at + all);
  CHECK(shares.peers() == 1);  // the other one
  heavy.reset();
  shares.sweep(at + all);
  CHECK(shares.peers() == 1);
  shares.sweep(at + all + kTick);
  CHECK(shares.peers() == 0);
}

TEST_CASE_METHOD(Peers, "A peer that was forgotten is no other peer when it comes again", "[sbi][shares]") {
  light.reset();
  shares.took(*heavy, at, 1us);
  heavy.reset();
  shares.sweep(at += 1h);
  REQUIRE(shares.peers() == 0);
  const auto again = shares.share_of("heavy");
  const auto elsewhere = shares.share_of("light");  // whichever has the memory of the one that went
  shares.took(*again, at, 1s);
  CHECK_FALSE(shares.is_in_debt(*again, at));
  shares.took(*elsewhere, at, 1us);
  CHECK(shares.is_in_debt(*again, at));
}
