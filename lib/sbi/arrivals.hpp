#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "lib/base/descriptor.hpp"

namespace sbi {

/// A connection that the kernel has handed over, and for which nothing else has been done yet.
struct Arrival {
  base::Descriptor socket;  ///< does not block
  boost::asio::ip::tcp::endpoint remote;
  std::size_t listener = 0;  ///< at which it came
};

/// Accepts one of a socket that listens and does not block; nothing if there is none now. Throws boost::system::system_error for want of
/// descriptors or memory, or if it does not listen any more.
std::optional<Arrival> accept_one(int listening, std::size_t listener);

/// Connections of peers that have had their share of the loop (PeerShares), which wait to be taken in: a line for each peer's address, one
/// of each in turns. What waits here costs a descriptor and holds up nobody, where the kernel's queue is one line for all peers. One a loop, and one a listener
/// of HTTP/1.1.
class Arrivals {
 public:
  explicit Arrivals(std::size_t most) : most_(most) {}

  /// `peer` waits with one more. If there are too many then, the last of the peer that waits with most is closed. True if there was no need.
  bool push(const std::string& peer, Arrival arrival);
  /// There must be one.
  Arrival pop();
  /// Closes the last of the peer that waits with most; false if nobody waits.
  bool drop();
  void clear();
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Line {
    std::string peer;
    std::deque<Arrival> arrivals;
  };
  using Lines = std::list<Line>;

  void forget_if_empty(Lines::iterator line);

  Lines lines_;  ///< none is empty; the next to have its turn first
  std::unordered_map<std::string, Lines::iterator> of_peer_;
  std::size_t most_;
  std::size_t size_ = 0;
};

}  // namespace sbi
