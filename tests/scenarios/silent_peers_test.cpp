// A peer that takes requests and never answers holds up those devices that need it, and no others.
#include "nf-ausf-ext/silent_peers.hpp"

#include <list>

#include "nf-ausf-ext/peer_answer.hpp"
#include "tests/scenarios/onboarding_lab.hpp"
#include "tests/support/fake_function.hpp"

using namespace test;
using ausf_ext::SilentPeers;
using std::chrono::milliseconds;

namespace {

const std::string kPeerA = "http://a.example:80";
const std::string kPeerB = "http://b.example:80";

/// With a patience of a second, and a clock that the test turns.
struct Patience {
  SilentPeers::Instant now{};
  SilentPeers peers{milliseconds(1000), [this] { return now; }};
  std::list<SilentPeers::Call> calls;

  SilentPeers::Call& call(const std::string& peer) { return calls.emplace_back(peers, peer); }
  void fall_silent(const std::string& peer) {
    call(peer);
    now += milliseconds(1000);
  }
};

/// More devices than are worked on at once, and deadlines so long that a test is over before the first of them.
struct SilentLab : OnboardingFixture {
  static constexpr int kDevicesInAll = 70;
  static constexpr std::size_t kRoom = 64;

  SilentLab() {
    config.common.client_timeout = std::chrono::seconds(60);
    config.silent_after = milliseconds(300);
    config.max_in_flight = kRoom;
    config.arpfs.push_back({hung.uri(), ci.certificate});
    hung.set_fault(FakeFunction::Fault::hang);
  }

  /// Devices of this ARPF, which all become due at once; where the import is to be read.
  std::string import_devices_of(const std::string& uri) {
    const Party element = make_se(pn);
    std::string lines;
    for (int i = 0; i < kDevicesInAll; ++i) {
      const SecureElement device = make_device(std::to_string(901700000001000 + i), pn, element);
      json out = offer(device, {uri});
      out["dimsi"] = device.dimsi;
      lines += out.dump() + "\n";
    }
    return import(lines);
  }
  std::int64_t in_state(ausf_ext::State state) {
    return count("SELECT count(*) FROM devices WHERE state = " + std::to_string(static_cast<int>(state)));
  }
  /// All that are worked on at once have come to the peer, or it is found silent before.
  void wait_until_it_holds_them() {
    CHECK(wait_until([this] { return hung.hanging() == kRoom || count("SELECT count(*) FROM devices WHERE problem_status = 504") > 0; }));
  }

  /// An ARPF, or a D-AUSF: of its answers, once it gives any.
  FakeFunction hung{[](const sbi::Request& request) { return request.method == "PUT" ? stored_answer() : problem(403, "CI_NOT_AGREED"); }};
};

}  // namespace

TEST_CASE("A peer that answers may have any number of calls, however long one of them takes", "[onboarding][silent]") {
  Patience lab;
  for (int i = 0; i < 64; ++i) lab.call(kPeerA);
  for (int i = 0; i < 10; ++i) {
    lab.now += milliseconds(999);
    CHECK(lab.peers.waiting() == 0);
    lab.calls.back().heard();
    lab.calls.pop_back();
    CHECK_NOTHROW(lab.call(kPeerA));
  }
}

TEST_CASE("A peer that is not asked is not silent, however long that is", "[onboarding][silent]") {
  Patience lab;
  lab.call(kPeerA).heard();
  lab.calls.clear();
  lab.now += std::chrono::hours(1);
  for (int i = 0; i < 64; ++i) CHECK_NOTHROW(lab.call(kPeerA));
  lab.now += milliseconds(999);
  CHECK(lab.peers.waiting() == 0);
  lab.now += milliseconds(1);
  CHECK(lab.peers.waiting() == 64);
}

TEST_CASE("A silent peer is asked one thing at a time until it answers", "[onboarding][silent]") {
  Patience lab;
  lab.fall_silent(kPeerA);
  CHECK_THROWS_AS(lab.call(kPeerA), ausf_ext::PeerUnavailable);
  CHECK(lab.peers.waiting() == 1);
  SECTION("the call fails, and another one is let through") {
    lab.calls.clear();
    CHECK(lab.peers.waiting() == 0);
    CHECK_NOTHROW(lab.call(kPeerA));
    CHECK(lab.peers.waiting() == 1);  // at once: it is known
    CHECK_THROWS_AS(lab.call(kPeerA), ausf_ext::PeerUnavailable);
  }
  SECTION("it answers, and all are let through") {
    lab.calls.back().heard();
    CHECK(lab.peers.waiting() == 0);
    for (int i = 0; i < 64; ++i) CHECK_NOTHROW(lab.call(kPeerA));
  }
  SECTION("another peer is another matter") {
    for (int i = 0; i < 64; ++i) CHECK_NOTHROW(lab.call(kPeerB));
    CHECK(lab.peers.waiting() == 1);
  }
}

TEST_CASE("A call may outlive what remembers its peer", "[onboarding][silent]") {
  std::list<SilentPeers::Call> calls;
  {
    const SilentPeers peers{milliseconds(1000)};
    calls.emplace_back(peers, kPeerA);
  }
  CHECK_NOTHROW(calls.clear());
}

TEST_CASE_METHOD(SilentLab, "An ARPF that hangs holds up no device of another ARPF", "[onboarding][silent][faults]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const std::string path = import_devices_of(hung.uri());
  wait_until_it_holds_them();
  put(make_device(kDimsi), kAsync);
  CHECK(comes_to(kDimsi, "PRELOADED"));
  const Answer of_both = to_ausf("PUT", kDevices + kSecond, offer(make_device(kSecond), {hung.uri(), arpf_uri}));
  CHECK(of_both.content()["state"] == "PRELOADED");  // nor who has another one to go to
  CHECK(hung.hanging() > 0);
  CHECK(comes_to_cause("901700000001069", "TARGET_NF_NOT_REACHABLE"));  // it is told why it waits
  hung.release();
  CHECK(wait_for_import(path, "DONE")["failed"] == kDevicesInAll);
}

TEST_CASE_METHOD(SilentLab, "A D-AUSF that hangs holds up no key", "[onboarding][silent][faults]") {
  config.d_ausf = hung.root();
  start_arpf();
  start_ausf_ext(config);
  const std::string path = import_devices_of(arpf_uri);
  CHECK(wait_until([this] { return in_state(ausf_ext::State::key_retrieved) == kDevicesInAll; }));
  CHECK(hung.hanging() > 0);
  hung.release();
  CHECK(wait_for_import(path, "DONE")["preloaded"] == kDevicesInAll);
}

TEST_CASE_METHOD(SilentLab, "An RSMF that hangs holds up no device", "[onboarding][silent][faults]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  CHECK(wait_for_import(import_devices_of(arpf_uri), "DONE")["preloaded"] == kDevicesInAll);
  ausf.reset();
  database().run("UPDATE devices SET state = 4, notify_network = '5G:mnc001.mcc001.3gppnetwork.org', attached_at = 1, due_at = 1");
  const NoHttp2 silent_rsmf("");  // takes connections, and says nothing
  config.rsmf_uri = silent_rsmf.root().origin() + "/notifications";
  start_ausf_ext(config);
  put(make_device(kDimsi), kAsync);
  CHECK(comes_to(kDimsi, "PRELOADED"));
  CHECK(count("SELECT count(*) FROM devices WHERE notify_network IS NOT NULL") == kDevicesInAll);
}
