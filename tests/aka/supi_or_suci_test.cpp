#include "lib/aka/supi_or_suci.hpp"

#include <catch2/catch.hpp>

#include "lib/aka/serving_network_name.hpp"

using aka::IdentityError;
using profile::Imsi;
using profile::Plmn;

namespace {

/// What the peer is told of a text that is refused; empty if it is not.
std::string refusal(std::string_view text) {
  try {
    aka::parse_supi_or_suci(text);
    return "";
  } catch (const IdentityError& error) {
    return error.what();
  }
}

Imsi null_scheme_imsi(std::string_view suci) { return aka::imsi_of_null_scheme(aka::parse_suci(suci)); }

}  // namespace

TEST_CASE("A SUPI is imsi- and 6 to 15 digits", "[aka]") {
  CHECK(aka::parse_supi("imsi-001010000000001").digits() == "001010000000001");
  CHECK(aka::parse_supi("imsi-123456").digits() == "123456");
  CHECK(aka::to_supi(aka::parse_supi("imsi-123456")) == "imsi-123456");
  for (const char* text :
       {"", "imsi", "imsi-", "imsi-12345", "imsi-1234567890123456", "imsi-12345x", "IMSI-123456", "imsi-123456 ",
        " imsi-123456", "imsi--123456", "123456", "nai-user@realm", "suci-0-001-01-0-0-0-0000000001"}) {
    INFO(text);
    CHECK_THROWS_AS(aka::parse_supi(text), IdentityError);
  }
}

TEST_CASE("A SUCI in the null scheme gives its IMSI", "[aka]") {
  CHECK(null_scheme_imsi("suci-0-001-01-0-0-0-0000000001").digits() == "001010000000001");
  CHECK(null_scheme_imsi("suci-0-310-410-1234-0-0-123456789").digits() == "310410123456789");
  CHECK(null_scheme_imsi("suci-0-001-01-0000-0-0-1").digits() == "001011");
  CHECK_THROWS_AS(null_scheme_imsi("suci-0-310-410-0-0-0-1234567890"), IdentityError);  // 16 digits
}

TEST_CASE("A SUCI has the parts that TS 23.003 gives it", "[aka]") {
  const auto suci = aka::parse_suci("suci-0-208-93-0-1-17-00FFab");
  CHECK(suci.home_network == Plmn{"208", "93"});
  CHECK(suci.routing_indicator == "0");
  CHECK(suci.scheme == aka::kProfileA);
  CHECK(suci.home_network_key == 17);
  CHECK(suci.output == "00FFab");
  CHECK_THROWS_AS(aka::imsi_of_null_scheme(suci), IdentityError);
  CHECK(aka::parse_suci("suci-0-208-93-0-2-1-00").scheme == aka::kProfileB);
  CHECK(aka::parse_suci("suci-0-208-93-0-f-255-00").scheme == 15);
  CHECK(aka::parse_suci("suci-0-208-93-0-C-1-00").scheme == 12);
}

TEST_CASE("A SUCI with one fault is refused in a sentence that names it", "[aka]") {
  const auto check = [](const char* text, const char* sentence_part) {
    INFO(text);
    CHECK_THAT(refusal(text), Catch::Contains(sentence_part));
  };
  check("suci-", "type is not 0");
  check("suci-0", "fewer fields");
  check("suci-0-001-01-0-0-0", "fewer fields");
  check("suci-0-001-01-0-0-0-0000000001-", "field too many");
  check("suci-0-001-01-0-0-0-0000000001-1", "field too many");
  check("suci-1-001-01-0-0-0-0000000001", "type is not 0");
  check("suci-00-001-01-0-0-0-0000000001", "type is not 0");
  check("suci-0-01-01-0-0-0-0000000001", "home network");
  check("suci-0-0011-01-0-0-0-0000000001", "home network");
  check("suci-0-001-1-0-0-0-0000000001", "home network");
  check("suci-0-001-0001-0-0-0-0000000001", "home network");
  check("suci-0-0x1-01-0-0-0-0000000001", "home network");
  check("suci-0-001-01--0-0-0000000001", "routing indicator");
  check("suci-0-001-01-12345-0-0-0000000001", "routing indicator");
  check("suci-0-001-01-a-0-0-0000000001", "routing indicator");
  check("suci-0-001-01-0--0-0000000001", "protection scheme");
  check("suci-0-001-01-0-g-0-0000000001", "protection scheme");
  check("suci-0-001-01-0-00-0-0000000001", "protection scheme");
  check("suci-0-001-01-0-0--0000000001", "home network key");
  check("suci-0-001-01-0-0-1-0000000001", "null scheme asks");
  check("suci-0-001-01-0-0-00-0000000001", "leading zeros");
  check("suci-0-001-01-0-1-0-00", "not the null scheme");
  check("suci-0-001-01-0-1-256-00", "0 to 255");
  check("suci-0-001-01-0-1-1000-00", "0 to 255");
  check("suci-0-001-01-0-1-01-00", "leading zeros");
  check("suci-0-001-01-0-1-x-00", "0 to 255");
  check("suci-0-001-01-0-0-0-", "1 to 10 digits");
  check("suci-0-001-01-0-0-0-00000000011", "1 to 10 digits");
  check("suci-0-001-01-0-0-0-000000000a", "1 to 10 digits");
  check("suci-0-001-01-0-1-1-", "hex digits");
  check("suci-0-001-01-0-1-1-0", "hex digits");
  check("suci-0-001-01-0-1-1-0g", "hex digits");
  check("SUCI-0-001-01-0-0-0-0000000001", "neither");
  check("nai-user@realm", "neither");
  check("", "neither");
}

