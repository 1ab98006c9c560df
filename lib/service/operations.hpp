#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/sbi/http1_server.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/router.hpp"

namespace service {

/// What whoever runs a function may ask of it: no name and no key is in any answer, so it is there for everybody who reaches a listener.
/// Safe to share once all servers are known.
class Operations {
 public:
  explicit Operations(std::string program) : program_(std::move(program)) {}

  /// A server whose counters are told; it outlives the last answer. Before anything is served.
  void watch(const sbi::Http2Server& server) { counters_.push_back(&server.counters()); }
  void watch(const sbi::Http1Server& server) { http1_ = &server; }

  /// GET /health (200 while the function serves) and GET /metrics (Prometheus text format 0.0.4). This must outlive the router.
  void add_routes(sbi::Router& router) const;

 private:
  [[nodiscard]] std::string metrics() const;

  std::string program_;
  std::vector<const sbi::ServerCounters*> counters_;
  const sbi::Http1Server* http1_ = nullptr;  ///< none where no HTTP/1.1 is served
};

}  // namespace service
