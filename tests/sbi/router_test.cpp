#include "lib/sbi/router.hpp"

#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "lib/sbi/problem.hpp"

using sbi::BodyKind;
using sbi::Request;
using sbi::Response;

namespace {

struct RouterFixture {
  RouterFixture() {
    add("GET", "/keys/v1/devices/{dimsi}", BodyKind::none, 200);
    add("PUT", "/keys/v1/devices/{dimsi}", BodyKind::json, 201);
    add("GET", "/keys/v1/devices/all", BodyKind::none, 202);
    add("POST", "/keys/v1/devices/{dimsi}/{action}", BodyKind::json, 203);
    add("PATCH", "/keys/v1/patched", BodyKind::merge_patch, 208);
    add("POST", "/keys/v1/import", BodyKind::ndjson, 206);
  }
  void add(const char* method, const char* pattern, BodyKind body, int code) {
    router.add(method, pattern, body, sbi::PlainHandler([code](const Request&) { return Response(code); }));
  }
  Request find(const std::string& method, const std::string& target, const std::string& content_type = "") {
    Request request;
    request.method = method;
    request.target = target;
    if (!content_type.empty()) request.headers.add("content-type", content_type);
    status = std::get<sbi::PlainHandler>(router.find(request).handler)(request).status;
    return request;
  }
  /// The answer to a request that is refused.
  Response refused(const std::string& method, const std::string& target, const std::string& content_type = "") {
    try {
      find(method, target, content_type);
    } catch (...) {
      return sbi::refusal(Request(), std::current_exception());
    }
    return Response(0);
  }
  sbi::Router router;
  int status = 0;
};

}  // namespace

TEST_CASE_METHOD(RouterFixture, "A path finds its route and the route's parameters", "[sbi][router]") {
  auto request = find("GET", "/keys/v1/devices/901700000000001");
  CHECK(status == 200);
  CHECK(request.path("dimsi") == "901700000000001");
  CHECK_THROWS_AS(request.path("imsi"), std::out_of_range);

  request = find("POST", "/keys/v1/devices/1/retrieve-key");
  CHECK(status == 203);
  CHECK(request.path("action") == "retrieve-key");
}

TEST_CASE("A service has one name, however its target is spelled", "[sbi][router]") {
  for (const char* target : {"/nausf-auth/v1/x", "/nausf%2Dauth/v1/x", "/nausf%2dauth", "/nausf-auth?a=/b", "/%6Eausf-auth/"}) {
    CAPTURE(target);
    CHECK(sbi::service_name(target) == "nausf-auth");
  }
  CHECK(sbi::service_name("/nausf-auth%2Fv1/x") == "nausf-auth/v1");  // no service: the router takes it for one segment too
  CHECK(sbi::service_name("/NAUSF-auth/v1/x") == "NAUSF-auth");
  CHECK(sbi::service_name("/").empty());
  CHECK_THROWS_AS(sbi::service_name("/nausf%2"), base::Error);
}

TEST_CASE("A literal segment wins over a parameter, in whatever order they were added", "[sbi][router]") {
  const bool literal_first = GENERATE(true, false);
  sbi::Router router;
  const auto add = [&router](const char* pattern, int status) {
    router.add("GET", pattern, BodyKind::none, sbi::PlainHandler([status](const Request&) { return Response(status); }));
  };
  if (literal_first) add("/devices/all", 202);
  add("/devices/{dimsi}", 200);
  if (!literal_first) add("/devices/all", 202);
  Request request;
  request.method = "GET";
  request.target = "/devices/all";
  CHECK(std::get<sbi::PlainHandler>(router.find(request).handler)(request).status == 202);
  CHECK(request.path_parameters.empty());
}

TEST_CASE_METHOD(RouterFixture, "An unknown path is 404 with the cause of TS 29.500", "[sbi][router]") {
  const std::string target = GENERATE(as<std::string>(), "/", "/keys", "/keys/v1/devices", "/keys/v1/devices/", "/keys/v1//devices/1", "//keys/v1/import",
                                      "/keys/v1/import/", "/Keys/v1/import", "/keys/v1/devices//retrieve-key", "/keys/v1/imports");
  CAPTURE(target);
  const auto answer = refused("POST", target);
  CHECK(answer.status == 404);
  CHECK(sbi::read_problem(answer).cause == "RESOURCE_URI_STRUCTURE_NOT_FOUND");
}

