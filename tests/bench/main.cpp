// bench-load: the load generator of scripts/bench.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "tests/bench/bulk.hpp"
#include "tests/bench/load.hpp"

namespace {

using bench::Counts;
using bench::Load;
using bench::Options;

double seconds_between(const bench::Moment& begin, const bench::Moment& end) { return static_cast<double>(end.at_ns - begin.at_ns) / 1e9; }

std::string statuses(const Counts& counts) {
  std::string out;
  for (std::size_t status = 0; status < counts.by_status.size(); ++status) {
    if (counts.by_status[status] == 0) continue;
    out += (out.empty() ? "\"" : ",\"") + std::to_string(status) + "\":" + std::to_string(counts.by_status[status]);
  }
  return "{" + out + "}";
}

void print(const char* name, std::uint64_t value) { std::printf(R"(,"%s":%llu)", name, static_cast<unsigned long long>(value)); }
void print(const char* name, std::int64_t value) { std::printf(R"(,"%s":%lld)", name, static_cast<long long>(value)); }
void print(const char* name, double value) { std::printf(R"(,"%s":%.3f)", name, value); }

void print_head(const Options& options, const Load& load) {
  const Counts& counts = load.counts();
  std::printf(R"({"mode":"%s")", options.mode.c_str());
  print("connections", std::uint64_t{options.connections});
  print("streams", std::uint64_t{options.streams});
  print("requests", counts.requests);
  print("ok", counts.ok);
  std::printf(R"(,"status":%s)", statuses(counts).c_str());
  print("wrong", counts.wrong);
  print("reset", counts.reset);
  print("lost", counts.lost);
  print("reconnects", counts.reconnects);
  print("seconds", seconds_between(load.begin(), load.end()));
  print("begun_ns", load.begin().at_ns);
  print("ended_ns", load.end().at_ns);
}

/// `operations`: what the server's CPU time is divided by.
void print_use(const Options& options, const Load& load, double operations) {
  const double seconds = seconds_between(load.begin(), load.end());
  print("loader_cpu_share", (load.end().own_cpu - load.begin().own_cpu) / seconds);
  if (options.pid == 0) return;
  const auto& before = load.begin().server;
  const auto& after = load.end().server;
  const double cpu_seconds = after.cpu_seconds - before.cpu_seconds;
  print("server_cpu_us_per_request", operations > 0 ? cpu_seconds * 1e6 / operations : 0);
  print("server_cpu_share", cpu_seconds / seconds);
  print("rss_kb_before", before.rss_kb);
  print("rss_kb", after.rss_kb);
  print("rss_anon_kb_before", before.rss_anon_kb);
  print("rss_anon_kb", after.rss_anon_kb);
}

void print_latency(const Counts& counts) {
  const auto& latency = counts.latency;
  print("p50_us", latency.microseconds_at(0.5));
  print("p90_us", latency.microseconds_at(0.9));
  print("p99_us", latency.microseconds_at(0.99));
  print("p999_us", latency.microseconds_at(0.999));
  print("max_us", latency.max_microseconds());
  if (counts.since_sent.max_microseconds() > 0) {
    print("p50_since_sent_us", counts.since_sent.microseconds_at(0.5));
    print("p99_since_sent_us", counts.since_sent.microseconds_at(0.99));
  }
  if (counts.refusal.max_microseconds() == 0) return;
  print("refused_p50_us", counts.refusal.microseconds_at(0.5));
  print("refused_p99_us", counts.refusal.microseconds_at(0.99));
}

int run_load(const Options& options) {
  const auto work = bench::make_work(options);
  Load load(options, *work);
  load.run();
  const Counts& counts = load.counts();
  const double seconds = seconds_between(load.begin(), load.end());
  print_head(options, load);
  print("rate", static_cast<double>(counts.ok) / seconds);
  print("exchanges_rate", static_cast<double>(counts.exchanges) / seconds);
  if (options.rate > 0) {
    print("offered_rate", options.rate);
    print("not_started", load.not_started());
  }
  print_latency(counts);
  print_use(options, load, static_cast<double>(counts.requests));
  std::printf("}\n");
  return counts.ok > 0 && !load.is_stranded() ? 0 : 1;
}

int run_bulk(Options options) {
  options.connections = 1;
  options.streams = 1;
  bench::Bulk work(options);
  Load load(options, work);
  load.run_once();
  const auto accepted = static_cast<double>(work.accepted());
  print_head(options, load);
  std::printf(R"(,"order":"%s")", options.order.c_str());
  print("vectors", work.accepted());
  print("rate", accepted / seconds_between(load.begin(), load.end()));
  print_use(options, load, accepted);
  std::printf("}\n");
  if (load.counts().ok == 1) return 0;
  std::fprintf(stderr, "bench-load: not all vectors were accepted: %s\n", work.answer().substr(0, 1000).c_str());
  return 1;
}

int run_idle(Options options) {
  options.streams = 1;
  const auto work = bench::make_work(options);
  Load load(options, *work);
  load.run_idle();
  const std::size_t open = load.open_connections();
  print_head(options, load);
  print("open", std::uint64_t{open});
  print_latency(load.counts());
  print_use(options, load, static_cast<double>(load.counts().requests));
  const auto grown_kb = static_cast<double>(load.end().server.rss_kb - load.begin().server.rss_kb);
  if (options.pid != 0 && open > 0) print("rss_kb_per_connection", grown_kb / static_cast<double>(open));
  std::printf("}\n");
  return open == options.connections ? 0 : 1;
}

/// As many open files as the system allows.
void raise_file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  try {
    const Options options = bench::read_options(argc, argv);
    if (options.mode == "bulk") return run_bulk(options);
    if (options.mode == "idle") return run_idle(options);
    return run_load(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-load: %s\n", error.what());
    return 1;
  }
}
