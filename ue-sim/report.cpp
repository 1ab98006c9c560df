#include "ue-sim/report.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace ue_sim {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxLines = 50;  ///< of devices, for people

void print_json(const ordered_json& document) {
  fmt::print("{}\n", document.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

int exit_status(bool is_success) { return is_success ? 0 : 1; }

double per_second(std::size_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

}  // namespace

int report_pki(const PkiRequest& request, bool is_json) {
  const auto files = make_pki(request);
  if (is_json) {
    print_json({{"directory", request.directory}, {"curve", crypto::name(request.curve)}, {"files", files}});
    return 0;
  }
  fmt::print("{} files in {}, profile keys on {}\n", files.size(), request.directory, crypto::name(request.curve));
  for (const std::string& file : files) fmt::print("  {}\n", file);
  return 0;
}

int report_personalise(const PersonaliseRequest& request, bool is_json) {
  const Personalised done = personalise(request);
  if (is_json) {
    print_json({{"devices", done.devices},
                {"firstDimsi", request.first_dimsi},
                {"arpfKeyId", done.arpf_key_id},
                {"deviceFile", request.device_file},
                {"ledger", request.ledger_file},
                {"seconds", done.seconds}});
    return 0;
  }
  fmt::print("0-a  CERT.ARPF.ECKA {} verifies under the CI\n", done.arpf_key_id);
  fmt::print("0-b  {} dIMSIs from {} on\n", done.devices, request.first_dimsi);
  fmt::print("0-c  eK and token of each: {} (holds eK: mode 0600), {}\n", request.device_file, request.ledger_file);
  fmt::print("{:.1f} s, {:.0f} devices a second\n", done.seconds, per_second(done.devices, done.seconds));
  return 0;
}

int report_offer(const OfferRequest& request, bool is_json) {
  const OfferReport done = offer(request);
  if (is_json) {
    ordered_json devices = ordered_json::array();
    for (const auto& device : done.devices) {
      devices.push_back({{"dimsi", device.dimsi}, {"state", device.state}});
      if (!device.problem.empty()) devices.back()["problem"] = device.problem;
    }
    print_json({{"offered", done.offered}, {"states", done.states}, {"devices", devices}, {"seconds", done.seconds}});
    return exit_status(done.is_success());
  }
  std::size_t lines = 0;
  for (const auto& device : done.devices) {
    if (++lines > kMaxLines) break;
    fmt::print("{}  {}  {}\n", device.dimsi, device.state, device.problem);
  }
  fmt::print("{} offered", done.offered);
  for (const auto& [state, count] : done.states) fmt::print(", {} {}", count, state);
  fmt::print(", {:.1f} s, {:.0f} a second\n", done.seconds, per_second(done.offered, done.seconds));
  return exit_status(done.is_success());
}

int report_attach(const AttachRequest& request, bool is_json) {
  const AttachReport done = attach(request);
  if (is_json) {
    ordered_json devices = ordered_json::array();
    for (const auto& device : done.shown) {
      devices.push_back({{"dimsi", device.dimsi},
                         {"imsi", device.imsi},
                         {"attached", device.is_attached},
                         {"dimsiSkipped", device.was_dimsi_skipped},
                         {"failedAttaches", device.failed_attaches},
                         {"backAtDimsi", device.is_back_at_dimsi}});
      if (!device.receipt.empty()) devices.back()["receipt"] = device.receipt;
      if (device.is_attached) continue;
      devices.back()["failedStep"] = device.failed_step;
      devices.back()["problem"] = device.problem;
    }
    print_json({{"devices", done.devices},
                {"attached", done.attached},
                {"resynchronised", done.resynchronised},
                {"shown", devices},
                {"seconds", done.seconds}});
    return exit_status(done.is_success());
  }
  std::size_t lines = 0;
  for (const auto& device : done.shown) {
    if (device.is_attached && ++lines > kMaxLines) continue;
    const std::string how =
        device.is_attached ? "attached" : "failed at step " + device.failed_step + ": " + device.problem;
    fmt::print("{}  {}  {}{}{}\n", device.dimsi, device.imsi.empty() ? "no IMSI" : device.imsi, how,
               device.was_resynchronised ? ", resynchronised" : "", device.is_back_at_dimsi ? ", back at its dIMSI" : "");
  }
  fmt::print("{} of {} attached, {} resynchronised, {:.1f} s, {:.0f} a second\n", done.attached, done.devices,
             done.resynchronised, done.seconds, per_second(done.devices, done.seconds));
  return exit_status(done.is_success());
}

namespace {

void print_ladder(const std::vector<LadderLine>& ladder) {
  for (const LadderLine& line : ladder) {
    fmt::print("{:<4} {:>16} -> {:<16}  {}  [{}]\n", line.step, line.from, line.to, line.message, line.status);
    for (const std::string& claim : line.proved) fmt::print("{:<43}proved: {}\n", "", claim);
  }
}

ordered_json to_json(const DemoReport& report) {
  ordered_json ladder = ordered_json::array();
  for (const LadderLine& line : report.ladder) {
    ladder.push_back({{"step", line.step},
                      {"from", line.from},
                      {"to", line.to},
                      {"message", line.message},
                      {"status", line.status},
                      {"proved", line.proved}});
  }
  ordered_json devices = ordered_json::array();
  for (const DemoDevice& device : report.devices) {
    devices.push_back({{"dimsi", device.dimsi}, {"imsi", device.imsi}, {"proofs", device.proofs}});
    if (device.failed_step.empty()) continue;
    devices.back()["failedStep"] = device.failed_step;
    devices.back()["problem"] = device.problem;
  }
  return {{"success", report.failures() == 0}, {"proofs", report.proofs()}, {"failures", report.failures()},
          {"seconds", report.seconds},         {"ladder", ladder},          {"devices", devices}};
}

}  // namespace

int report_demo(const DemoRequest& request, bool is_json) {
  const DemoReport report = demonstrate(request);
  const bool is_success = report.failures() == 0;
  if (is_json) {
    print_json(to_json(report));
    return exit_status(is_success);
  }
  print_ladder(report.ladder);
  std::size_t lines = 0;
  for (const DemoDevice& device : report.devices) {
    if (device.failed_step.empty() && ++lines > kMaxLines) continue;
    const std::string how =
        device.failed_step.empty() ? "all held" : "FAILED at step " + device.failed_step + ": " + device.problem;
    fmt::print("{}  {}  {} proofs, {}\n", device.dimsi, device.imsi.empty() ? "no IMSI" : device.imsi, device.proofs,
               how);
  }
  fmt::print("{} of {} devices, {} proofs held, {} failed, {:.1f} s\n", report.devices.size() - report.failures(),
             report.devices.size(), report.proofs(), report.failures(), report.seconds);
  return exit_status(is_success);
}

}  // namespace ue_sim