TEST_CASE_METHOD(RouterFixture, "Another method on a known path is 405 and says which are allowed", "[sbi][router]") {
  const auto [method, target, allow] = GENERATE(table<std::string, std::string, std::string>({
      {"DELETE", "/keys/v1/devices/1", "GET, PUT"},
      {"HEAD", "/keys/v1/devices/1", "GET, PUT"},
      {"get", "/keys/v1/devices/1", "GET, PUT"},
      {"PUT", "/keys/v1/devices/all", "GET"},
      {"", "/keys/v1/import", "POST"},
  }));
  const auto answer = refused(method, target);
  CHECK(answer.status == 405);
  CHECK(answer.headers.find("allow") == std::optional<std::string_view>(allow));
}

TEST_CASE_METHOD(RouterFixture, "Segments are percent-decoded after they are split", "[sbi][router]") {
  CHECK(find("GET", "/keys/v1/devices/a%2Fb%2f%20c").path("dimsi") == "a/b/ c");
  CHECK(find("GET", "/keys/v1/devices/a+b").path("dimsi") == "a+b");
  CHECK(find("GET", "/keys/v1/devices/%C3%A9").path("dimsi") == "é");
  CHECK(find("GET", "/keys/v1/devices/%2561").path("dimsi") == "%61");  // once, not twice
  find("GET", "/keys/%76%31/devices/all");
  CHECK(status == 202);
}

TEST_CASE_METHOD(RouterFixture, "A target that is no path is 400", "[sbi][router]") {
  using namespace std::string_literals;
  const std::string target = GENERATE(as<std::string>(), "", "*", "keys/v1/import", "http://host/keys/v1/import", "/keys/v1/devices/%", "/keys/v1/devices/%1",
                                      "/keys/v1/devices/%g1", "/keys/v1/devices/%1g", "/keys/v1/devices/%00", "/keys/v1/devices/a%0Ab",
                                      "/keys/v1/devices/a%7F", "/keys/v1/devices/a\nb", "/keys/v1/devices/a\0b"s,
                                      "/keys/v1/devices/1?a=%zz", "/keys/v1/devices/1?a%00=1");
  CAPTURE(target);
  const auto answer = refused("GET", target);
  CHECK(answer.status == 400);
  CHECK(sbi::read_problem(answer).cause == "INVALID_MSG_FORMAT");
}

TEST_CASE_METHOD(RouterFixture, "The query is split and decoded", "[sbi][router]") {
  const auto request = find("GET", "/keys/v1/devices/1?plmn=901-70&name=a+b%26c%3D&flag&empty=&x=1=2&plmn=other");
  CHECK(request.path("dimsi") == "1");
  CHECK(request.query("plmn") == std::optional<std::string_view>("901-70"));
  CHECK(request.query("name") == std::optional<std::string_view>("a b&c="));
  CHECK(request.query("flag") == std::optional<std::string_view>(""));
  CHECK(request.query("empty") == std::optional<std::string_view>(""));
  CHECK(request.query("x") == std::optional<std::string_view>("1=2"));
  CHECK_FALSE(request.query("absent"));
  CHECK(find("GET", "/keys/v1/devices/1?").query_parameters.empty());
}

TEST_CASE_METHOD(RouterFixture, "A body of the route's type is taken, however it is written", "[sbi][router]") {
  const std::string json = GENERATE(as<std::string>(), "", "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x",
                                    "application/3gppHal+json");
  find("PUT", "/keys/v1/devices/1", json);
  CHECK(status == 201);
  const std::string lines = GENERATE(as<std::string>(), "application/x-ndjson", "application/jsonl", "application/ndjson");
  find("POST", "/keys/v1/import", lines);
  CHECK(status == 206);
  const std::string patch = GENERATE(as<std::string>(), "application/merge-patch+json", "application/json");
  find("PATCH", "/keys/v1/patched", patch);
  CHECK(status == 208);
  find("GET", "/keys/v1/devices/1", "text/plain");  // no body is read there
  CHECK(status == 200);
}

TEST_CASE_METHOD(RouterFixture, "A body of another type is 415", "[sbi][router]") {
  const std::string type = GENERATE(as<std::string>(), "text/plain", "application/jsonx", "application/problem+json", "application/x-ndjson", ";");
  CHECK(refused("PUT", "/keys/v1/devices/1", type).status == 415);
  CHECK(refused("POST", "/keys/v1/import", "application/json").status == 415);
  CHECK(refused("PUT", "/keys/v1/devices/1", "application/merge-patch+json").status == 415);
  CHECK(refused("PATCH", "/keys/v1/patched", "application/json-patch+json").status == 415);
}

