// Imports: their lines, their problems, and the counters of the database behind them.
#include "tests/scenarios/onboarding_lab.hpp"

using namespace test;
using std::chrono::milliseconds;

namespace {

/// The whole of an answer that comes in pieces.
boost::asio::awaitable<std::string> collect(sbi::Client& client, sbi::Uri uri, sbi::Request request) {
  const std::shared_ptr<sbi::BodyReader> no_body;
  const sbi::Response response = co_await client.open(uri, request, no_body, kDeadline);
  std::string out;
  while (response.stream) {
    const std::optional<std::string> piece = co_await response.stream->next();
    if (!piece) break;
    out += *piece;
  }
  co_return std::move(out);
}

std::string read_all(std::uint16_t port, const std::string& target) {
  Loop loop;
  const auto uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(port));
  std::unique_ptr<sbi::Client> client;
  loop.run([&] { client = std::make_unique<sbi::Client>(loop.io(), "TEST", nullptr); });
  std::string out = loop.await(collect(*client, uri, sbi::make_request("GET", uri, target)));
  loop.run([&] { client.reset(); });
  return out;
}

}  // namespace

TEST_CASE_METHOD(OnboardingFixture, "An import is RUNNING until each of its devices is PRELOADED or FAILED, and then DONE", "[onboarding][import]") {
  start_arpf();
  start_ausf_ext(config);
  const Party stranger = make_party(wanted_ca("PN"));
  const std::string refused = line(make_device(kThird, stranger, make_se(stranger)));
  const std::string path = import(line(make_device(kDimsi)) + "\n" + line(make_device(kSecond)) + refused);
  CHECK(comes_to(kDimsi, "KEY_RETRIEVED"));
  CHECK(comes_to(kThird, "FAILED"));
  const json running = to_ausf("GET", path).content();
  CHECK(running["state"] == "RUNNING");
  CHECK(running["preloaded"] == 0);
  CHECK(running["failed"] == 1);
  start_d_ausf();
  const json done = wait_for_import(path, "DONE");
  CHECK(done["received"] == 3);
  CHECK(done["preloaded"] == 2);
  CHECK(done["failed"] == 1);
  const auto lines = problems(path);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["line"] == 4);
  CHECK(lines[0]["dimsi"] == kThird);
  CHECK(lines[0]["cause"] == "PN_CERTIFICATE_INVALID");

  SECTION("it counts each device with its present state") {
    CHECK(retire(kDimsi).status == 204);
    CHECK(to_ausf("GET", path).content()["preloaded"] == 2);
    CHECK(put(make_device(kThird)).content()["state"] == "PRELOADED");
    const json mended = to_ausf("GET", path).content();
    CHECK(mended["preloaded"] == 3);
    CHECK(mended["failed"] == 0);
    CHECK(problems(path).empty());
  }
  SECTION("after a restart as well") {
    ausf.reset();
    start_ausf_ext(config);
    CHECK(to_ausf("GET", path).content() == done);
  }
}

TEST_CASE_METHOD(OnboardingFixture, "The same import again is DONE at once, and a device may stand in several lines", "[onboarding][import]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  const std::string lines = line(make_device(kDimsi)) + line(make_device(kSecond));
  const std::string first = import(lines);
  CHECK(wait_for_import(first, "DONE")["preloaded"] == 2);
  const Answer again = to_ausf_raw("POST", kImports, lines + lines, {{"content-type", "application/x-ndjson"}});
  CHECK(again.status == 202);
  CHECK(again.content()["state"] == "DONE");
  CHECK(again.content()["preloaded"] == 4);
  const std::string other = import(line(make_device(kDimsi)));
  CHECK(wait_for_import(other, "DONE")["failed"] == 1);
  CHECK(problems(other).at(0)["cause"] == "DEVICE_EXISTS");
}

TEST_CASE_METHOD(OnboardingFixture, "Refused lines do not stop the others, and each is named", "[onboarding][import]") {
  start_arpf();
  start_d_ausf();
  start_ausf_ext(config);
  json unknown = offer(make_device(kThird), {"http://127.0.0.1:1"});
  unknown["dimsi"] = kThird;
  const std::string path = import("{\n" + line(make_device(kDimsi)) + R"({"dimsi":"12"})" + "\n" + unknown.dump() + "\n" +
                                  R"({"dimsi":")" + kSecond + "\"}");
  const json done = wait_for_import(path, "DONE");
  CHECK(done["received"] == 5);
  CHECK(done["preloaded"] == 1);
  CHECK(done["failed"] == 4);
  std::vector<std::string> seen;
  for (const json& each : problems(path)) seen.push_back(each["line"].dump() + " " + each["cause"].get<std::string>());
  CHECK(seen == std::vector<std::string>{"1 INVALID_MSG_FORMAT", "3 MANDATORY_IE_INCORRECT", "4 MANDATORY_IE_INCORRECT",
                                         "5 MANDATORY_IE_MISSING"});
}

