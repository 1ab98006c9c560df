#include "tests/bench/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <stdexcept>

namespace bench {
namespace {

constexpr const char* kSummary =
    "Loads a function over HTTP/2 and prints one line of JSON. One thread.\n"
    "Modes: lookup (nf-d-ausf, POST ue-authentications), put, get, bulk (its vectors), retrieve (nf-arpf, retrieve-key),\n"
    "aka (nf-ausf-ext, challenge and confirmation), fixed (one POST to --path), idle (open connections).";

void add_load(CLI::App& app, Options& to) {
  app.add_option("--uri", to.uri, "http://HOST:PORT, or https")->required();
  app.add_option("--mode", to.mode)
      ->check(CLI::IsMember({"lookup", "put", "get", "bulk", "retrieve", "aka", "fixed", "idle"}))
      ->capture_default_str();
  app.add_option("--connections", to.connections)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--streams", to.streams, "requests in flight, a connection")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--requests", to.requests, "ends after so many counted ones, not after --seconds");
  app.add_option("--seconds", to.seconds, "idle: for how long the connections are held")->capture_default_str();
  app.add_option("--warm-up", to.warm_up, "seconds that are not counted")->capture_default_str();
  app.add_option("--rate", to.rate, "open loop: so many requests a second, whatever the answers do; latency counts from when each was due");
  app.add_option("--trace", to.trace, "a file for a line of each answer, also of the warm-up: when it was due (ns of the monotonic clock), us until "
                                      "it came, its status");
  app.add_option("--pid", to.pid, "the server's process, whose CPU time and memory are read");
}

void add_content(CLI::App& app, Options& to) {
  app.add_option("--first-dimsi", to.first_dimsi, "15 digits")->capture_default_str();
  app.add_option("--count", to.count, "dIMSIs from there on; bulk: vectors to load")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--seed", to.seed, "of everything random")->capture_default_str();
  app.add_option("--ca", to.ca, "PEM, that an https server is verified against");
  app.add_option("--server-name", to.server_name, "that its certificate must be for, if not the URI's host");
  app.add_option("--certificate", to.certificate, "own certificate, PEM");
  app.add_option("--private-key", to.private_key, "its key, PEM");
  app.add_option("--path", to.path, "fixed: the path");
  app.add_option("--body-size", to.body_size, "fixed: octets of the body (a lookup's body)");
  app.add_option("--subscribers", to.subscribers, "aka: JSON lines of imsi, k and opc");
  app.add_flag("--wrong-answer", to.is_wrong_answer, "aka: a random RES*, which must be refused");
  app.add_option("--bodies", to.bodies, "retrieve: JSON lines of dimsi and body");
  app.add_option("--order", to.order, "bulk: of the dIMSIs")->check(CLI::IsMember({"ascending", "random"}))->capture_default_str();
}

void read_uri(Options& options) {
  options.is_tls = options.uri.starts_with("https://");
  const std::size_t begin = options.is_tls ? 8 : 7;
  if (!options.is_tls && !options.uri.starts_with("http://")) throw std::runtime_error("--uri is http:// or https://");
  options.authority = options.uri.substr(begin);
  const std::size_t colon = options.authority.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("--uri needs a port");
  options.host = options.authority.substr(0, colon);
  options.port = options.authority.substr(colon + 1);
}

}  // namespace

Options read_options(int argc, char** argv) {
  Options options;
  CLI::App app(kSummary, "bench-load");
  add_load(app, options);
  add_content(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  const bool is_number = options.first_dimsi.find_first_not_of("0123456789") == std::string::npos;
  if (options.first_dimsi.size() != 15 || !is_number) throw std::runtime_error("--first-dimsi has 15 digits");
  read_uri(options);
  return options;
}

}  // namespace bench
