#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "tests/sbi/served_tls.hpp"

namespace ssl = boost::asio::ssl;
using sbi::ClientError;
using test::TlsFixture;
using namespace std::chrono_literals;

TEST_CASE_METHOD(TlsFixture, "A client is called by its certificate: DNS name, else URI, else common name", "[sbi][tls]") {
  serve_tls(true);
  SECTION("DNS name") {
    keep_client(ca, {"ausf.example", "other.example"}, {"urn:uuid:1"});
    open_tls_client("client");
    CHECK(send("GET", "/plain").body == "ausf.example");
  }
  SECTION("URI") {
    keep_client(ca, {}, {"urn:uuid:1"});
    open_tls_client("client");
    CHECK(send("GET", "/plain").body == "urn:uuid:1");
  }
  SECTION("common name") {
    keep_client(ca);
    open_tls_client("client");
    CHECK(send("GET", "/plain").body == "the client");
  }
}

TEST_CASE_METHOD(TlsFixture, "A client whose certificate names nobody is turned away, never taken for anonymous", "[sbi][tls]") {
  const bool verifies = GENERATE(true, false);
  serve_tls(verifies);
  auto wanted = test::template_for("the client", {crypto::KeyUsage::digital_signature});
  SECTION("without any name") { wanted.common_name.clear(); }
  SECTION("with an empty DNS name") { wanted.dns_names = {""}; }
  SECTION("with an empty URI") { wanted.uris = {""}; }
  SECTION("by the common name anonymous") { wanted.common_name = "anonymous"; }
  SECTION("by the DNS name anonymous") { wanted.dns_names = {"anonymous"}; }
  SECTION("by the URI anonymous") { wanted.uris = {"anonymous"}; }
  SECTION("by a URI that is another's DNS name") { wanted.uris = {"ausf.b.example"}; }
  SECTION("by a DNS name that is another's URI") { wanted.dns_names = {"urn:uuid:1"}; }
  SECTION("by a common name that is another's URI") { wanted.common_name = "urn:uuid:1"; }
  keep("client", test::issued(wanted, &ca));
  open_tls_client("client");
  CHECK(is_turned_away());
  CHECK(eventually([this] { return server->open_connections() == 0; }));
}

TEST_CASE_METHOD(TlsFixture, "A server that verifies turns strangers away", "[sbi][tls]") {
  serve_tls(true);
  SECTION("a client without a certificate") { open_tls_client(""); }
  SECTION("a client whose certificate is of another CA") {
    keep_client(other_ca);
    open_tls_client("client");
  }
  CHECK(is_turned_away());
  CHECK(eventually([this] { return server->open_connections() == 0; }));
}

TEST_CASE_METHOD(TlsFixture, "Of a peer's certificates no more are read than a chain has", "[sbi][tls][limits]") {
  serve_tls(true);
  keep_client(ca);
  std::ifstream leaf(folder / "client.crt");
  std::string chain(std::istreambuf_iterator<char>(leaf), {});
  const std::string more = ca.certificate.pem();
  const std::size_t octets_each = ca.certificate.der().size() + 3;  // RFC 8446, 4.4.2: its length; in TLS 1.3 extensions besides
  const bool is_too_long = GENERATE(false, true);
  const std::size_t count = is_too_long ? 16 * 1024 / octets_each + 1 : 12 * 1024 / octets_each;
  for (std::size_t i = 0; i < count; ++i) chain += more;
  (void)folder.write("client.crt", chain);
  open_tls_client("client");
  if (is_too_long) {
    CHECK(is_turned_away());
  } else {
    CHECK(send("GET", "/plain").body == "the client");
  }
}

TEST_CASE_METHOD(TlsFixture, "A CA vouches for the names that its file is given, and for no other's", "[sbi][tls]") {
  serve_cas({{"ca", {"ausf.a.example", "*.amf.a.example"}}, {"other_ca", {"ausf.b.example"}}});
  CHECK(name_of_client(ca, "ausf.a.example") == "ausf.a.example");
  CHECK(name_of_client(other_ca, "ausf.b.example") == "ausf.b.example");
  CHECK(name_of_client(other_ca, "ausf.a.example").empty());
  CHECK(name_of_client(ca, "ausf.b.example").empty());
  CHECK(name_of_client(ca, "1.amf.a.example") == "1.amf.a.example");
  CHECK(name_of_client(ca, "amf.a.example").empty());
  CHECK(name_of_client(ca, "x.1.amf.a.example").empty());
  CHECK(name_of_client(other_ca, "1.amf.a.example").empty());
  CHECK(eventually([this] { return server->open_connections() <= 1; }));
}

