#include <catch2/catch.hpp>
#include <set>

#include "lib/aka/key_hierarchy.hpp"
#include "tests/scenarios/lab.hpp"

using namespace test;

namespace {

json vector_of(char digit) {
  return {{"rand", std::string(32, digit)}, {"autn", std::string(32, 'b')}, {"imsi", "001010000000001"}};
}

std::string line_of(const std::string& dimsi, char digit) {
  json line = vector_of(digit);
  line["dimsi"] = dimsi;
  return line.dump();
}

struct DAusfFixture : Lab {
  DAusfFixture() { start_d_ausf(); }

  Answer authenticate(const std::string& identity) {
    return to_d_ausf("POST", kContexts, {{"supiOrSuci", identity}, {"servingNetworkName", kServingNetwork}});
  }
  Answer load(const std::string& lines) {
    return caller.send(d_ausf_port, "POST", kVectors, lines, {{"content-type", "application/x-ndjson"}});
  }
  /// The record once `served` is as wanted: serving is counted a moment later.
  json record_served(int wanted) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (true) {
      json record = to_d_ausf("GET", kVector).content();
      if (record["served"] == wanted || std::chrono::steady_clock::now() > deadline) return record;
      std::this_thread::yield();
    }
  }
};

/// The path of a challenge's confirmation.
std::string confirmation_of(const Answer& challenge) {
  const std::string href = challenge.content()["_links"]["5g-aka"]["href"];
  return sbi::Uri::parse(href).path;
}

}  // namespace

TEST_CASE_METHOD(DAusfFixture, "A vector is put, read, replaced and deleted", "[d-ausf][step-2]") {
  CHECK(to_d_ausf("GET", kVector).verdict() == "404 USER_NOT_FOUND");
  CHECK(to_d_ausf("DELETE", kVector).verdict() == "404 USER_NOT_FOUND");
  const Answer first = to_d_ausf("PUT", kVector, vector_of('a'));
  REQUIRE(first.status == 201);
  const std::string tag = first.header("etag");
  CHECK(tag.size() > 2);
  CHECK(first.content()["served"] == 0);

  SECTION("the same content again has the same version") {
    json upper = vector_of('a');
    upper["rand"] = std::string(32, 'A');
    const Answer again = to_d_ausf("PUT", kVector, upper);
    CHECK(again.status == 200);
    CHECK(again.header("etag") == tag);
    CHECK(to_d_ausf("GET", kVector).header("etag") == tag);
  }
  SECTION("serving does not touch the version") {
    CHECK(authenticate(std::string("imsi-") + kDimsi).status == 201);
    CHECK(record_served(1)["served"] == 1);
    CHECK(to_d_ausf("GET", kVector).header("etag") == tag);
  }
  SECTION("other content has another version, and starts at nothing served") {
    CHECK(authenticate(std::string("imsi-") + kDimsi).status == 201);
    CHECK(record_served(1)["lastServingNetwork"] == kServingNetwork);
    const Answer other = to_d_ausf("PUT", kVector, vector_of('c'));
    CHECK(other.status == 200);
    CHECK(other.header("etag") != tag);
    const json record = to_d_ausf("GET", kVector).content();
    CHECK(record["served"] == 0);
    CHECK_FALSE(record.contains("lastServedAt"));
    CHECK_FALSE(record.contains("lastServingNetwork"));
    CHECK(record["rand"] == std::string(32, 'c'));
  }
  SECTION("conditions") {
    CHECK(to_d_ausf("PUT", kVector, vector_of('c'), {{"if-none-match", "*"}}).status == 412);
    CHECK(to_d_ausf("PUT", kVector, vector_of('c'), {{"if-none-match", tag}}).status == 412);
    CHECK(to_d_ausf("PUT", kVector, vector_of('c'), {{"if-match", "\"another\""}}).status == 412);
    CHECK(to_d_ausf("DELETE", kVector, nullptr, {{"if-match", "\"another\""}}).status == 412);
    CHECK(to_d_ausf("GET", kVector).header("etag") == tag);
    CHECK(to_d_ausf("PUT", kVector, vector_of('c'), {{"if-match", "\"another\", " + tag}}).status == 200);
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-match", tag}}).status == 412);
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-match", "*"}}).status == 200);
    CHECK(to_d_ausf("DELETE", kVector, nullptr, {{"if-match", tag}}).status == 204);
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-match", "*"}}).status == 412);
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-none-match", "*"}}).status == 201);
  }
  SECTION("conditions of several lines, and weak tags") {
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-match", "\"another\""}, {"if-match", "\"third\""}}).status == 412);
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-match", "\"another\""}, {"if-match", tag}}).status == 200);
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-match", "W/" + tag}}).status == 412);  // compared strongly
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-none-match", "W/" + tag}}).status == 412);  // compared weakly
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-none-match", "\"another\""}, {"if-none-match", tag}}).status == 412);
    CHECK(to_d_ausf("PUT", kVector, vector_of('a'), {{"if-none-match", "\"another\""}}).status == 200);
  }
  SECTION("conditions that are none") {
    for (const char* name : {"if-match", "if-none-match"}) {
      for (const std::string& value : {std::string(), std::string("x"), tag + "x", "*, " + tag, "w/" + tag, tag.substr(0, tag.size() - 1), tag + ","}) {
        CAPTURE(name, value);
        const Answer answer = to_d_ausf("PUT", kVector, vector_of('c'), {{name, value}});
        CHECK(answer.verdict() == "400 INVALID_MSG_FORMAT");
        CHECK(answer.params() == std::vector<std::string>{std::string("header ") + name});
        CHECK(to_d_ausf("DELETE", kVector, nullptr, {{name, value}}).status == 400);
      }
    }
    CHECK(to_d_ausf("GET", kVector).header("etag") == tag);
  }
  SECTION("no two contents have one version") {
    // 32 octets that may be a receiptHash and may begin a URI.
    const std::string uri = "http://127.0.0.1:7777/0123456789";
    REQUIRE(uri.size() == 32);
    json hash_only = vector_of('a'), uri_only = vector_of('a');
    hash_only["receiptHash"] = base::to_hex(base::as_bytes(uri));
    uri_only["notificationUri"] = uri;
    const Answer with_hash = to_d_ausf("PUT", kVector, hash_only);
    const Answer with_uri = to_d_ausf("PUT", kVector, uri_only);
    REQUIRE(with_hash.status == 200);
    REQUIRE(with_uri.status == 200);
    CHECK(with_hash.header("etag") != with_uri.header("etag"));
  }
  SECTION("deleted, it is gone") {
    CHECK(to_d_ausf("DELETE", kVector).status == 204);
    CHECK(to_d_ausf("GET", kVector).verdict() == "404 USER_NOT_FOUND");
    CHECK(authenticate(std::string("imsi-") + kDimsi).verdict() == "404 USER_NOT_FOUND");
  }
}

