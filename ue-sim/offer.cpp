#include "ue-sim/offer.hpp"

#include <deque>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "ue-sim/device_file.hpp"
#include "ue-sim/files.hpp"
#include "ue-sim/progress.hpp"
#include "ue-sim/service_provider.hpp"

namespace ue_sim {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using nlohmann::json;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kInFlight = 64;
constexpr std::size_t kMaxReported = 1000;
constexpr std::size_t kImportOctets = 64 * 1024 * 1024;  ///< of one import; a longer ledger makes several
/// What an offer is for, and what comes after it. (RETIRED is over: another offer is needed.)
constexpr const char* kFinished[] = {"PRELOADED", "RECEIVED", "ATTACHED"};
const std::set<std::string> kFinal{"PRELOADED", "RECEIVED", "ATTACHED", "RETIRED", "FAILED"};

/// What the workers of one run share; all on one loop.
struct Offering {
  explicit Offering(const OfferRequest& wanted)
      : request(wanted),
        ausf_ext(sbi::Uri::parse(wanted.ausf_ext)),
        ledger(wanted.ledger_file),
        network(wanted.tls, 30s),
        progress("offered", 0) {
    if (wanted.authorization) authorizer.emplace(*wanted.authorization);
  }

  /// The next line of the ledger that is wanted, and its dIMSI.
  bool next(std::string& line, std::string& dimsi) {
    while (ledger.next(line)) {
      dimsi = dimsi_of_line(line);
      if (dimsi.empty())
        throw std::runtime_error(ledger.path() + ":" + std::to_string(ledger.number()) + ": has no dimsi");
      if (!request.dimsi.empty() && request.dimsi != dimsi) continue;
      if (authorizer) line = authorized(line);
      return true;
    }
    return false;
  }

  [[nodiscard]] std::string authorized(const std::string& line) const {
    auto offer = nlohmann::ordered_json::parse(line);
    authorizer->authorize_offer(offer);
    return offer.dump();
  }

  void finish(const std::string& dimsi, const std::string& state, const std::string& problem) {
    ++report.states[state];
    progress.step();
    if (report.devices.size() < kMaxReported) report.devices.push_back({dimsi, state, problem});
  }

