#include <catch2/catch.hpp>
#include <chrono>
#include <ctime>
#include <functional>
#include <optional>
#include <thread>

#include "lib/sbi/http2_session.hpp"
#include "tests/sbi/frames.hpp"
#include "tests/support/http2_peer.hpp"

using sbi::Http2Error;
using sbi::Http2Session;
using sbi::StreamId;
using test::frame;
using test::RecordingSession;
using Role = Http2Session::Role;
using namespace std::chrono_literals;

namespace {

/// HEADERS of a GET, as RFC 7541 writes it; `flags`: 4 END_HEADERS, 1 END_STREAM.
std::string headers_of(unsigned stream, unsigned flags) { return frame(1, flags, stream, "\x82\x86\x84\x01\x01h"); }

/// A server's session with a client that is made of frames.
struct FramedSession {
  explicit FramedSession(const Http2Session::Limits& limits) : server(Role::server, limits) { put(std::string(test::kPreface) + frame(4, 0, 0, "")); }

  /// Whether the server takes it is told by goaway.
  void put(std::string_view octets) {
    if (!server.session.receive(octets)) FAIL("the octets were refused");
    std::string out;
    server.session.take_output(out);
    for (std::size_t at = 0; at + 9 <= out.size();) {
      const auto octet = [&out, at](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(out.at(at + i))); };
      const std::size_t size = (octet(0) << 16U) + (octet(1) << 8U) + octet(2);
      if (octet(3) == 7) goaway = octet(16);  // the last octet of its error
      at += 9 + size;
    }
  }

  RecordingSession server;
  std::optional<std::uint32_t> goaway;  ///< with which error
};

constexpr unsigned kResetsAtOnce = 5;
constexpr unsigned kResetsASecond = 3;
constexpr Http2Session::Limits kResetLimits{.max_client_resets_per_second = kResetsASecond, .max_client_resets_burst = kResetsAtOnce};
constexpr std::optional<std::uint32_t> kResetsRefused = static_cast<std::uint32_t>(Http2Error::internal_error);  // nghttp2's own word

/// A client that resets each stream as soon as it has begun it.
class ResettingClient {
 public:
  explicit ResettingClient(const Http2Session::Limits& limits) : session_(limits) {}

  void reset(unsigned count) {
    for (; count > 0; --count, stream_ += 2) {
      session_.put(headers_of(stream_, 5) + frame(3, 0, stream_, std::string("\0\0\0\x08", 4)));
    }
  }
  /// Asks for something: whether it is answered in full.
  bool is_served() {
    const auto id = static_cast<StreamId>(stream_);
    session_.put(headers_of(stream_, 5));
    session_.server.session.respond(id, sbi::Response(200));
    session_.put("");
    return session_.server.streams[id].closed == static_cast<std::uint32_t>(Http2Error::no_error);
  }
  [[nodiscard]] std::optional<std::uint32_t> goaway() const { return session_.goaway; }

 private:
  FramedSession session_;
  unsigned stream_ = 1;
};

/// The clock by which nghttp2 lets resets come in again: the whole seconds of CLOCK_MONOTONIC.
std::time_t reset_clock() {
  std::timespec now{};
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) FAIL("there is no CLOCK_MONOTONIC");
  return now.tv_sec;
}

/// Tries again what gives false, for the clock turned amid it and a reset more may have been let in.
void repeat_until_steady(const std::function<bool()>& attempt) {
  for (int tries = 0; tries < 20; ++tries) {
    if (attempt()) return;
  }
  FAIL("the clock turned amid each attempt");
}

}  // namespace

TEST_CASE("A server opens so many streams and no more, whatever the client thinks of it", "[sbi][http2][limits]") {
  Http2Session::Limits limits;
  limits.max_streams = 2;
  FramedSession session(limits);
  session.put(headers_of(1, 5) + headers_of(3, 5));
  CHECK(session.server.streams[1].has_head);
  CHECK(session.server.streams[3].has_head);
  SECTION("one more, by a client that has not heard of the limit, is refused alone") {
    session.put(headers_of(5, 5));
    CHECK_FALSE(session.server.streams[5].has_head);
    CHECK(session.server.session.open_streams() == 2);
    CHECK_FALSE(session.goaway);
  }
  SECTION("one more, by a client that has, ends the session") {
    session.put(frame(4, 1, 0, ""));
    session.put(headers_of(5, 5));
    CHECK_FALSE(session.server.streams[5].has_head);
    CHECK(session.goaway == 1);
  }
}

