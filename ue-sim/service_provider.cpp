#include "ue-sim/service_provider.hpp"

#include <nlohmann/json.hpp>

namespace ue_sim {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kDevices = "/nausfext-onboarding/v1/devices/";

/// Pauses between two looks: short at first, for most are done at once.
class GrowingPause {
 public:
  std::chrono::milliseconds next() {
    const auto now = pause_;
    pause_ = std::min(pause_ * 3 / 2, std::chrono::milliseconds(500));
    return now;
  }

 private:
  std::chrono::milliseconds pause_ = 10ms;
};

/// The text of a member; empty if it is absent or none.
std::string text_of(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::string problem_of(const json& device) {
  const auto problem = device.find("problem");
  if (problem == device.end() || !problem->is_object()) return {};
  const std::string cause = text_of(*problem, "cause");
  const std::string detail = text_of(*problem, "detail");
  return cause + (detail.empty() ? "" : " (" + detail + ")");
}

crypto::Certificate choose_certificate(const json& list, const crypto::Certificate& issuer) {
  std::string faults;
  for (const json& item : list) {
    if (!item.is_object() || text_of(item, "usage") != "ECKA") continue;
    const auto der = base::from_base64(text_of(item, "certificate"));
    if (!der) throw std::runtime_error("the ARPF's certificate is not base64");
    auto certificate = crypto::Certificate::from_der(*der);
    const std::string fault = fault_of_agreement_certificate(certificate, issuer, base::system_now());
    if (fault.empty()) return certificate;
    faults += (faults.empty() ? "" : "; ") + fault;
  }
  throw std::runtime_error(faults.empty() ? "the ARPF publishes no ECKA certificate"
                                          : "no CERT.ARPF.ECKA verifies under the CI: " + faults);
}

}  // namespace

asio::awaitable<crypto::Certificate> fetch_agreement_certificate(Network& network, sbi::Uri arpf,
                                                                 crypto::Certificate issuer) {
  std::string path = "/narpf-certificates/v1/certificates";
  const Answer answer = co_await network.exchange("GET", std::move(arpf), std::move(path));
  if (answer.status() != 200) throw std::runtime_error("the ARPF's certificates: " + answer.summary());
  const json list = answer.json();
  if (!list.is_array()) throw std::runtime_error("the ARPF's certificates: the answer is no list");
  co_return choose_certificate(list, issuer);
}

nlohmann::ordered_json se_credentials(const Device& device, const PartNumber& part_number) {
  return {{"token", base::to_base64(device.token)},
          {"seCertificate", base::to_base64(device.se_certificate)},
          {"pnCertificate", base::to_base64(part_number.certificate.der())},
          {"ciCertificate", base::to_base64(part_number.issuer.der())}};
}

nlohmann::ordered_json to_offer(const Device& device, const PartNumber& part_number, const std::string& arpf_uri) {
  const nlohmann::ordered_json arpf{{"uri", arpf_uri}, {"seCredentials", se_credentials(device, part_number)}};
  return {{"dimsi", device.dimsi.digits()}, {"arpfs", nlohmann::ordered_json::array({arpf})}};
}

bool DeviceView::has_been(const std::string& wanted) const {
  const auto is_wanted = [&](const auto& entry) { return entry.first == wanted; };
  return state == wanted || std::any_of(history.begin(), history.end(), is_wanted);
}

DeviceView read_device_view(const Answer& answer) {
  DeviceView view;
  view.status = answer.status();
  if (!answer.is_success()) {
    view.problem = answer.summary();
    return view;
  }
  if (answer.response.body.empty()) return view;  // an offer may be accepted without a word
  const json device = answer.json();
  if (!device.is_object()) return view;
  view.state = text_of(device, "state");
  view.imsi = text_of(device, "imsi");
  view.problem = problem_of(device);
  const auto history = device.find("history");
  if (history == device.end() || !history->is_array()) return view;
  for (const json& entry : *history) {
    if (entry.is_object()) view.history.emplace_back(text_of(entry, "state"), text_of(entry, "at"));
  }
  return view;
}

asio::awaitable<DeviceView> offer_device(Network& network, sbi::Uri ausf_ext, std::string dimsi, std::string body) {
  std::string path = kDevices + dimsi;
  const Answer answer = co_await network.exchange("PUT", std::move(ausf_ext), std::move(path), std::move(body));
  co_return read_device_view(answer);
}

asio::awaitable<DeviceView> get_device(Network& network, sbi::Uri ausf_ext, std::string dimsi) {
  std::string path = kDevices + dimsi;
  const Answer answer = co_await network.exchange("GET", std::move(ausf_ext), std::move(path));
  co_return read_device_view(answer);
}

asio::awaitable<DeviceView> wait_for_state(Network& network, sbi::Uri ausf_ext, std::string dimsi,
                                           std::set<std::string> states,
                                           std::chrono::steady_clock::time_point deadline) {
  GrowingPause pause;
  const auto is_reached = [](const DeviceView& view, const std::set<std::string>& wanted) {
    return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& state) { return view.has_been(state); });
  };
  while (true) {
    DeviceView view = co_await get_device(network, ausf_ext, dimsi);
    const bool is_over = is_reached(view, states) || std::chrono::steady_clock::now() >= deadline;
    if (is_over) co_return view;
    const auto time = pause.next();
    co_await Network::pause(time);
  }
}

asio::awaitable<Answer> retire_device(Network& network, sbi::Uri ausf_ext, std::string dimsi) {
  std::string path = kDevices + dimsi + "/retire";
  Answer answer = co_await network.exchange("POST", std::move(ausf_ext), std::move(path));
  co_return answer;
}

}  // namespace ue_sim
