// `ausf_ext: providers`: which service provider may offer which dIMSIs; and `access`: who must be named.
#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "nf-ausf-ext/config.hpp"
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

TEST_CASE("Where peers are known, the D-AUSF that is to tell of receipts is named, and by its name", "[ausf-ext][config][access]") {
  const auto problems = [](const std::string& more, const std::string& tokens = "required") {
    const std::string sbi = "  sbi: {server: [{address: 127.0.0.1}], oauth2: {mode: '" + tokens + "'}}\n";
    return test::read_yaml("ausf_ext:\n  database: x.db\n" + sbi + more, ausf_ext::read_config).problems;
  };
  const std::string told = "  notification_uri: http://127.0.0.50:7777\n";
  const auto is_asked_for = Catch::Contains("access: names no peer that is d_ausf");
  CHECK_THAT(problems(told), is_asked_for);
  CHECK_THAT(problems(told + "  access: [{peer: sp.example, as: service_provider}]\n"), is_asked_for);
  CHECK_THAT(problems(told + "  access: [{peer: d-ausf.example, as: d_ausf}]\n"), !is_asked_for);
  CHECK_THAT(problems(""), !is_asked_for);            // nobody is asked to tell
  CHECK_THAT(problems(told, "off"), !is_asked_for);  // a lab, where nobody is known
  CHECK_THAT(problems(told + "  access: [{peer: '*', as: d_ausf}]\n"), Catch::Contains("peer: * is for an access_network or a core_function only"));
}
