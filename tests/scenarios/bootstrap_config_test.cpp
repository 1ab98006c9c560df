#include <catch2/catch.hpp>

#include "nf-ausf-ext/config_bootstrap.hpp"
#include "tests/support/read_yaml.hpp"

using ausf_ext::BitRate;
using ausf_ext::BootstrapSubscription;
using ausf_ext::Snssai;

namespace {

test::ReadConfig<std::optional<BootstrapSubscription>> read_subscription(const std::string& text) {
  return test::read_yaml(text, ausf_ext::read_bootstrap_subscription);
}

const std::string kAmbr = "{uplink: 1 Mbps, downlink: 2 Gbps}";
const std::string kDnn = "{name: rsmf, session_ambr: " + kAmbr + "}";

std::string with_slices(const std::string& slices) {
  return "bootstrap_subscription:\n  ue_ambr: " + kAmbr + "\n  slices: " + slices + "\n";
}
std::string with_slice(const std::string& members) { return with_slices("[{default: true, dnns: [" + kDnn + "], " + members + "}]"); }
std::string with_dnn(const std::string& members) {
  return with_slices("[{sst: 1, default: true, dnns: [{session_ambr: " + kAmbr + ", " + members + "}]}]");
}

}  // namespace

TEST_CASE("Without its section there is no bootstrap subscription", "[bootstrap][config]") {
  CHECK_FALSE(read_subscription("other: {}").config);
}

TEST_CASE("A short bootstrap subscription has sound defaults", "[bootstrap][config]") {
  const auto [subscription, problems] = read_subscription(with_slice("sst: 1"));
  CHECK(problems.empty());
  REQUIRE(subscription);
  CHECK(subscription->ue_ambr.uplink.text() == "1 Mbps");
  CHECK(subscription->ue_ambr.downlink.text() == "2 Gbps");
  CHECK_FALSE(subscription->rfsp_index);
  REQUIRE(subscription->slices.size() == 1);
  CHECK(subscription->slices[0].snssai == Snssai{1, std::nullopt});
  const auto& dnn = subscription->slices[0].dnns.at(0);
  CHECK(dnn.name == "rsmf");
  CHECK(dnn.pdu_session_types == std::vector{ausf_ext::PduSessionType::ipv4});
  CHECK(dnn.ssc_mode == 1);
  CHECK(dnn.five_qi == 9);
  CHECK(dnn.retention.level == 8);
  CHECK_FALSE(dnn.retention.may_preempt);
  CHECK(dnn.retention.is_preemptable);
}

TEST_CASE("Every key of a bootstrap subscription is read", "[bootstrap][config]") {
  const auto [subscription, problems] =
      read_subscription("bootstrap_subscription:\n  ue_ambr: " + kAmbr + "\n  rfsp_index: 256\n  slices:\n    - {sst: 255, sd: \"0000aB\", dnns: [" +
                        kDnn + "]}\n    - sst: 255\n      default: true\n      dnns:\n        - {name: a.b-c, pdu_session_types: [IPV6, IPV4], ssc_mode: 3, " +
                        "5qi: 79, arp_priority: 15, may_preempt: true, preemptable: false, session_ambr: " + kAmbr + "}\n");
  CHECK(problems.empty());
  REQUIRE(subscription);
  CHECK(subscription->rfsp_index == 256);
  CHECK(subscription->slices.at(0).snssai.key() == "255-0000ab");
  CHECK_FALSE(subscription->slices.at(0).is_default);
  const auto& slice = subscription->slices.at(1);
  CHECK(slice.is_default);
  CHECK(slice.snssai.key() == "255");
  const auto& dnn = slice.dnns.at(0);
  CHECK(dnn.pdu_session_types == std::vector{ausf_ext::PduSessionType::ipv6, ausf_ext::PduSessionType::ipv4});
  CHECK(dnn.ssc_mode == 3);
  CHECK(dnn.five_qi == 79);
  CHECK(dnn.retention.level == 15);
  CHECK(dnn.retention.may_preempt);
  CHECK_FALSE(dnn.retention.is_preemptable);
}

