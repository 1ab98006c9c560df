#include "lib/service/config.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "lib/service/access.hpp"
#include "lib/service/run.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/read_yaml.hpp"
#include "tests/support/temporary_folder.hpp"

using service::CommonConfig;
using service::ConfigError;
using service::YamlDocument;

namespace {

test::ReadConfig<CommonConfig> read_arpf(const std::string& text) {
  return test::read_yaml(text, [](const service::Section& root) { return service::read_common(root, "arpf"); });
}

/// A sound configuration whose `sbi` has these lines, and whose `arpf` has those.
std::string with(const std::string& sbi, const std::string& more = "") {
  return "arpf:\n  database: /x.db\n" + more + "  sbi:\n" + sbi;
}
const std::string kServer = "    server: {address: 127.0.0.1, port: 7000}\n";

/// Certificates as TLS sections name them: own.pem and own.key, other.key of another certificate, ca.pem.
struct TlsFolder : test::TemporaryFolder {
  TlsFolder() {
    const auto issuer = test::identity(test::ca_template("CA"), crypto::Curve::p256);
    (void)write("ca.pem", issuer.certificate.pem());
    for (const std::string name : {"own", "other"}) {
      const auto made = test::identity(test::template_for(name, {crypto::KeyUsage::digital_signature}), crypto::Curve::p256, &issuer);
      (void)write(name + ".pem", made.certificate.pem());
      (void)write(name + ".key", base::as_text(made.key.to_pem().reveal()));
    }
  }
  std::string certificate = *this / "own.pem";
  std::string key = *this / "own.key";
  std::string other_key = *this / "other.key";
  std::string ca = *this / "ca.pem";
};

}  // namespace

TEST_CASE("A short configuration has sound defaults", "[service][config]") {
  const auto [config, problems] = read_arpf(with("    server:\n      - address: 127.0.0.1\n"));
  CHECK(problems.empty());
  REQUIRE(config.http2.size() == 1);
  CHECK(config.http2[0].address == "127.0.0.1");
  CHECK(config.http2[0].port == 7777);
  CHECK_FALSE(config.http2[0].tls);
  CHECK(config.http1.empty());
  CHECK(config.database == "/x.db");
  CHECK(config.workers == 1);
  CHECK_FALSE(config.allows_debugging);
  CHECK_FALSE(config.limits.share_port);
  CHECK_FALSE(config.client_tls);
  CHECK(config.client_timeout == std::chrono::seconds(10));
  CHECK(config.log_level == base::log::Level::info);
  CHECK(config.log_file.empty());
}

