#include "lib/service/run.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <cstdlib>
#include <future>
#include <iostream>
#include <thread>

#include "lib/base/core_dumps.hpp"
#include "lib/base/log.hpp"
#include "lib/core/access_tokens.hpp"
#include "lib/sbi/http1_server.hpp"
#include "lib/service/operations.hpp"

namespace service {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kDrainTime = 5s;

/// Connecting takes at most half of the time for an answer: then there is some left for the next peer of a list.
sbi::ClientLimits client_limits(const CommonConfig& config) {
  sbi::ClientLimits limits;
  limits.connect_timeout = std::min(limits.connect_timeout, config.client_timeout / 2);
  limits.may_call_in_clear = config.may_call_in_clear;
  return limits;
}
/// Databases, loops, peers, Pistache's threads, and what waits before and behind these (Http1Listener::kMostWaiting, Http1Sockets::kMostLeaving).
constexpr std::uint64_t kOtherDescriptors = 512;

/// Access tokens for what this function asks of others, and for the receipts that it tells them. What it asks of the NRF itself needs none.
class ServiceTokens final : public sbi::Authorizer {
 public:
  ServiceTokens(sbi::Client& client, const CommonConfig& config, const std::string& nf_type)
      : tokens_(client, {config.nrf.uris, nf_instance_id(config, nf_type), nf_type, config.nrf.timeout, base::system_now,
                         config.nrf.first_pause, config.nrf.longest_pause}) {}

  asio::awaitable<std::string> authorization(std::string service) override {
    const std::string* const type = type_of(service);
    if (type == nullptr) co_return std::string();
    std::string target(*type);
    const bool may_go_without = service == kReceipts;
    std::string value;
    try {
      value = co_await tokens_.authorization(std::move(target), std::move(service));
    } catch (const base::Error&) {  // which the log has
      if (!may_go_without) throw;
    }
    co_return std::move(value);
  }
  void refused(const std::string& service, const std::string& authorization) override {
    if (const std::string* const type = type_of(service)) tokens_.forget(*type, service, authorization);
  }

 private:
  /// Its target AUSF may demand a token or know the D-AUSF by its certificate alone: only that one can say, so a receipt goes without if there is none.
  static constexpr const char* kReceipts = "nausfext-onboarding";

  static const std::string* type_of(const std::string& service) {
    static const std::map<std::string, std::string> kTypes{
        {"narpf-keys", "ARPF"}, {"ndausf-vectors", "AUSF"}, {kReceipts, "AUSF"}, {"nudm-ueau", "UDM"}};
    const auto found = kTypes.find(service);
    return found == kTypes.end() ? nullptr : &found->second;
  }
  core::AccessTokens tokens_;
};

}  // namespace

struct Running::State {
  /// A loop, its thread and all that lives on it.
  struct Loop {
    Loop(const Program& program, const CommonConfig& config, const std::shared_ptr<asio::ssl::context>& client_tls, std::size_t index)
        : guard(io.get_executor()),
          client(io, program.nf_type, client_tls, client_limits(config)),
          server(io, router, config.limits),
          worker{index, io, client, router} {}

    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard;
    sbi::Router router;
    sbi::Client client;
    std::unique_ptr<ServiceTokens> tokens;  ///< of the client, if it sends any
    RefusalPace refusals;                   ///< that the audit log tells of
    sbi::Http2Server server;
    Worker worker;
    std::shared_ptr<void> function;
    std::thread thread;
  };

  explicit State(const Program& program) : operations(program.name) {}

  Function function;
  Operations operations;
  sbi::Router operations_router;  ///< what HTTP/1.1 has where peers are known
  std::vector<std::unique_ptr<Loop>> loops;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<core::Nrf> nrf;  ///< on the first loop
  std::unique_ptr<sbi::Http1Server> http1;
  std::vector<std::uint16_t> http2_ports;
  std::vector<std::uint16_t> http1_ports;

  /// Runs `work` on a loop and waits for it; throws what it throws.
  static void run_on(Loop& loop, const std::function<void()>& work) {
    std::packaged_task<void()> task(work);
    auto done = task.get_future();
    asio::post(loop.io, [&task] { task(); });
    done.get();
  }

