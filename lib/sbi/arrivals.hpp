#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "lib/base/descriptor.hpp"
#include "lib/sbi/peer_lines.hpp"

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
/// of each in turns (PeerLines). What waits here costs a descriptor and holds up nobody, where the kernel's queue is one line for all peers. One a loop, and one a listener
/// of HTTP/1.1.
class Arrivals {
 public:
  explicit Arrivals(std::size_t most) : most_(most) {}

  /// `peer` waits with one more. If there are too many then, the last of the peer that waits with most is closed. True if there was no need.
  bool push(const std::string& peer, Arrival arrival);
  /// There must be one.
  Arrival pop() { return lines_.pop(); }
  /// Closes the last of the peer that waits with most; false if nobody waits.
  bool drop() { return lines_.pop_last_of_longest().has_value(); }
  void clear() { lines_.clear(); }
  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }

 private:
  PeerLines<std::string, Arrival> lines_;  ///< by address
  std::size_t most_;
};

}  // namespace sbi