TEST_CASE("Every kind of refusal has its status, title and cause in problem+json", "[sbi][problem]") {
  using base::ErrorKind;
  const auto [kind, status] = GENERATE(table<ErrorKind, int>({{ErrorKind::bad_request, 400},
                                                              {ErrorKind::forbidden, 403},
                                                              {ErrorKind::not_found, 404},
                                                              {ErrorKind::method_not_allowed, 405},
                                                              {ErrorKind::conflict, 409},
                                                              {ErrorKind::length_required, 411},
                                                              {ErrorKind::precondition_failed, 412},
                                                              {ErrorKind::too_large, 413},
                                                              {ErrorKind::unsupported_media_type, 415},
                                                              {ErrorKind::headers_too_large, 431},
                                                              {ErrorKind::internal, 500},
                                                              {ErrorKind::not_implemented, 501},
                                                              {ErrorKind::bad_gateway, 502},
                                                              {ErrorKind::unavailable, 503},
                                                              {ErrorKind::gateway_timeout, 504}}));
  const auto answer = sbi::to_problem(base::Error(kind, "A_CAUSE", "a \"detail\" with \xff", {{"/a", "is wrong"}}));
  CHECK(answer.status == status);
  CHECK(answer.headers.find("content-type") == std::optional<std::string_view>("application/problem+json"));
  CHECK(answer.headers.find("retry-after").has_value() == (status == 503));
  const auto read = sbi::read_problem(answer);
  CHECK(read.cause == "A_CAUSE");
  CHECK(read.title == sbi::reason_phrase(status));
  CHECK(read.detail == "a \"detail\" with \xEF\xBF\xBD");
  CHECK_THAT(answer.body, Catch::Contains(R"("invalidParams":[{"param":"/a","reason":"is wrong"}])"));
  CHECK_THAT(answer.body, Catch::Contains("\"status\":" + std::to_string(status)));
}

TEST_CASE("A problem without a cause or members at fault does not name any", "[sbi][problem]") {
  const auto answer = sbi::to_problem(base::Error(base::ErrorKind::too_large, "", "too long"));
  CHECK_THAT(answer.body, !Catch::Contains("cause") && !Catch::Contains("invalidParams"));
}

TEST_CASE("What nobody foresaw is 500 without a word of it", "[sbi][problem]") {
  const auto answer = sbi::refusal(Request(), std::make_exception_ptr(std::runtime_error("K=00112233")));
  CHECK(answer.status == 500);
  CHECK(sbi::read_problem(answer).cause == "SYSTEM_FAILURE");
  CHECK_THAT(answer.body, !Catch::Contains("00112233"));
  CHECK(sbi::refusal(Request(), std::make_exception_ptr(42)).status == 500);
}

TEST_CASE("A path that a peer behind could tidy up into another one is 400", "[sbi][router]") {
  sbi::Router router;
  router.add("*", "/nudm-sdm/{rest...}", sbi::BodyKind::none, sbi::PlainHandler([](const sbi::Request&) { return sbi::Response(200); }));
  const auto status = [&router](const std::string& target) {
    sbi::Request request;
    request.method = "GET";
    request.target = target;
    try {
      (void)router.find(request);
      return 200;
    } catch (const base::Error& error) {
      return sbi::status_of(error.kind());
    }
  };
  for (const char* target : {"/nudm-sdm/../nudm-ueau/v1", "/nudm-sdm/%2e%2e/nudm-ueau", "/nudm-sdm/..%2fnudm-ueau", "/nudm-sdm/a%2F..%2Fb", "/nudm-sdm/./a",
                             "/nudm-sdm/a/..", "/nudm-sdm/%2E", "/nudm-sdm/..%5cnudm-ueau"}) {
    CAPTURE(target);
    CHECK(status(target) == 400);
  }
  for (const char* target : {"/nudm-sdm/a%2Fb", "/nudm-sdm/...", "/nudm-sdm/.a/a.", "/nudm-sdm/a..b"}) {
    CAPTURE(target);
    CHECK(status(target) == 200);
  }
}

TEST_CASE("What a peer calls a problem is read as far as it is one", "[sbi][problem]") {
  const std::string body = GENERATE(as<std::string>(), "", "[]", "no JSON", R"({"cause":1,"detail":null})", "\xff", std::string(1000000, '['),
                                    R"({"cause":"X","deep":)" + std::string(1000, '[') + std::string(1000, ']') + "}",
                                    R"({"cause":"X","detail":")" + std::string(std::size_t{64} * 1024, 'x') + "\"}");
  const auto read = sbi::read_problem(Response(409, "application/problem+json", body));
  CHECK(read.status == 409);
  CHECK(read.cause.empty());
  CHECK(read.detail.empty());
}
