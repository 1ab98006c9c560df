// `ausf_ext: providers`: which service provider may offer which dIMSIs.
#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "nf-ausf-ext/providers.hpp"
#include "tests/support/read_yaml.hpp"

namespace {

test::ReadConfig<ausf_ext::Providers> read_providers(const std::string& text) {
  return test::read_yaml("ausf_ext:\n" + text, [](const service::Section& root) { return ausf_ext::read_providers(root.section("ausf_ext")); });
}

bool may_offer(const ausf_ext::Providers& providers, const ausf_ext::Provider& provider, const std::string& digits) {
  try {
    providers.require_right(provider, *profile::DiscoveryImsi::from_digits(digits));
    return true;
  } catch (const base::Error& error) {
    CHECK(error.kind() == base::ErrorKind::forbidden);
    CHECK(error.cause() == "NOT_OWNER");
    return false;
  }
}

}  // namespace

TEST_CASE("Without providers each service provider may offer every dIMSI", "[ausf-ext][config][access]") {
  const auto none = read_providers("  other: {}\n");
  CHECK(may_offer(none.config, "sp.example", "901700000000001"));
  CHECK(may_offer(none.config, std::nullopt, "901700000000001"));
}

TEST_CASE("With providers each may offer its own ranges, and who is not named nothing", "[ausf-ext][config][access]") {
  const auto two = read_providers(
      "  providers:\n"
      "    - {peer: one.example, dimsi_ranges: [{from: '901700000000000', to: '901700000000009'}, {from: '90170000000020', to: '90170000000020'}]}\n"
      "    - {peer: two.example, dimsi_ranges: {from: '901700000000005', to: '901700000000019'}}\n");
  CHECK(two.problems.empty());
  CHECK(may_offer(two.config, "one.example", "901700000000000"));
  CHECK(may_offer(two.config, "one.example", "901700000000009"));
  CHECK(may_offer(two.config, "one.example", "90170000000020"));
  CHECK_FALSE(may_offer(two.config, "one.example", "901700000000010"));
  CHECK_FALSE(may_offer(two.config, "one.example", "901700000000020"));  // of another length
  CHECK(may_offer(two.config, "two.example", "901700000000005"));
  CHECK_FALSE(may_offer(two.config, "two.example", "901700000000004"));
  CHECK_FALSE(may_offer(two.config, "three.example", "901700000000000"));
  CHECK_FALSE(may_offer(two.config, "anonymous", "901700000000000"));  // a certificate with that name
  CHECK(may_offer(two.config, std::nullopt, "999999999999999"));       // a lab without certificates
}

TEST_CASE("What is wrong with providers is named", "[ausf-ext][config][access]") {
  const auto [text, problem] = GENERATE(table<std::string, std::string>({
      {"[]", "providers: is empty"},
      {"[{dimsi_ranges: [{from: '901700000000000', to: '901700000000009'}]}]", "peer: is missing"},
      {"[{peer: a}]", "dimsi_ranges: is missing"},
      {"[{peer: a, dimsi_ranges: []}]", "dimsi_ranges: is empty"},
      {"[{peer: a, dimsi_ranges: [{from: '9017', to: '901700000000009'}]}]", "from: is not 6 to 15 decimal digits"},
      {"[{peer: a, dimsi_ranges: [{from: '901700000000009', to: '901700000000000'}]}]", "to: is before from"},
      {"[{peer: a, dimsi_ranges: [{from: '901700', to: '901709'}, {from: '901709', to: '901710'}]}]", "overlaps with another one of the same list"},
      {"[{peer: a, dimsi_ranges: [{from: '901700', to: '901709'}]}, {peer: a, dimsi_ranges: [{from: '901710', to: '901710'}]}]", "a has an entry already"},
      {"[{peer: a, dimsi_range: [{from: '901700', to: '901709'}]}]", "dimsi_range"},
  }));
  CAPTURE(text);
  CHECK_THAT(read_providers("  providers: " + text + "\n").problems, Catch::Contains("x.yaml:") && Catch::Contains("ausf_ext.providers") && Catch::Contains(problem));
}
