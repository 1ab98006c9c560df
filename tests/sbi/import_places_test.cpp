#include "lib/sbi/import_places.hpp"

#include <catch2/catch.hpp>
#include <optional>

#include "lib/base/error.hpp"

using sbi::ImportPlaces;

namespace {

sbi::Peer named(const std::string& name) {
  sbi::Peer peer;
  peer.name = name;
  peer.is_verified = true;
  return peer;
}
sbi::Peer anonymous_at(const std::string& address) {
  sbi::Peer peer;
  peer.address = address;
  return peer;
}
/// The cause with which a place is refused; empty if there is one.
std::string refusal(ImportPlaces& places, const sbi::Peer& peer) {
  try {
    (void)places.take(peer);
    return {};
  } catch (const base::Error& error) {
    return error.cause();
  }
}
sbi::ServerLimits limits_of(std::size_t most, std::size_t most_of_a_peer) {
  sbi::ServerLimits limits;
  limits.max_imports = most;
  limits.max_imports_per_peer = most_of_a_peer;
  return limits;
}

}  // namespace

TEST_CASE("A peer has so many places for imports, and all peers together so many", "[sbi][limits]") {
  ImportPlaces places(limits_of(3, 2));
  std::optional<ImportPlaces::Place> first(places.take(named("a")));
  CHECK(first->running() == 1);
  const auto second = places.take(named("a"));
  CHECK(first->running() == 2);
  CHECK(refusal(places, named("a")) == "NF_CONGESTION_RISK");
  CHECK(refusal(places, named("b")).empty());
  const auto third = places.take(named("b"));
  CHECK(refusal(places, named("b")) == "NF_CONGESTION");
  CHECK(refusal(places, named("c")) == "NF_CONGESTION");
  first.reset();
  CHECK(second.running() == 2);
  CHECK(refusal(places, named("c")).empty());
  CHECK(refusal(places, named("a")).empty());
}

TEST_CASE("Peers without a name are told apart by their addresses, not their ports", "[sbi][limits]") {
  ImportPlaces places(limits_of(10, 1));
  const auto one = places.take(anonymous_at("192.0.2.1:1000"));
  CHECK(refusal(places, anonymous_at("192.0.2.1:1001")) == "NF_CONGESTION_RISK");
  CHECK(refusal(places, anonymous_at("192.0.2.2:1000")).empty());
  CHECK(refusal(places, named("192.0.2.3")).empty());
}

TEST_CASE("A place that is moved is one place, and may outlive the places", "[sbi][limits]") {
  std::optional<ImportPlaces> places(limits_of(1, 1));
  auto place = places->take(named("a"));
  const auto moved = std::move(place);
  CHECK(moved.running() == 1);
  CHECK(refusal(*places, named("a")) == "NF_CONGESTION");
  places.reset();
  CHECK(moved.running() == 1);
}
