#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/core/nrf.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/router.hpp"
#include "lib/service/access.hpp"
#include "lib/service/audit.hpp"
#include "lib/service/config.hpp"

namespace service {

/// One loop of a function, with what belongs to its thread alone.
struct Worker {
  std::size_t index;
  boost::asio::io_context& loop;
  sbi::Client& client;
  sbi::Router& router;  ///< for the function to fill before it serves
  Audit audit = {};  ///< on only if an audit log is configured
  core::Nrf* nrf = nullptr;  ///< null if none is configured; discover() may be called from any worker
};

/// A network function, read from its configuration and ready to be built on its workers.
struct Function {
  CommonConfig common;
  Access access;                      ///< which peer is what
  std::span<const AccessRule> rules;  ///< who may call which of its routes, beside core_rules()
  /// Opens what all workers share (stores, keys). Called once, before any worker; throws what ends the program.
  std::function<void()> open;
  /// Fills a worker's router, and begins what runs by itself. What it returns lives until the worker's loop has ended.
  std::function<std::shared_ptr<void>(Worker&)> build;
  /// Ends what runs by itself, on the worker's loop, when the function drains. May be empty.
  std::function<void(Worker&)> drain;
  /// Reads again what may change while the function runs (SIGHUP); on the main thread, after open(). What it throws goes to the log
  /// and changes nothing. May be empty.
  std::function<void()> reload;
  /// Closes what open() opened, and all that is shared and refers to a loop. Called when the loops have stopped.
  std::function<void()> close;
};

/// What a function's program is called.
struct Program {
  std::string name;     ///< `nf-arpf`
  std::string section;  ///< of its YAML, and the log's domain: `arpf`
  std::string nf_type;  ///< User-Agent of its requests: `ARPF`
  std::string summary;
};

/// An option of a command: `--name`, a flag or with a value.
struct CommandOption {
  std::string name;  ///< without dashes
  std::string help;
  bool is_flag = false;
  bool is_list = false;  ///< may be given several times: its values come with newlines between
};

/// Something that a program does instead of serving, once, for an operator at a console: `nf-ausf-ext export-open5gs`.
struct Command {
  /// The options that were given, by name; a flag is `true`.
  using Given = std::map<std::string, std::string>;

  std::string name;
  std::string summary;
  std::vector<CommandOption> options;
  /// Returns the exit status. Throws ConfigError (status 2), or anything else (status 1). The log is not open.
  std::function<int(const std::string& config_path, const Given& given)> run;
};

/// The main function of every network function: options, configuration, log, workers, signals. SIGTERM and SIGINT drain and
/// end within seconds; SIGHUP opens the log file again and calls Running::reload(). Returns the exit status: 0; 1 if it could not start or run; 2 for a bad
/// command line or configuration.
/// `read` reads the document, calls its finish(), and makes the function. A command of `commands` that is named runs in its place.
int main(const Program& program, int argc, char** argv, const std::function<Function(const YamlDocument&)>& read,
         const std::vector<Command>& commands = {});

/// How many file descriptors the listeners of a configuration may come to need, all connections open: `max_connections` a worker,
/// `max_http1_connections` if HTTP/1.1 is served, and some for databases, loops, peers and Pistache.
std::uint64_t descriptors_needed(const CommonConfig& config);

/// Raises the soft limit of open files to the hard one; the limit now.
std::uint64_t raise_descriptor_limit();

/// Throws ConfigError that says what to lower or to raise, if `limit` descriptors are not enough for the configuration.
void require_descriptors(const CommonConfig& config, std::uint64_t limit);

/// Runs a function until `wait` returns; the body of main(), and what the tests start in their own process.
class Running {
 public:
  /// Opens, builds and serves. Throws what open() or build() throws, or std::runtime_error if an address is taken.
  Running(const Program& program, const Function& function);
  /// Drains for at most 5 seconds, then ends.
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// Reads the TLS files again, all or none, for connections that are made from now on; then the function's reload(). Throws what is wrong
  /// with a file; the function goes on with what it had. Not while another thread calls it.
  void reload();

  /// The ports taken, in the order of the configuration.
  [[nodiscard]] const std::vector<std::uint16_t>& http2_ports() const;
  [[nodiscard]] const std::vector<std::uint16_t>& http1_ports() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace service
