#include "ue-sim/rsmf.hpp"

#include <fmt/core.h>
#include <pthread.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "lib/base/log.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/problem.hpp"
#include "lib/sbi/uri.hpp"
#include "ue-sim/network.hpp"

namespace ue_sim {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::size_t kMaxRetiring = 64;
constexpr int kRetireTries = 30;

const service::Program kProgram{"ue-sim rsmf", "rsmf", "RSMF", "A Remote SIM Management Function for labs"};

}  // namespace

void read_address(const std::string& text, RsmfRequest& request) {
  try {
    const sbi::Uri uri = sbi::Uri::parse("http://" + text);
    if (!uri.path.empty() || !text.ends_with(":" + uri.port)) throw std::invalid_argument("has no port");
    request.address = uri.host;
    request.port = static_cast<std::uint16_t>(std::stoul(uri.port));
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error("--listen " + text + ": is not ADDRESS:PORT: " + error.what());
  }
}

Rsmf::Rsmf(const RsmfRequest& request, service::Worker& worker) : request_(request), worker_(worker) {}

void Rsmf::add_routes(sbi::Router& router) {
  router.add("POST", "/notifications", sbi::BodyKind::json,
             sbi::PlainHandler([this](const sbi::Request& request) { return take(request); }));
  router.add("GET", "/notifications", sbi::BodyKind::none,
             sbi::PlainHandler([this](const sbi::Request& request) { return list(request); }));
}

/// A line on stdout.
void Rsmf::say(const std::string& dimsi, const char* event, const std::string& text) const {
  const nlohmann::ordered_json line{{"dimsi", dimsi}, {event, text}};
  fmt::print("{}\n", request_.is_json ? line.dump() : dimsi + " " + event + ": " + text);
  std::fflush(stdout);
}

/// POST /notifications, by the target AUSF.
sbi::Response Rsmf::take(const sbi::Request& request) {
  const nlohmann::json body = sbi::parse_json(request.body);
  const sbi::JsonObject object(body);
  notifications_.push_back({object.text("dimsi"), object.text("imsi"),
                            object.optional_text("servingNetworkName").value_or(""),
                            object.optional_text("at").value_or("")});
  if (notifications_.size() > kMaxNotifications) notifications_.pop_front();
  const Notification& taken = notifications_.back();
  say(taken.dimsi, "imsi", taken.imsi);
  if (request_.is_retiring) {
    to_retire_.push_back(taken.dimsi);
    retire_next();
  }
  return sbi::Response(204);
}

/// GET /notifications, `?dimsi=` for those of one device.
sbi::Response Rsmf::list(const sbi::Request& request) const {
  const auto dimsi = request.query("dimsi");
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Notification& taken : notifications_) {
    if (dimsi && *dimsi != taken.dimsi) continue;
    out.push_back({{"dimsi", taken.dimsi},
                   {"imsi", taken.imsi},
                   {"servingNetworkName", taken.serving_network_name},
                   {"at", taken.at}});
  }
  return {200, sbi::kJson, out.dump()};
}

/// Begins as many as may be under way at once.
void Rsmf::retire_next() {
  while (retiring_ < kMaxRetiring && !to_retire_.empty()) {
    ++retiring_;
    asio::co_spawn(worker_.loop, retire(*this, to_retire_.front()), asio::detached);
    to_retire_.pop_front();
  }
}

asio::awaitable<void> Rsmf::retire(Rsmf& self, std::string dimsi) {
  const sbi::Uri ausf_ext = sbi::Uri::parse(self.request_.ausf_ext);
  std::string said = "no answer";
  for (int i = 0; i < kRetireTries; ++i) {
    try {
      const std::string suffix = "/nausfext-onboarding/v1/devices/" + dimsi + "/retire";
      sbi::Request request = sbi::make_request("POST", ausf_ext, suffix);
      sbi::Response response = co_await self.worker_.client.send(ausf_ext, std::move(request), 10s);
      const Answer answer(std::move(response));
      said = answer.summary();
      if (answer.is_success() || answer.status() == 404) break;
    } catch (const sbi::ClientError& error) {
      said = error.what();
    }
    co_await Network::pause(1s);
  }
  self.say(dimsi, "retire", said);
  --self.retiring_;
  self.retire_next();
}

/// A lab's RSMF asks for no role; with TLS it turns away whom its CA does not vouch for.
constexpr std::array kAccessRules{service::AccessRule{"POST", "/notifications", {}}, service::AccessRule{"GET", "/notifications", {}}};

service::Function make_rsmf(const RsmfRequest& request) {
  service::Function function;
  function.rules = kAccessRules;
  service::Listener listener;
  listener.address = request.address;
  listener.port = request.port;
  if (request.server_tls.certificate.empty()) {
    function.common.http1.push_back(listener);
  } else {
    listener.tls = request.server_tls;
    function.common.http2.push_back(listener);
  }
  if (!request.tls.ca.empty()) function.common.client_tls = request.tls;
  function.build = [&request](service::Worker& worker) {
    const auto rsmf = std::make_shared<Rsmf>(request, worker);
    rsmf->add_routes(worker.router);
    return rsmf;
  };
  return function;
}

void require_safe_listener(const RsmfRequest& request) {
  const bool may_be_in_clear = sbi::is_loopback_address(request.address) || request.may_be_in_clear;
  if (may_be_in_clear || !request.server_tls.certificate.empty()) return;
  throw std::runtime_error("--listen " + request.address + " is beyond loopback, where whoever asks reads dIMSIs with their IMSIs: "
                           "give --server-certificate and --server-ca, or say --insecure-beyond-loopback");
}

void run_rsmf(const RsmfRequest& request) {
  require_safe_listener(request);
  if (request.is_retiring) sbi::Uri::parse(request.ausf_ext);  // throws now, not with the first notification
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // in every thread: only sigwait sees them
  std::signal(SIGPIPE, SIG_IGN);
  base::log::open("rsmf", "", base::log::Level::warning);  // stdout is for the notifications
  const service::Running running(kProgram, make_rsmf(request));
  const bool is_clear = running.http2_ports().empty();
  const std::uint16_t port = is_clear ? running.http1_ports().front() : running.http2_ports().front();
  fmt::print(stderr, "listening at {}://{}:{}/notifications\n", is_clear ? "http" : "https", request.address, port);
  int signal = 0;
  sigwait(&signals, &signal);
}

}  // namespace ue_sim