TEST_CASE_METHOD(OnboardingFixture, "No problem of an import is left out, however many there are", "[onboarding][import]") {
  start_ausf_ext(config);
  constexpr std::size_t kCount = 30001;
  std::string lines;
  for (std::size_t i = 0; i < kCount; ++i) lines += "x\n";
  const std::string path = import(lines);
  CHECK(to_ausf("GET", path).content()["failed"] == kCount);
  const std::string all = read_all(ausf_port, path + "/problems");
  CHECK(static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n')) == kCount);
  CHECK(json::parse(all.substr(all.rfind('\n', all.size() - 2) + 1))["line"] == kCount);
}

TEST_CASE_METHOD(OnboardingFixture, "Problems that lie far apart are all there", "[onboarding][import]") {
  start_ausf_ext(config);
  std::string lines = "x\n";
  for (int i = 0; i < 2500; ++i) lines += "\n";
  const std::string path = import(lines + "x\n");
  const auto seen = problems(path);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0]["line"] == 1);
  CHECK(seen[1]["line"] == 2502);
  CHECK(to_ausf("GET", kImports + "/00000000000000000000000000000000/problems").verdict() == "404 CONTEXT_NOT_FOUND");
}

TEST_CASE_METHOD(OnboardingFixture, "A device's state changes no more than a few lines of imports, however many have it", "[onboarding][import]") {
  config.offer_wait = milliseconds(200);
  start_d_ausf();
  start_ausf_ext(config);
  const SecureElement se = make_device(kDimsi);
  std::string lines;
  for (int i = 0; i < 17; ++i) lines += line(se);
  SECTION("while it is on its way") {  // its ARPF is silent
    const std::string path = import(lines);
    CHECK(to_ausf("GET", path).content()["failed"] == 1);
    const auto seen = problems(path);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0]["line"] == 17);
    CHECK(seen[0]["cause"] == "DEVICE_EXISTS");
    start_arpf();
    CHECK(wait_for_import(path, "DONE")["preloaded"] == 16);
    CHECK(count("SELECT count(*) FROM import_lines WHERE outcome IS NULL") == 0);
  }
  SECTION("when it has failed") {
    std::string first;
    {
      const FakePeer refusing(FakePeer::Http::v2, arpf_port, "POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key",
                              [](const sbi::Request&) { return problem(403, "CI_NOT_AGREED"); });
      first = import(line(se));
      CHECK(wait_for_import(first, "DONE")["failed"] == 1);
      const std::string more = import(lines);  // the same offer: it has failed
      CHECK(wait_for_import(more, "DONE")["failed"] == 17);
      CHECK(problems(more).size() == 17);
    }
    CHECK(count("SELECT count(*) FROM import_lines WHERE outcome IS NULL") == 2);
    start_arpf();
    put(make_device(kDimsi));
    REQUIRE(comes_to(kDimsi, "PRELOADED"));
    CHECK(to_ausf("GET", first).content()["failed"] == 1);  // settled
    CHECK(problems(first).at(0)["cause"] == "CI_NOT_AGREED");
    CHECK(count("SELECT sum(failed) FROM imports") == 16);
    CHECK(count("SELECT sum(preloaded) FROM imports") == 2);
  }
}

TEST_CASE("A database of version 3 is counted when it is brought to version 4", "[onboarding][import][pool]") {
  const TemporaryFolder folder;
  auto database = store::Database::open(folder / "old.db");
  const std::string schema = read_text(FIRST_ATTACH_SOURCE_DIR "/nf-ausf-ext/schema.sql");
  const std::size_t fourth = schema.find("-- version 4");
  REQUIRE(fourth != std::string::npos);
  store::migrate(database, schema.substr(0, fourth));
  // Device 1 is PRELOADED, 2 FAILED, 3 OFFERED, 4 RETIRED with a cleanup open; 5 was refused.
  database.script(
      "INSERT INTO devices (dimsi, state, epoch, offer_hash, expires_at) VALUES (1,2,1,x'',1), (2,6,1,x'',1), (3,0,1,x'',1), (4,5,1,x'',1);"
      "INSERT INTO imports VALUES ('a', 5, 1);"
      "INSERT INTO import_lines VALUES ('a',1,1,NULL,NULL), ('a',2,2,NULL,NULL), ('a',3,3,NULL,NULL), ('a',4,4,NULL,NULL), ('a',5,5,'X','y');"
      "INSERT INTO cleanups VALUES (4, 0, '');"
      "INSERT INTO imsis VALUES (101, 1, NULL), (104, 4, 50), (105, 4, 70), (106, 9, 60);");
  store::migrate(database, schema);
  const auto number = [&database](const char* sql) {
    auto rows = database.query(sql);
    return rows.next() ? rows.integer(0) : -1;
  };
  CHECK(number("SELECT preloaded FROM imports") == 2);
  CHECK(number("SELECT failed FROM imports") == 2);
  CHECK(number("SELECT count(*) FROM import_lines WHERE outcome = 1") == 2);
  CHECK(number("SELECT count(*) FROM import_lines WHERE outcome = 2") == 1);
  CHECK(number("SELECT count(*) FROM import_lines WHERE outcome IS NULL AND dimsi IN (2, 3)") == 2);
  CHECK(number("SELECT imsi FROM cleanups") == 105);  // given up last
  CHECK(number("SELECT free_at = 9223372036854775807 FROM imsis WHERE imsi = 105") == 1);
  CHECK(number("SELECT count(*) FROM imsis WHERE free_at IN (50, 60)") == 2);
}