TEST_CASE("Frames without work have a bound a second, one below and one above", "[sbi][http2][limits]") {
  Http2Session::Limits limits;
  limits.max_idle_frames_per_second = 100;
  FramedSession session(limits);  // its SETTINGS are the first
  const std::string idle = GENERATE(frame(6, 1, 0, "12345678"), frame(8, 0, 0, std::string("\0\0\0\1", 4)), frame(4, 1, 0, ""));
  if (idle.at(3) == 4) session.put(idle);  // an acknowledgement, of which there may be one
  const std::string filler = idle.at(3) == 4 ? frame(6, 1, 0, "12345678") : idle;
  for (int i = idle.at(3) == 4 ? 2 : 1; i < 100; ++i) session.put(filler);
  CHECK_FALSE(session.goaway);
  SECTION("one more ends the session") {
    session.put(filler);
    CHECK(session.goaway == static_cast<std::uint32_t>(Http2Error::enhance_your_calm));
  }
  SECTION("a second later it begins anew") {
    session.server.session.replenish();
    session.put(filler);
    CHECK_FALSE(session.goaway);
  }
  SECTION("a request pays for some") {
    session.put(headers_of(1, 5));
    session.put(filler);
    CHECK_FALSE(session.goaway);
  }
}

TEST_CASE("Streams that are reset for the client's faults have a bound a second, one below and one above", "[sbi][http2][limits]") {
  Http2Session::Limits limits;
  limits.max_stream_errors_per_second = 3;
  FramedSession session(limits);
  unsigned stream = 1;
  const auto make_one = [&] {  // a window that cannot be: FLOW_CONTROL_ERROR
    session.put(headers_of(stream, 4) + frame(8, 0, stream, "\x7f\xff\xff\xff"));
    stream += 2;
  };
  for (int i = 0; i < 3; ++i) make_one();
  session.put(frame(6, 0, 0, "12345678"));
  CHECK(session.server.session.open_streams() == 0);
  CHECK_FALSE(session.goaway);
  make_one();
  session.put(frame(6, 0, 0, "12345678"));
  CHECK(session.goaway == static_cast<std::uint32_t>(Http2Error::enhance_your_calm));
}

TEST_CASE("Streams that the client resets have a bound at once, at it and one above", "[sbi][http2][limits]") {
  const bool is_above = GENERATE(false, true);
  repeat_until_steady([is_above] {
    const std::time_t second = reset_clock();
    ResettingClient client(kResetLimits);
    client.reset(kResetsAtOnce + (is_above ? 1 : 0));
    const bool is_served = client.is_served();
    if (reset_clock() != second) return false;
    CHECK(is_served == !is_above);
    CHECK(client.goaway() == (is_above ? kResetsRefused : std::nullopt));
    return true;
  });
}

TEST_CASE("Streams that the client resets have a bound a second, at it and one above", "[sbi][http2][limits]") {
  repeat_until_steady([] {
    const std::time_t second = reset_clock();
    ResettingClient client(kResetLimits);
    ResettingClient other(kResetLimits);
    client.reset(kResetsAtOnce);
    other.reset(kResetsAtOnce);
    if (reset_clock() != second) return false;
    while (reset_clock() == second) std::this_thread::sleep_for(1ms);  // nghttp2 takes its time from nobody
    client.reset(kResetsASecond);
    other.reset(kResetsASecond + 1);
    const bool is_served = client.is_served();
    const bool is_other_served = other.is_served();
    if (reset_clock() != second + 1) return false;
    CHECK(is_served);
    CHECK_FALSE(client.goaway());
    CHECK_FALSE(is_other_served);
    CHECK(other.goaway() == kResetsRefused);
    return true;
  });
}

TEST_CASE("A header block may unfold to some times its limit, one octet below and one above", "[sbi][http2][limits]") {
  Http2Session::Limits limits;
  limits.max_header_bytes = 1000;
  limits.max_header_expansion = 2;
  FramedSession session(limits);
  // Four pseudo fields, their names and values; then literals of 102 octets: a name of two, and 100 of value.
  constexpr std::size_t kPseudo = 7 + 3 + 7 + 4 + 5 + 1 + 10 + 1;
  std::string block("\x82\x86\x84\x01\x01h", 6);
  std::size_t unfolded = kPseudo;
  const auto add = [&](std::size_t value) {
    block += std::string("\0\x02xy", 4) + static_cast<char>(value) + std::string(value, 'v');
    unfolded += 2 + value;
  };
  while (unfolded + 102 <= 2000) add(100);
  SECTION("at it") {
    add(2000 - unfolded - 2);
    session.put(frame(1, 5, 1, block));
    CHECK(session.server.streams[1].head.too_large);
    CHECK_FALSE(session.goaway);
  }
  SECTION("above it") {
    add(2000 - unfolded - 1);
    session.put(frame(1, 5, 1, block));
    CHECK(session.goaway == static_cast<std::uint32_t>(Http2Error::enhance_your_calm));
  }
}
