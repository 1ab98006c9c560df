#pragma once

#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "lib/core/nrf.hpp"
#include "tests/support/fake_nrf.hpp"
#include "tests/support/patient_limits.hpp"

namespace test {

using Kind = FakeNrf::Kind;
using std::chrono::milliseconds;

inline const std::string kPeerId = "22222222-2222-4222-8222-222222222222";
inline const std::string kOtherId = "33333333-3333-4333-8333-333333333333";

/// A function's side: a loop, a client, a server for notifications, and the Nrf, which open() makes and start() registers. Its
/// seconds are short; civil time is the machine's, the time of the cache stands still until the test moves it.
struct NrfFixture {
  NrfFixture() {
    settings.uris = {nrf.parsed_uri()};
    settings.requester_type = "AUSF";
    settings.timeout = milliseconds(5000);
    settings.first_pause = milliseconds(5);
    settings.longest_pause = milliseconds(40);
    settings.second = milliseconds(20);
    settings.heartbeat_s = 2;
    settings.drain_time = milliseconds(5000);
    settings.instant = [this] { return loop_time; };
  }
  /// As a function ends: the loop first, whatever is under way on it, then what it used.
  ~NrfFixture() {
    loop.stop();
    own.reset();
    server.reset();
    client.reset();
  }

  void open() {
    loop.run([this] {
      client = std::make_unique<sbi::Client>(loop.io(), "AUSF", nullptr);
      own = std::make_unique<core::Nrf>(loop.io(), *client, settings);
      own->add_routes(router);
      server = std::make_unique<sbi::Http2Server>(loop.io(), router, test::patient_limits());
      port = server->listen("127.0.0.1", 0, nullptr);
    });
  }
  /// open(), and our AUSF registers.
  void start(bool is_notified = true) {
    if (!own) open();
    const std::string root = is_notified ? "http://127.0.0.1:" + std::to_string(port) : "";
    loop.run([&] { own->start({instance()}, root); });
  }
  void stop() { loop.await(own->stop()); }

  core::NfInstance instance() const {
    core::NfInstance out;
    out.id = kOwnId;
    out.nf_type = "AUSF";
    out.host = "127.0.0.1";
    out.port = port;
    out.services = core::services_of_nf_type("AUSF");
    return out;
  }
  bool is_registered() { return nrf.profile(kOwnId).has_value(); }

  static core::DiscoveryQuery query(const std::string& type = "AUSF", const std::string& service = "nausf-auth") {
    core::DiscoveryQuery out;
    out.target_nf_type = type;
    out.service_name = service;
    return out;
  }
  /// The ids found, separated by blanks; the cause of the error if there is one.
  std::string discover(core::DiscoveryQuery wanted = query()) {
    auto found = loop.start(own->discover(std::move(wanted)));
    return ids(found);
  }
  static std::string ids(std::future<std::vector<core::DiscoveredInstance>>& found) {
    std::string out;
    try {
      for (const auto& one : get(found)) out += (out.empty() ? "" : " ") + one.id;
    } catch (const base::Error& error) {
      return error.cause();
    }
    return out;
  }
  void pass_seconds(std::int64_t count) {
    loop.run([&] { loop_time += settings.second * count; });
  }
  std::string notification_uri() { return nrf.subscriptions().at(0)["nfStatusNotificationUri"]; }

  FakeNrf nrf;
  core::NrfSettings settings;
  std::chrono::steady_clock::time_point loop_time = std::chrono::steady_clock::now();
  Loop loop;
  sbi::Router router;
  std::unique_ptr<sbi::Client> client;
  std::unique_ptr<core::Nrf> own;
  std::unique_ptr<sbi::Http2Server> server;
  std::uint16_t port = 0;
};

inline sbi::Response json_answer(int status, std::string body) { return {status, sbi::kJson, std::move(body)}; }

}  // namespace test