TEST_CASE("Every common key is read", "[service][config]") {
  const auto [config, problems] =
      read_arpf("logger: {file: {path: /x.log}, level: debug}\n" +
                with(kServer + "    http1: {address: '::1', port: 0}\n    limits: {max_connections: 5, max_streams: 6, max_headers: 17, "
                          "max_header_bytes: 2000, max_body_bytes: 3000, first_byte_timeout_s: 1, request_timeout_s: 2, "
                          "idle_timeout_s: 3, write_timeout_s: 4, max_wait_ms: 7, max_handshakes: 8, max_handshakes_per_second: 9, "
                          "max_half_open_streams: 10, max_buffered_mib: 11, max_requests_per_second: 12, max_header_expansion: 13, "
                          "max_idle_frames_per_second: 140, max_stream_errors_per_second: 15, max_client_resets_per_second: 16, "
                          "max_client_resets_burst: 18, max_imports: 19, max_imports_per_peer: 20, max_http1_mib: 21, "
                          "max_http1_connections: 22}\n",
                "  workers: 3\n  insecure_debugging: true\n  client: {timeout_ms: 250}\n"));
  CHECK(problems.empty());
  CHECK(config.log_file == "/x.log");
  CHECK(config.log_level == base::log::Level::debug);
  CHECK(config.http2.at(0).port == 7000);
  CHECK(config.http1.at(0).address == "::1");
  CHECK(config.http1.at(0).port == 0);
  CHECK(config.limits.max_connections == 5);
  CHECK(config.limits.http2.max_streams == 6);
  CHECK(config.limits.http2.max_headers == 17);
  CHECK(config.limits.http2.max_header_bytes == 2000);
  CHECK(config.limits.max_body_bytes == 3000);
  CHECK(config.limits.first_byte_timeout == std::chrono::seconds(1));
  CHECK(config.limits.request_timeout == std::chrono::seconds(2));
  CHECK(config.limits.idle_timeout == std::chrono::seconds(3));
  CHECK(config.limits.write_timeout == std::chrono::seconds(4));
  CHECK(config.limits.max_wait == std::chrono::milliseconds(7));
  CHECK(config.limits.max_handshakes == 8);
  CHECK(config.limits.max_handshakes_per_second == 9);
  CHECK(config.limits.max_half_open_streams == 10);
  CHECK(config.limits.max_buffered_bytes == 11 * 1024 * 1024);
  CHECK(config.limits.max_requests_per_second == 12);
  CHECK(config.limits.http2.max_header_expansion == 13);
  CHECK(config.limits.http2.max_idle_frames_per_second == 140);
  CHECK(config.limits.http2.max_stream_errors_per_second == 15);
  CHECK(config.limits.http2.max_client_resets_per_second == 16);
  CHECK(config.limits.http2.max_client_resets_burst == 18);
  CHECK(config.limits.max_imports == 19);
  CHECK(config.limits.max_imports_per_peer == 20);
  CHECK(config.limits.max_http1_bytes == 21 * 1024 * 1024);
  CHECK(config.limits.max_http1_connections == 22);
  CHECK(config.workers == 3);
  CHECK(config.allows_debugging);
  CHECK(config.limits.share_port);
  CHECK(config.client_timeout == std::chrono::milliseconds(250));
}

TEST_CASE("What a function cannot do without is asked for", "[service][config]") {
  CHECK_THAT(read_arpf("").problems, Catch::Contains("arpf: is missing"));
  CHECK_THAT(read_arpf("arpf:\n  sbi:\n" + kServer).problems, Catch::Contains("arpf.database: is missing"));
  CHECK_THAT(read_arpf("arpf:\n  database: x\n").problems, Catch::Contains("arpf.sbi: is missing"));
  CHECK_THAT(read_arpf(with("    limits: {}\n")).problems, Catch::Contains("arpf.sbi.server: is missing"));
  CHECK_THAT(read_arpf(with("    server: [{port: 1}]\n")).problems, Catch::Contains("arpf.sbi.server[0].address: is missing"));
}

TEST_CASE("Each number has its range, one below and one above", "[service][config]") {
  const auto [key, min, max] = GENERATE(table<std::string, std::int64_t, std::int64_t>({
      {"max_connections", 1, 1000000},
      {"max_http1_connections", 1, 100000},
      {"max_streams", 1, 10000},
      {"max_headers", 16, 1000},
      {"max_header_bytes", 1024, 65536},
      {"max_body_bytes", 1024, 8 * 1024 * 1024},
      {"first_byte_timeout_s", 1, 86400},
      {"request_timeout_s", 1, 86400},
      {"idle_timeout_s", 1, 86400},
      {"write_timeout_s", 1, 86400}, {"max_wait_ms", 1, 60000},
      {"max_handshakes", 1, 100000},
      {"max_handshakes_per_second", 0, 1000000},
      {"max_half_open_streams", 1, 10000000},
      {"max_buffered_mib", 1, 65536},
      {"max_http1_mib", 1, 64},
      {"max_requests_per_second", 0, 10000000},
      {"max_header_expansion", 1, 100},
      {"max_idle_frames_per_second", 100, 10000000},
      {"max_stream_errors_per_second", 1, 1000000},
      {"max_client_resets_per_second", 1, 1000000},
      {"max_client_resets_burst", 1, 1000000},
      {"max_imports", 1, 1000},
      {"max_imports_per_peer", 1, 1000},
  }));
  const auto problems = [key = key](std::int64_t value) {
    return read_arpf(with(kServer + "    limits: {" + key + ": " + std::to_string(value) + "}\n")).problems;
  };
  CAPTURE(key);
  CHECK(problems(min).empty());
  CHECK(problems(max).empty());
  CHECK_THAT(problems(min - 1), Catch::Contains("arpf.sbi.limits." + key) && Catch::Contains("too small"));
  CHECK_THAT(problems(max + 1), Catch::Contains("arpf.sbi.limits." + key) && Catch::Contains("too large"));
}