  void listen() {
    make_http1();  // before anybody can ask for its counters
    for (const Listener& listener : function.common.http2) {
      const auto tls = listener.tls ? sbi::make_server_context(*listener.tls) : nullptr;
      std::uint16_t port = listener.port;
      for (const auto& loop : loops) {
        run_on(*loop, [&] { port = loop->server.listen(listener.address, port, tls); });
      }
      http2_ports.push_back(port);
      base::log::info("listening at {}:{} (HTTP/2{})", listener.address, port, tls ? ", TLS" : "");
    }
    for (const Listener& listener : function.common.http1) {
      http1_ports.push_back(http1->listen(listener.address, listener.port));
      base::log::info("listening at {}:{} (HTTP/1.1)", listener.address, http1_ports.back());
    }
  }

  void make_http1() {
    if (function.common.http1.empty()) return;
    // It knows nobody. Where others must say who they are, it is no way around that.
    if (function.common.knows_peers) operations.add_routes(operations_router);
    const sbi::Router& router = function.common.knows_peers ? operations_router : loops.front()->router;
    sbi::ServerLimits limits = function.common.limits;
    if (function.common.knows_peers) limits.max_http1_bytes = limits.http2.max_header_bytes;
    http1 = std::make_unique<sbi::Http1Server>(loops.front()->io, router, limits);
    operations.watch(*http1);
  }

  /// On the first loop, once that exists and before the function is built on it.
  void open_nrf(const Program& program) {
    core::NrfSettings settings = function.common.nrf;
    if (settings.uris.empty()) return;
    settings.requester_type = program.nf_type;
    for (const Listener& listener : function.common.http2) {
      if (!listener.registration) continue;
      settings.requester_type = listener.registration->instance.nf_type;
      break;
    }
    nrf = std::make_unique<core::Nrf>(loops.front()->io, loops.front()->client, std::move(settings));
  }

  void build(const Program& program, Loop& loop) {
    loop.worker.nrf = nrf.get();
    loop.worker.audit = Audit(audit.get(), &loop.refusals);
    loop.router.tell_refusals([recorder = loop.worker.audit](const sbi::Request& request, const base::Error& refused) {
      recorder.note_refusal(request, refused);
    });
    loop.router.tell_turn_aways([recorder = loop.worker.audit](const sbi::Peer& peer, const std::string& why) { recorder.note_turn_away(peer, why); });
    if (function.common.sends_tokens) {
      loop.tokens = std::make_unique<ServiceTokens>(loop.client, function.common, program.nf_type);
      loop.client.authorize_by(*loop.tokens);
    }
    if (function.common.scp) loop.client.use_scp(*function.common.scp, function.common.direct);
    loop.function = function.build(loop.worker);
    if (nrf) nrf->add_routes(loop.router);
    operations.watch(loop.server);
    operations.add_routes(loop.router);
    loop.router.guard_by(guard_of(loop));
  }

  /// Who it is, then whether it may.
  [[nodiscard]] sbi::Guard guard_of(const Loop& loop) const {
    auto rules = rules_of(loop.router, function.rules);
    std::shared_ptr<TokenGuard> tokens;
    if (function.common.tokens) {
      TokenPolicy policy = *function.common.tokens;
      for (const Listener& listener : function.common.http2) {
        if (!listener.registration) continue;
        policy.verifier.audiences.push_back(nf_instance_id(function.common, listener.registration->instance.nf_type));
      }
      tokens = std::make_shared<TokenGuard>(std::move(policy), base::system_now);
    }
    return [this, tokens, rules = std::move(rules)](const sbi::Route& route, sbi::Request& request) {
      if (tokens) tokens->identify(rules[route.index], request);
      function.access.require(rules[route.index], request.peer);
    };
  }

  /// All or none: what is wrong is found before anything changes.
  void reload() {
    const CommonConfig& config = function.common;
    std::vector<std::shared_ptr<asio::ssl::context>> servers;
    for (const Listener& listener : config.http2) servers.push_back(listener.tls ? sbi::make_server_context(*listener.tls) : nullptr);
    const auto client = config.client_tls ? sbi::make_client_context(*config.client_tls) : nullptr;
    if (function.reload) function.reload();
    for (const auto& loop : loops) {
      run_on(*loop, [&] {
        for (std::size_t i = 0; i < servers.size(); ++i) loop->server.replace_tls(i, servers[i]);
        loop->client.use_tls(client);
      });
    }
  }

