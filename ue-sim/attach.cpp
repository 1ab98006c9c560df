#include "ue-sim/attach.hpp"

#include "lib/aka/serving_network_name.hpp"
#include "lib/aka/supi_or_suci.hpp"
#include "ue-sim/attach_eap.hpp"
#include "ue-sim/device_file.hpp"
#include "ue-sim/files.hpp"
#include "ue-sim/progress.hpp"

namespace ue_sim {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::size_t kBatchDevices = 4096;  ///< in memory at a time
constexpr std::size_t kMaxShown = 1000;

std::string suci_at(const char* step, const profile::Imsi& imsi, std::size_t mnc_length,
                    const std::optional<aka::HomeNetworkPublicKey>& key) {
  try {
    return suci_of(imsi, mnc_length, key);
  } catch (const std::runtime_error& error) {
    throw StepFailed(step, error.what());
  }
}

/// The UE's answer to the challenge; throws StepFailed for all but an answer and a synchronisation failure.
ChallengeAnswer answer_of_ue(Device& device, const Challenge& challenge, const std::string& serving_network_name) {
  auto answer = answer_challenge(device, challenge.rand, challenge.autn, serving_network_name);
  require_step(!std::holds_alternative<NoSeparationBit>(answer), "9",
               "the AUTN has no AMF separation bit: the ME refuses it");
  require_step(!std::holds_alternative<aka::MacFailure>(answer), "9", "MAC failure: the AUTN is not the home network's");
  return answer;
}

}  // namespace

std::string suci_of_dimsi(const AttachPath& path, const Device& device) {
  return suci_at("3", device.dimsi.imsi(), path.dimsi_mnc_length, path.dimsi_key);
}

std::string suci_of_imsi(const AttachPath& path, const Device& device) {
  require_step(device.subscription.has_value(), "8", "the device has no IMSI");
  return suci_at("8", device.subscription->imsi, device.subscription->mnc_length, path.imsi_key);
}

asio::awaitable<FirstAttach> attach_with_dimsi(Network& network, const AttachPath& path, Device& device, std::string suci,
                                               bool is_receipt_sent) {
  const ChallengeResult served =
      co_await authenticate(network, path.d_ausf, suci, path.serving_network_name, std::nullopt);
  require_step(served.challenge.has_value(), "4", "the D-AUSF does not serve the dIMSI: " + served.summary);
  FirstAttach done;
  done.challenge = *served.challenge;
  const auto receipt = take_imsi(device, done.challenge.rand, done.challenge.autn);
  require_step(receipt.has_value(), "7", "AUTN is not the one that eK gives: the SE does not believe RAND");
  if (!is_receipt_sent) co_return done;

  Resynchronisation resynchronisation;
  resynchronisation.rand = done.challenge.rand;
  std::ranges::copy(receipt->reveal(), resynchronisation.auts.begin());
  const ChallengeResult answer =
      co_await authenticate(network, path.d_ausf, suci, path.serving_network_name, resynchronisation);
  done.receipt_summary = answer.summary;
  done.is_receipt_accepted =
      answer.status >= 500;  // 504 as it comes, or what the D-AUSF is configured to answer instead
  co_return done;
}

asio::awaitable<SecondAttach> attach_with_imsi(Network& network, const AttachPath& path, Device& device, std::string suci) {
  SecondAttach done;
  ChallengeResult served =
      co_await authenticate(network, path.ausf_ext, suci, path.serving_network_name, std::nullopt);
  if (served.eap) {
    SecondAttach by_eap = co_await attach_with_eap(network, path, device, std::move(*served.eap));
    co_return std::move(by_eap);
  }
  require_step(served.challenge.has_value(), "9", "the target AUSF does not know the IMSI: " + served.summary);
  ChallengeAnswer answer = answer_of_ue(device, *served.challenge, path.serving_network_name);
  if (const auto* out_of_step = std::get_if<aka::SynchronisationFailure>(&answer)) {
    Resynchronisation resynchronisation;
    resynchronisation.rand = served.challenge->rand;
    resynchronisation.auts = out_of_step->auts;
    served = co_await authenticate(network, path.ausf_ext, suci, path.serving_network_name, resynchronisation);
    require_step(served.challenge.has_value(), "9", "no challenge after the resynchronisation: " + served.summary);
    answer = answer_of_ue(device, *served.challenge, path.serving_network_name);
    done.was_resynchronised = true;
  }
  auto* ue = std::get_if<UeAnswer>(&answer);
  require_step(ue != nullptr, "9", "synchronisation failure again, after the resynchronisation");
  done.challenge = *served.challenge;
  require_step(matches(done.challenge, ue->res_star), "9", "HRES* of the UE's RES* is not HXRES*");

  const Confirmation confirmation = co_await confirm(network, done.challenge.confirmation, ue->res_star);
  done.confirmation_summary = confirmation.summary + " " + confirmation.result;
  require_step(confirmation.status == 200 && confirmation.result == "AUTHENTICATION_SUCCESS", "9",
               "RES* is not confirmed: " + done.confirmation_summary);
  require_step(confirmation.supi == aka::to_supi(device.subscription->imsi), "10",
               "the SUPI in the answer is not the UE's IMSI");
  const bool is_equal = confirmation.kseaf && *confirmation.kseaf == ue->kseaf;
  require_step(is_equal, "10", "KSEAF of the network is not the UE's");
  co_return done;
}