TEST_CASE("Ports, workers and timeouts have their ranges too", "[service][config]") {
  CHECK(read_arpf(with("    server: {address: 127.0.0.1, port: 65535}\n")).problems.empty());
  CHECK_THAT(read_arpf(with("    server: {address: 127.0.0.1, port: 65536}\n")).problems, Catch::Contains("port: 65536 is too large"));
  CHECK_THAT(read_arpf(with("    server: {address: 127.0.0.1, port: -1}\n")).problems, Catch::Contains("port: -1 is too small"));
  CHECK(read_arpf(with(kServer, "  workers: 64\n")).problems.empty());
  CHECK_THAT(read_arpf(with(kServer, "  workers: 65\n")).problems, Catch::Contains("workers: 65 is too large"));
  CHECK_THAT(read_arpf(with(kServer, "  workers: 0\n")).problems, Catch::Contains("workers: 0 is too small"));
  CHECK_THAT(read_arpf(with(kServer, "  client: {timeout_ms: 9}\n")).problems, Catch::Contains("timeout_ms: 9 is too small"));
}

TEST_CASE("An address beyond loopback needs verified clients, or a word that says it is meant", "[service][config]") {
  const TlsFolder folder;
  const std::string tls = ", tls: {certificate: " + folder.certificate + ", private_key: " + folder.key;
  const auto problems = [](const std::string& rest, const std::string& more = "", const std::string& front = "server") {
    return read_arpf(with((front == "server" ? "" : kServer) + "    " + front + ": {port: 0, " + rest + "}\n" + more)).problems;
  };
  for (const char* const address : {"127.0.0.1", "127.0.0.9", "'::1'"}) CHECK(problems("address: " + std::string(address)).empty());
  for (const char* const address : {"0.0.0.0", "10.0.0.1", "'::'", "'2001:db8::1'"}) {
    CAPTURE(address);
    const std::string at = "address: " + std::string(address);
    CHECK_THAT(problems(at), Catch::Contains("beyond loopback"));
    CHECK(problems(at, "    insecure_beyond_loopback: true\n").empty());
    CHECK_THAT(problems(at, "    insecure_beyond_loopback: false\n"), Catch::Contains("beyond loopback"));
    CHECK_THAT(problems(at + tls + "}"), Catch::Contains("beyond loopback"));
    CHECK_THAT(problems(at + tls + ", ca: " + folder.ca + ", verify_client: false}"), Catch::Contains("beyond loopback"));
    CHECK(problems(at + tls + ", ca: " + folder.ca + "}").empty());
    CHECK_THAT(problems(at, "", "http1"), Catch::Contains("arpf.sbi.http1.address") || Catch::Contains("beyond loopback"));
  }
  CHECK_THAT(problems("address: localhost"), Catch::Contains("localhost is not an IP address"));
  CHECK_THAT(problems("address: 127.0.0.256"), Catch::Contains("is not an IP address"));
}