TEST_CASE_METHOD(TlsFixture, "The name that counts is the one that the client is called by", "[sbi][tls]") {
  serve_cas({{"ca", {"ausf.a.example", "urn:uuid:1", "the client"}}});
  SECTION("a DNS name before a URI and the common name, which are allowed") { keep_client(ca, {"ausf.b.example", "ausf.a.example"}, {"urn:uuid:1"}); }
  SECTION("a URI before the common name") { keep_client(ca, {}, {"urn:uuid:2"}); }
  open_tls_client("client");
  CHECK(is_turned_away());
}

TEST_CASE_METHOD(TlsFixture, "Without names a CA of the list vouches for any", "[sbi][tls]") {
  serve_cas({{"ca", {}}, {"other_ca", {"ausf.b.example"}}});
  CHECK(name_of_client(ca, "ausf.b.example") == "ausf.b.example");
  CHECK(name_of_client(ca, "ausf.a.example") == "ausf.a.example");
  CHECK(name_of_client(other_ca, "ausf.a.example").empty());
  CHECK(name_of_client(test::issued(test::ca_template("CA"), nullptr), "ausf.a.example").empty());  // of the same name and with another key
}

TEST_CASE_METHOD(TlsFixture, "A CA that stands in several files vouches for what they say together", "[sbi][tls]") {
  (void)folder.write("both.crt", other_ca.certificate.pem() + ca.certificate.pem());
  SECTION("their names") {
    serve_cas({{"ca", {"ausf.a.example"}}, {"both", {"ausf.b.example"}}});
    CHECK(name_of_client(ca, "ausf.a.example") == "ausf.a.example");
    CHECK(name_of_client(ca, "ausf.b.example") == "ausf.b.example");
    CHECK(name_of_client(ca, "ausf.c.example").empty());
    CHECK(name_of_client(other_ca, "ausf.b.example") == "ausf.b.example");
    CHECK(name_of_client(other_ca, "ausf.a.example").empty());
  }
  SECTION("any, if one of them says so") {
    serve_cas({{"ca", {"ausf.a.example"}}, {"both", {}}});
    CHECK(name_of_client(ca, "ausf.c.example") == "ausf.c.example");
  }
}

TEST_CASE_METHOD(TlsFixture, "Of a longer chain the trust anchor's names count, not those of an intermediate", "[sbi][tls]") {
  const test::Identity intermediate = test::issued(test::ca_template("an intermediate"), &ca);
  auto wanted = test::template_for("the client", {crypto::KeyUsage::digital_signature});
  wanted.dns_names = {"ausf.a.example"};
  const test::Identity made = test::issued(wanted, &intermediate);
  keep("client", made);
  (void)folder.write("client.crt", made.certificate.pem() + intermediate.certificate.pem());
  (void)folder.write("intermediate.crt", intermediate.certificate.pem());
  const bool is_allowed = GENERATE(true, false);
  serve_cas({{"ca", {is_allowed ? "*.a.example" : "*.b.example"}}, {"intermediate", {is_allowed ? "*.b.example" : "*.a.example"}}});
  open_tls_client("client");
  if (is_allowed) CHECK(send("GET", "/plain").body == "ausf.a.example");
  if (!is_allowed) CHECK(is_turned_away());
}

TEST_CASE_METHOD(TlsFixture, "Where certificates are not demanded, one that its CA may not issue is not taken for none", "[sbi][tls]") {
  auto own = files("server", "");
  own.cas = {{folder / "ca.crt", {"ausf.a.example"}, "tls.ca[0].names"}};
  serve(sbi::make_server_context(own));
  open_tls_client("");
  CHECK(send("GET", "/plain").body == "anonymous");
  CHECK(name_of_client(ca, "ausf.a.example") == "ausf.a.example");
  CHECK(name_of_client(ca, "ausf.b.example").empty());
}

