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

void print_head(const Options& options, const Load& load) {
  const Counts& counts = load.counts();
  std::printf(R"({"mode":"%s","connections":%zu,"streams":%zu,"requests":%llu,"ok":%llu,"status":%s,"wrong":%llu,"reset":%llu,"lost":%llu,"reconnects":%llu)",
              options.mode.c_str(), options.connections, options.streams, static_cast<unsigned long long>(counts.requests),
              static_cast<unsigned long long>(counts.ok), statuses(counts).c_str(), static_cast<unsigned long long>(counts.wrong),
              static_cast<unsigned long long>(counts.reset), static_cast<unsigned long long>(counts.lost),
              static_cast<unsigned long long>(counts.reconnects));
}

/// `operations`: what the server's CPU time is divided by.
void print_use(const Options& options, const Load& load, double operations) {
  const double seconds = seconds_between(load.begin(), load.end());
  std::printf(R"(,"loader_cpu_share":%.3f)", (load.end().own_cpu - load.begin().own_cpu) / seconds);
  if (options.pid == 0) return;
  const auto& before = load.begin().server;
  const auto& after = load.end().server;
  std::printf(R"(,"server_cpu_us_per_request":%.3f,"server_cpu_share":%.3f)", operations > 0 ? (after.cpu_seconds - before.cpu_seconds) * 1e6 / operations : 0,
              (after.cpu_seconds - before.cpu_seconds) / seconds);
  std::printf(R"(,"rss_kb_before":%lld,"rss_kb":%lld,"rss_anon_kb_before":%lld,"rss_anon_kb":%lld)", static_cast<long long>(before.rss_kb),
              static_cast<long long>(after.rss_kb), static_cast<long long>(before.rss_anon_kb), static_cast<long long>(after.rss_anon_kb));
}

void print_latency(const Counts& counts) {
  const auto& latency = counts.latency;
  std::printf(R"(,"p50_us":%.1f,"p90_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f)", latency.microseconds_at(0.5),
              latency.microseconds_at(0.9), latency.microseconds_at(0.99), latency.microseconds_at(0.999), latency.max_microseconds());
}

int run_load(const Options& options) {
  const auto work = bench::make_work(options);
  Load load(options, *work);
  load.run();
  const Counts& counts = load.counts();
  const double seconds = seconds_between(load.begin(), load.end());
  print_head(options, load);
  std::printf(R"(,"seconds":%.3f,"rate":%.1f,"exchanges_rate":%.1f)", seconds, static_cast<double>(counts.ok) / seconds,
              static_cast<double>(counts.exchanges) / seconds);
  if (options.rate > 0) {
    std::printf(R"(,"offered_rate":%.1f,"not_started":%llu)", options.rate, static_cast<unsigned long long>(load.not_started()));
  }
  print_latency(counts);
  print_use(options, load, static_cast<double>(counts.requests));
  std::printf("}\n");
  return counts.ok > 0 ? 0 : 1;
}

int run_bulk(Options options) {
  options.connections = 1;
  options.streams = 1;
  bench::Bulk work(options);
  Load load(options, work);
  load.run_once();
  const double seconds = seconds_between(load.begin(), load.end());
  print_head(options, load);
  std::printf(R"(,"order":"%s","vectors":%llu,"seconds":%.3f,"rate":%.1f)", options.order.c_str(), static_cast<unsigned long long>(work.accepted()),
              seconds, static_cast<double>(work.accepted()) / seconds);
  print_use(options, load, static_cast<double>(work.accepted()));
  std::printf("}\n");
  if (load.counts().ok != 1) std::fprintf(stderr, "bench-load: not all vectors were accepted: %s\n", work.answer().substr(0, 1000).c_str());
  return load.counts().ok == 1 ? 0 : 1;
}

int run_idle(Options options) {
  options.streams = 1;
  const auto work = bench::make_work(options);
  Load load(options, *work);
  load.run_idle();
  const std::size_t open = load.open_connections();
  print_head(options, load);
  std::printf(R"(,"open":%zu,"seconds":%.3f)", open, seconds_between(load.begin(), load.end()));
  print_latency(load.counts());
  print_use(options, load, static_cast<double>(load.counts().requests));
  if (options.pid != 0 && open > 0) {
    std::printf(R"(,"rss_kb_per_connection":%.2f)", static_cast<double>(load.end().server.rss_kb - load.begin().server.rss_kb) / static_cast<double>(open));
  }
  std::printf("}\n");
  return open == options.connections && load.counts().ok == open ? 0 : 1;
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
