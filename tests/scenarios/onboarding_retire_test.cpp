// Retiring and expiry: the key is wiped, vector and token are gone at the peers before the IMSI is free again.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "nf-ausf-ext/imsi_pools.hpp"
#include "nf-ausf-ext/onboarding.hpp"
#include "nf-ausf-ext/retire.hpp"
#include "tests/scenarios/onboarding_lab.hpp"

using namespace test;
using std::chrono::milliseconds;

TEST_CASE_METHOD(OnboardingFixture, "A retired device's key is wiped from its row", "[onboarding][retire]") {
  start_all();
  CHECK(put(make_device(kDimsi)).content()["state"] == "PRELOADED");
  CHECK(count("SELECT length(ephemeral_key) FROM devices") > 16);
  CHECK(retire(kDimsi).status == 204);
  CHECK(count("SELECT count(*) FROM devices WHERE ephemeral_key IS NULL AND imsi IS NULL") == 1);
}

TEST_CASE_METHOD(OnboardingFixture, "An IMSI is nobody else's while the D-AUSF may serve a vector with it", "[onboarding][pool]") {
  one_imsi_only();
  config.quarantine = std::chrono::seconds(0);
  config.offer_wait = milliseconds(200);
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  put(make_device(kDimsi));
  REQUIRE(comes_to(kDimsi, "PRELOADED"));
  d_ausf.reset();
  CHECK(retire(kDimsi).status == 204);
  put(make_device(kSecond), kAsync);
  CHECK(comes_to_cause(kSecond, "IMSI_POOL_EXHAUSTED"));
  CHECK(comes_to_cause(kDimsi, "TARGET_NF_NOT_REACHABLE"));
  CHECK(get(kSecond)["state"] == "OFFERED");
  CHECK(pool()["quarantined"] == 1);
  CHECK(pool()["free"] == 0);
  start_d_ausf();
  CHECK(comes_to(kSecond, "PRELOADED"));
  CHECK(to_d_ausf("GET", "/ndausf-vectors/v1/vectors/" + kDimsi).verdict() == "404 USER_NOT_FOUND");
  CHECK(pool()["allocated"] == 1);
}

TEST_CASE_METHOD(OnboardingFixture, "A vector that comes to the D-AUSF when its device has given up the IMSI is seen to", "[onboarding][pool]") {
  std::atomic<int> puts = 0;
  std::atomic<int> deletions = 0;
  std::atomic<bool> may_delete = false;
  const auto dimsi = profile::DiscoveryImsi::from_digits(kDimsi).value();
  // While the first vector is on its way, another instance retires the device, is told that there is no vector, and has its IMSI rest.
  const auto retire_elsewhere = [&] {
    auto there = database();
    there.run("BEGIN IMMEDIATE");
    ausf_ext::retire(there, dimsi, base::system_now());
    const auto left = ausf_ext::find_cleanups(there, dimsi).front();
    REQUIRE(left.kind == ausf_ext::Cleanup::Kind::vector);
    ausf_ext::remove_cleanup(there, dimsi, left);
    ausf_ext::rest_imsi(there, left.imsi.value(), base::system_now() + std::chrono::hours(1));
    there.run("COMMIT");
  };
  const FakePeer peer(FakePeer::Http::v2, d_ausf_port, "*", "/ndausf-vectors/v1/vectors/{dimsi}", [&](const sbi::Request& request) {
    if (request.method == "PUT") {
      if (++puts == 1) retire_elsewhere();
      return stored_answer();
    }
    ++deletions;
    return may_delete ? sbi::Response(204) : problem(503, "NF_CONGESTION");
  });
  one_imsi_only();
  config.quarantine = std::chrono::seconds(0);
  config.offer_wait = milliseconds(200);
  start_arpf();
  start_ausf_ext(config);
  const SecureElement first = make_device(kDimsi);
  put(first);
  REQUIRE(wait_until([&] { return deletions > 0; }));
  CHECK(get(kDimsi)["state"] == "RETIRED");
  CHECK(count("SELECT count(*) FROM imsis WHERE free_at = 9223372036854775807") == 1);  // held until it is deleted
  may_delete = true;
  CHECK(wait_until([this] { return count("SELECT count(*) FROM cleanups WHERE kind = 0") == 0; }));
  put(make_device(kSecond));
  CHECK(comes_to(kSecond, "PRELOADED"));  // and then it is another device's
}