TEST_CASE_METHOD(TlsFixture, "No session is resumed, nor is anything given out to resume one by", "[sbi][tls]") {
  serve_cas({{"ca", {"ausf.a.example"}}});
  keep_client(ca, {"ausf.a.example"});
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto context = sbi::make_client_context(files("client", "ca"));
  SSL_CTX_set_min_proto_version(context->native_handle(), version);
  SSL_CTX_set_max_proto_version(context->native_handle(), version);
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(nullptr, &SSL_SESSION_free);
  for (int i = 0; i < 2; ++i) {
    const timeval patience{10, 0};
    auto socket = connect();
    setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssl::stream<boost::asio::ip::tcp::socket> stream(std::move(socket), *context);
    if (session) SSL_set_session(stream.native_handle(), session.get());
    stream.handshake(ssl::stream_base::client);
    std::array<char, 9> settings{};
    REQUIRE(stream.read_some(boost::asio::buffer(settings)) > 0);  // tickets would have come before them
    CHECK(SSL_session_reused(stream.native_handle()) == 0);
    session.reset(SSL_get1_session(stream.native_handle()));
    REQUIRE(session);
    CHECK(SSL_SESSION_is_resumable(session.get()) == 0);
    SSL_set_shutdown(stream.native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or the library itself would spoil the session
  }
}

namespace {

/// What a client of TLS 1.2 comes to that asks for another handshake once the first is done.
struct Renegotiation {
  int handshakes = 0;   ///< that were done
  std::string refusal;  ///< in OpenSSL's words; empty if it had none, or none came in time
};

/// Reads until the second handshake is done, or the server has refused it; what else the server sends does not matter.
Renegotiation renegotiate(boost::asio::ip::tcp::socket socket, ssl::context& context) {
  Renegotiation out;
  const timeval patience{10, 0};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const std::unique_ptr<SSL, decltype(&SSL_free)> connection(SSL_new(context.native_handle()), &SSL_free);
  SSL_set_fd(connection.get(), socket.native_handle());
  SSL_set_app_data(connection.get(), &out.handshakes);
  SSL_set_info_callback(connection.get(), [](const SSL* of, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0) ++*static_cast<int*>(SSL_get_app_data(of));
  });
  if (SSL_connect(connection.get()) != 1 || SSL_renegotiate(connection.get()) != 1) return out;
  socket.native_non_blocking(true);
  const auto deadline = std::chrono::steady_clock::now() + test::kDeadline;
  while (out.handshakes < 2 && std::chrono::steady_clock::now() < deadline) {
    std::array<char, 1024> octets{};
    ERR_clear_error();
    const int size = SSL_read(connection.get(), octets.data(), static_cast<int>(octets.size()));  // which carries the handshake on
    if (size > 0) continue;
    if (SSL_get_error(connection.get(), size) != SSL_ERROR_WANT_READ) {
      const char* const reason = ERR_reason_error_string(ERR_peek_error());
      out.refusal = reason == nullptr ? "closed" : reason;
      break;
    }
    pollfd ready{socket.native_handle(), POLLIN, 0};
    (void)poll(&ready, 1, 100);
  }
  return out;
}

}  // namespace

