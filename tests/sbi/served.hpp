#pragma once

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/router.hpp"
#include "tests/support/http2_peer.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/patient_limits.hpp"

namespace test {

using boost::asio::awaitable;
using boost::asio::ip::tcp;

/// Where handlers wait until the test lets them go on. Of one loop's thread.
class Gate {
 public:
  explicit Gate(boost::asio::io_context& io) : timer_(io, std::chrono::steady_clock::time_point::max()) {}
  awaitable<void> pass() {
    ++waiting;
    boost::system::error_code ignored;
    if (!is_open_) co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    ++passed;
  }
  void open() {
    is_open_ = true;
    timer_.cancel();
  }
  void shut() { is_open_ = false; }
  int waiting = 0;  ///< handlers that came
  int passed = 0;

 private:
  boost::asio::steady_timer timer_;
  bool is_open_ = false;
};

/// A router with a route of each kind, on a loop of its own. Derived fixtures put servers in front of it.
struct RoutesFixture {
  RoutesFixture() {
    using sbi::BodyKind;
    using sbi::Request;
    using sbi::Response;
    router.add("GET", "/plain", BodyKind::none, sbi::PlainHandler([](const Request& request) {
                 return Response(200, "text/plain", request.peer.name);
               }));
    router.add("POST", "/echo", BodyKind::json, sbi::PlainHandler([](const Request& request) {
                 return Response(200, "application/json", request.body);
               }));
    router.add("GET", "/large/{octets}", BodyKind::none, sbi::PlainHandler([](const Request& request) {
                 return Response(200, "text/plain", std::string(std::stoul(request.path("octets")), 'x'));
               }));
    router.add("DELETE", "/items/{id}", BodyKind::none, sbi::PlainHandler([](const Request&) { return Response(204); }));
    router.add("GET", "/refused", BodyKind::none, sbi::PlainHandler([](const Request&) -> Response {
                 throw base::Error(base::ErrorKind::conflict, "DEVICE_CLAIMED", "another operator has it");
               }));
    router.add("GET", "/broken", BodyKind::none,
               sbi::PlainHandler([](const Request&) -> Response { throw std::runtime_error("a secret"); }));
    router.add("POST", "/wait", BodyKind::json, sbi::WaitingHandler([this](const Request& request) { return wait(request); }));
    router.add("POST", "/rarely", BodyKind::json,
               sbi::RarelyWaitingHandler{[](const Request& request) -> std::optional<Response> {
                                           if (request.body == "{\"waits\":true}") return std::nullopt;
                                           if (request.body == "{}") throw base::Error(base::ErrorKind::conflict, "DEVICE_CLAIMED", "no");
                                           return Response(200, "text/plain", "at once");
                                         },
                                         [this](const Request& request) { return wait(request); }});
    router.add("POST", "/import", BodyKind::ndjson,
               sbi::StreamingHandler([this](const Request&, const std::shared_ptr<sbi::BodyReader>& body) { return import(*body); }));
    router.add("POST", "/unread", BodyKind::ndjson,
               sbi::StreamingHandler([this](const Request&, const std::shared_ptr<sbi::BodyReader>&) { return leave_unread(); }));
  }
  ~RoutesFixture() { loop.stop(); }

  awaitable<sbi::Response> wait(const sbi::Request& request) {
    co_await gate.pass();
    co_return sbi::Response(200, "application/json", request.body);
  }
  awaitable<sbi::Response> import(sbi::BodyReader& body) {
    co_await gate.pass();
    std::size_t octets = 0;
    while (auto piece = co_await body.next()) {
      octets += piece->size();
      largest_piece = std::max(largest_piece, piece->size());
    }
    co_return sbi::Response(200, "text/plain", std::to_string(octets));
  }
  awaitable<sbi::Response> leave_unread() {
    co_await gate.pass();
    co_return sbi::Response(200, "text/plain", "not read");
  }

  /// True once `condition` holds on the loop; false if it does not within the deadline.
  template <class Condition>
  bool eventually(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!loop.run(condition)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  Loop loop;
  sbi::Router router;
  Gate gate{loop.io()};
  std::size_t largest_piece = 0;
};

/// The same behind an HTTP/2 server at a free port of loopback, and a client.
struct ServedFixture : RoutesFixture {
  ServedFixture() {
    limits.max_body_bytes = 1000;
    limits.request_timeout = limits.first_byte_timeout = limits.idle_timeout = limits.write_timeout = kLong;
  }
  ~ServedFixture() {
    loop.run([this] {
      client.reset();
      server.reset();
    });
    loop.stop();
  }
  void serve(std::shared_ptr<boost::asio::ssl::context> tls = nullptr) {
    port = loop.run([&] {
      server = std::make_unique<sbi::Http2Server>(loop.io(), router, limits);
      return server->listen("127.0.0.1", port, std::move(tls));
    });
  }
  void open_client(std::shared_ptr<boost::asio::ssl::context> tls = nullptr, sbi::ClientLimits client_limits = {}) {
    loop.run([&] { client = std::make_unique<sbi::Client>(loop.io(), "TEST", std::move(tls), client_limits); });
  }
  std::future<sbi::Response> start(const std::string& method, const std::string& target, std::string body = {},
                                   std::chrono::milliseconds deadline = kDeadline) {
    const auto uri = sbi::Uri::parse(scheme + "://" + host + ":" + std::to_string(port));
    return loop.start(client->send(uri, sbi::make_request(method, uri, target, std::move(body)), deadline));
  }
  sbi::Response send(const std::string& method, const std::string& target, std::string body = {},
                     std::chrono::milliseconds deadline = kDeadline) {
    auto answer = start(method, target, std::move(body), deadline);
    return get(answer, deadline + kDeadline);
  }
  /// The kind of ClientError that a request ends with; nothing if it is answered.
  std::optional<sbi::ClientError::Kind> failure_of(std::future<sbi::Response> answer) {
    try {
      get(answer);
    } catch (const sbi::ClientError& error) {
      last_error = error.what();
      return error.kind();
    }
    return std::nullopt;
  }
  /// `from`: the address that the server takes it for.
  tcp::socket connect(const std::string& from = "127.0.0.1") {
    tcp::socket socket(peer_io, tcp::endpoint(boost::asio::ip::make_address(from), 0));
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    return socket;
  }
  std::size_t connections() {
    return loop.run([this] { return server->open_connections(); });
  }

  static constexpr std::chrono::seconds kLong{60};
  sbi::ServerLimits limits = test::patient_limits();
  std::string scheme = "http";
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string last_error;
  std::unique_ptr<sbi::Http2Server> server;
  std::unique_ptr<sbi::Client> client;
  boost::asio::io_context peer_io;
};

}  // namespace test
