// Whom the SBI client may be sent to: nobody beyond loopback in clear, and nobody by TLS without what to verify him against.
#include <catch2/catch.hpp>

#include "lib/service/routing_config.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/read_yaml.hpp"
#include "tests/support/temporary_folder.hpp"

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

namespace {

/// What is wrong with a function whose `client`, in line 4, has these members.
std::string problems_of_client(const std::string& members) {
  const std::string text = "ausf:\n  database: /x.db\n  sbi: {server: {address: 127.0.0.1}}\n  client: {" + members + "}\n";
  return test::read_yaml(text, [](const service::Section& root) { return service::read_common(root, "ausf"); }).problems;
}

/// What is wrong with a routing table whose default, in line 2, is `target: uri` and these members.
std::string problems_of_route(const std::string& members, const service::CommonConfig& common) {
  const auto read = [&common](const service::Section& root) { return service::read_routing(root.section("f"), common, false); };
  return test::read_yaml("f:\n  routing: {default: {target: uri, " + members + "}}\n", read).problems;
}

/// A CA's certificate, as `ca` of a client names it.
struct CaOfClient : test::TemporaryFolder {
  std::string ca = write("ca.pem", test::identity(test::ca_template("CA"), crypto::Curve::p256).certificate.pem());
  std::string tls = ", tls: {ca: " + ca + "}";
};

}  // namespace

TEST_CASE("A peer beyond loopback is not called in clear, unless the client says that it is meant", "[service][config][peers]") {
  const std::string member = GENERATE(as<std::string>(), "nrf", "scp");
  const auto problems = [&member](const std::string& uri, const std::string& more = "") {
    return problems_of_client(member + ": {uri: '" + uri + "'}" + more);
  };
  CAPTURE(member);
  for (const std::string uri : {"http://127.0.0.10:7777", "http://127.255.255.254", "http://[::1]:7777", "http://localhost:7777/x"}) {
    CAPTURE(uri);
    CHECK(problems(uri) == "");
    CHECK(problems(uri, ", insecure_beyond_loopback: false") == "");
  }
  for (const std::string uri : {"http://10.0.0.1:7777", "http://0.0.0.0:7777", "http://[2001:db8::1]:7777", "http://[::ffff:127.0.0.1]:7777", "http://nrf.example:7777",
                                "http://127.0.0.1.example:7777", "http://localhost.example:7777", "http://127.1:7777", "http://2130706433:7777"}) {
    CAPTURE(uri);
    const std::string begin = "x.yaml:4:23: ausf.client." + member + ".uri: " + uri + " is beyond loopback and in clear: ";
    const std::string end = "Give an https URI, or say insecure_beyond_loopback: true in client";
    CHECK_THAT(problems(uri), StartsWith(begin) && EndsWith(end));
    CHECK_THAT(problems(uri, ", insecure_beyond_loopback: false"), StartsWith(begin) && EndsWith(end));
    CHECK(problems(uri, ", insecure_beyond_loopback: true") == "");
  }
}

TEST_CASE_METHOD(CaOfClient, "A peer with an https URI needs a client that has TLS, on loopback as well", "[service][config][peers]") {
  const std::string member = GENERATE(as<std::string>(), "nrf", "scp");
  const std::string uri = GENERATE(as<std::string>(), "https://10.0.0.1:7777", "https://127.0.0.1:7777", "https://localhost:7777", "https://nrf.example");
  CAPTURE(member, uri);
  const std::string peer = member + ": {uri: '" + uri + "'}";
  const std::string problem = "x.yaml:4:23: ausf.client." + member + ".uri: " + uri + " needs client: tls, whose ca it is verified against";
  CHECK(problems_of_client(peer + tls) == "");
  CHECK(problems_of_client(peer) == problem);
  CHECK(problems_of_client(peer + ", insecure_beyond_loopback: true") == problem);
}

TEST_CASE_METHOD(CaOfClient, "The SBI client trusts a CA of its configuration, and never the system's", "[service][config][peers]") {
  const auto own = test::identity(test::template_for("own", {crypto::KeyUsage::digital_signature}), crypto::Curve::p256);
  const std::string pair = "certificate: " + write("own.pem", own.certificate.pem()) + ", private_key: " + write("own.key", base::as_text(own.key.to_pem().reveal()));
  const std::string problem = "ausf.client.tls.ca: is missing: the certificates that peers chain to, else every public CA could vouch for them";
  CHECK(problems_of_client("tls: {ca: " + ca + "}") == "");
  CHECK(problems_of_client("tls: {" + pair + ", ca: " + ca + "}") == "");
  CHECK(problems_of_client("tls: {" + pair + "}") == "x.yaml:4:17: " + problem);
  CHECK(problems_of_client("tls: {}") == "x.yaml:4:17: " + problem);
  CHECK_THAT(problems_of_client("tls: {" + pair + ", ca: }"), Contains(problem));
  CHECK_THAT(problems_of_client("tls: {ca: ''}"), Contains("ausf.client.tls.ca: is empty"));
}

TEST_CASE_METHOD(CaOfClient, "A client with TLS calls nobody beyond loopback in clear either", "[service][config][peers]") {
  CHECK(problems_of_client("nrf: [{uri: 'https://10.0.0.1:7777'}, {uri: 'http://127.0.0.1:7777'}]" + tls) == "");
  const std::string problems = problems_of_client("nrf: [{uri: 'https://10.0.0.1:7777'}, {uri: 'http://10.0.0.2:7777'}]" + tls);
  CHECK_THAT(problems, StartsWith("x.yaml:4:56: ausf.client.nrf[1].uri: http://10.0.0.2:7777 is beyond loopback and in clear"));
}

TEST_CASE("Each target of a routing table is called as other peers are", "[service][config][peers][routing]") {
  service::CommonConfig common;
  CHECK(problems_of_route("uri: ['http://127.0.0.11:7777', 'http://localhost:7777']", common) == "");
  const std::string both = problems_of_route("uri: ['http://127.0.0.11:7777', 'http://10.0.0.1:7777', 'http://10.0.0.2:7777']", common);
  CHECK_THAT(both, StartsWith("x.yaml:2:41: f.routing.default.uri: http://10.0.0.1:7777 is beyond loopback") &&
                       Contains("\nx.yaml:2:41: f.routing.default.uri: http://10.0.0.2:7777 is beyond loopback"));
  const std::string ausf = "ausf: 'http://10.0.0.1:7777', udm: 'http://127.0.0.12:7777'";
  const std::string udm = "ausf: 'http://127.0.0.11:7777', udm: 'http://10.0.0.1:7777'";
  CHECK_THAT(problems_of_route(ausf, common), StartsWith("x.yaml:2:42: f.routing.default.ausf: http://10.0.0.1:7777 is beyond loopback"));
  CHECK_THAT(problems_of_route(udm, common), StartsWith("x.yaml:2:73: f.routing.default.udm: http://10.0.0.1:7777 is beyond loopback"));
  CHECK(problems_of_route("uri: 'https://10.0.0.1:7777'", common) ==
        "x.yaml:2:41: f.routing.default.uri: https://10.0.0.1:7777 needs client: tls, whose ca it is verified against");
  common.may_call_in_clear = true;
  CHECK(problems_of_route(ausf, common) == "");
  CHECK(problems_of_route(udm, common) == "");
  CHECK_THAT(problems_of_route("uri: 'https://10.0.0.1:7777'", common), Contains("needs client: tls"));
  common.client_tls = sbi::TlsFiles();
  CHECK(problems_of_route("uri: 'https://10.0.0.1:7777'", common) == "");
}
