#include <catch2/catch.hpp>

#include "nf-d-ausf/accept_vector.hpp"
#include "nf-d-ausf/config.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/read_yaml.hpp"

/// Who may preload which dIMSIs, and where receipts may be sent (YAML: d_ausf.owners).

using namespace test;
using d_ausf::Owner;

namespace {

/// `more` behind what a function cannot do without.
ReadConfig<d_ausf::Config> read_d_ausf(const std::string& more) {
  const std::string text = "d_ausf:\n  database: x.db\n  sbi: {server: [{address: 127.0.0.1}]}\n" + more;
  return read_yaml(text, d_ausf::read_config, "d.yaml");
}

constexpr const char* kTwoOwners =
    "  owners:\n"
    "    - peer: one.example\n"
    "      notification_origin: https://one.example:7777\n"
    "      dimsi_ranges: [{from: \"901700000000000\", to: \"901700000000999\"}, {from: \"90170000\", to: \"90170009\"}]\n"
    "    - {peer: two.example, dimsi_ranges: [{from: \"901700000000500\", to: \"901700000001999\"}]}\n"
    "    - {peer: all.example, notification_origin: \"http://10.0.0.1\", all_dimsis: true}\n";

/// Their origins are beyond loopback, one of them in clear: what the client needs for that.
ReadConfig<d_ausf::Config> read_two_owners() {
  const TemporaryFolder folder;
  const std::string ca = folder.write("ca.pem", make_party(wanted_ca("CA")).certificate.pem());
  return read_d_ausf("  client: {insecure_beyond_loopback: true, tls: {ca: " + ca + "}}\n" + kTwoOwners);
}

profile::DiscoveryImsi dimsi_of(const std::string& digits) { return *profile::DiscoveryImsi::from_digits(digits); }

/// `NOT_OWNER`, `OPTIONAL_IE_INCORRECT /notificationUri`; empty if it is allowed.
std::string refusal_of(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const base::Error& error) {
    return error.cause() + (error.invalid_params().empty() ? "" : " " + error.invalid_params().front().param);
  }
}

std::string right(const d_ausf::Owners& owners, const Owner& owner, const std::string& dimsi) {
  return refusal_of([&] { owners.require_right(owner, dimsi_of(dimsi)); });
}
std::string destination(const d_ausf::Owners& owners, const Owner& owner, const std::string& uri) {
  return refusal_of([&] { owners.require_destination(owner, uri); });
}

const std::string kNotOwner = "NOT_OWNER";
const std::string kRefused = "OPTIONAL_IE_INCORRECT /notificationUri";

d_ausf::Vector vector_to(std::optional<std::string> uri, std::uint8_t rand = 1) {
  d_ausf::Vector vector{{}, *profile::Imsi::from_digits("001010000000001"), std::nullopt, std::move(uri)};
  vector.challenge.rand.fill(rand);
  return vector;
}

boost::asio::awaitable<void> put_one(d_ausf::AcceptVector& accept, profile::DiscoveryImsi dimsi, d_ausf::Vector vector, Owner owner) {
  const d_ausf::Preconditions none;
  co_await accept.put(dimsi, vector, owner, none);
}
boost::asio::awaitable<void> remove_one(d_ausf::AcceptVector& accept, profile::DiscoveryImsi dimsi, Owner owner) {
  const d_ausf::Preconditions none;
  const std::optional<d_ausf::StoredVector> whichever;
  co_await accept.remove(dimsi, owner, none, whichever);
}

}  // namespace

TEST_CASE("A peer has the dIMSIs of its ranges, of their length, and no other", "[d-ausf][owners]") {
  const auto [config, problems] = read_two_owners();
  REQUIRE(problems == "");
  const d_ausf::Owners& owners = config.owners;
  CHECK(right(owners, "one.example", "901700000000000") == "");
  CHECK(right(owners, "one.example", "901700000000999") == "");
  CHECK(right(owners, "one.example", "901700000001000") == kNotOwner);
  CHECK(right(owners, "one.example", "901699999999999") == kNotOwner);
  CHECK(right(owners, "one.example", "90170000") == "");
  CHECK(right(owners, "one.example", "90170009") == "");
  CHECK(right(owners, "one.example", "90170010") == kNotOwner);
  CHECK(right(owners, "one.example", "9017000000") == kNotOwner);  // between the ends as a text, of another length
  CHECK(right(owners, "two.example", "901700000000500") == "");    // the ranges of two peers overlap
  CHECK(right(owners, "two.example", "901700000000499") == kNotOwner);
  CHECK(right(owners, "all.example", "123456") == "");
  CHECK(right(owners, "other.example", "901700000000500") == kNotOwner);
  CHECK(right(owners, std::nullopt, "901700000000500") == kNotOwner);
  CHECK(right(owners, "anonymous", "901700000000500") == kNotOwner);
}