TEST_CASE("IMSIs of a pool that others had are passed over once, at a start, and not with each device", "[onboarding][pool]") {
  const TemporaryFolder folder;
  auto database = store::Database::open(folder / "pools.db");
  store::migrate(database, read_text(FIRST_ATTACH_SOURCE_DIR "/nf-ausf-ext/schema.sql"));
  const auto imsi = [](int last) { return profile::Imsi::from_digits("00101000000" + std::to_string(1000 + last)).value(); };
  const auto pool = [&imsi](int from, int to) { return ausf_ext::ImsiPool{{"001", "01"}, imsi(from), imsi(to)}; };
  const std::vector<ausf_ext::ImsiPool> former{pool(1, 5)};
  ausf_ext::count_pools(database, former);
  const auto dimsi = profile::DiscoveryImsi::from_digits("901700000000001").value();
  const auto allocate = [&](const std::vector<ausf_ext::ImsiPool>& pools) -> std::string {
    const auto out = ausf_ext::allocate_imsi(database, pools, dimsi);
    return out ? out->imsi.digits() : "none";
  };
  const auto next = [&database](const ausf_ext::ImsiPool& of) {
    auto rows = database.query("SELECT next FROM pools WHERE first = $1", of.from.packed());
    REQUIRE(rows.next());
    return rows.number(0);
  };
  for (int i = 1; i <= 3; ++i) REQUIRE(allocate(former) == imsi(i).digits());
  SECTION("some of them are fresh") {
    const std::vector<ausf_ext::ImsiPool> narrowed{pool(2, 5)};
    ausf_ext::count_pools(database, narrowed);
    CHECK(next(narrowed[0]) == imsi(4).value());
    CHECK(allocate(narrowed) == imsi(4).digits());
  }
  SECTION("none is, but one is free again") {
    const std::vector<ausf_ext::ImsiPool> narrowed{pool(2, 3)};
    ausf_ext::count_pools(database, narrowed);
    CHECK(next(narrowed[0]) == imsi(3).value() + 1);
    CHECK(allocate(narrowed) == "none");
    ausf_ext::hold_imsi(database, imsi(2));
    ausf_ext::rest_imsi(database, imsi(2), base::from_unix_ms(1));
    ausf_ext::free_rested(database, base::from_unix_ms(2), 10);
    CHECK(allocate(narrowed) == imsi(2).digits());
  }
  SECTION("and of one that grew, what it grew by is") {
    REQUIRE(allocate(former) == imsi(4).digits());
    REQUIRE(allocate(former) == imsi(5).digits());
    const std::vector<ausf_ext::ImsiPool> wider{pool(1, 6)};
    ausf_ext::count_pools(database, wider);
    CHECK(next(wider[0]) == imsi(6).value());
    CHECK(allocate(wider) == imsi(6).digits());
  }
}

TEST_CASE("Reads of a database do not grow with its tables", "[onboarding][import][pool]") {
  const TemporaryFolder folder;
  auto database = store::Database::open(folder / "plans.db");
  store::migrate(database, read_text(FIRST_ATTACH_SOURCE_DIR "/nf-ausf-ext/schema.sql"));
  const auto plan = [&database](const std::string& sql) {
    std::string out;
    auto rows = database.query("EXPLAIN QUERY PLAN " + sql);
    while (rows.next()) out += rows.text(3) + "\n";
    return out;
  };
  CHECK_THAT(plan("SELECT dimsi FROM devices WHERE dimsi > $1 AND state = $3 ORDER BY dimsi LIMIT $2"),
             Catch::Contains("INDEX devices_state (state=? AND rowid>?)"));
  CHECK_THAT(plan("SELECT dimsi FROM devices WHERE dimsi > $1 AND offered_by = $3 AND state = $4 ORDER BY dimsi LIMIT $2"),
             Catch::Contains("INDEX devices_offered_state (offered_by=? AND state=? AND rowid>?)") && !Catch::Contains("TEMP B-TREE"));
  CHECK_THAT(plan("SELECT dimsi, due_at FROM devices WHERE due_at <= $1 AND (due_at, dimsi) > ($2, $3) ORDER BY due_at, dimsi LIMIT $4"),
             Catch::Contains("INDEX devices_due") && !Catch::Contains("TEMP B-TREE"));
  CHECK_THAT(plan("SELECT imsi FROM imsis WHERE free_at = 0 AND imsi BETWEEN $1 AND $2 ORDER BY imsi LIMIT 1"),
             Catch::Contains("INDEX imsis_resting (free_at=? AND rowid>? AND rowid<?)"));
  CHECK_THAT(plan("SELECT import_id, count(*) FROM import_lines WHERE dimsi = $1 AND outcome IS NULL GROUP BY import_id"),
             Catch::Contains("INDEX import_lines_dimsi (dimsi=?)") && !Catch::Contains("TEMP B-TREE"));
}