TEST_CASE_METHOD(OnboardingFixture, "A late vector of an earlier lifetime gives way to that of the present one", "[onboarding][pool]") {
  std::atomic<int> puts = 0;
  const auto dimsi = profile::DiscoveryImsi::from_digits(kDimsi).value();
  std::string served;  // the IMSI's vector that the D-AUSF has: the peer answers one request at a time
  // While the first vector is on its way, another instance gives the device another IMSI, and its vector is there first.
  const auto go_on_elsewhere = [&] {
    auto there = database();
    there.run("BEGIN IMMEDIATE");
    auto device = ausf_ext::find_device(there, dimsi).value();
    ausf_ext::begin_epoch(there, device);
    ausf_ext::hold_imsi(there, device.imsi.value());
    device.imsi = ausf_ext::allocate_imsi(there, config.pools, dimsi).value().imsi;
    device.state = ausf_ext::State::preloaded;
    ausf_ext::update_device(there, device, base::system_now());
    there.run("COMMIT");
  };
  const FakePeer peer(FakePeer::Http::v2, d_ausf_port, "PUT", "/ndausf-vectors/v1/vectors/{dimsi}", [&](const sbi::Request& request) {
    if (++puts == 1) go_on_elsewhere();
    served = json::parse(request.body)["imsi"];
    return stored_answer();
  });
  start_arpf();
  start_ausf_ext(config);
  put(make_device(kDimsi));
  REQUIRE(wait_until([&] { return puts == 2; }));
  CHECK(comes_to(kDimsi, "PRELOADED"));
  CHECK(get(kDimsi)["imsi"] == served);
  CHECK(puts == 2);
}

TEST_CASE_METHOD(OnboardingFixture, "An IMSI rests in quarantine, and is free after it", "[onboarding][pool]") {
  one_imsi_only();
  start_arpf();
  start_d_ausf();
  SECTION("while the quarantine lasts, nobody gets it") {
    config.quarantine = std::chrono::seconds(86400);
    start_ausf_ext(config);
    put(make_device(kDimsi));
    CHECK(pool()["allocated"] == 1);
    CHECK(retire(kDimsi).status == 204);
    CHECK(loses_problem(kDimsi));
    CHECK(count("SELECT count(*) FROM cleanups") == 0);
    put(make_device(kSecond));
    CHECK(comes_to_cause(kSecond, "IMSI_POOL_EXHAUSTED"));
    CHECK(pool()["quarantined"] == 1);
    SECTION("and once it is over, somebody does") {
      database().run("UPDATE imsis SET free_at = 1");
      CHECK(comes_to(kSecond, "PRELOADED"));
      CHECK(pool()["quarantined"] == 0);
      CHECK(pool()["allocated"] == 1);
    }
  }
  SECTION("a short one is over by itself") {
    config.quarantine = std::chrono::seconds(1);
    start_ausf_ext(config);
    put(make_device(kDimsi));
    CHECK(retire(kDimsi).status == 204);
    put(make_device(kSecond));
    CHECK(comes_to(kSecond, "PRELOADED"));
  }
}

TEST_CASE_METHOD(OnboardingFixture, "The use of a pool is counted at a start that changes the pool", "[onboarding][pool]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  for (const auto& dimsi : {kDimsi, kSecond, kThird}) put(make_device(dimsi));
  CHECK(retire(kSecond).status == 204);
  const json before = pool();
  CHECK(before["allocated"] == 2);
  CHECK(before["quarantined"] == 1);
  ausf.reset();
  config.pools.front().to = *profile::Imsi::from_digits("001010000000002");
  start_ausf_ext(config);
  CHECK(pool()["allocated"] == 1);
  CHECK(pool()["quarantined"] == 1);
  CHECK(pool()["free"] == 0);
}