TEST_CASE("Without owners anonymous peers preload, and nobody who has a name", "[d-ausf][owners]") {
  const d_ausf::Owners owners;
  CHECK(right(owners, std::nullopt, "901700000000500") == "");
  CHECK(right(owners, "other.example", "901700000000500") == kNotOwner);
  CHECK(right(owners, "anonymous", "901700000000500") == kNotOwner);
}

TEST_CASE("Receipts go to the configured origin of the vector's owner", "[d-ausf][owners]") {
  const auto config = read_two_owners().config;
  const d_ausf::Owners& owners = config.owners;
  CHECK(destination(owners, "one.example", "https://one.example:7777") == "");
  CHECK(destination(owners, "one.example", "https://one.example:7777/a/b") == "");
  CHECK(destination(owners, "all.example", "http://10.0.0.1/receipts") == "");
  CHECK(destination(owners, "all.example", "http://10.0.0.1:80/receipts") == "");
  for (const char* uri : {"https://one.example:7778/a", "https://one.example/a", "http://one.example:7777/a", "https://two.example:7777/a",
                                 "https://one.example:7777@two.example/a", "https://one.example:7777.two.example/a", "https://127.0.0.1:7777/a",
                                 "ftp://one.example:7777/a", "/a", "one.example", "https://", "https://one.example:7777/a?b",
                                 "https://one.example:7777/a#b", "https://one.example:7777/a b"}) {
    CAPTURE(uri);
    CHECK(destination(owners, "one.example", uri) == kRefused);
  }
  CHECK(destination(owners, "two.example", "https://one.example:7777/a") == kRefused);    // it has no origin
  CHECK(destination(owners, "other.example", "https://one.example:7777/a") == kRefused);  // it has no entry
  CHECK(destination(owners, "other.example", "http://127.0.0.1:7777/a") == kRefused);
}

TEST_CASE("An anonymous peer without an entry has its receipts sent to loopback addresses", "[d-ausf][owners]") {
  const d_ausf::Owners none;
  for (const char* uri : {"http://127.0.0.1:7777/a", "https://127.255.255.254", "http://[::1]:80/a"}) CHECK(destination(none, std::nullopt, uri) == "");
  for (const char* uri : {"http://10.0.0.1:7777/a", "http://localhost:7777/a", "http://127.0.0.1.example/a", "http://[::2]/a", "http://0.0.0.0/a",
                                 "http://2130706433/a", "http://[::ffff:10.0.0.1]/a"}) {
    CAPTURE(uri);
    CHECK(destination(none, std::nullopt, uri) == kRefused);
  }
  CHECK(destination(none, "other.example", "http://127.0.0.1:7777/a") == kRefused);

  const auto config = read_d_ausf("  owners: {peer: anonymous, notification_origin: \"http://127.0.0.50:7777\"}\n").config;
  CHECK(destination(config.owners, std::nullopt, "http://127.0.0.50:7777/a") == "");
  CHECK(destination(config.owners, std::nullopt, "http://127.0.0.51:7777/a") == kRefused);
  CHECK(right(config.owners, std::nullopt, "901700000000500") == "");
  CHECK(right(config.owners, "anonymous", "901700000000500") == kNotOwner);
}