  const OfferRequest& request;
  sbi::Uri ausf_ext;
  LineReader ledger;
  std::optional<OfferAuthorizer> authorizer;
  Network network;
  Progress progress;
  std::deque<std::string> unfinished;  ///< dIMSIs that were accepted and are under way
  Steady::time_point deadline;
  OfferReport report;
};

/// What is known of a device: its state, or why there is none.
void finish(Offering& offering, const std::string& dimsi, const DeviceView& view) {
  const bool is_refused = view.status < 200 || view.status > 299;
  offering.finish(dimsi, is_refused ? "REFUSED" : view.state.empty() ? "UNKNOWN" : view.state, view.problem);
}

/// One offer; a device without an answer does not end the others.
asio::awaitable<void> offer_one(Offering& offering, std::string dimsi, std::string body) {
  try {
    const DeviceView view = co_await offer_device(offering.network, offering.ausf_ext, dimsi, std::move(body));
    const bool is_under_way = view.status >= 200 && view.status <= 299 && !kFinal.contains(view.state);
    if (is_under_way) {
      offering.unfinished.push_back(dimsi);
    } else {
      finish(offering, dimsi, view);
    }
  } catch (const sbi::ClientError& error) {
    offering.finish(dimsi, "NO_ANSWER", error.what());
  }
}

asio::awaitable<void> offer_lines(Offering& offering) {
  std::string line;
  std::string dimsi;
  while (offering.next(line, dimsi)) {
    ++offering.report.offered;
    std::string body = json{{"arpfs", json::parse(line).value("arpfs", json::array())}}.dump();
    co_await offer_one(offering, dimsi, std::move(body));
  }
}

asio::awaitable<void> wait_for_devices(Offering& offering) {
  while (!offering.unfinished.empty()) {
    const std::string dimsi = offering.unfinished.front();
    offering.unfinished.pop_front();
    try {
      const DeviceView view =
          co_await wait_for_state(offering.network, offering.ausf_ext, dimsi, kFinal, offering.deadline);
      finish(offering, dimsi, view);
    } catch (const sbi::ClientError& error) {
      offering.finish(dimsi, "NO_ANSWER", error.what());
    }
  }
}

/// The next lines of the ledger, as many as one import takes.
std::string next_import(Offering& offering) {
  std::string lines;
  std::string line;
  std::string dimsi;
  while (lines.size() < kImportOctets && offering.next(line, dimsi)) {
    lines += line + "\n";
    ++offering.report.offered;
  }
  return lines;
}

asio::awaitable<void> report_problems(Offering& offering, sbi::Uri location) {
  std::string suffix = "/problems";
  const Answer answer = co_await offering.network.exchange("GET", std::move(location), std::move(suffix));
  std::istringstream lines(answer.is_success() ? answer.response.body : std::string());
  for (std::string line; std::getline(lines, line) && offering.report.devices.size() < kMaxReported;) {
    const json problem = json::parse(line, nullptr, false);
    if (!problem.is_object()) continue;
    const std::string why = problem.value("cause", "") + " " + problem.value("detail", "");
    offering.report.devices.push_back({problem.value("dimsi", ""), "FAILED", why});
  }
}

/// Asks for the import until it is DONE; its last form, or what it was when the time was up.
asio::awaitable<json> wait_for_import(Offering& offering, sbi::Uri location) {
  while (true) {
    std::string suffix;
    const Answer answer = co_await offering.network.exchange("GET", location, std::move(suffix));
    if (!answer.is_success()) throw std::runtime_error("the import: " + answer.summary());
    json state = answer.json();
    const bool is_over = state.value("state", "") == "DONE" || Steady::now() >= offering.deadline;
    if (is_over) co_return state;
    co_await Network::pause(200ms);
  }
}

asio::awaitable<void> import_lines(Offering& offering) {
  while (true) {
    std::string lines = next_import(offering);
    if (lines.empty()) co_return;
    std::string path = "/nausfext-onboarding/v1/imports";
    const auto deadline = std::chrono::milliseconds(offering.request.wait) + 60s;
    const Answer answer =
        co_await offering.network.post_lines(offering.ausf_ext, std::move(path), std::move(lines), deadline);
    const auto location = answer.response.headers.find("location");
    if (answer.status() != 202 || !location) throw std::runtime_error("the import: " + answer.summary());
    const sbi::Uri where = resolve(offering.ausf_ext, std::string(*location));
    offering.deadline = Steady::now() + offering.request.wait;
    const json state = co_await wait_for_import(offering, where);

    const auto received = state.value("received", std::size_t{0});
    const auto preloaded = state.value("preloaded", std::size_t{0});
    const auto failed = state.value("failed", std::size_t{0});
    offering.report.states["PRELOADED"] += preloaded;
    offering.report.states["FAILED"] += failed;
    const std::size_t open = received - std::min(received, preloaded + failed);
    if (open > 0) offering.report.states["RUNNING"] += open;
    offering.progress.step(received);
    if (failed > 0) co_await report_problems(offering, where);
  }
}

}  // namespace

bool OfferReport::is_success() const {
  std::size_t finished = 0;
  for (const char* state : kFinished) {
    const auto found = states.find(state);
    if (found != states.end()) finished += found->second;
  }
  return offered > 0 && finished == offered;
}

OfferReport offer(const OfferRequest& request) {
  Offering offering(request);
  if (request.is_import) {
    offering.network.run(1, 1, [&](std::size_t) { return import_lines(offering); });
  } else {
    offering.network.run(kInFlight, kInFlight, [&](std::size_t) { return offer_lines(offering); });
    offering.deadline = Steady::now() + request.wait;
    offering.network.run(kInFlight, kInFlight, [&](std::size_t) { return wait_for_devices(offering); });
  }
  if (offering.report.offered == 0) throw std::runtime_error(request.ledger_file + ": has no such device");
  offering.report.seconds = offering.progress.seconds();
  return std::move(offering.report);
}

}  // namespace ue_sim