TEST_CASE_METHOD(DAusfFixture, "A member that is malformed is named", "[d-ausf][step-2]") {
  const auto fault_at = [this](const char* member, const json& value, const std::string& verdict) {
    json body = vector_of('a');
    body[member] = value;
    const Answer answer = to_d_ausf("PUT", kVector, body);
    CAPTURE(member, value);
    CHECK(answer.verdict() == verdict);
    CHECK(answer.params() == std::vector<std::string>{std::string("/") + member});
  };
  fault_at("rand", std::string(31, 'a'), "400 MANDATORY_IE_INCORRECT");
  fault_at("rand", std::string(34, 'a'), "400 MANDATORY_IE_INCORRECT");
  fault_at("rand", std::string(32, 'g'), "400 MANDATORY_IE_INCORRECT");
  fault_at("autn", 5, "400 MANDATORY_IE_INCORRECT");
  fault_at("imsi", "00101", "400 MANDATORY_IE_INCORRECT");
  fault_at("imsi", "0010100000000012", "400 MANDATORY_IE_INCORRECT");
  fault_at("receiptHash", "00", "400 OPTIONAL_IE_INCORRECT");
  fault_at("notificationUri", "ftp://somewhere", "400 OPTIONAL_IE_INCORRECT");
  for (const char* member : {"rand", "autn", "imsi"}) {
    json body = vector_of('a');
    body.erase(member);
    const Answer answer = to_d_ausf("PUT", kVector, body);
    CHECK(answer.verdict() == "400 MANDATORY_IE_MISSING");
    CHECK(answer.params() == std::vector<std::string>{std::string("/") + member});
  }
}

