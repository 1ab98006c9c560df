#pragma once

#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "tests/bench/connection.hpp"
#include "tests/bench/histogram.hpp"
#include "tests/bench/server_process.hpp"
#include "tests/bench/work.hpp"

namespace bench {

/// What is counted between the warm-up and the end.
struct Counts {
  std::uint64_t requests = 0;            ///< with an answer or without
  std::uint64_t ok = 0;                  ///< 2xx with the right answer
  std::uint64_t exchanges = 0;           ///< ok to the last of their requests
  std::uint64_t wrong = 0;               ///< 2xx with a wrong answer
  std::uint64_t reset = 0;               ///< streams that ended without an answer
  std::uint64_t lost = 0;                ///< requests that went with their connection
  std::uint64_t reconnects = 0;
  std::array<std::uint64_t, 1000> by_status{};
  Histogram latency;  ///< of 2xx
  Histogram since_sent;  ///< open loop: of 2xx too, without the time for which no stream was free
  Histogram refusal;  ///< latency of all other answers
};

/// A moment, with what had been used until then.
struct Moment {
  std::int64_t at_ns = 0;
  ProcessUse server;
  double own_cpu = 0;
};

/// Keeps connections busy, and counts.
class Load : private Events {
 public:
  Load(const Options& options, Work& work);
  ~Load() override;

  /// Warms up, then loads until enough is counted, or no connection is left. Throws std::runtime_error if none is left in the warm-up.
  void run();
  /// Opens the connections, one request on each, and holds them.
  void run_idle();
  /// One request, to its answer.
  void run_once();

  [[nodiscard]] const Counts& counts() const noexcept { return *counts_; }
  [[nodiscard]] const Moment& begin() const noexcept { return begin_; }
  [[nodiscard]] const Moment& end() const noexcept { return end_; }
  /// Open loop: what was due at the end and had found no free stream.
  [[nodiscard]] std::uint64_t not_started() const noexcept { return not_started_; }
  [[nodiscard]] std::size_t open_connections() const;
  /// True if the server went, and nobody listens in its place.
  [[nodiscard]] bool is_stranded() const noexcept { return dead_ > 0 && dead_ == connections_.size(); }

 private:
  enum class Style { closed_loop, open_loop, once_each };

  void opened(Connection& connection) override;
  void finished(Exchange& exchange, std::uint32_t error_code, std::int64_t now) override;

  void open_all();
  void open_more();
  void turn(std::int64_t longest_ns);
  void handle(Connection& connection, bool is_readable);
  void watch(Connection& connection);
  void replace(Connection& connection);
  void send(Exchange& exchange, std::int64_t started_ns, std::int64_t now);
  void offer_due(std::int64_t now);
  [[nodiscard]] std::int64_t due_ns(std::uint64_t number) const;
  bool count(Exchange& exchange, std::uint32_t error_code, std::int64_t now);
  [[nodiscard]] bool is_enough(std::int64_t now) const;
  void drain();
  [[nodiscard]] Moment moment() const;

  const Options& options_;
  Work& work_;
  TlsContext tls_;
  int epoll_ = -1;
  Style style_ = Style::closed_loop;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::size_t opening_ = 0;   ///< connected, and in their handshake
  std::size_t dead_ = 0;      ///< could not be replaced
  bool is_ending_ = false;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> trace_{nullptr, std::fclose};
  std::deque<Exchange*> resting_;      ///< open loop: free to be used
  std::vector<Connection*> dirty_;     ///< open loop: to be flushed
  std::int64_t schedule_begin_ns_ = 0; ///< open loop; 0: nothing is offered yet
  std::uint64_t offered_ = 0;          ///< open loop
  std::uint64_t not_started_ = 0;
  std::size_t in_flight_ = 0;
  std::unique_ptr<Counts> counts_ = std::make_unique<Counts>();
  Moment begin_;
  Moment end_;
};

}  // namespace bench
