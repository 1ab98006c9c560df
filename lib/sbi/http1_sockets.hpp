#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace sbi {

/// The sockets of the HTTP/1.1 front end, of all its listeners, and how many there may be. One is in here from its accept until just before
/// Pistache closes it: what stands here is the socket that it was, and any thread may shut it down. Of any thread.
///
/// A thread of Pistache's reads a connection until nothing more is there, and looks at nothing else meanwhile, not even whether it is to end:
/// while a peer goes on, only the end of the socket ends that for sure.
class Http1Sockets {
 public:
  /// So many may have been told to go and not have gone, for the thread that is to close them does something else: they come on top of `most`.
  /// Of four threads each has about as many connections: one that does not get round to its own holds up the others' after four times as many, and so
  /// a request on its way is read before its connection is the oldest of the default `most`.
  static constexpr std::size_t kMostLeaving = 32;

  explicit Http1Sockets(std::size_t most) : most_(most) {}

  enum class Place {
    taken,
    another_ones,  ///< taken, and another one gives way
    none,          ///< nobody could give way, or all has ended
    later,         ///< kMostLeaving have not gone yet: once one of them has, or another one, or all has ended, the eventfd that was given is written to
  };
  /// Takes in a socket that was just accepted, and has `hand_over` give it to a thread of Pistache's, and say where that one's number of sockets
  /// stands: it is counted here, up now and down when the socket goes. Where all are taken, the oldest that has sent no whole head yet gives way: it
  /// is shut down, and Pistache closes it. The socket stays the caller's unless it is taken; so it does if hand_over throws, which goes on.
  /// Does not block. `told`, an eventfd, has to stay open until all has ended.
  Place take_in(int socket, const std::function<std::size_t*()>& hand_over, int told);

  /// One was closed before it had a place.
  void count_refused() { refused_.fetch_add(1, std::memory_order_relaxed); }

  /// It has sent a whole head, and does not give way any more.
  void keep(int socket);

  /// Pistache closes it now.
  void let_go(int socket);

  /// Shuts all of them down, and takes in no other.
  void end_all();
  [[nodiscard]] bool has_ended() const { return has_ended_; }

  /// Those that Pistache still had when it ended itself, which closes none of them. Only once no thread of it is left.
  void close_all();

  /// How many were closed for `most`, old and new ones.
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::uint64_t age;  ///< its number in the order in which they came
    std::size_t* of_its_thread = nullptr;  ///< how many that has
    bool is_leaving = false;
  };

  void send_away_oldest();
  void tell_who_waits();

  const std::size_t most_;
  std::mutex mutex_;
  std::set<int> told_;  ///< eventfds of who waits for one to go
  std::map<int, Entry> sockets_;
  std::map<std::uint64_t, int> silent_;  ///< by age, those of them that would give way
  std::size_t leaving_ = 0;              ///< of sockets_
  std::uint64_t next_age_ = 0;
  std::atomic<bool> has_ended_ = false;
  std::atomic<std::uint64_t> refused_ = 0;
};

}  // namespace sbi
