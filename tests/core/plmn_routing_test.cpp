#include "lib/core/plmn_routing.hpp"

#include <catch2/catch.hpp>

using core::ImsiRange;
using core::PlmnRouting;
using core::Refused;
using core::RoutedSubscriber;
using core::RoutingEntry;
using core::RoutingTarget;
using core::ServedByDiscovery;
using core::ServedHere;
using profile::Imsi;
using profile::Plmn;

namespace {

Imsi imsi(const std::string& digits) { return *Imsi::from_digits(digits); }
Plmn plmn(const std::string& mcc, const std::string& mnc) { return *Plmn::from(mcc, mnc); }
ImsiRange imsis_of(const std::string& from, const std::string& to) { return {imsi(from), imsi(to)}; }

/// A target that a test knows again by its name.
RoutingTarget named(const std::string& name) { return Refused{404, name}; }
std::string name_of(const RoutingTarget& target) {
  const auto* refused = std::get_if<Refused>(&target);
  return refused != nullptr ? refused->cause : "here";
}

RoutedSubscriber supi(const std::string& digits) { return {imsi(digits), std::nullopt, ""}; }
RoutedSubscriber suci(const Plmn& home, const std::string& indicator, std::optional<std::string> digits = std::nullopt) {
  return {digits ? std::optional(imsi(*digits)) : std::nullopt, home, indicator};
}

}  // namespace

TEST_CASE("Without a table everybody is served here", "[core][routing]") {
  const PlmnRouting routing;
  CHECK(routing.is_all_here());
  CHECK(name_of(routing.find(supi("001010000000001")).target) == "here");
  CHECK(name_of(routing.find(suci(plmn("901", "70"), "0")).target) == "here");
}

TEST_CASE("The most specific entry wins, in whatever order they stand", "[core][routing]") {
  std::vector<RoutingEntry> entries{
      {plmn("001", "01"), std::nullopt, std::nullopt, named("plmn")},
      {plmn("001", "01"), std::nullopt, "12", named("indicator")},
      {plmn("001", "01"), imsis_of("001010000000100", "001010000000199"), std::nullopt, named("range")},
      {plmn("001", "01"), imsis_of("001010000000150", "001010000000159"), std::nullopt, named("inner")},
      {plmn("001", "01"), imsis_of("001010000000100", "001010000000199"), "34", named("range and indicator")},
  };
  const bool is_reversed = GENERATE(false, true);
  if (is_reversed) std::reverse(entries.begin(), entries.end());
  CHECK(core::faults_of(entries).empty());
  const PlmnRouting routing(entries, named("default"));

  CHECK(name_of(routing.find(supi("001010000000099")).target) == "plmn");
  CHECK(name_of(routing.find(supi("001010000000100")).target) == "range");
  CHECK(name_of(routing.find(supi("001010000000149")).target) == "range");
  CHECK(name_of(routing.find(supi("001010000000150")).target) == "inner");
  CHECK(name_of(routing.find(supi("001010000000159")).target) == "inner");
  CHECK(name_of(routing.find(supi("001010000000160")).target) == "range");
  CHECK(name_of(routing.find(supi("001010000000199")).target) == "range");
  CHECK(name_of(routing.find(supi("001010000000200")).target) == "plmn");
  CHECK(name_of(routing.find(supi("00101000000010")).target) == "plmn");  // another number of digits is another IMSI
  CHECK(name_of(routing.find(supi("001020000000001")).target) == "default");

  const Plmn home = plmn("001", "01");
  CHECK(name_of(routing.find(suci(home, "12")).target) == "indicator");
  CHECK(name_of(routing.find(suci(home, "1")).target) == "plmn");
  CHECK(name_of(routing.find(suci(home, "012")).target) == "plmn");
  CHECK(name_of(routing.find(suci(home, "12", "001010000000150")).target) == "inner");  // a subscriber says more than its group
  CHECK(name_of(routing.find(suci(home, "34", "001010000000100")).target) == "range and indicator");
  CHECK(name_of(routing.find(suci(home, "34")).target) == "plmn");  // which subscriber it is, is not known
  CHECK(routing.find(suci(home, "12")).plmn == home);
}

TEST_CASE("MNCs of two and three digits are never confused", "[core][routing]") {
  const PlmnRouting routing({{plmn("901", "70"), std::nullopt, std::nullopt, named("two")},
                             {plmn("310", "410"), std::nullopt, std::nullopt, named("three")}},
                            named("default"));
  CHECK(name_of(routing.find(suci(plmn("901", "70"), "0", "901701234567890")).target) == "two");
  CHECK(name_of(routing.find(suci(plmn("901", "701"), "0", "901701234567890")).target) == "default");
  CHECK(name_of(routing.find(suci(plmn("310", "410"), "0", "310410123456789")).target) == "three");
  CHECK(name_of(routing.find(suci(plmn("310", "41"), "0", "310410123456789")).target) == "default");
  // Of a SUPI the digits are all there is.
  CHECK(name_of(routing.find(supi("901701234567890")).target) == "two");
  CHECK(name_of(routing.find(supi("310410123456789")).target) == "three");
  CHECK(name_of(routing.find(supi("310411234567890")).target) == "default");
}

