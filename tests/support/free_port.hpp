#pragma once

#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <stdexcept>

namespace test {

/// A port of loopback that nobody listens at, for a server that a test starts later, or starts again. It is below the range from which
/// the system takes the ports of outgoing connections (32768 and up), so that none of them can take it meanwhile; no two calls
/// of a process give the same one.
inline std::uint16_t free_port() {
  constexpr unsigned kFirst = 10000;
  constexpr unsigned kCount = 22000;
  static std::atomic<unsigned> next{static_cast<unsigned>(getpid()) * 613U};
  boost::asio::io_context io;
  for (unsigned tries = 0; tries < kCount; ++tries) {
    const auto port = static_cast<std::uint16_t>(kFirst + next++ % kCount);
    boost::system::error_code error;
    boost::asio::ip::tcp::acceptor acceptor(io);
    acceptor.open(boost::asio::ip::tcp::v4());
    acceptor.bind({boost::asio::ip::make_address("127.0.0.1"), port}, error);
    if (!error) return port;
  }
  throw std::runtime_error("no port of loopback is free");
}

}  // namespace test
