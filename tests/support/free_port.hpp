#pragma once

#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <stdexcept>

namespace test {

/// The ports of loopback that one process of tests may give to its servers, as long as it runs: a range whose first port it holds, so
/// that no other process of tests takes it, be it started at the same time. All are below those that the system gives to outgoing
/// connections (32768 and up).
class PortRange {
 public:
  static constexpr unsigned kFirst = 10000;
  static constexpr unsigned kRanges = 11;
  static constexpr unsigned kSize = 2000;

  /// Throws std::runtime_error if eleven processes run already.
  PortRange() : guard_(io_) {
    for (unsigned tries = 0; tries < kRanges; ++tries) {
      first_ = kFirst + (static_cast<unsigned>(getpid()) + tries) % kRanges * kSize;
      if (binds(guard_, first_)) return;
    }
    throw std::runtime_error("each range of ports is another process of tests'");
  }

  /// The next that nobody is bound to; the first call of a process starts anywhere, for the ports of one that ended rest a while.
  std::uint16_t next() {
    for (unsigned tries = 0; tries < kSize; ++tries) {
      const unsigned port = first_ + 1 + next_++ % (kSize - 1);
      boost::asio::ip::tcp::acceptor acceptor(io_);
      if (binds(acceptor, port)) return static_cast<std::uint16_t>(port);
    }
    throw std::runtime_error("no port of loopback is free");
  }

 private:
  static bool binds(boost::asio::ip::tcp::acceptor& acceptor, unsigned port) {
    boost::system::error_code error;
    acceptor.close(error);
    acceptor.open(boost::asio::ip::tcp::v4());
    acceptor.bind({boost::asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port)}, error);
    return !error;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor guard_;
  unsigned first_ = 0;
  std::atomic<unsigned> next_{static_cast<unsigned>(getpid()) * 613U};
};

/// A port of loopback that nobody listens at, for a server that a test starts later, or starts again. No 1999 calls of a process in
/// a row give the same one.
inline std::uint16_t free_port() {
  static PortRange range;
  return range.next();
}

}  // namespace test