namespace {

/// What the SE makes of an attach with the IMSI: after the third failure in a row it is back at its dIMSI.
void note_outcome(Device& device, AttachedDevice& shown) {
  if (shown.imsi.empty()) return;  // it got no further than the dIMSI
  shown.is_attached ? note_attached(device) : note_failed_attach(device);
  shown.failed_attaches = device.subscription->failed_attaches;
  shown.is_back_at_dimsi = !device.uses_imsi();
}

asio::awaitable<void> attach_one(Network& network, const AttachPath& path, bool is_receipt_sent, Device& device,
                                 AttachedDevice& shown) {
  shown.dimsi = device.dimsi.digits();
  shown.was_dimsi_skipped = device.uses_imsi();
  try {
    if (!shown.was_dimsi_skipped) {
      std::string dimsi = suci_of_dimsi(path, device);
      const FirstAttach first = co_await attach_with_dimsi(network, path, device, std::move(dimsi), is_receipt_sent);
      shown.receipt = first.receipt_summary;
    }
    shown.imsi = device.subscription->imsi.digits();
    std::string imsi = suci_of_imsi(path, device);
    const SecondAttach second = co_await attach_with_imsi(network, path, device, std::move(imsi));
    shown.was_resynchronised = second.was_resynchronised;
    shown.is_attached = true;
  } catch (const StepFailed& error) {
    shown.failed_step = error.step();
    shown.problem = error.what();
  } catch (const std::exception& error) {
    shown.failed_step = shown.imsi.empty() ? "4" : "9";
    shown.problem = error.what();
  }
  note_outcome(device, shown);
}

/// Reads, attaches and writes a batch at a time.
class FileAttach {
 public:
  explicit FileAttach(const AttachRequest& request)
      : request_(request),
        path_{sbi::Uri::parse(request.d_ausf), sbi::Uri::parse(request.ausf_ext), request.serving_network_name,
              request.dimsi_mnc_length, read_home_network_key(request.home_network_key),
              read_home_network_key(request.imsi_home_network_key)},
        network_(request.tls, 30s),
        reader_(request.device_file),
        writer_(request.device_file, kSecretMode),
        progress_("attached", 0) {}

  AttachReport run() {
    while (read_batch()) {
      attach_batch();
      for (const Device& device : devices_) writer_.write(to_line(device));
    }
    writer_.commit();
    report_.seconds = progress_.seconds();
    return std::move(report_);
  }

 private:
  /// Fills the batch; devices that are not asked for go straight to the new file. False at the end.
  bool read_batch() {
    devices_.clear();
    std::string line;
    while (devices_.size() < kBatchDevices && reader_.next(line)) {
      if (!request_.dimsi.empty() && dimsi_of_line(line) != request_.dimsi) {
        writer_.write(line + "\n");
        continue;
      }
      devices_.push_back(read_device(line));
    }
    return !devices_.empty();
  }

  [[nodiscard]] Device read_device(const std::string& line) const {
    try {
      return device_from_line(line);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(reader_.path() + ":" + std::to_string(reader_.number()) + ": " + error.what());
    }
  }

  void attach_batch() {
    std::vector<AttachedDevice> shown(devices_.size());
    network_.run(devices_.size(), request_.parallel, [&](std::size_t i) {
      progress_.step();
      return attach_one(network_, path_, request_.is_receipt_sent, devices_[i], shown[i]);
    });
    for (AttachedDevice& device : shown) note(std::move(device));
  }

  void note(AttachedDevice device) {
    ++report_.devices;
    report_.attached += device.is_attached ? 1 : 0;
    report_.resynchronised += device.was_resynchronised ? 1 : 0;
    const std::size_t limit = device.is_attached ? kMaxShown / 2 : kMaxShown;  // room for those that fail later
    if (report_.shown.size() < limit) report_.shown.push_back(std::move(device));
  }

  const AttachRequest& request_;
  AttachPath path_;
  Network network_;
  LineReader reader_;
  AtomicFile writer_;
  Progress progress_;
  std::vector<Device> devices_;
  AttachReport report_;
};

}  // namespace

AttachReport attach(const AttachRequest& request) {
  if (!aka::is_serving_network_name(request.serving_network_name)) {
    throw std::runtime_error("the serving network name is not of the form 5G:mnc001.mcc001.3gppnetwork.org");
  }
  AttachReport report = FileAttach(request).run();
  if (report.devices == 0) throw std::runtime_error(request.device_file + ": has no such device");
  return report;
}

}  // namespace ue_sim