TEST_CASE_METHOD(OnboardingFixture, "A vector that the D-AUSF refuses to delete is tried again until it is gone", "[onboarding][retire]") {
  std::atomic<int> status = GENERATE(400, 401, 403, 405, 410);
  std::string cause = "NOT_OWNER";
  SECTION("whatever the refusal") {}
  SECTION("or where the D-AUSF does not know the path") {
    status = 404;
    cause = "RESOURCE_URI_STRUCTURE_NOT_FOUND";
  }
  const FakePeer peer(FakePeer::Http::v2, d_ausf_port, "*", "/ndausf-vectors/v1/vectors/{dimsi}", [&](const sbi::Request& request) {
    if (request.method == "PUT") return stored_answer();
    return status >= 400 ? problem(status, cause) : sbi::Response(status);
  });
  start_arpf();
  config.offer_wait = milliseconds(200);
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  put(se);
  REQUIRE(comes_to(kDimsi, "PRELOADED"));
  CHECK(retire(kDimsi).status == 204);
  CHECK(comes_to_cause(kDimsi, cause));
  CHECK(get(kDimsi)["state"] == "RETIRED");
  CHECK(get(kDimsi)["problem"]["status"] == status.load());
  CHECK(count("SELECT count(*) FROM cleanups WHERE kind = 0") == 1);
  CHECK(retrieve(se, key_request(se)).verdict() == "403 TOKEN_SPENT");  // the other task does not wait for it
  status = 204;
  CHECK(loses_problem(kDimsi));
  CHECK(count("SELECT count(*) FROM cleanups") == 0);
}

TEST_CASE_METHOD(OnboardingFixture, "A vector that the D-AUSF does not have is gone", "[onboarding][retire]") {
  start_all();
  put(make_device(kDimsi));
  CHECK(to_d_ausf("DELETE", "/ndausf-vectors/v1/vectors/" + kDimsi).status == 204);
  CHECK(retire(kDimsi).status == 204);
  CHECK(loses_problem(kDimsi));
  CHECK(wait_until([this] { return count("SELECT count(*) FROM cleanups") == 0; }));
}

TEST_CASE_METHOD(OnboardingFixture, "A token is not spent before the ARPF says so", "[onboarding][retire]") {
  config.offer_wait = milliseconds(500);
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  put(se);
  REQUIRE(comes_to(kDimsi, "PRELOADED"));
  SECTION("an ARPF that refuses is asked again") {
    arpf.reset();
    {
      const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/claims/{dimsi}/retire",
                          [](const sbi::Request&) { return problem(403, "NOT_OWNER"); });
      CHECK(retire(kDimsi).status == 204);
      CHECK(comes_to_cause(kDimsi, "NOT_OWNER"));
    }
    start_arpf();
  }
  SECTION("an ARPF that left the configuration is asked when it is back") {
    ausf.reset();
    auto without = config;
    without.arpfs = {{"http://127.0.0.1:1", ci.certificate}};
    start_ausf_ext(without);
    CHECK(retire(kDimsi).status == 204);
    CHECK(comes_to_cause(kDimsi, "AUTHENTICATION_REJECTED"));
    CHECK(retrieve(se, key_request(se)).status == 200);
    ausf.reset();
    start_ausf_ext(config);
  }
  CHECK(loses_problem(kDimsi));
  CHECK(retrieve(se, key_request(se)).verdict() == "403 TOKEN_SPENT");
}