  /// Peers may come from now on: the ports are known and served.
  void join_core() {
    if (!nrf) return;
    auto instances = nf_instances(function.common, http2_ports);
    const std::string root = notification_root(function.common, http2_ports);
    run_on(*loops.front(), [&] { nrf->start(std::move(instances), root); });
  }

  /// Peers that look for us find others from now on.
  void leave_core() {
    if (!nrf) return;
    asio::co_spawn(loops.front()->io, nrf->stop(), asio::use_future).wait();
  }

  /// New requests are refused first, those under way get their answers, then everything ends.
  void drain() {
    leave_core();
    if (http1) http1->stop();
    for (const auto& loop : loops) {
      run_on(*loop, [&] {
        loop->server.drain();
        if (function.drain) function.drain(loop->worker);
      });
    }
    const auto deadline = std::chrono::steady_clock::now() + kDrainTime;
    for (const auto& loop : loops) {
      std::size_t open = 1;
      while (open > 0 && std::chrono::steady_clock::now() < deadline) {
        run_on(*loop, [&] { open = loop->server.open_connections() + loop->server.handlers_at_work(); });
        if (open > 0) std::this_thread::sleep_for(10ms);  // the peers close in their own time
      }
    }
  }

  void begin_audit() {
    if (function.common.audit_file.empty()) return;
    audit = std::make_unique<AuditLog>(function.common.audit_file, base::system_now);
    audit->record_and_wait({.action = AuditAction::start});
  }

  void end_audit() {
    if (!audit) return;
    for (const auto& loop : loops) loop->worker.audit.note_left_out();  // their threads have ended
    try {
      audit->record_and_wait({.action = AuditAction::stop});
    } catch (const base::Error& error) {
      base::log::error("the audit log does not tell of the end: {}", error.what());
    }
    audit.reset();
  }

  void stop() {
    for (const auto& loop : loops) {
      loop->io.stop();
      loop->thread.join();
    }
    // Writers first: what they finish is posted to loops that must still exist. Then what refers to the loops, then these.
    if (function.close) function.close();
    end_audit();
    for (const auto& loop : loops) loop->function.reset();
    nrf.reset();
    loops.clear();
  }
};

Running::Running(const Program& program, const Function& function) : state_(std::make_unique<State>(program)) {
  state_->function = function;
  const auto client_tls = function.common.client_tls ? sbi::make_client_context(*function.common.client_tls) : nullptr;
  state_->begin_audit();
  if (function.open) function.open();
  for (std::size_t i = 0; i < function.common.workers; ++i) {
    state_->loops.push_back(std::make_unique<State::Loop>(program, function.common, client_tls, i));
    if (i == 0) state_->open_nrf(program);
    state_->build(program, *state_->loops.back());
  }
  // The threads start before the sockets: HTTP/1.1 needs a running loop, and a taken port must end in good order as well.
  for (const auto& loop : state_->loops) loop->thread = std::thread([&io = loop->io] { io.run(); });
  try {
    state_->listen();
    state_->join_core();
  } catch (...) {
    if (state_->http1) state_->http1->stop();
    state_->stop();
    throw;
  }
}

Running::~Running() {
  state_->drain();
  state_->stop();
}

void Running::reload() {
  if (state_->audit) state_->audit->reopen();
  state_->reload();
  if (state_->audit) state_->audit->note({.action = AuditAction::reload});
}

std::uint64_t descriptors_needed(const CommonConfig& config) {
  const std::uint64_t over_http1 = config.http1.empty() ? 0 : config.limits.max_http1_connections;
  return config.limits.max_connections * config.workers + over_http1 + kOtherDescriptors;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

void require_descriptors(const CommonConfig& config, std::uint64_t limit) {
  const std::uint64_t needed = descriptors_needed(config);
  if (needed <= limit) return;
  throw ConfigError("sbi.limits.max_connections: " + std::to_string(config.limits.max_connections) + " for each of " +
                    std::to_string(config.workers) + " workers, and max_http1_connections: " + std::to_string(config.limits.max_http1_connections) +
                    " where HTTP/1.1 is served, need " + std::to_string(needed) + " file descriptors, and this process may open " +
                    std::to_string(limit) + ": lower them, or raise the hard limit (ulimit -Hn, LimitNOFILE=)");
}

const std::vector<std::uint16_t>& Running::http2_ports() const { return state_->http2_ports; }
const std::vector<std::uint16_t>& Running::http1_ports() const { return state_->http1_ports; }

namespace {

/// Blocks the signals in every thread that is started later, so that only wait_for_end sees them.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

/// What went wrong is for the operator to mend and to signal again: the function goes on with what it had.
void reload(Running& running) {
  base::log::reopen();
  base::log::info("the log was opened again");
  try {
    running.reload();
    base::log::info("certificates and keys of TLS were read again");
  } catch (const std::exception& error) {
    base::log::error("not reloaded: {}", error.what());
  }
}

void wait_for_end(Running& running) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) reload(running);
}

