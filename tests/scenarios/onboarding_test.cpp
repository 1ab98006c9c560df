// From an offer to PRELOADED: what peers said of it, which ARPF is asked, and who is worked on.
#include "tests/scenarios/onboarding_lab.hpp"

using namespace test;
using std::chrono::milliseconds;

// --- What a peer said ---------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "What a peer says in any script is cut between characters, and can be read wherever it is shown",
                 "[onboarding][problem]") {
  std::string detail(static_cast<std::size_t>(GENERATE(0, 1, 2)), 'x');
  for (int i = 0; i < 200; ++i) detail += "\u20ac";  // three octets
  const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key",
                      [&](const sbi::Request&) { return problem(403, "\u00c4\u00c4", detail); });
  start_ausf_ext(config);
  const Answer answer = put(make_device(kDimsi));
  REQUIRE(answer.status == 201);
  const std::string shown = answer.content()["problem"]["detail"];
  CHECK(shown.ends_with("\u20ac"));
  CHECK(shown.size() < detail.size());
  CHECK_FALSE(answer.content()["problem"].contains("cause"));  // what is no cause is not handed on as one
  CHECK(get(kDimsi)["problem"]["detail"] == shown);
  CHECK(to_ausf("GET", "/nausfext-onboarding/v1/devices?state=FAILED").content()["devices"][0]["problem"]["detail"] == shown);
  const std::string path = import(line(make_device(kSecond)));
  CHECK(wait_for_import(path, "DONE")["failed"] == 1);
  CHECK(problems(path).at(0)["detail"] == shown);
}

TEST_CASE_METHOD(OnboardingFixture, "A text in the database that is no UTF-8 keeps nobody from reading", "[onboarding][problem]") {
  const FakePeer peer(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key",
                      [&](const sbi::Request&) { return problem(403, "CI_NOT_AGREED"); });
  start_ausf_ext(config);
  const std::string path = import(line(make_device(kDimsi)));
  CHECK(wait_for_import(path, "DONE")["failed"] == 1);
  database().run("UPDATE devices SET problem_detail = CAST(x'61c3' AS TEXT)");
  const std::string replaced = "a\ufffd";
  CHECK(get(kDimsi)["problem"]["detail"] == replaced);
  CHECK(to_ausf("GET", "/nausfext-onboarding/v1/devices").content()["devices"][0]["problem"]["detail"] == replaced);
  CHECK(problems(path).at(0)["detail"] == replaced);
}

// --- Offers -------------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "What a D-AUSF's operator can mend is waited for, what the vector brings is not", "[onboarding][preload]") {
  std::atomic<int> status = GENERATE(400, 401, 403, 404, 405, 409, 412, 415);
  const FakePeer peer(FakePeer::Http::v2, d_ausf_port, "PUT", "/ndausf-vectors/v1/vectors/{dimsi}", [&](const sbi::Request&) {
    return status >= 400 ? problem(status, "NOT_OWNER") : stored_answer();
  });
  start_arpf();
  start_ausf_ext(config);
  const Answer answer = put(make_device(kDimsi));
  const bool is_final = status == 400 || status == 409 || status == 412;
  CHECK(answer.status == (is_final ? 201 : 202));
  CHECK(answer.content()["state"] == (is_final ? "FAILED" : "KEY_RETRIEVED"));
  CHECK(answer.content()["problem"]["status"] == status.load());
  CHECK(answer.content()["problem"]["cause"] == "NOT_OWNER");
  if (is_final) return;
  status = 201;
  CHECK(comes_to(kDimsi, "PRELOADED"));
}

TEST_CASE_METHOD(OnboardingFixture, "Several ARPFs are asked in the order of the offer", "[onboarding][step-0e]") {
  const std::uint16_t other_port = free_port();
  const std::string other = "http://127.0.0.1:" + std::to_string(other_port);
  config.arpfs.push_back({other, ci.certificate});
  const SecureElement se = make_device(kDimsi);
  std::atomic<int> asked = 0;
  const auto refuse = [&asked](const sbi::Request&) {
    ++asked;
    return problem(403, "TOKEN_INVALID");
  };
  const auto offer_to = [&](const std::vector<std::string>& uris) { return to_ausf("PUT", kDevices + kDimsi, offer(se, uris)); };
  const char* retrieve_key = "/narpf-keys/v1/devices/{dimsi}/retrieve-key";

  SECTION("the next one after a refusal") {
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    const Answer answer = offer_to({other, arpf_uri});
    CHECK(asked == 1);
    CHECK(answer.content()["state"] == "PRELOADED");
    CHECK(answer.content()["arpf"] == arpf_uri);
  }
  SECTION("none after a key arrived") {
    start_arpf();
    start_d_ausf();
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    CHECK(offer_to({arpf_uri, other}).content()["arpf"] == arpf_uri);
    CHECK(asked == 0);
  }
  SECTION("FAILED after the last refusal, with its problem") {
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    const FakePeer first(FakePeer::Http::v2, arpf_port, "POST", retrieve_key, [&asked](const sbi::Request&) {
      return problem(403, asked == 0 ? "CI_NOT_AGREED" : "ASKED_TOO_LATE");
    });
    const Answer answer = offer_to({arpf_uri, other});
    CHECK(answer.content()["state"] == "FAILED");
    CHECK(answer.content()["problem"]["cause"] == "TOKEN_INVALID");
    CHECK(asked == 1);
    const Answer reversed = to_ausf("PUT", kDevices + kSecond, offer(make_device(kSecond), {other, arpf_uri}));
    CHECK(reversed.content()["problem"]["cause"] == "ASKED_TOO_LATE");
    CHECK(asked == 2);
  }
  SECTION("a silent one among refusing ones is waited for") {
    start_d_ausf();
    start_ausf_ext(config);
    const FakePeer refusing(FakePeer::Http::v2, other_port, "POST", retrieve_key, refuse);
    const Answer answer = offer_to({arpf_uri, other});
    CHECK(answer.status == 202);
    CHECK(answer.content()["problem"]["cause"] == "TARGET_NF_NOT_REACHABLE");
    CHECK(asked >= 1);
    start_arpf();
    CHECK(comes_to(kDimsi, "PRELOADED"));
  }
}

