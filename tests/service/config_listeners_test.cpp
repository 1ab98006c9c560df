// Which listener may be reached from beyond this machine by whoever likes.
#include <catch2/catch.hpp>

#include "lib/service/config.hpp"
#include "tests/support/read_yaml.hpp"

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

namespace {

const std::string kSaid = ", insecure_beyond_loopback: true";
const std::string kDenied = ", insecure_beyond_loopback: false";

/// What is wrong with a function with two listeners beyond loopback, 10.0.0.1 in line 4 and HTTP/1.1 at 10.0.0.2 in line 5, that have these members
/// besides, and `sbi` with those, each beginning with a comma.
std::string problems_of_listeners(const std::string& http2, const std::string& http1, const std::string& sbi) {
  const std::string text = "arpf:\n  database: /x.db\n  sbi: {\n    server: [{address: 10.0.0.1" + http2 + "}],\n    http1: {address: 10.0.0.2" + http1 + "}" +
                           sbi + "}\n";
  return test::read_yaml(text, [](const service::Section& root) { return service::read_common(root, "arpf"); }).problems;
}

}  // namespace

TEST_CASE("That a listener is open beyond loopback is said of it alone", "[service][config]") {
  const std::string http2 = "x.yaml:4:24: arpf.sbi.server[0].address: 10.0.0.1 is beyond loopback and whoever reaches it owns every key: ";
  const std::string http1 = "x.yaml:5:22: arpf.sbi.http1.address: 10.0.0.2 is beyond loopback and whoever reaches it owns every key: ";
  const std::string advice = "or say insecure_beyond_loopback: true beside it";
  CHECK(problems_of_listeners(kSaid, kSaid, "") == "");
  CHECK_THAT(problems_of_listeners("", kSaid, ""), StartsWith(http2) && EndsWith(advice) && !Contains("10.0.0.2"));
  CHECK_THAT(problems_of_listeners(kSaid, "", ""), StartsWith(http1) && EndsWith(advice) && !Contains("10.0.0.1"));
  CHECK_THAT(problems_of_listeners("", "", ""), StartsWith(http2) && Contains("\n" + http1));
  CHECK_THAT(problems_of_listeners(", insecure_beyond_loopback: maybe", kSaid, ""), Contains("arpf.sbi.server[0].insecure_beyond_loopback: maybe is neither true nor false"));
}

TEST_CASE("What sbi says of loopback is for the listeners that do not say it themselves", "[service][config]") {
  CHECK(problems_of_listeners("", "", kSaid) == "");
  CHECK(problems_of_listeners(kSaid, "", kSaid) == "");
  CHECK_THAT(problems_of_listeners(kDenied, "", kSaid), StartsWith("x.yaml:4:24: arpf.sbi.server[0].address: ") && !Contains("10.0.0.2"));
  CHECK_THAT(problems_of_listeners("", kDenied, kSaid), StartsWith("x.yaml:5:22: arpf.sbi.http1.address: ") && !Contains("10.0.0.1"));
  CHECK(problems_of_listeners(kSaid, kSaid, kDenied) == "");
}