TEST_CASE("What is wrong with a bootstrap subscription is said, with its place", "[bootstrap][config]") {
  const auto [text, problem] = GENERATE(table<std::string, std::string>({
      {"bootstrap_subscription: {}", "bootstrap_subscription.ue_ambr: is missing"},
      {"bootstrap_subscription: {ue_ambr: {uplink: 1 Mbps}}", "ue_ambr.downlink: is missing"},
      {"bootstrap_subscription: {ue_ambr: {uplink: 1 Mbps, downlink: 1 Mbps}}", "slices: is missing"},
      {with_slices("[]"), "slices: is empty"},
      {with_slices("[{sst: 1, dnns: [" + kDnn + "]}]"), "none of them is the default"},
      {with_slices("[{sst: 1, default: true}]"), "slices[0].dnns: is missing"},
      {with_slice("sst: 256"), "sst: 256 is too large"},
      {with_slice("sst: 0"), "sst: 0 is too small"},
      {with_slice("sst: 1, sd: 1"), "sd: is not 6 hex digits"},
      {with_slice("sst: 1, sd: \"00000g\""), "sd: is not 6 hex digits"},
      {with_slice("sst: 1, sd: FFFFFF"), "ffffff stands for no SD"},
      {with_slice("sst: 1, ssd: \"000001\""), "did you mean sd?"},
      {with_slices("[{sst: 1, default: true, dnns: [" + kDnn + "]}, {sst: 1, dnns: [" + kDnn + "]}]"), "this S-NSSAI stands twice"},
      {with_slices("[{sst: 1, default: true, dnns: [" + kDnn + ", " + kDnn + "]}]"), "stands twice in this slice"},
      {with_dnn("name: a..b"), "is not a DNN"},
      {with_dnn("name: " + std::string(64, 'a')), "is not a DNN"},
      {with_dnn("name: a, pdu_session_types: [IPV5]"), "IPV5 is none of"},
      {with_dnn("name: a, pdu_session_types: []"), "names no type"},
      {with_dnn("name: a, ssc_mode: 4"), "ssc_mode: 4 is too large"},
      {with_dnn("name: a, 5qi: 1"), "guaranteed bit rate"},
      {with_dnn("name: a, 5qi: 255"), "5qi: 255 is too large"},
      {with_dnn("name: a, arp_priority: 16"), "arp_priority: 16 is too large"},
      {with_dnn("name: a, may_preempt: maybe"), "neither true nor false"},
      {"bootstrap_subscription: {ue_ambr: {uplink: 1Mbps, downlink: 1 Mbps}}", "1Mbps is not a rate"},
      {"bootstrap_subscription: {rfsp_index: 257}", "rfsp_index: 257 is too large"},
  }));
  CAPTURE(text);
  CHECK_THAT(read_subscription(text).problems, Catch::Contains(problem));
}

TEST_CASE("A bootstrap subscription has no more than Open5GS has room for", "[bootstrap][config]") {
  const auto dnns = [](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += "{name: d" + std::to_string(i) + ", session_ambr: " + kAmbr + "}, ";
    return with_slices("[{sst: 1, default: true, dnns: [" + out + "]}]");
  };
  CHECK(read_subscription(dnns(4)).problems.empty());
  CHECK_THAT(read_subscription(dnns(5)).problems, Catch::Contains("dnns: are more than 4"));
  const auto slices = [](int count) {
    std::string out;
    for (int i = 1; i <= count; ++i) out += "{sst: " + std::to_string(i) + ", default: true, dnns: [" + kDnn + "]}, ";
    return with_slices("[" + out + "]");
  };
  CHECK(read_subscription(slices(8)).problems.empty());
  CHECK_THAT(read_subscription(slices(9)).problems, Catch::Contains("slices: are more than 8"));
}

TEST_CASE("A rate is a whole number and a unit", "[bootstrap]") {
  for (const char* text : {"1 bps", "2147483647 Tbps", "100 Mbps", "5 Kbps", "5 Gbps"}) {
    const auto rate = BitRate::from_text(text);
    REQUIRE(rate);
    CHECK(rate->text() == text);
  }
  for (const char* text : {"", "1", "1 ", " 1 bps", "1bps", "1  bps", "1 mbps", "0 bps", "-1 bps", "1.5 Mbps", "2147483648 bps", "x Mbps",
                           "1 Mbps ", "99999999999999999999 bps"}) {
    CAPTURE(text);
    CHECK_FALSE(BitRate::from_text(text));
  }
}

TEST_CASE("A DNN is the same without regard to case and to the operator's part", "[bootstrap]") {
  CHECK(ausf_ext::is_same_dnn("internet", "Internet"));
  CHECK(ausf_ext::is_same_dnn("internet", "internet.mnc001.mcc001.gprs"));
  CHECK(ausf_ext::is_same_dnn("internet", "INTERNET.MNC001.MCC001.GPRS"));
  CHECK_FALSE(ausf_ext::is_same_dnn("internet", "internet2"));
  CHECK_FALSE(ausf_ext::is_same_dnn("internet", "internet.mnc01.mcc001.gprs"));
  CHECK_FALSE(ausf_ext::is_same_dnn("internet", "internet.mncabc.mcc001.gprs"));
  CHECK_FALSE(ausf_ext::is_same_dnn("internet", ".mnc001.mcc001.gprs"));
  CHECK_FALSE(ausf_ext::is_same_dnn("internet", ""));
}