TEST_CASE_METHOD(DAusfFixture, "An access network gets the preloaded challenge, by SUPI and by SUCI", "[d-ausf][step-4]") {
  REQUIRE(to_d_ausf("PUT", kVector, vector_of('a')).status == 201);
  std::set<std::string> hxres_stars;
  int served = 0;
  for (const char* identity : {"imsi-901700000000001", "suci-0-901-70-0-0-0-0000000001", "imsi-901700000000001"}) {
    const Answer challenge = authenticate(identity);
    REQUIRE(challenge.status == 201);
    const json data = challenge.content()["5gAuthData"];
    CHECK(data["rand"] == std::string(32, 'a'));
    CHECK(data["autn"] == std::string(32, 'b'));
    hxres_stars.insert(data["hxresStar"]);
    ++served;
    CHECK(record_served(served)["served"] == served);
  }
  CHECK(hxres_stars.size() == 3);
  CHECK(authenticate("imsi-901700000000002").verdict() == "404 USER_NOT_FOUND");

  const json wanted{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", "4947a69a-f61b-4bc1-b9da-47c9c5d14b64"}};
  const std::string root = "/nudm-ueau/v1/";
  const Answer he_av = to_d_ausf("POST", root + "imsi-901700000000001/security-information/generate-auth-data", wanted);
  REQUIRE(he_av.status == 200);
  CHECK(he_av.content()["authenticationVector"]["rand"] == std::string(32, 'a'));
  CHECK(he_av.content()["supi"] == "imsi-901700000000001");
  const Answer again = to_d_ausf("POST", root + "suci-0-901-70-0-0-0-0000000001/security-information/generate-auth-data", wanted);
  REQUIRE(again.status == 200);
  CHECK(again.content()["authenticationVector"]["xresStar"] != he_av.content()["authenticationVector"]["xresStar"]);
  CHECK(again.content()["authenticationVector"]["kausf"] != he_av.content()["authenticationVector"]["kausf"]);
  CHECK(to_d_ausf("POST", root + "imsi-901700000000002/security-information/generate-auth-data", wanted).verdict() ==
        "404 USER_NOT_FOUND");
}

TEST_CASE_METHOD(DAusfFixture, "A dIMSI is never authenticated, and a forged context is none", "[d-ausf][step-5]") {
  REQUIRE(to_d_ausf("PUT", kVector, vector_of('a')).status == 201);
  const std::string path = confirmation_of(authenticate(std::string("imsi-") + kDimsi));
  for (const json& res_star : {json(std::string(32, '0')), json(nullptr), json(std::string(32, 'F'))}) {
    const Answer answer = to_d_ausf("PUT", path, {{"resStar", res_star}});
    CHECK(answer.status == 200);
    CHECK(answer.content() == json{{"authResult", "AUTHENTICATION_FAILURE"}});
  }
  CHECK(to_d_ausf("DELETE", path).status == 204);

  const std::size_t begin = kContexts.size() + 1;
  const std::size_t end = path.find('/', begin);
  REQUIRE(end - begin == 40);
  for (std::size_t i = begin; i < end; ++i) {
    std::string forged = path;
    forged[i] = forged[i] == '0' ? '1' : '0';
    CAPTURE(i);
    CHECK(to_d_ausf("PUT", forged, {{"resStar", nullptr}}).verdict() == "404 CONTEXT_NOT_FOUND");
  }
  for (const char* id : {"0", "zz", "00000000000000000000000000000000"}) {
    const std::string forged = kContexts + "/" + id + "/5g-aka-confirmation";
    CHECK(to_d_ausf("PUT", forged, {{"resStar", nullptr}}).verdict() == "404 CONTEXT_NOT_FOUND");
    CHECK(to_d_ausf("DELETE", forged).verdict() == "404 CONTEXT_NOT_FOUND");
  }
}

TEST_CASE_METHOD(DAusfFixture, "A device's receipt that cannot be taken is a network failure", "[d-ausf][receipt]") {
  REQUIRE(to_d_ausf("PUT", kVector, vector_of('a')).status == 201);
  const json wanted{{"supiOrSuci", std::string("imsi-") + kDimsi},
                    {"servingNetworkName", kServingNetwork},
                    {"resynchronizationInfo", {{"rand", std::string(32, 'a')}, {"auts", std::string(28, '0')}}}};
  CHECK(to_d_ausf("POST", kContexts, wanted).verdict() == "504 NETWORK_FAILURE");
  CHECK_FALSE(to_d_ausf("GET", kVector).content().contains("receivedAt"));
}

TEST_CASE_METHOD(DAusfFixture, "A bulk load takes what is right and tells what is not", "[d-ausf][bulk]") {
  SECTION("blank lines, doubles, a last line without its end") {
    const std::string lines = "\n" + line_of(kDimsi, 'a') + "\n\r\n" + line_of("901700000000002", 'b') + "\n   \n" +
                              line_of(kDimsi, 'c');
    const json report = load(lines).content();
    CHECK(report == json{{"accepted", 3}, {"rejected", 0}, {"problems", json::array()}, {"problemsTruncated", false}});
    CHECK(to_d_ausf("GET", kVector).content()["rand"] == std::string(32, 'c'));
    CHECK(authenticate("imsi-901700000000002").status == 201);
  }
  SECTION("faults are told by line, the dIMSI where it can be read") {
    const std::string lines = "{\n\n[]\n" + line_of(kDimsi, 'x') + "\n" + line_of("12", 'a') + "\n" + std::string(5000, ' ') +
                              line_of("901700000000003", 'a') + "\n" + line_of("901700000000002", 'b') + "\n";
    const json report = load(lines).content();
    CHECK(report["accepted"] == 1);
    CHECK(report["rejected"] == 5);
    REQUIRE(report["problems"].size() == 5);
    std::vector<int> numbers;
    std::vector<std::string> causes;
    for (const auto& problem : report["problems"]) {
      numbers.push_back(problem["line"]);
      causes.push_back(problem["cause"]);
    }
    CHECK(numbers == std::vector<int>{1, 3, 4, 5, 6});
    CHECK(causes == std::vector<std::string>{"INVALID_MSG_FORMAT", "INVALID_MSG_FORMAT", "MANDATORY_IE_INCORRECT",
                                             "MANDATORY_IE_INCORRECT", "INVALID_MSG_FORMAT"});
    CHECK(report["problems"][2]["dimsi"] == kDimsi);
    CHECK_FALSE(report["problems"][3].contains("dimsi"));
    CHECK(to_d_ausf("GET", "/ndausf-vectors/v1/vectors/901700000000003").status == 404);
  }
  SECTION("of 1001 problems the first 1000 are told") {
    std::string lines;
    for (int i = 0; i < 1001; ++i) lines += "{}\n";
    const json report = load(lines).content();
    CHECK(report["rejected"] == 1001);
    CHECK(report["problems"].size() == 1000);
    CHECK(report["problemsTruncated"] == true);
  }
  SECTION("exactly 1000 problems are all told") {
    std::string lines;
    for (int i = 0; i < 1000; ++i) lines += "{}\n";
    CHECK(load(lines).content()["problemsTruncated"] == false);
  }
  SECTION("5000 vectors, of which 1 is another line's double") {
    std::string lines;
    for (int i = 0; i < 4999; ++i) lines += line_of(std::to_string(901700000000001 + i), 'a') + "\n";
    lines += line_of(kDimsi, 'd') + "\n";
    CHECK(load(lines).content()["accepted"] == 5000);
    CHECK(to_d_ausf("GET", kVector).content()["rand"] == std::string(32, 'd'));
    CHECK(authenticate("imsi-901700000004999").status == 201);
  }
  SECTION("in any order: the last of a dIMSI's lines stands, and problems are told by line") {
    std::string lines;
    for (int i = 9000; i > 0; --i) {
      lines += line_of(std::to_string(901700000000000 + i), 'a') + "\n";
      lines += i % 3000 == 0 ? line_of(kDimsi, 'c') + "\n{}\n" : "";
    }
    lines += line_of(kDimsi, 'd') + "\n";
    const json report = load(lines).content();
    CHECK(report["accepted"] == 9004);
    std::vector<int> numbers;
    for (const auto& problem : report["problems"]) numbers.push_back(problem["line"]);
    CHECK(numbers == std::vector<int>{3, 3005, 6007});
    CHECK(to_d_ausf("GET", kVector).content()["rand"] == std::string(32, 'd'));
    CHECK(authenticate("imsi-901700000009000").status == 201);
    CHECK(authenticate("imsi-901700000004321").status == 201);
  }
  SECTION("nothing at all") { CHECK(load("\n\n").content()["accepted"] == 0); }
}

TEST_CASE_METHOD(DAusfFixture, "What was answered survives a restart", "[d-ausf][store]") {
  REQUIRE(to_d_ausf("PUT", kVector, vector_of('a')).status == 201);
  const std::string path = confirmation_of(authenticate(std::string("imsi-") + kDimsi));
  d_ausf.reset();
  start_d_ausf();
  CHECK(to_d_ausf("GET", kVector).content()["rand"] == std::string(32, 'a'));
  CHECK(to_d_ausf("PUT", path, {{"resStar", nullptr}}).status == 200);
}
