// Messages of TLS itself once the handshake is done: how many of them a peer may send, and what they hold up.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "lib/sbi/transport.hpp"
#include "tests/sbi/served_tls.hpp"

using test::TlsFixture;

namespace {

/// A client of TLS 1.3 by hand, over a socket that waits; what it writes goes out when send() says so.
class TlsByHand {
 public:
  TlsByHand(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context)
      : socket_(std::move(socket)), ssl_(SSL_new(context.native_handle()), &SSL_free), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
    const timeval patience{10, 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
    while (SSL_do_handshake(ssl_.get()) != 1) {
      REQUIRE(SSL_get_error(ssl_.get(), -1) == SSL_ERROR_WANT_READ);
      REQUIRE(send());
      REQUIRE(receive());
    }
    REQUIRE(SSL_version(ssl_.get()) == TLS1_3_VERSION);
    REQUIRE(send());
  }

  void change_keys(int times) {
    for (int i = 0; i < times; ++i) {
      REQUIRE(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      REQUIRE(SSL_do_handshake(ssl_.get()) == 1);
    }
  }
  void request(const sbi::Request& wanted) {
    (void)session_.request(wanted);
    std::string octets;
    session_.take_output(octets);
    std::size_t written = 0;
    REQUIRE(SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &written) == 1);
    REQUIRE(written == octets.size());
  }
  /// False once the server has ended the connection.
  bool send() {
    std::array<char, 16384> octets{};
    for (int size = BIO_read(out_, octets.data(), octets.size()); size > 0; size = BIO_read(out_, octets.data(), octets.size())) {
      for (int sent = 0; sent < size;) {
        const auto more = ::send(socket_.native_handle(), octets.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
        if (more < 0) return false;
        sent += static_cast<int>(more);
      }
    }
    return true;
  }
  /// What the server says up to `wanted`, or to its end, or for ten seconds.
  std::string read_until(const std::string& wanted) {
    std::string all;
    std::array<char, 16384> octets{};
    while (all.find(wanted) == std::string::npos) {
      std::size_t size = 0;
      if (SSL_read_ex(ssl_.get(), octets.data(), octets.size(), &size) == 1) {
        all.append(octets.data(), size);
      } else if (!receive()) {
        break;
      }
    }
    ERR_clear_error();
    return all;
  }

 private:
  bool receive() {
    std::array<char, 16384> octets{};
    const auto got = recv(socket_.native_handle(), octets.data(), octets.size(), 0);
    return got > 0 && BIO_write(in_, octets.data(), static_cast<int>(got)) == got;
  }

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  BIO* in_;
  BIO* out_;
  sbi::Http2Session session_{sbi::Http2Session::Role::client, {}, {}};  ///< which only writes
};

struct TlsMessagesFixture : TlsFixture {
  TlsMessagesFixture() { serve_tls(false); }
  [[nodiscard]] std::unique_ptr<TlsByHand> open() { return std::make_unique<TlsByHand>(connect(), *sbi::make_client_context(files("", "ca"))); }
};

}  // namespace

TEST_CASE_METHOD(TlsMessagesFixture, "A peer may change its keys so often, and no oftener, unless it sends something besides", "[sbi][tls][limits]") {
  const auto peer = open();
  const auto asked = test::request("GET", "/large/3");
  SECTION("so often") {
    peer->change_keys(32);
    peer->request(asked);
    REQUIRE(peer->send());
    CHECK_THAT(peer->read_until("xxx"), Catch::EndsWith("xxx"));
  }
  SECTION("once more") {
    peer->change_keys(33);
    peer->request(asked);
    (void)peer->send();
    CHECK_THAT(peer->read_until("xxx"), !Catch::Contains("xxx"));
    CHECK(eventually([this] { return server->open_connections() == 0; }));
  }
  SECTION("oftener, with what it sends between") {
    peer->change_keys(10);
    for (int i = 0; i < 20; ++i) {  // of which each is worth 5000 octets of HPACK
      auto large = test::request("GET", "/plain");
      large.headers.add("x", std::string(8000, static_cast<char>('a' + i)));
      peer->request(large);
    }
    REQUIRE(peer->send());
    REQUIRE(eventually([this] { return server->counters().answers[1] == 20; }));
    peer->change_keys(23);
    peer->request(asked);
    REQUIRE(peer->send());
    CHECK_THAT(peer->read_until("xxx"), Catch::EndsWith("xxx"));
  }
}

TEST_CASE_METHOD(TlsMessagesFixture, "A flood of new keys is ended, and holds up no other connection", "[sbi][tls][limits]") {
  const auto peer = open();
  peer->change_keys(20000);
  open_tls_client("");
  CHECK(send("GET", "/plain").status == 200);
  (void)peer->send();
  CHECK(send("GET", "/plain").status == 200);
  CHECK(eventually([this] { return server->open_connections() == 1; }));
}