TEST_CASE_METHOD(TlsFixture, "No client has a second handshake on a connection", "[sbi][tls]") {
  const bool is_allowed = GENERATE(false, true);
  const auto server_context = sbi::make_server_context(files("server", ""));
  if (is_allowed) {  // as it would be otherwise
    SSL_CTX_clear_options(server_context->native_handle(), SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_options(server_context->native_handle(), SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
  }
  serve(server_context);
  const auto context = sbi::make_client_context(files("", "ca"));
  SSL_CTX_set_max_proto_version(context->native_handle(), TLS1_2_VERSION);  // 1.3 has none
  SSL_CTX_clear_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  const Renegotiation became = renegotiate(connect(), *context);
  CHECK(became.handshakes == (is_allowed ? 2 : 1));
  CHECK(became.refusal == (is_allowed ? "" : "no renegotiation"));
}

TEST_CASE_METHOD(TlsFixture, "A server that does not verify takes anonymous clients", "[sbi][tls]") {
  const std::string trusted = GENERATE(as<std::string>(), "", "ca");
  serve_tls(false, trusted);
  open_tls_client("");
  CHECK(send("GET", "/plain").body == "anonymous");
  CHECK(send("GET", "/large/500000").body.size() == 500000);
}

TEST_CASE_METHOD(TlsFixture, "A certificate that the server did not ask for names nobody", "[sbi][tls]") {
  serve_tls(false, "");
  keep_client(other_ca);
  open_tls_client("client");
  CHECK(send("GET", "/plain").body == "anonymous");
}

TEST_CASE_METHOD(TlsFixture, "A client demands the server's name and its CA", "[sbi][tls]") {
  serve_tls(false);
  SECTION("the name and the address of the certificate are taken") {
    open_tls_client("");
    host = GENERATE("127.0.0.1", "localhost");
    CHECK(send("GET", "/plain").status == 200);
  }
  SECTION("another address is not") {
    open_tls_client("");
    host = "127.0.0.2";
    // The server listens at 127.0.0.1 only, so one more of its listeners stands there.
    loop.run([this] { server->listen(host, port, sbi::make_server_context(files("server", ""))); });
    CHECK(failure_of(start("GET", "/plain")) == ClientError::Kind::unreachable);
    CHECK_THAT(last_error, Catch::Contains("certificate verify failed"));
  }
  SECTION("nor is another CA") {
    open_tls_client("", "other_ca");
    CHECK(failure_of(start("GET", "/plain")) == ClientError::Kind::unreachable);
    CHECK_THAT(last_error, Catch::Contains("certificate verify failed"));
  }
}

TEST_CASE_METHOD(TlsFixture, "A name that the certificate does not bear is refused", "[sbi][tls]") {
  auto wanted = test::template_for("localhost", {crypto::KeyUsage::digital_signature});
  wanted.dns_names = {"other.example"};
  keep("server", test::issued(wanted, &ca));
  serve_tls(false);
  open_tls_client("");
  host = GENERATE("localhost", "127.0.0.1");
  CHECK(failure_of(start("GET", "/plain")) == ClientError::Kind::unreachable);
}

TEST_CASE_METHOD(TlsFixture, "A server with an RSA key has no suite without forward secrecy, nor without AEAD", "[sbi][tls]") {
  keep_rsa_server();
  serve(sbi::make_server_context(files("rsa", "")));
  const auto context = sbi::make_client_context(files("", "rsa"));
  SSL_CTX_set_max_proto_version(context->native_handle(), TLS1_2_VERSION);
  const auto [suite, is_served] = GENERATE(table<const char*, bool>(
      {{"ECDHE-RSA-AES128-GCM-SHA256", true}, {"AES128-GCM-SHA256", false}, {"ECDHE-RSA-AES128-SHA256", false}, {"AES128-SHA", false}}));
  CAPTURE(suite);
  REQUIRE(SSL_CTX_set_cipher_list(context->native_handle(), suite) == 1);
  open_client(context);
  if (is_served) CHECK(send("GET", "/plain").status == 200);
  if (!is_served) CHECK(is_turned_away());
}

TEST_CASE_METHOD(TlsFixture, "TLS 1.2 and 1.3 are spoken, and nothing older", "[sbi][tls]") {
  serve_tls(false);
  const auto context = sbi::make_client_context(files("", "ca"));
  const auto at_version = [&](int version) {
    SSL_CTX_set_min_proto_version(context->native_handle(), version);
    SSL_CTX_set_max_proto_version(context->native_handle(), version);
    SSL_CTX_set_security_level(context->native_handle(), 0);
    open_client(context);
  };
  SECTION("1.3") {
    at_version(TLS1_3_VERSION);
    CHECK(send("GET", "/plain").status == 200);
  }
  SECTION("1.2") {
    at_version(TLS1_2_VERSION);
    CHECK(send("GET", "/plain").status == 200);
  }
  SECTION("1.2 without forward secrecy or AEAD") {
    at_version(TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context->native_handle(), "ECDHE-ECDSA-AES128-SHA256");
    CHECK(is_turned_away());
  }
  SECTION("1.1") {
    at_version(TLS1_1_VERSION);
    CHECK(is_turned_away());
  }
}

namespace {

/// How a client that offers these protocols (ALPN's form; empty: no extension) fares: `closed`, or `served` if SETTINGS come.
std::string fate_of(boost::asio::ip::tcp::socket socket, std::string_view alpn) {
  ssl::context context(ssl::context::tls_client);
  if (!alpn.empty()) {
    SSL_CTX_set_alpn_protos(context.native_handle(), reinterpret_cast<const unsigned char*>(alpn.data()), static_cast<unsigned>(alpn.size()));
  }
  const timeval patience{10, 0};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ssl::stream<boost::asio::ip::tcp::socket> stream(std::move(socket), context);
  boost::system::error_code error;
  stream.handshake(ssl::stream_base::client, error);
  if (error) return "closed";
  std::array<char, 9> frame{};
  const std::size_t size = stream.read_some(boost::asio::buffer(frame), error);
  if (error == boost::asio::error::would_block) return "too slow";
  return error || size == 0 ? "closed" : "served";
}

}  // namespace

TEST_CASE_METHOD(TlsFixture, "TLS without ALPN h2 is refused by the server", "[sbi][tls]") {
  serve_tls(false);
  CHECK(fate_of(connect(), "\x02h2") == "served");
  CHECK(fate_of(connect(), "\x08http/1.1\x02h2") == "served");
  CHECK(fate_of(connect(), "\x08http/1.1") == "closed");
  CHECK(fate_of(connect(), "") == "closed");
}

TEST_CASE_METHOD(TlsFixture, "TLS without ALPN h2 is refused by the client", "[sbi][tls]") {
  const auto context = sbi::make_server_context(files("server", ""));
  SSL_CTX_set_alpn_select_cb(context->native_handle(), nullptr, nullptr);
  serve(context);
  open_tls_client("");
  CHECK(failure_of(start("GET", "/plain")) == ClientError::Kind::unreachable);
}

TEST_CASE_METHOD(TlsFixture, "A client in cleartext is no client of a TLS server", "[sbi][tls]") {
  serve_tls(false);
  open_tls_client("");
  scheme = "http";
  CHECK(is_turned_away());
}

TEST_CASE_METHOD(TlsFixture, "Files that are at fault are named", "[sbi][tls]") {
  serve();
  SECTION("no certificate") {
    CHECK_THROWS_WITH(sbi::make_server_context(files("absent", "")), Catch::Contains("absent.crt"));
  }
  SECTION("a key of another certificate") {
    keep_client(ca);
    auto mixed = files("server", "");
    mixed.private_key = folder / "client.key";
    CHECK_THROWS_WITH(sbi::make_server_context(mixed), Catch::Contains("client.key"));
  }
  SECTION("a CA file without certificates") {
    auto broken = files("server", "");
    broken.ca = folder.write("empty.crt", "");
    CHECK_THROWS_WITH(sbi::make_server_context(broken), Catch::Contains("empty.crt"));
    broken.certificate.clear();
    CHECK_THROWS_WITH(sbi::make_client_context(broken), Catch::Contains("empty.crt"));
  }
  SECTION("one of several, which has none, or something else behind the first") {
    auto broken = files("server", "");
    const std::string garbled = ca.certificate.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (const std::string& path : {folder.write("empty.crt", ""), folder.write("garbled.crt", garbled), folder / "absent.crt"}) {
      broken.cas = {{folder / "ca.crt", {"ausf.a.example"}}, {path, {}}};
      CHECK_THROWS_WITH(sbi::make_server_context(broken), Catch::StartsWith(path + ": no CA certificate"));
    }
  }
}

TEST_CASE_METHOD(TlsFixture, "A private key that others may read is refused each time that it is read, by server and client", "[sbi][tls]") {
  serve();
  keep_client(ca);
  const std::string server_key = folder / "server.key", client_key = folder / "client.key";
  const auto allow = [](const std::string& path, unsigned mode) { std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode)); };
  CHECK_NOTHROW(sbi::make_server_context(files("server", "ca")));
  CHECK_NOTHROW(sbi::make_client_context(files("client", "ca")));
  allow(server_key, 0644);
  allow(client_key, 0640);
  CHECK_THROWS_WITH(sbi::make_server_context(files("server", "ca")), "the file " + server_key + " may be read by others: chmod 600 it");
  CHECK_THROWS_WITH(sbi::make_client_context(files("client", "ca")), "the file " + client_key + " may be read by others: chmod 600 it");
  allow(server_key, 0600);
  allow(client_key, 0400);
  CHECK_NOTHROW(sbi::make_server_context(files("server", "ca")));
  CHECK_NOTHROW(sbi::make_client_context(files("client", "ca")));
}

