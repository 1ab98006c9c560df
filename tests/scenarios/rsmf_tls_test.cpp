#include <openssl/ssl.h>

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "lib/base/log.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/tls.hpp"
#include "lib/web/http_client.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/scenarios/rsmf_lab.hpp"
#include "tests/support/patient_limits.hpp"
#include "ue-sim/rsmf.hpp"
#include "ue-sim/rsmf_reader.hpp"

/// How notifications reach an RSMF that is an ordinary web server: whom libcurl trusts, what it shows, which way it goes.

using namespace test;

namespace {

constexpr std::chrono::seconds kPatience(10);

/// An RSMF with TLS, of a CA that is not the core's, which asks for a certificate but does without.
struct TlsRsmf {
  TlsRsmf() {
    auto server_of = wanted_leaf("rsmf", crypto::KeyUsage::digital_signature);
    server_of.ip_addresses = {"127.0.0.1"};
    keep("server", make_party(server_of, &rsmf_ca));
    keep_own("ausf.example");
    (void)folder.write("rsmf-ca.pem", rsmf_ca.certificate.pem());
    (void)folder.write("core-ca.pem", core_ca.certificate.pem());
    router.add("POST", "/notifications", sbi::BodyKind::json, sbi::PlainHandler([this](const sbi::Request& request) {
                 told_by = request.peer.name;
                 ++times_told;
                 return sbi::Response(204);
               }));
    loop.run([this] { server = std::make_unique<sbi::Http2Server>(loop.io(), router, patient_limits()); });
    listen_anew();
  }
  void listen_anew() { listen({folder / "server.pem", folder / "server.key", folder / "core-ca.pem", false}); }
  /// At a further port. `change`: what its TLS is to be unlike ours.
  void listen(const sbi::TlsFiles& files, const std::function<void(SSL_CTX*)>& change = [](SSL_CTX*) {}) {
    const auto context = sbi::make_server_context(files);
    change(context->native_handle());
    port = loop.run([&] { return server->listen("127.0.0.1", 0, context); });
  }
  ~TlsRsmf() {
    loop.run([this] { server.reset(); });
    loop.stop();
  }
  void keep(const std::string& name, const Party& party) {
    (void)folder.write(name + ".pem", party.certificate.pem());
    (void)folder.write(name + ".key", base::as_text(party.key->to_pem().reveal()));
  }
  /// What a core's function shows: a certificate for this name, and its key.
  void keep_own(const std::string& name) {
    auto wanted = wanted_leaf("ausf", crypto::KeyUsage::digital_signature);
    wanted.dns_names = {name};
    keep("own", make_party(wanted, &core_ca));
  }
  [[nodiscard]] std::string uri() const { return "https://127.0.0.1:" + std::to_string(port) + "/notifications"; }
  /// The status of a notification, and by whom it came; the error's text if none got through.
  std::string notify(const web::TlsFiles& tls, const std::string& body = "{}") {
    web::HttpClient client(tls);
    return notify_by(client, body);
  }
  std::string notify_by(web::HttpClient& client, const std::string& body = "{}") {
    try {
      const int status = loop.await(client.post_json(uri(), body, kPatience));
      return std::to_string(status) + " " + told_by;
    } catch (const web::HttpError& error) {
      return error.what();
    }
  }

  /// By whom the last notification came, once so many have come; they do not: nobody.
  std::string teller(int number) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (times_told < number && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return times_told < number ? "nobody" : loop.run([this] { return told_by; });
  }

