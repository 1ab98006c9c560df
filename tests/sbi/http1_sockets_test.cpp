#include "lib/sbi/http1_sockets.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <system_error>
#include <vector>

#include "lib/base/descriptor.hpp"

using Place = sbi::Http1Sockets::Place;
using sbi::Http1Sockets;

namespace {

/// What was accepted, and the peer's end of it.
class SocketPair {
 public:
  SocketPair() {
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) != 0) throw std::system_error(errno, std::generic_category());
  }
  ~SocketPair() {
    if (!is_closed()) ::close(ends_[0]);
    ::close(ends_[1]);
  }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;

  [[nodiscard]] int accepted() const { return ends_[0]; }
  [[nodiscard]] bool is_shut() const {
    char octet = 0;
    return ::recv(ends_[1], &octet, 1, MSG_DONTWAIT) == 0;
  }
  [[nodiscard]] bool is_closed() const { return ::fcntl(ends_[0], F_GETFD) == -1; }

 private:
  int ends_[2] = {-1, -1};
};

struct SocketsFixture {
  Place place_of(const SocketPair& pair) {
    const auto hand_over = [this] {
      ++handed_over;
      return &of_thread;
    };
    return sockets.take_in(pair.accepted(), hand_over, told.get());
  }
  bool take_in(const SocketPair& pair) {
    const Place place = place_of(pair);
    return place == Place::taken || place == Place::another_ones;
  }
  /// Since it was asked for last.
  bool was_told() {
    eventfd_t times = 0;
    return ::eventfd_read(told.get(), &times) == 0;
  }
  /// So many have been told to go as may, and two others are in.
  void fill() {
    for (std::size_t i = 0; i < 2 + Http1Sockets::kMostLeaving; ++i) REQUIRE(take_in(pairs.at(i)));
    REQUIRE(pairs.at(Http1Sockets::kMostLeaving - 1).is_shut());
    REQUIRE_FALSE(pairs.at(Http1Sockets::kMostLeaving).is_shut());
  }

  base::Descriptor told{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  Http1Sockets sockets{2};
  std::size_t handed_over = 0;
  std::size_t of_thread = 0;  ///< that has them all
  std::vector<SocketPair> pairs = std::vector<SocketPair>(3 + Http1Sockets::kMostLeaving);
};

}  // namespace

TEST_CASE_METHOD(SocketsFixture, "Of the sockets of HTTP/1.1 the oldest that has sent no head gives way, and else none", "[sbi][http1][limits]") {
  REQUIRE(take_in(pairs[0]));
  REQUIRE(take_in(pairs[1]));
  sockets.keep(pairs[0].accepted());
  CHECK(sockets.refused() == 0);
  CHECK(place_of(pairs[2]) == Place::another_ones);
  CHECK(pairs[1].is_shut());
  CHECK_FALSE(pairs[0].is_shut());
  CHECK(sockets.refused() == 1);
  sockets.keep(pairs[2].accepted());
  CHECK(place_of(pairs[3]) == Place::none);
  CHECK_FALSE(pairs[3].is_shut());
  CHECK(sockets.refused() == 2);
  sockets.let_go(pairs[1].accepted());  // which was told to go, and makes no room
  CHECK(place_of(pairs[3]) == Place::none);
  sockets.let_go(pairs[0].accepted());
  CHECK(place_of(pairs[3]) == Place::taken);
  CHECK(sockets.refused() == 3);
  CHECK(handed_over == 4);
  CHECK(of_thread == 2);
  CHECK_FALSE(was_told());  // nobody had to wait
}

TEST_CASE_METHOD(SocketsFixture, "Once too many sockets of HTTP/1.1 have not gone yet, a new one is told when one of them has", "[sbi][http1][limits]") {
  fill();
  for (int i = 0; i < 2; ++i) CHECK(place_of(pairs.back()) == Place::later);
  CHECK_FALSE(pairs[Http1Sockets::kMostLeaving].is_shut());
  CHECK_FALSE(was_told());
  SECTION("and takes the place of the oldest that is left") {
    sockets.let_go(pairs[0].accepted());
    CHECK(was_told());
    CHECK(place_of(pairs.back()) == Place::another_ones);
    CHECK(pairs[Http1Sockets::kMostLeaving].is_shut());
    CHECK_FALSE(pairs[Http1Sockets::kMostLeaving + 1].is_shut());
  }
  SECTION("or for room, and nobody gives way") {
    sockets.let_go(pairs[Http1Sockets::kMostLeaving].accepted());
    CHECK(was_told());
    CHECK(place_of(pairs.back()) == Place::taken);
    CHECK_FALSE(pairs[Http1Sockets::kMostLeaving].is_shut());
    CHECK_FALSE(pairs[Http1Sockets::kMostLeaving + 1].is_shut());
  }
  SECTION("or for the end") {
    sockets.end_all();
    CHECK(was_told());
    CHECK(place_of(pairs.back()) == Place::none);
    CHECK_FALSE(pairs.back().is_shut());
  }
  CHECK_FALSE(was_told());  // once is enough
}

TEST_CASE_METHOD(SocketsFixture, "The end shuts all sockets of HTTP/1.1, and closes those that nobody else does", "[sbi][http1]") {
  REQUIRE(take_in(pairs[0]));
  REQUIRE(take_in(pairs[1]));
  CHECK_FALSE(sockets.has_ended());
  sockets.end_all();
  CHECK(sockets.has_ended());
  CHECK(pairs[0].is_shut());
  CHECK(pairs[1].is_shut());
  sockets.let_go(pairs[0].accepted());
  CHECK(place_of(pairs[2]) == Place::none);
  sockets.close_all();
  CHECK_FALSE(pairs[0].is_closed());
  CHECK(pairs[1].is_closed());
  CHECK_FALSE(pairs[2].is_closed());
  CHECK(sockets.refused() == 0);
}