TEST_CASE_METHOD(TlsFixture, "A context that is replaced is for new connections; those that are open go on", "[sbi][tls]") {
  serve_tls(true);
  keep_client(ca, {"client.example"});
  open_tls_client("client");
  CHECK(send("GET", "/plain").body == "client.example");
  auto own = files("server", "other_ca");
  own.verify_client = true;
  loop.run([&] { server->replace_tls(0, sbi::make_server_context(own)); });
  CHECK(send("GET", "/plain").body == "client.example");
  loop.run([this] { client.reset(); });
  open_tls_client("client");
  CHECK(is_turned_away());
  own.ca.clear();
  own.cas = {{folder / "ca.crt", {"other.example"}}};
  loop.run([&] { server->replace_tls(0, sbi::make_server_context(own)); });
  CHECK(name_of_client(ca, "client.example").empty());
  CHECK(name_of_client(ca, "other.example") == "other.example");
}

TEST_CASE_METHOD(TlsFixture, "The secrets of connections go to a file of its owner's alone, where a lab asks for it", "[sbi][tls]") {
  auto own = files("server", "");
  own.key_log = folder / "keys.log";
  serve(sbi::make_server_context(own));
  open_tls_client("");
  REQUIRE(send("GET", "/plain").status == 200);
  CHECK_THAT(test::read_text(folder / "keys.log"), Catch::StartsWith("SERVER_HANDSHAKE_TRAFFIC_SECRET ") || Catch::StartsWith("CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
  CHECK((std::filesystem::status(own.key_log).permissions() & std::filesystem::perms(0077)) == std::filesystem::perms::none);
  own.key_log = folder / "no such folder/keys.log";
  CHECK_THROWS_WITH(sbi::make_server_context(own), Catch::Contains("keys.log: cannot be written"));
}

TEST_CASE_METHOD(TlsFixture, "A log of secrets that was there before is taken if it is its owner's alone, and no link", "[sbi][tls]") {
  serve();
  keep_client(ca);
  auto own = files("server", ""), client_own = files("client", "ca");
  own.key_log = client_own.key_log = folder.write("keys.log", "before\n");
  const auto refused_for = [&](const std::string& why) {
    CHECK_THROWS_WITH(sbi::make_server_context(own), own.key_log + ": " + why);
    CHECK_THROWS_WITH(sbi::make_client_context(client_own), own.key_log + ": " + why);
  };
  CHECK_NOTHROW(sbi::make_server_context(own));
  CHECK_NOTHROW(sbi::make_client_context(client_own));
  SECTION("not one that others may read, or write") {
    const auto mode = static_cast<std::filesystem::perms>(GENERATE(0644U, 0640U, 0604U, 0620U));
    std::filesystem::permissions(own.key_log, mode);
    refused_for("may be read by others: remove it, or chmod 600 it");
    CHECK(std::filesystem::status(own.key_log).permissions() == mode);
  }
  SECTION("not through a link, be it to a sound file or to none") {
    const std::string name = GENERATE("keys.log", "new.log");
    std::filesystem::create_symlink(folder / name, folder / "link.log");
    own.key_log = client_own.key_log = folder / "link.log";
    refused_for("is a symbolic link: name the file itself");
    CHECK_FALSE(std::filesystem::exists(folder / "new.log"));
  }
  SECTION("no device, and no pipe that would be waited for") {
    own.key_log = client_own.key_log = "/dev/null";
    refused_for("is no ordinary file: name another");
    own.key_log = client_own.key_log = folder / "pipe";
    REQUIRE(mkfifo(own.key_log.c_str(), 0600) == 0);
    CHECK_THROWS_WITH(sbi::make_server_context(own), Catch::StartsWith(own.key_log + ": cannot be written: "));
  }
  SECTION("not another user's") {
    if (geteuid() != 0) return;  // who else could give a file away
    REQUIRE(chown(own.key_log.c_str(), 65534, 65534) == 0);
    refused_for("is another user's: name another, or remove it");
  }
  CHECK(test::read_text(folder / "keys.log") == "before\n");
}