TEST_CASE("Entries that match the same subscribers alike are a fault, at the later one", "[core][routing]") {
  struct Row {
    std::string what;
    RoutingEntry first, second;
    bool is_fault;
  };
  const Plmn home = plmn("001", "01");
  const std::vector<Row> rows{
      {"a PLMN twice", {home, {}, {}, ServedHere()}, {home, {}, {}, ServedHere()}, true},
      {"two PLMNs", {home, {}, {}, ServedHere()}, {plmn("001", "02"), {}, {}, ServedHere()}, false},
      {"an indicator twice", {home, {}, "1", ServedHere()}, {home, {}, "1", ServedHere()}, true},
      {"two indicators", {home, {}, "1", ServedHere()}, {home, {}, "01", ServedHere()}, false},
      {"a PLMN and an indicator", {home, {}, {}, ServedHere()}, {home, {}, "1", ServedHere()}, false},
      {"ranges that cross", {home, imsis_of("001010000000001", "001010000000009"), {}, ServedHere()},
       {home, imsis_of("001010000000005", "001010000000019"), {}, ServedHere()}, true},
      {"ranges that touch in one IMSI", {home, imsis_of("001010000000001", "001010000000009"), {}, ServedHere()},
       {home, imsis_of("001010000000009", "001010000000019"), {}, ServedHere()}, true},
      {"a range twice", {home, imsis_of("001010000000001", "001010000000009"), {}, ServedHere()},
       {home, imsis_of("001010000000001", "001010000000009"), {}, ServedHere()}, true},
      {"a range in another", {home, imsis_of("001010000000001", "001010000000009"), {}, ServedHere()},
       {home, imsis_of("001010000000005", "001010000000009"), {}, ServedHere()}, false},
      {"neighbours", {home, imsis_of("001010000000001", "001010000000009"), {}, ServedHere()},
       {home, imsis_of("001010000000010", "001010000000019"), {}, ServedHere()}, false},
      {"901/70 and 901/701", {plmn("901", "70"), {}, {}, ServedHere()}, {plmn("901", "701"), {}, {}, ServedHere()}, true},
      {"901/70 and a range of 901/701", {plmn("901", "70"), {}, {}, ServedHere()},
       {plmn("901", "701"), imsis_of("901701000000000", "901701000000009"), {}, ServedHere()}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto faults = core::faults_of({row.first, row.second});
    CHECK(faults.empty() == !row.is_fault);
    if (!faults.empty()) CHECK(faults.front().entry == 1);
  }
}

TEST_CASE("A range is served here only if every IMSI of it is", "[core][routing]") {
  const Plmn home = plmn("001", "01");
  const ImsiRange pool = imsis_of("001010000000100", "001010000000199");
  SECTION("by the default") { CHECK(PlmnRouting().serves_here(pool)); }
  SECTION("not when others are the default") { CHECK_FALSE(PlmnRouting({}, named("others")).serves_here(pool)); }
  SECTION("by an entry that holds all of it") {
    CHECK(PlmnRouting({{home, imsis_of("001010000000100", "001010000000199"), {}, ServedHere()}}, named("others")).serves_here(pool));
    CHECK(PlmnRouting({{home, imsis_of("001010000000000", "001010000009999"), {}, ServedHere()}}, named("others")).serves_here(pool));
    CHECK(PlmnRouting({{home, {}, {}, ServedHere()}}, named("others")).serves_here(pool));
  }
  SECTION("not when the first, the last or one in the middle is another's") {
    CHECK_FALSE(PlmnRouting({{home, imsis_of("001010000000101", "001010000000199"), {}, ServedHere()}}, named("others")).serves_here(pool));
    CHECK_FALSE(PlmnRouting({{home, imsis_of("001010000000100", "001010000000198"), {}, ServedHere()}}, named("others")).serves_here(pool));
    CHECK_FALSE(PlmnRouting({{home, {}, {}, ServedHere()}, {home, imsis_of("001010000000150", "001010000000150"), {}, named("x")}},
                            ServedHere()).serves_here(pool));
    CHECK_FALSE(PlmnRouting({{plmn("001", "010"), {}, {}, ServedByDiscovery()}}, ServedHere()).serves_here(pool));
  }
  SECTION("whatever happens beside it") {
    CHECK(PlmnRouting({{home, imsis_of("001010000000200", "001010000000299"), {}, named("x")}}, ServedHere()).serves_here(pool));
    CHECK(PlmnRouting({{plmn("901", "70"), {}, {}, named("x")}}, ServedHere()).serves_here(pool));
  }
}