TEST_CASE("An identity of 1024 characters is read, a longer one is not", "[aka]") {
  const std::string head = "suci-0-001-01-0-1-1-";
  const std::string longest = head + std::string(aka::kMaxIdentitySize - head.size(), 'a');
  CHECK(refusal(longest).empty());
  CHECK_THAT(refusal(longest + "aa"), Catch::Contains("longer than 1024"));
  CHECK_THAT(refusal("imsi-" + std::string(1020, '1')), Catch::Contains("longer than 1024"));
  CHECK_THAT(refusal("imsi-" + std::string(1019, '1')), Catch::Contains("6 to 15"));
}

TEST_CASE("A SUPI or a SUCI is told by its prefix", "[aka]") {
  CHECK(std::get<Imsi>(aka::parse_supi_or_suci("imsi-001010000000001")).digits() == "001010000000001");
  const auto suci = std::get<aka::Suci>(aka::parse_supi_or_suci("suci-0-001-01-0-0-0-0000000001"));
  CHECK(aka::imsi_of_null_scheme(suci).digits() == "001010000000001");
}

TEST_CASE("The SUCI that a UE writes in the null scheme gives its IMSI again", "[aka]") {
  const Imsi imsi = Imsi::from_digits("001010000000001").value();
  const std::string suci = aka::to_null_scheme_suci(imsi, {"001", "01"});
  CHECK(suci == "suci-0-001-01-0-0-0-0000000001");
  CHECK(null_scheme_imsi(suci) == imsi);
  CHECK(null_scheme_imsi(aka::to_null_scheme_suci(imsi, {"001", "010"})) == imsi);
  CHECK_THROWS_AS(aka::to_null_scheme_suci(imsi, {"001", "02"}), std::invalid_argument);
}

TEST_CASE("A serving network name has the form of TS 24.501 and no other", "[aka]") {
  CHECK(aka::is_serving_network_name("5G:mnc001.mcc001.3gppnetwork.org"));
  CHECK(aka::is_serving_network_name("5G:mnc410.mcc310.3gppnetwork.org:0123456789A"));
  for (const char* name :
       {"", "5G", "5g:mnc001.mcc001.3gppnetwork.org", "5G:mnc01.mcc001.3gppnetwork.org",
        "5G:mnc0001.mcc001.3gppnetwork.org", "5G:mnc00a.mcc001.3gppnetwork.org", "5G:mcc001.mnc001.3gppnetwork.org",
        "5G:mnc001xmcc001.3gppnetwork.org", "5G:mnc001.mcc001.3gppnetwork.orgx", "5G:mnc001.mcc001.3gppnetwork.org\n",
        "5G:mnc001.mcc001.3gppnetwork.org:", "5G:mnc001.mcc001.3gppnetwork.org:0123456789",
        "5G:mnc001.mcc001.3gppnetwork.org:0123456789AB", "5G:mnc001.mcc001.3gppnetwork.org:0123456789a",
        "5G:mnc001.mcc001.3gppnetwork.org:0123456789G", " 5G:mnc001.mcc001.3gppnetwork.org"}) {
    INFO(name);
    CHECK_FALSE(aka::is_serving_network_name(name));
  }
  CHECK_FALSE(aka::is_serving_network_name(std::string_view("5G:mnc001.mcc001.3gppnetwork.org\0", 33)));
}

TEST_CASE("The serving network name of a PLMN has its MNC in 3 digits", "[aka]") {
  CHECK(aka::serving_network_name({"001", "01"}) == "5G:mnc001.mcc001.3gppnetwork.org");
  CHECK(aka::serving_network_name({"310", "410"}) == "5G:mnc410.mcc310.3gppnetwork.org");
  CHECK(aka::is_serving_network_name(aka::serving_network_name({"310", "410"})));
}