TEST_CASE("What is wrong with the owners is told with its place", "[d-ausf][owners][config]") {
  const auto problem = [](const std::string& owners) { return read_d_ausf("  owners: " + owners + "\n").problems; };
  CHECK(problem("[{peer: a, dimsi_ranges: [{from: \"901700\", to: \"901700\"}]}]") == "");
  CHECK_THAT(problem("[]"), Catch::Contains("d.yaml:4:11: d_ausf.owners: is empty"));
  CHECK_THAT(problem("[{notification_origin: \"http://a\"}]"), Catch::Contains("d.yaml:4:12: d_ausf.owners[0].peer: is missing"));
  CHECK_THAT(problem("[{peer: a, all_dimsis: true}, {peer: a, all_dimsis: true}]"), Catch::Contains("d_ausf.owners[1].peer: a has an entry already"));
  CHECK_THAT(problem("[{peer: a, notification_origin: a.example}]"), Catch::Contains("notification_origin: a.example is not an absolute URI"));
  CHECK_THAT(problem("[{peer: a, notification_origin: \"ftp://a\"}]"), Catch::Contains("is neither http nor https"));
  CHECK_THAT(problem("[{peer: a, notification_origin: \"http://a/b\"}]"), Catch::Contains("notification_origin: has a path"));
  CHECK_THAT(problem("[{peer: a, dimsi_ranges: []}]"), Catch::Contains("dimsi_ranges: is empty"));
  CHECK(problem("[{peer: a, all_dimsis: true}]") == "");
  CHECK(problem("[{peer: anonymous}]") == "");
  const auto is_missing = Catch::Contains("d_ausf.owners[0].dimsi_ranges: is missing: which dIMSIs the peer may preload; or say all_dimsis: true");
  CHECK_THAT(problem("[{peer: a}]"), is_missing);
  CHECK_THAT(problem("[{peer: a, all_dimsis: false}]"), is_missing);
  CHECK_THAT(problem("[{peer: a, all_dimsis: true, dimsi_ranges: [{from: \"901700\", to: \"901700\"}]}]"),
             Catch::Contains("all_dimsis: beside dimsi_ranges: say the one or the other"));
  CHECK_THAT(problem("[{peer: a, dimsi_ranges: [{from: \"901700\"}]}]"), Catch::Contains("d_ausf.owners[0].dimsi_ranges[0].to: is missing"));
  CHECK_THAT(problem("[{peer: a, dimsi_ranges: [{from: \"90170\", to: \"901700\"}]}]"), Catch::Contains("from: is not 6 to 15 decimal digits"));
  CHECK_THAT(problem("[{peer: a, dimsi_ranges: [{from: \"901701\", to: \"901700\"}]}]"), Catch::Contains("d.yaml:4:58") && Catch::Contains("to: is before from"));
  CHECK_THAT(problem("[{peer: a, dimsi_ranges: [{from: \"901700\", to: \"9017009\"}]}]"), Catch::Contains("to: has another number of digits"));
  CHECK_THAT(problem("[{peer: a, dimsi_ranges: [{from: \"901700\", to: \"901705\"}, {from: \"901705\", to: \"901709\"}]}]"),
             Catch::Contains("dimsi_ranges[1].from: this range overlaps"));
  CHECK_THAT(problem("[{peer: a, ranges: []}]"), Catch::Contains("ranges: is not known here"));
}

TEST_CASE("How receipts are answered and delivered is configured within limits", "[d-ausf][receipt][config]") {
  const auto defaults = read_d_ausf("").config;
  CHECK(defaults.receipt_answer == base::ErrorKind::gateway_timeout);
  CHECK(defaults.receipts.first_pause == std::chrono::milliseconds(500));
  CHECK(read_d_ausf("  receipt_status: 504\n").config.receipt_answer == base::ErrorKind::gateway_timeout);
  CHECK(read_d_ausf("  receipt_status: 500\n").config.receipt_answer == base::ErrorKind::internal);
  CHECK(read_d_ausf("  receipt_status: 500\n").problems == "");
  for (const char* status : {"404", "403", "400", "503", "501", "200"}) {
    CHECK_THAT(read_d_ausf(std::string("  receipt_status: ") + status + "\n").problems, Catch::Contains("d.yaml:4:19") && Catch::Contains("neither 500 nor 504"));
  }
  CHECK_THAT(read_d_ausf("  receipt_status: x\n").problems, Catch::Contains("receipt_status: x is not a whole number"));
  const auto given = read_d_ausf("  receipts: {first_pause_ms: 10, longest_pause_ms: 10, max_in_flight: 1}\n");
  CHECK(given.problems == "");
  CHECK(given.config.receipts.longest_pause == std::chrono::milliseconds(10));
  CHECK(given.config.receipts.max_in_flight == 1);
  CHECK_THAT(read_d_ausf("  receipts: {first_pause_ms: 9}\n").problems, Catch::Contains("too small"));
  CHECK_THAT(read_d_ausf("  receipts: {max_in_flight: 0}\n").problems, Catch::Contains("too small"));
  CHECK_THAT(read_d_ausf("  receipts: {max_in_flight: 10001}\n").problems, Catch::Contains("too large"));
  CHECK_THAT(read_d_ausf("  receipts: {first_pause_ms: 1000, longest_pause_ms: 999}\n").problems, Catch::Contains("is shorter than first_pause_ms"));
}

