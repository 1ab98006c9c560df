#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace test {

/// A web server that answers each request with octets of the test's own, whatever they are. It has a thread of its own; its methods are
/// for the test's.
class RawPeer {
 public:
  struct Answer {
    std::string octets;           ///< first
    std::string repeated = {};    ///< then, again and again until the other end has gone; empty: nothing
    bool closes = true;           ///< then; else it says no more, and does not end the connection either
  };

  explicit RawPeer(Answer answer, std::uint16_t port = 0);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// Of the requests from now on.
  void set_answer(Answer answer);
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t times_asked() const;   ///< requests that came whole
  [[nodiscard]] std::size_t octets_given() const;  ///< of what is repeated

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace test
