#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <vector>

#include "lib/store/committer.hpp"
#include "nf-d-ausf/vectors.hpp"

namespace d_ausf {

/// One serving of a vector.
struct Serving {
  profile::DiscoveryImsi dimsi;
  profile::Rand rand;
  std::string serving_network;  ///< empty if it was not named
  base::Time at;
};

/// Writes into the vectors' records that they were served (`served`, `lastServedAt`, `lastServingNetwork`), some time after the answer,
/// which does not wait for it: a device is better answered than counted. What is beyond the pace is not recorded, and the log says how
/// much that was, at most every two seconds. One a loop.
class NoteServings {
 public:
  /// `per_second`: the most that is recorded. The committer outlives it.
  NoteServings(boost::asio::io_context& loop, store::Committer& committer, std::size_t per_second);

  /// `serving_network`: empty if it was not named.
  void add(const profile::DiscoveryImsi& dimsi, const profile::Rand& rand, const std::string& serving_network, base::Time at);
  /// Writes what is left, on the loop, once no more is served.
  void stop();

 private:
  void schedule();
  void flush();

  boost::asio::steady_timer timer_;
  store::Committer& committer_;
  std::size_t per_flush_;
  std::vector<Serving> waiting_;
  std::size_t left_out_ = 0;  ///< since the last flush
  std::chrono::steady_clock::time_point last_flush_;
  bool is_scheduled_ = false;
};

}  // namespace d_ausf