TEST_CASE_METHOD(OnboardingFixture, "An offer stays the same when an ARPF of it enters or leaves the configuration", "[onboarding][offer]") {
  const std::string other = "http://127.0.0.1:" + std::to_string(free_port());
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  const json both = offer(se, {arpf_uri, other});
  CHECK(to_ausf("PUT", kDevices + kDimsi, both).content()["state"] == "PRELOADED");
  CHECK(to_ausf("PUT", kDevices + kDimsi, both).status == 200);
  CHECK(to_ausf("PUT", kDevices + kDimsi, offer(se)).verdict() == "409 DEVICE_EXISTS");
  ausf.reset();
  config.arpfs.push_back({other, ci.certificate});
  start_ausf_ext(config);
  CHECK(to_ausf("PUT", kDevices + kDimsi, both).status == 200);
  CHECK(to_ausf("PUT", kDevices + kDimsi, offer(se)).verdict() == "409 DEVICE_EXISTS");
}

TEST_CASE_METHOD(OnboardingFixture, "An offer of ARPFs that are not configured is refused, and none of them is called", "[onboarding][offer]") {
  const std::uint16_t other_port = free_port();
  const std::string other = "http://127.0.0.1:" + std::to_string(other_port);
  std::atomic<int> asked = 0;
  const FakePeer stranger(FakePeer::Http::v2, other_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key", [&asked](const sbi::Request&) {
    ++asked;
    return problem(403, "TOKEN_INVALID");
  });
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  for (const auto& uris : {std::vector<std::string>{other}, std::vector<std::string>{other, arpf_uri + "/narpf"}}) {
    const Answer refused = to_ausf("PUT", kDevices + kDimsi, offer(se, uris));
    CHECK(refused.verdict() == "400 MANDATORY_IE_INCORRECT");
    CHECK(refused.params() == std::vector<std::string>{"/arpfs"});
    CHECK(to_ausf("GET", kDevices + kDimsi).status == 404);  // and there is no device of it
  }
  json imported = offer(se, {other});
  imported["dimsi"] = kDimsi;
  const std::string path = import(imported.dump() + "\n");
  CHECK(wait_for_import(path, "DONE")["failed"] == 1);
  CHECK(problems(path).at(0)["cause"] == "MANDATORY_IE_INCORRECT");
  // With one that is configured beside it the offer is taken, and the stranger is passed over.
  const Answer taken = to_ausf("PUT", kDevices + kDimsi, offer(se, {other, arpf_uri}));
  CHECK(taken.content()["state"] == "PRELOADED");
  CHECK(taken.content()["arpf"] == arpf_uri);
  CHECK(asked == 0);
}

TEST_CASE_METHOD(OnboardingFixture, "Location names the device, without the query of the request", "[onboarding][offer]") {
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  const std::string where = "http://127.0.0.1:" + std::to_string(ausf_port) + kDevices + kDimsi;
  CHECK(to_ausf("PUT", kDevices + kDimsi + "?from=here", offer(se), kAsync).header("location") == where);
}

TEST_CASE_METHOD(OnboardingFixture, "An offer that prefers an answer at once gets it, however that is written", "[onboarding][offer]") {
  GatedArpf gate(arpf_port);
  const SecureElement se = make_device(kDimsi);
  HeaderList headers;
  SECTION("preferred") {
    SECTION("plainly") { headers = {{"prefer", "respond-async"}}; }
    SECTION("in capitals") { headers = {{"prefer", "Respond-Async"}}; }
    SECTION("among others") { headers = {{"prefer", "wait=10 , RESPOND-ASYNC;foo=\"bar\", return=minimal"}}; }
    SECTION("in a second field") { headers = {{"prefer", "return=minimal"}, {"prefer", "respond-async"}}; }
    config.offer_wait = std::chrono::seconds(3600);  // the answer would never come
    start_ausf_ext(config);
    const Answer answer = put(se, headers);
    CHECK(answer.status == 202);
    CHECK(answer.content()["state"] == "OFFERED");
    gate.let_go();
    CHECK(comes_to(kDimsi, "FAILED"));
  }
  SECTION("not preferred") {
    SECTION("at all") {}
    SECTION("another one that begins alike") { headers = {{"prefer", "respond-asynchronously"}}; }
    SECTION("another one that ends alike") { headers = {{"prefer", "never-respond-async"}}; }
    SECTION("as a value") { headers = {{"prefer", "wait=respond-async"}}; }
    gate.let_go();
    start_ausf_ext(config);
    CHECK(put(se, headers).status == 201);
  }
}

