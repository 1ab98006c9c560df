#pragma once

#include <string>
#include <vector>

#include "ue-sim/access_network.hpp"
#include "ue-sim/home_network_key.hpp"
#include "ue-sim/secure_element.hpp"

/// Steps (3) to (10): the first attach with the dIMSI, the second one with the IMSI, the simulator being UE and AMF.
namespace ue_sim {

struct AttachRequest {
  std::string d_ausf;
  std::string ausf_ext;
  std::string device_file;
  std::string dimsi;  ///< only this one; empty: all
  std::string serving_network_name = "5G:mnc001.mcc001.3gppnetwork.org";
  std::size_t dimsi_mnc_length = 2;
  std::string home_network_key;       ///< of the D-AUSF, ID:SCHEME:FILE; empty: the dIMSI goes in the null scheme
  std::string imsi_home_network_key;  ///< of the target AUSF, for the IMSI; likewise
  std::size_t parallel = 64;
  bool is_receipt_sent = true;
  sbi::TlsFiles tls;
};

/// A step of an attach did not go as it must: which one, and why. Quotes no key.
class StepFailed : public std::runtime_error {
 public:
  StepFailed(std::string step, const std::string& what) : std::runtime_error(what), step_(std::move(step)) {}
  [[nodiscard]] const std::string& step() const noexcept { return step_; }

 private:
  std::string step_;
};

/// Throws StepFailed unless `holds`.
inline void require_step(bool holds, const char* step, const std::string& what) {
  if (!holds) throw StepFailed(step, what);
}

/// The two ends that an attach talks to, and what identities are concealed to there.
struct AttachPath {
  sbi::Uri d_ausf;
  sbi::Uri ausf_ext;
  std::string serving_network_name;
  std::size_t dimsi_mnc_length;
  std::optional<aka::HomeNetworkPublicKey> dimsi_key;
  std::optional<aka::HomeNetworkPublicKey> imsi_key;
};

/// The SUCI of the dIMSI, and of the IMSI that the device took; another one each time if there is a key to conceal it to.
/// Throws StepFailed.
std::string suci_of_dimsi(const AttachPath& path, const Device& device);
std::string suci_of_imsi(const AttachPath& path, const Device& device);

/// What the first attach showed, for those who want to prove more of it.
struct FirstAttach {
  Challenge challenge;
  std::string receipt_summary;  ///< the D-AUSF's answer to the receipt; empty if none was sent
  bool is_receipt_accepted = false;
};

/// Steps (3) to (7): RAND and AUTN of the dIMSI, as `suci` names it, from the D-AUSF, the IMSI out of them, the receipt back
/// (PROTOCOL.md, section 7.5). Throws StepFailed.
boost::asio::awaitable<FirstAttach> attach_with_dimsi(Network& network, const AttachPath& path, Device& device, std::string suci,
                                                      bool is_receipt_sent);

/// What the second attach showed: all of it true when it returns.
struct SecondAttach {
  bool was_resynchronised = false;
  bool is_by_eap = false;  ///< by EAP-AKA', else by 5G AKA
  Challenge challenge;     ///< of 5G AKA
  std::string confirmation_summary;
};

/// Steps (8) to (10): 5G AKA or EAP-AKA' at the target AUSF, as it chooses; HXRES*, the AUSF's verdict and KSEAF are
/// checked. A synchronisation failure is carried home once. `suci` names the IMSI. Throws StepFailed.
boost::asio::awaitable<SecondAttach> attach_with_imsi(Network& network, const AttachPath& path, Device& device, std::string suci);

struct AttachedDevice {
  std::string dimsi;
  std::string imsi;
  bool is_attached = false;
  bool was_dimsi_skipped = false;  ///< it had an IMSI from an earlier run
  std::string receipt;             ///< the D-AUSF's answer to the receipt; empty if none was sent
  unsigned failed_attaches = 0;    ///< with the IMSI, this one included
  bool is_back_at_dimsi = false;   ///< the IMSI is given up
  bool was_resynchronised = false;
  std::string failed_step;  ///< as `4`; empty if none
  std::string problem;
};

struct AttachReport {
  std::size_t devices = 0;
  std::size_t attached = 0;
  std::size_t resynchronised = 0;
  std::vector<AttachedDevice> shown;  ///< the first ones, and then those that failed; bounded
  double seconds = 0;

  [[nodiscard]] bool is_success() const noexcept { return devices > 0 && attached == devices; }
};

/// Attaches the devices of a file, which it writes anew with their IMSIs and sequence numbers: with the dIMSI and then the IMSI, or with
/// the IMSI alone where a device has one that it has not given up. Memory stays bounded.
/// Throws std::runtime_error for a file or an option at fault.
AttachReport attach(const AttachRequest& request);

}  // namespace ue_sim