/// Keys must not end in a core file, nor be read by other programs; databases and logs are for this user alone; and whether secrets of TLS are logged is for
/// the configuration to say, where libcurl would write them to whatever file the environment names.
/// Before anything is read: the configuration brings keys. And before there are other threads, which may read the environment.
void keep_to_this_user() {
  base::forbid_core_dumps();
  umask(S_IRWXG | S_IRWXO);
  (void)unsetenv("SSLKEYLOGFILE");
}

/// Adds the commands to the options of `app`; which one is named, and with what, is in `named` and `given` once it has parsed.
void add_commands(CLI::App& app, const std::vector<Command>& commands, const Command*& named, Command::Given& given) {
  for (const Command& command : commands) {
    CLI::App* const sub = app.add_subcommand(command.name, command.summary);
    sub->fallthrough();  // -c may stand behind it
    sub->callback([&command, &named] { named = &command; });
    for (const CommandOption& option : command.options) {
      const std::string& name = option.name;
      if (option.is_flag) {
        sub->add_flag_callback("--" + name, [&given, name] { given[name] = "true"; }, option.help);
      } else {
        const auto take = [&given, name](const std::string& value) { given[name] = value; };
        CLI::Option* const added = sub->add_option_function<std::string>("--" + name, take, option.help);
        if (option.is_list) added->join();
      }
    }
  }
  app.require_subcommand(0, 1);
}

}  // namespace

int main(const Program& program, int argc, char** argv, const std::function<Function(const YamlDocument&)>& read,
         const std::vector<Command>& commands) {
  std::string config_path = "/etc/first-attach/" + program.section + ".yaml";
  std::string level_name;
  bool is_check = false;
  CLI::App app(program.summary, program.name);
  app.add_option("-c,--config", config_path, "the configuration file")->capture_default_str();
  app.add_option("-e,--log-level", level_name, "trace, debug, info, warning, error, fatal or off; wins over the file's");
  app.add_flag("--check-config", is_check, "read the configuration, say what is wrong with it, and end");
  app.set_version_flag("-v,--version", program.name + " " + FIRST_ATTACH_VERSION);
  const Command* named = nullptr;
  Command::Given given;
  add_commands(app, commands, named, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    keep_to_this_user();
    if (named != nullptr) return named->run(config_path, given);
    if (!is_check) block_signals();  // before a PKCS#11 module is loaded, which may start threads of its own
    const YamlDocument document = YamlDocument::load(config_path);
    Function function = read(document);
    if (!level_name.empty() && !base::log::level_from_name(level_name, function.common.log_level)) {
      throw ConfigError("-e: " + level_name + " is none of trace, debug, info, warning, error, fatal, off");
    }
    require_descriptors(function.common, raise_descriptor_limit());
    const std::vector<std::string> warnings = document.warnings();
    if (is_check) {
      for (const std::string& warning : warnings) std::cerr << warning << '\n';
      if (!warnings.empty()) return 2;
      std::cout << config_path << ": sound\n";
      return 0;
    }
    base::log::open(program.section, function.common.log_file, function.common.log_level);
    base::log::info("{} {} starts, configuration {}", program.name, FIRST_ATTACH_VERSION, config_path);
    for (const std::string& warning : warnings) base::log::error("{}", warning);
    if (function.common.allows_debugging) {
      base::allow_debugging();
      base::log::warning("insecure_debugging: whoever is this user may read every key in this process's memory");
    }
    {
      Running running(program, function);
      wait_for_end(running);
      base::log::info("{} drains", program.name);
    }
    base::log::info("{} ended", program.name);
    return 0;
  } catch (const ConfigError& error) {
    std::cerr << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << program.name << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace service
