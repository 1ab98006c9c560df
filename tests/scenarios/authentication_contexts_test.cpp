#include "nf-ausf-ext/authentication_contexts.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "lib/base/error.hpp"
#include "tests/support/serving_network.hpp"

using ausf_ext::AuthenticationContext;
using ausf_ext::AuthenticationContexts;
using ausf_ext::ContextIds;
using test::kServingNetwork;

namespace {

AuthenticationContext context() {
  const std::array<std::uint8_t, 16> res_star{};
  const std::array<std::uint8_t, 32> kseaf{};
  return {*profile::DiscoveryImsi::from_digits("901700000000001"),
          *profile::Imsi::from_digits("001010000000001"),
          kServingNetwork,
          0,
          false,
          false,
          ausf_ext::AkaExpectation{aka::ResStar(res_star), aka::Kseaf(kseaf)},
          {}};
}

std::string cause_of_taking(AuthenticationContexts& contexts, const std::string& id) {
  try {
    (void)contexts.take(id);
  } catch (const base::Error& error) {
    return error.cause();
  }
  return "";
}

base::SecretBytes key_of(std::uint8_t octet) { return base::SecretBytes(base::Bytes(ContextIds::kKeyOctets, octet)); }

}  // namespace

TEST_CASE("A context belongs to whoever has taken it, and ends with its time", "[ausf-ext][contexts]") {
  AuthenticationContexts contexts(std::chrono::seconds(60));
  contexts.add("a", context());
  AuthenticationContext taken = contexts.take("a");
  CHECK(cause_of_taking(contexts, "a") == "CONTEXT_NOT_FOUND");
  contexts.put_back("a", std::move(taken));
  CHECK(cause_of_taking(contexts, "a").empty());
  CHECK(cause_of_taking(contexts, "b") == "CONTEXT_NOT_FOUND");

  AuthenticationContexts short_lived(std::chrono::seconds(0));
  short_lived.add("a", context());
  CHECK(cause_of_taking(short_lived, "a") == "CONTEXT_NOT_FOUND");

  contexts.add("c", context());
  contexts.remove("c");
  CHECK(cause_of_taking(contexts, "c") == "CONTEXT_NOT_FOUND");
}

TEST_CASE("In a full table of contexts a new one takes the place of the one under way for longest, and of no other", "[ausf-ext][contexts]") {
  AuthenticationContexts contexts(std::chrono::seconds(60));
  for (std::size_t i = 0; i < AuthenticationContexts::kMaxContexts; ++i) contexts.add(std::to_string(i), context());
  contexts.put_back("0", contexts.take("0"));  // all are there, and the first is the newest now
  contexts.add("one more", context());
  CHECK(cause_of_taking(contexts, "1") == "CONTEXT_NOT_FOUND");
  for (const char* const id : {"0", "2", "one more"}) CHECK(cause_of_taking(contexts, id).empty());
  contexts.add("in the place of 0", context());
  CHECK(cause_of_taking(contexts, "3").empty());
}

TEST_CASE("Contexts that were answered give way to new ones, the oldest first, and are found again until then", "[ausf-ext][contexts]") {
  AuthenticationContexts contexts(std::chrono::seconds(60));
  for (std::size_t i = 0; i < AuthenticationContexts::kMaxContexts; ++i) contexts.add(std::to_string(i), context());
  for (const char* const id : {"5", "3"}) contexts.put_back_answered(id, contexts.take(id));
  CHECK_NOTHROW(contexts.add("one more", context()));
  CHECK(cause_of_taking(contexts, "5") == "CONTEXT_NOT_FOUND");
  contexts.put_back_answered("3", contexts.take("3"));  // asked for again: the answer stays
  CHECK_NOTHROW(contexts.add("another", context()));
  CHECK(cause_of_taking(contexts, "3") == "CONTEXT_NOT_FOUND");
  contexts.add("and one more", context());  // none is left that was answered
  CHECK(cause_of_taking(contexts, "0") == "CONTEXT_NOT_FOUND");
  CHECK(cause_of_taking(contexts, "4").empty());

  AuthenticationContext taken = contexts.take("6");
  contexts.add("in its place", context());
  contexts.add("and in that of 4", context());
  contexts.put_back_answered("6", std::move(taken));  // there is no room left for an answer
  CHECK(cause_of_taking(contexts, "6") == "CONTEXT_NOT_FOUND");
}

TEST_CASE("A context's id opens to its subscriber under its own key and for its party only, and says nothing by itself", "[ausf-ext][contexts]") {
  const ContextIds ids(key_of(1));
  const auto imsi = *profile::Imsi::from_digits("001010000000001");
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) made.insert(ids.make(imsi, kServingNetwork, "peer a"));
  CHECK(made.size() == 100);
  const std::string id = *made.begin();
  CHECK(id.size() == 64);
  CHECK(id.find("0001010000") == std::string::npos);  // neither the digits nor their TBCD
  CHECK(id.find("0010100000") == std::string::npos);
  const auto named = ids.open(id, "peer a");
  REQUIRE(named);
  CHECK(named->imsi == imsi);
  CHECK(named->serving_network_name == kServingNetwork);
  CHECK(ids.open(ids.make(imsi, "5G:mnc012.mcc345.3gppnetwork.org:000007ED9D5", ""), "")->serving_network_name == "5G:mnc012.mcc345.3gppnetwork.org");

  CHECK_FALSE(ContextIds(key_of(2)).open(id, "peer a"));
  for (const char* const party : {"", "peer b", "peer aa", "peer ", "set a"}) CHECK_FALSE(ids.open(id, party));
  CHECK_FALSE(ids.open(ids.make(imsi, kServingNetwork, ""), "peer a"));
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::string changed = id;
    changed[i] = changed[i] == '0' ? '1' : '0';
    CAPTURE(i);
    CHECK_FALSE(ids.open(changed, "peer a"));
  }
  for (const std::string& text : {std::string(), id.substr(1), id + "0", std::string(64, 'x')}) CHECK_FALSE(ids.open(text, "peer a"));
  CHECK_THROWS_AS(ContextIds(base::SecretBytes(base::Bytes(31, 1))), std::invalid_argument);
}
