#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/sbi/http2_session.hpp"

namespace sbi {

/// What a server allows (YAML: `sbi: limits:`).
struct ServerLimits {
  Http2Session::Limits http2;
  std::size_t max_body_bytes = 256 * 1024;   ///< of a request; streamed bodies (imports) have no limit
  std::size_t max_http1_bytes = 4 * 1024 * 1024;  ///< of a request over HTTP/1.1, whose streamed bodies are read whole
  std::size_t max_connections = 10000;   ///< one more takes the place of the oldest that has sent no request yet, or is idle, or is of a peer that has more than half; or is closed
  std::size_t max_http1_connections = 256;  ///< over HTTP/1.1, of all its listeners; one more takes the place of the oldest that has sent no whole head yet, or is closed
  std::size_t max_handshakes = 256;      ///< of TLS, under way; one more takes the place of the oldest
  std::size_t max_handshakes_per_second = 0;  ///< of TLS, begun; what comes beyond it waits. 0: no limit but that of each turn of the loop
  std::size_t max_half_open_streams = 20000;  ///< requests that have begun and not ended, of all connections; above it connections of the peer with most are closed
  std::size_t max_buffered_bytes = 128 * 1024 * 1024;  ///< of bodies, of all connections; the same
  std::size_t max_requests_per_second = 0;             ///< of one peer: its certificate's name, else its address; 0: no limit. 429 above it. (Of each worker, as all of these; over HTTP/2.)
  std::size_t max_imports = 16;          ///< bulk loads and imports that are worked on at once; 503 above it
  std::size_t max_imports_per_peer = 8;  ///< the same of one peer; 429 above it
  bool share_port = false;  ///< SO_REUSEPORT: several workers listen at one address
  std::chrono::seconds first_byte_timeout{10};  ///< until the first request's headers, TLS handshake included
  std::chrono::seconds request_timeout{30};     ///< from a request's headers to its end, or between pieces of a streamed body
  std::chrono::seconds idle_timeout{300};       ///< a connection without streams
  std::chrono::seconds write_timeout{30};       ///< a peer that takes nothing of what is sent
  /// How long a request that has come may wait for its turn, when it is not the first time that some wait; those that waited longer get 503
  /// NF_CONGESTION at once, so that the others are still answered in time (TS 29.500, 6.4). Once, four times that (Round::kPatience).
  std::chrono::milliseconds max_wait{100};
};

/// What a server has done; read from any thread.
struct ServerCounters {
  std::array<std::atomic<std::uint64_t>, 5> answers{};  ///< by class of status: [0] 1xx to [4] 5xx
  std::atomic<std::uint64_t> connections_refused{0};    ///< closed for a limit: max_connections, max_handshakes, max_half_open_streams, max_buffered_bytes
  std::atomic<std::uint64_t> requests_shed{0};          ///< 503 NF_CONGESTION, for they waited longer than max_wait
  std::atomic<std::uint64_t> handshakes_delayed{0};     ///< times that handshakes had to wait for max_handshakes_per_second

  void count(int status) noexcept {
    const auto index = static_cast<std::size_t>(status / 100 - 1);
    if (index < answers.size()) answers[index].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace sbi