TEST_CASE_METHOD(Lab, "A verified peer changes vectors within its rights only", "[d-ausf][owners][step-2]") {
  start_d_ausf();  // makes the database
  d_ausf.reset();
  const auto config = read_two_owners().config;
  store::Committer committer(store::Database::open(folder / "d-ausf.db"));
  d_ausf::AcceptVector accept(committer, config.owners, base::system_now);
  Loop loop;
  const auto put = [&](const Owner& owner, const std::string& dimsi, const std::optional<std::string>& uri) {
    return refusal_of([&] { loop.await(put_one(accept, dimsi_of(dimsi), vector_to(uri), owner)); });
  };
  const auto remove = [&](const Owner& owner, const std::string& dimsi) {
    return refusal_of([&] { loop.await(remove_one(accept, dimsi_of(dimsi), owner)); });
  };
  CHECK(put("one.example", "901700000000600", "https://one.example:7777/r") == "");
  CHECK(put("one.example", "901700000001000", std::nullopt) == kNotOwner);
  CHECK(put("one.example", "901700000000601", "https://two.example/r") == kRefused);
  CHECK(put("two.example", "901700000000600", std::nullopt) == kNotOwner);  // the first that preloads it has it
  CHECK(put("other.example", "901700000000602", std::nullopt) == kNotOwner);
  CHECK(remove("two.example", "901700000000600") == kNotOwner);
  CHECK(remove("one.example", "901700000001000") == kNotOwner);
  CHECK(remove("one.example", "901700000000601") == "USER_NOT_FOUND");

  std::vector<d_ausf::VectorLine> lines;
  lines.push_back({1, dimsi_of("901700000000700"), vector_to(std::nullopt)});
  lines.push_back({2, dimsi_of("901700000002000"), vector_to(std::nullopt)});
  lines.push_back({3, dimsi_of("901700000000600"), vector_to(std::nullopt)});
  lines.push_back({4, dimsi_of("901700000000701"), vector_to("https://one.example:7777/r")});
  lines.push_back({5, dimsi_of("901700000000702"), vector_to(std::nullopt)});
  const d_ausf::StoredPiece stored = loop.await(accept.put_all(std::move(lines), Owner("two.example"), true));
  std::vector<std::string> causes;
  for (const auto& line : stored.refused) causes.push_back(std::to_string(line.number) + " " + line.error.cause());
  CHECK(causes == std::vector<std::string>{"2 NOT_OWNER", "3 NOT_OWNER", "4 OPTIONAL_IE_INCORRECT"});
  std::vector<std::size_t> taken;
  for (const auto& line : stored.taken) taken.push_back(line.number);
  CHECK(taken == std::vector<std::size_t>{1, 5});
  CHECK(remove("two.example", "901700000000702") == "");
  CHECK(remove("one.example", "901700000000600") == "");
}

TEST_CASE_METHOD(Lab, "An anonymous peer is held to its entry, over HTTP", "[d-ausf][owners][step-2]") {
  auto config = d_ausf_config();
  config.owners = read_d_ausf("  owners: [{peer: anonymous, notification_origin: \"http://127.0.0.50:7777\", "
                              "dimsi_ranges: [{from: \"901700000000000\", to: \"901700000000999\"}]}]\n").config.owners;
  start_d_ausf(config);
  const auto target = [](const std::string& dimsi) { return "/ndausf-vectors/v1/vectors/" + dimsi; };
  json body{{"rand", std::string(32, 'a')}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}};
  CHECK(to_d_ausf("PUT", target("901700000000001"), body).status == 201);
  CHECK(to_d_ausf("PUT", target("901700000001000"), body).verdict() == "403 NOT_OWNER");
  CHECK(to_d_ausf("DELETE", target("901700000001000")).verdict() == "403 NOT_OWNER");
  body["notificationUri"] = "http://127.0.0.50:7777/nausfext-onboarding/v1/receipts";
  CHECK(to_d_ausf("PUT", target("901700000000001"), body).status == 200);
  body["notificationUri"] = "http://127.0.0.51:7777/nausfext-onboarding/v1/receipts";
  const Answer refused = to_d_ausf("PUT", target("901700000000001"), body);
  CHECK(refused.verdict() == "400 OPTIONAL_IE_INCORRECT");
  CHECK(refused.params() == std::vector<std::string>{"/notificationUri"});
  body["dimsi"] = "901700000000002";
  json outside = body;
  outside["dimsi"] = "901700000001000";
  const Answer bulk = caller.send(d_ausf_port, "POST", "/ndausf-vectors/v1/vectors", body.dump() + "\n" + outside.dump() + "\n",
                                  {{"content-type", "application/x-ndjson"}});
  CHECK(bulk.content()["accepted"] == 0);
  CHECK(bulk.content()["problems"][0]["cause"] == "OPTIONAL_IE_INCORRECT");
  CHECK(bulk.content()["problems"][1]["cause"] == "NOT_OWNER");
  CHECK(to_d_ausf("DELETE", target("901700000000001")).status == 204);
}