TEST_CASE_METHOD(OnboardingFixture, "Where another operator has the claim and no key ever came, there is no token to spend",
                 "[onboarding][retire]") {
  const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/{all...}", [](const sbi::Request& request) {
    return request.target.ends_with("/retire") ? problem(403, "NOT_OWNER") : problem(409, "DEVICE_CLAIMED");
  });
  start_ausf_ext(config);
  CHECK(put(make_device(kDimsi)).content()["problem"]["cause"] == "DEVICE_CLAIMED");
  CHECK(retire(kDimsi).status == 204);
  CHECK(loses_problem(kDimsi));
  CHECK(count("SELECT count(*) FROM cleanups") == 0);
}

TEST_CASE_METHOD(OnboardingFixture, "A device that is never retired expires in the same way", "[onboarding][expiry]") {
  config.device_lifetime = std::chrono::seconds(1);
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  put(se);
  CHECK(comes_to(kDimsi, "RETIRED"));
  CHECK(loses_problem(kDimsi));
  CHECK(wait_until([this] { return count("SELECT count(*) FROM cleanups") == 0; }));
  CHECK(count("SELECT count(*) FROM devices WHERE ephemeral_key IS NULL AND imsi IS NULL") == 1);
  CHECK(to_d_ausf("GET", "/ndausf-vectors/v1/vectors/" + kDimsi).verdict() == "404 USER_NOT_FOUND");
  CHECK(retrieve(se, key_request(se)).verdict() == "403 TOKEN_SPENT");
}

TEST_CASE_METHOD(OnboardingFixture, "A lifetime that is over ends the offer whose it was, and not one that came meanwhile", "[onboarding][expiry]") {
  const bool is_replaced = GENERATE(false, true);
  start_ausf_ext(config);  // makes the database
  ausf.reset();
  const auto dimsi = *profile::DiscoveryImsi::from_digits(kDimsi);
  const ausf_ext::Offer offered{dimsi, {}, {}};
  const base::Time now = base::system_now();
  boost::asio::io_context loop{1};
  sbi::Client client(loop, "AUSF", nullptr);
  web::HttpClient to_rsmf(web::TlsFiles{});
  store::Database reader = store::Database::open(folder / "ausf-ext.db", store::Database::Mode::read_only);
  store::Committer committer(database());
  const ausf_ext::SilentPeers silent(config.silent_after);
  ausf_ext::FetchEphemeralKey fetch(config, client, silent, base::system_now);
  ausf_ext::PreloadVector preload(config, client, silent);
  const ausf_ext::KeyBox keys(config.key_encryption_key);
  ausf_ext::Onboarding onboarding(loop, {config, reader, committer, fetch, preload, silent, to_rsmf, keys, base::system_now});
  const store::Committer::Work<void> offer_that_ended = [&](store::Database& where) {
    ausf_ext::put_offer(where, offered, std::nullopt, now - std::chrono::hours(2), now - std::chrono::hours(1));
  };
  committer.write_and_wait(offer_that_ended);

  std::promise<void> reached;
  std::promise<void> released;
  auto is_held = reached.get_future();
  committer.write_later([&reached, goes_on = released.get_future().share()](store::Database&) {
    reached.set_value();
    goes_on.wait_for(kDeadline);
  });
  test::get(is_held);  // from here on what is written waits, in its order
  if (is_replaced) {
    committer.write_later([&](store::Database& where) {
      ausf_ext::put_offer(where, offered, ausf_ext::find_device(where, dimsi), now, now + std::chrono::hours(1));
    });
  }
  auto settled = boost::asio::co_spawn(loop, onboarding.settle(dimsi, kDeadline), boost::asio::use_future);
  loop.poll();  // it looks at the offer that ended, and asks for its end
  released.set_value();
  loop.restart();
  loop.run_for(kDeadline);
  REQUIRE(settled.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
  CHECK(settled.get());
  const ausf_ext::Device device = ausf_ext::find_device(reader, dimsi).value();
  CHECK(device.state == (is_replaced ? ausf_ext::State::offered : ausf_ext::State::retired));
  const base::Time end = is_replaced ? now + std::chrono::hours(1) : now - std::chrono::hours(1);
  CHECK(base::to_unix_ms(device.expires_at) == base::to_unix_ms(end));
}
