#include <catch2/catch.hpp>

#include "lib/service/run.hpp"
#include "tests/support/fake_nrf.hpp"
#include "tests/support/temporary_folder.hpp"

using test::FakeNrf;
using Kind = FakeNrf::Kind;

namespace {

const service::Program kProgram{"nf-test", "test", "AUSF", "a function without routes"};

/// A function of two workers, an AUSF at a free port, that leaves its workers where the test finds them.
struct RunningFixture {
  RunningFixture() {
    service::Listener listener;
    listener.address = "127.0.0.1";
    listener.registration.emplace();
    listener.registration->instance.nf_type = "AUSF";
    listener.registration->instance.host = "127.0.0.1";
    listener.registration->instance.services = core::services_of_nf_type("AUSF");
    function.common.http2 = {listener};
    function.common.database = folder / "x.db";
    function.common.workers = 2;
    function.common.limits.share_port = true;
    function.common.nrf.uris = {nrf.parsed_uri()};
    function.build = [this](service::Worker& worker) -> std::shared_ptr<void> {
      workers.push_back(&worker);
      return nullptr;
    };
  }
  void start() {
    workers.clear();
    running = std::make_unique<service::Running>(kProgram, function);
  }
  std::string id() { return test::read_text(folder / "x.db.nf-instance-id").substr(0, 36); }

  test::TemporaryFolder folder;
  FakeNrf nrf;
  service::Function function;
  std::vector<service::Worker*> workers;
  std::unique_ptr<service::Running> running;
};

}  // namespace

TEST_CASE_METHOD(RunningFixture, "A function is in the core while it runs, under the same id each time", "[service][nrf]") {
  start();
  REQUIRE(FakeNrf::eventually([&] { return nrf.profile(id()).has_value(); }));
  const std::string before = id();
  CHECK((*nrf.profile(before))["nfServices"][0]["ipEndPoints"][0]["port"] == running->http2_ports().at(0));
  running.reset();
  CHECK_FALSE(nrf.profile(before));
  start();
  REQUIRE(FakeNrf::eventually([&] { return nrf.profile(before).has_value(); }));
  running.reset();
  CHECK(id() == before);
}

TEST_CASE_METHOD(RunningFixture, "Every worker finds others, and any of them is notified", "[service][nrf]") {
  nrf.publish(test::foreign_profile("a", "UDM", "nudm-ueau", 1));
  start();
  core::DiscoveryQuery query;
  query.target_nf_type = "UDM";
  query.service_name = "nudm-ueau";
  const auto count_at = [&](service::Worker& worker) {
    auto found = boost::asio::co_spawn(worker.loop, worker.nrf->discover(query), boost::asio::use_future);
    return test::get(found).size();
  };
  REQUIRE(workers.size() == 2);
  CHECK(count_at(*workers[0]) == 1);
  CHECK(count_at(*workers[1]) == 1);
  CHECK(nrf.count(Kind::discover) == 1);
  REQUIRE(FakeNrf::eventually([&] { return nrf.subscriptions().size() == 1; }));
  nrf.publish(test::foreign_profile("b", "UDM", "nudm-ueau", 2));
  CHECK(FakeNrf::eventually([&] { return count_at(*workers[1]) == 2; }));
  running.reset();
  CHECK(nrf.subscriptions().empty());
}

TEST_CASE_METHOD(RunningFixture, "A function without an NRF serves all the same", "[service][nrf]") {
  SECTION("because none is configured") { function.common.nrf.uris.clear(); }
  SECTION("because it is not there") { nrf.go_away(); }
  start();
  CHECK(running->http2_ports().at(0) != 0);
  CHECK((workers.at(0)->nrf == nullptr) == function.common.nrf.uris.empty());
  running.reset();
}

TEST_CASE_METHOD(RunningFixture, "An instance id that is none ends the program in good order", "[service][nrf]") {
  (void)folder.write("x.db.nf-instance-id", "nobody\n");
  CHECK_THROWS_WITH(start(), Catch::Contains("is no UUID"));
}
