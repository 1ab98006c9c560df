#include "lib/service/operations.hpp"

#include <fmt/format.h>

namespace service {
namespace {

template <class Count>
std::uint64_t sum(const std::vector<const sbi::ServerCounters*>& all, Count count) {
  std::uint64_t out = 0;
  for (const sbi::ServerCounters* counters : all) out += count(*counters);
  return out;
}

std::string head(const char* name, const char* help) { return fmt::format("# HELP {0} {1}\n# TYPE {0} counter\n", name, help); }

}  // namespace

void Operations::add_routes(sbi::Router& router) const {
  router.add("GET", "/health", sbi::BodyKind::none,
             sbi::PlainHandler([](const sbi::Request&) { return sbi::Response(200, sbi::kJson, R"({"status":"UP"})"); }));
  router.add("GET", "/metrics", sbi::BodyKind::none, sbi::PlainHandler([this](const sbi::Request&) {
               return sbi::Response(200, "text/plain; version=0.0.4", metrics());
             }));
}

std::string Operations::metrics() const {
  std::string out = fmt::format("# HELP first_attach_build_info Which program this is.\n# TYPE first_attach_build_info gauge\n"
                                "first_attach_build_info{{program=\"{}\",version=\"{}\"}} 1\n", program_, FIRST_ATTACH_VERSION);
  out += head("first_attach_http2_answers_total", "Answers over HTTP/2 by class of status.");
  for (std::size_t i = 0; i < 5; ++i) {
    const std::uint64_t answers = sum(counters_, [i](const sbi::ServerCounters& one) { return one.answers[i].load(std::memory_order_relaxed); });
    out += fmt::format("first_attach_http2_answers_total{{status=\"{}xx\"}} {}\n", i + 1, answers);
  }
  const auto add = [&](const char* name, const char* help, std::atomic<std::uint64_t> sbi::ServerCounters::*member) {
    const std::uint64_t value = sum(counters_, [member](const sbi::ServerCounters& one) { return (one.*member).load(std::memory_order_relaxed); });
    out += head(name, help) + fmt::format("{} {}\n", name, value);
  };
  add("first_attach_http2_shed_total", "Requests answered with 503 NF_CONGESTION.", &sbi::ServerCounters::requests_shed);
  add("first_attach_http2_connections_refused_total", "Connections beyond max_connections.", &sbi::ServerCounters::connections_refused);
  add("first_attach_tls_handshakes_delayed_total", "Times that TLS handshakes had to wait for max_handshakes_per_second.",
      &sbi::ServerCounters::handshakes_delayed);
  if (http1_ != nullptr) {
    const char* const name = "first_attach_http1_connections_refused_total";
    out += head(name, "Connections over HTTP/1.1 beyond max_http1_connections.") + fmt::format("{} {}\n", name, http1_->connections_refused());
  }
  return out;
}

}  // namespace service