  TemporaryFolder folder;
  Party rsmf_ca = make_party(wanted_ca("RSMF CA"));
  Party core_ca = make_party(wanted_ca("core CA"));
  Loop loop;
  sbi::Router router;
  std::unique_ptr<sbi::Http2Server> server;
  std::uint16_t port = 0;
  std::string told_by;
  std::atomic<int> times_told = 0;
};

const service::Program kRsmfProgram{"ue-sim rsmf", "rsmf", "RSMF", "as scripts/demo --tls starts it"};

/// Sets a variable of the environment until it goes.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE_METHOD(TlsRsmf, "An RSMF's certificate is held against the CA that is configured for it, and no other", "[ausf-ext][web][step-11]") {
  CHECK(notify({"", "", folder / "rsmf-ca.pem"}) == "204 anonymous");
  CHECK_THAT(notify({"", "", folder / "core-ca.pem"}), Catch::Contains("https://127.0.0.1"));
  CHECK_THAT(notify({}), Catch::Contains("https://127.0.0.1"));  // the system's CAs know it not
}

TEST_CASE_METHOD(TlsRsmf, "An RSMF is told over TLS 1.2 or 1.3 with AEAD and forward secrecy alone", "[ausf-ext][web][step-11]") {
  const sbi::TlsFiles files{folder / "server.pem", folder / "server.key", "", false};
  const web::TlsFiles tls{"", "", folder / "rsmf-ca.pem"};
  const auto of_version = [](int version) {
    return [version](SSL_CTX* context) {
      SSL_CTX_set_security_level(context, 0);
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
    };
  };
  SECTION("1.3") {
    listen(files, of_version(TLS1_3_VERSION));
    CHECK(notify(tls) == "204 anonymous");
  }
  SECTION("1.2") {
    listen(files, of_version(TLS1_2_VERSION));
    CHECK(notify(tls) == "204 anonymous");
  }
  SECTION("1.1") {
    listen(files, of_version(TLS1_1_VERSION));
    CHECK_THAT(notify(tls), Catch::Contains("https://127.0.0.1"));
  }
  SECTION("1.2 with CBC") {
    listen(files, [&](SSL_CTX* context) {
      of_version(TLS1_2_VERSION)(context);
      REQUIRE(SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA") == 1);
    });
    CHECK_THAT(notify(tls), Catch::Contains("https://127.0.0.1"));
  }
}

TEST_CASE_METHOD(TlsRsmf, "An RSMF is shown a certificate only where one is configured for it", "[ausf-ext][web][step-11]") {
  CHECK(notify({folder / "own.pem", folder / "own.key", folder / "rsmf-ca.pem"}) == "204 ausf.example");
}

TEST_CASE_METHOD(TlsRsmf, "Notifications go where the configuration says, not through a proxy of the environment", "[ausf-ext][web][step-11]") {
  const std::string nowhere = "http://127.0.0.1:" + std::to_string(free_port());
  const Environment https("https_proxy", nowhere), http("http_proxy", nowhere), all("all_proxy", nowhere);
  CHECK(notify({"", "", folder / "rsmf-ca.pem"}) == "204 anonymous");
}

TEST_CASE_METHOD(TlsRsmf, "Certificate, key and CA are those of when they were read, and new ones count for all that begins then", "[ausf-ext][web][step-11][reload]") {
  const web::TlsFiles own{folder / "own.pem", folder / "own.key", folder / "rsmf-ca.pem"};
  web::HttpClient client(own);
  CHECK(notify_by(client) == "204 ausf.example");
  keep_own("renewed.example");
  (void)folder.write("rsmf-ca.pem", core_ca.certificate.pem());
  CHECK(notify_by(client) == "204 ausf.example");
  listen_anew();  // to where there is no connection yet
  CHECK(notify_by(client) == "204 ausf.example");
  client.use_tls(own);
  CHECK_THAT(notify_by(client), Catch::Contains("https://127.0.0.1"));  // the open connection trusted another CA
  (void)folder.write("rsmf-ca.pem", rsmf_ca.certificate.pem());
  CHECK_THAT(notify_by(client), Catch::Contains("https://127.0.0.1"));
  client.use_tls(own);
  CHECK(notify_by(client) == "204 renewed.example");
}

TEST_CASE_METHOD(TlsRsmf, "What a client cannot read anew changes nothing", "[ausf-ext][web][step-11][reload]") {
  const web::TlsFiles own{folder / "own.pem", folder / "own.key", folder / "rsmf-ca.pem"};
  web::HttpClient client(own);
  keep_own("renewed.example");
  std::filesystem::permissions(own.private_key, static_cast<std::filesystem::perms>(0644));
  CHECK_THROWS_WITH(client.use_tls(own), "the file " + own.private_key + " may be read by others: chmod 600 it");
  CHECK_THROWS_WITH(web::HttpClient(own), "the file " + own.private_key + " may be read by others: chmod 600 it");
  CHECK(notify_by(client) == "204 ausf.example");
  std::filesystem::permissions(own.private_key, static_cast<std::filesystem::perms>(0600));
  const std::string none = folder / "absent.pem";
  CHECK_THROWS_WITH(client.use_tls({own.certificate, own.private_key, none}), "the file " + none + " cannot be read, or is empty");
  CHECK_THROWS_WITH(client.use_tls({none, own.private_key, own.ca}), "the file " + none + " cannot be read, or is empty");
  CHECK_THROWS_WITH(client.use_tls({own.certificate, none, own.ca}), "the file " + none + " cannot be read");
  listen_anew();
  CHECK(notify_by(client) == "204 ausf.example");
  client.use_tls(own);
  CHECK(notify_by(client) == "204 renewed.example");
}

TEST_CASE_METHOD(RsmfLab, "At a reload nf-ausf-ext reads anew what it shows its RSMF and whom it trusts, all of it or nothing", "[ausf-ext][web][step-11][reload]") {
  TlsRsmf rsmf;
  auto config = ausf_ext_config();
  config.rsmf_uri = rsmf.uri();
  config.rsmf_tls = {rsmf.folder / "own.pem", rsmf.folder / "own.key", rsmf.folder / "rsmf-ca.pem"};
  start(config);
  int count = 0;
  const auto told_of_one_more = [&] {
    attach(make_device("90170000000000" + std::to_string(++count)));
    return rsmf.teller(count);
  };
  CHECK(told_of_one_more() == "ausf.example");
  rsmf.keep_own("renewed.example");
  const std::string sound = read_text(config.rsmf_tls.private_key);
  SECTION("others may read the key") {
    std::filesystem::permissions(config.rsmf_tls.private_key, static_cast<std::filesystem::perms>(0644));
    CHECK_THROWS_WITH(ausf->reload(), Catch::Contains("own.key may be read by others: chmod 600 it"));
  }
  SECTION("the key is another certificate's") {
    (void)rsmf.folder.write("own.key", read_text(rsmf.folder / "server.key"));
    CHECK_THROWS_WITH(ausf->reload(), Catch::Contains("own.key"));
  }
  SECTION("the CA is none") {
    (void)rsmf.folder.write("rsmf-ca.pem", "no certificate");
    CHECK_THROWS_WITH(ausf->reload(), Catch::Contains("rsmf-ca.pem"));
  }
  CHECK(told_of_one_more() == "ausf.example");
  (void)rsmf.folder.write("own.key", sound);
  (void)rsmf.folder.write("rsmf-ca.pem", rsmf.rsmf_ca.certificate.pem());
  CHECK_NOTHROW(ausf->reload());
  CHECK(told_of_one_more() == "renewed.example");
}

TEST_CASE_METHOD(TlsRsmf, "The simulator's RSMF with TLS takes notifications of those who show a certificate, and lists them", "[ue-sim][step-11]") {
  base::log::open("scenario", "", base::log::Level::off);
  ue_sim::RsmfRequest request;
  request.address = "127.0.0.1";
  request.server_tls = {folder / "server.pem", folder / "server.key", folder / "core-ca.pem", true};
  const service::Running running(kRsmfProgram, ue_sim::make_rsmf(request));
  CHECK(running.http1_ports().empty());
  port = running.http2_ports().at(0);
  const web::TlsFiles own{folder / "own.pem", folder / "own.key", folder / "rsmf-ca.pem"};
  const json told{{"dimsi", "901700000000001"}, {"imsi", "001010000000001"}};
  CHECK_THAT(notify({"", "", folder / "rsmf-ca.pem"}, told.dump()), Catch::Contains("https://127.0.0.1"));  // without a certificate
  CHECK(notify(own, told.dump()) == "204 ");
  const ue_sim::RsmfReader reader("https://127.0.0.1:" + std::to_string(port) + "/notifications",
                                  {own.certificate, own.private_key, own.ca, false});
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!reader.has("901700000000001", "001010000000001") && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(reader.has("901700000000001", "001010000000001"));
  CHECK(reader.fault().empty());
}

TEST_CASE("The RSMF's TLS is a section of its own, and takes nothing from the core's", "[ausf-ext][config]") {
  const TemporaryFolder folder;
  const std::string ca = folder.write("ca.pem", make_party(wanted_ca("CA")).certificate.pem());
  const auto read = [](const std::string& rsmf, const std::string& client) {
    const auto document = service::YamlDocument::parse("ausf_ext:\n  rsmf: {uri: \"https://rsmf.example/\"" + rsmf + "}\n" + client, "x.yaml");
    return ausf_ext::read_config(document.root()).rsmf_tls;
  };
  CHECK(read("", "  client: {tls: {ca: " + ca + "}}\n").ca.empty());
  CHECK(read(", tls: {ca: " + ca + "}", "").ca == ca);
}

TEST_CASE("Secrets of connections to the RSMF are not to be logged, by whatever the configuration says", "[ausf-ext][config]") {
  const TemporaryFolder folder;
  const std::string ca = folder.write("ca.pem", make_party(wanted_ca("CA")).certificate.pem());
  const auto problems = [&](const std::string& more) -> std::string {
    const auto document = service::YamlDocument::parse("ausf_ext:\n  rsmf: {uri: \"https://rsmf.example/\", tls: {ca: " + ca + more + "}}\n", "x.yaml");
    (void)ausf_ext::read_config(document.root());
    try {
      document.finish();
    } catch (const service::ConfigError& error) {
      return error.what();
    }
    return "";
  };
  const std::string log = ", sslkeylogfile: " + (folder / "keys.log"), refused = "ausf_ext.rsmf.tls.sslkeylogfile: is not supported here: ";
  CHECK_THAT(problems(""), !Catch::Contains("rsmf.tls"));
  CHECK_THAT(problems(log), Catch::Contains(refused) && !Catch::Contains("insecure_key_log"));
  CHECK_THAT(problems(log + ", insecure_key_log: true"), Catch::Contains(refused) && !Catch::Contains("insecure_key_log"));
  CHECK_THAT(problems(", insecure_key_log: true"), Catch::Contains("ausf_ext.rsmf.tls.insecure_key_log: is not known here"));
  CHECK_FALSE(std::filesystem::exists(folder / "keys.log"));
}

TEST_CASE("The lab's RSMF listens beyond loopback in clear only if that is meant", "[ue-sim][rsmf][tls]") {
  ue_sim::RsmfRequest request;
  request.address = GENERATE(as<std::string>(), "10.0.0.1", "0.0.0.0", "::");
  CHECK_THROWS_WITH(ue_sim::require_safe_listener(request), Catch::Contains("--listen " + request.address + " is beyond loopback") &&
                                                                Catch::Contains("--insecure-beyond-loopback"));
  SECTION("it is at loopback") { request.address = "127.0.0.60"; }
  SECTION("it has TLS") { request.server_tls.certificate = "rsmf.pem"; }
  SECTION("it is said") { request.may_be_in_clear = true; }
  CHECK_NOTHROW(ue_sim::require_safe_listener(request));
}
