#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <utility>

#include "tests/sbi/served.hpp"

/// A client of the server, driven by hand; a declaration, for it cannot be moved.
#define FIRST_ATTACH_PEER(name, ...) test::Http2Peer name(connect(), sbi::Http2Session::Role::client __VA_OPT__(,) __VA_ARGS__)

/// What the tests of the HTTP/2 server share beyond the server: peers that are driven by hand.
namespace test {

/// After it the session sends nothing of its own, so that a frame may be cut.
inline void exchange_settings(Http2Peer& peer) {
  const sbi::StreamId id = peer.http.session.request(request("GET", "/plain"));
  REQUIRE(peer.pump_to_end(id));
}

/// Of a route that reads its body as it comes.
inline sbi::Request import_of(std::string target, std::string body) {
  auto out = request("POST", std::move(target), std::move(body));
  out.headers.add("content-type", "application/x-ndjson");
  return out;
}

}  // namespace test
