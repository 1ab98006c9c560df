#pragma once

#include <algorithm>
#include <set>

#include "tests/scenarios/routing_lab.hpp"

/// What the tests of relaying share: paths of a subscriber of the old core, and what tells whether a message is as it was.
namespace test {

inline const std::string kUeau = "/nudm-ueau/v1/" + kTheirs;
inline const std::string kSdm = "/nudm-sdm/v2/" + kTheirs;
inline const std::string kUecm = "/nudm-uecm/v1/" + kTheirs;

using Fields = std::vector<std::pair<std::string, std::string>>;
inline Fields fields_of(const sbi::Headers& headers, const std::set<std::string>& without = {}) {
  Fields out;
  for (const auto& header : headers.fields()) {
    if (!without.contains(header.name)) out.emplace_back(header.name, header.value);
  }
  const auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(out.begin(), out.end(), by_name);  // of one name the order counts, of different ones it says nothing
  return out;
}

/// Each of the peer's requests, or answers, is what it would be without the relay.
inline void check_same_request(const sbi::Request& direct, const sbi::Request& relayed) {
  CHECK(relayed.method == direct.method);
  CHECK(relayed.target == direct.target);
  CHECK(relayed.body == direct.body);
  CHECK(relayed.authority == direct.authority);
  CHECK(relayed.headers.find("via").value_or("").starts_with("2.0 nf-"));
  CHECK(fields_of(relayed.headers, {"via"}) == fields_of(direct.headers));
}
inline void check_same_answer(const Answer& direct, const Answer& relayed) {
  CHECK(relayed.status == direct.status);
  CHECK(relayed.body == direct.body);
  CHECK(fields_of(relayed.headers, {"location"}) == fields_of(direct.headers, {"location"}));
  CHECK(relayed.headers.find("location").has_value() == direct.headers.find("location").has_value());
}

}  // namespace test