TEST_CASE("Serving networks of a peer are names that keys can be bound to", "[service][config][access]") {
  const auto problems = [](const std::string& name) -> std::string {
    const auto document = YamlDocument::parse("access: [{peer: a.example, as: ausf, serving_networks: ['" + name + "']}]\n", "x.yaml");
    (void)service::read_access(document.root(), {service::Role::ausf});
    try {
      document.finish();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  for (const char* name : {"5G:mnc001.mcc001.3gppnetwork.org", "WLAN", "UMTS_AKA"}) CHECK(problems(name).empty());
  for (const char* name : {"5G:mnc01.mcc001.3gppnetwork.org", "wlan", "EPS_AKA"}) {
    CHECK_THAT(problems(name), Catch::Contains("serving_networks: " + std::string(name) + " is neither of the form"));
  }
  const auto document = YamlDocument::parse("access: [{peer: a.example, as: ausf, serving_networks: []}]\n", "x.yaml");
  (void)service::read_access(document.root(), {service::Role::ausf});
  CHECK_THROWS_WITH(document.finish(), Catch::Contains("serving_networks: is empty: leave it out for every serving network"));
}

TEST_CASE("TLS sections name files that can be read and belong together", "[service][config]") {
  const TlsFolder folder;
  const auto server = [](const std::string& tls) { return read_arpf(with("    server: {address: 127.0.0.1, tls: {" + tls + "}}\n")); };
  const auto client = [](const std::string& tls) { return read_arpf(with(kServer, "  client: {tls: {" + tls + "}}\n")); };
  const std::string own = "certificate: " + folder.certificate + ", private_key: " + folder.key;
  SECTION("of a server") {
    const auto sound = server(own);
    CHECK(sound.problems.empty());
    CHECK(sound.config.http2.at(0).tls->certificate == folder.certificate);
    CHECK_FALSE(sound.config.http2.at(0).tls->verify_client);
    CHECK(server(own + ", ca: " + folder.ca).config.http2.at(0).tls->verify_client);
    CHECK_THAT(server("certificate: " + folder.certificate).problems, Catch::Contains("tls.private_key: is missing"));
    CHECK_THAT(server("private_key: " + folder.key).problems, Catch::Contains("tls.certificate: is missing"));
    CHECK_THAT(server("certificate: /absent, private_key: " + folder.key).problems, Catch::Contains("the file /absent cannot be read"));
    CHECK_THAT(server(own + ", verify_client: true").problems, Catch::Contains("needs ca"));
  }
  SECTION("of a client") {
    CHECK(client("ca: " + folder.ca).problems.empty());
    CHECK(client("ca: " + folder.ca).config.client_tls->ca == folder.ca);
    CHECK(client(own + ", ca: " + folder.ca).problems.empty());
    CHECK_THAT(client("certificate: " + folder.certificate).problems, Catch::Contains("tls.private_key: is missing"));
    CHECK_THAT(client("ca: /absent").problems, Catch::Contains("the file /absent cannot be read"));
    CHECK_THAT(client("ca: " + folder.ca + ", verify_client: true").problems, Catch::Contains("verify_client: is not known here"));
  }
  SECTION("a log of the keys of connections is for a lab that says so, on either side") {
    const std::string log = own + ", ca: " + folder.ca + ", sslkeylogfile: " + (folder / "keys.log");
    const std::string refused = "tls.sslkeylogfile: lets whoever reads the file read every connection";
    CHECK_THAT(server(log).problems, Catch::Contains(refused));
    CHECK_THAT(client(log).problems, Catch::Contains(refused));
    CHECK_THAT(server(log + ", insecure_key_log: false").problems, Catch::Contains(refused));
    CHECK_THAT(client(log + ", insecure_key_log: false").problems, Catch::Contains(refused));
    CHECK(server(log + ", insecure_key_log: true").problems.empty());
    CHECK(client(log + ", insecure_key_log: true").problems.empty());
    CHECK(server(log + ", insecure_key_log: true").config.http2.at(0).tls->key_log == folder / "keys.log");
    CHECK(client(log + ", insecure_key_log: true").config.client_tls->key_log == folder / "keys.log");
    CHECK_FALSE(std::filesystem::exists(folder / "keys.log"));  // the function makes it when it starts
  }
  SECTION("not of HTTP/1.1") {
    CHECK_THAT(read_arpf(with(kServer + "    http1: {address: 127.0.0.1, tls: {}}\n")).problems, Catch::Contains("tls: is not known here"));
  }
  SECTION("a key that others may read is refused, on either side") {
    std::filesystem::permissions(folder.key, static_cast<std::filesystem::perms>(0644));
    CHECK_THAT(server(own).problems, Catch::Contains("tls.private_key: the file " + folder.key + " may be read by others: chmod 600 it"));
    CHECK_THAT(client(own).problems, Catch::Contains("tls.private_key: the file " + folder.key + " may be read by others: chmod 600 it"));
  }
  SECTION("a key of another certificate is refused, on either side") {
    const std::string mixed = "certificate: " + folder.certificate + ", private_key: " + folder.other_key;
    CHECK_THAT(server(mixed).problems, Catch::Contains("server.tls.private_key: " + folder.other_key) || Catch::Contains("server[0].tls.private_key: " + folder.other_key));
    CHECK_THAT(client(mixed).problems, Catch::Contains("client.tls.private_key: " + folder.other_key));
  }
  SECTION("files that hold something else are named") {
    const auto none = folder.write("none.pem", "no certificate");
    CHECK_THAT(server("certificate: " + none + ", private_key: " + folder.key).problems, Catch::Contains("tls.certificate: " + none));
    CHECK_THAT(server("certificate: " + folder.certificate + ", private_key: " + none).problems, Catch::Contains("tls.private_key: " + none));
    CHECK_THAT(server(own + ", ca: " + none).problems, Catch::Contains("tls.ca: " + none));
    CHECK_THAT(client("ca: " + none).problems, Catch::Contains("tls.ca: " + none));
  }
}

TEST_CASE("Several CAs of a listener are a list, each perhaps with the names that it may vouch for", "[service][config]") {
  const TlsFolder folder;
  const std::string own = "certificate: " + folder.certificate + ", private_key: " + folder.key;
  const auto server = [&own](const std::string& ca) {
    return read_arpf(with("    server: [{address: 127.0.0.1, tls: {" + own + ", ca: " + ca + "}}]\n"));
  };
  const std::string at = "arpf.sbi.server[0].tls.ca";
  SECTION("in order, with the place of the names") {
    const auto [config, problems] = server("[{file: " + folder.ca + ", names: [ausf.a.example, '*.a.example']}, {file: " + folder.ca + "}]");
    CHECK(problems.empty());
    const auto& tls = config.http2.at(0).tls.value();
    CHECK(tls.ca.empty());
    CHECK(tls.verify_client);
    REQUIRE(tls.cas.size() == 2);
    CHECK(tls.cas[0].path == folder.ca);
    CHECK(tls.cas[0].names == std::vector<std::string>{"ausf.a.example", "*.a.example"});
    CHECK(tls.cas[0].member == at + "[0].names");
    CHECK(tls.cas[1].names.empty());
    CHECK(tls.cas[1].member == at + "[1].names");
  }
  SECTION("one of them needs no list, and one name neither") {
    const auto [config, problems] = server("{file: " + folder.ca + ", names: ausf.a.example}");
    CHECK(problems.empty());
    CHECK(config.http2.at(0).tls.value().cas.at(0).names == std::vector<std::string>{"ausf.a.example"});
    CHECK(config.http2.at(0).tls.value().cas.at(0).member == at + ".names");
  }
  SECTION("a list of names without any is not one of all") {
    CHECK_THAT(server("[{file: " + folder.ca + ", names: []}]").problems, Catch::Contains(at + "[0].names: is empty"));
    for (const char* const none : {"", "~"}) {
      CHECK_THAT(server("[{file: " + folder.ca + ", names: " + none + "}]").problems, Catch::Contains(at + "[0].names: has no value"));
    }
    CHECK_THAT(server("[{file: " + folder.ca + ", names: ''}]").problems, Catch::Contains(at + "[0].names: '' is neither a name"));
  }
  SECTION("an asterisk stands for the first label") {
    for (const std::string wrong : {"'*'", "'a.*.example'", "'a*.example'", "'*.'"}) {
      const std::string problems = server("[{file: " + folder.ca + ", names: [" + wrong + "]}]").problems;
      CHECK_THAT(problems, Catch::Contains(at + "[0].names: " + wrong + " is neither a name"));
    }
  }
  SECTION("files are named that are missing, absent or hold something else") {
    const auto none = folder.write("none.pem", "no certificate");
    CHECK_THAT(server("[]").problems, Catch::Contains(at + ": is empty"));
    CHECK_THAT(server("[{names: [a.example]}]").problems, Catch::Contains(at + "[0].file: is missing"));
    CHECK_THAT(server("[{file: /absent}]").problems, Catch::Contains(at + "[0].file: the file /absent cannot be read"));
    CHECK_THAT(server("[{file: " + folder.ca + "}, {file: " + none + "}]").problems, Catch::Contains(at + ": " + none));
    CHECK_THAT(server("[" + folder.ca + "]").problems, Catch::Contains(at + "[0]: is not a map"));
    CHECK_THAT(server("[{file: " + folder.ca + ", name: a.example}]").problems, Catch::Contains("name: is not known here; did you mean names?"));
  }
  SECTION("a client has one file") {
    const std::string problems = read_arpf(with(kServer, "  client: {tls: {ca: [{file: " + folder.ca + "}]}}\n")).problems;
    CHECK_THAT(problems, Catch::Contains("arpf.client.tls.ca: is not a single value"));
  }
}

TEST_CASE("A function's connections fit into its file descriptors", "[service][config]") {
  CommonConfig config;
  config.limits.max_connections = 1000;
  config.workers = 3;
  const std::uint64_t needed = service::descriptors_needed(config);
  CHECK(needed > 3000);
  CHECK_NOTHROW(service::require_descriptors(config, needed));
  CHECK_THROWS_WITH(service::require_descriptors(config, needed - 1),
                    Catch::Contains("max_connections: 1000 for each of 3 workers") && Catch::Contains("may open " + std::to_string(needed - 1)));
  config.limits.max_http1_connections = 200;
  CHECK(service::descriptors_needed(config) == needed);  // no HTTP/1.1 is served
  config.http1.resize(2);                                // for both together, in the first worker
  CHECK(service::descriptors_needed(config) == needed + 200);
  CHECK_THROWS_WITH(service::require_descriptors(config, needed + 199), Catch::Contains("max_http1_connections: 200"));
}

TEST_CASE("The soft limit of open files is raised to the hard one", "[service]") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 256;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(service::raise_descriptor_limit() == before.rlim_max);
  rlimit after{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  (void)setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("No listener without verify_client stands beside one with it", "[service][config]") {
  const TlsFolder folder;
  const auto problems = [&folder](const std::string& verify) {
    return read_arpf(with("    server: {address: 127.0.0.1, tls: {certificate: " + folder.certificate + ", private_key: " + folder.key +
                          ", ca: " + folder.ca + ", verify_client: " + verify + "}}\n    http1: {address: 127.0.0.1}\n"))
        .problems;
  };
  CHECK(problems("false").empty());
  CHECK(problems("true").empty());  // HTTP/1.1 serves health and metrics only, then
  const std::string tls = "tls: {certificate: " + folder.certificate + ", private_key: " + folder.key + ", ca: " + folder.ca;
  const auto both = [&tls](const std::string& other) {
    return read_arpf(with("    server: [{address: 127.0.0.1, " + tls + ", verify_client: true}}, {address: 127.0.0.2" + other + "}]\n")).problems;
  };
  CHECK(both(", " + tls + ", verify_client: true}").empty());
  CHECK_THAT(both(", " + tls + ", verify_client: false}"), Catch::Contains("address: is a way around the listener that has verify_client"));
  CHECK_THAT(both(""), Catch::Contains("address: is a way around the listener that has verify_client"));
}

TEST_CASE("A log level has a name", "[service][config]") {
  CHECK_THAT(read_arpf("logger: {level: loud}\n" + with(kServer)).problems, Catch::Contains("logger.level: loud is none of trace, debug"));
}

TEST_CASE("A URI is checked as a request would", "[service][config]") {
  const auto document = YamlDocument::parse("good: http://h:1/a/\nbad: ftp://h\n", "x.yaml");
  CHECK(service::read_uri(document.root(), "good").path == "/a");
  CHECK(service::read_uri(document.root(), "bad").host.empty());
  CHECK_THROWS_WITH(document.finish(), "x.yaml:2:6: bad: ftp://h is neither http nor https");
}