// --- Who is worked on ---------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(OnboardingFixture, "No more devices than max_in_flight are worked on at once, and the others have their turn",
                 "[onboarding][in-flight]") {
  const auto limit = static_cast<std::size_t>(GENERATE(1, 2, 3));
  config.max_in_flight = limit;
  config.offer_wait = milliseconds(100);
  GatedArpf gate(arpf_port);
  start_ausf_ext(config);
  std::vector<std::string> dimsis;
  for (std::size_t i = 0; i < limit; ++i) {
    dimsis.push_back("90170000000000" + std::to_string(i));
    CHECK(put(make_device(dimsis.back()), kAsync).status == 202);
    CHECK(wait_until([&] { return gate.inside() == i + 1; }));  // one below, and at the limit
  }
  SECTION("an offer") {
    const Answer above = put(make_device("901700000000009"));
    CHECK(above.status == 202);
    CHECK(above.content()["state"] == "OFFERED");
    CHECK_FALSE(above.content().contains("problem"));
    dimsis.push_back("901700000000009");
  }
  SECTION("the same again, woken") { CHECK(retire(dimsis.front()).status == 204); }
  CHECK(gate.inside() == limit);
  gate.let_go();
  for (const auto& dimsi : dimsis) {
    const auto is_over = [](const json& device) { return device["state"] == "FAILED" || device["state"] == "RETIRED"; };
    CHECK(is_over(wait_for(dimsi, is_over)));
  }
  CHECK(gate.most() == limit);
}

TEST_CASE_METHOD(OnboardingFixture, "An offer that waits for room is answered when its device rests", "[onboarding][in-flight]") {
  config.max_in_flight = 1;
  GatedArpf gate(arpf_port);
  start_ausf_ext(config);
  CHECK(put(make_device(kDimsi), kAsync).status == 202);
  CHECK(wait_until([&] { return gate.inside() == 1; }));
  std::thread later([&] {
    wait_until([&] { return count("SELECT count(*) FROM devices") == 2; });
    gate.let_go();
  });
  const Answer answer = put(make_device(kSecond));
  later.join();
  CHECK(answer.status == 201);
  CHECK(answer.content()["state"] == "FAILED");
  CHECK(gate.most() == 1);
}

TEST_CASE_METHOD(OnboardingFixture, "Devices that cannot be worked on keep no others from their turn", "[onboarding][fault]") {
  start_arpf();
  config.max_in_flight = 2;
  start_ausf_ext(config);
  for (const auto& dimsi : {kDimsi, kSecond}) {
    put(make_device(dimsi), kAsync);
    CHECK(comes_to(dimsi, "KEY_RETRIEVED"));
  }
  ausf.reset();
  start_d_ausf();
  database().run("UPDATE devices SET ephemeral_key = x'00', due_at = 1, attempts = 0, problem_status = NULL");
  start_ausf_ext(config);
  for (const auto& dimsi : {kDimsi, kSecond}) CHECK(comes_to_cause(dimsi, "SYSTEM_FAILURE"));
  CHECK(get(kDimsi)["problem"]["status"] == 500);
  CHECK(count("SELECT count(*) FROM devices WHERE due_at > 1 AND attempts > 0") == 2);
  const std::string path = import(line(make_device(kThird)));
  CHECK(wait_for_import(path, "DONE")["preloaded"] == 1);
  CHECK(retire(kDimsi).status == 204);  // which needs no key
  CHECK(loses_problem(kDimsi));
}

TEST_CASE_METHOD(OnboardingFixture, "A function does not start with another key-encryption key than its database's", "[onboarding][fault]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  put(make_device(kDimsi));
  ausf.reset();
  SECTION("as it is now") {}
  SECTION("nor with a database of an earlier version") { database().run("DELETE FROM secrets WHERE name = 'key-encryption-key'"); }
  SECTION("nor if no device has a key") { database().run("UPDATE devices SET ephemeral_key = NULL"); }
  auto wrong = config;
  wrong.key_encryption_key = std::make_shared<const crypto::KeyEncryptionKey>(crypto::random_octets<32>());
  CHECK_THROWS_WITH(start_ausf_ext(wrong), Catch::Contains("key_encryption_key"));
  CHECK_NOTHROW(start_ausf_ext(config));
  CHECK(get(kDimsi)["state"] == "PRELOADED");
}
